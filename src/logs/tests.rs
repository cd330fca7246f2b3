//! From the bytes of a log to its workload: what is one execution, what is one request, what is repeated in it.

use super::workload::{GroupKind, QueryLoad, Workload};
use super::*;

const PREFIX: &str = "%m [%p] %q%u@%d ";

/// A log that is written line by line: each entry so many milliseconds after the one before.
#[derive(Default)]
struct Log {
    text: String,
    at: i64,
}

impl Log {
    fn line(&mut self, pid: u32, after: i64, text: &str) {
        self.at += after;
        let at = 1_795_312_800_000 + self.at;
        let time = jiff::Timestamp::from_millisecond(at).unwrap().strftime("%Y-%m-%d %H:%M:%S%.3f UTC");
        self.text.push_str(&format!("{time} [{pid}] app@shop {text}\n"));
    }

    /// A statement of the simple protocol, a millisecond after the one before.
    fn sql(&mut self, pid: u32, sql: &str) {
        self.line(pid, 1, &format!("LOG:  duration: 0.500 ms  statement: {sql}"));
    }

    fn pause(&mut self, milliseconds: i64) {
        self.at += milliseconds;
    }
}

fn options() -> Options {
    Options { prefix: Some(prefix::Prefix::compile(PREFIX).unwrap()), jobs: 1, ..Options::default() }
}

fn read_with(text: &str, options: &Options) -> Workload {
    let bytes = text.as_bytes().to_vec();
    let source = Source {
        name: "test.log".into(),
        stream: 0,
        written: None,
        until: None,
        open: Box::new(move || Ok(Box::new(io::Cursor::new(bytes)))),
    };
    let outcome = read(vec![source], options, &AtomicBool::new(false));
    assert!(outcome.unreadable.is_empty(), "{:?}", outcome.unreadable);
    merge::settled(&outcome.workload)
}

fn workload(log: &Log) -> Workload {
    read_with(&log.text, &options())
}

fn query<'w>(workload: &'w Workload, part: &str) -> &'w QueryLoad {
    let found = workload.queries.iter().find(|query| query.text.contains(part));
    found.unwrap_or_else(|| {
        panic!("{part} is not among {:?}", workload.queries.iter().map(|q| &q.text).collect::<Vec<_>>())
    })
}

/// The groups of a kind: parent, child, units, executions of the child.
fn groups(workload: &Workload, kind: &GroupKind) -> Vec<(String, String, u64, u64)> {
    let table = |fingerprint: &String| {
        let query = workload.queries.iter().find(|query| query.fingerprint == *fingerprint).unwrap();
        query.tables.join(",")
    };
    let of_kind = workload.groups.iter().filter(|group| group.kind == *kind);
    of_kind
        .map(|group| {
            let parent = group.parent.as_ref().map_or_else(|| "-".to_owned(), table);
            (parent, table(&group.child), group.units, group.calls)
        })
        .collect()
}

fn one(parent: &str, child: &str, units: u64, calls: u64) -> Vec<(String, String, u64, u64)> {
    vec![(parent.into(), child.into(), units, calls)]
}

#[test]
fn look_ups_that_follow_a_list_are_counted_for_each_request() {
    let mut log = Log::default();
    for request in 0..6 {
        log.pause(400);
        log.sql(7, "select id, name from authors order by id limit 5");
        for author in 0..5 {
            log.sql(7, &format!("select * from books where author_id = {}", request * 5 + author));
        }
    }
    let workload = workload(&log);
    assert_eq!(groups(&workload, &GroupKind::NPlusOne), one("authors", "books", 6, 30));
    let group = &workload.groups[0];
    assert_eq!(group.join.as_deref(), Some("books.author_id = the key of authors"));
    assert_eq!((group.per_unit.least, group.per_unit.most, group.varying.as_slice()), (5, 5, [0].as_slice()));
    assert_eq!(workload.requests.iter().map(workload::RequestLoad::count).sum::<u64>(), 6);
}

