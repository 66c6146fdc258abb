//! An inline style as CSS reads it: declarations, each a name and a value.
//!
//! Tokens are `cssparser`'s (CSS Syntax, "consume a declaration"), so strings, brackets,
//! comments and escapes end where a browser ends them, and what a browser skips is
//! skipped. A value that is set cannot end its declaration: with a semicolon behind
//! it, that is the first one which ends anything.

use cssparser::{Delimiter, ParseError, Parser};

/// Returns the declarations of a `style` attribute in their order.
pub fn declarations(style: &str) -> Vec<(String, &str)> {
    let mut css = Parser::new(style);
    let mut found = Vec::new();
    while !css.is_exhausted() {
        found.extend(css.parse_until_after(Delimiter::Semicolon, declaration));
    }
    found
}

fn declaration<'i>(css: &mut Parser<'i>) -> Result<(String, &'i str), ParseError<()>> {
    let name = css.expect_ident()?.to_string();
    css.expect_colon()?;
    css.skip_whitespace();
    let start = css.position();
    skip_rest(css)?;
    Ok((name, css.slice_from(start).trim_ascii_end()))
}

/// Says whether *text* can be the value of a declaration, that one's all, and no more.
pub fn is_value(text: &str) -> bool {
    let ended = format!("{text};");
    let mut css = Parser::new(&ended);
    let start = css.position();
    let whole = css.parse_until_before(Delimiter::Semicolon, |css| {
        let is_empty = css.is_exhausted();
        skip_rest(css)?;
        Ok::<_, ParseError<()>>(!is_empty)
    });
    whole == Ok(true) && css.slice_from(start) == text
}

/// Skips what is left of a declaration; an error if a browser takes none of it.
fn skip_rest<'i>(css: &mut Parser<'i>) -> Result<(), ParseError<()>> {
    while let Ok(token) = css.next_including_whitespace_and_comments() {
        if token.is_parse_error() {
            return Err(ParseError::unexpected_token());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_is_its_declarations() {
        let style =
            "color:red;; --Own : a{b;c} ; 1x: y; background: url(a;b:c) /* ; */ 'd;e' !important;f";
        let read = declarations(style);
        let read: Vec<_> = read
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let background = "url(a;b:c) /* ; */ 'd;e' !important";
        let expected = [
            ("color", "red"),
            ("--Own", "a{b;c}"),
            ("background", background),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_value_is_all_of_one_declaration() {
        for text in [
            "red",
            "a(b;c)",
            "'a;b'",
            "\"\\\";\"",
            "a{b;c}",
            "a/* ; */b",
            "x\ny",
            "!important",
        ] {
            assert!(is_value(text), "{text:?}");
        }
        for text in [
            "", " ", "/**/", "a;", "a;b", "a(", "'a", "a\\", "a/*", ")", "]a", "a}", "'a\n",
            "url(a b",
        ] {
            assert!(!is_value(text), "{text:?}");
        }
    }

    #[test]
    fn brackets_may_be_as_deep_as_they_like() {
        let text = "(".repeat(1_000_000);
        assert!(!is_value(&text));
        assert!(is_value(&(text + &")".repeat(1_000_000))));
    }
}
