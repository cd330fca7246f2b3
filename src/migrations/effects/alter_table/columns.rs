//! Actions on columns: adding and dropping them, nulls, identities, expressions.

use super::super::tally::{Reason, Tally};
use super::super::{constraints, outside, proofs};
use super::Alter;
use crate::lock::LockMode;
use crate::migrations::catalog::{Column, QName, Relation, TypeDefinition};
use crate::migrations::command::{
    ColumnDef, Constraint, ConstraintKind, Expr, Generated, Literal, Name, TypeName, Volatility,
};
use crate::migrations::volatility::Answer;

/// `add column`.
pub(super) fn add(alter: &mut Alter<'_, '_>, column: &ColumnDef, if_not_exists: bool) {
    let name = &column.name;
    let table = alter.name();
    if let Some((Generated::Virtual, _)) = column.generated {
        alter.tally.needs(18, "42601", "a virtual generated column");
    }
    if alter.relation.is_some_and(|relation| relation.column(name).is_some()) {
        if !if_not_exists {
            alter.tally.fail("42701", format!("column \"{name}\" of relation \"{table}\" already exists"));
        }
        return;
    }
    if alter.relation.is_some_and(|relation| relation.partition_of.is_some()) {
        return alter.tally.fail("42809", "cannot add column to a partition");
    }
    if alter.only_fails("column") {
        return;
    }
    let leaves = alter.locked_leaves();
    let domain = Domain::of(alter.tally, &column.type_name);
    let value = Value::of(alter.tally, column, &domain);
    if let Some(reason) = rewrite_reason(alter.tally, column, &domain) {
        for leaf in &leaves {
            alter.tally.rewrite(leaf, reason.clone().part(name));
        }
        lock_sequence_of_default(alter.tally, column);
    } else if !column.is_serial() && outside::may_be_domain(alter.tally, &column.type_name.name) {
        let what = &column.type_name.name;
        let because =
            format!("whether {what} is a domain with a constraint: then every row of {table} is written anew");
        alter.tally.effects.unread.push(because);
    }
    if let Some(default) = &column.default {
        enum_default_of(alter.tally, &column.type_name, default);
    }
    let has_rows = leaves.iter().any(|leaf| !alter.tally.is_empty(leaf));
    if value == Value::Null && has_rows && column.generated.is_none() {
        if column.is_not_null {
            let message = format!("column \"{name}\" of relation \"{table}\" contains null values");
            alter.tally.fail_with_rows("23502", message);
        } else if domain.is_not_null {
            let message = format!("domain {} does not allow null values", column.type_name.name);
            alter.tally.fail_with_rows("23502", message);
        }
    }
    if column.is_not_null && matches!(column.generated, Some((Generated::Virtual, _))) {
        for leaf in &leaves {
            let because = format!("that {name} is computed to no null is verified for every row");
            alter.tally.scan(leaf, Reason::new(because).part(name));
        }
    }
    for constraint in &column.constraints {
        inline(alter, column, constraint, &leaves, &value);
    }
}

/// A constraint in the definition of a column.
fn inline(alter: &mut Alter<'_, '_>, column: &ColumnDef, constraint: &Constraint, leaves: &[QName], value: &Value) {
    constraints::needs_version(alter.tally, constraint);
    match &constraint.kind {
        ConstraintKind::Check(_) if !constraint.is_not_enforced => {
            for leaf in leaves {
                let because = format!("the check on the new column {} is verified for every row", column.name);
                alter.tally.scan(leaf, Reason::new(because).part(&column.name));
            }
        }
        ConstraintKind::Unique | ConstraintKind::PrimaryKey | ConstraintKind::Exclusion => {
            constraints::index_backed(alter, constraint, true);
            if *value == Value::Same && leaves.iter().any(|leaf| !alter.tally.is_empty(leaf)) {
                let index = constraints::index_name(&alter.table, constraint);
                alter.tally.fail_with_rows("23505", format!("could not create unique index \"{index}\""));
            }
        }
        ConstraintKind::ForeignKey { .. } => {
            // A column that is null in every row is not looked at; a default that is said to be null is.
            let is_looked_at = column.default.is_some() || column.generated.is_some() || column.is_serial();
            constraints::foreign_key(alter, constraint, is_looked_at);
        }
        _ => {}
    }
}

/// What the rows that are there get for a new column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// Null.
    Null,
    /// One value, the same for all.
    Same,
    /// Each its own.
    Own,
}

