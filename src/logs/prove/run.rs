//! Runs the many and the one in one read-only transaction on one state of the database, and compares what they return.

use super::compare::{self, Row, Verdict};
use super::safe::{self, Names, Refusal};
use super::values::Value;
use super::{Candidate, Outcome, Proof, on_large_stack};
use crate::logs::rewrite::{self, Compare, Parameter, Rewrite};
use crate::pg::{Door, Literal, ReadError, Session};
use std::collections::HashMap;
use std::time::Duration;

/// Rows of one statement that are compared at most.
const ROWS: usize = 10_000;

/// The length of a row that is compared at most, in bytes.
const ROW: usize = 1 << 20;

/// Bytes of rows that are compared at most, for each form.
const BYTES: usize = 16 << 20;

/// Why nothing was proven.
enum No {
    /// For a reason of its own.
    Because(String),
    /// The server did not answer a question without values.
    Read(ReadError),
    /// It did not run what had values in it.
    Run(ReadError),
}

impl From<ReadError> for No {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Harm(why) => Self::Because(why),
            Refusal::Read(error) => Self::Read(error),
        }
    }
}

fn no<T>(why: impl Into<String>) -> Result<T, No> {
    Err(No::Because(why.into()))
}

/// Proves one rewrite on values of the log.
pub(super) async fn prove(door: &Door, candidate: &Candidate, executions: &[Vec<Value>]) -> Outcome {
    let database = door.default_database();
    let mut session = match database.session().await {
        Ok(session) => session,
        Err(error) => return Outcome::NotProven(reason(&error)),
    };
    match attempt(&mut session, candidate, executions).await {
        Ok(outcome) => {
            // what the session held is rolled back whether or not the server still answers
            drop(session.finish().await);
            outcome
        }
        // a session that failed is closed, not given back
        Err(No::Because(why)) => Outcome::NotProven(why),
        Err(No::Read(error)) => Outcome::NotProven(reason(&error)),
        Err(No::Run(error)) => Outcome::NotProven(blind_reason(&error, candidate)),
    }
}

/// The names in the texts are those of the application: they are found where the role of the connection looks.
const ITS_PATH: &str = "select pg_catalog.set_config('search_path', s.reset_val, true) from pg_catalog.pg_settings as s \
    where s.name operator(pg_catalog.=) 'search_path'";

const OUR_PATH: &str = "set local search_path = pg_catalog";

/// What a server's error is called in a report, where it cannot speak of a value.
fn reason(error: &ReadError) -> String {
    match error {
        ReadError::Denied { message } => format!("the role may not read what it reads: {message}"),
        ReadError::Undefined { message, .. } => format!("this database does not have what it reads: {message}"),
        ReadError::Locked { .. } => "a table of it was locked".to_owned(),
        error => error.to_string(),
    }
}

/// The same where the server's words may hold a value: then they are not repeated.
fn blind_reason(error: &ReadError, candidate: &Candidate) -> String {
    match error {
        ReadError::Denied { .. } => {
            format!("the role may not read what it reads: grant select on {}", candidate.child.tables.join(", "))
        }
        ReadError::TimedOut { .. } => error.to_string(),
        ReadError::Locked { .. } => "a table of it was locked".to_owned(),
        ReadError::Cancelled { .. } => "it was cancelled on the server".to_owned(),
        ReadError::Lost { .. } | ReadError::Connect(_) => "the connection was lost".to_owned(),
        ReadError::Decode(_) => "its result is not what was expected".to_owned(),
        error => {
            let code = error.code().map_or_else(String::new, |code| format!(" (SQLSTATE {code})"));
            format!("the server could not run it{code}")
        }
    }
}

