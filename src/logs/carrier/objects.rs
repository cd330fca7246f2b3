//! A byte stream cut into JSON objects: one to a line, printed over several lines, in arrays, in the arrays that exports wrap
//! around them, with lines of text between.

use super::emit::{ENVELOPE_END, ENVELOPE_START, Encoding, Envelope, trim_cr};
use super::json::{self, Value};
use super::lines::BOM;
use super::{Carrier, LIMIT, Notes};

/// A piece of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// An object, braces matched.
    Object(&'a [u8]),
    /// A line that is no object, or as much of one as there is.
    Text(&'a [u8]),
    /// A line that may be an object: where it is not taken, it is cut up.
    Line(&'a [u8]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between objects.
    Top,
    /// Behind a `[` that may be an array's or a line of text's.
    Bracket,
    /// In the envelope of the carrier around this one.
    Outer,
    /// In a line of text.
    Text,
    /// In an object, `depth` brackets deep.
    Object { depth: u32, string: bool, escaped: bool },
    /// Behind the array of a wrapping object, up to its closing brace.
    Wrapper { depth: u32, string: bool, escaped: bool },
}

/// The keys under which exports keep what they export.
const WRAPPERS: [&[u8]; 4] = [b"events", b"records", b"entries", b"result"];

/// Cuts a stream into objects.
#[derive(Debug)]
pub(super) struct Objects {
    state: State,
    item: Vec<u8>,
    outer: Vec<u8>,
    is_nested: bool,
    is_wrapped: bool,
    /// At the start of a line: only there a brace tells that the object before it never ended.
    is_line_start: bool,
    at_start: bool,
}

impl Objects {
    pub(super) fn new(is_nested: bool) -> Self {
        Self {
            state: State::Top,
            item: Vec::new(),
            outer: Vec::new(),
            is_nested,
            is_wrapped: false,
            is_line_start: true,
            at_start: true,
        }
    }

    fn known(&self) -> Envelope {
        if self.outer.is_empty() { Envelope::default() } else { Envelope::split(&self.outer).0 }
    }

    fn text(&mut self, each: &mut impl FnMut(Envelope, Piece<'_>) -> bool) {
        let item = std::mem::take(&mut self.item);
        for line in item.split(|b| *b == b'\n').map(trim_cr).filter(|line| !line.is_empty()) {
            each(self.known(), Piece::Text(line));
        }
        self.item = item;
        self.item.clear();
        self.state = State::Top;
    }

    /// The line at `at`, where nothing is open: for a carrier that finds it to be one object, and all of one, there is no need
    /// to look for its end.
    fn whole_line<'a>(&self, input: &'a [u8], at: usize) -> Option<&'a [u8]> {
        if self.state != State::Top || self.is_wrapped || !self.is_line_start || input.get(at) != Some(&b'{') {
            return None;
        }
        let len = memchr::memchr(b'\n', &input[at..])?;
        (len < LIMIT).then(|| &input[at..at + len])
    }

    /// Calls `each` with what is complete; it says whether it took a line that may be an object.
    pub(super) fn feed(&mut self, input: &[u8], mut each: impl FnMut(Envelope, Piece<'_>) -> bool) {
        let mut at = 0;
        while at < input.len() {
            if let Some(line) = self.whole_line(input, at)
                && each(self.known(), Piece::Line(line))
            {
                self.at_start = false;
                at += line.len() + 1;
                // an envelope is of one line
                continue;
            }
            at = match self.state {
                State::Top | State::Bracket => self.top(input, at),
                State::Outer => self.envelope(input, at),
                State::Text => self.line(input, at, &mut each),
                State::Object { depth, string, escaped } => self.object(input, at, depth, string, escaped, &mut each),
                State::Wrapper { depth, string, escaped } => self.wrapper(input, at, depth, string, escaped),
            };
            if self.item.len() >= LIMIT {
                self.text(&mut each);
                self.state = State::Text;
            }
        }
    }

    /// What is left at the end is no object.
    pub(super) fn finish(&mut self, mut each: impl FnMut(Envelope, Piece<'_>) -> bool) {
        if self.state == State::Bracket {
            self.item.push(b'[');
        }
        self.text(&mut each);
    }

    fn top(&mut self, input: &[u8], at: usize) -> usize {
        let byte = input[at];
        let was_bracket = self.state == State::Bracket;
        match byte {
            b'\n' => (self.is_line_start, self.state) = (true, State::Top),
            b' ' | b'\t' | b'\r' => {}
            b',' => self.state = State::Top,
            b']' if self.is_wrapped => {
                self.is_wrapped = false;
                self.state = State::Wrapper { depth: 1, string: false, escaped: false };
            }
            b']' => self.state = State::Top,
            b'[' => self.state = State::Bracket,
            b'{' => {
                self.item.clear();
                self.item.push(byte);
                self.is_line_start = false;
                self.state = State::Object { depth: 1, string: false, escaped: false };
            }
            ENVELOPE_START if self.is_nested && self.is_line_start => {
                self.outer.clear();
                self.outer.push(byte);
                self.state = State::Outer;
            }
            _ if self.at_start && BOM.contains(&byte) => return at + 1,
            _ => {
                self.item.clear();
                if was_bracket {
                    self.item.push(b'[');
                }
                self.state = State::Text;
                self.at_start = false;
                return at;
            }
        }
        self.at_start = false;
        at + 1
    }

    fn envelope(&mut self, input: &[u8], at: usize) -> usize {
        let byte = input[at];
        self.outer.push(byte);
        if byte == ENVELOPE_END || self.outer.len() > 64 {
            // the line begins behind it
            self.state = State::Top;
        }
        at + 1
    }

    fn line(&mut self, input: &[u8], at: usize, each: &mut impl FnMut(Envelope, Piece<'_>) -> bool) -> usize {
        let rest = &input[at..];
        // never past the limit, so that a cut does not depend on the pieces
        let rest = &rest[..rest.len().min(LIMIT - self.item.len())];
        match memchr::memchr(b'\n', rest) {
            Some(end) => {
                self.item.extend_from_slice(&rest[..end]);
                self.text(each);
                self.is_line_start = true;
                at + end + 1
            }
            None => {
                self.item.extend_from_slice(rest);
                at + rest.len()
            }
        }
    }

    fn object(
        &mut self,
        input: &[u8],
        start: usize,
        mut depth: u32,
        mut string: bool,
        mut escaped: bool,
        each: &mut impl FnMut(Envelope, Piece<'_>) -> bool,
    ) -> usize {
        let limit = input.len().min(start + LIMIT - self.item.len());
        let mut at = start;
        while at < limit {
            if escaped {
                escaped = false;
                at += 1;
                continue;
            }
            if string {
                let Some(found) = memchr::memchr3(b'"', b'\\', b'\n', &input[at..limit]) else {
                    at = limit;
                    break;
                };
                at += found;
                match input[at] {
                    b'"' => string = false,
                    b'\\' => escaped = true,
                    _ => {
                        // no string holds a raw line feed: the object was cut off
                        self.item.extend_from_slice(&input[start..at]);
                        self.text(each);
                        self.is_line_start = true;
                        return at + 1;
                    }
                }
                at += 1;
                continue;
            }
            let byte = input[at];
            let is_next = byte == b'{' && !self.is_wrapped || byte == ENVELOPE_START && self.is_nested;
            if self.is_line_start && is_next {
                self.item.extend_from_slice(&input[start..at]);
                self.text(each);
                return at;
            }
            self.is_line_start = byte == b'\n';
            at += 1;
            match byte {
                b'"' => string = true,
                b'[' if depth == 1 && !self.is_wrapped => {
                    self.item.extend_from_slice(&input[start..at - 1]);
                    if is_wrapper(&self.item) {
                        self.item.clear();
                        self.is_wrapped = true;
                        self.state = State::Top;
                        return at;
                    }
                    self.item.push(b'[');
                    self.state = State::Object { depth: depth + 1, string, escaped };
                    return at;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.item.extend_from_slice(&input[start..at]);
                        each(self.known(), Piece::Object(&self.item));
                        self.item.clear();
                        self.state = State::Top;
                        return at;
                    }
                }
                _ => {}
            }
        }
        self.item.extend_from_slice(&input[start..at]);
        self.state = State::Object { depth, string, escaped };
        at
    }

    fn wrapper(&mut self, input: &[u8], at: usize, mut depth: u32, mut string: bool, mut escaped: bool) -> usize {
        let byte = input[at];
        if escaped {
            escaped = false;
        } else if string {
            match byte {
                b'"' => string = false,
                b'\\' => escaped = true,
                _ => {}
            }
        } else {
            match byte {
                b'"' => string = true,
                b'{' if self.is_line_start => {
                    self.state = State::Top;
                    return at;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
        }
        self.is_line_start = byte == b'\n';
        self.state = if depth == 0 { State::Top } else { State::Wrapper { depth, string, escaped } };
        at + 1
    }
}

/// Whether what was read of an object ends with a key whose array holds the objects that matter.
fn is_wrapper(item: &[u8]) -> bool {
    let item = item.trim_ascii_end();
    let Some(key) = item.strip_suffix(b":").and_then(|key| key.trim_ascii_end().strip_suffix(b"\"")) else {
        return false;
    };
    WRAPPERS.iter().any(|wrapper| key.strip_suffix(*wrapper).is_some_and(|before| before.last() == Some(&b'"')))
}

/// A carrier that has one thing to an object.
pub(super) trait ObjectCarrier: Send {
    /// An object and what the carrier around this one knew; `false` where it is none of this carrier's.
    fn object(&mut self, outer: Envelope, object: &[u8], out: &mut Vec<u8>) -> bool;
    /// The end of the stream: what is held is written.
    fn end(&mut self, out: &mut Vec<u8>);
    /// What was seen, beside the objects.
    fn notes(&self) -> Notes;
}

/// Drives a carrier of objects over a stream.
#[derive(Debug)]
pub(super) struct ByObject<C> {
    objects: Objects,
    inner: C,
    encoding: Encoding,
    read: u64,
    broken: u64,
}

impl<C: ObjectCarrier> ByObject<C> {
    pub(super) fn new(inner: C, is_nested: bool, encoding: Encoding) -> Self {
        Self { objects: Objects::new(is_nested), inner, encoding, read: 0, broken: 0 }
    }
}

fn one(
    inner: &mut impl ObjectCarrier,
    encoding: Encoding,
    (outer, piece): (Envelope, Piece<'_>),
    read: &mut u64,
    broken: &mut u64,
    out: &mut Vec<u8>,
) -> bool {
    let line = match piece {
        Piece::Line(line) => {
            let is_taken = inner.object(outer, line, out);
            *read += u64::from(is_taken);
            return is_taken;
        }
        Piece::Object(object) if inner.object(outer, object, out) => {
            *read += 1;
            return true;
        }
        Piece::Object(object) => object,
        Piece::Text(text) => text,
    };
    *read += 1;
    *broken += 1;
    for line in line.split(|b| *b == b'\n').map(trim_cr).filter(|line| !line.is_empty()) {
        encoding.head(outer, line, out);
    }
    true
}

/// The fields of an object that is all there is. An object that wraps others is none of its own: it is cut up.
pub(super) fn fields<'a>(object: &'a [u8], mut each: impl FnMut(&'a [u8], Value<'a>)) -> bool {
    let mut wraps = false;
    let is_whole = json::only_fields(object, |key, value| {
        wraps |= matches!(value, Value::Array(_)) && WRAPPERS.contains(&key);
        each(key, value);
    });
    is_whole && !wraps
}

impl<C: ObjectCarrier> Carrier for ByObject<C> {
    fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let Self { objects, inner, encoding, read, broken } = self;
        objects.feed(input, |outer, piece| one(inner, *encoding, (outer, piece), read, broken, out));
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let Self { objects, inner, encoding, read, broken } = self;
        objects.finish(|outer, piece| one(inner, *encoding, (outer, piece), read, broken, out));
        inner.end(out);
    }

    fn notes(&self) -> Notes {
        let mut notes = self.inner.notes();
        notes.lines += self.read;
        notes.broken += self.broken;
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(parts: &[&[u8]]) -> Vec<String> {
        let (mut objects, mut seen) = (Objects::new(false), Vec::new());
        let mut each = |_, piece: Piece<'_>| {
            seen.push(match piece {
                Piece::Object(bytes) => format!("O {}", String::from_utf8_lossy(bytes)),
                Piece::Text(bytes) => format!("T {}", String::from_utf8_lossy(bytes)),
                Piece::Line(_) => return false,
            });
            true
        };
        for part in parts {
            objects.feed(part, &mut each);
        }
        objects.finish(&mut each);
        seen
    }

    #[test]
    fn every_way_to_print_objects() {
        for (text, expected) in [
            ("{\"a\":1}\n{\"b\":\"}\"}\r\n", vec!["O {\"a\":1}", "O {\"b\":\"}\"}"]),
            ("[{\"a\":1},{\"b\":2}]", vec!["O {\"a\":1}", "O {\"b\":2}"]),
            ("[\n\t{\"a\":1}\n\t,{}]", vec!["O {\"a\":1}", "O {}"]),
            ("[\n  {\n    \"a\": [1]\n  },\n  {}\n]\n", vec!["O {\n    \"a\": [1]\n  }", "O {}"]),
            (
                "{\"events\": [{\"a\":1}, {\"b\":[{}]}], \"next\": \"f/]}\"}\nx",
                vec!["O {\"a\":1}", "O {\"b\":[{}]}", "T x"],
            ),
            ("{\"n\":[],\"records\":[{\"a\":1}]}{\"records\":[]}{\"c\":3}", vec!["O {\"a\":1}", "O {\"c\":3}"]),
            ("hello\n{\"a\":1}\n[note] x\n\ttab\n", vec!["T hello", "O {\"a\":1}", "T [note] x", "T tab"]),
            ("{\"a\":\"cut\n{\"b\":2}\n", vec!["T {\"a\":\"cut", "O {\"b\":2}"]),
            ("{\"a\":1,\n{\"b\":2}\n{\"c\":", vec!["T {\"a\":1,", "O {\"b\":2}", "T {\"c\":"]),
            ("{\"a\":1}{\"b\":2}", vec!["O {\"a\":1}", "O {\"b\":2}"]),
            ("\u{feff}{\"a\":1}", vec!["O {\"a\":1}"]),
            ("[", vec!["T ["]),
            ("", vec![]),
        ] {
            assert_eq!(pieces(&[text.as_bytes()]), expected, "{text}");
            for cut in 0..text.len() {
                let (a, b) = text.as_bytes().split_at(cut);
                assert_eq!(pieces(&[a, b]), expected, "{text} at {cut}");
            }
        }
    }

    #[test]
    fn an_object_without_end_is_given_up() {
        let mut text = b"{\"a\":\"".to_vec();
        text.resize(LIMIT + 100, b'x');
        text.extend_from_slice(b"\n{\"b\":2}\n");
        let seen = pieces(&[&text]);
        assert_eq!(seen.iter().map(String::len).collect::<Vec<_>>(), [LIMIT + 2, 102, 9]);
        let (a, b) = text.split_at(1000);
        assert_eq!(pieces(&[a, b]), seen);
    }
}
