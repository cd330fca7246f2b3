//! Sequence that is running out of values
//!
//! ## Why it matters
//! When a sequence has reached its bound, or the largest value its column can hold, every insert fails until the column is
//! widened; that rewrites the table, at the worst of times.
//!
//! ## How it is decided
//! The limit is the nearest of the sequence's own bound and the range of every column fed by it, by ownership, identity or a
//! default; a descending sequence runs to its least value. Used is the way from the sequence's other bound to its last
//! value, as a part of the way to the limit. *Medium* from `warn_percent` on, *high* from `fail_percent` on. With an earlier
//! snapshot the time that is left at the pace between the two is told.
//! A sequence that starts again at its end does not run out; it is *info* where a column it feeds is unique, since values
//! will collide. It is judged as any other where its column ends before it does.
//! A narrower column that references the key a sequence feeds runs out earlier than the key: it is a finding of its own, by
//! the same thresholds.
//!
//! ## What to do
//! Widen the column to `bigint`, then the sequence, then every column that references it, in good time. On a large table
//! that is prepared: a new column, filled by a trigger and in batches, swapped in at the end. Views and generated columns that
//! use the column must be dropped first and made again. An inherited column is widened at the table it comes from; one that
//! a table is partitioned by cannot be widened at all.
//!
//! ## Limits
//! Values set by the application are not seen here: see `int4-primary-key-near-limit`. A default that computes with the
//! sequence's value may need less than the value itself. A default that names the sequence by a text, `nextval('s'::text)`, a
//! trigger, or code that calls it, is not seen to use it: such a sequence is judged by its own bound alone, unless it is owned
//! by the column. The end of a `numeric` column with a precision, and of `real` and `double precision`, is not known. A sequence
//! that feeds no column and is locked is not listed at all.

use super::prelude::*;
use crate::catalog::Catalog;
use crate::facts::columns::Column;
use crate::facts::constraints::Constraint;
use crate::facts::sequences::Sequence;
use crate::facts::tables::Table;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A sequence near the end of its values.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "sequence-near-limit",
        category: Category::Tables,
        severity: Severity::Medium,
        source: include_str!("sequence_near_limit.rs"),
    },
    params: &[&WARN, &FAIL],
    run: Run::Database(run),
};

pub(super) static WARN: Param = Param {
    name: "warn_percent",
    doc: "medium from this part of the values on; three quarters leave time to widen a large table",
    default: 75.0,
    unit: Unit::Percent,
};

pub(super) static FAIL: Param = Param {
    name: "fail_percent",
    doc: "high from this part of the values on; the field's figures lie between 85 and 95",
    default: 90.0,
    unit: Unit::Percent,
};

/// The least and greatest value of an integer type; none for any other type, which has no end that matters here.
pub(super) fn range(base_type_oid: u32) -> Option<(i64, i64)> {
    match base_type_oid {
        21 => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
        23 => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        20 => Some((i64::MIN, i64::MAX)),
        _ => None,
    }
}

