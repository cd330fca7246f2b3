//! Messages and unread lines without the values that may stand in them.

/// Words behind which a name of the schema stands in quotes; everything else in quotes may be a value.
const NAMED: [&str; 14] = [
    "relation",
    "column",
    "table",
    "index",
    "constraint",
    "schema",
    "type",
    "function",
    "operator",
    "view",
    "sequence",
    "extension",
    "trigger",
    "parameter",
];

/// A message of the server as it may be shown and grouped by: values in quotes and numbers are gone, names of the schema
/// stay.
pub fn message(text: &[u8]) -> String {
    const MOST: usize = 300;
    let text = String::from_utf8_lossy(text.get(..4 * MOST).unwrap_or(text));
    let first = text.lines().next().unwrap_or_default();
    let mut masked = String::new();
    let mut rest = first;
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '"' | '\'' | '«' | '“' | '„' => {
                let close = match character {
                    '«' => '»',
                    '“' | '„' => '”',
                    same => same,
                };
                let body = &rest[character.len_utf8()..];
                let end = body.find(close).map_or(rest.len(), |at| character.len_utf8() + at + close.len_utf8());
                let word = masked.trim_end().rsplit(' ').next().unwrap_or_default();
                if character == '"' && NAMED.contains(&word) && end < 140 {
                    masked.push_str(&rest[..end]);
                } else {
                    masked.push(character);
                    masked.push('…');
                    masked.push(close);
                }
                end
            }
            digit if digit.is_ascii_digit() => {
                let in_word = masked.ends_with(|c: char| c.is_alphanumeric() || c == '_');
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                match in_word {
                    true => masked.push_str(&rest[..end]),
                    false => masked.push('?'),
                }
                end
            }
            other => {
                if !other.is_control() {
                    masked.push(other);
                }
                other.len_utf8()
            }
        };
        rest = &rest[length..];
        if masked.len() > MOST {
            masked.push('…');
            break;
        }
    }
    masked
}

/// What is locked, without the numbers that make every lock another: `relation of database`, `transaction`.
pub fn lock_object(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text.get(..200).unwrap_or(text));
    let words = text.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}

/// The server's own words, which say what kind of line it is and nothing of anybody.
const WORDS: [&str; 16] = [
    "LOG",
    "ERROR",
    "FATAL",
    "PANIC",
    "WARNING",
    "NOTICE",
    "DETAIL",
    "HINT",
    "CONTEXT",
    "STATEMENT",
    "UTC",
    "duration",
    "ms",
    "statement",
    "execute",
    "postgres",
];

/// The beginning of a line that was not understood: its form, and none of its words but the server's own. Nobody knows what
/// else stands there.
pub fn line(text: &[u8]) -> String {
    const MOST: usize = 120;
    let text = String::from_utf8_lossy(text);
    let mut masked = String::new();
    let shown: String = text.chars().take(MOST).collect();
    let mut word = String::new();
    for character in shown.chars().chain(std::iter::once(' ')) {
        if character.is_alphabetic() {
            word.push(character);
            continue;
        }
        match WORDS.contains(&word.as_str()) {
            true => masked.push_str(&word),
            false => masked.extend(word.chars().map(|_| 'x')),
        }
        word.clear();
        masked.push(match character {
            digit if digit.is_ascii_digit() => '9',
            control if control.is_control() => '·',
            other => other,
        });
    }
    masked.pop();
    if text.chars().count() > MOST {
        masked.push('…');
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_gone_and_names_stay() {
        for (text, masked) in [
            ("relation \"orders\" does not exist", "relation \"orders\" does not exist"),
            (
                "duplicate key value violates unique constraint \"users_pkey\"",
                "duplicate key value violates unique constraint \"users_pkey\"",
            ),
            ("invalid input syntax for type integer: \"canary\"", "invalid input syntax for type integer: \"…\""),
            ("password authentication failed for user \"canary\"", "password authentication failed for user \"…\""),
            ("value 4111111111111111 is out of range for type integer", "value ? is out of range for type integer"),
            ("unterminated quoted string at or near \"'canary", "unterminated quoted string at or near \"…\""),
            ("la relation « canary » n'existe pas", "la relation «…» n'…'"),
        ] {
            assert_eq!(message(text.as_bytes()), masked);
        }
        assert_eq!(lock_object(b"tuple (0,1) of relation 16384 of database 5"), "tuple of relation of database");
        assert_eq!(line(b"db7: pa$s 5"), "xx9: xx$x 9");
    }
}
