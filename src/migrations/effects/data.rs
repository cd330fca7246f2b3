//! Statements on rows.

use super::super::catalog::{QName, RelationKind};
use super::super::command::{ConstraintKind, Dml, DmlKind, Expr, Literal, Name, Persistence, Reads};
use super::tally::Tally;
use super::{Written, inside, types};
use crate::lock::LockMode;
use std::collections::BTreeSet;

/// What a query reads, and what the functions do that it calls.
pub(super) fn reads(tally: &mut Tally<'_>, reads: &Reads) {
    for relation in &reads.relations {
        if let Some(relation) = tally.existing(relation, false) {
            tally.lock(&relation, LockMode::AccessShare, false);
        }
    }
    for function in &reads.functions {
        if !tally.before.catalog.functions(function).is_empty() {
            call(tally, function);
        }
    }
}

/// A call of a function or a procedure: what its body does, where that is known.
pub(super) fn call(tally: &mut Tally<'_>, name: &Name) {
    let functions = tally.before.catalog.functions(name);
    if functions.is_empty() && !is_built_in(tally, name) {
        tally.effects.unread.push(format!("what {name}() does"));
    }
    for function in tally.before.catalog.functions(name) {
        if tally.calls(&function.name) {
            inside(tally, &function.body);
        }
    }
}

/// Whether a function is PostgreSQL's own: those change no schema.
fn is_built_in(tally: &Tally<'_>, name: &Name) -> bool {
    let call = Expr::Call { name: name.clone(), arguments: Vec::new(), is_special: false };
    matches!(super::outside::volatility(tally, &call), super::super::volatility::Answer::Known(..))
}

/// `select`, `insert`, `update`, `delete`, `merge`; planned only where it does not run.
pub(super) fn data(tally: &mut Tally<'_>, dml: &Dml, runs: bool) {
    if dml.kind == DmlKind::Merge {
        tally.needs(15, "42601", "merge");
    }
    if dml.merge_returns {
        tally.needs(17, "42601", "returning of a merge");
    }
    let locked = if dml.locks_rows { LockMode::RowShare } else { LockMode::AccessShare };
    for name in &dml.reads.relations {
        let Some(relation) = tally.existing(name, false) else { return };
        // `for update of` names some of them; which ones is not kept
        tally.lock(&relation, locked.clone(), false);
        if dml.locks_rows {
            through_views(tally, &relation, &LockMode::RowShare);
        }
    }
    let written =
        dml.target.iter().map(|target| (dml.kind, target)).chain(dml.writes.iter().map(|(kind, to)| (*kind, to)));
    for (number, (kind, name)) in written.enumerate() {
        let Some(target) = tally.existing(name, false) else { return };
        write_locks(tally, &target, kind);
        if !runs {
            continue;
        }
        let is_own = number == 0 && dml.target.is_some();
        around(tally, &target, kind, if is_own { Some(&dml.columns) } else { None });
        writes(tally, dml, kind, &target, is_own);
    }
    if runs {
        uses_values(tally, dml);
    }
    for function in dml.reads.functions.iter().filter(|_| runs) {
        // a query over tables calls functions for what they give; one without calls them for what they do
        if dml.reads.relations.is_empty() && dml.kind == DmlKind::Select
            || !tally.before.catalog.functions(function).is_empty()
        {
            call(tally, function);
        }
        sequence_functions(tally, function, &dml.literals);
    }
    if let Some(into) = &dml.into {
        super::create::is_free(tally, into, false, Persistence::Permanent);
    }
}

/// `nextval('s')`, `setval('s', …)`: the sequence is locked as a table that is written to.
fn sequence_functions(tally: &mut Tally<'_>, function: &Name, literals: &[String]) {
    if !matches!(function.name.as_str(), "nextval" | "setval") {
        return;
    }
    for literal in literals {
        let text = Expr::Literal(Literal::Text(literal.clone()));
        let Some(name) = super::alter_table::sequence_of(&text) else { continue };
        let name = tally.before.catalog.resolve(&name);
        if tally.known(&name).is_some_and(|relation| relation.kind == RelationKind::Sequence) {
            tally.lock(&name, LockMode::RowExclusive, false);
        }
    }
}

