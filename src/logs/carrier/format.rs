//! What a log is once nothing is around it: csvlog, jsonlog, or lines as on standard error; or no log at all.

use super::clock;
use super::emit::has_marker;
use super::json::{self, Value};
use super::lines::BOM;

/// The three formats a server writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// csvlog, with so many columns: 23 to version 12, 24 in 13, 26 since.
    Csvlog {
        /// How many.
        columns: usize,
    },
    /// jsonlog: an object a line.
    Jsonlog,
    /// Lines with a prefix, as on standard error.
    Stderr,
}

/// How many lines of a sample are looked at.
const LINES: usize = 400;

/// Starts of files that are something else, and what.
const MAGIC: [(&[u8], &str); 26] = [
    (b"\x7fELF", "an executable"),
    (b"MZ\x90", "an executable"),
    (b"\xcf\xfa\xed\xfe", "an executable"),
    (b"\xca\xfe\xba\xbe", "an executable or a Java class"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "compressed twice (gzip)"),
    (b"BZh", "compressed twice (bzip2)"),
    (b"\xfd7zXZ\0", "compressed twice (xz)"),
    (b"\x28\xb5\x2f\xfd", "compressed twice (zstd)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PGDMP", "a dump of pg_dump"),
    (b"PGCOPY\n", "data of a binary COPY"),
    (b"LPKSHHRH", "a file of the systemd journal (export it with journalctl -o json)"),
    (b"\x10\xd1", "a WAL segment"),
    (b"\x13\xd1", "a WAL segment"),
    (b"\x16\xd1", "a WAL segment"),
    (b"\x18\xd1", "a WAL segment"),
    (b"\x0d\xd1", "a WAL segment"),
    (b"\x0e\xd1", "a WAL segment"),
    (b"\xd4\xc3\xb2\xa1", "a capture of network packets"),
    (b"\x0a\x0d\x0d\x0a", "a capture of network packets"),
];

/// What a file is that is no text, by its first bytes; `None` for text, NUL bytes of a log that was cut while it was written
/// included.
pub fn binary(sample: &[u8]) -> Option<&'static str> {
    if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| sample.starts_with(magic)) {
        return Some(name);
    }
    if sample.get(257..262) == Some(b"ustar") {
        return Some("a tar archive");
    }
    // a log truncated in place while its writer goes on begins with a hole
    let text = &sample[sample.iter().take_while(|b| **b == 0).count()..];
    if text.is_empty() {
        return (!sample.is_empty()).then_some("nothing but NUL bytes");
    }
    let control = text.iter().filter(|b| matches!(b, 0..=6 | 0x0e..=0x1a | 0x1c..=0x1f)).count();
    let nul = text.iter().filter(|b| **b == 0).count();
    (nul * 10 > text.len() || control * 5 > text.len()).then_some("binary data")
}

/// The format of a sample, by its content. What is text and none of the other two is taken for lines of standard error, whether
/// any line is understood is for its reader to say; `None` for nothing, and for what is no text.
pub fn format(sample: &[u8]) -> Option<Format> {
    if sample.is_empty() || binary(sample).is_some() {
        return None;
    }
    let sample = sample.strip_prefix(BOM).unwrap_or(sample);
    if let Some(columns) = csv_columns(sample) {
        return Some(Format::Csvlog { columns });
    }
    let (mut objects, mut entries) = (0_usize, 0_usize);
    for line in sample.split(|b| *b == b'\n').filter(|line| !line.is_empty()).take(LINES) {
        if is_jsonlog(line) {
            objects += 1;
        } else if line.first() != Some(&b'\t') && has_marker(line) {
            entries += 1;
        }
    }
    Some(if objects > entries { Format::Jsonlog } else { Format::Stderr })
}

/// Whether a line is an object of jsonlog, or begins as one: a sample may end anywhere.
pub(super) fn is_jsonlog(line: &[u8]) -> bool {
    if line.first() != Some(&b'{') {
        return false;
    }
    let (mut time, mut other) = (false, false);
    json::fields(line, |key, value| match key {
        b"timestamp" => time = matches!(value, Value::Text(_)),
        b"error_severity" | b"pid" | b"session_id" => other = true,
        _ => {}
    });
    time && other
}

/// How many bytes of a row are looked at for its end.
const ROW_BYTES: usize = 1 << 16;

/// How many columns the rows of csvlog have; `None` where there are none. A sample may begin inside a row.
fn csv_columns(sample: &[u8]) -> Option<usize> {
    let mut from = 0;
    for _ in 0..LINES {
        if let Some(columns) = row(&sample[from..]) {
            return Some(columns);
        }
        from += memchr::memchr(b'\n', &sample[from..])? + 1;
    }
    None
}

