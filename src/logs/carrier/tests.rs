//! A log put into each carrier and taken out again, samples of each carrier's own habits, and bytes that are none of anything.

use super::holds::tests::split;
use super::{Carrier, Chain, Envelope, Format, Kind, Notes, Options, detect, json};
use proptest::prelude::*;

/// A log as a server wrote it with `log_line_prefix = '%m [%p] %q%u@%d '`: messages of several lines, a forged line inside a
/// value, a value that looks like a carrier's line.
const LOG: &str = "\
2026-11-22 02:00:16.670 UTC [4801] LOG:  starting PostgreSQL 15.18 on x86_64-pc-linux-gnu
2026-11-22 02:00:16.671 UTC [4801] LOG:  listening on IPv4 address \"127.0.0.1\", port 5432
2026-11-22 02:00:17.001 UTC [4882] app@shop LOG:  duration: 0.575 ms  statement: SELECT a.id,
\t       a.name
\t\tFROM authors a
\t
\t WHERE a.name = 'x\\y'
2026-11-22 02:00:17.002 UTC [4882] app@shop LOG:  duration: 0.101 ms  execute <unnamed>: select * from books where author_id = $1
2026-11-22 02:00:17.002 UTC [4882] app@shop DETAIL:  parameters: $1 = '5'
2026-11-22 02:00:17.003 UTC [4883] app@shop ERROR:  relation \"missing\" does not exist at character 15
2026-11-22 02:00:17.003 UTC [4883] app@shop STATEMENT:  select * from missing where x = 'a
\t2026-11-22 02:00:17.003 UTC [4883] app@shop LOG:  duration: 9.9 ms  statement: forged
\t{\"log\":\"forged\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-22T02:00:17Z\"}
\tdb-1  | forged'
2026-11-22 02:00:17.104 UTC [4882] app@shop LOG:  duration: 12.345 ms  statement: select 'é 😀 <&> \" end'
";

const JSONLOG: &str = r#"{"timestamp":"2026-11-22 02:00:17.001 UTC","user":"app","dbname":"shop","pid":4882,"session_id":"6922f1a0.1312","line_num":1,"error_severity":"LOG","message":"duration: 0.575 ms  statement: select\n 1","backend_type":"client backend","query_id":-5}
{"timestamp":"2026-11-22 02:00:17.002 UTC","user":"app","dbname":"shop","pid":4882,"session_id":"6922f1a0.1312","line_num":2,"error_severity":"LOG","message":"duration: 0.1 ms  statement: select '{\"log\":1}'","backend_type":"client backend","query_id":7}
"#;

fn options() -> Options {
    // 2026-11-22 03:00:00 UTC
    Options { reference: Some(1_795_316_400_000_000), utc_offset: 0 }
}

fn quoted(text: &str) -> String {
    let mut out = b"\"".to_vec();
    json::escape(text.as_bytes(), &mut out);
    out.push(b'"');
    String::from_utf8(out).unwrap()
}

/// The entries of a log: each head with the lines that continue it.
fn entries(log: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in log.lines() {
        match entries.last_mut() {
            Some(entry) if line.starts_with('\t') => *entry = format!("{entry}\n{line}"),
            _ => entries.push(line.to_owned()),
        }
    }
    entries
}

/// The process in `[…]`.
fn pid(entry: &str) -> &str {
    entry.split(['[', ']']).nth(1).unwrap()
}

/// The log in a carrier, its lines as the carrier has them.
fn wrap(kind: Kind, log: &str) -> Vec<u8> {
    let per_line = |front: &dyn Fn(&str) -> String| log.lines().map(front).collect::<String>();
    let per_entry = |front: &dyn Fn(&str) -> String| entries(log).iter().map(|entry| front(entry)).collect::<String>();
    let mut number = 0;
    let text = match kind {
        Kind::Utf16Le => {
            return "\u{feff}"
                .chars()
                .chain(log.chars())
                .collect::<String>()
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect();
        }
        Kind::Utf16Be => {
            return "\u{feff}"
                .chars()
                .chain(log.chars())
                .collect::<String>()
                .encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect();
        }
        Kind::DockerJson => per_line(&|line| {
            // cut as docker cuts, only earlier
            let mut pieces = Vec::new();
            let mut rest = format!("{line}\n");
            while rest.len() > 60 {
                let cut = (60..rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
                let tail = rest.split_off(cut);
                pieces.push(std::mem::replace(&mut rest, tail));
            }
            pieces.push(rest);
            let object = |piece: &String| {
                format!(
                    "{{\"log\":{},\"stream\":\"stderr\",\"time\":\"2026-11-22T02:00:16.670123456Z\"}}\n",
                    quoted(piece)
                )
            };
            pieces.iter().map(object).collect()
        }),
        Kind::JournalJson => per_line(&|line| {
            let message = if line.contains('é') {
                // what journalctl takes for unprintable
                format!("[{}]", line.bytes().map(|b| b.to_string()).collect::<Vec<_>>().join(","))
            } else {
                quoted(line)
            };
            format!(
                "{{\"__REALTIME_TIMESTAMP\":\"1795312816670123\",\"_HOSTNAME\":\"db1\",\"SYSLOG_IDENTIFIER\":\"postgres\",\"MESSAGE\":{message}}}\n"
            )
        }),
        Kind::CloudSql => {
            let object = |entry: &String| {
                format!(
                    "  {{\n    \"textPayload\": {},\n    \"logName\": \"projects/p/logs/cloudsql.googleapis.com%2Fpostgres.log\",\n    \"resource\": {{\"labels\": {{\"database_id\": \"p:db\"}}}},\n    \"timestamp\": \"2026-11-22T02:00:16.670123Z\"\n  }}",
                    quoted(entry)
                )
            };
            format!("[\n{}\n]\n", entries(log).iter().map(object).collect::<Vec<_>>().join(",\n"))
        }
        Kind::CloudWatch => {
            let object = |entry: &String| {
                format!(
                    "        {{\n            \"timestamp\": 1795312816670,\n            \"message\": {},\n            \"ingestionTime\": 1795312816999\n        }}",
                    quoted(entry)
                )
            };
            let events: Vec<_> = entries(log).iter().map(object).collect();
            format!("{{\n    \"events\": [\n{}\n    ],\n    \"nextForwardToken\": \"f/1\"\n}}\n", events.join(",\n"))
        }
        Kind::Azure => {
            let object = |entry: &String| {
                format!(
                    "{{\"time\":\"2026-11-22T02:00:16.670Z\",\"resourceId\":\"/S/DB\",\"category\":\"PostgreSQLLogs\",\"properties\":{{\"processId\":{},\"message\":{}}}}}",
                    pid(entry),
                    quoted(entry)
                )
            };
            format!("{{\"records\":[{}]}}\n", entries(log).iter().map(object).collect::<Vec<_>>().join(","))
        }
        Kind::Cri => per_line(&|line| {
            let cut = (line.len() / 2..).find(|at| line.is_char_boundary(*at)).unwrap();
            format!(
                "2026-11-22T02:00:16.670123456Z stderr P {}\n2026-11-22T02:00:16.670123999Z stderr F {}\n",
                &line[..cut],
                &line[cut..]
            )
        }),
        Kind::Heroku => {
            let mut out = String::new();
            for entry in entries(log) {
                number += 1;
                for chunk in split(number, &entry) {
                    out +=
                        &format!("2026-11-22T02:00:16.670123+00:00 app[postgres.{}]: [GREEN] {chunk}\n", pid(&entry));
                }
                out += "2026-11-22T02:00:17+00:00 heroku[router]: at=info method=GET path=\"/\"\n";
            }
            out
        }
        Kind::Syslog => {
            let mut out = String::new();
            for entry in entries(log) {
                number += 1;
                for chunk in split(number, &entry) {
                    let chunk = chunk.replace('\t', "#011");
                    out += &format!("Nov 22 02:00:16 db1 postgres[{}]: {chunk}\n", pid(&entry));
                    out += "Nov 22 02:00:16 db1 cron[77]: (root) CMD (true)\n";
                }
            }
            out
        }
        Kind::Kubectl => per_line(&|line| format!("[pod/db-0/postgres] {line}\n")),
        Kind::CloudWatchTail => per_entry(&|entry| format!("2026-11-22T02:00:16.670123+00:00 db.0 {entry}\n")),
        Kind::Timestamped => per_line(&|line| format!("2026-11-22T02:00:16.670123456Z {line}\n")),
        Kind::Compose => format!("Attaching to db-1, web-1\n{}", per_line(&|line| format!("db-1  | {line}\n"))),
        Kind::CloudNativePg | Kind::Supabase | Kind::PgBouncer => unreachable!("take the entry apart"),
    };
    text.into_bytes()
}

fn unwrap(chain: &Chain, bytes: &[u8]) -> (Vec<u8>, Notes) {
    chain.start(options()).all(bytes)
}

/// Without envelopes.
fn bare(bytes: &[u8]) -> String {
    let lines = bytes.split(|b| *b == b'\n').map(|line| String::from_utf8_lossy(Envelope::split(line).1).into_owned());
    lines.collect::<Vec<_>>().join("\n")
}

fn heads(bytes: &[u8]) -> Vec<Envelope> {
    let lines = bytes.split(|b| *b == b'\n').filter(|line| line.first() == Some(&1));
    lines.map(|line| Envelope::split(line).0).collect()
}

const AROUND_LINES: [Kind; 14] = [
    Kind::Utf16Le,
    Kind::Utf16Be,
    Kind::DockerJson,
    Kind::JournalJson,
    Kind::CloudSql,
    Kind::CloudWatch,
    Kind::Azure,
    Kind::Cri,
    Kind::Heroku,
    Kind::Syslog,
    Kind::Kubectl,
    Kind::CloudWatchTail,
    Kind::Timestamped,
    Kind::Compose,
];

#[test]
fn a_log_comes_out_as_it_went_in() {
    for kind in AROUND_LINES {
        let long = format!(
            "{LOG}2026-11-22 02:00:18.000 UTC [4882] app@shop LOG:  duration: 1.5 ms  statement: select {}\n\tfrom t\n",
            "a_column, ".repeat(700)
        );
        for log in [LOG.to_owned(), long.clone(), LOG.replace('\n', "\r\n")] {
            let wrapped = wrap(kind, &log);
            assert_eq!(detect(&wrapped), Some(kind), "{kind}");
            let chain = Chain::detect(&wrapped, options()).unwrap();
            assert_eq!((chain.kinds.as_slice(), chain.format), ([kind].as_slice(), Some(Format::Stderr)), "{kind}");
            let (out, notes) = unwrap(&chain, &wrapped);
            // the banner of compose is handed on
            let text = bare(&out).replace("Attaching to db-1, web-1\n", "");
            // several processes in turn: each entry whole, in the order they began
            let expected =
                if kind == Kind::Utf16Le || kind == Kind::Utf16Be { log.clone() } else { log.replace('\r', "") };
            assert_eq!(text, expected, "{kind}");
            assert_eq!(notes.lost, 0);
            if !matches!(kind, Kind::Utf16Le | Kind::Utf16Be | Kind::Kubectl | Kind::Compose) {
                let known = heads(&out);
                assert_eq!(known.len(), entries(&log).len(), "{kind}");
                let micros = known[0].time.unwrap();
                assert_eq!(micros / 1_000_000, 1_795_312_816, "{kind}");
            }
        }
    }
}

#[test]
fn pids_and_streams_are_kept() {
    for kind in [Kind::Heroku, Kind::Syslog, Kind::Azure] {
        let wrapped = wrap(kind, LOG);
        let (out, _) = unwrap(&Chain::detect(&wrapped, options()).unwrap(), &wrapped);
        let pids: Vec<_> = heads(&out).iter().map(|known| known.pid.unwrap().to_string()).collect();
        assert_eq!(pids, entries(LOG).iter().map(|entry| pid(entry).to_owned()).collect::<Vec<_>>());
        assert!(heads(&out).iter().all(|known| known.stream != 0));
    }
    let two = "a-1  | LOG:  x\nb-1  | LOG:  y\na-1  | \tx2\nb-1  | \ty2\na-1  | LOG:  z\n";
    let (out, _) = unwrap(&Chain::detect(two.as_bytes(), options()).unwrap(), two.as_bytes());
    assert_eq!(bare(&out), "LOG:  x\n\tx2\nLOG:  y\n\ty2\nLOG:  z\n");
    let known = heads(&out);
    assert!(known[0].stream == known[2].stream && known[0].stream != known[1].stream);
}

#[test]
fn no_carrier_is_seen_where_there_is_none() {
    for log in [LOG, JSONLOG, super::format::tests::CSV, "", "\n", "plain text\n", "{\"a\":1}\n"] {
        assert_eq!(detect(log.as_bytes()), None, "{log}");
        assert!(Chain::detect(log.as_bytes(), options()).unwrap().is_bare());
    }
    // RDS has its own prefix, and nothing around it
    let rds = "2020-03-11 20:40:43 UTC:10.0.0.1(4711):app@shop:[6527]:LOG:  duration: 1.0 ms  statement: select 1\n";
    assert_eq!(detect(rds.as_bytes()), None);
    assert_eq!(super::format(rds.as_bytes()), Some(Format::Stderr));
    let csv = super::format::tests::CSV
        .replace("forged", "x\n{\"log\":\"a\\n\",\"stream\":\"stderr\"}\n{\"log\":\"a\\n\",\"stream\":\"stderr\"}");
    assert_eq!(detect(csv.as_bytes()), None);
}

#[test]
fn carriers_nest() {
    let cnpg = CNPG.as_bytes();
    for outer in [Kind::DockerJson, Kind::Cri, Kind::Compose, Kind::Kubectl, Kind::Timestamped] {
        let wrapped = wrap(outer, CNPG);
        let chain = Chain::detect(&wrapped, options()).unwrap();
        assert_eq!(
            (chain.kinds.as_slice(), chain.format),
            ([outer, Kind::CloudNativePg].as_slice(), Some(Format::Jsonlog))
        );
        let (out, notes) = unwrap(&chain, &wrapped);
        let (alone, alone_notes) = unwrap(&Chain::detect(cnpg, options()).unwrap(), cnpg);
        let without_stream = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).replace("Attaching to db-1, web-1\n", "");
            text.lines().map(|line| line.split_once(',').map_or(line, |(_, rest)| rest).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(without_stream(&out), without_stream(&alone), "{outer}");
        assert_eq!(notes.foreign, alone_notes.foreign);
    }
    let utf16 = wrap(Kind::Utf16Le, &String::from_utf8(wrap(Kind::DockerJson, LOG)).unwrap());
    let chain = Chain::detect(&utf16, options()).unwrap();
    assert_eq!(chain.to_string(), "UTF-16 > docker json-file > stderr");
    assert_eq!(bare(&unwrap(&chain, &utf16).0), LOG);
}

#[test]
fn jsonlog_inside_gets_keys_and_csvlog_nothing() {
    for outer in [Kind::DockerJson, Kind::Cri, Kind::Compose] {
        let wrapped = wrap(outer, JSONLOG);
        let chain = Chain::detect(&wrapped, options()).unwrap();
        assert_eq!((chain.kinds.as_slice(), chain.format), ([outer].as_slice(), Some(Format::Jsonlog)), "{outer}");
        let text = String::from_utf8(unwrap(&chain, &wrapped).0).unwrap().replace("Attaching to db-1, web-1\n", "");
        let expected = if outer == Kind::Compose {
            JSONLOG.replace("{\"timestamp\"", "{\"pgassay_stream\":\"#\",\"timestamp\"")
        } else {
            JSONLOG.to_owned()
        };
        let stream = text.split("\"pgassay_stream\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("#");
        assert_eq!(text.replace(stream, "#"), expected);
    }
    let csv = super::format::tests::CSV;
    for outer in [Kind::DockerJson, Kind::Cri, Kind::Timestamped] {
        let wrapped = wrap(outer, csv);
        let chain = Chain::detect(&wrapped, options()).unwrap();
        assert_eq!(chain.format, Some(Format::Csvlog { columns: 26 }), "{outer}");
        assert_eq!(String::from_utf8(unwrap(&chain, &wrapped).0).unwrap(), csv);
    }
}

const CNPG: &str = r#"{"level":"info","ts":"2026-11-22T02:00:15Z","logger":"instance-manager","msg":"Starting","logging_pod":"cluster-1"}
{"level":"info","ts":"2026-11-22T02:00:16Z","logger":"postgres","msg":"record","logging_pod":"cluster-1","record":{"log_time":"2026-11-22 02:00:16.670 UTC","user_name":"app","database_name":"shop","process_id":"4882","connection_from":"10.0.0.1:35680","session_id":"6922f1a0.1312","session_line_num":"3","command_tag":"SELECT","session_start_time":"2026-11-22 02:00:00 UTC","virtual_transaction_id":"3/14","transaction_id":"0","error_severity":"LOG","sql_state_code":"00000","message":"duration: 0.575 ms  statement: select \"a\",\n b","application_name":"psql","backend_type":"client backend","query_id":"-5"}}
{"level":"info","ts":"2026-11-22T02:00:17Z","logger":"pgaudit","msg":"record","logging_pod":"cluster-1","record":{"message":"","audit":{"statement":"select 1"}}}
{"level":"info","ts":"2026-11-22T02:00:18Z","logger":"postgres","msg":"record","logging_pod":"cluster-2","record":{"process_id":"4","error_severity":"ERROR","message":"no","detail":"","query":"select x"}}
"#;

#[test]
fn cloud_native_pg() {
    let (out, notes) = unwrap(&Chain::detect(CNPG.as_bytes(), options()).unwrap(), CNPG.as_bytes());
    let text = String::from_utf8(out).unwrap();
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows.len(), notes.foreign, notes.broken), (2, 2, 0));
    for (key, expected) in [
        ("timestamp", serde_json::json!("2026-11-22 02:00:16.670 UTC")),
        ("user", "app".into()),
        ("dbname", "shop".into()),
        ("pid", 4882.into()),
        ("remote_host", "10.0.0.1".into()),
        ("remote_port", 35680.into()),
        ("line_num", 3.into()),
        ("ps", "SELECT".into()),
        ("vxid", "3/14".into()),
        ("message", "duration: 0.575 ms  statement: select \"a\",\n b".into()),
        ("query_id", (-5).into()),
    ] {
        assert_eq!(rows[0][key], expected, "{key}");
    }
    assert_eq!(rows[1]["timestamp"], "2026-11-22T02:00:18.000000Z");
    assert_eq!(rows[1]["statement"], "select x");
    assert!(rows[1].get("detail").is_none());
    assert_ne!(rows[0]["pgassay_stream"], rows[1]["pgassay_stream"]);
    // not one object a line
    let glued = CNPG.replace('\n', "");
    assert_eq!(
        String::from_utf8(unwrap(&Chain::detect(glued.as_bytes(), options()).unwrap(), glued.as_bytes()).0).unwrap(),
        text
    );
}

#[test]
fn supabase_rows() {
    let rows = r#"[{"event_message":"duration: 1.0 ms  statement: select 1","id":"a","metadata":[{"host":"db-x","parsed":[{"backend_type":"client backend","command_tag":"SELECT","error_severity":"LOG","process_id":4882,"session_id":"6922f1a0.1312","session_line_num":3,"user_name":"app","database_name":"shop","query":null,"timestamp":"2026-11-22 02:00:16.670 UTC"}]}],"timestamp":1795312816670000},
{"event_message":"GET /","metadata":[{"request":[]}],"timestamp":1795312816670000},
{"event_message":"duration: 2.0 ms  statement: select 2","timestamp":1795312816670000}]"#;
    let chain = Chain::detect(rows.as_bytes(), options()).unwrap();
    assert_eq!((chain.kinds.as_slice(), chain.format), ([Kind::Supabase].as_slice(), Some(Format::Jsonlog)));
    let (out, notes) = unwrap(&chain, rows.as_bytes());
    let text = String::from_utf8(out).unwrap();
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rows.len(), notes.foreign), (2, 1));
    assert_eq!(rows[0]["timestamp"], "2026-11-22 02:00:16.670 UTC");
    assert_eq!(rows[0]["pid"], 4882);
    assert_eq!(rows[0]["message"], "duration: 1.0 ms  statement: select 1");
    assert!(rows[0].get("statement").is_none());
    assert_eq!(
        (&rows[1]["timestamp"], &rows[1]["error_severity"]),
        (&"2026-11-22T02:00:16.670000Z".into(), &"LOG".into())
    );
}

