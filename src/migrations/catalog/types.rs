//! Types, domains, enums and functions.

use super::super::command::{
    Constraint, ConstraintKind, CreateFunction, DomainAction, Drop, Expr, Name, TypeKind, TypeName, Volatility,
};
use super::registry::{Outcome, Refused, Under};
use super::{Catalog, Function, QName, QNames, Type, TypeDefinition};
use std::sync::Arc;

impl Catalog {
    /// `create type`.
    pub(super) fn create_type(&mut self, name: &Name, kind: &TypeKind, under: Under) -> Outcome {
        let definition = match kind {
            TypeKind::Enum(values) => TypeDefinition::Enum(values.iter().map(|value| (value.clone(), None)).collect()),
            TypeKind::Composite(_) => TypeDefinition::Composite,
            TypeKind::Range => TypeDefinition::Range,
            TypeKind::Base => TypeDefinition::Base,
        };
        let name = self.in_creation_schema(name);
        // a shell is completed by a second statement of the same name
        let may_replace = |known: &Arc<Type>| known.kind == TypeDefinition::Base && *kind == TypeKind::Base;
        if self.relations.contains_key(&name) || self.types.get(&name).is_some_and(|known| !may_replace(known)) {
            return Err(Refused);
        }
        self.types.insert_mut(name.clone(), Arc::new(Type { name, kind: definition, born: under.born }));
        Ok(())
    }

    /// `create domain`.
    pub(super) fn create_domain(
        &mut self,
        name: &Name,
        base: &TypeName,
        constraints: &[Constraint],
        default: Option<&Expr>,
        under: Under,
    ) -> Outcome {
        let name = self.in_creation_schema(name);
        if self.relations.contains_key(&name) || self.types.contains_key(&name) {
            return Err(Refused);
        }
        let mut named = Vec::new();
        for constraint in constraints {
            named.push(self.domain_constraint(&name, constraint));
        }
        let kind =
            TypeDefinition::Domain { base: self.stored_type(base), constraints: named, default: default.cloned() };
        self.types.insert_mut(name.clone(), Arc::new(Type { name, kind, born: under.born }));
        Ok(())
    }

    /// A constraint of a domain, with its name.
    fn domain_constraint(&mut self, domain: &QName, constraint: &Constraint) -> Constraint {
        let label = if constraint.kind == ConstraintKind::NotNull { "not_null" } else { "check" };
        let name = constraint.name.clone().unwrap_or_else(|| self.choose_constraint(domain, "", label));
        self.count_name(&domain.schema, &name, true);
        Constraint { name: Some(name), ..constraint.clone() }
    }

    /// The key of a type of the users'.
    fn type_key(&self, name: &Name) -> Option<QName> {
        self.type_of(name).map(|known| known.name.clone())
    }

    fn edit_type(&mut self, name: &QName) -> Option<&mut Type> {
        self.types.get_mut(name).map(Arc::make_mut)
    }

    /// `alter domain`.
    pub(super) fn alter_domain(&mut self, name: &Name, action: &DomainAction) -> Outcome {
        let Some(key) = self.type_key(name) else { return Ok(()) };
        let added = match action {
            DomainAction::Add(constraint) => Some(self.domain_constraint(&key, constraint)),
            DomainAction::SetNotNull => {
                Some(self.domain_constraint(&key, &super::constraints::unnamed(ConstraintKind::NotNull)))
            }
            _ => None,
        };
        let Some(Type { kind: TypeDefinition::Domain { constraints, default, .. }, .. }) = self.edit_type(&key) else {
            return Err(Refused);
        };
        let mut dropped = Vec::new();
        match action {
            DomainAction::Add(_) | DomainAction::SetNotNull => {
                if let Some(added) = added {
                    if constraints.iter().any(|own| own.name == added.name) {
                        return Err(Refused);
                    }
                    let is_second = added.kind == ConstraintKind::NotNull
                        && constraints.iter().any(|own| own.kind == ConstraintKind::NotNull);
                    if !is_second {
                        constraints.push(added);
                    }
                }
            }
            DomainAction::Drop(name) => {
                dropped.extend(constraints.extract_if(.., |own| own.name.as_ref() == Some(name)));
            }
            DomainAction::Validate(name) => {
                let found = constraints.iter_mut().filter(|own| own.name.as_ref() == Some(name));
                found.for_each(|own| own.is_not_valid = false);
            }
            DomainAction::DropNotNull => {
                dropped.extend(constraints.extract_if(.., |own| own.kind == ConstraintKind::NotNull));
            }
            DomainAction::Default(new) => default.clone_from(new),
        }
        for name in dropped.into_iter().filter_map(|constraint| constraint.name) {
            self.count_name(&key.schema, &name, false);
        }
        Ok(())
    }

