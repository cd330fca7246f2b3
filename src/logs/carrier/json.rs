//! JSON as a cursor over bytes: fields of one object, as they stand. Carriers hold megabytes of text of any encoding, of which
//! a few fields matter; a tree of owned strings, or a demand for UTF-8, would cost more than it gives.

use memchr::memchr2;

/// A value as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// What is between the quotation marks, escapes and all.
    Text(&'a [u8]),
    /// With its braces.
    Object(&'a [u8]),
    /// With its brackets.
    Array(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Word(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The text without its escapes; of a number its digits; nothing for the rest.
    pub(super) fn text(self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Text(raw) => unescape(raw, &mut out),
            Self::Word(raw) if raw != b"null" => out.extend_from_slice(raw),
            _ => {}
        }
        out
    }

    /// A whole number, quoted or not.
    pub(super) fn integer(self) -> Option<i64> {
        let (Self::Text(raw) | Self::Word(raw)) = self else { return None };
        std::str::from_utf8(raw).ok()?.parse().ok()
    }

    /// The raw text of a string, for words that have no escapes.
    pub(super) fn raw(self) -> Option<&'a [u8]> {
        if let Self::Text(raw) = self { Some(raw) } else { None }
    }
}

fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Where the string that begins at `at` (its opening mark) ends, past its closing mark.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    // most strings are keys and short values, for which a search is dearer than a look
    let near = bytes.get(at..bytes.len().min(at + 16))?;
    match near.iter().position(|b| matches!(b, b'"' | b'\\')) {
        Some(found) if near[found] == b'"' => return Some(at + found + 1),
        Some(found) => at += found,
        None => at += near.len(),
    }
    loop {
        let found = at + memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[found] == b'"' {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

/// The value at `at`, and where it ends. Brackets are matched without regard to their kind: what is inside a value that is
/// only passed over need not be JSON to the last comma.
fn value(bytes: &[u8], at: usize) -> Option<(Value<'_>, usize)> {
    match *bytes.get(at)? {
        b'"' => {
            let end = string_end(bytes, at)?;
            Some((Value::Text(&bytes[at + 1..end - 1]), end))
        }
        opening @ (b'{' | b'[') => {
            let (mut depth, mut end) = (0_usize, at);
            loop {
                match *bytes.get(end)? {
                    b'"' => {
                        end = string_end(bytes, end)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                end += 1;
                if depth == 0 {
                    break;
                }
            }
            let raw = &bytes[at..end];
            Some((if opening == b'{' { Value::Object(raw) } else { Value::Array(raw) }, end))
        }
        _ => {
            let rest = &bytes[at..];
            let len = rest.iter().position(|b| matches!(b, b',' | b'}' | b']') || b.is_ascii_whitespace())?;
            let word = &rest[..len];
            (!word.is_empty() && word.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)))
                .then_some((Value::Word(word), at + len))
        }
    }
}

/// Calls `each` with the fields of an object in order, keys raw; `false` where it is no object, or not to its end.
pub(super) fn fields<'a>(bytes: &'a [u8], each: impl FnMut(&'a [u8], Value<'a>)) -> bool {
    walk(bytes, each).is_some()
}

/// The same where the object must be all there is but for blanks.
pub(super) fn only_fields<'a>(bytes: &'a [u8], each: impl FnMut(&'a [u8], Value<'a>)) -> bool {
    walk(bytes, each).is_some_and(|end| blanks(bytes, end) == bytes.len())
}

/// Where the object ends.
fn walk<'a>(bytes: &'a [u8], mut each: impl FnMut(&'a [u8], Value<'a>)) -> Option<usize> {
    let mut at = blanks(bytes, 0);
    if bytes.get(at)? != &b'{' {
        return None;
    }
    at = blanks(bytes, at + 1);
    if bytes.get(at)? == &b'}' {
        return Some(at + 1);
    }
    loop {
        if bytes.get(at)? != &b'"' {
            return None;
        }
        let end = string_end(bytes, at)?;
        let key = &bytes[at + 1..end - 1];
        at = blanks(bytes, end);
        if bytes.get(at)? != &b':' {
            return None;
        }
        let (value, end) = value(bytes, blanks(bytes, at + 1))?;
        each(key, value);
        at = blanks(bytes, end);
        match bytes.get(at)? {
            b',' => at = blanks(bytes, at + 1),
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// The elements of an array in order, up to where it stops being one.
pub(super) fn elements(bytes: &[u8]) -> impl Iterator<Item = Value<'_>> {
    let mut at = 1;
    std::iter::from_fn(move || {
        at = blanks(bytes, at);
        let (element, end) = value(bytes, at)?;
        at = blanks(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at += 1;
        }
        Some(element)
    })
}

/// The field of an object by its key.
pub(super) fn field<'a>(object: &'a [u8], key: &str) -> Option<Value<'a>> {
    let mut found = None;
    fields(object, |name, value| {
        if name == key.as_bytes() {
            found = Some(value);
        }
    });
    found
}

