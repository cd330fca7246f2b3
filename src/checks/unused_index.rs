//! Index that no query uses
//!
//! ## Why it matters
//! Every insert and most updates write to it, vacuum reads it, it takes disk and memory, and an update of one of its columns
//! cannot be a cheap one.
//!
//! ## How it is decided
//! Nothing scanned the index, nor any partition of it, since the counters began; or between two snapshots, where both have
//! it. Not looked at: indexes that are unique, behind a constraint, the replica identity, the clustered one, not valid, and
//! those a foreign key needs to find its rows, since they are for the day a referenced row is deleted. One smaller than
//! `minimum_size_bytes` is not found.
//! *Low*; *medium* where it is large or its table is written often. *Info*, with the reason, where that is not yet evidence:
//! the counters are younger than `minimum_age_seconds` (their age is a lower bound where no reset is stamped), standbys exist
//! whose own counters were not given, it was scanned before the earlier snapshot and another index counts as served by it
//! (`redundant-index`, `duplicate-index`; one that was never scanned serves nothing there), it has expressions (the planner uses their statistics without a scan), or its table
//! is empty or was never written.
//!
//! ## What to do
//! Think of what runs once a month or a year, then drop it, concurrently, keeping its definition.
//!
//! ## Limits
//! When an index was made is not recorded: without an earlier snapshot a new index looks unused. Each server counts for
//! itself: give the snapshots of all that answer queries, a standby's own standbys too, which are not seen from here. Counters that were reset for one table alone stamp nothing.

use super::prelude::*;
use crate::catalog::Catalog;
use crate::facts::indexes::Index;
use crate::facts::tables::Table;
use crate::facts::{Database, Snapshot};
use crate::foreign_keys::{Lookup, Service, serve, serve_by};
use crate::indexes::{drop_sql, has_duty, is_sound, pages, relies_on, scans, table_of};
use crate::window::{DAY, Span, SpanKind, of_database};
use std::collections::HashMap;

/// An index that no query scanned.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "unused-index",
        category: Category::Indexes,
        severity: Severity::Low,
        source: include_str!("unused_index.rs"),
    },
    params: &[&MINIMUM_SIZE, &MINIMUM_AGE, &LARGE, &BUSY],
    run: Run::Database(run),
};

static MINIMUM_SIZE: Param = Param {
    name: "minimum_size_bytes",
    doc: "a smaller index is not worth a finding; tools of the field draw the line between 32 kB and 10 MB",
    default: 1_048_576.0,
    unit: Unit::Bytes,
};

static MINIMUM_AGE: Param = Param {
    name: "minimum_age_seconds",
    doc: "how long an index must have been unused on every server before that is evidence; a week sees weekly jobs",
    default: 7.0 * DAY,
    unit: Unit::Seconds,
};

static LARGE: Param = Param {
    name: "large_size_bytes",
    doc: "an unused index of this size is medium: it takes memory and backup time that are felt",
    default: 1_073_741_824.0,
    unit: Unit::Bytes,
};

static BUSY: Param = Param {
    name: "busy_writes_per_day",
    doc: "an unused index of a table with so many inserts and updates a day is medium: more than one a second",
    default: 100_000.0,
    unit: Unit::PerDay,
};

fn run(cx: &DatabaseContext<'_>) -> Result<Verdict, Missing> {
    let indexes = cx.database.indexes.read()?;
    cx.database.tables.read()?;
    cx.database.constraints.read()?;
    cx.database.columns.read()?;
    cx.database.key_operators.read()?;
    cx.database.inheritance.read()?;
    cx.database.index_stats.read()?;
    let since_reset = of_database(cx.server.snapshot, None, cx.name())?;
    let between = cx.span().ok().filter(|span| span.kind == SpanKind::Snapshots);
    let earlier = cx.before().map(scans_by_name);
    let replicas = Replicas::new(cx);
    let mut verdict = Verdict::default();
    for index in indexes {
        // a partition of an index is judged with all the others below its parent
        if has_duty(cx.catalog, index) || !is_sound(index) || index.is_partition {
            continue;
        }
        let Some(table) = table_of(cx.catalog, index) else { continue };
        match needed_by_key(cx, index) {
            Ok(false) => {}
            Ok(true) => continue,
            Err(missing) => {
                verdict.cannot_tell(cx.catalog.index_subject(index), missing);
                continue;
            }
        }
        match judge(cx, index, table, (&since_reset, between.as_ref()), earlier.as_ref(), &replicas) {
            Ok(finding) => {
                verdict.examine();
                verdict.findings.extend(finding);
            }
            Err(missing) => verdict.cannot_tell(cx.catalog.index_subject(index), missing),
        }
    }
    Ok(verdict)
}