    /// `alter domain … rename constraint`.
    pub(super) fn rename_domain_constraint(&mut self, name: &Name, from: &str, to: &str) -> Outcome {
        let Some(key) = self.type_key(name) else { return Ok(()) };
        let Some(Type { kind: TypeDefinition::Domain { constraints, .. }, .. }) = self.edit_type(&key) else {
            return Err(Refused);
        };
        let found = constraints.iter_mut().find(|own| own.name.as_deref() == Some(from)).ok_or(Refused)?;
        found.name = Some(to.to_owned());
        self.count_name(&key.schema, from, false);
        self.count_name(&key.schema, to, true);
        Ok(())
    }

    /// `alter type … add value`.
    pub(super) fn add_enum_value(&mut self, name: &Name, value: &str, if_not_exists: bool, under: Under) -> Outcome {
        let key = self.type_key(name).unwrap_or_else(|| self.in_creation_schema(name));
        let is_complete = self.is_complete;
        match self.edit_type(&key) {
            Some(Type { kind: TypeDefinition::Enum(values), .. }) => {
                if values.iter().any(|(known, _)| known == value) {
                    return if if_not_exists { Ok(()) } else { Err(Refused) };
                }
                values.push((value.to_owned(), under.born));
                Ok(())
            }
            Some(_) => Err(Refused),
            None if is_complete => Err(Refused),
            // its other values are not known; that this one is new is
            None => {
                let kind = TypeDefinition::Enum(vec![(value.to_owned(), under.born)]);
                self.types.insert_mut(key.clone(), Arc::new(Type { name: key, kind, born: None }));
                Ok(())
            }
        }
    }

    /// `alter type … rename value`.
    pub(super) fn rename_enum_value(&mut self, name: &Name, from: &str, to: &str) -> Outcome {
        let Some(key) = self.type_key(name) else { return Ok(()) };
        let Some(Type { kind: TypeDefinition::Enum(values), .. }) = self.edit_type(&key) else { return Err(Refused) };
        if let Some((known, _)) = values.iter_mut().find(|(known, _)| known == from) {
            to.clone_into(known);
        }
        Ok(())
    }

    /// Moves a type to another schema or name, and with it the columns that are of it.
    pub(super) fn move_type(&mut self, name: &Name, schema: Option<&str>, to: Option<&str>) -> Outcome {
        let Some(from) = self.type_key(name) else { return Ok(()) };
        let to = QName::new(schema.unwrap_or(&from.schema), to.unwrap_or(&from.name));
        if self.types.contains_key(&to) || self.relations.contains_key(&to) {
            return Err(Refused);
        }
        let Some(found) = self.types.get(&from).cloned() else { return Ok(()) };
        for (table, column) in self.columns_of_type(&from) {
            let Some(relation) = self.edit(&table) else { continue };
            let column = relation.columns.find_mut(|own| own.name == column);
            if let Some(type_name) = column.and_then(|column| column.type_name.as_mut()) {
                let schema =
                    (*to.schema != *"public" || type_name.name.schema.is_some()).then(|| to.schema.to_string());
                type_name.name = Name { schema, name: to.name.to_string() };
            }
        }
        let users = self.type_users.get(&from).cloned().unwrap_or_default();
        self.type_users.remove_mut(&from);
        self.type_users.insert_mut(to.clone(), users);
        self.types.remove_mut(&from);
        self.types.insert_mut(to.clone(), Arc::new(Type { name: to, ..Type::clone(&found) }));
        Ok(())
    }

    /// The columns that are of a type, or an array of it.
    pub(super) fn columns_of_type(&self, name: &QName) -> Vec<(QName, String)> {
        let mut columns = Vec::new();
        for table in self.type_users.get(name).into_iter().flatten() {
            let Some(relation) = self.relations.get(table) else { continue };
            for column in &relation.columns {
                let is_of_it = column.type_name.as_ref().and_then(|type_name| self.type_of(&type_name.name));
                if is_of_it.is_some_and(|known| known.name == *name) {
                    columns.push((table.clone(), column.name.clone()));
                }
            }
        }
        columns
    }

