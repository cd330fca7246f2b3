//! Everything that is no table and no data: what is dropped, renamed, moved, commented on and granted, functions,
//! types, views.

use super::super::command::{
    Body, Command, CreateFunction, DomainAction, Drop, Inner, Name, ObjectKind, Reads, Rename, SetTo, Transaction,
    TypeKind, TypeName, Volatility,
};
use super::super::plpgsql::{Code, Parameter, ParameterMode, Routine};
use super::expressions::optional;
use super::names::{
    name, option, option_is_on, option_word, owner_and_part, persistence, relation, relation_of, relations, said, text,
    texts, type_name, word,
};
use super::reads::Reader;
use super::tables::columns;
use super::{Context, expression_as_select};
use pg_query::protobuf::{
    self, DropBehavior, FunctionParameterMode, GrantTargetType, ObjectType, ReindexObjectType, RoleSpecType,
    TransactionStmtKind, VariableSetKind,
};
use pg_query::{Node, NodeEnum, TriggerType};

/// The kind of an object by the parser's word.
pub(super) fn object_kind(kind: ObjectType) -> ObjectKind {
    match kind {
        ObjectType::ObjectTable => ObjectKind::Table,
        ObjectType::ObjectForeignTable => ObjectKind::ForeignTable,
        ObjectType::ObjectView => ObjectKind::View,
        ObjectType::ObjectMatview => ObjectKind::MaterializedView,
        ObjectType::ObjectIndex => ObjectKind::Index,
        ObjectType::ObjectSequence => ObjectKind::Sequence,
        ObjectType::ObjectSchema => ObjectKind::Schema,
        ObjectType::ObjectType => ObjectKind::Type,
        ObjectType::ObjectDomain => ObjectKind::Domain,
        ObjectType::ObjectFunction | ObjectType::ObjectRoutine => ObjectKind::Function,
        ObjectType::ObjectProcedure => ObjectKind::Procedure,
        ObjectType::ObjectAggregate => ObjectKind::Aggregate,
        ObjectType::ObjectTrigger => ObjectKind::Trigger,
        ObjectType::ObjectRule => ObjectKind::Rule,
        ObjectType::ObjectPolicy => ObjectKind::Policy,
        ObjectType::ObjectExtension => ObjectKind::Extension,
        ObjectType::ObjectColumn => ObjectKind::Column,
        ObjectType::ObjectTabconstraint => ObjectKind::Constraint,
        ObjectType::ObjectDomconstraint => ObjectKind::DomainConstraint,
        ObjectType::ObjectAttribute => ObjectKind::Attribute,
        ObjectType::ObjectCollation => ObjectKind::Collation,
        ObjectType::ObjectOperator => ObjectKind::Operator,
        ObjectType::ObjectCast => ObjectKind::Cast,
        ObjectType::ObjectStatisticExt => ObjectKind::Statistics,
        ObjectType::ObjectPublication => ObjectKind::Publication,
        ObjectType::ObjectSubscription => ObjectKind::Subscription,
        ObjectType::ObjectRole => ObjectKind::Role,
        ObjectType::ObjectDatabase => ObjectKind::Database,
        ObjectType::ObjectTablespace => ObjectKind::Tablespace,
        ObjectType::ObjectForeignServer => ObjectKind::Server,
        ObjectType::ObjectLanguage => ObjectKind::Language,
        ObjectType::ObjectLargeobject => ObjectKind::LargeObject,
        ObjectType::ObjectEventTrigger => ObjectKind::EventTrigger,
        _ => ObjectKind::Other,
    }
}

/// The name of an object, however the tree holds it.
pub(super) fn object_name(node: Option<&Node>) -> Name {
    match node.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::List(list)) => match list.items.last().and_then(|last| last.node.as_ref()) {
            // a domain's constraint: the type first
            Some(NodeEnum::TypeName(named)) => name(&named.names),
            _ => name(&list.items),
        },
        Some(NodeEnum::ObjectWithArgs(object)) => name(&object.objname),
        Some(NodeEnum::TypeName(named)) => name(&named.names),
        Some(NodeEnum::RangeVar(range)) => relation(range),
        Some(NodeEnum::AccessPriv(role)) => Name::bare(&role.priv_name),
        Some(NodeEnum::RoleSpec(role)) => Name::bare(role_name(role)),
        Some(_) => Name::bare(node.and_then(word).unwrap_or_default()),
        None => Name::bare(""),
    }
}

/// A part of a table or a domain: what it belongs to, and its own name.
fn part(node: Option<&Node>) -> (Name, String) {
    let Some(NodeEnum::List(list)) = node.and_then(|node| node.node.as_ref()) else {
        return (object_name(node), String::new());
    };
    match list.items.first().and_then(|first| first.node.as_ref()) {
        Some(NodeEnum::TypeName(domain)) => {
            (name(&domain.names), list.items.last().and_then(text).unwrap_or_default().to_owned())
        }
        _ => owner_and_part(&list.items),
    }
}