async fn attempt(session: &mut Session, candidate: &Candidate, executions: &[Vec<Value>]) -> Result<Outcome, No> {
    // the usual path of a read is left only for the application's own text
    session.batch("set transaction isolation level repeatable read").await?;
    let child = &candidate.rewrite.child;
    let names = read_names(child, None)?;
    session.text(ITS_PATH).await?;
    let schemas = session.text("select pg_catalog.unnest(pg_catalog.current_schemas(true))").await?;
    let schemas: Vec<String> = schemas.into_iter().filter_map(|mut row| row.pop().flatten()).collect();
    session.batch(OUR_PATH).await?;
    safe::check(session, names, &schemas).await?;

    let keys: Vec<usize> = candidate.rewrite.keys.iter().map(|key| key.slot).collect();
    let Some(first) = executions.first() else { return no("the log has no value of its keys") };
    let literals: Vec<Literal> = (1..=first.len())
        .zip(first)
        .map(|(slot, value)| if keys.contains(&slot) { Literal::Unknown } else { value.literal() })
        .collect();
    session.text(ITS_PATH).await?;
    let types = session.parameter_types(child, &literals).await?;
    session.batch(OUR_PATH).await?;
    let rewrite = typed(candidate, &types)?;
    safe::check(session, read_names(&rewrite.sql, Some(child))?, &schemas).await?;
    session.text(ITS_PATH).await?;

    let executions = distinct(session, &rewrite, executions).await?;
    let one = bound(&rewrite, &executions)?;
    // the first run of either finds pages and catalog cold; what is compared in time is not that
    run(session, &rewrite.sql, &one).await?;
    if let Some(execution) = executions.first() {
        run(session, child, execution).await?;
    }
    let mut children = Vec::with_capacity(executions.len());
    let (mut children_time, mut bytes) = (Duration::ZERO, 0);
    for execution in &executions {
        let answer = run(session, child, execution).await?;
        children_time += answer.took;
        bytes += answer.bytes;
        if bytes > BYTES {
            return no(TOO_MUCH);
        }
        children.push(answer.rows);
    }
    let batched = run(session, &rewrite.sql, &one).await?;

    let key_of = keys_of(session, &rewrite, &executions, &batched.rows).await?;
    let may_tie = rewrite.may_tie || depends_on_order(child);
    let verdict =
        compare::compare(&rewrite.compare, &children, &batched.rows, |lead| key_of.get(lead).copied(), may_tie);
    let proof = Proof {
        keys: executions.len(),
        rows: children.iter().map(Vec::len).sum(),
        children: children_time,
        batched: batched.took,
    };
    Ok(match verdict {
        Verdict::Same => Outcome::Confirmed { proof, sql: rewrite.sql },
        Verdict::Differs(how) => Outcome::Refuted { proof, how },
        Verdict::Ties => Outcome::NotProven(
            "it returned other rows for a key, which may be a tie: the order of the text does not tell its rows apart"
                .to_owned(),
        ),
    })
}

const TOO_MUCH: &str = "it returns more than is compared";

/// The names in a text that may be run, and in another one.
fn read_names(text: &str, other: Option<&str>) -> Result<Names, No> {
    let read = || {
        let mut names = Names::of(text)?;
        other.map_or(Ok(()), |other| names.add(other))?;
        Ok::<_, String>(names)
    };
    on_large_stack(read).unwrap_or_else(|| Err("its text is too deep".to_owned())).map_err(No::Because)
}

/// The rewrite with the types that the server gives the keys.
fn typed(candidate: &Candidate, types: &[String]) -> Result<Rewrite, No> {
    let of_slot = |slot: &usize| slot.checked_sub(1).and_then(|at| types.get(at)).map(String::as_str);
    let types: Vec<Option<&str>> = candidate.varying.iter().map(of_slot).collect();
    let context = rewrite::Context { parent: candidate.parent.as_ref(), types: &types };
    let made = || rewrite::batched(&candidate.child, &candidate.shape, &candidate.varying, context);
    match on_large_stack(made) {
        Some(Ok(rewrite)) if !rewrite.is_typed => no("the type of its key cannot be written as an array"),
        Some(Ok(rewrite)) if rewrite.compare == Compare::Never => no("it writes"),
        Some(Ok(rewrite)) => Ok(rewrite),
        Some(Err(refused)) => no(refused.reason),
        None => no("its text is too deep"),
    }
}

/// What to bind to the rewrite.
fn bound(rewrite: &Rewrite, executions: &[Vec<Value>]) -> Result<Vec<Value>, No> {
    let value = |slot: usize| slot.checked_sub(1).and_then(|at| executions.first()?.get(at)).cloned();
    let bound = rewrite.parameters.iter().map(|parameter| match parameter {
        Parameter::Value(slot) => value(*slot),
        Parameter::Values(slot) => {
            let at = slot.checked_sub(1)?;
            let members: Option<Vec<&str>> = executions.iter().map(|one| one.get(at)?.text()).collect();
            members.map(Value::array)
        }
    });
    bound.collect::<Option<Vec<Value>>>().map_or_else(|| no("its values do not fit its parameters"), Ok)
}

/// What a statement returned.
struct Answer {
    rows: Vec<Row>,
    bytes: usize,
    took: Duration,
}

/// Runs a text that was found harmless, each of its rows as one text.
async fn run(session: &mut Session, text: &str, values: &[Value]) -> Result<Answer, No> {
    let sql = format!(
        "select case when pg_catalog.octet_length(pgassay_row::pg_catalog.text) operator(pg_catalog.<=) {ROW} \
         then pgassay_row::pg_catalog.text end from (\n{text}\n) as pgassay_row limit {}",
        ROWS + 1
    );
    let values: Vec<_> = values.iter().map(Value::written).collect();
    let answer = session.foreign(&sql, &values, BYTES).await.map_err(No::Run)?;
    let Some(texts) = answer.rows.filter(|rows| rows.len() <= ROWS) else { return no(TOO_MUCH) };
    let bytes = texts.iter().flatten().map(String::len).sum();
    let rows = texts.iter().map(|text| compare::columns(text.as_deref()?)).collect::<Option<Vec<Row>>>();
    match rows {
        Some(rows) => Ok(Answer { rows, bytes, took: answer.took }),
        None => no(TOO_MUCH),
    }
}

