//! Files of SQL: from bytes to text, and which of them belong together.

mod foreign;
pub mod gather;
mod roots;
pub mod since;

use super::runner::Runner;
use super::script::SourceFile;

/// What the arguments of a review named.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// The files, in the order they were found: by argument, then by path.
    pub files: Vec<SourceFile>,
    /// Which of them one runner runs, by folder.
    pub roots: Vec<Root>,
    /// Files that are a dump of a schema (`db/schema.sql`, `db/structure.sql`) beside migrations: no migrations, but a
    /// state to begin with.
    pub dumps: Vec<usize>,
    /// What could not be read, with the reason; everything else was.
    pub faults: Vec<Fault>,
    /// Migrations that are not SQL, with the command that prints theirs.
    pub foreign: Vec<Foreign>,
    /// What should be known of a file, or was left out.
    pub notes: Vec<Note>,
}

impl Gathered {
    /// Keeps all files, but reviews only those for whose path this holds.
    pub fn review_only(&mut self, mut is_wanted: impl FnMut(&str) -> bool) {
        for file in &mut self.files {
            file.is_reviewed &= is_wanted(&file.path);
        }
    }
}

/// Files that one runner runs, in one history.
#[derive(Debug, Clone, Default)]
pub struct Root {
    /// The folder, as paths of its files begin; empty for standard input and for files without a folder.
    pub path: String,
    /// Its files: indices into the files of the review.
    pub files: Vec<usize>,
    /// Files beside them that say how they run.
    pub sidecars: Vec<Sidecar>,
    /// What the project around the folder says about its runner.
    pub hints: Vec<Hint>,
}

impl Root {
    /// The text of a sidecar, by its path below the root.
    pub fn sidecar(&self, below: &str) -> Option<&str> {
        let found = self.sidecars.iter().find(|sidecar| self.below(&sidecar.path) == below);
        found.map(|sidecar| sidecar.text.as_str())
    }

    /// A path below the root, without the root.
    pub fn below<'a>(&self, path: &'a str) -> &'a str {
        if self.path.is_empty() {
            return path;
        }
        let rest = path.strip_prefix(self.path.as_str()).unwrap_or(path);
        rest.strip_prefix('/').unwrap_or(rest)
    }
}

/// A file beside migrations that says how they run: `V2__x.sql.conf`, `metadata.toml`, `_journal.json`, `sqitch.plan`.
#[derive(Debug, Clone)]
pub struct Sidecar {
    /// Its path.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What a file of the project says about the runner of its migrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The runner.
    pub runner: Runner,
    /// In which version, where it says one: `7.4`.
    pub version: Option<String>,
    /// Where it says so: `Cargo.toml depends on sqlx`.
    pub because: String,
}

/// A file or folder that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its path.
    pub path: String,
    /// Why, in words.
    pub message: String,
}

/// Something about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The path of the file or folder.
    pub path: String,
    /// What, one line, lower case, no full stop.
    pub message: String,
}

/// A folder of migrations in another language than SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// The folder.
    pub path: String,
    /// Of which tool: `Django`.
    pub tool: &'static str,
    /// How many there are.
    pub count: usize,
    /// What prints their SQL, to be given to a review.
    pub command: String,
}

/// A text and what should be known of how it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text, without a byte order mark.
    pub text: String,
    /// What a server or a runner would make of the bytes that this program overlooked, one line each.
    pub notes: Vec<String>,
}

/// Why bytes are no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotText {
    /// There is a NUL in it, which no text has.
    #[error("is not text: there is a NUL byte in line {line}")]
    Binary {
        /// In which line.
        line: usize,
    },
    /// Every other byte is NUL.
    #[error("looks like UTF-16 without a byte order mark: write it as UTF-8")]
    Utf16WithoutMark,
    /// UTF-16 with a byte order mark that ends within a character, or has half of one.
    #[error("is UTF-16 that cannot be decoded: write it as UTF-8")]
    Utf16,
    /// An archive of `pg_dump`.
    #[error("is an archive of pg_dump, not SQL: `pg_restore --schema-only --file=- {{archive}}` prints its SQL")]
    Archive,
    /// Compressed.
    #[error("is compressed with {0}: decompress it first")]
    Compressed(&'static str),
}

/// How many bytes are looked at to tell what a file is.
const HEAD: usize = 4096;

