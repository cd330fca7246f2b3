//! Entries put together from lines that come interleaved: of many processes in one syslog, of many containers in one stream.

use super::LIMIT;
use super::emit::{Encoding, Envelope, has_marker};
use std::collections::{HashMap, VecDeque};

/// How many entries are open at once.
const OPEN: usize = 1024;

/// All open entries together, in bytes.
const OPEN_BYTES: usize = 2 * LIMIT;

/// An entry that got nothing in so many lines is complete: what belongs together is written together.
const PATIENCE: u64 = 512;

/// PostgreSQL cuts what it gives to syslog at so many bytes, less where a character would be cut.
const CHUNK: usize = 900;
const CHUNK_LEAST: usize = CHUNK - 3;

/// The number PostgreSQL puts in front of what it gives to syslog: `[5-2] `, or `[2] ` with `syslog_sequence_numbers` off, or
/// `[5] ` with `syslog_split_messages` off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    first: u64,
    second: Option<u64>,
}

impl Tag {
    /// The tag at the start of a text, and the text behind it and one blank.
    pub(super) fn split(text: &[u8]) -> (Option<Self>, &[u8]) {
        Self::open(text).map_or((None, text), |(tag, rest)| (Some(tag), rest))
    }

    fn open(text: &[u8]) -> Option<(Self, &[u8])> {
        let inside = text.strip_prefix(b"[")?;
        let end = inside.iter().take(32).position(|b| *b == b']')?;
        let number = |digits: &[u8]| -> Option<u64> {
            let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
            is_number.then(|| std::str::from_utf8(digits).ok()?.parse().ok())?
        };
        let tag = match inside[..end].iter().position(|b| *b == b'-') {
            Some(dash) => Self { first: number(&inside[..dash])?, second: Some(number(&inside[dash + 1..end])?) },
            None => Self { first: number(&inside[..end])?, second: None },
        };
        let rest = &inside[end + 1..];
        // a prefix of `[%p]: ` looks the same but for what follows
        let rest = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
        Some((tag, rest))
    }
}

/// How a text goes on with the entry that is open.
enum Join {
    /// It is the rest of its last line, cut for its length; where the cut took a blank, it is put back.
    Line { blank: bool },
    /// It is a further line of its message.
    Tail,
    /// It is a line of its own of the same entry.
    Head,
    /// It begins another entry.
    New,
}

#[derive(Debug, Default)]
struct Hold {
    key: u64,
    /// Encoded lines, the last without its line feed.
    bytes: Vec<u8>,
    touched: u64,
    tag: Option<Tag>,
    /// Bytes of the last text, and whether it had a blank behind its first byte.
    last_len: usize,
    last_has_blank: bool,
}

/// The entries that are not written yet. They are written in the order in which they began: what comes after an entry that may
/// still go on waits for it, for [`PATIENCE`] lines at most.
#[derive(Debug)]
pub(super) struct Holds {
    encoding: Encoding,
    queue: VecDeque<Hold>,
    /// The number of the entry at the front; entries are numbered from 0.
    first: u64,
    /// By whose they are, the number of the entry that may go on.
    open: HashMap<u64, u64>,
    bytes: usize,
    now: u64,
    spare: Vec<Vec<u8>>,
    /// Pieces that the numbering says were lost.
    pub(super) lost: u64,
    /// Pieces joined to the line they were cut from.
    pub(super) joined: u64,
}