#[test]
fn two_children_for_each_row_are_two_groups_and_requests_that_nothing_parts_are_none() {
    let mut log = Log::default();
    log.sql(7, "begin");
    log.sql(7, "select id from orders where state = 'open'");
    for order in 0..8 {
        log.sql(7, &format!("select * from items where order_id = {order}"));
        log.sql(7, &format!("select * from payments where order_id = {order}"));
    }
    log.sql(7, "commit");
    let found = groups(&workload(&log), &GroupKind::NPlusOne);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|(parent, _, units, calls)| (parent.as_str(), *units, *calls) == ("orders", 1, 8)));

    let mut log = Log::default();
    for user in 0..50 {
        log.sql(8, &format!("select * from users where id = {user}"));
        log.sql(8, &format!("select * from carts where user_id = {user}"));
        log.sql(8, &format!("select * from flags where user_id = {user}"));
    }
    let workload = workload(&log);
    assert_eq!(groups(&workload, &GroupKind::NPlusOne), []);
}

#[test]
fn a_look_up_of_the_same_kind_before_the_list_does_not_hide_it() {
    let mut log = Log::default();
    log.sql(7, "begin");
    log.sql(7, "select * from users where id = 1");
    log.sql(7, "select id, user_id from posts order by id desc limit 12");
    for user in 2..14 {
        log.sql(7, &format!("select * from users where id = {user}"));
    }
    log.sql(7, "commit");
    assert_eq!(groups(&workload(&log), &GroupKind::NPlusOne), one("posts", "users", 1, 12));
}

#[test]
fn the_same_values_are_a_duplicate_and_pages_are_pages() {
    let mut log = Log::default();
    log.sql(7, "begin");
    for _ in 0..6 {
        log.sql(7, "select * from settings where key = 'theme'");
    }
    for page in 0..6 {
        log.sql(7, &format!("select * from events order by id limit 20 offset {}", page * 20));
    }
    for last in 0..6 {
        log.sql(7, &format!("select * from audit where id > {} order by id limit 20", last * 20));
    }
    log.sql(7, "commit");
    let workload = workload(&log);
    assert_eq!(groups(&workload, &GroupKind::NPlusOne), []);
    assert_eq!(groups(&workload, &GroupKind::Duplicate), one("-", "settings", 1, 6));
    assert_eq!(groups(&workload, &GroupKind::Pagination).len(), 2);
    assert_eq!(query(&workload, "from events").offsets.most, 100);
}

#[test]
fn loops_of_writes_are_told_from_transactions_of_one_write() {
    let mut log = Log::default();
    log.sql(7, "begin");
    log.sql(7, "select id, author_id, price from books where stale");
    for book in 0..7 {
        log.sql(7, &format!("update books set price = {book} where id = {book}"));
    }
    for row in 0..7 {
        log.sql(7, &format!("insert into events (kind, payload) values ('k{row}', 'p')"));
    }
    log.sql(7, "commit");
    for job in 0..40 {
        log.sql(8, "begin");
        log.sql(8, &format!("insert into results (job, state) values ({job}, 'done')"));
        log.sql(8, "commit");
    }
    let workload = workload(&log);
    assert_eq!(groups(&workload, &GroupKind::InsertLoop), one("-", "events", 1, 7));
    let writes = groups(&workload, &GroupKind::NPlusOneWrite);
    assert_eq!(writes.len(), 1);
    assert_eq!((writes[0].1.as_str(), writes[0].3), ("books", 7));
    assert_eq!(groups(&workload, &GroupKind::Batch).len(), 1);
}

#[test]
fn a_list_of_keys_is_what_an_n_plus_one_should_be() {
    let mut log = Log::default();
    for _ in 0..4 {
        log.pause(400);
        log.sql(7, "select id from authors");
        log.sql(7, "select * from books where author_id in (1, 2, 3)");
        for author in 0..4 {
            log.sql(7, &format!("select * from books where author_id = {author}"));
        }
    }
    let workload = workload(&log);
    // pg_query gives both one fingerprint
    assert_eq!(groups(&workload, &GroupKind::NPlusOne), one("authors", "books", 4, 16));
    assert_eq!(groups(&workload, &GroupKind::EagerLoading), one("-", "books", 4, 4));
    assert_eq!(query(&workload, "from books").calls, 20);
}