/// Whether a foreign key finds its rows by this index: fully, or in part where no other index does better.
fn needed_by_key(cx: &DatabaseContext<'_>, index: &Index) -> Result<bool, Missing> {
    let catalog = cx.catalog;
    // a key of a partition may be the partition's own: the copies of the parent's are looked at with the parent's index
    for key in catalog.constraints(index.table_oid).iter().filter(|key| key.r#type == 'f' && key.is_enforced) {
        let Some(lookup) = Lookup::of(catalog, key) else { continue };
        match serve_by(catalog, index, &lookup) {
            Service::Full => return Ok(true),
            Service::Unknown(missing) => return Err(missing),
            Service::Partly(_) | Service::Brin(_) => {
                if serve(catalog, index.table_oid, &lookup) != Service::Full {
                    return Ok(true);
                }
            }
            Service::None => {}
        }
    }
    Ok(false)
}

/// The scans of each index of a database by its names (schema, table, index), which are the same on a standby and in an
/// earlier snapshot; none where they were not read.
type Scans<'a> = HashMap<(&'a str, &'a str, &'a str), Option<i64>>;

fn scans_by_name(database: &Database) -> Scans<'_> {
    let catalog = Catalog::new(database);
    let indexes = database.indexes.ok().map_or(&[][..], Vec::as_slice);
    let named = indexes.iter().filter_map(|index| {
        let table = catalog.table(index.table_oid)?;
        Some(((table.schema.as_str(), table.name.as_str(), index.name.as_str()), scans(&catalog, index)))
    });
    named.collect()
}

/// The standbys whose counters are known, and what is known to be missing.
struct Replicas<'a> {
    databases: Vec<(Scans<'a>, Span)>,
    missing: Option<String>,
}