impl Value {
    fn of(tally: &Tally<'_>, column: &ColumnDef, domain: &Domain<'_>) -> Self {
        if column.is_serial() || column.is_identity || column.generated.is_some() {
            return Self::Own;
        }
        match column.default.as_ref().or(domain.default) {
            None | Some(Expr::Null) => Self::Null,
            Some(default)
                if !matches!(
                    outside::volatility(tally, default),
                    Answer::Known(Volatility::Immutable | Volatility::Stable, _)
                ) =>
            {
                Self::Own
            }
            Some(Expr::Cast(inner, _)) if **inner == Expr::Null => Self::Null,
            Some(_) => Self::Same,
        }
    }
}

/// What a column's type adds where it is a domain.
#[derive(Debug, Default)]
pub(super) struct Domain<'a> {
    pub(super) is_constrained: bool,
    pub(super) is_not_null: bool,
    pub(super) default: Option<&'a Expr>,
}

impl<'a> Domain<'a> {
    /// Of a type; domains over domains are followed.
    pub(super) fn of(tally: &Tally<'a>, type_name: &TypeName) -> Self {
        let mut found = Self::default();
        let mut name: &Name = &type_name.name;
        let mut dimensions = type_name.dimensions;
        // a domain that is its own base cannot be made, but a file can say so
        for _ in 0..64 {
            if dimensions > 0 {
                break;
            }
            let Some(known) = tally.before.catalog.type_of(name) else { break };
            let TypeDefinition::Domain { base, constraints, default } = &known.kind else { break };
            found.is_constrained |= !constraints.is_empty();
            found.is_not_null |= constraints.iter().any(|constraint| constraint.kind == ConstraintKind::NotNull);
            found.default = found.default.or(default.as_ref());
            name = &base.name;
            dimensions = base.dimensions;
        }
        found
    }
}

fn rewrite_reason(tally: &Tally<'_>, column: &ColumnDef, domain: &Domain<'_>) -> Option<Reason> {
    let name = &column.name;
    if column.is_serial() {
        return Some(Reason::new(format!("{name} is a serial: every row gets a number of its own")));
    }
    if column.is_identity {
        return Some(Reason::new(format!("{name} is an identity: every row gets a number of its own")));
    }
    match &column.generated {
        Some((Generated::Stored, _)) => {
            return Some(Reason::new(format!("{name} is generated and stored: it is computed for every row")));
        }
        Some((Generated::Virtual, _)) => return None,
        None => {}
    }
    if domain.is_constrained {
        let because = format!("{} is a domain with a constraint: it is checked for every row", column.type_name.name);
        return Some(Reason::new(because));
    }
    let default = column.default.as_ref().or(domain.default)?;
    let written = default.sql().unwrap_or_else(|| format!("of {name}"));
    match outside::volatility(tally, default) {
        Answer::Known(Volatility::Volatile, _) => {
            Some(Reason::new(format!("the default {written} is volatile: it is computed for every row")))
        }
        Answer::Known(..) => None,
        Answer::Unknown(what) => {
            let because = format!("the default {written} is computed for every row unless it is stable");
            Some(Reason::new(because).assumed(Some(what)))
        }
    }
}

/// `nextval` of a default takes a lock on its sequence when it runs.
fn lock_sequence_of_default(tally: &mut Tally<'_>, column: &ColumnDef) {
    let Some(default) = &column.default else { return };
    let mut sequences = Vec::new();
    default.visit(&mut |part| {
        if let Expr::Call { name, arguments, .. } = part
            && name.name == "nextval"
        {
            sequences.extend(arguments.first().and_then(sequence_of));
        }
    });
    for sequence in sequences {
        let sequence = tally.before.catalog.resolve(&sequence);
        tally.lock(&sequence, LockMode::RowExclusive, true);
    }
}

/// The sequence that an argument names.
pub(in super::super) fn sequence_of(argument: &Expr) -> Option<Name> {
    match argument {
        Expr::Literal(Literal::Text(text)) => Some(match text.split_once('.') {
            Some((schema, name)) => Name::qualified(schema.trim_matches('"'), name.trim_matches('"')),
            None => Name::bare(text.trim_matches('"')),
        }),
        Expr::Cast(inner, _) => sequence_of(inner),
        _ => None,
    }
}