#[test]
fn traces_join_what_two_connections_did() {
    let mut log = Log::default();
    for request in 0..3 {
        let trace = format!("/*route='%2Forders',traceparent='00-{:032x}-0000000000000001-01'*/", request + 1);
        log.sql(7, &format!("select id from orders where state = 'open' {trace}"));
        for order in 0..6 {
            log.sql(7 + order % 2, &format!("select * from items where order_id = {order} {trace}"));
        }
    }
    let workload = workload(&log);
    assert_eq!(groups(&workload, &GroupKind::NPlusOne), one("orders", "items", 3, 18));
    assert_eq!(workload.groups[0].routes.get("/orders"), Some(&3));
    assert_eq!(workload.requests[0].route.as_deref(), Some("/orders"));
}

#[test]
fn the_steps_of_the_extended_protocol_are_one_execution() {
    let mut log = Log::default();
    for id in [3, 5] {
        log.line(7, 1, "LOG:  duration: 0.200 ms  parse <unnamed>: select * from t where id = $1");
        log.line(7, 1, "LOG:  duration: 0.100 ms  bind <unnamed>: select * from t where id = $1");
        log.line(7, 0, &format!("DETAIL:  Parameters: $1 = '{id}'"));
        log.line(7, 1, "LOG:  duration: 0.050 ms  execute <unnamed>: select * from t where id = $1");
        log.line(7, 0, &format!("DETAIL:  Parameters: $1 = '{id}'"));
    }
    let workload = workload(&log);
    let query = query(&workload, "from t");
    assert_eq!((query.calls, query.durations.sum, query.execute.as_ref().unwrap().sum), (2, 700, 100));
    assert_eq!(workload.coverage.with_literals, 2);
    assert_eq!(workload.coverage.valueless, 0);
}

#[test]
fn statements_with_their_durations_apart_and_portals_that_are_fetched() {
    let mut log = Log::default();
    log.line(7, 1, "LOG:  statement: select * from t where id = 1");
    log.line(7, 1, "LOG:  duration: 2.000 ms");
    // parse and bind come before the text
    log.line(7, 1, "LOG:  duration: 0.300 ms");
    log.line(7, 1, "LOG:  duration: 0.200 ms");
    log.line(7, 1, "LOG:  execute s1: select * from u where id = $1");
    log.line(7, 1, "LOG:  duration: 1.000 ms");
    log.line(7, 1, "LOG:  duration: 4.000 ms  execute S_2/C_1: select * from v");
    log.line(7, 1, "LOG:  duration: 3.000 ms  execute fetch from S_2/C_1: select * from v");
    log.line(7, 1, "LOG:  duration: 3.000 ms  execute fetch from S_2/C_1: select * from v");
    log.line(8, 1, "LOG:  duration: 9.000 ms");
    let workload = workload(&log);
    let of = |part: &str| (query(&workload, part).calls, query(&workload, part).durations.sum);
    assert_eq!(of("from t"), (1, 2000));
    assert_eq!(of("from u"), (1, 1500));
    assert_eq!(of("from v"), (1, 10_000));
    assert_eq!(workload.coverage.nameless, 1);
}

#[test]
fn plans_belong_to_their_statements_in_both_orders() {
    let plan = "LOG:  duration: 0.400 ms  plan:\n\tQuery Text: select * from big\n\tSeq Scan on big  (cost=0.00..1.00 rows=20000 width=4) (actual time=0.1..0.2 rows=19000 loops=1)\n\t  Filter: (a = 1)\n\t  Rows Removed by Filter: 1000";
    let mut log = Log::default();
    for _ in 0..2 {
        log.line(7, 1, plan);
        log.line(7, 1, "LOG:  duration: 0.500 ms  statement: select * from big");
    }
    log.line(7, 1, "LOG:  duration: 0.500 ms  execute <unnamed>: select * from big");
    log.line(7, 1, plan);
    log.line(8, 1, plan);
    let workload = workload(&log);
    let query = query(&workload, "from big");
    assert_eq!((query.calls, query.plans, query.durations.count), (4, 4, 4));
    let scan = query.seq_scans.get("big").unwrap();
    assert_eq!((scan.plans, scan.most_rows, scan.is_measured), (4, 20_000.0, true));
    assert_eq!(query.rows.count, 4);
}