impl Holds {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            queue: VecDeque::new(),
            first: 0,
            open: HashMap::new(),
            bytes: 0,
            now: 0,
            spare: Vec::new(),
            lost: 0,
            joined: 0,
        }
    }

    /// A text of `key`, with the number that was in front of it.
    pub(super) fn text(&mut self, key: u64, known: Envelope, tag: Option<Tag>, text: &[u8], out: &mut Vec<u8>) {
        if self.encoding == Encoding::Bare {
            return self.encoding.entry(known, text, out);
        }
        if text.is_empty() {
            return;
        }
        self.now += 1;
        let open = self.open.get(&key).and_then(|number| usize::try_from(number - self.first).ok());
        let join = match open.and_then(|index| self.queue.get(index)) {
            Some(hold) => join(hold, tag, text, &mut self.lost),
            None => {
                self.lost += u64::from(matches!(tag, Some(Tag { second: Some(2..), .. })));
                Join::New
            }
        };
        let index = match (&join, open) {
            (Join::New, _) | (_, None) => {
                let bytes = self.spare.pop().unwrap_or_default();
                self.open.insert(key, self.first + self.queue.len() as u64);
                self.queue.push_back(Hold { key, bytes, ..Hold::default() });
                self.queue.len() - 1
            }
            (_, Some(index)) => index,
        };
        let Some(hold) = self.queue.get_mut(index) else { return };
        let before = hold.bytes.len();
        match join {
            Join::Line { blank } => {
                self.joined += 1;
                if blank {
                    hold.bytes.push(b' ');
                }
                let mut lines = text.split(|b| *b == b'\n');
                hold.bytes.extend_from_slice(lines.next().unwrap_or_default());
                tails(self.encoding, lines, &mut hold.bytes);
            }
            Join::Tail => tails(self.encoding, text.split(|b| *b == b'\n'), &mut hold.bytes),
            Join::Head | Join::New => {
                if !hold.bytes.is_empty() {
                    hold.bytes.push(b'\n');
                }
                let start = hold.bytes.len();
                if text.first() == Some(&b'\t') {
                    // what it continues is gone; it must not continue what happens to stand before it
                    self.encoding.head(known, text.trim_ascii_start(), &mut hold.bytes);
                } else {
                    self.encoding.entry(known, text, &mut hold.bytes);
                }
                if hold.bytes.len() > start {
                    hold.bytes.pop();
                }
            }
        }
        self.bytes += hold.bytes.len() - before;
        (hold.touched, hold.tag, hold.last_len) = (self.now, tag, text.len());
        hold.last_has_blank = text.iter().take(CHUNK).skip(1).any(u8::is_ascii_whitespace);
        if hold.bytes.len() >= LIMIT {
            self.open.remove(&key);
        }
        self.write(out);
    }

    /// Writes what is complete, up to the first entry that may go on and that there is room and patience for.
    fn write(&mut self, out: &mut Vec<u8>) {
        while let Some(hold) = self.queue.front() {
            let may_go_on = self.open.get(&hold.key) == Some(&self.first);
            let is_waited_for = self.now - hold.touched <= PATIENCE;
            if may_go_on && is_waited_for && self.bytes <= OPEN_BYTES && self.queue.len() <= OPEN {
                return;
            }
            self.pop(out);
        }
    }

    /// Everything that is held.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        while !self.queue.is_empty() {
            self.pop(out);
        }
    }

    fn pop(&mut self, out: &mut Vec<u8>) {
        let Some(mut hold) = self.queue.pop_front() else { return };
        if self.open.get(&hold.key) == Some(&self.first) {
            self.open.remove(&hold.key);
        }
        self.first += 1;
        self.bytes -= hold.bytes.len();
        if !hold.bytes.is_empty() {
            out.extend_from_slice(&hold.bytes);
            out.push(b'\n');
        }
        if hold.bytes.capacity() <= 1 << 16 && self.spare.len() < 64 {
            hold.bytes.clear();
            self.spare.push(hold.bytes);
        }
    }
}

/// Lines that go on with an entry, each behind a line feed.
fn tails<'a>(encoding: Encoding, lines: impl Iterator<Item = &'a [u8]>, bytes: &mut Vec<u8>) {
    for line in lines.filter(|line| !line.is_empty()) {
        bytes.push(b'\n');
        encoding.tail(line, bytes);
        bytes.pop();
    }
}