/// `drop column`.
pub(super) fn drop(alter: &mut Alter<'_, '_>, column: &str, if_exists: bool, cascade: bool) {
    let Some(relation) = alter.relation else { return };
    if relation.is_complete && relation.column(column).is_none() {
        if !if_exists {
            alter.needs_column(column);
        }
        return;
    }
    if alter.is_inherited(column) {
        return alter.tally.fail("42P16", format!("cannot drop inherited column \"{column}\""));
    }
    if alter.is_partition_key(column) {
        let table = alter.name();
        let message =
            format!("cannot drop column \"{column}\" because it is part of the partition key of relation \"{table}\"");
        return alter.tally.fail("42P16", message);
    }
    if alter.only && relation.is_partitioned() && alter.has_children() {
        let message = "cannot drop column from only the partitioned table when partitions exist";
        return alter.tally.fail("42P16", message);
    }
    for member in alter.locked_family() {
        if let Some(relation) = alter.tally.known(&member) {
            drop_of(alter, relation, column, cascade);
        }
    }
}

fn drop_of(alter: &mut Alter<'_, '_>, relation: &Relation, column: &str, cascade: bool) {
    let mut depends = false;
    for constraint in &relation.constraints {
        let names_it = constraint.definition.columns.iter().any(|named| named == column);
        if let (true, Some((referenced, _))) = (names_it, &constraint.references) {
            alter.tally.lock_family(referenced, &LockMode::AccessExclusive, true);
        }
    }
    for index in relation.indexes.iter().filter(|index| index.uses(column)) {
        alter.tally.lock_index(&relation.name, &index.name, LockMode::AccessExclusive, true);
    }
    for sequence in &relation.owns {
        let owner = alter.tally.known(sequence).and_then(|sequence| sequence.owned_by.as_ref());
        if owner.is_some_and(|(_, owner)| owner == column) {
            alter.tally.lock(sequence, LockMode::AccessExclusive, true);
        }
    }
    for referencing in constraints::referencing(alter.tally, relation, Some(column)) {
        depends = true;
        if cascade {
            alter.tally.lock_family(&referencing, &LockMode::AccessExclusive, true);
        }
    }
    if alter.tally.major() >= 15 {
        depends |= relation.columns.iter().any(|other| is_generated_from(other, column));
    }
    for view in readers(alter.tally, relation, column) {
        depends = true;
        if cascade {
            super::super::drop::lock_view(alter.tally, &view);
        }
    }
    if depends && !cascade {
        let message =
            format!("cannot drop column {column} of table {} because other objects depend on it", relation.name);
        alter.tally.fail("2BP01", message);
    }
}

/// Whether a column is generated from another.
pub(super) fn is_generated_from(column: &Column, from: &str) -> bool {
    column.generated.as_ref().is_some_and(|(_, expr)| expr.columns().contains(from))
}

/// Views that read a column of a relation; those of which it is not known are left out.
pub(super) fn readers(tally: &Tally<'_>, relation: &Relation, column: &str) -> Vec<QName> {
    let reads = |view: &&QName| reads_column(tally, view, relation, column) == Some(true);
    relation.read_by.iter().filter(reads).cloned().collect()
}

/// Views of which it is not known whether they read a column of a relation.
pub(super) fn perhaps_readers(tally: &Tally<'_>, relation: &Relation, column: &str) -> Vec<QName> {
    let reads = |view: &&QName| reads_column(tally, view, relation, column).is_none();
    relation.read_by.iter().filter(reads).cloned().collect()
}

/// Whether a view reads a column of a relation.
fn reads_column(tally: &Tally<'_>, view: &QName, relation: &Relation, column: &str) -> Option<bool> {
    let view = tally.known(view)?;
    let born = relation.column(column).and_then(|column| column.born);
    if view.mentions.contains("*") {
        // all columns that were there when it was made
        let was_there = born.is_none() || view.born.is_some_and(|view| born < Some(view));
        return (was_there && view.reads.len() == 1).then_some(true);
    }
    if view.mentions.is_empty() {
        return None;
    }
    if !view.mentions.contains(column) {
        return Some(false);
    }
    // the column of that name is another's, unless no other has one
    let others = view.reads.iter().filter(|read| **read != relation.name);
    let lacks = |read: &QName| tally.known(read).is_some_and(|read| read.is_complete && read.column(column).is_none());
    others.into_iter().all(lacks).then_some(true)
}

/// `set not null`.
pub(super) fn set_not_null(alter: &mut Alter<'_, '_>, column: &str) {
    if !alter.needs_column(column) {
        return;
    }
    if alter.only && alter.is_partitioned() && alter.has_children() {
        return alter.tally.fail("42P16", "constraint must be added to child tables too");
    }
    for leaf in alter.locked_leaves() {
        verify_not_null(alter, &leaf, column, &format!("that {column} holds no nulls"));
    }
}

