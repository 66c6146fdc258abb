//! What selectors find, what they refuse, and what a query may cost.

use sapwood::apply::apply_foreign;
use sapwood::node::{Kind, NodeId};
use sapwood::parse::{Budget, parse_document};
use sapwood::select::Selector;
use sapwood::tree::{ROOT, Tree};

const PAGE: &str = "<ul id=list class='a B'><li id=one>1<li id=two class=a>2<li id=three data-x=Y>3</ul>\
     <form id=form><input id=on type=checkbox checked><input id=off disabled><a id=link href=#>x</a></form>\
     <svg id=svg><linearGradient id=gradient></linearGradient><a id=drawn xlink:href=#></a></svg>\
     <template id=t><p id=hidden></p></template><x-own id=own></x-own>";

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn parsed(html: &str) -> Tree {
    parse_document(html, &Budget::default()).expect("within the budget")
}

/// Finds *text* in *html* in every way there is, and compares the ids.
fn check_in(html: &str, text: &str, ids: &str) {
    let tree = parsed(html);
    let selector = selector(text);
    let id_of = |&id: &NodeId| tree.attribute(id, "id");
    let all = selector.all(&tree, ROOT);
    let found: Vec<&str> = all.iter().filter_map(id_of).collect();
    assert_eq!(found.join(" "), ids, "{text}");
    assert_eq!(selector.first(&tree, ROOT), all.first().copied(), "{text}");
    for id in tree.preorder(ROOT).filter(|&id| tree.kind(id).is_element()) {
        let is_found = all.contains(&id) || tree.attribute(id, "id") == Some("hidden");
        assert_eq!(selector.matches(&tree, id) || is_found, is_found, "{text}");
        let nearest = selector.closest(&tree, id);
        let above = std::iter::successors(Some(id), |&id| tree.node(id).parent.some());
        let elements = above.take_while(|&id| tree.kind(id).is_element());
        // `:scope` is another one for each.
        if !text.contains(":scope") {
            let expected = elements.into_iter().find(|&id| selector.matches(&tree, id));
            assert_eq!(nearest, expected, "{text}");
        }
    }
}

fn check(text: &str, ids: &str) {
    check_in(PAGE, text, ids);
}

#[test]
fn selectors_find_what_css_says() {
    check("#two", "two");
    check("li", "one two three");
    check("LI", "one two three");
    check(".a", "list two");
    check(".b", "");
    check("ul > li:nth-child(2n+1)", "one three");
    check("li:not(.a)", "one three");
    check("ul:has(> .a)", "list");
    check(":is(#one, #three) ", "one three");
    check("li + li", "two three");
    check("li ~ li:last-child", "three");
    check("#one ~ *", "two three");
    check("body li.a", "two");
    check("ul li, ul, #own", "list one two three own");
    check("li:last-child", "three");
    check("li:only-child", "");
    check("#list #three", "three");
    check("#two #three", "");
    check("#missing", "");
    check("nothing, .at-all", "");
    check("x-own", "own");
    check("html:root > body > ul", "list");
    check("li:where(.a, #three)", "two three");
    check("p:empty, x-own:empty, li:empty", "own");
    check("li:first-of-type, input:last-of-type", "one off");
    check("\\#two, #\\74wo", "two");
    check("li:nth-last-child(-n+2)", "two three");
    check("li:nth-child(1 of :not(#one))", "two");
    check(":nth-last-child(2 of li)", "two");
    check("ul:has(~ form)", "list");
    check("ul:has(+ form a)", "list");
    check("ul:has(+ svg)", "");
    check("li:has(+ .a)", "one");
    check("li:has(~ #three)", "one two");
}

#[test]
fn attributes_are_compared_as_html_says() {
    check("[data-x=Y]", "three");
    check("[data-x=y]", "");
    check("[data-x=y i]", "three");
    check("[DATA-X]", "three");
    check("[type=CHECKBOX]", "on");
    check("[type=CHECKBOX s]", "");
    check("[class~=B]", "list");
    check("[class^=a], [class$=B]", "list two");
    check("[class*=' ']", "list");
    check("[data-x|=Y]", "three");
    check("[data-x='']", "");
    check("[*|href]", "link drawn");
    check("[|href]", "link");
}