fn hex4(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |value, digit| Some(value * 16 + char::from(*digit).to_digit(16)?))
}

/// Appends a raw string without its escapes; what is no escape stays as it is, half of a surrogate pair becomes U+FFFD.
pub(super) fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(found) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..found]);
        let (plain, len) = match rest.get(found + 1) {
            Some(b'n') => (b'\n', 2),
            Some(b't') => (b'\t', 2),
            Some(b'r') => (b'\r', 2),
            Some(b'b') => (8, 2),
            Some(b'f') => (12, 2),
            Some(quoted @ (b'"' | b'\\' | b'/')) => (*quoted, 2),
            Some(b'u') => {
                let Some(unit) = hex4(rest, found + 2) else {
                    out.push(b'\\');
                    rest = &rest[found + 1..];
                    continue;
                };
                let low = (rest.get(found + 6..found + 8) == Some(b"\\u")).then(|| hex4(rest, found + 8)).flatten();
                let (code, len) = match (unit, low) {
                    (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) => {
                        (0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), 12)
                    }
                    _ => (unit, 6),
                };
                let mut buffer = [0; 4];
                let char = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(char.encode_utf8(&mut buffer).as_bytes());
                rest = &rest[found + len..];
                continue;
            }
            _ => (b'\\', 1),
        };
        out.push(plain);
        rest = &rest[found + len..];
    }
    out.extend_from_slice(rest);
}

/// Appends text as the inside of a JSON string.
#[cfg(test)]
pub(super) fn escape(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..=31 => {
                let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            }
            _ => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(raw: &str) -> String {
        String::from_utf8_lossy(&Value::Text(raw.as_bytes()).text()).into_owned()
    }

    #[test]
    fn fields_as_they_stand() {
        let object = br#" { "a" : "x\"}y" , "b":{"c":["}"]} ,"d":[1,{"e":2}],"f":-1.5e3,"g":null} "#;
        let mut seen = Vec::new();
        assert!(fields(object, |key, value| seen.push((String::from_utf8_lossy(key).into_owned(), value))));
        let keys: Vec<_> = seen.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "d", "f", "g"]);
        assert_eq!(seen[0].1, Value::Text(br#"x\"}y"#));
        assert_eq!(seen[1].1, Value::Object(br#"{"c":["}"]}"#));
        let Value::Array(array) = seen[2].1 else { panic!() };
        assert_eq!(elements(array).collect::<Vec<_>>(), [Value::Word(b"1"), Value::Object(br#"{"e":2}"#)]);
        assert!(fields(b"{}", |_, _| ()));
        for broken in
            ["", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1 \"b\":2}", "{\"a\":\"x}", "[1]", "{\"a\\", "{,}"]
        {
            assert!(!fields(broken.as_bytes(), |_, _| ()), "{broken}");
        }
    }

    #[test]
    fn escapes_there_and_back() {
        assert_eq!(text(r#"a\n\t\"\\\/é\u0041\u00e9"#), "a\n\t\"\\/éAé");
        assert_eq!(text(r"\ud83d\ude00"), "😀");
        assert_eq!(text(r"\ud83d x"), "\u{fffd} x");
        assert_eq!(text(r"\q\u00g0\"), r"\q\u00g0\");
        let mut out = Vec::new();
        escape(b"a\"b\\\n\t\r\x01\x1f\xff", &mut out);
        assert_eq!(out, b"a\\\"b\\\\\\n\\t\\r\\u0001\\u001f\xff");
    }

    #[test]
    fn depth_is_no_recursion() {
        let deep = [b"{\"a\":".to_vec(), vec![b'['; 1 << 20], vec![b']'; 1 << 20], b"}".to_vec()].concat();
        assert!(fields(&deep, |_, _| ()));
    }
}