#[test]
fn azure_with_detail_and_the_single_server() {
    let rows = r#"{"time":"2026-11-22T02:00:16.670Z","resourceId":"/X/DB1","category":"PostgreSQLLogs","operationName":"LogEvent","properties":{"errorLevel":"LOG","processId":42,"message":"2026-11-22 02:00:16 UTC-6922f1a0.2a-LOG:  duration: 1.0 ms  execute <unnamed>: select $1","detail":"Parameters: $1 = 'a\nLOG:  b'"}}
{"time":"2026-11-22T02:00:17Z","resourceId":"/X/DB1","category":"PostgreSQLFlexSessions","properties":{"sessions":1}}
{"time":"2026-11-22T02:00:18Z","LogicalServerName":"old","category":"PostgreSQLLogs","properties":"{\"prefix\":\"2026-11-22 02:00:18 UTC-6922f1a0.2b-\",\"errorLevel\":\"LOG\",\"message\":\"connection received: host=1.2.3.4 port=5 pid=6\"}"}
"#;
    let chain = Chain::detect(rows.as_bytes(), options()).unwrap();
    assert_eq!(chain.to_string(), "Azure diagnostics > stderr");
    let (out, notes) = unwrap(&chain, rows.as_bytes());
    assert_eq!(
        bare(&out),
        "2026-11-22 02:00:16 UTC-6922f1a0.2a-LOG:  duration: 1.0 ms  execute <unnamed>: select $1\n\
         2026-11-22 02:00:16 UTC-6922f1a0.2a-DETAIL:  Parameters: $1 = 'a\n\tLOG:  b'\n\
         2026-11-22 02:00:18 UTC-6922f1a0.2b-LOG:  connection received: host=1.2.3.4 port=5 pid=6\n"
    );
    assert_eq!(notes.foreign, 1);
    assert_eq!(heads(&out)[0].pid, Some(42));
}