/// Whether an object of a kind is a part of another, and named after it.
fn is_part(kind: ObjectType) -> bool {
    matches!(
        kind,
        ObjectType::ObjectColumn
            | ObjectType::ObjectTabconstraint
            | ObjectType::ObjectDomconstraint
            | ObjectType::ObjectTrigger
            | ObjectType::ObjectRule
            | ObjectType::ObjectPolicy
    )
}

fn role_name(role: &protobuf::RoleSpec) -> String {
    match role.roletype() {
        RoleSpecType::RolespecCurrentRole => "current_role".to_owned(),
        RoleSpecType::RolespecCurrentUser => "current_user".to_owned(),
        RoleSpecType::RolespecSessionUser => "session_user".to_owned(),
        RoleSpecType::RolespecPublic => "public".to_owned(),
        RoleSpecType::RolespecCstring | RoleSpecType::Undefined => role.rolename.clone(),
    }
}

fn role_names(nodes: &[Node]) -> Vec<String> {
    nodes.iter().map(|node| object_name(Some(node)).name).collect()
}

/// `begin`, `commit` and the like.
pub(super) fn transaction(statement: &protobuf::TransactionStmt) -> Command {
    let chain = statement.chain;
    let savepoint = || statement.savepoint_name.clone();
    Command::Transaction(match statement.kind() {
        TransactionStmtKind::TransStmtCommit => Transaction::Commit { chain },
        TransactionStmtKind::TransStmtRollback => Transaction::Rollback { chain },
        TransactionStmtKind::TransStmtSavepoint => Transaction::Savepoint(savepoint()),
        TransactionStmtKind::TransStmtRelease => Transaction::Release(savepoint()),
        TransactionStmtKind::TransStmtRollbackTo => Transaction::RollbackTo(savepoint()),
        TransactionStmtKind::TransStmtPrepare => Transaction::Prepare,
        TransactionStmtKind::TransStmtCommitPrepared | TransactionStmtKind::TransStmtRollbackPrepared => {
            Transaction::Prepared
        }
        TransactionStmtKind::TransStmtBegin | TransactionStmtKind::TransStmtStart | TransactionStmtKind::Undefined => {
            Transaction::Begin
        }
    })
}

/// `set`, `reset`. `set transaction …` and `set session characteristics …` keep the parser's names in lower case, and
/// their modes as parts: `isolation level serializable` is `transaction_isolation=serializable`.
pub(super) fn set(statement: &protobuf::VariableSetStmt) -> Command {
    let value = |node: &Node| match node.node.as_ref() {
        Some(NodeEnum::DefElem(mode)) => {
            Some(format!("{}={}", mode.defname, mode.arg.as_deref().and_then(word).unwrap_or_default()))
        }
        _ => word(node),
    };
    let to = match statement.kind() {
        VariableSetKind::VarSetValue | VariableSetKind::VarSetMulti => {
            SetTo::Value(statement.args.iter().filter_map(value).collect())
        }
        VariableSetKind::VarSetCurrent => SetTo::Current,
        _ => SetTo::Default,
    };
    let name = match statement.kind() {
        VariableSetKind::VarResetAll => "*".to_owned(),
        _ => statement.name.to_ascii_lowercase(),
    };
    Command::Set { name, to, is_local: statement.is_local }
}

/// `drop …`.
pub(super) fn drop(statement: &protobuf::DropStmt) -> Command {
    let kind = statement.remove_type();
    let mut table = None;
    let names = match is_part(kind) {
        true => {
            let (of, own) = part(statement.objects.first());
            table = Some(of);
            vec![Name::bare(own)]
        }
        false => statement.objects.iter().map(|object| dropped(kind, object)).collect(),
    };
    Command::Drop(Drop {
        kind: object_kind(kind),
        names,
        table,
        if_exists: statement.missing_ok,
        cascade: statement.behavior() == DropBehavior::DropCascade,
        concurrently: statement.concurrent,
    })
}

fn dropped(kind: ObjectType, object: &Node) -> Name {
    match (&object.node, kind) {
        // an operator's class and family come after their access method
        (Some(NodeEnum::List(list)), ObjectType::ObjectOpclass | ObjectType::ObjectOpfamily) => {
            name(list.items.get(1..).unwrap_or_default())
        }
        (Some(NodeEnum::List(list)), ObjectType::ObjectCast) => {
            let word = |node: &Node| word(node).unwrap_or_default();
            Name::bare(list.items.iter().map(word).collect::<Vec<_>>().join(" as "))
        }
        _ => object_name(Some(object)),
    }
}

