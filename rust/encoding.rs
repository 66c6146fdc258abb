//! Turns the bytes of an HTML file into text.
//!
//! The encoding is that of the byte order mark, or what a `<meta>` within the first
//! 1,024 bytes says or the XML declaration there, or else UTF-8: the HTML standard's "encoding sniffing algorithm"
//! without what only a network knows. Bytes that are none of that encoding are an
//! error with their place; nothing is replaced, since it would be lost.

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::fmt;

/// How many bytes a `<meta>` or an XML declaration is looked for in.
const PRESCAN_BYTES: usize = 1024;

/// Bytes that are not what the file says they are, and where the first of them is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    pub encoding: &'static str,
    pub offset: usize,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not {}, at byte {}", self.encoding, self.offset)
    }
}

impl std::error::Error for DecodeError {}

/// Returns the text of *bytes*, without a byte order mark.
pub fn decode(bytes: &[u8]) -> Result<String, DecodeError> {
    let (encoding, mark_len) = match Encoding::for_bom(bytes) {
        Some(found) => found,
        None => (declared(bytes).unwrap_or(UTF_8), 0),
    };
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let rest = &bytes[mark_len..];
    let error = |offset| DecodeError {
        encoding: encoding.name(),
        offset,
    };
    let needed = decoder.max_utf8_buffer_length_without_replacement(rest.len());
    let mut text = String::with_capacity(needed.ok_or(error(0))?);
    let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, true);
    match result {
        DecoderResult::InputEmpty => Ok(text),
        DecoderResult::Malformed(len, after) => {
            let wrong = usize::from(len) + usize::from(after);
            Err(error(mark_len + read - wrong))
        }
        DecoderResult::OutputFull => unreachable!("there is room for all that may come"),
    }
}

/// "Prescan a byte stream to determine its encoding".
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let bytes = &bytes[..bytes.len().min(PRESCAN_BYTES)];
    if bytes.starts_with(b"<\0?\0x\0") {
        return Some(UTF_16LE);
    }
    if bytes.starts_with(b"\0<\0?\0x") {
        return Some(UTF_16BE);
    }
    by_meta(bytes).or_else(|| by_xml(bytes))
}

/// "Get an XML encoding".
fn by_xml(bytes: &[u8]) -> Option<&'static Encoding> {
    let end = bytes.iter().position(|&byte| byte == b'>')?;
    let declaration = bytes[..end].strip_prefix(b"<?xml")?;
    let at = declaration
        .windows(8)
        .position(|window| window == b"encoding")?;
    let is_space = |byte: &&u8| **byte <= b' ';
    let mut rest = declaration[at + 8..].iter().skip_while(is_space);
    if rest.next() != Some(&b'=') {
        return None;
    }
    let mut rest = rest.skip_while(is_space);
    let quote = rest.next().filter(|quote| b"\"'".contains(quote))?;
    let rest: Vec<u8> = rest.copied().collect();
    let label = &rest[..rest.iter().position(|byte| byte == quote)?];
    // Space around a label would be ignored elsewhere.
    if label.iter().any(|byte| is_space(&byte)) {
        return None;
    }
    Encoding::for_label(label).map(not_utf_16)
}