#[test]
fn cloud_sql_of_old_and_newest_first() {
    let row = |second: u32, text: &str| {
        format!(
            "{{\"insertId\":\"x\",\"logName\":\"projects/p/logs/cloudsql.googleapis.com%2Fpostgres.log\",\"textPayload\":{},\"timestamp\":\"2026-11-22T02:00:{second}Z\"}}\n",
            quoted(text)
        )
    };
    let log: String =
        (10..20).rev().map(|second| row(second, "[4882]: [3-1] db=shop,user=app LOG:  duration: 1.0 ms")).collect();
    let audit = "{\"logName\":\"projects/p/logs/cloudaudit.googleapis.com%2Factivity\",\"protoPayload\":{},\"timestamp\":\"2026-11-22T02:00:00Z\"}\n";
    let bytes = (log + audit).into_bytes();
    let (out, notes) = unwrap(&Chain::detect(&bytes, options()).unwrap(), &bytes);
    assert_eq!(heads(&out).len(), 10);
    assert_eq!(heads(&out)[0].time, Some(1_795_312_819_000_000));
    assert!(notes.is_descending && notes.foreign == 1);
}

#[test]
fn syslog_in_its_variants() {
    let run = |text: &str| {
        let chain = Chain { kinds: vec![Kind::Syslog], format: Some(Format::Stderr) };
        assert_eq!(detect(text.as_bytes()), Some(Kind::Syslog), "{text}");
        let (out, notes) = unwrap(&chain, text.as_bytes());
        (bare(&out), notes, heads(&out))
    };
    // a container whose driver is the journal: the program is the container, known by what it writes
    let (text, notes, _) = run(
        "2026-11-22T02:00:16+0000 h 3f2a[9]: init\n2026-11-22T02:00:16+0000 h 3f2a[9]: 2026-11-22 02:00:16 UTC [1] LOG:  x\n2026-11-22T02:00:16+0000 h 3f2a[9]: \ty\n",
    );
    assert_eq!((text.as_str(), notes.foreign), ("2026-11-22 02:00:16 UTC [1] LOG:  x\n\ty\n", 1));
    // splitting off: one message, its line feeds as the daemon writes them
    let (text, ..) = run("Nov 22 02:00:16 h postgres[9]: [7] LOG:  x#012#011y#012DETAIL:  z#012\n");
    assert_eq!(text, "LOG:  x\n\ty\nDETAIL:  z\n");
    // journalctl indents
    let (text, ..) = run(
        "Nov 22 02:00:16 h postgres[9]: LOG:  x\n                              y\n-- Boot 3f --\nNov 22 02:00:17 h postgres[9]: LOG:  z\n",
    );
    assert_eq!(text, "LOG:  x\n\ty\nLOG:  z\n");
    let (text, notes, _) = run(
        "Nov 22 02:00:16 h postgres_exporter[9]: level=info\nNov 22 02:00:16 h patroni[9]: INFO: no action\nNov 22 02:00:16 h postgres[9]: [1-1] LOG:  x\n",
    );
    assert_eq!((text.as_str(), notes.foreign), ("LOG:  x\n", 2));
    // a zone, and no reference
    let line = b"Nov 22 02:00:16 h postgres[9]: [1-1] LOG:  x\n";
    let chain = Chain { kinds: vec![Kind::Syslog], format: Some(Format::Stderr) };
    let time = |options| heads(&chain.start(options).all(line).0)[0].time;
    assert_eq!(time(Options { utc_offset: 3600, ..options() }), Some(1_795_309_216_000_000));
    assert_eq!(time(Options::default()), None);
}

