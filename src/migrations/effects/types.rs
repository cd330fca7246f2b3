//! Types and domains: the tables that have columns of them.

use super::super::catalog::{QName, TypeDefinition};
use super::super::command::{Action, ConstraintKind, DomainAction, Name, TypeName};
use super::tally::{Reason, Tally};
use crate::lock::LockMode;
use std::collections::BTreeSet;

/// Relations with a column of a type, or of a domain over it.
pub(super) fn users(tally: &Tally<'_>, wanted: &QName) -> Vec<QName> {
    let (plain, array) = columns_of(tally, wanted);
    let mut all: BTreeSet<QName> = plain.into_iter().map(|(table, _)| table).collect();
    all.extend(array.into_iter().map(|(table, _)| table));
    all.into_iter().collect()
}

/// Columns of a type itself, and of arrays of it.
type Columns = Vec<(QName, String)>;

fn columns_of(tally: &Tally<'_>, wanted: &QName) -> (Columns, Columns) {
    let (mut plain, mut array) = (Vec::new(), Vec::new());
    let mut types = vec![wanted.clone()];
    let mut seen: BTreeSet<QName> = types.iter().cloned().collect();
    let mut next = 0;
    while let Some(wanted) = types.get(next).cloned() {
        next += 1;
        for table in &tally.before.catalog.users_of_type(&wanted) {
            for column in tally.known(table).into_iter().flat_map(|relation| &relation.columns) {
                let Some(type_name) = &column.type_name else { continue };
                let is_it = tally.before.catalog.type_of(&type_name.name).is_some_and(|known| known.name == wanted);
                match (is_it, type_name.dimensions) {
                    (true, 0) => plain.push((table.clone(), column.name.clone())),
                    (true, _) => array.push((table.clone(), column.name.clone())),
                    _ => {}
                }
            }
        }
        let over = tally.before.catalog.types().filter_map(|found| match &found.kind {
            TypeDefinition::Domain { base, .. } => {
                // names first: there may be as many domains as statements about them
                let is_over = base.name.name == *wanted.name
                    && tally.before.catalog.type_of(&base.name).is_some_and(|known| known.name == wanted);
                is_over.then(|| found.name.clone())
            }
            _ => None,
        });
        for domain in over {
            if seen.insert(domain.clone()) {
                types.push(domain);
            }
        }
    }
    (plain, array)
}

/// `alter type … add value`.
pub(super) fn add_value(tally: &mut Tally<'_>, name: &Name, value: &str, if_not_exists: bool) {
    let Some(known) = tally.before.catalog.type_of(name) else { return };
    let TypeDefinition::Enum(values) = &known.kind else { return };
    if !if_not_exists && values.iter().any(|(known, _)| known == value) {
        tally.fail("42710", format!("enum label \"{value}\" already exists"));
    }
}

/// A literal of a type: where that is an enum and the value was added in this transaction, it cannot be used yet.
pub(super) fn uses_value(tally: &mut Tally<'_>, type_name: &TypeName, value: &str) {
    let Some(transaction) = tally.before.session.transaction.as_ref().map(|transaction| transaction.id) else { return };
    let Some(known) = tally.before.catalog.type_of(&type_name.name) else { return };
    let TypeDefinition::Enum(values) = &known.kind else { return };
    let is_fresh = values
        .iter()
        .any(|(known, born)| known == value && born.is_some_and(|born| born.transaction == Some(transaction)));
    // from 17 on a type that is new itself can be used with all its values
    let is_new_type = known.born.is_some_and(|born| born.transaction == Some(transaction));
    if is_fresh && !(is_new_type && tally.major() >= 17) {
        let message = format!("unsafe use of new value \"{value}\" of enum type {}", known.name);
        tally.fail_in_transaction("55P04", message);
    }
}

/// `alter type` of a row type.
pub(super) fn alter_composite(tally: &mut Tally<'_>, name: &Name, actions: &[Action]) {
    let Some(known) = tally.before.catalog.type_of(name) else { return };
    let changes = actions.iter().any(|action| {
        use super::super::command::ActionKind;
        matches!(
            action.kind,
            ActionKind::AlterType { .. } | ActionKind::AddColumn { .. } | ActionKind::DropColumn { .. }
        )
    });
    let (plain, array) = columns_of(tally, &known.name);
    if let Some((table, column)) = plain.first().or(array.first())
        && changes
    {
        let message = format!("cannot alter type \"{}\" because column \"{table}.{column}\" uses it", known.name);
        tally.fail("0A000", message);
    }
}

/// `alter domain`.
pub(super) fn alter_domain(tally: &mut Tally<'_>, name: &Name, action: &DomainAction) {
    let what = match action {
        DomainAction::Add(constraint) if constraint.is_not_valid => return,
        DomainAction::Add(constraint) => match (&constraint.name, &constraint.kind) {
            (Some(name), _) => format!("the constraint {name}"),
            (None, ConstraintKind::NotNull) => "that there are no nulls".to_owned(),
            (None, _) => "the check".to_owned(),
        },
        DomainAction::Validate(name) => format!("the constraint {name}"),
        DomainAction::SetNotNull => "that there are no nulls".to_owned(),
        DomainAction::Drop(_) | DomainAction::DropNotNull | DomainAction::Default(_) => return,
    };
    let Some(known) = tally.before.catalog.type_of(name) else {
        if !tally.before.catalog.is_complete() {
            tally.effects.unread.push(format!("which tables have columns of the domain {name}: they are scanned"));
        }
        return;
    };
    if let (DomainAction::Validate(name), TypeDefinition::Domain { constraints, .. }) = (action, &known.kind) {
        let found = constraints.iter().find(|constraint| constraint.name.as_ref() == Some(name));
        if found.is_some_and(|constraint| !constraint.is_not_valid) {
            return;
        }
    }
    let (plain, array) = columns_of(tally, &known.name);
    if let Some((table, column)) = array.first() {
        let message = format!("cannot alter type \"{}\" because column \"{table}.{column}\" uses it", known.name);
        return tally.fail("0A000", message);
    }
    for (table, column) in plain {
        if tally.has_storage(&table) {
            tally.lock(&table, LockMode::Share, true);
            let because = format!("{what} of the domain {name} is verified for every row");
            tally.scan(&table, Reason::new(because).part(column));
        }
    }
}