impl<'a> Replicas<'a> {
    fn new(cx: &DatabaseContext<'a>) -> Self {
        let snapshot = cx.server.snapshot;
        let of_cluster = |replica: &&Snapshot| {
            replica.system_identifier().is_some() && replica.system_identifier() == snapshot.system_identifier()
        };
        let databases: Vec<_> = cx
            .server
            .replicas
            .iter()
            .filter(of_cluster)
            .filter_map(|replica| {
                let database = replica.database(cx.name())?;
                database.index_stats.ok()?;
                Some((scans_by_name(database), of_database(replica, None, cx.name()).ok()?))
            })
            .collect();
        // a standby that is away for the moment has a slot still
        let facts = &cx.server.snapshot.server;
        let slots = facts.replication_slots.ok().map_or(0, |slots| {
            slots.iter().filter(|slot| slot.r#type == "physical" && slot.restart_lsn.is_some()).count()
        });
        let streaming = facts.replication.ok().map(|replicas| replicas.len().max(slots));
        let known = databases.len();
        let is_standby = cx.server.server().is_ok_and(|server| server.in_recovery);
        let missing = match streaming {
            _ if is_standby => {
                Some("this is a standby: what the primary and the other standbys use is not known".to_owned())
            }
            None => Some("whether standbys exist could not be read".to_owned()),
            Some(streaming) if streaming > known => Some(format!(
                "{streaming} receivers stream from this server, or have a slot, and the counters of {known} were given: use \
                 --replica"
            )),
            Some(_) if cx.server.has_standbys() && cx.server.replicas.len() > known => {
                Some("a snapshot that was given as a standby's is not of this cluster and database".to_owned())
            }
            Some(_) => None,
        };
        Self { databases, missing }
    }
}

fn judge(
    cx: &DatabaseContext<'_>,
    index: &Index,
    table: &Table,
    (since_reset, between): (&Span, Option<&Span>),
    earlier: Option<&Scans<'_>>,
    replicas: &Replicas<'_>,
) -> Result<Option<Finding>, Missing> {
    let catalog = cx.catalog;
    let leaves = catalog.leaves(index.oid);
    if index.kind == 'I' && leaves == [index.oid] {
        return Ok(None);
    }
    let size = cx.bytes(pages(catalog, index));
    if (size as f64) < cx.param(&CHECK.meta, &MINIMUM_SIZE) {
        return Ok(None);
    }
    let total = scans(catalog, index).ok_or_else(|| {
        Missing::new("index_stats", Reason::Failed, "its counters were not read; it may just have been created")
    })?;
    let names = (table.schema.as_str(), table.name.as_str(), index.name.as_str());
    let earlier = earlier.map(|scans| scans.get(&names).copied());
    let span = match (total, between, earlier) {
        // made between the two snapshots: nothing is known of it yet
        (0, Some(_), Some(None)) => {
            return Err(Missing::new(
                "index_stats",
                Reason::Observation,
                "it was created after the earlier snapshot: too young to tell",
            )
            .unlocked_by("take two snapshots a week apart: pgassay audit --since OLD"));
        }
        (0, ..) => since_reset,
        (total, Some(between), Some(Some(Some(earlier)))) if total == earlier => between,
        _ => return Ok(None),
    };
    let mut at_least = span.at_least;
    for (replica, window) in &replicas.databases {
        match replica.get(&names).copied().flatten() {
            Some(0) => at_least = at_least.min(window.at_least),
            Some(_) => return Ok(None),
            None => at_least = 0.0,
        }
    }
    let rows = catalog.rows(index.table_oid);
    let (mut inserts, mut updates, mut any) = (0, 0, 0);
    for stats in catalog.leaves(index.table_oid).into_iter().filter_map(|leaf| catalog.stats(leaf)) {
        inserts += stats.inserts;
        updates += (stats.updates - stats.hot_updates).max(0);
        any += stats.inserts + stats.updates + stats.deletes;
    }
    let writes = since_reset.per_day_at_least((inserts + updates) as f64);
    let minimum_age = cx.param(&CHECK.meta, &MINIMUM_AGE);
    let doubt = if at_least < minimum_age {
        Some(format!("the counters are not known to be older than {}", humane(at_least, &Unit::Seconds)))
    } else if let Some(missing) = &replicas.missing {
        Some(missing.clone())
    } else if index.has_expressions {
        Some("the planner uses the statistics of its expressions, scanned or not".to_owned())
    } else if rows == Some(0.0) {
        Some("its table is empty".to_owned())
    } else if let Some(other) = relies_on(catalog, index).filter(|_| total > 0) {
        Some(format!("it was scanned before, and {} may be dropped because it serves the same queries", other.name))
    } else if any == 0 {
        Some("its table was never written since the counters began, so it costs only space".to_owned())
    } else {
        None
    };
    let large = size as f64 >= cx.param(&CHECK.meta, &LARGE);
    let busy = writes.is_some_and(|writes| writes >= cx.param(&CHECK.meta, &BUSY));
    let severity = match (&doubt, large || busy) {
        (Some(_), _) => Severity::Info,
        (None, true) => Severity::Medium,
        (None, false) => Severity::Low,
    };
    let message = format!("index {} on {}.{} is not used", index.name, table.schema, table.name);
    let mut finding = Finding::new(&CHECK.meta, catalog.index_subject(index), message)
        .severity(severity)
        .count("index_size", size, Unit::Bytes)
        .number("threshold", minimum_age, Unit::Seconds)
        .number("unused_for", at_least, Unit::Seconds)
        .text("window", span.describe())
        .count("servers", 1 + replicas.databases.len() as i64, Unit::Count);
    if let Some(writes) = writes {
        finding = finding.number("writes_at_least", writes, Unit::PerDay);
    }
    let (sql, lock) = drop_sql(catalog, index, table);
    Ok(Some(match doubt {
        Some(doubt) => finding.text("because", doubt.clone()).advice(format!("not yet evidence: {doubt}")),
        None => finding.fix("keep its definition, then drop it", sql, Some(lock)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::index_stats::IndexStats;
    use crate::facts::inheritance::Inheritance;
    use crate::facts::replication::Replica;
    use crate::testing::{Lab, now, rows};

    const NOTHING: [&str; 0] = [];
    const UNUSED: [&str; 1] = ["low shop/public/orders/i"];
    const INFO: [&str; 1] = ["info shop/public/orders/i"];

    fn lab() -> (Lab, u32, u32) {
        let mut lab = Lab::new();
        let table = lab.table("orders", &["id", "customer"], 500_000.0);
        lab.stats_row(table).inserts = 500;
        let index = lab.index(table, "i", &[2]);
        lab.index_row(index).pages = 1000;
        rows(&mut lab.db().index_stats).push(IndexStats { oid: index, ..IndexStats::default() });
        (lab, table, index)
    }

    fn stats(snapshot: &mut Snapshot) -> &mut IndexStats {
        &mut rows(&mut snapshot.databases[0].index_stats)[0]
    }

    fn with(change: impl FnOnce(&mut Lab, u32, u32)) -> Vec<String> {
        let (mut lab, table, index) = lab();
        change(&mut lab, table, index);
        lab.found(&CHECK)
    }

    #[test]
    fn unused_over_a_known_window() {
        assert_eq!(with(|_, _, _| {}), UNUSED);
        assert_eq!(with(|lab, _, _| stats(&mut lab.snapshot).scans = 1), NOTHING);
        assert_eq!(with(|lab, _, index| lab.index_row(index).pages = 10), NOTHING);
        assert_eq!(with(|lab, _, index| lab.index_row(index).pages = 200_000), ["medium shop/public/orders/i"]);
        assert_eq!(with(|lab, table, _| lab.stats_row(table).inserts = 9_000_000), ["medium shop/public/orders/i"]);
        assert_eq!(with(|lab, _, _| lab.params.set("unused-index", "minimum_age_seconds", 11.0 * DAY)), INFO);
        let unstamped = |lab: &mut Lab, _, _| {
            rows(&mut lab.snapshot.server.database_stats)[0].stats_reset = None;
            if let crate::facts::Fact::Read { rows, .. } = &mut lab.snapshot.server.server {
                rows.started_at = Some(now().plus_seconds(-3600.0));
            }
        };
        assert_eq!(with(unstamped), INFO, "up for an hour is no evidence");
    }

    #[test]
    fn indexes_with_a_duty_are_not_looked_at() {
        assert_eq!(with(|lab, _, index| lab.index_row(index).is_unique = true), NOTHING);
        assert_eq!(with(|lab, _, index| lab.index_row(index).is_replica_identity = true), NOTHING);
        assert_eq!(with(|lab, _, index| lab.index_row(index).is_clustered = true), NOTHING);
        assert_eq!(with(|lab, _, index| lab.index_row(index).is_valid = false), NOTHING);
        let key = |lab: &mut Lab, table: u32, _| {
            let parent = lab.table("customers", &["id"], 10.0);
            lab.foreign_key("fk", (table, &[2]), (parent, &[1]));
        };
        assert_eq!(with(key), NOTHING);
    }

    #[test]
    fn what_weakens_the_evidence_is_info() {
        assert_eq!(with(|lab, _, index| lab.index_row(index).has_expressions = true), INFO);
        assert_eq!(with(|lab, table, _| lab.stats_row(table).inserts = 0), INFO);
        let empty = |lab: &mut Lab, table: u32, _| {
            lab.table_row(table).row_estimate = 0.0;
            lab.stats_row(table).live_rows = 0;
        };
        assert_eq!(with(empty), INFO);
    }

    #[test]
    fn standbys_count_for_themselves() {
        let standby = |lab: &mut Lab| rows(&mut lab.snapshot.server.replication).push(Replica::default());
        assert_eq!(with(|lab, _, _| standby(lab)), INFO, "its counters are missing");
        let given = |scans: i64, identifier: Option<&str>| {
            with(|lab, _, _| {
                standby(lab);
                let mut replica = lab.snapshot.clone();
                stats(&mut replica).scans = scans;
                if let (Some(identifier), crate::facts::Fact::Read { rows, .. }) =
                    (identifier, &mut replica.server.control)
                {
                    rows.system_identifier = identifier.into();
                }
                lab.replicas.push(replica);
            })
        };
        assert_eq!(given(0, None), UNUSED);
        assert_eq!(given(7, None), NOTHING, "used there");
        assert_eq!(given(7, Some("1")), INFO, "another cluster says nothing");
    }

    #[test]
    fn two_snapshots_see_what_fell_out_of_use_and_what_is_new() {
        let earlier = |lab: &mut Lab, days: f64| {
            let mut before = lab.snapshot.clone();
            before.captured_at = now().plus_seconds(-days * DAY);
            lab.before = Some(before);
        };
        let fell = |days: f64| {
            with(|lab, _, _| {
                stats(&mut lab.snapshot).scans = 100;
                earlier(lab, days);
            })
        };
        assert_eq!(fell(8.0), UNUSED);
        assert_eq!(fell(1.0), INFO);
        let (mut lab, _, _) = lab();
        earlier(&mut lab, 8.0);
        rows(&mut lab.before.as_mut().unwrap().databases[0].indexes).clear();
        let verdict = lab.run(&CHECK).unwrap();
        assert_eq!((verdict.findings.len(), verdict.unjudged.len()), (0, 1));
    }

    #[test]
    fn an_index_is_not_dropped_while_another_one_is_dropped_for_it() {
        let with = |total: i64, others: i64| {
            let (mut lab, table, _) = lab();
            let index = lab.index_row(table + 1);
            (index.key_count, index.columns) = (2, vec![2, 1]);
            (index.collations, index.operator_classes, index.options) = (vec![0; 2], vec![1978; 2], vec![0; 2]);
            stats(&mut lab.snapshot).scans = total;
            let short = lab.index(table, "short", &[2]);
            rows(&mut lab.db().index_stats).push(IndexStats { oid: short, scans: others, ..IndexStats::default() });
            let mut before = lab.snapshot.clone();
            before.captured_at = now().plus_seconds(-8.0 * DAY);
            lab.before = Some(before);
            let dropped = |check: &Check| {
                let findings = lab.run(check).unwrap().findings.into_iter();
                findings.filter(|finding| finding.hint.as_ref().unwrap().sql.is_some()).count()
            };
            (dropped(&CHECK), dropped(&super::super::redundant_index::CHECK))
        };
        assert_eq!(with(0, 9), (1, 0), "never scanned: it goes, and the short one stays");
        assert_eq!(with(9, 9), (0, 1), "it fell out of use: it stays for the short one's queries");
        assert_eq!(with(9, 0), (1, 1), "nothing uses either");
    }

    #[test]
    fn partitions_are_summed() {
        let with = |used: i64| {
            let mut lab = Lab::new();
            let parent = lab.table("events", &["id", "kind"], -1.0);
            lab.table_row(parent).kind = 'p';
            let top = lab.index(parent, "i", &[2]);
            lab.index_row(top).kind = 'I';
            lab.index_row(top).pages = 0;
            for number in 0..3 {
                let leaf = lab.table(&format!("events_{number}"), &["id", "kind"], 100_000.0);
                lab.stats_row(leaf).inserts = 100;
                rows(&mut lab.db().inheritance).push(Inheritance { child_oid: leaf, parent_oid: parent });
                let below = lab.index(leaf, &format!("i_{number}"), &[2]);
                lab.index_row(below).is_partition = true;
                rows(&mut lab.db().inheritance).push(Inheritance { child_oid: below, parent_oid: top });
                let scans = if number == 1 { used } else { 0 };
                rows(&mut lab.db().index_stats).push(IndexStats { oid: below, scans, ..IndexStats::default() });
            }
            lab.found(&CHECK)
        };
        assert_eq!(with(0), ["low shop/public/events/i"]);
        assert_eq!(with(1), NOTHING);
    }
}