/// `drop role`, `drop user`, `drop group`.
pub(super) fn drop_roles(statement: &protobuf::DropRoleStmt) -> Command {
    Command::Drop(Drop {
        kind: ObjectKind::Role,
        names: role_names(&statement.roles).into_iter().map(Name::bare).collect(),
        table: None,
        if_exists: statement.missing_ok,
        cascade: false,
        concurrently: false,
    })
}

/// `… rename`.
pub(super) fn rename(statement: &protobuf::RenameStmt) -> Command {
    let kind = statement.rename_type();
    let object = match (&statement.relation, statement.object.as_deref()) {
        (Some(range), _) => relation(range),
        (None, Some(object)) => match kind {
            ObjectType::ObjectOpclass | ObjectType::ObjectOpfamily => dropped(kind, object),
            _ => object_name(Some(object)),
        },
        // a schema, a role, a database: the old name is all there is
        (None, None) => Name::bare(&statement.subname),
    };
    let is_of_another = statement.relation.is_some() || statement.object.is_some();
    Command::Rename(Rename {
        kind: object_kind(kind),
        object,
        part: if is_of_another { said(&statement.subname) } else { None },
        to: statement.newname.clone(),
        if_exists: statement.missing_ok,
    })
}

/// `… set schema`.
pub(super) fn set_schema(statement: &protobuf::AlterObjectSchemaStmt) -> Command {
    let kind = statement.object_type();
    let name = match (&statement.relation, statement.object.as_deref()) {
        (Some(range), _) => relation(range),
        (None, Some(object)) => dropped(kind, object),
        (None, None) => Name::bare(""),
    };
    Command::SetSchema { kind: object_kind(kind), name, schema: statement.newschema.clone() }
}

/// `… owner to`.
pub(super) fn owner_to(statement: &protobuf::AlterOwnerStmt) -> Command {
    let kind = statement.object_type();
    let name = match (&statement.relation, statement.object.as_deref()) {
        (Some(range), _) => relation(range),
        (None, Some(object)) => dropped(kind, object),
        (None, None) => Name::bare(""),
    };
    Command::OwnerTo(object_kind(kind), name)
}

/// `comment on`.
pub(super) fn comment(statement: &protobuf::CommentStmt) -> Command {
    let kind = statement.objtype();
    let object = statement.object.as_deref();
    let name = match (is_part(kind), object) {
        (true, _) => part(object).0,
        (false, Some(object)) => dropped(kind, object),
        (false, None) => Name::bare(""),
    };
    Command::Comment { kind: object_kind(kind), name }
}

/// `grant`, `revoke`.
pub(super) fn grant(statement: &protobuf::GrantStmt) -> Command {
    let privilege = |node: &Node| match node.node.as_ref()? {
        // `all (a, b)` has columns and no name
        NodeEnum::AccessPriv(privilege) => said(&privilege.priv_name.to_ascii_lowercase()),
        _ => None,
    };
    Command::Grant {
        is_revoke: !statement.is_grant,
        kind: object_kind(statement.objtype()),
        objects: statement.objects.iter().map(|object| object_name(Some(object))).collect(),
        privileges: statement.privileges.iter().filter_map(privilege).collect(),
        grantees: role_names(&statement.grantees),
        is_wholesale: statement.targtype() != GrantTargetType::AclTargetObject,
    }
}

/// `grant role to role`.
pub(super) fn grant_role(statement: &protobuf::GrantRoleStmt) -> Command {
    Command::Grant {
        is_revoke: !statement.is_grant,
        kind: ObjectKind::Role,
        objects: role_names(&statement.granted_roles).into_iter().map(Name::bare).collect(),
        privileges: Vec::new(),
        grantees: role_names(&statement.grantee_roles),
        is_wholesale: false,
    }
}

/// `alter default privileges`: the objects are the schemas.
pub(super) fn default_privileges(statement: &protobuf::AlterDefaultPrivilegesStmt) -> Command {
    let mut command = match &statement.action {
        Some(action) => grant(action),
        None => return Command::Other("alter default privileges".to_owned()),
    };
    if let Command::Grant { objects, is_wholesale, .. } = &mut command {
        let schemas = statement.options.iter().filter_map(option).filter(|option| option.defname == "schemas");
        let schemas = schemas.filter_map(|option| match option.arg.as_ref()?.node.as_ref()? {
            NodeEnum::List(list) => Some(texts(&list.items)),
            _ => None,
        });
        *objects = schemas.flatten().map(Name::bare).collect();
        *is_wholesale = true;
    }
    command
}