/// The table that is written to, its partitions, and what a view stands for.
fn write_locks(tally: &mut Tally<'_>, target: &QName, kind: DmlKind) {
    tally.lock(target, LockMode::RowExclusive, false);
    through_views(tally, target, &LockMode::RowExclusive);
    // the rows of an insert go to some partitions, and which ones is not known
    if kind != DmlKind::Insert {
        tally.lock_family(target, &LockMode::RowExclusive, false);
    }
}

fn through_views(tally: &mut Tally<'_>, name: &QName, mode: &LockMode) {
    let mut queue = vec![name.clone()];
    let mut seen: BTreeSet<QName> = queue.iter().cloned().collect();
    let mut next = 0;
    while let Some(name) = queue.get(next).cloned() {
        next += 1;
        let Some(view) = tally.known(&name).filter(|relation| relation.kind == RelationKind::View) else { continue };
        for read in &view.reads {
            if seen.insert(read.clone()) {
                tally.lock(read, mode.clone(), true);
                queue.push(read.clone());
            }
        }
    }
}

/// What foreign keys look up, or change, when rows are written.
fn around(tally: &mut Tally<'_>, target: &QName, kind: DmlKind, columns: Option<&Vec<String>>) {
    let Some(relation) = tally.known(target) else { return };
    if kind != DmlKind::Delete {
        for constraint in &relation.constraints {
            let Some((referenced, _)) = &constraint.references else { continue };
            let is_touched = kind != DmlKind::Update
                || columns
                    .is_none_or(|columns| constraint.definition.columns.iter().any(|named| columns.contains(named)));
            if is_touched {
                tally.lock(referenced, LockMode::RowShare, true);
            }
        }
    }
    if kind != DmlKind::Delete {
        return;
    }
    for referencing in super::constraints::referencing(tally, relation, None) {
        let Some(other) = tally.known(&referencing) else { continue };
        let changes = other.constraints.iter().any(|constraint| {
            constraint.references.as_ref().is_some_and(|(to, _)| to == target)
                && matches!(
                    &constraint.definition.kind,
                    ConstraintKind::ForeignKey { on_delete, .. }
                        if !matches!(*on_delete, "no action" | "restrict")
                )
        });
        let mode = if changes { LockMode::RowExclusive } else { LockMode::RowShare };
        tally.lock(&referencing, mode, true);
    }
}

fn writes(tally: &mut Tally<'_>, dml: &Dml, kind: DmlKind, target: &QName, is_own: bool) {
    let (verb, is_unbounded) = match kind {
        DmlKind::Select => return,
        DmlKind::Insert if is_own && dml.rows.is_some() => return,
        DmlKind::Insert => ("insert … select", !(is_own && dml.is_bounded)),
        DmlKind::Update => ("update", !(is_own && dml.is_bounded)),
        DmlKind::Delete => ("delete", !(is_own && dml.is_bounded)),
        DmlKind::Merge => ("merge", !(is_own && dml.is_bounded)),
    };
    let is_new = tally.is_new(target);
    let has_condition = is_own && dml.condition.is_some();
    let is_unbounded = is_unbounded && !(is_own && is_by_key(tally, target, dml));
    tally.write(Written { relation: target.clone(), is_unbounded, has_condition, is_new, verb });
}