#[test]
fn failures_are_errors_and_no_executions() {
    let mut log = Log::default();
    log.line(7, 1, "ERROR:  relation \"nowhere\" does not exist at character 15");
    log.line(7, 0, "STATEMENT:  select * from nowhere where id = 4711");
    log.line(7, 1, "ERROR:  canceling statement due to statement timeout");
    log.line(7, 0, "STATEMENT:  select pg_sleep(10) from big");
    let workload = workload(&log);
    assert_eq!(workload.coverage.executions, 0);
    let missing = query(&workload, "from nowhere");
    assert_eq!((missing.calls, missing.errors), (0, 1));
    assert_eq!(query(&workload, "from big").cancelled.get("statement_timeout"), Some(&1));
    let stored = serde_json::to_string(&workload).unwrap();
    assert!(!stored.contains("4711"));
}

#[test]
fn a_process_id_that_is_used_again_is_another_session() {
    let mut log = Log::default();
    for _ in 0..2 {
        log.line(7, 1, "LOG:  connection authorized: user=app database=shop");
        log.sql(7, "select id from orders");
        for order in 0..3 {
            log.sql(7, &format!("select * from items where order_id = {order}"));
        }
        log.line(7, 1, "LOG:  disconnection: session time: 0:00:00.005 user=app database=shop host=[local]");
    }
    let workload = workload(&log);
    assert_eq!(groups(&workload, &GroupKind::NPlusOne), one("orders", "items", 2, 6));
    let sessions = &workload.sessions[0];
    assert_eq!((sessions.connected, sessions.lifetimes.count, sessions.statements.most), (2, 2, 4));
}

#[test]
fn threads_and_chunks_change_nothing() {
    let mut log = Log::default();
    for request in 0..4000 {
        let pid = 7 + request % 5;
        log.pause(30);
        log.sql(pid, &format!("select id from orders where customer = {request} limit {}", 1 + request % 2));
        for order in 0..request % 7 {
            log.sql(pid, &format!("select * from items where order_id = {order} -- {}", "x".repeat(100)));
        }
    }
    assert!(log.text.len() > 3 << 20);
    let stored: Vec<String> = [1, 2, 5]
        .into_iter()
        .map(|jobs| serde_json::to_string(&read_with(&log.text, &Options { jobs, ..options() })).unwrap())
        .collect();
    assert_eq!(stored[0], stored[1]);
    assert_eq!(stored[0], stored[2]);
}

#[test]
fn two_halves_merged_are_the_whole() {
    let mut log = Log::default();
    let mut cut = 0;
    for request in 0..40 {
        log.pause(400);
        log.sql(7, "select id from orders");
        for order in 0..10 {
            if (request, order) == (20, 5) {
                cut = log.text.len();
            }
            log.sql(7, &format!("select * from items where order_id = {order}"));
        }
    }
    let part = |text: &str| {
        let bytes = text.as_bytes().to_vec();
        let open = Box::new(move || Ok(Box::new(io::Cursor::new(bytes)) as Box<dyn Read + Send>));
        let source = Source { name: "x".into(), stream: 0, written: None, until: None, open };
        read(vec![source], &options(), &AtomicBool::new(false)).workload
    };
    let whole = merge::settled(&part(&log.text));
    let stored = |workload: &Workload| serde_json::to_vec(workload).unwrap();
    let halves = [part(&log.text[..cut]), part(&log.text[cut..])];
    let halves = halves.iter().map(|half| merge::parse(&stored(half)).unwrap()).collect();
    let merged = merge::settled(&merge::merge(halves).unwrap().workload);
    assert_eq!(merged.queries, whole.queries);
    let counts = |workload: &Workload| {
        let group = workload.groups.iter().find(|group| group.parent.is_some()).unwrap();
        (group.units, group.calls, group.per_unit.most, group.per_unit.least)
    };
    assert_eq!(counts(&merged), counts(&whole));
    assert_eq!(counts(&merged), (40, 400, 10, 10));
}