#[test]
fn pgbouncer_is_counted() {
    let log = "2026-11-22 02:17:29.576 UTC [14011] LOG kernel file descriptor limit: 1024 (hard: 4096)\n\
               2026-11-22 02:17:29.576 UTC [14011] LOG C-0x562e89b42880: shop/app@127.0.0.1:37414 login attempt: db=shop user=app tls=no\n\
               2026-11-22 02:17:29.577 UTC [14011] LOG S-0x562e89b42990: shop/app@127.0.0.1:5432 new connection to server (from 127.0.0.1:5)\n\
               2026-11-22 02:17:30.000 UTC [14011] WARNING C-0x562e89b42880: pooler error: query_wait_timeout\n\
               2026-11-22 02:18:29.576 UTC [14011] LOG stats: 120 xacts/s, 240 queries/s, client parses 0/s, in 1 B/s, out 2 B/s, xact 5 us, query 3 us, wait 7 us\n";
    let chain = Chain::detect(log.as_bytes(), options()).unwrap();
    assert_eq!((chain.kinds.as_slice(), chain.format), ([Kind::PgBouncer].as_slice(), None));
    let (out, notes) = unwrap(&chain, log.as_bytes());
    let sum = notes.pgbouncer.unwrap();
    assert!(out.is_empty());
    assert_eq!((sum.logins, sum.server_connections, sum.problems, sum.periods), (1, 1, 1, 1));
    assert_eq!((sum.transactions_per_second, sum.queries_per_second, sum.wait_micros), (120.0, 240.0, 7.0));
}

