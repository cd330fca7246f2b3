//! How long transactions held their connections, one by one, for who asks: a workload has only what they add up to.

use super::event::Actor;

/// A transaction; a statement outside one is one of its own. Times are microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// What tells its session from others.
    pub session: u64,
    /// Whose it is, as an index into the actors.
    pub actor: u32,
    /// When its first statement began; none where that was before the log.
    pub start: Option<i64>,
    /// When it ended; none where the log ends before.
    pub end: Option<i64>,
    /// Microseconds in it in which no statement ran.
    pub idle: i64,
    /// Its place in the log: that of its last statement.
    order: u64,
}

/// The transactions of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holds {
    /// Whose they are.
    pub actors: Vec<Actor>,
    /// In the order in which the log tells their ends.
    pub all: Vec<Hold>,
}

/// A transaction that is open.
#[derive(Debug, Clone, Copy)]
pub struct Holding {
    /// When its first statement began; none where that was before the log.
    pub start: Option<i64>,
    /// Whether a `begin` was seen.
    pub is_explicit: bool,
    /// The local part of its virtual transaction id, as the log has it.
    pub id: u32,
    /// When its last statement ended.
    pub last_end: i64,
    /// Microseconds idle so far.
    pub idle: i64,
    order: u64,
}

/// What collects them while a log is read.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    all: Vec<Hold>,
    order: u64,
}

impl Recorder {
    /// Another statement: what is recorded from now on stands behind what was before.
    pub fn next(&mut self) {
        self.order += 1;
    }

    /// A transaction begins.
    pub fn open(&self, start: Option<i64>, end: i64, is_explicit: bool, id: u32) -> Holding {
        Holding { start, is_explicit, id, last_end: end, idle: 0, order: self.order }
    }

    /// A statement of an open one, or its end.
    pub fn go_on(&self, open: &mut Holding, start: i64, end: i64) {
        open.idle = open.idle.saturating_add(start.saturating_sub(open.last_end).max(0));
        open.last_end = open.last_end.max(end);
        open.order = self.order;
    }

    /// A transaction is over; `end` is none where the log ends before it does.
    pub fn close(&mut self, session: u64, actor: u32, open: &Holding, end: Option<i64>) {
        let Holding { start, idle, order, .. } = *open;
        self.all.push(Hold { session, actor, start, end, idle, order });
    }

    /// All of them, in the order of the log.
    pub fn finish(mut self, actors: Vec<Actor>) -> Holds {
        // what ends without a word, as a transaction of the extended protocol, is noticed only by what follows it
        self.all.sort_by_key(|hold| hold.order);
        Holds { actors, all: self.all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_first_comes_first_and_pauses_are_idle() {
        let mut recorder = Recorder::default();
        recorder.next();
        let silent = recorder.open(Some(0), 10, false, 7);
        recorder.next();
        let mut explicit = recorder.open(Some(5), 15, true, 8);
        recorder.next();
        recorder.go_on(&mut explicit, 40, 50);
        recorder.close(2, 0, &explicit, Some(50));
        // noticed only now, though its last statement came first
        recorder.close(1, 0, &silent, Some(silent.last_end));
        let holds = recorder.finish(Vec::new());
        let told: Vec<_> = holds.all.iter().map(|hold| (hold.session, hold.start, hold.end, hold.idle)).collect();
        assert_eq!(told, [(1, Some(0), Some(10), 0), (2, Some(5), Some(50), 25)]);
    }
}