/// `reindex`.
pub(super) fn reindex(statement: &protobuf::ReindexStmt) -> Command {
    let kind = match statement.kind() {
        ReindexObjectType::ReindexObjectIndex => ObjectKind::Index,
        ReindexObjectType::ReindexObjectSchema => ObjectKind::Schema,
        ReindexObjectType::ReindexObjectSystem | ReindexObjectType::ReindexObjectDatabase => ObjectKind::Database,
        ReindexObjectType::ReindexObjectTable | ReindexObjectType::Undefined => ObjectKind::Table,
    };
    let named = said(&statement.name).map(Name::bare);
    Command::Reindex {
        kind,
        name: statement.relation.as_ref().map(relation).or(named),
        concurrently: option_is_on(&statement.params, "concurrently").unwrap_or(false),
    }
}

/// `vacuum`, `analyze`.
pub(super) fn vacuum(statement: &protobuf::VacuumStmt) -> Command {
    let table = |node: &Node| match node.node.as_ref()? {
        NodeEnum::VacuumRelation(of) => of.relation.as_ref().map(relation),
        _ => None,
    };
    Command::Vacuum {
        is_vacuum: statement.is_vacuumcmd,
        is_full: option_is_on(&statement.options, "full").unwrap_or(false),
        tables: statement.rels.iter().filter_map(table).collect(),
    }
}

/// `lock table`.
pub(super) fn lock(statement: &protobuf::LockStmt) -> Command {
    use crate::lock::LockMode as Mode;
    let mode = match statement.mode {
        1 => Mode::AccessShare,
        2 => Mode::RowShare,
        3 => Mode::RowExclusive,
        4 => Mode::ShareUpdateExclusive,
        5 => Mode::Share,
        6 => Mode::ShareRowExclusive,
        7 => Mode::Exclusive,
        8 => Mode::AccessExclusive,
        other => Mode::Other(other.to_string()),
    };
    let is_only = |node: &&Node| matches!(&node.node, Some(NodeEnum::RangeVar(range)) if !range.inh);
    let only = statement.relations.iter().filter(is_only).cloned().collect::<Vec<_>>();
    let (tables, only) = (relations(&statement.relations), relations(&only));
    Command::Lock { tables, only, mode, nowait: statement.nowait }
}

