//! The two spellings of a connection string, as libpq reads them: `key=value` words and URIs.
//!
//! Followed from the documentation and behaviour of libpq's `conninfo_parse` and `conninfo_uri_parse`. The one deliberate
//! difference is in the errors: a piece of a mistyped string may be a piece of a password, so only names of parameters
//! are ever repeated.

use super::target::TargetError;

/// One connection parameter that libpq knows, and the variable that supplies it.
struct Parameter {
    name: &'static str,
    variable: Option<&'static str>,
}

const fn parameter(name: &'static str, variable: &'static str) -> Parameter {
    Parameter { name, variable: Some(variable) }
}

const fn bare(name: &'static str) -> Parameter {
    Parameter { name, variable: None }
}

/// Every parameter of libpq 14 to 18.
static PARAMETERS: &[Parameter] = &[
    parameter("service", "PGSERVICE"),
    parameter("servicefile", "PGSERVICEFILE"),
    parameter("user", "PGUSER"),
    parameter("password", "PGPASSWORD"),
    parameter("passfile", "PGPASSFILE"),
    parameter("channel_binding", "PGCHANNELBINDING"),
    parameter("connect_timeout", "PGCONNECT_TIMEOUT"),
    parameter("dbname", "PGDATABASE"),
    parameter("host", "PGHOST"),
    parameter("hostaddr", "PGHOSTADDR"),
    parameter("port", "PGPORT"),
    parameter("client_encoding", "PGCLIENTENCODING"),
    parameter("options", "PGOPTIONS"),
    parameter("application_name", "PGAPPNAME"),
    bare("fallback_application_name"),
    bare("keepalives"),
    bare("keepalives_idle"),
    bare("keepalives_interval"),
    bare("keepalives_count"),
    bare("tcp_user_timeout"),
    parameter("sslmode", "PGSSLMODE"),
    parameter("sslnegotiation", "PGSSLNEGOTIATION"),
    parameter("sslcompression", "PGSSLCOMPRESSION"),
    parameter("sslcert", "PGSSLCERT"),
    parameter("sslkey", "PGSSLKEY"),
    parameter("sslcertmode", "PGSSLCERTMODE"),
    bare("sslpassword"),
    parameter("sslrootcert", "PGSSLROOTCERT"),
    parameter("sslcrl", "PGSSLCRL"),
    parameter("sslcrldir", "PGSSLCRLDIR"),
    parameter("sslsni", "PGSSLSNI"),
    bare("sslkeylogfile"),
    parameter("requirepeer", "PGREQUIREPEER"),
    parameter("require_auth", "PGREQUIREAUTH"),
    parameter("min_protocol_version", "PGMINPROTOCOLVERSION"),
    parameter("max_protocol_version", "PGMAXPROTOCOLVERSION"),
    parameter("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    parameter("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    parameter("gssencmode", "PGGSSENCMODE"),
    parameter("krbsrvname", "PGKRBSRVNAME"),
    parameter("gsslib", "PGGSSLIB"),
    parameter("gssdelegation", "PGGSSDELEGATION"),
    bare("replication"),
    parameter("target_session_attrs", "PGTARGETSESSIONATTRS"),
    parameter("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    bare("scram_client_key"),
    bare("scram_server_key"),
    bare("oauth_issuer"),
    bare("oauth_client_id"),
    bare("oauth_client_secret"),
    bare("oauth_scope"),
];

/// The parameters whose values are secrets.
const SECRETS: [&str; 5] = ["password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"];

/// The `'static` spelling of a parameter libpq knows.
pub(super) fn known(name: &str) -> Option<&'static str> {
    PARAMETERS.iter().map(|parameter| parameter.name).find(|known| *known == name)
}

/// (parameter, variable) for every parameter that a variable supplies.
pub(super) fn variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    PARAMETERS.iter().filter_map(|parameter| Some((parameter.name, parameter.variable?)))
}

/// Reads a connection string the way psql reads its argument: a URI, `key=value` words, or else a database's name.
///
/// A parameter given twice is returned twice; the last one counts.
pub(super) fn parse(text: &str) -> Result<Vec<(&'static str, String)>, TargetError> {
    if text.contains('\0') {
        return Err(TargetError::ZeroByte);
    }
    if let Some(rest) = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://")) {
        return uri(rest);
    }
    if text.contains('=') {
        return words(text);
    }
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![("dbname", text.to_owned())])
}

