//! Django, what `manage.py sqlmigrate` prints: <https://docs.djangoproject.com/en/stable/ref/django-admin/#sqlmigrate>.
//!
//! The text holds its own `BEGIN` and `COMMIT`; a migration with `atomic = False` has none, and each statement of it is
//! sent for itself. Django sends what is printed here statement by statement.

use super::common::{Planned, View, direction_of, ordered};
use super::plain::natural;
use super::{Direction, Wrap};

const BECAUSE: &str = "django: the text holds its own begin and commit";

pub(super) fn plan(view: &View<'_>) -> Planned {
    let keyed = view.files.iter().map(|entry| {
        let (pair, direction) = direction_of(entry.stem()).unwrap_or((entry.stem(), Direction::Up));
        let mut half = entry.whole(direction, Wrap::Nothing, BECAUSE);
        pair.clone_into(&mut half.pair);
        // each application has numbers of its own
        (natural(entry.path), half)
    });
    ordered(keyed.collect(), "has", view)
}

/// Whether a line is a comment as `sqlmigrate` puts before the statements of an operation.
pub(super) fn is_operation(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("-- ") else {
        return false;
    };
    ["Create model ", "Delete model ", "Raw SQL operation", "Raw Python operation"]
        .iter()
        .any(|start| rest.starts_with(start))
        || (["Add field ", "Remove field ", "Alter field ", "Rename field "]
            .iter()
            .any(|start| rest.starts_with(start))
            && [" to ", " from ", " on "].iter().any(|word| rest.contains(word)))
        || (["Create index ", "Remove index ", "Create constraint ", "Remove constraint ", "Alter unique_together "]
            .iter()
            .any(|start| rest.starts_with(start))
            && rest.contains(" model"))
}

#[cfg(test)]
mod tests {
    use super::super::common::lab::Lab;

    #[test]
    fn applications_have_numbers_of_their_own() {
        let lab = Lab::new(&[
            ("a/0002_x.sql", "--\n-- Create model X\n--\nx"),
            ("b/0002_y.sql", "y"),
            ("a/0001_i.sql", "BEGIN; i; COMMIT"),
        ]);
        assert_eq!(lab.halves(), ["0001_i Nothing: BEGIN; i; COMMIT", "0002_x Nothing: x", "0002_y Nothing: y"]);
        assert_eq!(lab.problems().len(), 0);
    }
}
