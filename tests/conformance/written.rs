//! Generated markup: parsed, rendered and parsed again it is the same tree.

use crate::dump::dump;
use proptest::prelude::*;
use sapwood::parse::{Budget, parse_document};
use sapwood::render::{RenderOptions, render_document};

/// Markup of which every tree can be written. A table is there as a whole: by way of one
/// that is open a link, a button, an input come to be where no tag can put them. So does
/// a heading by way of formatting; there is none.
fn writable() -> impl Strategy<Value = String> {
    let tags = "div b i ul li select option textarea title style svg math noscript template pre \
                listing br input foreignObject mi g button";
    let tags: Vec<&str> = tags.split_whitespace().collect();
    let tag = prop::sample::select(tags);
    let texts = vec![
        "x",
        "\n",
        "\n\n",
        " ",
        "&amp;lt;",
        "&nbsp;",
        "é",
        "<!-- - -->",
        "<!---->",
        "<!-- a -- b -->",
        "<!>",
        "<?x>",
        "&#13;",
        "\"",
        "'",
        "</style",
        "<script>a</script>",
        "<![CDATA[<]]>",
        "<script><!-- <script> </script> --></script>",
        "<xmp></xm</xmp>",
        "<table><caption>c<tr><td>1<td>2<tfoot></table>",
        "<iframe>&amp;</iframe>",
    ];
    let piece = prop_oneof![
        3 => prop::sample::select(texts).prop_map(str::to_owned),
        3 => tag.clone().prop_map(|tag| format!("<{tag}>")),
        2 => tag.clone().prop_map(|tag| format!("</{tag}>")),
        1 => tag.prop_map(|tag| {
            format!("<{tag} a=\"&quot;'&lt;\n\" viewbox='&amp;amp;\"' xlink:href=d/ f A>")
        }),
    ];
    let pieces = prop::collection::vec(piece, 0..24);
    pieces.prop_map(|pieces| format!("<!DOCTYPE html>{}", pieces.concat()))
}

proptest! {
    #[test]
    fn what_is_rendered_and_parsed_again_is_the_same(html in writable()) {
        let tree = parse_document(&html, &Budget::default()).expect("the text is short");
        let again = render_document(&tree, RenderOptions::default());
        let parsed = parse_document(&again, &Budget::default()).expect("the text is short");
        prop_assert_eq!(dump(&tree), dump(&parsed), "{:?} then {:?}", html, again);
    }
}