/// What C's `isspace` accepts.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// `key=value` words; values may be quoted, and a backslash takes the next character literally in both forms.
fn words(text: &str) -> Result<Vec<(&'static str, String)>, TargetError> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    let mut chars = text.chars().enumerate().peekable();
    loop {
        while chars.next_if(|(_, c)| is_space(*c)).is_some() {}
        let Some(&(start, _)) = chars.peek() else {
            return Ok(found);
        };
        let mut name = String::new();
        while let Some((_, c)) = chars.next_if(|(_, c)| *c != '=' && !is_space(*c)) {
            name.push(c);
        }
        while chars.next_if(|(_, c)| is_space(*c)).is_some() {}
        if chars.next_if(|(_, c)| *c == '=').is_none() {
            return Err(TargetError::MissingEquals { position: start + 1 });
        }
        while chars.next_if(|(_, c)| is_space(*c)).is_some() {}
        let mut value = String::new();
        if let Some((quote, _)) = chars.next_if(|(_, c)| *c == '\'') {
            loop {
                match chars.next() {
                    None => {
                        return Err(TargetError::UnterminatedQuote { position: quote + 1 });
                    }
                    Some((_, '\'')) => break,
                    Some((_, '\\')) => value.extend(chars.next().map(|(_, c)| c)),
                    Some((_, c)) => value.push(c),
                }
            }
        } else {
            while let Some((_, c)) = chars.next_if(|(_, c)| !is_space(*c)) {
                if c == '\\' {
                    value.extend(chars.next().map(|(_, c)| c));
                } else {
                    value.push(c);
                }
            }
        }
        let Some(known) = known(&name) else {
            // `password=two words=x`: the unknown name is the rest of a password
            let after_secret = found.last().is_some_and(|(name, _)| SECRETS.contains(name));
            return Err(unknown(&name, after_secret, start + 1));
        };
        found.push((known, value));
    }
}

/// An unknown parameter, named only where it can be nothing but a name.
fn unknown(name: &str, after_secret: bool, position: usize) -> TargetError {
    let plain = name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain && !after_secret {
        TargetError::UnknownParameter { name: name.to_owned() }
    } else {
        TargetError::UnknownParameterAt { position }
    }
}

/// What follows `postgresql://`.
fn uri(rest: &str) -> Result<Vec<(&'static str, String)>, TargetError> {
    let mut found = Vec::new();
    let mut rest = rest;
    // the first @ before the first / ends the user and password
    if let Some(end) = rest.find(['@', '/']).filter(|end| rest[*end..].starts_with('@')) {
        let (user, password) = match rest[..end].split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (&rest[..end], None),
        };
        push_decoded(&mut found, "user", user)?;
        push_decoded(&mut found, "password", password.unwrap_or_default())?;
        rest = &rest[end + 1..];
    }
    let (mut hosts, mut ports) = (String::new(), String::new());
    loop {
        if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']').ok_or(TargetError::UnclosedBracket)?;
            if end == 0 {
                return Err(TargetError::EmptyBracket);
            }
            hosts.push_str(&inner[..end]);
            rest = &inner[end + 1..];
            if !rest.is_empty() && !rest.starts_with([':', '/', '?', ',']) {
                return Err(TargetError::AfterBracket);
            }
        } else {
            let end = rest.find([':', '/', '?', ',']).unwrap_or(rest.len());
            hosts.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        if let Some(port) = rest.strip_prefix(':') {
            let end = port.find(['/', '?', ',']).unwrap_or(port.len());
            ports.push_str(&port[..end]);
            rest = &port[end..];
        }
        let Some(next) = rest.strip_prefix(',') else {
            break;
        };
        hosts.push(',');
        ports.push(',');
        rest = next;
    }
    push_decoded(&mut found, "host", &hosts)?;
    push_decoded(&mut found, "port", &ports)?;
    if let Some(path) = rest.strip_prefix('/') {
        let end = path.find('?').unwrap_or(path.len());
        // libpq would take it for a database's name, and show it
        if path[..end].contains('@') {
            return Err(TargetError::UnencodedAt);
        }
        push_decoded(&mut found, "dbname", &path[..end])?;
        rest = &path[end..];
    }
    if let Some(query) = rest.strip_prefix('?') {
        for (index, pair) in query.split('&').enumerate() {
            if pair.is_empty() && index > 0 && query.ends_with('&') && query.split('&').count() == index + 1 {
                break;
            }
            if pair.is_empty() && query.is_empty() {
                break;
            }
            let number = index + 1;
            let (name, value) = pair.split_once('=').ok_or(TargetError::QueryEquals { number })?;
            if value.contains('=') {
                return Err(TargetError::QueryEquals { number });
            }
            let name = decode(name)?;
            let value = decode(value)?;
            match (known(&name), &*name, &*value) {
                (Some(known), _, _) => found.push((known, value)),
                // the spelling of JDBC
                (None, "ssl", "true") => found.push(("sslmode", "require".to_owned())),
                (None, _, _) => return Err(unknown(&name, false, number)),
            }
        }
    }
    Ok(found)
}

