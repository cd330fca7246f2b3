//! A file as pairs of key and value, each with the path of the blocks it stands in and its line, whatever it is written in.
//!
//! These are no full parsers: they find what is written plainly and say of the rest that they cannot read it. None of them
//! fails, and all take time in proportion to the text.

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The blocks it stands in and the key itself, in small letters without `-` and `_`.
    pub(super) path: Vec<String>,
    /// The key as it is written.
    pub(super) key: String,
    /// The value as it is written, quotes included.
    pub(super) value: String,
    /// The line, 1-based.
    pub(super) line: usize,
}

impl Entry {
    fn new(blocks: &[String], key: &str, value: &str, line: usize) -> Self {
        let mut path: Vec<String> = blocks.iter().filter(|block| !block.is_empty()).cloned().collect();
        path.extend(key.split('.').map(normal));
        let value = value.trim().chars().take(LONGEST).collect();
        Self { path, key: key.to_owned(), value, line }
    }

    /// The key, in small letters without `-` and `_`.
    pub(super) fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }
}

/// Longer values are no settings of pools.
const LONGEST: usize = 200;
/// More blocks inside each other than anybody writes: what is deeper is not read.
const DEEPEST: usize = 64;

fn normal(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '-' | '_' | '"' | '\'')).collect::<String>().to_ascii_lowercase()
}

/// Everything a file says.
pub(super) fn read(name: &str, text: &str) -> Vec<Entry> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let extension =
        name.rsplit(['/', '\\']).next().unwrap_or(name).rsplit('.').next().unwrap_or("").to_ascii_lowercase();
    let mut entries = match extension.as_str() {
        "properties" | "env" => properties(text),
        "yml" | "yaml" => yaml(text),
        "ini" | "cfg" | "conf" | "toml" => sections(text),
        "json" | "json5" | "js" | "cjs" | "mjs" | "ts" | "mts" | "go" | "rs" | "java" | "kt" | "kts" | "cs" => {
            code(text, false)
        }
        "py" | "rb" => code(text, true),
        _ => guess(text),
    };
    entries.extend(urls(text));
    only_production(entries)
}

fn guess(text: &str) -> Vec<Entry> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    match lines.next() {
        Some(line) if line.starts_with('[') && line.ends_with(']') => sections(text),
        Some(line) if line.starts_with('{') => code(text, false),
        Some(line) if !line.contains(['(', '{', ';']) && line.split_once(':').is_some_and(|(key, _)| is_key(key)) => {
            yaml(text)
        }
        Some(line) if !line.contains(['(', '{', ';']) && line.split_once('=').is_some_and(|(key, _)| is_key(key)) => {
            properties(text)
        }
        _ => code(text, true),
    }
}

fn is_key(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '"'))
}

/// Where environments are told apart, only what production has counts, and what all of them share.
fn only_production(mut entries: Vec<Entry>) -> Vec<Entry> {
    let first = |entry: &Entry| entry.path.first().cloned().unwrap_or_default();
    if entries.iter().any(|entry| first(entry) == "production") {
        entries.retain(|entry| !matches!(first(entry).as_str(), "development" | "test" | "staging" | "ci"));
        // what production says itself stands after what it takes from elsewhere: the last one counts
        entries.sort_by_key(|entry| first(entry) == "production");
    }
    entries
}

/// `key=value`, `key: value` and `export KEY=value`.
fn properties(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let line = line.trim();
        if line.starts_with(['#', '!']) {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some(split) = line.find(['=', ':']) else { continue };
        let (key, value) = line.split_at(split);
        let mut value = value.get(1..).unwrap_or("").trim().to_owned();
        while value.ends_with('\\') && value.len() < LONGEST {
            value.pop();
            match lines.next() {
                Some((_, more)) => value.push_str(more.trim()),
                None => break,
            }
        }
        entries.push(Entry::new(&[], key.trim(), &value, at + 1));
    }
    entries
}

/// INI and TOML.
fn sections(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut section: Vec<String> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') && !line.contains('=') {
            let name = line.trim_matches(['[', ']', ' ']);
            section = name.split('.').map(normal).take(DEEPEST).collect();
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim(), without_comment(value.trim()));
        if section.first().is_some_and(|first| first == "databases") {
            // PgBouncer: name = host=… pool_size=…
            let blocks = [section.clone(), vec![normal(key)]].concat();
            let parts = value.split_whitespace().filter_map(|part| part.split_once('='));
            entries.extend(parts.map(|(key, value)| Entry::new(&blocks, key, value, at + 1)));
        }
        entries.push(Entry::new(&section, key, value, at + 1));
    }
    entries
}

/// Without what follows ` #` outside quotes.
fn without_comment(value: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in value.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, '#') if before.is_whitespace() => return value.get(..at).unwrap_or(value).trim(),
            _ => {}
        }
        before = c;
    }
    value
}