/// The columns of the row that begins here: a time, and a severity in the twelfth.
fn row(bytes: &[u8]) -> Option<usize> {
    let stamp = clock::rfc3339(bytes).filter(|_| bytes.get(10) == Some(&b' '))?;
    let rest = bytes.get(stamp.len..)?;
    let zone = rest.iter().take(48).position(|b| *b == b',')?;
    if rest[..zone].iter().any(|b| !b.is_ascii_alphanumeric() && !b" +-:/_".contains(b)) {
        return None;
    }
    let mut at = stamp.len + zone + 1;
    let mut column = 2;
    loop {
        let start = at;
        if bytes.get(at) == Some(&b'"') {
            at += 1;
            loop {
                let Some(found) = bytes.get(at..bytes.len().min(ROW_BYTES)).and_then(|rest| memchr::memchr(b'"', rest))
                else {
                    // the message is longer than the sample: the columns of every version that is supported
                    return (column >= 14).then_some(26);
                };
                at += found + 1;
                if bytes.get(at) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
        } else {
            while bytes.get(at).is_some_and(|b| !matches!(b, b',' | b'\n' | b'\r' | b'"')) {
                at += 1;
            }
        }
        let field = &bytes[start..at];
        let is_sound = match column {
            // process, line, severity, state
            4 | 7 => !field.is_empty() && field.iter().all(u8::is_ascii_digit),
            12 => (2..64).contains(&field.len()) && field.first() != Some(&b'"'),
            13 => field.len() == 5 && field.iter().all(u8::is_ascii_alphanumeric),
            _ => true,
        };
        if !is_sound {
            return None;
        }
        match bytes.get(at) {
            Some(b',') => (at, column) = (at + 1, column + 1),
            Some(b'\n' | b'\r') => return (23..=64).contains(&column).then_some(column),
            None => return (column >= 14).then_some(if column < 23 { 26 } else { column }),
            Some(_) => return None,
        }
    }
}

/// Whether a sample of text holds anything that a log holds: a row, an object, a severity, or times at the start of lines.
pub(super) fn is_log_like(sample: &[u8]) -> bool {
    let sample = sample.strip_prefix(BOM).unwrap_or(sample);
    if csv_columns(sample).is_some() {
        return true;
    }
    let mut lines = sample.split(|b| *b == b'\n').filter(|line| !line.is_empty()).take(LINES);
    lines.any(|line| is_jsonlog(line) || line.first() != Some(&b'\t') && has_marker(line))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::logs::carrier) const CSV: &str = "2026-11-22 02:00:16.670 UTC,\"app\",\"shop\",4882,\"127.0.0.1:35680\",6922f1a0.1312,3,\"SELECT\",2026-11-22 02:00:00 UTC,3/14,0,LOG,00000,\"duration: 0.575 ms  statement: select \"\"a\"\",\n2026-11-22 02:00:16.670 UTC [1] LOG:  forged\",,,,,,,,,\"psql\",\"client backend\",,-5\n";

    #[test]
    fn three_formats() {
        let columns = |row: &str| format(row.as_bytes());
        assert_eq!(columns(CSV), Some(Format::Csvlog { columns: 26 }));
        assert_eq!(columns(&CSV.replace(",\"client backend\",,-5", "")), Some(Format::Csvlog { columns: 23 }));
        assert_eq!(columns(&CSV.replace(",,-5\n", "\n")), Some(Format::Csvlog { columns: 24 }));
        assert_eq!(columns(&CSV.replace('\n', "\r\n")), Some(Format::Csvlog { columns: 26 }));
        assert_eq!(columns(&format!("\u{feff}{CSV}")), Some(Format::Csvlog { columns: 26 }));
        assert_eq!(columns(&format!("rest of a row\",,,\n{CSV}")), Some(Format::Csvlog { columns: 26 }));
        assert_eq!(columns(&CSV[..200]), Some(Format::Csvlog { columns: 26 }));
        let json = r#"{"timestamp":"2026-11-22 02:00:16.670 UTC","pid":4882,"error_severity":"LOG","message":"x"}"#;
        assert_eq!(columns(json), Some(Format::Jsonlog));
        assert_eq!(columns(&format!("starting\n{json}\n{json}\n")), Some(Format::Jsonlog));
        assert_eq!(columns(&json[..80]), Some(Format::Jsonlog));
        assert_eq!(
            columns("2026-11-22 02:00:16.670 UTC [1] LOG:  x\n\t{\"timestamp\":\"\",\"pid\":1}"),
            Some(Format::Stderr)
        );
        assert_eq!(columns("2026-11-22 02:00:16,a,b,c\n"), Some(Format::Stderr));
        assert_eq!(columns(""), None);
    }

    #[test]
    fn no_logs() {
        for (bytes, expected) in [
            (b"\x7fELF\x02\x01\x01\0".as_slice(), Some("an executable")),
            (&[0; 100], Some("nothing but NUL bytes")),
            (&[1, 2, 3, 0, 0, 65, 66, 0], Some("binary data")),
            (b"", None),
            (b"plain", None),
            (b"a\0b and more text than NUL", None),
            ("кириллица".as_bytes(), None),
        ] {
            assert_eq!(binary(bytes), expected, "{bytes:?}");
            assert_eq!(format(bytes).is_some(), expected.is_none() && !bytes.is_empty());
        }
        let hole = [vec![0; 5000], b"2026-11-22 02:00:16.670 UTC [1] LOG:  x\n".to_vec()].concat();
        assert_eq!(format(&hole), Some(Format::Stderr));
        assert!(is_log_like(b"2026-11-22 02:00:16 UTC [1] LOG:  x\n"));
        assert!(!is_log_like(b"shared_buffers = 1GB\n"));
    }
}