#[test]
fn names_have_case_where_svg_has() {
    check("linearGradient", "gradient");
    check("svg > lineargradient", "");
    check("*|a", "link drawn");
    check("|a", "");
}

#[test]
fn a_list_in_is_forgives_and_others_do_not() {
    check("li:is(.a, [, ::before)", "two");
    check("li:is(.a, :hover, ::before)", "two");
    check("li:where(:focus, #one)", "one");
    check("li:is()", "");
    assert!(Selector::parse("li:not(:hover)").is_err());
    assert!(Selector::parse("li:has(:hover)").is_err());
    assert!(Selector::parse(".a, :hover").is_err());
}

#[test]
fn a_template_hides_what_it_holds_from_outside() {
    check("#hidden", "");
    check("template *", "");
    let tree = parsed(PAGE);
    let template = selector("#t").first(&tree, ROOT).expect("there");
    for text in ["p", "#hidden", "template > p"] {
        assert_eq!(selector(text).all(&tree, template).len(), 1, "{text}");
    }
    assert_eq!(selector("#t #hidden").all(&tree, ROOT), []);
}

#[test]
fn a_template_holds_nothing_that_is_below_it_or_around_it() {
    let html = "<div id=a><template id=b><i id=hidden><b></b></i></template></div><p id=c></p>";
    check_in(html, "[id]:has(b)", "");
    check_in(html, "[id]:has(i b)", "");
    check_in(html, "[id]:has(> template)", "a");
    check_in(html, "[id]:empty", "b c");
    let tree = parsed(html);
    let template = selector("template").first(&tree, ROOT).expect("there");
    for text in ["i:has(b)", "i:has(:is(i b))", "i:not(:has(+ i))"] {
        assert_eq!(selector(text).all(&tree, template).len(), 1, "{text}");
    }
}

#[test]
fn a_class_has_no_white_space() {
    let html = "<p id=x class='a b'></p><p id=y class='a'></p>";
    check_in(html, ".a\\ b", "");
    check_in(html, ".a\\ ", "");
    check_in(html, "p:not(.a\\9 b)", "x y");
}

#[test]
fn links_and_ticked_boxes_are_known() {
    check("a:link", "link drawn");
    check(":any-link", "link drawn");
    check("input:checked, input:disabled", "on off");
    check("input:enabled", "on");
}

#[test]
fn what_is_in_a_disabled_fieldset_is_disabled_but_for_its_first_legend() {
    let html = "<fieldset id=set disabled><p><input id=none></p><legend><input id=first></legend>\
        <legend><input id=second></legend><fieldset id=inner><legend><button id=deep></button>\
        </legend></fieldset></fieldset><fieldset id=free><input id=alone></fieldset>\
        <select id=list disabled><optgroup id=group disabled><option id=grouped></optgroup>\
        <option id=option></select>";
    check_in(
        html,
        ":disabled",
        "set none second inner deep list group grouped",
    );
    check_in(html, ":enabled", "first free alone option");
}

#[test]
fn options_are_checked_as_a_list_would_show_them() {
    let html = "<select><option id=a disabled><option id=b><option id=c></select>\
        <select><option id=d selected><option id=e selected></select>\
        <select multiple><option id=f selected><option id=g selected><option id=h></select>\
        <select size=3><option id=i></select>";
    check_in(html, "option:checked", "b e f g");
    let mut tree = parsed(html);
    let lists = selector("select").all(&tree, ROOT);
    for (list, id, live) in [(0, "c", "\"3\""), (2, "h", "[\"3\"]")] {
        let option = selector(&format!("#{id}"))
            .first(&tree, ROOT)
            .expect("there");
        tree.set_attribute(option, "value", "3").expect("room");
        tree.set_attribute(lists[list], ".value", live)
            .expect("room");
    }
    let checked = selector("option:checked").all(&tree, ROOT);
    let ids: Vec<_> = checked
        .iter()
        .filter_map(|&id| tree.attribute(id, "id"))
        .collect();
    assert_eq!(ids, ["c", "e", "h"]);
}

