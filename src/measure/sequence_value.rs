//! The last values of sequences, many at a time.
//!
//! `pg_sequence_last_value` reads them by oid, but takes RowExclusiveLock on each and keeps all of them until its transaction
//! ends: on a large server that fills the lock table. A plain `select` takes AccessShareLock, and a chunk at a time keeps few.

use super::Purse;
use crate::collect::missing;
use crate::facts::sequences::Sequence;
use crate::facts::unread_sequences::UnreadSequence;
use crate::facts::{Database, Fact};
use crate::outcome::{Missing, Reason};
use crate::pg::{self, ReadError};
use crate::sql::{qualified, quote};
use std::collections::HashSet;

/// Sequences read, and so locked, at a time.
const CHUNK: usize = 64;

crate::row! {
    /// Where a sequence stands.
    struct LastValue {
        /// Its place in the chunk.
        position: i64,
        /// The last value, or the first one where it was never used.
        last_value: i64,
        /// Whether it was ever used.
        is_called: bool,
    }
}

/// Reads the last values into the sequences of a database, and says which could not be read.
pub(super) async fn read(
    database: &pg::Database,
    facts: &mut Database,
    purse: &Purse,
    role: &str,
) -> Fact<Vec<UnreadSequence>> {
    let locked: HashSet<u32> = facts.locked_relations.ok().into_iter().flatten().map(|row| row.oid).collect();
    let (at, sequences) = match &mut facts.sequences {
        Fact::Read { at, rows } => (*at, rows),
        Fact::Missing(missing) => return Fact::Missing(missing.clone()),
    };
    let mut unread = Vec::new();
    let mut wanted: Vec<&mut Sequence> = sequences.iter_mut().filter(|sequence| sequence.readable).collect();
    let mut skip = |sequence: &mut Sequence, reason: Missing| {
        sequence.readable = false;
        unread.push(UnreadSequence { oid: sequence.oid, reason });
    };
    for sequence in wanted.extract_if(.., |sequence| locked.contains(&sequence.oid)) {
        skip(sequence, Missing::new("sequences", Reason::Locked, "the sequence was held in AccessExclusiveLock"));
    }
    for chunk in wanted.chunks_mut(CHUNK) {
        if !purse.has_time() {
            for sequence in chunk {
                skip(
                    sequence,
                    super::over(
                        "the budget of time was spent before the sequence".to_owned(),
                        "--measure-budget 2GiB,5min",
                    ),
                );
            }
            continue;
        }
        if fill(database, chunk).await.is_ok() {
            continue;
        }
        // one that is locked, dropped or refused must not take the others with it
        for sequence in chunk {
            if let Err(error) = fill(database, std::slice::from_mut(sequence)).await {
                let mut reason = missing("sequences", &error, role);
                if matches!(error, ReadError::Denied { .. }) {
                    let (schema, role) = (quote(&sequence.schema), quote(role));
                    reason.because = "this role may not read the last value of the sequence".to_owned();
                    reason = reason.unlocked_by(format!(
                        "grant usage on schema {schema} to {role};\ngrant select on all sequences in schema {schema} to {role};"
                    ));
                }
                skip(sequence, reason);
            }
        }
    }
    Fact::Read { at, rows: unread }
}

async fn fill(database: &pg::Database, chunk: &mut [&mut Sequence]) -> Result<(), ReadError> {
    let selects = chunk.iter().enumerate().map(|(position, sequence)| {
        let name = qualified(&sequence.schema, &sequence.name);
        format!("select {position}::int8 as position, last_value, is_called from {name}")
    });
    let sql = selects.collect::<Vec<_>>().join(" union all ");
    for row in database.read::<LastValue>(&sql, &[]).await? {
        let sequence = usize::try_from(row.position).ok().and_then(|position| chunk.get_mut(position));
        if let Some(sequence) = sequence {
            sequence.last_value = row.is_called.then_some(row.last_value);
        }
    }
    Ok(())
}