/// The statement that widens a column, at the top of those it is inherited from, which alone can be altered; or what to do
/// where no statement can.
pub(super) fn widen(cx: &DatabaseContext<'_>, table: &Table, column: &Column) -> Result<String, &'static str> {
    let links = cx.database.inheritance.ok().map_or(&[][..], Vec::as_slice);
    let same = |oid: u32| cx.catalog.columns(oid).iter().copied().find(|own| own.name == column.name);
    let above = |oid: u32| -> Vec<u32> {
        let parents = links.iter().filter(|link| link.child_oid == oid).map(|link| link.parent_oid);
        parents.filter(|parent| same(*parent).is_some()).collect()
    };
    let (mut top, mut seen) = (table, HashSet::new());
    while let Some(parent) = above(top.oid).first().and_then(|parent| cx.catalog.table(*parent)) {
        if !seen.insert(top.oid) {
            break;
        }
        top = parent;
    }
    let (mut open, mut seen) = (vec![top.oid], HashSet::new());
    while let Some(oid) = open.pop() {
        if !seen.insert(oid) {
            continue;
        }
        if above(oid).len() > 1 {
            return Err(SEVERAL);
        }
        // a partition may be partitioned by another column again
        if same(oid).is_some_and(|own| own.is_partition_key) {
            return Err(REPLACE);
        }
        open.extend(cx.catalog.children(oid));
    }
    let target = qualified(&top.schema, &top.name);
    Ok(format!("alter table {target} alter column {} type bigint;", quote(&column.name)))
}

/// How to widen a column in a way that a large table bears.
pub(super) const WIDEN: &str = "widen the column in good time; this rewrites the table while reads and writes wait, so on a \
                                large one fill a new bigint column in batches and swap it in; columns that reference it \
                                must be widened first, and views and generated columns that use it dropped and made \
                                again";

/// How to widen what a table is partitioned by.
pub(super) const REPLACE: &str = "make a new partitioned table with a bigint column and move the partitions' rows into it, in \
                                  good time: a column that a table is partitioned by cannot change its type";

/// How to widen what is inherited twice.
pub(super) const SEVERAL: &str = "the column is inherited from several tables, so that none of them can change its type: end \
                                  the inheritance (alter table … no inherit), widen each one, and inherit again";

/// A column that a sequence feeds; of a partitioned table, the parent's.
#[derive(Debug, Clone, Copy)]
struct Fed<'a> {
    table: &'a Table,
    column: &'a Column,
}

impl Fed<'_> {
    fn name(&self) -> String {
        format!("{}.{}.{}", self.table.schema, self.table.name, self.column.name)
    }
}

/// Where a sequence ends, and how far it has come.
struct Course {
    limit: i64,
    /// The narrowest column, where that and not the sequence's own bound is the limit.
    by_column: Option<usize>,
}

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    let sequences = {
        // without it, one that was never read looks like one that was never used
        cx.database.unread_sequences.read()?;
        cx.database.sequences.read()?
    };
    let uses = cx.database.sequence_uses.read()?;
    cx.database.tables.read()?;
    cx.database.columns.read()?;
    cx.database.inheritance.read()?;
    cx.database.indexes.read()?;
    let constraints = cx.database.constraints.read()?;
    let catalog = cx.catalog;
    let known: HashMap<u32, &Sequence> = sequences.iter().map(|sequence| (sequence.oid, sequence)).collect();
    let mut verdict = Verdict::default();
    let mut fed: HashMap<u32, BTreeMap<String, Fed<'_>>> = HashMap::new();
    let mut feeders: HashMap<(u32, i16), Vec<&Sequence>> = HashMap::new();
    let mut lost: HashSet<u32> = HashSet::new();
    for usage in uses {
        let Some(column) = column_of(catalog, usage.table_oid, usage.column_number) else { continue };
        match known.get(&usage.sequence_oid) {
            Some(sequence) => {
                fed.entry(sequence.oid).or_default().insert(column.name(), column);
                feeders.entry((column.table.oid, column.column.number)).or_default().push(sequence);
            }
            None if lost.insert(usage.sequence_oid) => verdict.cannot_tell(subject_of(cx, column), locked()),
            None => {}
        }
    }
    for sequence in sequences.iter().filter(|sequence| !sequence.owned_by_extension) {
        let columns: Vec<Fed<'_>> =
            fed.get(&sequence.oid).map(|columns| columns.values().copied().collect()).unwrap_or_default();
        match judge(cx, sequence, &columns) {
            Ok(finding) => {
                verdict.examine();
                verdict.findings.extend(finding);
            }
            Err(missing) => verdict.cannot_tell(subject(cx, sequence), missing),
        }
    }
    references(cx, constraints, &feeders, &mut verdict);
    Ok(verdict)
}

/// The column a use names, on the table that is not itself a partition: partitions share the sequence.
fn column_of<'a>(catalog: &Catalog<'a>, table: u32, number: i16) -> Option<Fed<'a>> {
    let (mut table, name) = (catalog.table(table)?, &catalog.column(table, number)?.name);
    let mut seen = HashSet::new();
    while table.is_partition && seen.insert(table.oid) {
        match catalog.parent(table.oid).and_then(|parent| catalog.table(parent)) {
            Some(parent) => table = parent,
            None => break,
        }
    }
    let column = catalog.columns(table.oid).iter().find(|column| &column.name == name).copied()?;
    (!table.owned_by_extension).then_some(Fed { table, column })
}

