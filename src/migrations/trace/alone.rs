//! Statements that cannot run in a transaction: a second session holds a lock that they wait for, and looks at theirs while
//! they do.

use super::Bench;
use super::observe::{self, Observed, Relations};
use crate::migrations::command::Command;
use crate::migrations::replay::Step;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a statement is watched while it waits.
const WATCHED: Duration = Duration::from_millis(400);

/// How often.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs a statement outside of any transaction, watched.
pub(super) async fn run(bench: &mut Bench, text: &str, command: &Command, step: &Step, old: &Relations) -> Observed {
    let before = observe::relations(&bench.main).await.unwrap_or_default();
    let valid = observe::valid_keys(&bench.main).await;
    drop(bench.main.run("set client_min_messages = debug1").await);
    bench.main.heard();
    // in the way: what a transaction that has written to its tables holds
    drop(bench.watcher.run("begin").await);
    let mut in_the_way = false;
    for lock in step.effects.locks.iter().filter(|lock| !lock.is_index && blocks(command)) {
        let held = bench.watcher.run(&format!("lock table {} in row exclusive mode nowait", lock.relation.sql())).await;
        if held.is_err() {
            drop(bench.watcher.run("rollback; begin").await);
            in_the_way = false;
            break;
        }
        in_the_way = true;
    }
    let mut seen: BTreeMap<u64, crate::lock::LockMode> = BTreeMap::new();
    let answer = {
        let Bench { main, watcher, pid } = &mut *bench;
        let work = main.run(text);
        tokio::pin!(work);
        let mut waited = Duration::ZERO;
        let mut ended = None;
        loop {
            tokio::select! {
                biased;
                answer = &mut work => { ended = Some(answer); break; }
                () = tokio::time::sleep(PAUSE) => {}
            }
            for (oid, mode) in observe::locks(watcher, pid).await.unwrap_or_default() {
                let known = seen.entry(oid).or_insert_with(|| mode.clone());
                if *known < mode {
                    *known = mode;
                }
            }
            waited += PAUSE;
            // it waits: there is no more to see before it goes on
            if waited >= WATCHED || observe::is_waiting(watcher, pid).await {
                break;
            }
        }
        drop(watcher.run("rollback").await);
        match ended {
            Some(answer) => answer,
            None => work.await,
        }
    };
    let heard = bench.main.heard();
    let mut observed = Observed { old: observe::names_of_old(&before, old), ..Observed::default() };
    observe::read_messages(&heard, &before, old, &mut observed);
    drop(bench.main.run("set client_min_messages = notice").await);
    observed.saw_locks = in_the_way && !seen.is_empty();
    for (oid, mode) in seen {
        if let Some(relation) = before.get(&oid).filter(|one| observe::is_told(one) && old.contains_key(&oid)) {
            observed.locks.insert(relation.name.to_string(), mode);
        }
    }
    observed.held = observed.locks.clone();
    observed.validations = observe::validated(&bench.main, &heard, &before, old, &valid).await;
    match answer {
        Ok(_) => {
            let after = observe::relations(&bench.main).await.unwrap_or_default();
            observe::read_files(&before, &after, old, &mut observed);
        }
        Err(error) => observed.error = Some(error),
    }
    observed
}

/// Whether a writer stands in its way at all: what works on no table does not wait.
fn blocks(command: &Command) -> bool {
    !matches!(command, Command::OfServer(_) | Command::Subscription { .. })
}