/// Whether the condition names one row by a key: `id = 5`.
fn is_by_key(tally: &Tally<'_>, target: &QName, dml: &Dml) -> bool {
    let (Some(relation), Some(condition)) = (tally.known(target), &dml.condition) else { return false };
    let parts = match condition {
        Expr::And(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let equal: BTreeSet<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Expr::Operator { name, left: Some(left), right } if name.name == "=" => match (&**left, &**right) {
                (Expr::Column(column), value) | (value, Expr::Column(column)) if value.is_constant() => {
                    column.last().map(String::as_str)
                }
                _ => None,
            },
            _ => None,
        })
        .collect();
    let is_covered = |keys: &[Option<String>]| {
        !keys.is_empty() && keys.iter().all(|key| key.as_ref().is_some_and(|key| equal.contains(key.as_str())))
    };
    relation.indexes.iter().any(|index| index.is_unique && !index.is_partial && is_covered(&index.keys))
}

/// A value of an enum that this transaction added may not be used in it.
fn uses_values(tally: &mut Tally<'_>, dml: &Dml) {
    if dml.literals.is_empty() || !tally.before.session.is_in_transaction() {
        return;
    }
    let tables = dml.target.iter().chain(dml.writes.iter().map(|(_, name)| name)).chain(&dml.reads.relations);
    let tables: BTreeSet<QName> = tables.map(|name| tally.before.catalog.resolve(name)).collect();
    for table in tables {
        for column in tally.known(&table).into_iter().flat_map(|relation| &relation.columns) {
            let Some(type_name) = &column.type_name else { continue };
            for literal in &dml.literals {
                types::uses_value(tally, type_name, literal);
            }
        }
    }
}

/// `copy`.
pub(super) fn copy(tally: &mut Tally<'_>, table: Option<&Name>, is_from: bool, read: &Reads) {
    reads(tally, read);
    let Some(table) = table.and_then(|table| tally.existing(table, false)) else { return };
    if !is_from {
        return tally.lock(&table, LockMode::AccessShare, false);
    }
    write_locks(tally, &table, DmlKind::Insert);
    around(tally, &table, DmlKind::Insert, None);
    let is_new = tally.is_new(&table);
    tally.write(Written { relation: table, is_unbounded: true, has_condition: false, is_new, verb: "copy" });
}

/// `truncate`.
pub(super) fn truncate(tally: &mut Tally<'_>, tables: &[Name], cascade: bool, restart_identity: bool) {
    let mut queue = Vec::new();
    for (number, name) in tables.iter().enumerate() {
        tally.action = number;
        queue.extend(tally.existing(name, false));
    }
    tally.action = 0;
    let said = queue.len();
    let mut going: BTreeSet<QName> = queue.iter().cloned().collect();
    let mut next = 0;
    let mut kept = Vec::new();
    while let Some(name) = queue.get(next).cloned() {
        let is_said = next < said;
        next += 1;
        for member in tally.family(&name) {
            tally.lock(&member, LockMode::AccessExclusive, !is_said || member != name);
            if tally.has_storage(&member) {
                tally.lock_indexes(&member, &LockMode::AccessExclusive);
            }
            going.insert(member.clone());
            let Some(relation) = tally.known(&member) else { continue };
            for sequence in relation.owns.iter().filter(|_| restart_identity) {
                tally.lock(sequence, LockMode::AccessExclusive, true);
            }
            for referencing in super::constraints::referencing(tally, relation, None) {
                if going.contains(&referencing) {
                    continue;
                }
                if !cascade {
                    kept.push(referencing);
                    continue;
                }
                going.insert(referencing.clone());
                queue.push(referencing);
            }
        }
    }
    // one that is said later may be the one that references
    if kept.iter().any(|kept| !going.contains(kept)) {
        tally.fail("0A000", "cannot truncate a table referenced in a foreign key constraint");
    }
}

/// `lock table`.
pub(super) fn lock(tally: &mut Tally<'_>, tables: &[Name], only: &[Name], mode: &LockMode) {
    for name in tables {
        let Some(table) = tally.existing(name, false) else { continue };
        match only.contains(name) {
            true => tally.lock(&table, mode.clone(), false),
            false => tally.lock_family(&table, mode, false),
        }
        through_views(tally, &table, mode);
    }
}