#[test]
fn fields_are_required_written_or_empty_as_html_says() {
    let html = "<input id=a required><input id=b type=hidden required><textarea id=c readonly></textarea>\
        <select id=d required></select><input id=e placeholder=x><input id=f placeholder=x value=y>\
        <textarea id=g placeholder=x></textarea><p id=h contenteditable><b id=i></b><i id=j contenteditable=false></i></p>\
        <input id=k type=checkbox placeholder=x><input id=l disabled>";
    check_in(html, ":required", "a d");
    check_in(html, ":optional", "b c e f g k l");
    check_in(html, ":placeholder-shown", "e g");
    check_in(html, ":read-write", "a e f g h i");
    check_in(html, "[id]:read-only", "b c d j k l");
}

#[test]
fn languages_are_inherited_and_ranges_match_their_parts() {
    let html =
        "<div id=a lang=de-Latn-CH><p id=b></p><p id=c lang=en></p></div><p id=d lang=''></p>";
    check_in(html, "[id]:lang(de)", "a b");
    check_in(html, "[id]:lang(DE-ch, en)", "a b c");
    check_in(html, "[id]:lang('*-CH')", "a b");
    check_in(html, "[id]:lang(d)", "");
    check_in(html, "[id]:lang('')", "d");
}

#[test]
fn scope_is_what_is_asked() {
    let tree = parsed("<div id=outer><div id=inner><p></p></div><p></p></div>");
    let outer = selector("#outer").first(&tree, ROOT).expect("there");
    assert_eq!(selector(":scope > p").all(&tree, outer).len(), 1);
    assert_eq!(selector(":scope p").all(&tree, outer).len(), 2);
    assert_eq!(selector(":scope").all(&tree, outer), []);
    assert_eq!(selector(":scope > body").all(&tree, ROOT).len(), 1);
    assert!(selector(":scope").matches(&tree, outer));
}

#[test]
fn what_is_above_the_top_counts_but_is_not_found() {
    let tree =
        parsed("<main><h1></h1><section id=top><p></p><section><p></p></section></section></main>");
    let top = selector("#top").first(&tree, ROOT).expect("there");
    for text in ["main p", "h1 ~ section p", "#top p", "main > section p"] {
        assert_eq!(selector(text).all(&tree, top).len(), 2, "{text}");
    }
    assert_eq!(selector("section").all(&tree, top).len(), 1);
    assert_eq!(selector("main, #top").all(&tree, top), []);
}

#[test]
fn the_first_of_two_equal_ids_is_found_however_they_came() {
    let mut tree = parsed("<p id=x>1</p><div><p id=x>2</p></div>");
    let x = selector("#x");
    assert_eq!(x.all(&tree, ROOT).len(), 2);
    let first = x.first(&tree, ROOT).expect("there");
    assert_eq!(tree.text(first), "1");
    tree.remove(first);
    let second = x.first(&tree, ROOT).expect("there");
    assert_eq!(tree.text(second), "2");
    tree.set_attribute(second, "id", "y").expect("room");
    assert_eq!(x.first(&tree, ROOT), None);
    let below = tree.node(second).parent;
    let y = selector("#y");
    assert_eq!(y.first(&tree, below), Some(second));
    assert_eq!(y.first(&tree, second), None);
    tree.detach(second);
    assert_eq!(y.first(&tree, ROOT), None);
    assert!(y.matches(&tree, second));
}

#[test]
fn a_uuid_is_found_though_it_is_no_attribute() {
    let mut tree = parsed("<p><b></b></p><p uuid=given></p>");
    tree.stamp_all();
    for element in selector("p, b").all(&tree, ROOT) {
        let uuid = tree.uuid(element).expect("stamped");
        let by_uuid = selector(&format!("[uuid={uuid:?}]"));
        assert_eq!(by_uuid.all(&tree, ROOT), [element]);
    }
    assert_eq!(selector("[uuid]").all(&tree, ROOT).len(), tree.len() - 1);
    assert_eq!(selector("[uuid=missing]").all(&tree, ROOT), []);
}