fn subject(cx: &DatabaseContext<'_>, sequence: &Sequence) -> Subject {
    Subject::in_schema(SubjectKind::Sequence, cx.name(), &sequence.schema, &sequence.name)
}

fn subject_of(cx: &DatabaseContext<'_>, column: Fed<'_>) -> Subject {
    let Fed { table, column } = column;
    Subject::of_table(SubjectKind::Column, cx.name(), &table.schema, &table.name, &column.name)
}

fn locked() -> Missing {
    Missing::new("sequences", Reason::Locked, "the sequence was held in AccessExclusiveLock")
        .unlocked_by("run the audit again when no migration is running")
}

/// Why a sequence's last value is hidden, and what would show it.
fn hidden(cx: &DatabaseContext<'_>, sequence: &Sequence) -> Missing {
    let unread = cx.database.unread_sequences.ok().and_then(|unread| unread.iter().find(|row| row.oid == sequence.oid));
    if let Some(unread) = unread {
        return unread.reason.clone();
    }
    if cx.server.server().is_ok_and(|server| server.in_recovery && (server.is_superuser || server.reads_all_data)) {
        return Missing::new("sequences", Reason::Service, "an unlogged sequence cannot be read on a standby")
            .unlocked_by("run the audit on the primary");
    }
    let grant = format!("select on all sequences in schema {}", quote(&sequence.schema));
    Missing::new("sequences", Reason::Privilege, "this role may not read the last value of the sequence")
        .unlocked_by(cx.server.snapshot.grant(&grant))
}

fn course(sequence: &Sequence, columns: &[Fed<'_>]) -> Course {
    let rising = sequence.increment > 0;
    let mut course = Course { limit: if rising { sequence.maximum } else { sequence.minimum }, by_column: None };
    for (position, fed) in columns.iter().enumerate() {
        let Some((least, greatest)) = range(fed.column.base_type_oid) else { continue };
        if rising && greatest < course.limit || !rising && least > course.limit {
            course = Course { limit: if rising { greatest } else { least }, by_column: Some(position) };
        }
    }
    course
}

/// How much of its values a sequence has used, in per cent; more than 100 where a column ended before it.
fn used(sequence: &Sequence, limit: i64, last: i64) -> f64 {
    let (from, limit, last) = match sequence.increment > 0 {
        true => (sequence.minimum as f64, limit as f64, last as f64),
        false => (-(sequence.maximum as f64), -(limit as f64), -(last as f64)),
    };
    // a column may end before the sequence begins
    if limit <= from { 100.0 } else { (last - from) / (limit - from) * 100.0 }
}

fn grade(cx: &DatabaseContext<'_>, percent: f64) -> Option<(Severity, f64)> {
    let (warn, fail) = (cx.param(&CHECK.meta, &WARN), cx.param(&CHECK.meta, &FAIL));
    match percent {
        percent if percent >= fail => Some((Severity::High, fail)),
        percent if percent >= warn => Some((Severity::Medium, warn)),
        _ => None,
    }
}

/// Values a second between the two snapshots, in the sequence's direction.
fn pace(cx: &DatabaseContext<'_>, sequence: &Sequence, last: i64) -> Option<f64> {
    let before = cx.before()?.sequences.ok()?;
    let earlier = before.iter().find(|known| known.schema == sequence.schema && known.name == sequence.name)?;
    let seconds = cx.server.snapshot.captured_at.seconds_since(cx.server.before?.captured_at)?;
    let moved = last as f64 - earlier.last_value? as f64;
    let moved = if sequence.increment > 0 { moved } else { -moved };
    (seconds > 0.0 && moved > 0.0).then_some(moved / seconds)
}

fn judge(cx: &DatabaseContext<'_>, sequence: &Sequence, columns: &[Fed<'_>]) -> Result<Option<Finding>, Missing> {
    let label = format!("{}.{}", sequence.schema, sequence.name);
    let course = course(sequence, columns);
    if sequence.cycles && course.by_column.is_none() {
        return Ok(columns.iter().find(|fed| is_unique(cx.catalog, **fed)).map(|fed| {
            let message = format!("sequence {label} starts again at its end, and {} is unique", fed.name());
            Finding::new(&CHECK.meta, subject(cx, sequence), message)
                .severity(Severity::Info)
                .text("column", fed.name())
                .count("limit", course.limit, Unit::Count)
                .advice(
                    "make sure that old values are gone before they come again, or let it end: alter sequence … no cycle",
                )
        }));
    }
    if !sequence.readable {
        return Err(hidden(cx, sequence));
    }
    // never used
    let Some(last) = sequence.last_value else { return Ok(None) };
    let percent = used(sequence, course.limit, last);
    let Some((severity, threshold)) = grade(cx, percent) else { return Ok(None) };
    let remaining = ((course.limit as f64 - last as f64) / sequence.increment as f64).floor().max(0.0);
    let narrow = course.by_column.and_then(|position| columns.get(position));
    let of = match narrow {
        Some(fed) => format!("the values that {} can hold", fed.name()),
        None => "its values".to_owned(),
    };
    let message = format!("sequence {label} has used {} of {of}", humane(percent, &Unit::Percent));
    let mut finding = Finding::new(&CHECK.meta, subject(cx, sequence), message)
        .severity(severity)
        .number("used", percent, Unit::Percent)
        .number("threshold", threshold, Unit::Percent)
        .count("last_value", last, Unit::Count)
        .count("limit", course.limit, Unit::Count)
        .number("values_left", remaining, Unit::Count)
        .list("columns", columns.iter().map(Fed::name).collect());
    if let Some(pace) = pace(cx, sequence, last) {
        let way = (course.limit as f64 - last as f64).abs();
        finding = finding.number("time_left", if remaining > 0.0 { way / pace } else { 0.0 }, Unit::Seconds);
    }
    Ok(Some(match fix(cx, sequence, columns, course.limit) {
        Fix::Widen(sql) => finding.fix(WIDEN, sql, Some(LockMode::AccessExclusive)),
        Fix::Raise(sql) => finding.fix("raise the bound of the sequence", sql, Some(LockMode::ShareRowExclusive)),
        Fix::Prepare(text) => finding.advice(text),
        Fix::None => finding.advice("its values are the widest there are: start again where old values are gone"),
    }))
}

