//! A byte stream cut into lines, whatever pieces it comes in.

use super::emit::{Encoding, Envelope, trim_cr};
use super::{Carrier, LIMIT, Notes};

/// The byte order mark of UTF-8.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Cuts a stream at its line feeds. A line that does not end is cut at [`LIMIT`].
#[derive(Debug, Default)]
pub(super) struct Lines {
    carry: Vec<u8>,
    is_past_start: bool,
}

impl Lines {
    /// Calls `each` with the lines that are complete, without line feed and carriage return.
    pub(super) fn feed(&mut self, mut input: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some(end) = memchr::memchr(b'\n', input) {
            let (line, rest) = (&input[..end], &input[end + 1..]);
            if self.carry.is_empty() {
                self.whole(line, &mut each);
            } else {
                self.extend(line, &mut each);
                let carry = std::mem::take(&mut self.carry);
                self.whole(&carry, &mut each);
                self.carry = carry;
                self.carry.clear();
            }
            input = rest;
        }
        self.extend(input, &mut each);
    }

    /// Keeps what has no end yet, never more than the limit, cut where it would be cut in one piece.
    fn extend(&mut self, mut part: &[u8], each: &mut impl FnMut(&[u8])) {
        while self.carry.len() + part.len() > LIMIT {
            let (fits, rest) = part.split_at(LIMIT - self.carry.len());
            self.carry.extend_from_slice(fits);
            let carry = std::mem::take(&mut self.carry);
            self.one(&carry, each);
            self.carry = carry;
            self.carry.clear();
            part = rest;
        }
        self.carry.extend_from_slice(part);
    }

    fn whole(&mut self, mut line: &[u8], each: &mut impl FnMut(&[u8])) {
        while line.len() > LIMIT {
            let (part, rest) = line.split_at(LIMIT);
            self.one(part, each);
            line = rest;
        }
        self.one(line, each);
    }

    fn one(&mut self, mut line: &[u8], each: &mut impl FnMut(&[u8])) {
        if !std::mem::replace(&mut self.is_past_start, true) {
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        each(trim_cr(line));
    }

    /// The last line, where it has no line feed.
    pub(super) fn finish(&mut self, mut each: impl FnMut(&[u8])) {
        let carry = std::mem::take(&mut self.carry);
        if !carry.is_empty() {
            self.one(&carry, &mut each);
        }
    }
}

/// A carrier that has one thing to a line.
pub(super) trait LineCarrier: Send {
    /// A line and what the carrier around this one knew; `false` where it is none of this carrier's.
    fn line(&mut self, outer: Envelope, line: &[u8], out: &mut Vec<u8>) -> bool;
    /// The end of the stream: what is held is written.
    fn end(&mut self, out: &mut Vec<u8>);
    /// What was seen, beside the lines.
    fn notes(&self) -> Notes;
}

/// Drives a carrier of lines over a stream.
#[derive(Debug)]
pub(super) struct ByLine<C> {
    lines: Lines,
    inner: C,
    is_nested: bool,
    encoding: Encoding,
    read: u64,
    broken: u64,
}

impl<C: LineCarrier> ByLine<C> {
    pub(super) fn new(inner: C, is_nested: bool, encoding: Encoding) -> Self {
        Self { lines: Lines::default(), inner, is_nested, encoding, read: 0, broken: 0 }
    }
}

impl<C: LineCarrier> Carrier for ByLine<C> {
    fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let Self { lines, inner, is_nested, encoding, read, broken } = self;
        lines.feed(input, |line| one(inner, *is_nested, *encoding, line, read, broken, out));
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let Self { lines, inner, is_nested, encoding, read, broken } = self;
        lines.finish(|line| one(inner, *is_nested, *encoding, line, read, broken, out));
        inner.end(out);
    }

    fn notes(&self) -> Notes {
        let mut notes = self.inner.notes();
        notes.lines += self.read;
        notes.broken += self.broken;
        notes
    }
}

fn one(
    inner: &mut impl LineCarrier,
    is_nested: bool,
    encoding: Encoding,
    line: &[u8],
    read: &mut u64,
    broken: &mut u64,
    out: &mut Vec<u8>,
) {
    let (outer, line) = if is_nested { Envelope::split(line) } else { (Envelope::default(), line) };
    *read += 1;
    if line.is_empty() || inner.line(outer, line, out) {
        return;
    }
    *broken += 1;
    // not of the carrier, so nothing says that it continues an entry: the reader counts it
    encoding.head(outer, line, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut seen) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.feed(piece, |line| seen.push(String::from_utf8_lossy(line).into_owned()));
        }
        lines.finish(|line| seen.push(String::from_utf8_lossy(line).into_owned()));
        seen
    }

    #[test]
    fn pieces_do_not_matter() {
        let text = b"\xef\xbb\xbfa\r\n\nbcd\nlast";
        let expected = ["a", "", "bcd", "last"];
        assert_eq!(lines(&[text]), expected);
        for cut in 0..=text.len() {
            assert_eq!(lines(&[&text[..cut], &text[cut..]]), expected, "{cut}");
        }
        assert!(lines(&[b""]).is_empty());
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let long = vec![b'x'; 2 * LIMIT + 5];
        let lengths = |pieces: &[&[u8]]| lines(pieces).iter().map(String::len).collect::<Vec<_>>();
        assert_eq!(lengths(&[&long]), [LIMIT, LIMIT, 5]);
        assert_eq!(lengths(&[&long[..7], &long[7..], b"\ny"]), [LIMIT, LIMIT, 5, 1]);
        let ended = [long, b"\ny\n".to_vec()].concat();
        assert_eq!(lengths(&[&ended]), [LIMIT, LIMIT, 5, 1]);
    }
}