/// A page of many elements in which only few are rare.
fn wide() -> Tree {
    let rows = (0..5000).map(|n| match n % 1000 {
        500 => format!("<tr class='rare r{n}'><td>x<td>y"),
        _ => "<tr><td>x<td>y".into(),
    });
    parsed(&format!("<table>{}</table>", rows.collect::<String>()))
}

#[test]
fn rare_elements_are_found_in_the_order_of_the_document() {
    let mut tree = wide();
    let rare = selector(".rare");
    let rows = rare.all(&tree, ROOT);
    assert_eq!(rows.len(), 5);
    let body = tree.node(rows[0]).parent;
    tree.insert(body, Some(rows[0]), rows[4]).expect("no cycle");
    assert_eq!(
        rare.all(&tree, ROOT),
        [rows[4], rows[0], rows[1], rows[2], rows[3]]
    );
    assert_eq!(rare.first(&tree, ROOT), Some(rows[4]));
    assert_eq!(selector("tr + .rare td").all(&tree, ROOT).len(), 10);
    assert_eq!(selector("tr + .rare").all(&tree, ROOT).len(), 5);
    assert_eq!(rare.all(&tree, rows[0]), []);
    tree.detach(rows[1]);
    assert_eq!(rare.all(&tree, ROOT).len(), 4);
}