/// YAML, as configurations have it: blocks by indentation, scalars, lists, anchors that are merged.
fn yaml(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    // the indentation of each open block, and its name
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut literal: Option<usize> = None;
    for (at, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let mut rest = without_comment(line.trim());
        if rest.is_empty() || rest.starts_with('#') || rest == "---" {
            continue;
        }
        if literal.is_some_and(|outer| indent > outer) {
            continue;
        }
        literal = None;
        let mut column = indent;
        while let Some(item) = rest.strip_prefix("- ") {
            column += 2;
            rest = item.trim_start();
        }
        open.retain(|(outer, _)| *outer < column);
        let Some((key, value)) = split_pair(rest) else { continue };
        let value = value.trim();
        let blocks: Vec<String> = open.iter().map(|(_, name)| name.clone()).collect();
        let is_block = value.is_empty() || value.starts_with(['&', '!']) && !value.contains(' ');
        if is_block && open.len() < DEEPEST {
            open.extend(key.split('.').map(|part| (column, normal(part))));
        } else if value.starts_with(['|', '>']) {
            literal = Some(column);
        } else if value.starts_with('{') {
            let inner = code(value, true);
            let blocks = [blocks, vec![normal(key)]].concat();
            entries.extend(inner.into_iter().map(|entry| Entry::new(&blocks, &entry.key, &entry.value, at + 1)));
        } else {
            entries.push(Entry::new(&blocks, key, value, at + 1));
        }
    }
    entries
}

fn split_pair(text: &str) -> Option<(&str, &str)> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let end = text.get(1..)?.find(quote)? + 1;
        let rest = text.get(end + 1..)?.trim_start().strip_prefix(':')?;
        return Some((text.get(1..end)?, rest));
    }
    match text.strip_suffix(':') {
        Some(key) if !key.contains(": ") => Some((key, "")),
        _ => text.split_once(": "),
    }
}

/// The parameters of connection strings, wherever they stand.
fn urls(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let mut from = 0;
        while let Some(found) = line.get(from..).and_then(|rest| rest.find("://")) {
            let start = from + found;
            let scheme_start = line
                .get(..start)
                .and_then(|before| before.rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | ':'))))
                .map_or(0, |before| before + 1);
            let scheme = line.get(scheme_start..start).unwrap_or("");
            let rest = line.get(start + 3..).unwrap_or("");
            let url = rest
                .split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>'))
                .next()
                .unwrap_or("");
            from = start + 3 + url.len();
            if !scheme.contains("postgres") && !scheme.contains("prisma") {
                continue;
            }
            let blocks = ["url".to_owned()];
            entries.push(Entry::new(&blocks, "scheme", scheme, at + 1));
            let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
            let pairs = parameters.split(['&', ';']).filter_map(|pair| pair.split_once('='));
            entries.extend(pairs.map(|(key, value)| Entry::new(&blocks, key, value, at + 1)));
        }
    }
    entries
}

/// A word of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'a> {
    text: &'a str,
    from: usize,
    line: usize,
}

/// A source, or JSON: `key: value`, `key = value` and `call(value)`, in the blocks and calls they stand in.
fn code(text: &str, hash_comments: bool) -> Vec<Entry> {
    let tokens = tokens(text, hash_comments);
    let mut entries = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut pending = String::new();
    let ends = ends(&tokens);
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1);
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        match token.text {
            "{" | "[" | "(" => {
                let name = match before {
                    Some(word) if is_word(word.text) => normal(word.text),
                    Some(word) if matches!(word.text, ":" | "=" | "=>") => std::mem::take(&mut pending),
                    _ => String::new(),
                };
                open.push(name);
            }
            "}" | "]" | ")" => {
                open.pop();
            }
            word if is_word(word) || is_string(word) => {
                let Some(next) = next else { continue };
                let key = word.trim_matches(['"', '\'', '`']);
                let begin = match next.text {
                    ":" | "=" | "=>" => at + 2,
                    "(" if is_word(word) => at + 1,
                    _ => continue,
                };
                pending = normal(key);
                if open.len() > DEEPEST || !is_key(key) {
                    continue;
                }
                let value = match next.text {
                    "(" => inside(text, &tokens, &ends, begin),
                    _ => value(text, &tokens, &ends, begin),
                };
                entries.push(Entry::new(&open, key, value, token.line));
            }
            _ => {}
        }
    }
    entries
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$')
}

fn is_string(text: &str) -> bool {
    text.starts_with(['"', '\'', '`'])
}