#[test]
fn lines_of_others_pass_through() {
    let log = format!("{}not docker's\n{{\"log\":\"cut off\n", String::from_utf8(wrap(Kind::DockerJson, LOG)).unwrap());
    let (out, notes) = unwrap(&Chain::detect(log.as_bytes(), options()).unwrap(), log.as_bytes());
    assert_eq!(bare(&out), format!("{LOG}not docker's\n{{\"log\":\"cut off\n"));
    assert_eq!(notes.broken, 2);
    // no UTF-8
    let latin = b"2026-11-22T02:00:16.670123456Z stderr F LOG:  caf\xe9\n".repeat(3);
    let (out, _) = unwrap(&Chain::detect(&latin, options()).unwrap(), &latin);
    assert!(out.ends_with(b"\x02LOG:  caf\xe9\n"));
}

#[test]
fn what_does_not_end_is_flushed() {
    let piece = format!("2026-11-22T02:00:16Z stderr P {}\n", "x".repeat(1 << 20));
    let chain = Chain { kinds: vec![Kind::Cri], format: Some(Format::Stderr) };
    let mut unwrap = chain.start(options());
    let mut out = Vec::new();
    for _ in 0..20 {
        unwrap.feed(piece.as_bytes(), &mut out);
    }
    assert_eq!(bare(&out).trim_end().len(), super::LIMIT);
    unwrap.feed(b"2026-11-22T02:00:16Z stderr F end\n2026-11-22T02:00:16Z stderr F LOG:  next\n", &mut out);
    assert!(bare(&out).ends_with("xend\nLOG:  next\n"));
    assert_eq!(bare(&out).lines().filter(|line| line.starts_with('\t')).count(), 1);
}

