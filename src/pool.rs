//! `pgassay pool`: how large a pool should be, from what was measured.
//!
//! What occupies a connection is the time a transaction holds it, client think time included, and not the time its queries
//! run. So demand is counted in erlangs, the mean number of connections held at once ([`demand`]), from the best evidence
//! there is. A [`trace`] of transactions is replayed against pools of every size ([`simulate`]); where there are only sums,
//! queueing theory stands in ([`erlang`]) and says what it cannot see ([`predict`]). What the server can carry is another
//! question ([`capacity`]), and how many connections it lets in a third ([`budget`]). [`decide`] puts them together and
//! [`advice`] is the result as one value; [`snippets`] writes it down in the keys of the pool that is used.
//! [`application_config`] reads what an application says of its pool now, and [`verdicts`] decides section 4 of the checklist.
//!
//! Everything here is a pure function of plain values.

pub mod advice;
pub mod application_config;
pub mod budget;
pub mod capacity;
pub mod console;
pub mod decide;
pub mod demand;
pub mod dispersion;
pub mod erlang;
pub mod evidence;
pub mod from_log;
pub mod predict;
pub mod random;
pub mod simulate;
pub mod snippets;
pub mod trace;
pub mod verdicts;
pub mod waits;
pub mod watch;
pub mod what_if;