#[test]
fn foreign_elements_are_as_if_not_there_whichever_way_is_gone() {
    let mut tree = wide();
    tree.stamp_all();
    let rare = selector(".rare").all(&tree, ROOT);
    let table = tree.uuid(tree.node(rare[0]).parent).expect("stamped");
    let before = tree.uuid(rare[0]).expect("stamped");
    let forged = r#"["class","rare r500","id","forged"],1,"td","#;
    for (n, place) in ["-1".into(), format!("{before:?}"), "0".into()]
        .iter()
        .enumerate()
    {
        let ops = format!(r#"[5,{table:?},{place},1,"tr","~{n:013}",{forged}"~{n:013}a","x"]"#);
        apply_foreign(&mut tree, &ops).expect("a place for it");
    }
    for (text, own, with_foreign) in [
        // By the walk, by pages, by the index.
        ("tr", 5000, 5003),
        (".rare", 5, 8),
        (".rare td", 10, 13),
        (".rare + tr", 5, 7),
        (".r500", 1, 4),
        ("#forged", 0, 3),
        ("#forged td", 0, 3),
        ("[uuid='~0000000000001'], #none", 0, 1),
        ("tr:nth-child(501).rare", 1, 0),
        ("tr:has(+ .rare)", 5, 7),
        ("tr:first-child.rare", 0, 1),
    ] {
        assert_eq!(selector(text).all(&tree, ROOT).len(), own, "{text}");
        let all = selector(text).with_foreign(true);
        assert_eq!(all.all(&tree, ROOT).len(), with_foreign, "{text}");
        assert_eq!(all.first(&tree, ROOT).is_some(), with_foreign > 0, "{text}");
    }
}

#[test]
fn what_becomes_rare_or_of_another_kind_is_found() {
    let mut tree = wide();
    let version = tree.clone();
    let cell = selector("td").all(&tree, ROOT)[7000];
    tree.set_attribute(cell, "class", "one two\tthree")
        .expect("room");
    assert_eq!(selector(".two.three").all(&tree, ROOT), [cell]);
    tree.set_kind_and_tag(cell, Kind::Html, "x-cell")
        .expect("room");
    assert_eq!(selector("x-cell").all(&tree, ROOT), [cell]);
    // Pages pack themselves meanwhile, and make their filters anew.
    for n in 0..1000 {
        tree.set_attribute(cell, "class", &format!("c{n}"))
            .expect("room");
    }
    assert_eq!(selector(".c999").all(&tree, ROOT), [cell]);
    assert_eq!(selector("x-cell").all(&tree, ROOT), [cell]);
    for text in [".two", ".c998"] {
        assert_eq!(selector(text).all(&tree, ROOT), [], "{text}");
    }
    assert_eq!(selector("x-cell, .two, .c999").all(&version, ROOT), []);
}

#[test]
fn what_is_no_selector_is_told_with_its_place() {
    for (text, offset, message) in [
        ("", 0, "a selector is missing"),
        ("  ", 2, "a selector is missing"),
        ("li >", 4, "an element is missing after the combinator"),
        ("a[", 2, "the name of an attribute is missing"),
        ("a[=x]", 2, "\"=\" cannot stand here"),
        ("a[b=]", 4, "\"]\" cannot stand here"),
        ("..x", 1, "a class name is missing before \".\""),
        (".", 1, "a class name is missing after the dot"),
        ("p. x", 2, "a class name is missing after the dot"),
        ("[a=", 3, "the value is missing"),
        ("p:nth-child(", 12, "something is missing here"),
        ("#", 1, "an id is missing"),
        ("#1a", 1, "\"1a\" cannot stand here"),
        ("li:hovering", 2, "there is no pseudo-class :hovering"),
        ("a:hover", 1, ":hover is known only in a browser"),
        ("p:nth-child(foo)", 12, "\"foo\" cannot stand here"),
        ("p:nth-child", 1, ":nth-child needs arguments"),
        ("div::before", 3, "::before is a pseudo-element"),
        ("div:before", 3, ":before is a pseudo-element"),
        ("li:", 2, "the name of a pseudo-class is missing"),
        ("a, , b", 3, "\",\" cannot stand here"),
        ("a,", 2, "a selector is missing"),
        (
            "ä:not(.x .y, :wrong) b",
            13,
            "there is no pseudo-class :wrong",
        ),
        ("svg|a", 3, "a namespace prefix has no meaning here"),
        ("a:has(b:has(c))", 7, ":has cannot stand in another :has()"),
        ("p }", 2, "\"}\" cannot stand here"),
        ("[a='x' b]", 7, "\"b\" cannot stand here"),
        ("a > > b", 4, "\">\" cannot stand here"),
    ] {
        let error = Selector::parse(text).expect_err(text);
        assert_eq!(error.offset, offset, "{text}: {error}");
        assert!(error.message.starts_with(message), "{text}: {error}");
    }
}

#[test]
fn an_error_points_into_its_line() {
    let error = Selector::parse("ul,\n\tli:hovering b").expect_err("no state");
    assert_eq!(error.excerpt, "   li:hovering b\n     ^");
    let long = format!("{}:oops{}", "a".repeat(100), " b".repeat(100));
    let error = Selector::parse(&long).expect_err("no state");
    let caret = error.excerpt.lines().nth(1).and_then(|line| line.find('^'));
    let shown = error.excerpt.lines().next().expect("a line");
    let pointed: String = shown
        .chars()
        .skip(caret.expect("a caret"))
        .take(5)
        .collect();
    assert_eq!(pointed, ":oops");
    assert!(shown.chars().count() < 90);
}

/// Runs on a stack on which nothing can recurse for long.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(256 << 10);
    let running = thread.spawn(run).expect("a thread");
    running.join().expect("no overflow");
}

#[test]
fn selectors_nested_too_deep_are_refused() {
    on_a_small_stack(|| {
        for open in [":not(", ":is(", ":where(", ":nth-child(1 of ", ":has("] {
            for depth in [33, 3000] {
                let text = format!("{}a{}", open.repeat(depth), ")".repeat(depth));
                Selector::parse(&text).expect_err(open);
            }
        }
        let hidden = format!("/*'*/{}a", ":is(".repeat(40));
        Selector::parse(&hidden).expect_err("a quote in a comment is none");
        let quoted = format!("[a='{}'] /*((*/ b", "(".repeat(100));
        selector(&quoted);
    });
}

#[test]
fn brackets_are_counted_as_the_parser_sees_them() {
    on_a_small_stack(|| {
        let open = ":is(".repeat(2000);
        for hidden in ["'\r", "\"\u{c}", "url(a')", "U\\52 l(b\")", "\\'", "'\\'\n"] {
            let error = Selector::parse(&format!(":is({hidden},{open}a")).expect_err(hidden);
            assert!(error.message.contains("nested"), "{hidden:?}: {error}");
        }
        let crossed = Selector::parse(&":is(],".repeat(2000)).expect_err("nested");
        assert!(crossed.message.contains("nested"), "{crossed}");
    });
}

