//! The catalog as text, a line for each thing, to be compared with what servers say of themselves. The tests' own.

use super::{Catalog, Relation, RelationKind, TypeDefinition};
use crate::migrations::command::ConstraintKind;

/// Every relation, column, constraint, index, parent, sequence, view, trigger, enum and domain, in order.
pub(super) fn dump(catalog: &Catalog, major: u16) -> Vec<String> {
    let mut out = Vec::new();
    for relation in catalog.relations() {
        of_relation(relation, &mut out);
        check(catalog, relation);
    }
    for own in catalog.types() {
        let name = format!("{}.{}", own.name.schema, own.name.name);
        match &own.kind {
            TypeDefinition::Enum(values) => {
                let values: Vec<&str> = values.iter().map(|(value, _)| value.as_str()).collect();
                out.push(format!("E {name} {}", values.join(",")));
            }
            TypeDefinition::Domain { constraints, .. } => {
                // `not null` of a domain has a name from 17 on
                let named = constraints.iter().filter(|own| major >= 17 || own.kind != ConstraintKind::NotNull);
                let mut names: Vec<&str> = named.filter_map(|own| own.name.as_deref()).collect();
                names.sort_unstable();
                out.push(format!("D {name} {}", names.join(",")));
            }
            _ => {}
        }
    }
    out.sort_unstable();
    out
}

fn of_relation(relation: &Relation, out: &mut Vec<String>) {
    let name = format!("{}.{}", relation.name.schema, relation.name.name);
    let kind = match relation.kind {
        RelationKind::Table => 'r',
        RelationKind::PartitionedTable => 'p',
        RelationKind::ForeignTable => 'f',
        RelationKind::View => 'v',
        RelationKind::MaterializedView => 'm',
        RelationKind::Sequence => 'S',
    };
    out.push(format!("T {name} {kind}"));
    for column in relation.columns.iter().filter(|_| kind != 'S') {
        let type_name = column
            .type_name
            .as_ref()
            .map_or("?".to_owned(), |of| format!("{}{}", if of.dimensions > 0 { "_" } else { "" }, of.name.name));
        let (has_default, is_generated) = (column.default.is_some(), column.generated.is_some());
        out.push(format!(
            "C {name}.{} {type_name} nn={} def={has_default} id={} gen={is_generated}",
            column.name, column.is_not_null, column.is_identity
        ));
    }
    for constraint in &relation.constraints {
        let mut columns = constraint.definition.columns.clone();
        let kind = match &constraint.definition.kind {
            ConstraintKind::Check(_) => {
                columns.sort_unstable();
                'c'
            }
            ConstraintKind::NotNull => 'n',
            ConstraintKind::Unique => 'u',
            ConstraintKind::PrimaryKey => 'p',
            ConstraintKind::Exclusion => 'x',
            ConstraintKind::ForeignKey { .. } => 'f',
        };
        let references = constraint.references.as_ref();
        let references = references
            .map(|(to, columns)| format!(" -> {}.{}({})", to.schema, to.name, columns.join(",")))
            .unwrap_or_default();
        out.push(format!(
            "K {name}.{} {kind} valid={} ({}){references} idx={}",
            constraint.name,
            constraint.is_valid,
            columns.join(","),
            constraint.index.as_deref().unwrap_or("-")
        ));
    }
    for index in &relation.indexes {
        let keys: Vec<&str> = index.keys.iter().map(|key| key.as_deref().unwrap_or("*")).collect();
        out.push(format!(
            "I {}.{} on {name} uq={} ({}) inc({}) part={} valid={} of={}",
            relation.name.schema,
            index.name,
            index.is_unique,
            keys.join(","),
            index.include.join(","),
            index.is_partial,
            index.is_valid,
            index.part_of.as_deref().unwrap_or("-")
        ));
    }
    let parents = relation.parents.iter().map(|parent| format!("P {name} of {}.{}", parent.schema, parent.name));
    out.extend(parents);
    if let Some((table, column)) = &relation.owned_by {
        out.push(format!("S {name} owned {}.{}.{column}", table.schema, table.name));
    }
    out.extend(relation.reads.iter().map(|read| format!("V {name} reads {}.{}", read.schema, read.name)));
    out.extend(relation.triggers.iter().map(|(trigger, _)| format!("G {name} {trigger}")));
}

/// Whether all that points at a relation is pointed back at.
fn check(catalog: &Catalog, relation: &Relation) {
    let known = |name| {
        catalog.get(name).known().unwrap_or_else(|| panic!("{} names {name}, which is not there", relation.name))
    };
    let name = &relation.name;
    for user in &relation.referenced_by {
        let mut to = known(user).constraints.iter().filter_map(|own| own.references.as_ref());
        assert!(to.any(|(to, _)| to == name), "{name} is not referenced by {user}");
    }
    for (to, _) in relation.constraints.iter().filter_map(|own| own.references.as_ref()) {
        assert!(known(to).referenced_by.contains(name), "{to} does not know of {name}");
    }
    assert!(relation.children.iter().all(|child| known(child).parents.contains(name)), "children of {name}");
    assert!(relation.parents.iter().all(|parent| known(parent).children.contains(name)), "parents of {name}");
    assert!(relation.reads.iter().all(|read| known(read).read_by.contains(name)), "what {name} reads");
    assert!(relation.read_by.iter().all(|reader| known(reader).reads.contains(name)), "who reads {name}");
    let owns = |sequence| known(sequence).owned_by.as_ref().is_some_and(|(owner, _)| owner == name);
    assert!(relation.owns.iter().all(owns), "sequences of {name}");
    for index in &relation.indexes {
        let table = catalog.table_of(&super::QName::new(&name.schema, &index.name));
        assert_eq!(table.map(|table| &table.name), Some(name), "{}", index.name);
    }
}