/// Whoever could read the declaration does not read 16 bits at a time.
fn not_utf_16(found: &'static Encoding) -> &'static Encoding {
    if found == UTF_16BE || found == UTF_16LE {
        UTF_8
    } else {
        found
    }
}

fn by_meta(bytes: &[u8]) -> Option<&'static Encoding> {
    let mut scan = Scan { bytes, at: 0 };
    while scan.at < bytes.len() {
        let rest = &bytes[scan.at..];
        let is_meta = rest.len() > 5
            && rest[..5].eq_ignore_ascii_case(b"<meta")
            && (is_space(rest[5]) || rest[5] == b'/');
        match rest {
            [b'<', b'!', b'-', b'-', ..] => scan.skip_comment(),
            _ if is_meta => {
                scan.at += 5;
                if let Some(encoding) = scan.meta() {
                    return Some(encoding);
                }
            }
            [b'<', b'a'..=b'z' | b'A'..=b'Z', ..] | [b'<', b'/', b'a'..=b'z' | b'A'..=b'Z', ..] => {
                scan.skip_until(|byte| is_space(byte) || byte == b'>');
                while scan.attribute().is_some() {}
            }
            [b'<', b'!' | b'/' | b'?', ..] => scan.skip_until(|byte| byte == b'>'),
            _ => {}
        }
        scan.at += 1;
    }
    None
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

/// A place in the first bytes of a file. Past their end there is nothing.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_until(&mut self, is_end: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(|byte| !is_end(byte)) {
            self.at += 1;
        }
    }

    /// Goes to the `>` that ends the comment here; its dashes may be those it began with.
    fn skip_comment(&mut self) {
        let dashes = self.at + 2;
        let rest = &self.bytes[dashes..];
        let end = rest.windows(3).position(|window| window == b"-->");
        self.at = end.map_or(self.bytes.len(), |end| dashes + end + 2);
    }

    /// Reads the attributes of a `<meta>` and returns the encoding that they name.
    fn meta(&mut self) -> Option<&'static Encoding> {
        let mut seen: Vec<Vec<u8>> = Vec::new();
        let (mut has_pragma, mut needs_pragma, mut charset) = (false, None, None);
        while let Some((name, value)) = self.attribute() {
            if seen.contains(&name) {
                continue;
            }
            match &name[..] {
                b"http-equiv" => has_pragma |= value == b"content-type",
                b"content" if charset.is_none() => {
                    if let Some(found) = charset_of_content(&value) {
                        (charset, needs_pragma) = (Some(Some(found)), Some(true));
                    }
                }
                b"charset" => {
                    (charset, needs_pragma) = (Some(Encoding::for_label(&value)), Some(false));
                }
                _ => {}
            }
            seen.push(name);
        }
        // The bytes ran out before the tag did: then it declares nothing.
        self.peek()?;
        if needs_pragma.is_none_or(|needs| needs && !has_pragma) {
            return None;
        }
        charset.flatten().map(|found| match found.name() {
            "x-user-defined" => WINDOWS_1252,
            _ => not_utf_16(found),
        })
    }

    /// "Get an attribute": its name and value in lower case.
    fn attribute(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        while self
            .peek()
            .is_some_and(|byte| is_space(byte) || byte == b'/')
        {
            self.at += 1;
        }
        let start = self.at;
        match self.peek()? {
            b'>' => return None,
            _ => self.at += 1,
        }
        self.skip_until(|byte| is_space(byte) || matches!(byte, b'=' | b'/' | b'>'));
        let name = self.bytes[start..self.at].to_ascii_lowercase();
        self.skip_until(|byte| !is_space(byte));
        if self.peek()? != b'=' {
            return Some((name, Vec::new()));
        }
        self.at += 1;
        self.skip_until(|byte| !is_space(byte));
        let quote = self.peek()?;
        let start = match quote {
            b'"' | b'\'' => {
                self.at += 1;
                let start = self.at;
                self.skip_until(|byte| byte == quote);
                start
            }
            _ => {
                let start = self.at;
                self.skip_until(|byte| is_space(byte) || byte == b'>');
                start
            }
        };
        let value = self.bytes[start..self.at].to_ascii_lowercase();
        if matches!(quote, b'"' | b'\'') {
            // A value whose quote is beyond the first bytes is none.
            self.peek()?;
            self.at += 1;
        }
        Some((name, value))
    }
}