/// What moves the limit away.
enum Fix {
    /// Statements, one of which rewrites a table.
    Widen(String),
    /// A statement about the sequence alone.
    Raise(String),
    /// No statement: a column must be widened that none can widen.
    Prepare(&'static str),
    /// Nothing: it is as wide as can be.
    None,
}

fn fix(cx: &DatabaseContext<'_>, sequence: &Sequence, columns: &[Fed<'_>], limit: i64) -> Fix {
    let rising = sequence.increment > 0;
    let narrow = |fed: &&Fed<'_>| range(fed.column.base_type_oid).is_some() && fed.column.base_type_oid != 20;
    let widened = columns.iter().filter(narrow).map(|fed| widen(cx, fed.table, fed.column));
    // several children may inherit one column
    let mut statements = match widened.collect::<Result<Vec<_>, _>>() {
        Ok(statements) => statements,
        Err(text) => return Fix::Prepare(text),
    };
    let mut seen = HashSet::new();
    statements.retain(|statement| seen.insert(statement.clone()));
    let rewrites = !statements.is_empty();
    let (bound, widest, no) = match rising {
        true => (sequence.maximum, i64::MAX, "no maxvalue"),
        false => (sequence.minimum, i64::MIN, "no minvalue"),
    };
    // a bound that was not reached is somebody's choice, unless it is only the end of a narrow type
    if sequence.r#type != "int8" || bound == limit && bound != widest {
        statements.push(format!("alter sequence {} as bigint {no};", qualified(&sequence.schema, &sequence.name)));
    }
    match (statements.is_empty(), rewrites) {
        (true, _) => Fix::None,
        (false, true) => Fix::Widen(statements.join("\n")),
        (false, false) => Fix::Raise(statements.join("\n")),
    }
}

/// Whether a column alone is unique.
fn is_unique(catalog: &Catalog<'_>, fed: Fed<'_>) -> bool {
    catalog.indexes(fed.table.oid).iter().any(|index| {
        index.is_unique
            && !index.has_predicate
            && index.key_count == 1
            && index.columns.first() == Some(&fed.column.number)
    })
}