#[test]
fn an_error_is_short_however_long_the_selector() {
    let long = "x".repeat(10_000);
    for text in [
        format!("a:{long}"),
        format!("a::{long}"),
        format!("a:{long}(b)"),
        format!("a:hover{long}"),
        format!("#1{long}"),
        format!("a 'é{long}'"),
        format!(".'{long}'"),
        format!("a{}b", ":".repeat(10_000)),
    ] {
        let error = Selector::parse(&text).expect_err(&text);
        assert!(error.to_string().len() < 400, "{error}");
    }
}

#[test]
fn selectors_as_deep_as_may_be_work_on_a_small_stack() {
    on_a_small_stack(|| {
        let tree = parsed(PAGE);
        for (open, count) in [(":not(", 3), (":is(", 3), (":nth-child(n of ", 3)] {
            let text = format!("{}li{}", open.repeat(32), ")".repeat(32));
            assert_eq!(selector(&text).all(&tree, ROOT).len(), count, "{open}");
        }
    });
}

#[test]
fn a_long_selector_or_one_of_many_parts_is_refused() {
    let long = "a,".repeat(10_000) + "a";
    Selector::parse(&long).expect_err("too long");
    let many = "a ".repeat(128) + "a";
    let error = Selector::parse(&many).expect_err("too many parts");
    assert!(error.message.contains("128"), "{error}");
    selector(&"a ".repeat(128));
    selector(&format!("{}a", "a,".repeat(1000)));
}

/// As many elements inside each other, without what a parser would refuse.
fn deep(depth: usize) -> Tree {
    let mut tree = Tree::default();
    let mut at = ROOT;
    for _ in 0..depth {
        let element = tree.create_element(Kind::Html, "div").expect("room");
        tree.append(at, element).expect("a place");
        at = element;
    }
    tree
}

#[test]
fn queries_survive_a_tree_a_million_deep() {
    on_a_small_stack(|| {
        let tree = deep(1_000_000);
        for (text, count) in [
            ("div", 1_000_000),
            (".missing", 0),
            ("div:has(div)", 999_999),
            ("div:has(.missing)", 0),
            ("div div > div", 999_998),
            ("p div", 0),
            ("div:nth-child(1)", 1_000_000),
            ("div:has(div:not(p div) > div)", 999_998),
            ("div:empty", 1),
        ] {
            assert_eq!(selector(text).all(&tree, ROOT).len(), count, "{text}");
        }
        let last = selector("div:empty").first(&tree, ROOT).expect("there");
        assert!(selector("div > div:empty").matches(&tree, last));
        let outermost = tree.node(ROOT).first;
        assert_eq!(
            selector("div:has(div)").closest(&tree, last),
            Some(tree.node(last).parent)
        );
        assert_eq!(selector(":root").closest(&tree, last), Some(outermost));
    });
}

#[test]
fn siblings_are_not_asked_again_for_each_other() {
    // With the square of these it would take hours.
    let html = "<p></p><i></i>".repeat(300_000);
    let tree = parsed(&html);
    for (text, count) in [
        ("b ~ p", 0),
        ("p ~ i", 300_000),
        ("p:nth-last-child(2n)", 300_000),
        ("i:nth-of-type(2n)", 150_000),
        ("i:nth-last-of-type(2n)", 150_000),
        ("p:nth-child(2n of p)", 150_000),
        ("p:nth-child(2n of b ~ p, p + i + p)", 149_999),
        ("p:has(~ b)", 0),
        ("p:has(~ i)", 300_000),
        ("p:has(~ i:not(b ~ i))", 300_000),
        ("p:first-of-type", 1),
        ("p:only-of-type", 0),
    ] {
        assert_eq!(selector(text).all(&tree, ROOT).len(), count, "{text}");
    }
}