/// "Extracting a character encoding from a meta element": what `content` says.
fn charset_of_content(value: &[u8]) -> Option<&'static Encoding> {
    let mut scan = Scan {
        bytes: value,
        at: 0,
    };
    loop {
        let rest = &value[scan.at..];
        let found = rest.windows(7).position(|window| window == b"charset")?;
        scan.at += found + 7;
        scan.skip_until(|byte| !is_space(byte));
        if scan.peek()? == b'=' {
            break;
        }
    }
    scan.at += 1;
    scan.skip_until(|byte| !is_space(byte));
    let rest = &value[scan.at..];
    let label = match *rest.first()? {
        quote @ (b'"' | b'\'') => {
            let len = rest[1..].iter().position(|&byte| byte == quote)?;
            &rest[1..=len]
        }
        _ => {
            let is_end = |&byte: &u8| is_space(byte) || byte == b';';
            &rest[..rest.iter().position(is_end).unwrap_or(rest.len())]
        }
    };
    Encoding::for_label(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_in_the_encoding_that_it_declares() {
        let cases: [(&[u8], &str); 32] = [
            (
                b"\xef\xbb\xbf<meta charset=koi8-r>\xc3\xa9",
                "<meta charset=koi8-r>é",
            ),
            (b"\xff\xfe<\0p\0>\0\xe9\0", "<p>é"),
            (b"\xfe\xff\0<\0p\0>\0\xe9", "<p>é"),
            (b"\xc3\xa9", "é"),
            (b"<meta charset=latin1>\xe9", "<meta charset=latin1>é"),
            (
                b"<META/CharSet='ISO-8859-2'>\xb1",
                "<META/CharSet='ISO-8859-2'>ą",
            ),
            (
                b"<p a=\"<meta charset=koi8-r>\">\xc3\xa9",
                "<p a=\"<meta charset=koi8-r>\">é",
            ),
            (
                b"<!-- <meta charset=koi8-r> -->\xc3\xa9",
                "<!-- <meta charset=koi8-r> -->é",
            ),
            (
                b"<!--><meta charset=latin1>\xe9",
                "<!--><meta charset=latin1>é",
            ),
            (b"<meta charset=utf-16>\xc3\xa9", "<meta charset=utf-16>é"),
            (
                b"<meta charset=none><meta charset=latin1>\xe9",
                "<meta charset=none><meta charset=latin1>é",
            ),
            (
                b"<meta charset=latin1 charset=koi8-r>\xe9",
                "<meta charset=latin1 charset=koi8-r>é",
            ),
            (
                b"<meta http-equiv=Content-Type content='text/html; charset=latin1'>\xe9",
                "<meta http-equiv=Content-Type content='text/html; charset=latin1'>é",
            ),
            (
                b"<meta content='charset charset = \"latin1\"' http-equiv=content-type>\xe9",
                "<meta content='charset charset = \"latin1\"' http-equiv=content-type>é",
            ),
            (
                b"<meta content='charset=latin1'>\xc3\xa9",
                "<meta content='charset=latin1'>é",
            ),
            (
                b"</p x><? <meta charset=koi8-r>\xc3\xa9",
                "</p x><? <meta charset=koi8-r>é",
            ),
            (b"<meta charset=\"latin1\xc3\xa9", "<meta charset=\"latin1é"),
            // A declaration that the file cuts off is none.
            (b"<meta charset=latin1\xc3\xa9", "<meta charset=latin1é"),
            (b"\xc3\xa9<meta charset=latin1", "é<meta charset=latin1"),
            (b"\xc3\xa9<meta charset=latin1 ", "é<meta charset=latin1 "),
            (
                b"\xc3\xa9<meta charset='latin1' a",
                "é<meta charset='latin1' a",
            ),
            (
                b"<?xml version='1.0' encoding='latin1'?>\xe9",
                "<?xml version='1.0' encoding='latin1'?>é",
            ),
            (
                b"<?xml encoding\0 =\n\"utf-16be\">\xc3\xa9",
                "<?xml encoding\0 =\n\"utf-16be\">é",
            ),
            (
                b"<?xml encoding='latin1'?><meta charset=utf-8>\xc3\xa9",
                "<?xml encoding='latin1'?><meta charset=utf-8>é",
            ),
            (
                b"<?xml encoding='latin1'\xc3\xa9",
                "<?xml encoding='latin1'é",
            ),
            (
                b"<?xml encoding=latin1?>\xc3\xa9",
                "<?xml encoding=latin1?>é",
            ),
            (
                b"<?xml encoding='latin1 '?>\xc3\xa9",
                "<?xml encoding='latin1 '?>é",
            ),
            (
                b"<?XML encoding='latin1'?>\xc3\xa9",
                "<?XML encoding='latin1'?>é",
            ),
            (
                b" <?xml encoding='latin1'?>\xc3\xa9",
                " <?xml encoding='latin1'?>é",
            ),
            (b"<\0?\0x\0>\0\xe9\0", "<?x>é"),
            (b"\0<\0?\0x\0>\0\xe9", "<?x>é"),
            (
                b"<meta charset=shift_jis>\x82\xa0",
                "<meta charset=shift_jis>あ",
            ),
        ];
        for (bytes, wanted) in cases {
            assert_eq!(decode(bytes).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn only_the_first_1024_bytes_declare() {
        let at = |spaces: usize| {
            let html = format!("{}<meta charset=latin1>", " ".repeat(spaces));
            decode(&[html.as_bytes(), b"\xe9"].concat()).is_ok()
        };
        let last = 1024 - "<meta charset=latin1>".len();
        assert!(at(last));
        // Of a tag that goes on beyond them nothing counts, though the name is there.
        for later in 1.."<meta charset=latin1>".len() {
            assert!(!at(last + later), "{later}");
        }
        assert!(!at(1024));
    }

    #[test]
    fn wrong_bytes_are_named_by_encoding_and_place() {
        let cases: [(&[u8], &str); 4] = [
            (b"<p>\xc3\xa9\xe9</p>", "not UTF-8, at byte 5"),
            (b"\xef\xbb\xbfa\xff", "not UTF-8, at byte 4"),
            (b"\xff\xfea\0b", "not UTF-16LE, at byte 4"),
            (
                b"<meta charset=shift_jis>\x82\xa0\x82",
                "not Shift_JIS, at byte 26",
            ),
        ];
        for (bytes, wanted) in cases {
            assert_eq!(decode(bytes).expect_err("wrong").to_string(), wanted);
        }
    }
}