/// Where each bracket closes.
fn ends(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut ends = vec![tokens.len(); tokens.len()];
    let mut open: Vec<usize> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "{" | "[" | "(" => open.push(at),
            "}" | "]" | ")" => {
                if let Some(end) = open.pop().and_then(|start| ends.get_mut(start)) {
                    *end = at;
                }
            }
            _ => {}
        }
    }
    ends
}

fn slice<'a>(text: &'a str, tokens: &[Token<'a>], first: usize, end: usize) -> &'a str {
    let (Some(from), Some(last)) = (tokens.get(first), end.checked_sub(1).and_then(|at| tokens.get(at))) else {
        return "";
    };
    let to = last.from + last.text.len();
    let most = from.from + LONGEST * 4;
    if to <= from.from || to > most { "" } else { text.get(from.from..to).unwrap_or("") }
}

/// What stands between the brackets of a call.
fn inside<'a>(text: &'a str, tokens: &[Token<'a>], ends: &[usize], bracket: usize) -> &'a str {
    ends.get(bracket).map_or("", |end| slice(text, tokens, bracket + 1, *end))
}

/// A value up to the comma or the end of its line, brackets closed.
fn value<'a>(text: &'a str, tokens: &[Token<'a>], ends: &[usize], first: usize) -> &'a str {
    /// Longer values are no numbers.
    const WORDS: usize = 40;
    let mut at = first;
    let mut line = tokens.get(first).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at).filter(|_| at < first + WORDS) {
        match token.text {
            "," | ";" | "}" | "]" | ")" => break,
            _ if token.line > line => break,
            "{" | "[" | "(" => {
                at = ends.get(at).copied().unwrap_or(tokens.len());
                line = tokens.get(at).map_or(line, |token| token.line);
                at += 1;
            }
            _ => at += 1,
        }
    }
    slice(text, tokens, first, at.min(tokens.len()))
}

fn tokens(text: &str, hash_comments: bool) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(&byte) = bytes.get(at) {
        let rest = text.get(at..).unwrap_or("");
        let length = match byte {
            b'\n' => {
                (at, line) = (at + 1, line + 1);
                continue;
            }
            b if b.is_ascii_whitespace() => 1,
            b'/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            b'#' if hash_comments => rest.find('\n').unwrap_or(rest.len()),
            b'"' | b'\'' | b'`' => {
                let length = quoted(rest, byte);
                tokens.push(Token { text: rest.get(..length).unwrap_or(""), from: at, line });
                length
            }
            b if b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80 => {
                let length =
                    rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$'))).unwrap_or(rest.len());
                // a character that is in no word still must be passed
                let length = length.max(rest.chars().next().map_or(1, char::len_utf8));
                tokens.push(Token { text: rest.get(..length).unwrap_or(""), from: at, line });
                length
            }
            b'=' if rest.starts_with("=>") => {
                tokens.push(Token { text: "=>", from: at, line });
                2
            }
            // neither a comparison nor a path of Rust is an assignment
            b'=' | b':' | b'!' | b'<' | b'>'
                if rest.get(1..2).is_some_and(|next| next == "=" || (byte == b':' && next == ":")) =>
            {
                let text = if rest.starts_with(":=") { "=" } else { rest.get(..2).unwrap_or("") };
                tokens.push(Token { text, from: at, line });
                2
            }
            _ => {
                tokens.push(Token { text: rest.get(..1).unwrap_or(""), from: at, line });
                1
            }
        };
        line += rest.get(..length).map_or(0, |passed| passed.bytes().filter(|byte| *byte == b'\n').count());
        at += length;
    }
    tokens
}

/// The length of a string; to the end of its line where it is not closed, so that an apostrophe swallows nothing.
fn quoted(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let triple = [quote, quote, quote];
    if bytes.starts_with(&triple) {
        let rest = bytes.get(3..).unwrap_or_default();
        return rest.windows(3).position(|three| three == triple).map_or(bytes.len(), |at| at + 6);
    }
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\n' if quote != b'`' => return at,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(name: &str, text: &str) -> Vec<(String, String, usize)> {
        read(name, text).into_iter().map(|entry| (entry.path.join("."), entry.value, entry.line)).collect()
    }

    fn is_there(name: &str, text: &str, path: &str, value: &str, line: usize) {
        let all = found(name, text);
        assert!(all.contains(&(path.to_owned(), value.to_owned(), line)), "{path} {value} {line} in {all:#?}");
    }

    #[test]
    fn properties_and_environments() {
        let text = "# c\nspring.datasource.hikari.maximum-pool-size = 10\nexport A=\"1\"\nlong=a\\\n  b\n";
        is_there("a.properties", text, "spring.datasource.hikari.maximumpoolsize", "10", 2);
        is_there("a.properties", text, "a", "\"1\"", 3);
        is_there("a.properties", text, "long", "ab", 4);
    }

    #[test]
    fn blocks_of_yaml() {
        let text = "\
spring:
  datasource:
    hikari: # sizes
      maximum-pool-size: 10   # many
      pool-name: \"a # b\"
  other: |
    maximum-pool-size: 99
list:
  - name: a
    size: 3
flow: { max: 5, min: 1 }
spring.datasource.hikari.idle-timeout: 7
";
        is_there("a.yml", text, "spring.datasource.hikari.maximumpoolsize", "10", 4);
        is_there("a.yml", text, "spring.datasource.hikari.poolname", "\"a # b\"", 5);
        is_there("a.yml", text, "list.size", "3", 10);
        is_there("a.yml", text, "flow.max", "5", 11);
        is_there("a.yml", text, "spring.datasource.hikari.idletimeout", "7", 12);
        assert!(!found("a.yml", text).iter().any(|(_, value, _)| value == "99"));
    }

    #[test]
    fn production_counts() {
        let text = "default: &default\n  pool: 5\ndevelopment:\n  pool: 99\nproduction:\n  <<: *default\n  pool: 7\n";
        let all = found("database.yml", text);
        assert!(!all.iter().any(|(_, value, _)| value == "99"));
        assert_eq!(all.last().unwrap(), &("production.pool".into(), "7".into(), 7));
    }

    #[test]
    fn sections_of_ini_and_toml() {
        let text = "[databases]\nshop = host=h port=5432 pool_size=7\n[pgbouncer]\n; x\ndefault_pool_size = 20\n";
        is_there("pgbouncer.ini", text, "databases.shop.poolsize", "7", 2);
        is_there("pgbouncer.ini", text, "pgbouncer.defaultpoolsize", "20", 5);
        let text = "[pg.pool]\nmax_size = 16 # n\n[pg.pool.timeouts]\nwait = { secs = 10, nanos = 0 }\n";
        is_there("a.toml", text, "pg.pool.maxsize", "16", 2);
        is_there("a.toml", text, "pg.pool.timeouts.wait", "{ secs = 10, nanos = 0 }", 4);
    }

    #[test]
    fn sources() {
        let js = "const pool = new Pool({\n  max: 20, // many\n  'idleTimeoutMillis': 30_000\n  url: `a\n b`,\n  f: () => 3,\n})\n";
        is_there("a.js", js, "pool.max", "20", 2);
        is_there("a.js", js, "pool.idletimeoutmillis", "30_000", 3);
        let python = "DATABASES = {\n  'default': {\n    'OPTIONS': {'pool': {'max_size': 4}},  # it's\n  },\n}\nx = f(pool_size=5, a=g(1, 2))\n";
        is_there("settings.py", python, "databases.default.options.pool.maxsize", "4", 3);
        is_there("settings.py", python, "f.poolsize", "5", 6);
        is_there("settings.py", python, "f.a", "g(1, 2)", 6);
        let rust = "PgPoolOptions::new()\n  .max_connections(5)\n  .acquire_timeout(Duration::from_secs(3));";
        is_there("a.rs", rust, "maxconnections", "5", 2);
        is_there("a.rs", rust, "acquiretimeout", "Duration::from_secs(3)", 3);
        let go = "db.SetMaxOpenConns(25)\ndb.SetConnMaxLifetime(5 * time.Minute)\nif a == b { c := 3 }\n";
        is_there("a.go", go, "setmaxopenconns", "25", 1);
        is_there("a.go", go, "setconnmaxlifetime", "5 * time.Minute", 2);
        let json = "{\"db\": {\"max\": 5, \"b\": [1, 2]}}";
        is_there("a.json", json, "db.max", "5", 1);
        is_there("unknown", json, "db.max", "5", 1);
    }

    #[test]
    fn parameters_of_connection_strings() {
        let text = "A=1\nDATABASE_URL=\"postgres://u:secret@h/db?pool_max_conns=7&x=y\" # http://a?b=c\n";
        is_there(".env", text, "url.poolmaxconns", "7", 2);
        is_there(".env", text, "url.scheme", "postgres", 2);
        assert!(!found(".env", text).iter().any(|(path, _, _)| path == "url.b"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fail(text in "(?s).{0,80}", brackets in "[\\[\\](){}:=,\"'a-c\n #*/\\\\é-]{0,80}") {
            for name in ["a.properties", "a.yml", "a.ini", "a.toml", "a.json", "a.py", "a", "a.rs"] {
                let _ = read(name, &text);
                let _ = read(name, &brackets);
            }
        }
    }

    #[test]
    fn long_texts_take_no_longer_than_they_are() {
        for text in ["[".repeat(200_000), "a:".repeat(100_000), "a(".repeat(100_000), "x: {".repeat(50_000)] {
            for name in ["a.yml", "a.json", "a.ini"] {
                let _ = read(name, &text);
            }
        }
    }
}