/// The executions whose keys the server does not take for the same.
async fn distinct(session: &mut Session, rewrite: &Rewrite, executions: &[Vec<Value>]) -> Result<Vec<Vec<Value>>, No> {
    let keys: Vec<Vec<Option<String>>> = executions.iter().map(|one| key(rewrite, one)).collect();
    let equal = equal(session, rewrite, &keys, &keys).await?;
    let is_first = |at: usize| !equal.iter().any(|(one, other)| *other == at && *one < at);
    Ok(executions.iter().enumerate().filter(|(at, _)| is_first(*at)).map(|(_, one)| one.clone()).collect())
}

/// The key of an execution, in the order of the arrays.
fn key(rewrite: &Rewrite, execution: &[Value]) -> Vec<Option<String>> {
    let text = |slot: usize| execution.get(slot.checked_sub(1)?)?.text().map(str::to_owned);
    rewrite.keys.iter().map(|key| text(key.slot)).collect()
}

/// Which keys the leading columns of rows are, by the server's own equality: the text of a value need not be that of
/// its equal.
async fn keys_of(
    session: &mut Session,
    rewrite: &Rewrite,
    executions: &[Vec<Value>],
    rows: &[Row],
) -> Result<HashMap<Vec<Option<String>>, usize>, No> {
    let lead = match rewrite.compare {
        Compare::Rows { keys } | Compare::Aggregates { keys, .. } => keys,
        Compare::Keys { .. } => rewrite.keys.len(),
        Compare::Never => 0,
    };
    let keys: Vec<Vec<Option<String>>> = executions.iter().map(|one| key(rewrite, one)).collect();
    let mut known: HashMap<Vec<Option<String>>, usize> = keys.iter().cloned().zip(0..).collect();
    if lead == 0 {
        return Ok(known);
    }
    let mut other: Vec<Vec<Option<String>>> = rows
        .iter()
        .filter_map(|row| row.get(..lead))
        .filter(|lead| !known.contains_key(*lead))
        .map(<[_]>::to_vec)
        .collect();
    other.sort();
    other.dedup();
    if !other.is_empty() {
        let found = equal(session, rewrite, &other, &keys).await?;
        known.extend(found.into_iter().filter_map(|(at, key)| Some((other.get(at)?.clone(), key))));
    }
    Ok(known)
}

/// Which of two lists of keys are equal, by their places.
async fn equal(
    session: &mut Session,
    rewrite: &Rewrite,
    one: &[Vec<Option<String>>],
    other: &[Vec<Option<String>>],
) -> Result<Vec<(usize, usize)>, No> {
    let mut pairs: Option<Vec<(usize, usize)>> = None;
    for (column, key) in rewrite.keys.iter().enumerate() {
        let Some(name) = &key.element_type else { return no("the type of its key cannot be written as an array") };
        let list = |keys: &[Vec<Option<String>>]| {
            Value::array(keys.iter().map(|key| key.get(column).and_then(Option::as_deref).unwrap_or_default()))
        };
        let sql = format!(
            "select pg_catalog.concat(a.n, ' ', b.n) \
             from pg_catalog.unnest($1::{name}[]) with ordinality as a(v, n), \
             pg_catalog.unnest($2::{name}[]) with ordinality as b(v, n) where a.v = b.v"
        );
        let values = [list(one), list(other)];
        let answer = session.foreign(&sql, &values.each_ref().map(Value::written), BYTES).await.map_err(No::Run)?;
        let Some(rows) = answer.rows else { return no(TOO_MUCH) };
        let place = |text: &str| text.parse::<usize>().ok()?.checked_sub(1);
        let pair = |row: &Option<String>| {
            let (one, other) = row.as_deref()?.split_once(' ')?;
            Some((place(one)?, place(other)?))
        };
        let found: Vec<(usize, usize)> = rows.iter().filter_map(pair).collect();
        pairs = Some(match pairs {
            None => found,
            Some(pairs) => pairs.into_iter().filter(|pair| found.contains(pair)).collect(),
        });
    }
    Ok(pairs.unwrap_or_default())
}

/// Whether a text asks for something that depends on the order of rows, which is nobody's promise.
fn depends_on_order(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["_agg(", "distinct on", "row_number(", "first_value(", "last_value("].iter().any(|word| text.contains(word))
}