/// The output for any cutting of the input.
fn in_pieces(chain: &Chain, bytes: &[u8], cuts: &[usize]) -> (Vec<u8>, Notes) {
    let mut unwrap = chain.start(options());
    let (mut out, mut from) = (Vec::new(), 0);
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    for cut in cuts {
        unwrap.feed(&bytes[from..cut], &mut out);
        from = cut;
    }
    unwrap.feed(&bytes[from..], &mut out);
    unwrap.finish(&mut out);
    (out, unwrap.notes())
}

fn any_chain() -> impl Strategy<Value = Chain> {
    let format = prop_oneof![
        Just(None),
        Just(Some(Format::Stderr)),
        Just(Some(Format::Jsonlog)),
        Just(Some(Format::Csvlog { columns: 26 }))
    ];
    (prop::collection::vec(prop::sample::select(Kind::ALL.to_vec()), 0..3), format)
        .prop_map(|(kinds, format)| Chain { kinds, format })
}

/// Bytes of the alphabet that carriers are made of, so that more than the first branch is reached.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b"\\",
        b",",
        b":",
        b"\n",
        b"\r\n",
        b"\t",
        b" ",
        b"\x01",
        b"\x1f",
        b"\x02",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\"log\":",
        b"\"time\":",
        b"\"events\":[",
        b"\"records\": [",
        b"\"message\":",
        b"\"timestamp\":5",
        b"{\"log\":\"a\\n\",\"time\":\"2026-11-22T02:00:16Z\"}",
        b"{\"textPayload\":\"LOG:  x\",\"timestamp\":\"2026-11-22T02:00:16Z\"}",
        b"{\"logger\":\"postgres\",\"msg\":\"record\",\"record\":{\"message\":\"x\"}}",
        b"\"MESSAGE\":[1,2]",
        b"{\"event_message\":\"x\"}",
        b"\"properties\":{\"message\":\"a\",\"errorLevel\":\"LOG\"}",
        b"2026-11-22T02:00:16.5Z",
        b" stderr F ",
        b" stdout P ",
        b"Nov 22 02:00:16 h ",
        b"postgres[7]: ",
        b"[5-1] ",
        b"[5-2] ",
        b"[6] ",
        b"app[postgres.5]: [GREEN] ",
        b"<134>1 ",
        b"db-1  | ",
        b"[pod/a/b] ",
        b"LOG:  x",
        b"#011",
        b"#012",
        b"2026-11-22 02:17:29.576 UTC [14011] LOG stats: 1 xacts/s",
        b"\\u00e9",
        b"\\ud83d",
        b"- - -",
    ];
    prop::collection::vec(prop::sample::select(words), 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_bytes_in_any_pieces(chain in any_chain(), bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..600), fragments()], cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        let whole = in_pieces(&chain, &bytes, &[]);
        prop_assert_eq!(&in_pieces(&chain, &bytes, &cuts), &whole);
        let each: Vec<_> = (0..bytes.len()).collect();
        prop_assert_eq!(&in_pieces(&chain, &bytes, &each), &whole);
    }

    #[test]
    fn any_bytes_are_looked_at(bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..600), fragments()]) {
        let _ = Chain::detect(&bytes, options()).map(|chain| chain.start(options()).all(&bytes));
        let _ = (super::format(&bytes), super::is_log(&bytes));
    }

    #[test]
    fn wrapped_logs_in_any_pieces(kind in prop::sample::select(AROUND_LINES.to_vec()), cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        let wrapped = wrap(kind, LOG);
        let chain = Chain { kinds: vec![kind], format: Some(Format::Stderr) };
        prop_assert_eq!(in_pieces(&chain, &wrapped, &cuts), in_pieces(&chain, &wrapped, &[]));
    }
}