/// `create trigger`.
pub(super) fn create_trigger(statement: &protobuf::CreateTrigStmt) -> Command {
    let events = [
        (TriggerType::Insert, "insert"),
        (TriggerType::Update, "update"),
        (TriggerType::Delete, "delete"),
        (TriggerType::Truncate, "truncate"),
    ];
    let on = |(bit, word): (TriggerType, &'static str)| (statement.events & bit as i32 != 0).then_some(word);
    Command::CreateTrigger {
        name: statement.trigname.clone(),
        table: relation_of(statement.relation.as_ref()),
        replace: statement.replace,
        function: name(&statement.funcname),
        references: statement.constrrel.as_ref().map(relation),
        for_each_row: statement.row,
        events: events.into_iter().filter_map(on).collect(),
    }
}

/// The table and the column of `owned by`; none for `none`.
pub(super) fn owned_by(options: &[Node]) -> Option<(Name, String)> {
    let found = options.iter().filter_map(option).find(|option| option.defname == "owned_by")?;
    match found.arg.as_ref()?.node.as_ref()? {
        NodeEnum::List(list) if list.items.len() > 1 => Some(owner_and_part(&list.items)),
        _ => None,
    }
}

/// `create publication`, `alter publication`.
pub(super) fn publication(is_new: bool, name: &str, objects: &[Node], all_tables: bool) -> Command {
    let table = |node: &Node| match node.node.as_ref()? {
        NodeEnum::PublicationObjSpec(object) => object.pubtable.as_ref()?.relation.as_ref().map(relation),
        _ => None,
    };
    let has_filter = |node: &Node| match &node.node {
        Some(NodeEnum::PublicationObjSpec(object)) => {
            object.pubtable.as_ref().is_some_and(|table| table.where_clause.is_some() || !table.columns.is_empty())
        }
        _ => false,
    };
    Command::Publication {
        has_filter: objects.iter().any(has_filter),
        is_new,
        name: name.to_owned(),
        tables: objects.iter().filter_map(table).collect(),
        all_tables,
    }
}

/// `create subscription`: it makes a slot unless it is told not to, or not to connect.
pub(super) fn create_subscription(statement: &protobuf::CreateSubscriptionStmt) -> Command {
    let is_on = |name| option_is_on(&statement.options, name);
    let connects = is_on("connect").unwrap_or(true);
    let no_transaction = is_on("create_slot").unwrap_or(connects);
    Command::Subscription { no_transaction, words: "create subscription" }
}

/// `alter subscription`: what talks to the publisher cannot be taken back.
pub(super) fn alter_subscription(statement: &protobuf::AlterSubscriptionStmt) -> Command {
    use protobuf::AlterSubscriptionType as Kind;
    let no_transaction = match statement.kind() {
        Kind::AlterSubscriptionRefresh => true,
        Kind::AlterSubscriptionSetPublication
        | Kind::AlterSubscriptionAddPublication
        | Kind::AlterSubscriptionDropPublication => option_is_on(&statement.options, "refresh").unwrap_or(true),
        Kind::AlterSubscriptionOptions => {
            ["failover", "two_phase"].into_iter().any(|name| option_word(&statement.options, name).is_some())
        }
        _ => false,
    };
    Command::Subscription { no_transaction, words: "alter subscription" }
}

/// `alter domain`.
pub(super) fn alter_domain(context: &Context<'_>, statement: &protobuf::AlterDomainStmt) -> Option<Command> {
    let definition = statement.def.as_deref();
    let action = match statement.subtype.as_str() {
        "T" => DomainAction::Default(optional(definition)),
        "N" => DomainAction::DropNotNull,
        "O" => DomainAction::SetNotNull,
        "C" => DomainAction::Add(context.places.constraint_node(definition)?),
        "X" => DomainAction::Drop(statement.name.clone()),
        "V" => DomainAction::Validate(statement.name.clone()),
        _ => return None,
    };
    Some(Command::AlterDomain { name: name(&statement.type_name), action })
}

/// `create domain`.
pub(super) fn create_domain(context: &Context<'_>, statement: &protobuf::CreateDomainStmt) -> Command {
    let mut default = None;
    for node in &statement.constraints {
        if let Some(NodeEnum::Constraint(constraint)) = &node.node
            && constraint.contype() == protobuf::ConstrType::ConstrDefault
        {
            default = optional(constraint.raw_expr.as_deref());
        }
    }
    let constraints = statement.constraints.iter().filter_map(|node| context.places.constraint_node(Some(node)));
    Command::CreateDomain {
        name: name(&statement.domainname),
        base: type_name(statement.type_name.as_ref()),
        constraints: constraints.collect(),
        default,
        collation: statement.coll_clause.as_ref().map(|clause| name(&clause.collname)),
    }
}

/// `create type … as (…)`.
pub(super) fn composite_type(context: &Context<'_>, statement: &protobuf::CompositeTypeStmt) -> Command {
    let kind = TypeKind::Composite(columns(context.places, &statement.coldeflist));
    Command::CreateType { name: relation_of(statement.typevar.as_ref()), kind }
}

/// `alter type` of an enum.
pub(super) fn alter_enum(statement: &protobuf::AlterEnumStmt) -> Command {
    let name = name(&statement.type_name);
    match said(&statement.old_val) {
        Some(from) => Command::RenameEnumValue { name, from, to: statement.new_val.clone() },
        None => Command::AddEnumValue {
            name,
            value: statement.new_val.clone(),
            if_not_exists: statement.skip_if_new_val_exists,
        },
    }
}

/// `create view`.
pub(super) fn view(statement: &protobuf::ViewStmt) -> Command {
    let query = statement.query.as_deref();
    let given = texts(&statement.aliases);
    let found = match query.and_then(|query| query.node.as_ref()) {
        Some(NodeEnum::SelectStmt(select)) => output_names(select),
        _ => None,
    };
    Command::CreateView {
        name: relation_of(statement.view.as_ref()),
        replace: statement.replace,
        persistence: persistence(statement.view.as_ref()),
        columns: renamed(found, given),
        reads: reads_with_columns(query),
        options: statement.options.iter().filter_map(|node| Some(option(node)?.defname.clone())).collect(),
    }
}

/// `create table as`, `create materialized view`.
pub(super) fn create_table_as(statement: &protobuf::CreateTableAsStmt) -> Command {
    let query = statement.query.as_deref();
    let into = statement.into.as_deref();
    let given = into.map(|into| texts(&into.col_names)).unwrap_or_default();
    let found = match query.and_then(|query| query.node.as_ref()) {
        Some(NodeEnum::SelectStmt(select)) => output_names(select),
        _ => None,
    };
    let range = into.and_then(|into| into.rel.as_ref());
    Command::CreateTableAs {
        name: relation_of(range),
        is_materialized_view: statement.objtype() == ObjectType::ObjectMatview,
        if_not_exists: statement.if_not_exists,
        persistence: persistence(range),
        with_data: into.is_none_or(|into| !into.skip_data),
        columns: renamed(found, given).unwrap_or_default(),
        reads: reads_with_columns(query),
    }
}

/// The names that are given replace the first ones that are found.
fn renamed(found: Option<Vec<String>>, given: Vec<String>) -> Option<Vec<String>> {
    let rest = found?.into_iter().skip(given.len());
    Some(given.into_iter().chain(rest).collect())
}

/// What a query reads, and the columns it names.
fn reads_with_columns(query: Option<&Node>) -> Reads {
    let mut reader = Reader::with_columns();
    reader.maybe(query);
    let (reads, columns) = reader.into_reads_and_columns();
    let mut columns: Vec<String> = columns.into_iter().filter_map(|mut path| path.pop()).collect();
    columns.sort_unstable();
    columns.dedup();
    Reads { columns, ..reads }
}

/// What a query reads.
pub(super) fn reads(query: Option<&Node>) -> Reads {
    let mut reader = Reader::default();
    reader.maybe(query);
    reader.into_reads()
}

/// The names of what a select gives, as PostgreSQL chooses them; none where a `*` hides some.
fn output_names(select: &protobuf::SelectStmt) -> Option<Vec<String>> {
    let mut first = select;
    while let Some(left) = first.larg.as_deref() {
        first = left;
    }
    if let Some(NodeEnum::List(row)) = first.values_lists.first().and_then(|row| row.node.as_ref()) {
        return Some((1..=row.items.len()).map(|number| format!("column{number}")).collect());
    }
    first.target_list.iter().map(output_name).collect()
}

fn output_name(node: &Node) -> Option<String> {
    let Some(NodeEnum::ResTarget(target)) = &node.node else { return None };
    if !target.name.is_empty() {
        return Some(target.name.clone());
    }
    let value = target.val.as_deref()?;
    match &value.node {
        Some(NodeEnum::ColumnRef(column)) => column.fields.last().and_then(text).map(str::to_owned),
        _ if is_star(value) => None,
        _ => Some(implied_name(value, 0).0.unwrap_or("?column?").to_owned()),
    }
}

/// `(x).*`
fn is_star(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::AIndirection(indirection)) => {
            indirection.indirection.last().is_some_and(|last| matches!(last.node, Some(NodeEnum::AStar(_))))
        }
        _ => false,
    }
}

