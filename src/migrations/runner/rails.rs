//! Rails, as far as it is SQL: <https://guides.rubyonrails.org/active_record_migrations.html#schema-dumping-and-you>.
//!
//! `db/structure.sql` is what `pg_dump` made of a database after its migrations; psql loads it, each statement for
//! itself. It says what is, not how it came to be: the migrations themselves are Ruby.

use super::common::{Planned, View};
use super::{Direction, Wrap};

pub(super) fn plan(view: &View<'_>) -> Planned {
    let because = "rails: psql loads the dump, each statement for itself";
    let halves = view.files.iter().map(|entry| entry.whole(Direction::Up, Wrap::Nothing, because)).collect();
    Planned { halves, notes: Vec::new() }
}