/// Adds a decoded part of a URI unless it is empty.
fn push_decoded(found: &mut Vec<(&'static str, String)>, name: &'static str, encoded: &str) -> Result<(), TargetError> {
    if !encoded.is_empty() {
        found.push((name, decode(encoded)?));
    }
    Ok(())
}

/// Percent-decoding. A plus sign is a plus sign.
fn decode(encoded: &str) -> Result<String, TargetError> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(TargetError::BadPercent);
        };
        match u8::try_from(high * 16 + low) {
            Ok(0) | Err(_) => return Err(TargetError::ZeroByte),
            Ok(byte) => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| TargetError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pairs as `key=value` lines, for short tests.
    fn read(text: &str) -> String {
        match parse(text) {
            Ok(pairs) => pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("|"),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn key_value_words() {
        for (text, expected) in [
            ("", ""),
            ("   ", ""),
            ("shop", "dbname=shop"),
            ("my shop", "dbname=my shop"),
            ("host=a port=1", "host=a|port=1"),
            (" host = a\tport\n=\n1 ", "host=a|port=1"),
            ("host=''", "host="),
            ("host= ", "host="),
            (r"password='it\'s \\ here' user=u", r"password=it's \ here|user=u"),
            (r"password=a\ b\\c user=u", r"password=a b\c|user=u"),
            (r"user=a\", "user=a"),
            ("user='a'host=b", "user=a|host=b"),
            ("host=a host=b", "host=a|host=b"),
            ("options='-c geqo=off'", "options=-c geqo=off"),
            ("user=é☃", "user=é☃"),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn uris() {
        for (text, expected) in [
            ("postgresql://", ""),
            ("postgres://h", "host=h"),
            ("postgresql://h:5433", "host=h|port=5433"),
            ("postgresql://h/db", "host=h|dbname=db"),
            ("postgresql://u@h", "user=u|host=h"),
            ("postgresql://u:p@h", "user=u|password=p|host=h"),
            ("postgresql://u:p:q@h", "user=u|password=p:q|host=h"),
            ("postgresql://@h", "host=h"),
            ("postgresql://:@/", ""),
            ("postgresql://u%40x:p%2Fq%25@h/d%20b", "user=u@x|password=p/q%|host=h|dbname=d b"),
            ("postgresql:///db?host=/sock", "dbname=db|host=/sock"),
            ("postgresql://%2Fvar%2Frun/db", "host=/var/run|dbname=db"),
            ("postgresql://[::1]:5433/db", "host=::1|port=5433|dbname=db"),
            ("postgresql://[2001:db8::1234]", "host=2001:db8::1234"),
            ("postgresql://[::1],b:2,c/db", "host=::1,b,c|port=,2,|dbname=db"),
            ("postgresql://a:1,b:2/?target_session_attrs=any", "host=a,b|port=1,2|target_session_attrs=any"),
            ("postgresql://h?user=u&password=p%26q", "host=h|user=u|password=p&q"),
            ("postgresql://h/?ssl=true", "host=h|sslmode=require"),
            ("postgresql://h/?", "host=h"),
            ("postgresql://h/?user=u&", "host=h|user=u"),
            ("postgresql://h/?user=a+b", "host=h|user=a+b"),
            ("postgresql://h/?us%65r=u", "host=h|user=u"),
            ("postgresql:///?host=a&host=b", "host=a|host=b"),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn mistakes_are_named_without_values() {
        for (text, expected) in [
            ("hots=a", "\"hots\""),
            ("postgresql://h/?hots=a", "\"hots\""),
            ("host=a port", "character 8"),
            ("host='a", "character 6"),
            ("postgresql://h/%zz", "%"),
            ("postgresql://h/%4", "%"),
            ("postgresql://h/%00", "zero byte"),
            ("postgresql://h/%ff", "UTF-8"),
            ("postgresql://[::1/db", "]"),
            ("postgresql://[]/db", "empty"),
            ("postgresql://[::1]x/db", "]"),
            ("postgresql://h/?user", "="),
            ("postgresql://h/?user=a=b", "="),
            ("postgresql://h/?ssl=maybe", "\"ssl\""),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn no_error_repeats_a_piece_of_a_password() {
        for text in [
            "host=a password=x canary",
            "host=a password=x canary=y",
            "host=a password='x canary",
            "postgresql://u:x/canary@h/db",
            "postgresql://u:x%zzcanary@h/db",
            "password=x canary!=1",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = parse(&text);
            let _ = parse(&format!("postgresql://{text}"));
            let _ = parse(&format!("host={text}"));
        }

        #[test]
        fn never_panics_on_the_grammar(text in "[a-z=:/?&@%,'\\\\\\[\\] 0-9é]{0,40}") {
            let _ = parse(&text);
            let _ = parse(&format!("postgres://{text}"));
        }

        #[test]
        fn quoted_values_come_back(value in "[^\0]*", user in "[^\0]*") {
            let quote = |text: &str| text.replace('\\', r"\\").replace('\'', r"\'");
            let text = format!("password = '{}' user='{}'", quote(&value), quote(&user));
            prop_assert_eq!(parse(&text).unwrap(), vec![("password", value), ("user", user)]);
        }

        #[test]
        fn percent_encoded_values_come_back(value in "[^\0]+", database in "[^\0]+") {
            let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
            let text = format!("postgresql://u:{}@h/{}", encode(&value), encode(&database));
            let expected = vec![
                ("user", "u".to_owned()), ("password", value), ("host", "h".to_owned()), ("dbname", database),
            ];
            prop_assert_eq!(parse(&text).unwrap(), expected);
        }
    }
}