/// The name an expression gives, and whether it is a good one: that of a cast gives way to one.
fn implied_name(node: &Node, depth: usize) -> (Option<&str>, bool) {
    match &node.node {
        Some(NodeEnum::ColumnRef(column)) => {
            let name = column.fields.iter().rev().find_map(text);
            (name, name.is_some())
        }
        Some(NodeEnum::AIndirection(indirection)) => match indirection.indirection.iter().rev().find_map(text) {
            Some(name) => (Some(name), true),
            None => implied_within(indirection.arg.as_deref(), depth),
        },
        Some(NodeEnum::FuncCall(call)) => (call.funcname.last().and_then(text), true),
        Some(NodeEnum::TypeCast(cast)) => match (implied_within(cast.arg.as_deref(), depth), &cast.type_name) {
            ((Some(name), true), _) => (Some(name), true),
            (_, Some(named)) => (named.names.last().and_then(text), false),
            (other, None) => other,
        },
        Some(NodeEnum::CollateClause(clause)) => implied_within(clause.arg.as_deref(), depth),
        Some(NodeEnum::AExpr(operator)) if operator.kind() == protobuf::AExprKind::AexprNullif => {
            (Some("nullif"), true)
        }
        Some(NodeEnum::CaseExpr(case)) => match implied_within(case.defresult.as_deref(), depth) {
            (Some(name), true) => (Some(name), true),
            _ => (Some("case"), false),
        },
        Some(NodeEnum::AArrayExpr(_)) => (Some("array"), true),
        Some(NodeEnum::RowExpr(_)) => (Some("row"), true),
        Some(NodeEnum::CoalesceExpr(_)) => (Some("coalesce"), true),
        Some(NodeEnum::MinMaxExpr(choice)) => {
            (Some(if choice.op() == protobuf::MinMaxOp::IsLeast { "least" } else { "greatest" }), true)
        }
        Some(NodeEnum::GroupingFunc(_)) => (Some("grouping"), true),
        Some(NodeEnum::SubLink(link)) => sub_query_name(link, depth),
        Some(NodeEnum::SqlvalueFunction(value)) => (Some(value_name(value)), true),
        Some(NodeEnum::XmlExpr(xml)) => (xml_name(xml), true),
        Some(NodeEnum::XmlSerialize(_)) => (Some("xmlserialize"), true),
        Some(other) => match json_name(other) {
            Some(name) => (Some(name), true),
            None => (None, false),
        },
        None => (None, false),
    }
}

fn implied_within(node: Option<&Node>, depth: usize) -> (Option<&str>, bool) {
    match node {
        Some(node) if depth < 100 => implied_name(node, depth + 1),
        _ => (None, false),
    }
}