fn join(hold: &Hold, tag: Option<Tag>, text: &[u8], lost: &mut u64) -> Join {
    let is_tabbed = text.first() == Some(&b'\t');
    let follows = match (hold.tag, tag) {
        (None, None) => return if is_tabbed { Join::Tail } else { Join::New },
        (Some(before), Some(now)) => match (before.second, now.second) {
            (Some(before_chunk), Some(chunk)) => {
                if chunk <= 1 || before.first != now.first || chunk <= before_chunk {
                    *lost += u64::from(chunk > 1 && before.first != now.first);
                    return Join::New;
                }
                *lost += chunk - before_chunk - 1;
                chunk == before_chunk + 1
            }
            // one number is a chunk's, or a message's that was not split: then it does not go on
            (None, None) if now.first > 1 && now.first == before.first + 1 => true,
            _ => return Join::New,
        },
        _ => return Join::New,
    };
    if follows && !is_tabbed && is_cut(hold, text) {
        return Join::Line { blank: false };
    }
    if is_tabbed {
        // a tab is what follows a line feed, but for a cut at a tab: there a line of the message is broken in two
        return Join::Tail;
    }
    if has_marker(text) {
        return Join::Head;
    }
    match (follows, hold.last_len >= CHUNK * 3 / 4) {
        // cut by something else than PostgreSQL, which took the blank it was cut at
        (true, true) => Join::Line { blank: hold.last_len < CHUNK_LEAST && text.first() != Some(&b' ') },
        _ => Join::Tail,
    }
}