/// Narrow columns that reference a key whose values grow beyond them.
fn references(
    cx: &DatabaseContext<'_>,
    constraints: &[Constraint],
    feeders: &HashMap<(u32, i16), Vec<&Sequence>>,
    verdict: &mut Verdict,
) {
    let mut seen = HashSet::new();
    let keys = constraints.iter().filter(|key| key.r#type == 'f' && key.parent_oid == 0);
    for key in keys {
        let own = key.columns.iter().flatten();
        for (number, referenced) in own.zip(key.referenced_columns.iter().flatten()) {
            let Some(column) = column_of(cx.catalog, key.table_oid, *number) else { continue };
            let Some(parent) = column_of(cx.catalog, key.referenced_table_oid, *referenced) else { continue };
            let (Some(own), Some(wide)) = (range(column.column.base_type_oid), range(parent.column.base_type_oid))
            else {
                continue;
            };
            let sequences = feeders.get(&(parent.table.oid, parent.column.number));
            let Some(sequences) = sequences.filter(|_| own.1 < wide.1) else { continue };
            if !seen.insert((column.table.oid, column.column.number)) {
                continue;
            }
            // the one that came furthest decides
            let shares = sequences.iter().map(|sequence| match (sequence.readable, sequence.last_value) {
                (false, _) => Err(hidden(cx, sequence)),
                (true, None) => Ok((0.0, *sequence)),
                (true, Some(last)) if last < 0 => Ok((last as f64 / own.0 as f64 * 100.0, *sequence)),
                (true, Some(last)) => Ok((last as f64 / own.1 as f64 * 100.0, *sequence)),
            });
            match shares.collect::<Result<Vec<_>, Missing>>() {
                Err(missing) => verdict.cannot_tell(subject_of(cx, column), missing),
                Ok(shares) => {
                    verdict.examine();
                    let furthest = shares.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
                    let Some((percent, sequence)) = furthest else { continue };
                    verdict.findings.extend(reference(cx, column, parent, percent, sequence));
                }
            }
        }
    }
}

fn reference(
    cx: &DatabaseContext<'_>,
    column: Fed<'_>,
    parent: Fed<'_>,
    percent: f64,
    sequence: &Sequence,
) -> Option<Finding> {
    let (severity, threshold) = grade(cx, percent)?;
    let message = format!(
        "{} ({}) references {} ({}), whose values have come to {} of what it can hold",
        column.name(),
        column.column.r#type,
        parent.name(),
        parent.column.r#type,
        humane(percent, &Unit::Percent)
    );
    let finding = Finding::new(&CHECK.meta, subject_of(cx, column), message)
        .severity(severity)
        .number("used", percent, Unit::Percent)
        .number("threshold", threshold, Unit::Percent)
        .text("sequence", format!("{}.{}", sequence.schema, sequence.name))
        .text("references", parent.name());
    Some(match widen(cx, column.table, column.column) {
        Ok(sql) => finding.fix(WIDEN, sql, Some(LockMode::AccessExclusive)),
        Err(text) => finding.advice(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::sequence_uses::SequenceUse;
    use crate::testing::{INT4, INT8, Lab, now, rows};

    const NOTHING: [&str; 0] = [];

    fn sequence(lab: &mut Lab, last: i64, change: impl FnOnce(&mut Sequence)) -> u32 {
        let oid = 90_000 + rows(&mut lab.db().sequences).len() as u32;
        let mut sequence = Sequence {
            oid,
            schema: "public".into(),
            name: "s".into(),
            r#type: "int8".into(),
            start: 1,
            minimum: 1,
            maximum: i64::MAX,
            increment: 1,
            readable: true,
            last_value: Some(last),
            ..Sequence::default()
        };
        change(&mut sequence);
        rows(&mut lab.db().sequences).push(sequence);
        oid
    }

    fn feed(lab: &mut Lab, sequence_oid: u32, table_oid: u32, column_number: i16) {
        rows(&mut lab.db().sequence_uses).push(SequenceUse { sequence_oid, table_oid, column_number });
    }

    /// A sequence that feeds a column of a type, or none.
    fn with(base: Option<u32>, last: i64, change: impl FnOnce(&mut Sequence)) -> Lab {
        let mut lab = Lab::new();
        let oid = sequence(&mut lab, last, change);
        if let Some(base) = base {
            let table = lab.table("orders", &["id"], 1000.0);
            rows(&mut lab.db().columns)[0].base_type_oid = base;
            feed(&mut lab, oid, table, 1);
        }
        lab
    }

    const BILLION: i64 = 1_000_000_000;

    #[test]
    fn the_nearest_end_counts() {
        let medium = ["medium shop/public/s"];
        let high = ["high shop/public/s"];
        assert_eq!(with(Some(INT8), 2 * BILLION, |_| {}).found(&CHECK), NOTHING);
        assert_eq!(with(Some(INT4), BILLION, |_| {}).found(&CHECK), NOTHING);
        assert_eq!(with(Some(INT4), 1_700_000_000, |_| {}).found(&CHECK), medium, "the column is narrower");
        assert_eq!(with(Some(INT4), 2 * BILLION, |_| {}).found(&CHECK), high);
        assert_eq!(with(Some(INT4), 3 * BILLION, |_| {}).found(&CHECK), high, "past the column's end");
        assert_eq!(with(Some(21), 30_000, |_| {}).found(&CHECK), high);
        assert_eq!(with(Some(25), 2 * BILLION, |_| {}).found(&CHECK), NOTHING, "text has no end");
        assert_eq!(with(None, 80, |sequence| sequence.maximum = 100).found(&CHECK), medium);
        let descending = |sequence: &mut Sequence| {
            (sequence.increment, sequence.minimum, sequence.maximum) = (-1, i64::MIN, -1);
        };
        assert_eq!(with(Some(INT4), -2 * BILLION, descending).found(&CHECK), high);
        assert_eq!(with(Some(INT4), -BILLION, descending).found(&CHECK), NOTHING);
        assert_eq!(with(Some(INT4), 0, |sequence| sequence.last_value = None).found(&CHECK), NOTHING, "never used");
        let shifted = |sequence: &mut Sequence| (sequence.minimum, sequence.maximum) = (1000, 1100);
        assert_eq!(with(None, 1010, shifted).found(&CHECK), NOTHING, "a tenth of its hundred");
    }

    #[test]
    fn what_cannot_be_read_is_not_judged() {
        let verdict = with(Some(INT4), 0, |sequence| sequence.readable = false).run(&CHECK).unwrap();
        assert_eq!(
            verdict.unjudged[0].reason.unlock.as_deref(),
            Some("grant select on all sequences in schema public to auditor;")
        );
        let mut lab = with(Some(INT4), 2 * BILLION, |_| {});
        rows(&mut lab.db().sequences).clear();
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!(verdict.unjudged[0].reason.reason, Reason::Locked);
    }

    #[test]
    fn a_cycle_ends_nothing_unless_the_column_does() {
        let cycle = |sequence: &mut Sequence| (sequence.cycles, sequence.maximum) = (true, 2_100_000_000);
        let mut lab = with(Some(INT4), 2 * BILLION, cycle);
        assert_eq!(lab.found(&CHECK), NOTHING);
        let table = rows(&mut lab.db().tables)[0].oid;
        let index = lab.index(table, "i", &[1]);
        lab.index_row(index).is_unique = true;
        assert_eq!(lab.found(&CHECK), ["info shop/public/s"]);
        let beyond = |sequence: &mut Sequence| sequence.cycles = true;
        assert_eq!(with(Some(INT4), 2 * BILLION, beyond).found(&CHECK), ["high shop/public/s"]);
    }

    #[test]
    fn the_fix_widens_what_is_narrow() {
        let sql = |lab: Lab| lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap().sql.unwrap();
        assert_eq!(
            sql(with(Some(INT4), 2 * BILLION, |_| {})),
            "alter table public.orders alter column id type bigint;"
        );
        let serial = |sequence: &mut Sequence| (sequence.r#type, sequence.maximum) = ("int4".into(), 2_147_483_647);
        assert_eq!(
            sql(with(Some(INT4), 2 * BILLION, serial)),
            "alter table public.orders alter column id type bigint;\nalter sequence public.s as bigint no maxvalue;"
        );
        assert_eq!(
            sql(with(None, 90, |sequence| sequence.maximum = 100)),
            "alter sequence public.s as bigint no maxvalue;"
        );
    }

    #[test]
    fn two_snapshots_tell_the_time_that_is_left() {
        let mut lab = with(Some(INT4), 2_047_483_647, |_| {});
        let mut before = lab.snapshot.clone();
        before.captured_at = now().plus_seconds(-100.0);
        rows(&mut before.databases[0].sequences)[0].last_value = Some(2_047_483_647 - 1000);
        lab.before = Some(before);
        let left = lab.run(&CHECK).unwrap().findings[0].measured("time_left").unwrap();
        assert!((left - 10_000_000.0).abs() < 1.0, "{left}");
    }

    #[test]
    fn narrow_references_run_out_first() {
        let with = |last: i64, readable: bool| {
            let mut lab = Lab::new();
            let parent = lab.table("customers", &["id"], 1000.0);
            rows(&mut lab.db().columns)[0].base_type_oid = INT8;
            let child = lab.table("orders", &["id", "customer"], 1000.0);
            lab.foreign_key("fk", (child, &[2]), (parent, &[1]));
            lab.foreign_key("again", (child, &[2]), (parent, &[1]));
            let oid = sequence(&mut lab, last, |sequence| sequence.readable = readable);
            feed(&mut lab, oid, parent, 1);
            lab
        };
        assert_eq!(with(2 * BILLION, true).found(&CHECK), ["high shop/public/orders/customer"]);
        assert_eq!(with(BILLION, true).found(&CHECK), NOTHING);
        assert_eq!(with(0, false).run(&CHECK).unwrap().unjudged.len(), 2, "the sequence and the column");
    }

    #[test]
    fn partitions_share_a_sequence() {
        let mut lab = Lab::new();
        let parent = lab.table("events", &["id"], -1.0);
        lab.table_row(parent).kind = 'p';
        let leaf = lab.table("events_1", &["note", "id"], 10.0);
        lab.table_row(leaf).is_partition = true;
        rows(&mut lab.db().inheritance)
            .push(crate::facts::inheritance::Inheritance { child_oid: leaf, parent_oid: parent });
        let oid = sequence(&mut lab, 2 * BILLION, |_| {});
        feed(&mut lab, oid, parent, 1);
        feed(&mut lab, oid, leaf, 2);
        let finding = lab.run(&CHECK).unwrap().findings.remove(0);
        assert_eq!(finding.detail.last().unwrap().value.to_string(), "public.events.id");
        let sql = |lab: &Lab| lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap().sql;
        let widen = "alter table public.events alter column id type bigint;";
        assert_eq!(sql(&lab).as_deref(), Some(widen), "it is not what the table is partitioned by");
        rows(&mut lab.db().columns)[2].is_partition_key = true;
        assert_eq!(sql(&lab), None, "the partition is partitioned by it again");
        rows(&mut lab.db().columns)[2].is_partition_key = false;
        rows(&mut lab.db().columns)[0].is_partition_key = true;
        assert_eq!(sql(&lab), None, "a key of partitions cannot change its type");
    }

    #[test]
    fn an_inherited_column_is_widened_where_it_comes_from() {
        let mut lab = Lab::new();
        let (top, child) = (lab.table("top", &["id"], 10.0), lab.table("child", &["note", "id"], 10.0));
        let inherit = |lab: &mut Lab, parent_oid: u32| {
            let link = crate::facts::inheritance::Inheritance { child_oid: child, parent_oid };
            rows(&mut lab.db().inheritance).push(link);
        };
        inherit(&mut lab, top);
        let oid = sequence(&mut lab, 2 * BILLION, |_| {});
        feed(&mut lab, oid, top, 1);
        feed(&mut lab, oid, child, 2);
        let sql = |lab: &Lab| lab.run(&CHECK).unwrap().findings.remove(0).hint.unwrap().sql;
        assert_eq!(sql(&lab).as_deref(), Some("alter table public.top alter column id type bigint;"));
        let other = lab.table("other", &["id"], 10.0);
        inherit(&mut lab, other);
        assert_eq!(sql(&lab), None, "inherited from two");
    }
}