fn sub_query_name(link: &protobuf::SubLink, depth: usize) -> (Option<&str>, bool) {
    match link.sub_link_type() {
        protobuf::SubLinkType::ExistsSublink => (Some("exists"), true),
        protobuf::SubLinkType::ArraySublink => (Some("array"), true),
        protobuf::SubLinkType::ExprSublink => {
            let Some(NodeEnum::SelectStmt(select)) = link.subselect.as_ref().and_then(|query| query.node.as_ref())
            else {
                return (None, false);
            };
            match select.target_list.first().and_then(|first| first.node.as_ref()) {
                Some(NodeEnum::ResTarget(target)) if !target.name.is_empty() => (Some(&target.name), true),
                Some(NodeEnum::ResTarget(target)) => implied_within(target.val.as_deref(), depth),
                _ => (None, false),
            }
        }
        _ => (None, false),
    }
}

fn value_name(value: &protobuf::SqlValueFunction) -> &'static str {
    use protobuf::SqlValueFunctionOp as Op;
    match value.op() {
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => "current_time",
        Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => "current_timestamp",
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => "localtime",
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => "localtimestamp",
        Op::SvfopCurrentRole => "current_role",
        Op::SvfopCurrentUser => "current_user",
        Op::SvfopUser => "user",
        Op::SvfopSessionUser => "session_user",
        Op::SvfopCurrentCatalog => "current_catalog",
        Op::SvfopCurrentSchema => "current_schema",
        Op::SvfopCurrentDate | Op::SqlvalueFunctionOpUndefined => "current_date",
    }
}

fn xml_name(xml: &protobuf::XmlExpr) -> Option<&'static str> {
    use protobuf::XmlExprOp as Op;
    Some(match xml.op() {
        Op::IsXmlconcat => "xmlconcat",
        Op::IsXmlelement => "xmlelement",
        Op::IsXmlforest => "xmlforest",
        Op::IsXmlparse => "xmlparse",
        Op::IsXmlpi => "xmlpi",
        Op::IsXmlroot => "xmlroot",
        Op::IsXmlserialize => "xmlserialize",
        _ => return None,
    })
}

fn json_name(node: &NodeEnum) -> Option<&'static str> {
    use protobuf::JsonExprOp as Op;
    Some(match node {
        NodeEnum::JsonParseExpr(_) => "json",
        NodeEnum::JsonScalarExpr(_) => "json_scalar",
        NodeEnum::JsonSerializeExpr(_) => "json_serialize",
        NodeEnum::JsonObjectConstructor(_) => "json_object",
        NodeEnum::JsonArrayConstructor(_) | NodeEnum::JsonArrayQueryConstructor(_) => "json_array",
        NodeEnum::JsonObjectAgg(_) => "json_objectagg",
        NodeEnum::JsonArrayAgg(_) => "json_arrayagg",
        NodeEnum::JsonFuncExpr(function) => match function.op() {
            Op::JsonExistsOp => "json_exists",
            Op::JsonQueryOp => "json_query",
            Op::JsonValueOp => "json_value",
            _ => return None,
        },
        _ => return None,
    })
}

/// `alter function`, `alter procedure`.
pub(super) fn alter_function(statement: &protobuf::AlterFunctionStmt) -> Command {
    Command::AlterFunction {
        name: statement.func.as_ref().map_or_else(|| Name::bare(""), |function| name(&function.objname)),
        volatility: option_word(&statement.actions, "volatility").map(|word| volatility(&word)),
    }
}

fn volatility(word: &str) -> Volatility {
    match word {
        "immutable" => Volatility::Immutable,
        "stable" => Volatility::Stable,
        _ => Volatility::Volatile,
    }
}