/// Whether the text before was cut for its length: at the last blank that fitted, which then begins this text, or in the
/// middle of a word that is longer than a chunk.
fn is_cut(hold: &Hold, text: &[u8]) -> bool {
    if text.first().is_some_and(u8::is_ascii_whitespace) {
        let word = text.iter().skip(1).take(CHUNK + 1).take_while(|b| !b.is_ascii_whitespace()).count();
        return hold.last_len + 1 + word > CHUNK_LEAST;
    }
    hold.last_len >= CHUNK_LEAST && !hold.last_has_blank
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// As the server splits a message for syslog: its lines, in chunks of at most 900 bytes, at blanks where there are any.
    pub(in crate::logs::carrier) fn split(sequence: u64, message: &str) -> Vec<String> {
        let mut chunks = Vec::new();
        let mut rest = message;
        while !rest.is_empty() {
            if let Some(next) = rest.strip_prefix('\n') {
                rest = next;
                continue;
            }
            let mut len = rest.find('\n').unwrap_or(rest.len()).min(CHUNK);
            while !rest.is_char_boundary(len) {
                len -= 1;
            }
            if rest.as_bytes().get(len).is_some_and(|b| !b.is_ascii_whitespace())
                && let Some(blank) = rest[..len].rfind(|c: char| c.is_ascii_whitespace()).filter(|at| *at > 0)
            {
                len = blank;
            }
            chunks.push(format!("[{sequence}-{}] {}", chunks.len() + 1, &rest[..len]));
            rest = &rest[len..];
        }
        chunks
    }

    fn run(texts: &[(u64, String)]) -> (String, Holds) {
        let (mut holds, mut out) = (Holds::new(Encoding::Envelope), Vec::new());
        for (key, text) in texts {
            let (tag, rest) = Tag::split(text.as_bytes());
            holds.text(*key, Envelope::default(), tag, rest, &mut out);
        }
        holds.finish(&mut out);
        let lines =
            out.split(|b| *b == b'\n').map(|line| String::from_utf8_lossy(Envelope::split(line).1).into_owned());
        (lines.collect::<Vec<_>>().join("\n"), holds)
    }

    #[test]
    fn tags() {
        for (text, expected) in [
            ("[5-2] rest", Some((5, Some(2)))),
            ("[5-1]  rest", Some((5, Some(1)))),
            ("[7] LOG:  x", Some((7, None))),
            ("[7]", Some((7, None))),
            ("[7]: [1-1] LOG:  x", None),
            ("[a-1] x", None),
            ("[-1] x", None),
            ("[1-] x", None),
            ("", None),
        ] {
            let tag = Tag::split(text.as_bytes()).0;
            assert_eq!(tag.map(|tag| (tag.first, tag.second)), expected, "{text}");
        }
        assert_eq!(Tag::split(b"[5-1]  rest").1, b" rest");
    }

    #[test]
    fn what_the_server_splits_is_joined() {
        let words = "select ".to_owned() + &(0..600).map(|n| format!("column_{n}, ")).collect::<String>();
        let long = format!("LOG:  duration: 1.5 ms  statement: insert into t values ('{}')", "é".repeat(2000));
        for message in [
            "LOG:  a\n\tb\n\n\tc\nDETAIL:  d".replace("\n\n", "\n\t\n"),
            format!("LOG:  {words}\n\tfrom {words}\nSTATEMENT:  {words}"),
            format!("{long}\n\tfrom x\nDETAIL:  {long}"),
            format!("LOG:  {}\n\t{}", "x".repeat(894), "y ".repeat(2000)),
        ] {
            let chunks: Vec<_> = split(5, &message).into_iter().map(|chunk| (1, chunk)).collect();
            assert!(chunks.len() > 2);
            let expected: Vec<_> = message.lines().collect();
            assert_eq!(run(&chunks).0, expected.join("\n") + "\n");
        }
    }

    #[test]
    fn processes_interleave() {
        let (a, b) = (format!("LOG:  {}", "a ".repeat(1500)), format!("LOG:  b\n\t{}", "b ".repeat(1500)));
        let (x, y) = (split(1, &a), split(1, &b));
        let mut texts = Vec::new();
        for n in 0..x.len().max(y.len()) {
            texts.extend(x.get(n).map(|chunk| (1, chunk.clone())));
            texts.extend(y.get(n).map(|chunk| (2, chunk.clone())));
        }
        let (text, holds) = run(&texts);
        assert_eq!(text, format!("{a}\n{b}\n"));
        assert_eq!(holds.lost, 0);
    }

    #[test]
    fn pieces_that_are_missing_are_counted() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (1, (*text).to_owned())).collect::<Vec<_>>();
        let (text, holds) = run(&texts(&["[5-1] LOG:  a", "[5-3] \tc", "[7-2] \td", "[8-1] LOG:  e"]));
        assert_eq!((text.as_str(), holds.lost), ("LOG:  a\n\tc\nd\nLOG:  e\n", 2));
        // one number: chunks with the sequence off, messages with the splitting off
        assert_eq!(run(&texts(&["[1] LOG:  a", "[2] \tb", "[1] LOG:  c"])).0, "LOG:  a\n\tb\nLOG:  c\n");
        assert_eq!(run(&texts(&["[5] LOG:  a\n\tb\n", "[6] LOG:  c\n"])).0, "LOG:  a\n\tb\nLOG:  c\n");
        assert_eq!(run(&texts(&["LOG:  a", "\tb", "LOG:  c"])).0, "LOG:  a\n\tb\nLOG:  c\n");
    }

    #[test]
    fn memory_is_bounded() {
        let (mut holds, mut out) = (Holds::new(Encoding::Envelope), Vec::new());
        let text = vec![b'x'; 1 << 20];
        for key in 0..5000 {
            let text = if key % 100 == 0 { text.as_slice() } else { b"LOG:  short" };
            holds.text(key, Envelope::default(), None, text, &mut out);
            assert!(holds.bytes <= OPEN_BYTES && holds.open.len() <= OPEN && holds.queue.len() <= OPEN);
        }
        for _ in 0..40 {
            holds.text(1, Envelope::default(), None, &[b"\t".as_slice(), &text].concat(), &mut out);
            assert!(holds.bytes <= OPEN_BYTES);
        }
    }

    #[test]
    fn entries_are_written_in_the_order_they_began() {
        let (mut holds, mut out) = (Holds::new(Encoding::Envelope), Vec::new());
        let mut expected = String::new();
        for n in 0..10_000_u64 {
            // one process in seven writes once and is gone
            let key = if n % 7 == 0 { 1000 + n } else { n % 3 };
            holds.text(key, Envelope::default(), None, format!("LOG:  {n}").as_bytes(), &mut out);
            expected += &format!("\x01\x1f\x1f\x02LOG:  {n}\n");
            assert!(holds.queue.len() <= PATIENCE as usize + 1);
        }
        holds.finish(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