#[test]
fn a_text_that_was_cut_joins_the_one_it_can_be() {
    let mut log = Log::default();
    log.sql(7, "select name, price from products where category = 7 and state = 'on sale'");
    log.sql(7, "select name, price from products where category = 8 and state = 'on sa");
    log.sql(7, "select id from orders where customer = 1 and total > 5");
    log.sql(7, "select id from orders where customer = 1 and note = 'x'");
    log.sql(7, "select id from orders where customer = 1 and note = 'cut");
    log.sql(7, "select id from orders where customer = 1 and 'cut");
    let workload = workload(&log);
    assert_eq!(query(&workload, "from products").calls, 2);
    assert_eq!(query(&workload, "note = $2").calls, 2);
    // two go on where this one ends
    assert_eq!(workload.queries.iter().filter(|query| query.tables == ["orders"]).count(), 3);
    assert_eq!(workload.queries.len(), 4);
    assert_eq!(workload.coverage.truncated, 3);
}

#[test]
fn the_mapper_that_wrote_a_text_is_kept() {
    let mut log = Log::default();
    log.sql(
        7,
        r#"SELECT "shop_book"."id", "shop_book"."title" FROM "shop_book" WHERE "shop_book"."author_id" = 5 LIMIT 21"#,
    );
    assert_eq!(query(&workload(&log), "shop_book").mapper.as_deref(), Some("Django"));
}

#[test]
fn who_wrote_a_text_does_not_depend_on_what_was_read_before() {
    // one shape: the layout alone tells that a mapper wrote the second
    let (by_hand, mapped) =
        ("SELECT b.id FROM books AS b WHERE b.id = 1", "SELECT b.id\n\tFROM books AS b\n\tWHERE b.id = 1");
    let mappers = |texts: &[&str]| {
        let (shapes, selection) = (Shapes::default(), Selection::default());
        let mut digester = Digester::new(&shapes, &selection);
        let mut reader = Reader::new(Clock::default());
        let mut of = |text: &str| {
            let mut log = Log::default();
            log.sql(7, text);
            let format =
                reader::Format::Stderr(reader::stderr::Stderr::new(options().prefix.unwrap(), log.text.as_bytes()));
            let digest =
                digester.digest(0, None, log.text.as_bytes(), |each| reader.read(&format, log.text.as_bytes(), each));
            digest.shapes[0].mapper
        };
        texts.iter().map(|text| of(text)).collect::<Vec<_>>()
    };
    let alone = mappers(&[mapped])[0];
    assert!(alone.is_some());
    assert_eq!(mappers(&[by_hand, mapped]), [None, alone]);
    assert_eq!(mappers(&[mapped, by_hand]), [alone, None]);
    let mut log = Log::default();
    log.sql(7, by_hand);
    let mut other = Log::default();
    other.sql(7, mapped);
    let halves = vec![workload(&log), workload(&other)];
    assert_eq!(merge::merge(halves).unwrap().workload.queries[0].mapper.as_deref(), Some("Entity Framework Core"));
}