/// Makes a text of bytes: UTF-8, with a byte order mark or without, or UTF-16 with one. A byte that is no UTF-8 is
/// taken for Latin-1, and said.
pub fn decode(bytes: Vec<u8>) -> Result<Decoded, NotText> {
    if let Some(rest) = bytes.strip_prefix(&[0xff, 0xfe]) {
        return utf16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(&[0xfe, 0xff]) {
        return utf16(rest, u16::from_be_bytes);
    }
    if bytes.starts_with(b"PGDMP") {
        return Err(NotText::Archive);
    }
    for (magic, name) in COMPRESSED {
        if bytes.starts_with(magic) {
            return Err(NotText::Compressed(name));
        }
    }
    if let Some(at) = memchr::memchr(0, &bytes) {
        let head = bytes.get(..HEAD).unwrap_or(&bytes);
        let zeros = memchr::memchr_iter(0, head).count();
        if zeros * 3 > head.len() {
            return Err(NotText::Utf16WithoutMark);
        }
        return Err(NotText::Binary { line: line_of(&bytes, at) });
    }
    let mut notes = Vec::new();
    let mut text = String::from_utf8(bytes).unwrap_or_else(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let line = line_of(&bytes, at);
        notes.push(format!(
            "line {line} is not UTF-8: read as Latin-1; a server refuses it unless client_encoding says what it is"
        ));
        latin1(&bytes)
    });
    if text.starts_with(MARK) {
        text.drain(..MARK.len_utf8());
        notes.push(
            "begins with a byte order mark: psql skips it, a runner that sends the file as it is gets a syntax error"
                .into(),
        );
    }
    Ok(Decoded { text, notes })
}

const MARK: char = '\u{feff}';

const COMPRESSED: [(&[u8], &str); 5] = [
    (&[0x1f, 0x8b], "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"BZh", "bzip2"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "xz"),
];

fn line_of(bytes: &[u8], at: usize) -> usize {
    memchr::memchr_iter(b'\n', bytes.get(..at).unwrap_or_default()).count() + 1
}

/// UTF-8 where it is, and each byte that is not as the character of its number.
fn latin1(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
    }
    text
}

fn utf16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Result<Decoded, NotText> {
    if !bytes.len().is_multiple_of(2) {
        return Err(NotText::Utf16);
    }
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().map_err(|_| NotText::Utf16)?;
    if let Some(at) = memchr::memchr(0, text.as_bytes()) {
        return Err(NotText::Binary { line: line_of(text.as_bytes(), at) });
    }
    let notes = vec!["is UTF-16: psql and runners want UTF-8".into()];
    Ok(Decoded { text, notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> (String, usize) {
        let decoded = decode(bytes.to_vec()).unwrap();
        (decoded.text, decoded.notes.len())
    }

    #[test]
    fn texts_are_decoded() {
        assert_eq!(text(b""), (String::new(), 0));
        assert_eq!(text("sélect\r\n".as_bytes()), ("sélect\r\n".into(), 0));
        assert_eq!(text(b"\xef\xbb\xbfselect"), ("select".into(), 1));
        assert_eq!(text(b"\xff\xfes\0e\0"), ("se".into(), 1));
        assert_eq!(text(b"\xfe\xff\0s\0e\xd8\x3d\xde\x00"), ("se\u{1f600}".into(), 1));
        let decoded = decode(b"select 1;\n-- caf\xe9 \xc3\xa9\n".to_vec()).unwrap();
        assert_eq!(decoded.text, "select 1;\n-- café é\n");
        assert!(decoded.notes[0].starts_with("line 2 is not UTF-8"));
    }

    #[test]
    fn what_is_no_text_is_said() {
        let message = |bytes: &[u8]| decode(bytes.to_vec()).unwrap_err().to_string();
        assert_eq!(message(b"select 1;\nab\0c and so on"), "is not text: there is a NUL byte in line 2");
        assert!(message(b"s\0e\0l\0").contains("UTF-16 without"));
        assert!(message(b"\xff\xfes\0e").contains("cannot be decoded"));
        assert!(message(b"\xff\xfe\x00\xd8").contains("cannot be decoded"));
        assert!(message(b"PGDMP\x01\x0e").contains("pg_restore"));
        assert!(message(b"\x1f\x8b\x08\x00").contains("gzip"));
        assert!(message(b"\xff\xfe\0\0").contains("NUL"));
    }
}
