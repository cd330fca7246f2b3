//! How long work over the rows of a table takes: an estimate of the order of magnitude, from what a server said of its size.
//!
//! The rates were measured once, on PostgreSQL 15 with two cores, a local disk and an untuned configuration, on a table of nine
//! million rows and 938 MiB with 760 MiB of indexes, and rounded towards a disk that has to be read: a scan that checks a
//! constraint took 0.6 s from memory, a B-tree index of an integer 4.2 s and of a text of 32 characters 14.5 s, the
//! validation of a foreign key 0.9 s, three rewrites 27 to 30 s, an update of every row with three indexes 257 s. What a busy
//! server with slow or very fast disks takes differs by a factor of three or more: the text of an estimate says so.

use super::catalog::Relation;
use crate::finding::{Unit, humane};

/// What is done with all rows of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkKind {
    /// They are read, to verify something.
    Scan,
    /// They are written anew, and all indexes are built again.
    Rewrite,
    /// An index is built.
    Build,
    /// They are looked up in another table: a foreign key is validated.
    Validate,
    /// They are changed in place: an update or a delete of all of them.
    Write,
}

/// How much work there is.
#[derive(Debug, Clone, PartialEq)]
pub enum Weight {
    /// Nothing is known of the size of the relation.
    Unknown,
    /// A server counted it, and there were no rows.
    Nothing,
    /// Estimated.
    Estimated {
        /// Bytes that are read or written.
        bytes: u64,
        /// Rows, as the planner knows them.
        rows: Option<f64>,
        /// Seconds.
        seconds: f64,
        /// How it was estimated, in one sentence.
        how: String,
    },
}

const MIB: f64 = 1024.0 * 1024.0;

/// Bytes a second that a scan reads: a disk's, memory is several times as fast.
const SCANNED: f64 = 400.0 * MIB;

/// Bytes a second of table and indexes that a rewrite comes to, the log of it included.
const REWRITTEN: f64 = 60.0 * MIB;

/// Rows a second that an index takes in: integers twice as many, texts half.
const INDEXED: f64 = 1_000_000.0;

/// Rows a second that a foreign key is validated at, on top of reading both tables.
const LOOKED_UP: f64 = 10_000_000.0;

/// Rows a second that an update of all rows changes, indexes and log included.
const CHANGED: f64 = 35_000.0;

/// Bytes of a row where rows were not counted: for work that goes by rows.
const ROW: f64 = 100.0;

/// How much work it is to do something with all rows of a relation; of a foreign key the referenced one matters too.
pub fn weigh(relation: Option<&Relation>, referenced: Option<&Relation>, kind: WorkKind) -> Weight {
    let Some((relation, statistics)) = relation.and_then(|known| known.statistics.as_ref().map(|own| (known, own)))
    else {
        return Weight::Unknown;
    };
    let counted = statistics.rows.filter(|rows| *rows >= 0.0);
    if statistics.bytes == 0 && counted.is_none_or(|rows| rows < 1.0) {
        // rows may have come since, from the migrations themselves; and without a count nobody looked
        let is_empty = counted.is_some() && !relation.has_rows;
        return if is_empty { Weight::Nothing } else { Weight::Unknown };
    }
    let heap = statistics.bytes as f64;
    let rows = counted.unwrap_or(heap / ROW);
    let with = |bytes: f64, seconds: f64, rate: String| Weight::Estimated {
        bytes: bytes as u64,
        rows: counted,
        seconds,
        how: format!(
            "{} {rate}: the order of magnitude, by a factor of three either way; the size is from {}",
            humane(bytes, &Unit::Bytes),
            statistics.source
        ),
    };
    let scan = format!("read at {}/s", humane(SCANNED, &Unit::Bytes));
    match kind {
        WorkKind::Scan => with(heap, heap / SCANNED, scan),
        WorkKind::Rewrite => {
            let all = heap + statistics.index_bytes as f64;
            let rate = format!("of table and indexes written anew at {}/s", humane(REWRITTEN, &Unit::Bytes));
            with(all, all / REWRITTEN, rate)
        }
        WorkKind::Build => {
            let rate = format!(
                "{scan}, and {} rows sorted into an index at {}",
                humane(rows, &Unit::Rows),
                per_second(INDEXED)
            );
            with(heap, heap / SCANNED + rows / INDEXED, rate)
        }
        WorkKind::Validate => {
            let other = referenced.and_then(|other| other.statistics.as_ref()).map_or(0.0, |other| other.bytes as f64);
            let rate = format!("{scan}, and {} rows looked up at {}", humane(rows, &Unit::Rows), per_second(LOOKED_UP));
            with(heap + other, (heap + other) / SCANNED + rows / LOOKED_UP, rate)
        }
        WorkKind::Write => {
            let rate = format!("with {} rows changed at {}", humane(rows, &Unit::Rows), per_second(CHANGED));
            with(heap, rows / CHANGED, rate)
        }
    }
}

fn per_second(rows: f64) -> String {
    format!("{} a second", humane(rows, &Unit::Rows))
}

#[cfg(test)]
mod tests {
    use super::super::catalog::{QName, RelationKind, Statistics};
    use super::*;

    fn table(bytes: u64, rows: Option<f64>) -> Relation {
        let mut table = Relation::new(QName::new("public", "orders"), RelationKind::Table);
        table.statistics = Some(Statistics {
            bytes,
            index_bytes: bytes / 2,
            rows,
            writes_per_second: None,
            source: "snapshot shop.json of 2026-11-22".into(),
        });
        table
    }

    fn seconds(weight: &Weight) -> f64 {
        match weight {
            Weight::Estimated { seconds, .. } => *seconds,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_is_only_what_was_counted() {
        let weigh = |table: &Relation| weigh(Some(table), None, WorkKind::Scan);
        assert_eq!(weigh(&table(0, Some(0.0))), Weight::Nothing);
        assert_eq!(weigh(&table(0, None)), Weight::Unknown);
        assert_eq!(weigh(&Relation { statistics: None, ..table(0, None) }), Weight::Unknown);
        // a migration has filled it since
        assert_eq!(weigh(&Relation { has_rows: true, ..table(0, Some(0.0)) }), Weight::Unknown);
        assert_eq!(super::weigh(None, None, WorkKind::Build), Weight::Unknown);
    }

    #[test]
    fn a_large_table_takes_long() {
        let orders = table(40 << 30, Some(400_000_000.0));
        let of = |kind| weigh(Some(&orders), None, kind);
        assert!((seconds(&of(WorkKind::Scan)) - 102.4).abs() < 0.1);
        assert!((seconds(&of(WorkKind::Rewrite)) - 1024.0).abs() < 0.1);
        assert!((seconds(&of(WorkKind::Build)) - 502.4).abs() < 0.1);
        assert!((seconds(&of(WorkKind::Validate)) - 142.4).abs() < 0.1);
        let Weight::Estimated { how, bytes, rows, .. } = of(WorkKind::Scan) else { panic!() };
        assert_eq!((bytes, rows), (40 << 30, Some(400_000_000.0)));
        assert_eq!(
            how,
            "40 GiB read at 400 MiB/s: the order of magnitude, by a factor of three either way; the size is from \
             snapshot shop.json of 2026-11-22"
        );
        let customers = table(4 << 30, None);
        let validated = weigh(Some(&orders), Some(&customers), WorkKind::Validate);
        assert!((seconds(&validated) - 152.64).abs() < 0.1);
    }
}