#[test]
fn two_texts_of_one_query_are_put_together_in_the_order_of_the_log() {
    let mut log = Log::default();
    for request in 0..8 {
        // pg_query gives the look-up and the list one fingerprint, so these requests begin alike
        for (nth, keys) in ["= 1", "in (1, 2, 3)"].into_iter().enumerate() {
            log.line(7, 1, "LOG:  duration: 0.100 ms  statement: begin");
            let time = (request + 1) * (nth + 3);
            log.line(7, 1, &format!("LOG:  duration: {time}.000 ms  statement: select * from books where id {keys}"));
            log.line(7, 1, "LOG:  duration: 0.100 ms  statement: select * from tags");
            // and so do the statements before these pauses
            log.line(7, 1, &format!("LOG:  duration: 0.100 ms  statement: select * from books where id {keys}"));
            log.pause(200 + time as i64);
            log.line(7, 1, "LOG:  duration: 0.100 ms  statement: commit");
        }
    }
    let stored = || serde_json::to_string(&workload(&log)).unwrap();
    let first = stored();
    assert!((0..10).all(|_| stored() == first));
    let workload = workload(&log);
    assert_eq!((workload.requests.len(), workload.held.len(), workload.held[0].transactions), (1, 1, 16));
}

#[test]
fn what_another_destination_holds_does_not_count_again() {
    let mut log = Log::default();
    log.sql(7, "select 1 from a");
    log.sql(7, "select 1 from b");
    log.line(7, 1, "LOG:  statement: create role x password 'canary-of-a-secret'");
    let read_until = |until: Option<&str>| {
        let bytes = log.text.as_bytes().to_vec();
        let open = Box::new(move || Ok(Box::new(io::Cursor::new(bytes)) as Box<dyn Read + Send>));
        let until = until.map(str::to_owned);
        let source = Source { name: "x".into(), stream: 0, written: None, until, open };
        read(vec![source], &options(), &AtomicBool::new(false)).workload
    };
    let whole = read_until(None);
    assert_eq!((whole.coverage.executions, whole.secrets.len(), whole.sources[0].events), (3, 1, 4));
    let part = read_until(Some("2026-11-22 02:00:00.002 UTC"));
    assert_eq!((part.coverage.executions, part.secrets.len(), part.sources[0].events), (1, 0, 1));
    assert_eq!(part.sources[0].durations, 500);
    assert_eq!((part.sources[0].from, part.sources[0].to), (part.from, part.to));
}

#[test]
fn a_workload_that_is_merged_twice_counts_once() {
    let log = |pid: u32, requests: u32| {
        let mut log = Log::default();
        for request in 0..requests {
            log.sql(pid, &format!("select * from books where id = {request}"));
        }
        workload(&log)
    };
    let (one, other) = (log(7, 5), log(8, 6));
    let merged = merge::merge(vec![one.clone(), other.clone(), one.clone()]).unwrap();
    assert_eq!(merged.workload.coverage.executions, 11);
    assert_eq!(merged.notes.len(), 1);
    assert!(merged.notes[0].text.contains("was left out"), "{:?}", merged.notes);
    // what is in it already cannot be taken out again
    let again = merge::merge(vec![merged.workload, merge::merge(vec![other, log(9, 7)]).unwrap().workload]).unwrap();
    assert_eq!((again.workload.coverage.executions, again.notes.len()), (24, 1));
}

#[test]
fn what_comes_in_each_second_tells_where_clients_share_connections() {
    let mut log = Log::default();
    for second in 0..6 {
        log.sql(7, "select id from orders where state = 'open'");
        log.sql(7, "select id from carts where stale");
        for order in 0..6 {
            log.sql(7, &format!("select * from items where order_id = {}", second * 6 + order));
        }
        for cart in 0..3 * (second % 3 + 1) {
            log.sql(7, &format!("select * from wishes where cart_id = {}", second * 9 + cart));
        }
        log.pause(1000);
    }
    let mut pooled = options();
    pooled.told.is_pooled = true;
    let workload = read_with(&log.text, &pooled);
    let variation = |table: &str| {
        let fingerprint = &query(&workload, table).fingerprint;
        let group = workload.groups.iter().find(|group| group.child == *fingerprint && group.parent.is_some()).unwrap();
        assert_eq!(group.each_second.count, 6);
        group.each_second.variation()
    };
    assert!(variation("from items") == 0.0 && variation("from wishes") > 0.3);
    assert!(read_with(&log.text, &options()).groups.iter().all(|group| group.each_second.is_empty()));
}