/// The scan that shows that a column holds no nulls, unless that is known.
pub(in super::super) fn verify_not_null(alter: &mut Alter<'_, '_>, leaf: &QName, column: &str, what: &str) {
    let known = alter.tally.known(leaf);
    if known.and_then(|relation| relation.column(column)).is_some_and(|column| column.is_not_null) {
        return;
    }
    if let Some(check) = known.and_then(|relation| proofs::proof_of_not_null(relation, column, &alter.dropped)) {
        return alter.tally.prove(format!("the valid check {check} proves that {leaf}.{column} holds no nulls"));
    }
    let is_known = known.is_some_and(|relation| relation.is_complete);
    let assumed = (!is_known).then(|| format!("the constraints of {leaf} are not known"));
    let because = format!("{what} is verified for every row");
    alter.tally.scan(leaf, Reason::new(because).part(column).assumed(assumed));
}

/// `drop not null`.
pub(super) fn drop_not_null(alter: &mut Alter<'_, '_>, column: &str) {
    if !alter.needs_column(column) {
        return;
    }
    let is_nullable =
        alter.relation.and_then(|relation| relation.column(column)).is_some_and(|column| !column.is_not_null);
    // from 18 on it is a constraint that is dropped, and where there is none nothing is done
    if !(is_nullable && alter.tally.major() >= 18) {
        alter.locked_family();
    }
}

/// `set expression`.
pub(super) fn set_expression(alter: &mut Alter<'_, '_>, column: &str) {
    alter.tally.needs(17, "42601", "set expression");
    if !alter.needs_column(column) {
        return;
    }
    let generated = alter.relation.and_then(|relation| relation.column(column)).map(|column| column.generated.as_ref());
    let assumed = match generated {
        Some(Some((Generated::Virtual, _))) => {
            alter.locked_family();
            return;
        }
        Some(Some((Generated::Stored, _))) => None,
        Some(None) if alter.is_complete() => {
            let table = alter.name();
            return alter
                .tally
                .fail("42601", format!("column \"{column}\" of relation \"{table}\" is not a generated column"));
        }
        _ => Some(format!("whether {column} is stored is not known")),
    };
    for leaf in alter.locked_leaves() {
        let because = format!("{column} is computed anew for every row");
        alter.tally.rewrite(&leaf, Reason::new(because).part(column).assumed(assumed.clone()));
    }
}

/// `add generated … as identity`.
pub(super) fn add_identity(alter: &mut Alter<'_, '_>, column: &str) {
    if !alter.needs_column(column) {
        return;
    }
    let known = alter.relation.and_then(|relation| relation.column(column));
    if alter.is_complete() && known.is_some_and(|column| !column.is_not_null) {
        let table = alter.name();
        let message = format!(
            "column \"{column}\" of relation \"{table}\" must be declared NOT NULL before identity can be added"
        );
        return alter.tally.fail("55000", message);
    }
    if alter.is_partitioned() && alter.tally.major() >= 17 {
        alter.locked_family();
    }
}

/// A lock on the sequences of a column.
pub(super) fn lock_sequences(alter: &mut Alter<'_, '_>, column: &str, mode: &LockMode) {
    if !alter.needs_column(column) {
        return;
    }
    for sequence in alter.relation.map(|relation| &relation.owns).into_iter().flatten() {
        let owner = alter.tally.known(sequence).and_then(|sequence| sequence.owned_by.as_ref());
        if owner.is_some_and(|(_, owner)| owner == column) {
            alter.tally.lock(sequence, mode.clone(), true);
        }
    }
}

/// `set default` of an enum's column to a value that is not committed.
pub(super) fn enum_default(alter: &mut Alter<'_, '_>, column: &str, default: &Expr) {
    let known = alter.relation.and_then(|relation| relation.column(column));
    if let Some(type_name) = known.and_then(|column| column.type_name.as_ref()) {
        enum_default_of(alter.tally, type_name, default);
    }
}

/// A default of a type that may be an enum.
pub(in super::super) fn enum_default_of(tally: &mut Tally<'_>, type_name: &TypeName, default: &Expr) {
    default.visit(&mut |part| {
        if let Expr::Literal(Literal::Text(value)) = part {
            super::super::types::uses_value(tally, type_name, value);
        }
    });
}