    /// Tables with a column of a type.
    pub fn users_of_type(&self, name: &QName) -> QNames {
        self.columns_of_type(name).into_iter().map(|(table, _)| table).collect()
    }

    pub(super) fn drop_type(&mut self, name: &Name, statement: &Drop) -> Outcome {
        let Some(key) = self.type_key(name) else {
            return if self.is_complete && !statement.if_exists { Err(Refused) } else { Ok(()) };
        };
        if !statement.cascade && !self.columns_of_type(&key).is_empty() {
            return Err(Refused);
        }
        self.drop_type_columns(&key);
        if let Some(Type { kind: TypeDefinition::Domain { constraints, .. }, .. }) = self.types.get(&key).map(|t| &**t)
        {
            let names: Vec<String> = constraints.iter().filter_map(|constraint| constraint.name.clone()).collect();
            names.iter().for_each(|name| self.count_name(&key.schema, name, false));
        }
        self.types.remove_mut(&key);
        self.type_users.remove_mut(&key);
        Ok(())
    }

    /// Drops the columns that are of a type.
    pub(super) fn drop_type_columns(&mut self, name: &QName) {
        for (table, column) in self.columns_of_type(name) {
            // what cannot be dropped, a partition key, goes with its table: nothing to be said of that
            let _ = self.drop_column_of(&table, &column, true);
        }
    }

    /// `create function`, `create procedure`.
    pub(super) fn create_function(&mut self, create: &CreateFunction, under: Under) -> Outcome {
        let name = self.in_creation_schema(&create.name);
        let arguments: Vec<TypeName> =
            create.arguments.iter().map(|(_, type_name, _)| self.stored_type(type_name)).collect();
        let function = Function {
            name: name.clone(),
            volatility: create.volatility,
            language: create.language.clone(),
            inlined: inlined(create),
            is_procedure: create.is_procedure,
            defaults: create.arguments.iter().rev().take_while(|(_, _, has_default)| *has_default).count(),
            is_of_trigger: create.returns.as_ref().is_some_and(|returns| {
                let name = returns.name.name.as_str();
                matches!(name, "trigger" | "event_trigger")
            }),
            body: Arc::new(create.statements.clone()),
            born: under.born,
            arguments,
        };
        let mut all = self.functions.get(&name).map(|there| Vec::clone(there)).unwrap_or_default();
        match all.iter_mut().find(|known| known.arguments == function.arguments) {
            Some(_) if !create.replace => return Err(Refused),
            Some(known) => *known = Function { born: known.born, ..function },
            None => all.push(function),
        }
        self.functions.insert_mut(name, Arc::new(all));
        Ok(())
    }

    /// `alter function`: of several that bear the name, which one is not known.
    pub(super) fn alter_function(&mut self, name: &Name, volatility: Option<Volatility>) -> Outcome {
        let (Some(volatility), [function]) = (volatility, self.functions(name)) else { return Ok(()) };
        let function = Function { volatility, ..function.clone() };
        self.functions.insert_mut(function.name.clone(), Arc::new(vec![function]));
        Ok(())
    }

    /// `drop function`: of several that bear the name, which one goes is not known, and all stay.
    pub(super) fn drop_function(&mut self, name: &Name, _: &Drop) -> Outcome {
        if let [function] = self.functions(name) {
            let name = function.name.clone();
            self.functions.remove_mut(&name);
        }
        Ok(())
    }
}

/// The expression that PostgreSQL may put in place of a call. Whether it does depends on the call as well: an argument
/// that is volatile keeps a body from it that uses the parameter twice.
fn inlined(create: &CreateFunction) -> Option<Box<Expr>> {
    let fits = create.language == "sql"
        && !create.is_procedure
        && !create.is_strict
        && !create.is_security_definer
        && !create.has_settings
        && create.outputs.is_empty()
        && create.returns.as_ref().is_some_and(|returns| !returns.is_set);
    let body = create.body.as_deref().filter(|_| fits)?;
    super::super::statement::single_select_expression(body).map(Box::new)
}