/// `create function`, `create procedure`.
pub(super) fn create_function(context: &Context<'_>, statement: &protobuf::CreateFunctionStmt) -> CreateFunction {
    let parameters = || {
        statement.parameters.iter().filter_map(|node| match node.node.as_ref()? {
            NodeEnum::FunctionParameter(parameter) => Some(&**parameter),
            _ => None,
        })
    };
    let is_input = |parameter: &&protobuf::FunctionParameter| {
        use FunctionParameterMode as Mode;
        !matches!(parameter.mode(), Mode::FuncParamOut | Mode::FuncParamTable)
    };
    let is_output = |parameter: &&protobuf::FunctionParameter| {
        use FunctionParameterMode as Mode;
        matches!(parameter.mode(), Mode::FuncParamOut | Mode::FuncParamTable | Mode::FuncParamInout)
    };
    let returns_table = parameters().any(|parameter| parameter.mode() == FunctionParameterMode::FuncParamTable);
    let options = &statement.options;
    let is_on = |name| option_is_on(options, name).unwrap_or(false);
    // `as 'object', 'symbol'` is C: nothing to read
    let source = match texts_of_option(options, "as").as_slice() {
        [body] => Some(body.clone()),
        _ => None,
    };
    let language = option_word(options, "language").map_or_else(|| "sql".to_owned(), |word| word.to_ascii_lowercase());
    let is_foreign = matches!(language.as_str(), "c" | "internal");
    let statements = match (&statement.sql_body, &source) {
        (Some(body), _) => context.standard_body(body),
        (None, Some(source)) if !is_foreign => {
            let arguments: Vec<_> = parameters().map(parameter_of).collect();
            let returns = statement.return_type.as_ref().filter(|_| !returns_table).map(|of| type_name(Some(of)));
            let routine = Routine { arguments, returns, is_procedure: statement.is_procedure, returns_table };
            context.body(&Code::Routine(&routine), &language, source, options)
        }
        _ => Body::default(),
    };
    CreateFunction {
        name: name(&statement.funcname),
        is_procedure: statement.is_procedure,
        replace: statement.replace,
        arguments: parameters().filter(is_input).map(argument).collect(),
        returns: statement.return_type.as_ref().filter(|_| !returns_table).map(|returns| type_name(Some(returns))),
        outputs: parameters().filter(is_output).map(argument).map(|(name, of, _)| (name, of)).collect(),
        language,
        volatility: option_word(options, "volatility").map_or(Volatility::Volatile, |word| volatility(&word)),
        is_strict: is_on("strict"),
        is_security_definer: is_on("security"),
        has_settings: options.iter().filter_map(option).any(|option| option.defname == "set"),
        body: source.filter(|_| !is_foreign),
        statements,
    }
}

fn parameter_of(parameter: &protobuf::FunctionParameter) -> Parameter {
    use FunctionParameterMode as Mode;
    let mode = match parameter.mode() {
        Mode::FuncParamOut => ParameterMode::Out,
        Mode::FuncParamInout => ParameterMode::InOut,
        Mode::FuncParamTable => ParameterMode::Table,
        Mode::FuncParamIn | Mode::FuncParamVariadic | Mode::FuncParamDefault | Mode::Undefined => ParameterMode::In,
    };
    Parameter { name: said(&parameter.name), type_name: type_name(parameter.arg_type.as_ref()), mode }
}

fn argument(parameter: &protobuf::FunctionParameter) -> (Option<String>, TypeName, bool) {
    (said(&parameter.name), type_name(parameter.arg_type.as_ref()), parameter.defexpr.is_some())
}

/// The strings of an option that is a list of them, or one.
pub(super) fn texts_of_option(options: &[Node], name: &str) -> Vec<String> {
    let found = options.iter().filter_map(option).rfind(|option| option.defname == name);
    match found.and_then(|option| option.arg.as_ref()?.node.as_ref()) {
        Some(NodeEnum::List(list)) => texts(&list.items),
        Some(NodeEnum::String(string)) => vec![string.sval.clone()],
        _ => Vec::new(),
    }
}

/// Where the text of the option `as` begins, after its quote.
pub(super) fn start_of_body(text: &str, options: &[Node]) -> Option<usize> {
    let found = options.iter().filter_map(option).rfind(|option| option.defname == "as")?;
    let start = usize::try_from(found.arg_location).ok()?;
    let rest = text.get(start..)?;
    let quote = match rest.strip_prefix('$') {
        Some(tag) => tag.find('$')? + 2,
        None => rest.find('\'')? + 1,
    };
    Some(start + quote)
}

impl Context<'_> {
    /// The body of `return …` and `begin atomic … end`. It is a part of the statement, and so are its lines.
    fn standard_body(&self, body: &Node) -> Body {
        let mut made = Body::default();
        self.collect_standard(body, &mut made);
        made
    }

    fn collect_standard(&self, node: &Node, made: &mut Body) {
        let mut add = |command, line| made.statements.push(Inner { command, line, in_loop: false, in_branch: false });
        match &node.node {
            Some(NodeEnum::List(list)) => list.items.iter().for_each(|item| self.collect_standard(item, made)),
            Some(NodeEnum::ReturnStmt(returned)) => {
                let mut reader = Reader::default();
                reader.maybe(returned.returnval.as_deref());
                let line = self.line(reader.first);
                add(Command::Dml(expression_as_select(reader)), line);
            }
            Some(inner) => {
                let mut reader = Reader::default();
                reader.read(inner);
                add(self.command(inner), self.line(reader.first));
            }
            None => {}
        }
    }

    /// The line of a location, within the statement.
    fn line(&self, location: Option<i32>) -> u32 {
        let before = location.and_then(|at| self.text.as_bytes().get(..usize::try_from(at).ok()?)).unwrap_or_default();
        u32::try_from(memchr::memchr_iter(b'\n', before).count()).map_or(u32::MAX, |lines| lines.saturating_add(1))
    }
}
