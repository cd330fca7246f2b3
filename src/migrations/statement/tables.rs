//! Tables, their columns, constraints, partitions and indexes: `create table`, `alter table`, `create index`.

use super::super::command::{
    Action, ActionKind, Bound, ColumnDef, Command, Constraint, ConstraintKind, CreateIndex, CreateTable, Expr,
    Generated, IndexKey, PartitionBy, ReplicaIdentity,
};
use super::expressions::{expression, list, optional};
use super::names::{name, option_names, persistence, relation_of, relations, said, text, texts, type_name};
use super::objects::object_kind;
use pg_query::protobuf::{self, AlterTableType, ConstrType, DropBehavior, ObjectType, PartitionStrategy};
use pg_query::{Node, NodeEnum};

/// Turns locations in a statement into positions in its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    /// Where the statement begins in the file; none where that is not known: then no position is.
    pub(super) offset: Option<usize>,
}

impl Places {
    /// A position; the tree says -1 where it knows none.
    pub(super) fn at(self, location: i32) -> Option<usize> {
        Some(self.offset? + usize::try_from(location).ok()?)
    }

    /// `create table`.
    pub(super) fn create_table(self, create: &protobuf::CreateStmt, is_foreign: bool) -> CreateTable {
        let mut columns = Vec::with_capacity(create.table_elts.len());
        let mut constraints = Vec::new();
        let mut like = Vec::new();
        for element in &create.table_elts {
            match &element.node {
                Some(NodeEnum::ColumnDef(column)) => columns.push(self.column(column)),
                Some(NodeEnum::Constraint(constraint)) => constraints.extend(self.constraint(constraint, &[])),
                Some(NodeEnum::TableLikeClause(clause)) => {
                    like.push((relation_of(clause.relation.as_ref()), included(clause.options)));
                }
                _ => {}
            }
        }
        for constraint in &create.constraints {
            if let Some(NodeEnum::Constraint(constraint)) = &constraint.node {
                constraints.extend(self.constraint(constraint, &[]));
            }
        }
        mark_not_null(&mut columns, &constraints);
        CreateTable {
            name: relation_of(create.relation.as_ref()),
            is_foreign,
            persistence: persistence(create.relation.as_ref()),
            if_not_exists: create.if_not_exists,
            columns,
            constraints,
            parents: relations(&create.inh_relations),
            bound: create.partbound.as_ref().map(bound),
            partition_by: create.partspec.as_ref().map(partition_by),
            like,
        }
    }

    /// A column as it is defined.
    pub(super) fn column(self, column: &protobuf::ColumnDef) -> ColumnDef {
        let mut made = ColumnDef {
            name: column.colname.clone(),
            type_name: type_name(column.type_name.as_ref()),
            default: optional(column.raw_default.as_deref()),
            is_not_null: column.is_not_null,
            generated: None,
            is_identity: !column.identity.is_empty(),
            collation: column.coll_clause.as_ref().map(|clause| name(&clause.collname)),
            constraints: Vec::new(),
            position: self.at(column.location),
        };
        // `deferrable` and its kin follow the constraint they speak of as nodes of their own
        let mut last_is_kept = false;
        for node in &column.constraints {
            let Some(NodeEnum::Constraint(constraint)) = &node.node else { continue };
            match constraint.contype() {
                ConstrType::ConstrNotnull => made.is_not_null = true,
                ConstrType::ConstrDefault => made.default = optional(constraint.raw_expr.as_deref()),
                ConstrType::ConstrIdentity => made.is_identity = true,
                ConstrType::ConstrGenerated => made.generated = generated(constraint),
                ConstrType::ConstrAttrDeferrable | ConstrType::ConstrAttrDeferred if last_is_kept => {
                    if let Some(last) = made.constraints.last_mut() {
                        last.is_deferrable = true;
                    }
                }
                ConstrType::ConstrAttrNotEnforced if last_is_kept => {
                    if let Some(last) = made.constraints.last_mut() {
                        last.is_not_enforced = true;
                        last.is_not_valid = true;
                    }
                }
                _ => {}
            }
            if !is_attribute(constraint.contype()) {
                let kept = self.constraint(constraint, std::slice::from_ref(&column.colname));
                let kept = kept.filter(|kept| kept.kind != ConstraintKind::NotNull);
                last_is_kept = kept.is_some();
                made.constraints.extend(kept);
            }
        }
        let is_key = made.constraints.iter().any(|constraint| constraint.kind == ConstraintKind::PrimaryKey);
        made.is_not_null |= is_key || made.is_identity || made.is_serial();
        made
    }

    /// A constraint; none for what the tree calls one and is none: defaults, identities, `null`.
    pub(super) fn constraint(self, constraint: &protobuf::Constraint, of_column: &[String]) -> Option<Constraint> {
        let columns = |nodes: &[Node]| if nodes.is_empty() { of_column.to_vec() } else { texts(nodes) };
        let may_be_unenforced;
        let (kind, columns) = match constraint.contype() {
            ConstrType::ConstrCheck => {
                may_be_unenforced = true;
                let condition = optional(constraint.raw_expr.as_deref()).unwrap_or(Expr::Other(Vec::new()));
                (ConstraintKind::Check(Box::new(condition)), of_column.to_vec())
            }
            ConstrType::ConstrNotnull => {
                may_be_unenforced = false;
                (ConstraintKind::NotNull, columns(&constraint.keys))
            }
            ConstrType::ConstrUnique => {
                may_be_unenforced = false;
                (ConstraintKind::Unique, columns(&constraint.keys))
            }
            ConstrType::ConstrPrimary => {
                may_be_unenforced = false;
                (ConstraintKind::PrimaryKey, columns(&constraint.keys))
            }
            ConstrType::ConstrExclusion => {
                may_be_unenforced = false;
                (ConstraintKind::Exclusion, excluded(&constraint.exclusions))
            }
            ConstrType::ConstrForeign => {
                may_be_unenforced = true;
                let kind = ConstraintKind::ForeignKey {
                    references: relation_of(constraint.pktable.as_ref()),
                    columns: texts(&constraint.pk_attrs),
                    on_delete: action_of_key(&constraint.fk_del_action),
                    on_update: action_of_key(&constraint.fk_upd_action),
                };
                (kind, columns(&constraint.fk_attrs))
            }
            _ => return None,
        };
        Some(Constraint {
            name: said(&constraint.conname),
            kind,
            columns,
            is_not_valid: constraint.skip_validation,
            is_not_enforced: may_be_unenforced && !constraint.is_enforced,
            is_deferrable: constraint.deferrable,
            is_no_inherit: constraint.is_no_inherit,
            using_index: said(&constraint.indexname),
            nulls_not_distinct: constraint.nulls_not_distinct,
            is_temporal: constraint.without_overlaps || constraint.fk_with_period,
            position: self.at(constraint.location),
        })
    }

    /// A node that is a constraint.
    pub(super) fn constraint_node(self, node: Option<&Node>) -> Option<Constraint> {
        match node?.node.as_ref()? {
            NodeEnum::Constraint(constraint) => self.constraint(constraint, &[]),
            _ => None,
        }
    }

    /// `alter table` and what the tree treats alike.
    pub(super) fn alter_table(self, alter: &protobuf::AlterTableStmt) -> Command {
        let actions = alter.cmds.iter().filter_map(|node| match &node.node {
            Some(NodeEnum::AlterTableCmd(action)) => {
                let kind = self.action(action, alter.objtype());
                let position = match &kind {
                    ActionKind::AddColumn { column, .. } => column.position,
                    ActionKind::AddConstraint(constraint) => constraint.position,
                    _ => None,
                };
                Some(Action { kind, position })
            }
            _ => None,
        });
        let actions: Vec<_> = actions.collect();
        let name = relation_of(alter.relation.as_ref());
        match alter.objtype() {
            ObjectType::ObjectType => Command::AlterCompositeType { name, actions },
            kind => Command::AlterTable {
                kind: object_kind(kind),
                name,
                only: alter.relation.as_ref().is_some_and(|relation| !relation.inh),
                if_exists: alter.missing_ok,
                actions,
            },
        }
    }

    fn action(self, action: &protobuf::AlterTableCmd, of: ObjectType) -> ActionKind {
        use AlterTableType as At;
        let column = || action.name.clone();
        let definition = action.def.as_deref().and_then(|node| node.node.as_ref());
        let cascade = action.behavior() == DropBehavior::DropCascade;
        let trigger = |enable, name| ActionKind::Trigger { enable, name };
        let rule = |enable| ActionKind::Rule { enable, name: action.name.clone() };
        match (action.subtype(), definition) {
            (At::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => {
                ActionKind::AddColumn { column: self.column(column), if_not_exists: action.missing_ok }
            }
            (At::AtDropColumn, _) => ActionKind::DropColumn { column: column(), if_exists: action.missing_ok, cascade },
            (At::AtAlterColumnType, Some(NodeEnum::ColumnDef(definition))) => ActionKind::AlterType {
                column: column(),
                type_name: type_name(definition.type_name.as_ref()),
                collation: definition.coll_clause.as_ref().map(|clause| name(&clause.collname)),
                using: optional(definition.raw_default.as_deref()),
            },
            (At::AtColumnDefault, _) => match action.def.as_deref() {
                Some(default) => ActionKind::SetDefault(column(), expression(default)),
                None => ActionKind::DropDefault(column()),
            },
            (At::AtSetNotNull, _) => ActionKind::SetNotNull(column()),
            (At::AtDropNotNull, _) => ActionKind::DropNotNull(column()),
            (At::AtSetExpression, _) => {
                ActionKind::SetExpression(column(), optional(action.def.as_deref()).unwrap_or(Expr::Other(Vec::new())))
            }
            (At::AtDropExpression, _) => ActionKind::DropExpression(column()),
            (At::AtAddIdentity, _) => ActionKind::AddIdentity(column()),
            (At::AtSetIdentity, _) => ActionKind::SetIdentity(column()),
            (At::AtDropIdentity, _) => ActionKind::DropIdentity(column()),
            (At::AtSetStatistics, _) => match action.name.as_str() {
                // `alter index … alter column 1 set statistics`
                "" => ActionKind::SetStatistics(action.num.to_string()),
                _ => ActionKind::SetStatistics(column()),
            },
            (At::AtSetStorage, _) => ActionKind::SetStorage(column()),
            (At::AtSetCompression, _) => ActionKind::SetCompression(column()),
            (At::AtSetOptions | At::AtResetOptions | At::AtAlterColumnGenericOptions, _) => {
                ActionKind::SetColumnOptions(column())
            }
            (At::AtAddConstraint, Some(NodeEnum::Constraint(constraint))) => match self.constraint(constraint, &[]) {
                Some(constraint) => ActionKind::AddConstraint(constraint),
                None => ActionKind::Other(action.subtype().as_str_name().to_owned()),
            },
            (At::AtValidateConstraint, _) => ActionKind::ValidateConstraint(column()),
            (At::AtDropConstraint, _) => {
                ActionKind::DropConstraint { name: column(), if_exists: action.missing_ok, cascade }
            }
            (At::AtAlterConstraint, Some(NodeEnum::AtalterConstraint(altered))) => ActionKind::AlterConstraint {
                name: altered.conname.clone(),
                enforced: altered.alter_enforceability.then_some(altered.is_enforced),
                inherit: altered.alter_inheritability.then_some(!altered.noinherit),
            },
            (At::AtAttachPartition, Some(NodeEnum::PartitionCmd(command))) => {
                let partition = relation_of(command.name.as_ref());
                match (&command.bound, of) {
                    (Some(written), _) => ActionKind::AttachPartition { partition, bound: bound(written) },
                    (None, _) => ActionKind::AttachIndex(partition),
                }
            }
            (At::AtDetachPartition, Some(NodeEnum::PartitionCmd(command))) => ActionKind::DetachPartition {
                partition: relation_of(command.name.as_ref()),
                concurrently: command.concurrent,
                finalize: false,
            },
            (At::AtDetachPartitionFinalize, Some(NodeEnum::PartitionCmd(command))) => ActionKind::DetachPartition {
                partition: relation_of(command.name.as_ref()),
                concurrently: false,
                finalize: true,
            },
            (At::AtAddInherit, Some(NodeEnum::RangeVar(parent))) => ActionKind::Inherit(super::names::relation(parent)),
            (At::AtDropInherit, Some(NodeEnum::RangeVar(parent))) => {
                ActionKind::NoInherit(super::names::relation(parent))
            }
            (At::AtSetLogged, _) => ActionKind::SetLogged,
            (At::AtSetUnLogged, _) => ActionKind::SetUnlogged,
            (At::AtSetTableSpace, _) => ActionKind::SetTablespace(column()),
            (At::AtSetAccessMethod, _) => ActionKind::SetAccessMethod(said(&action.name)),
            (At::AtSetRelOptions, _) => ActionKind::SetOptions(option_names(action.def.as_deref())),
            (At::AtResetRelOptions, _) => ActionKind::ResetOptions(option_names(action.def.as_deref())),
            (At::AtReplicaIdentity, Some(NodeEnum::ReplicaIdentityStmt(identity))) => {
                ActionKind::ReplicaIdentity(match identity.identity_type.as_str() {
                    "n" => ReplicaIdentity::Nothing,
                    "f" => ReplicaIdentity::Full,
                    "i" => ReplicaIdentity::Index(identity.name.clone()),
                    _ => ReplicaIdentity::Default,
                })
            }
            (At::AtEnableRowSecurity, _) => ActionKind::RowSecurity("enable row level security"),
            (At::AtDisableRowSecurity, _) => ActionKind::RowSecurity("disable row level security"),
            (At::AtForceRowSecurity, _) => ActionKind::RowSecurity("force row level security"),
            (At::AtNoForceRowSecurity, _) => ActionKind::RowSecurity("no force row level security"),
            (At::AtChangeOwner, _) => ActionKind::OwnerTo,
            (At::AtClusterOn, _) => ActionKind::ClusterOn(column()),
            (At::AtDropCluster, _) => ActionKind::SetWithoutCluster,
            (At::AtEnableTrig | At::AtEnableAlwaysTrig | At::AtEnableReplicaTrig, _) => {
                trigger(true, said(&action.name))
            }
            (At::AtDisableTrig, _) => trigger(false, said(&action.name)),
            (At::AtEnableTrigAll | At::AtEnableTrigUser, _) => trigger(true, None),
            (At::AtDisableTrigAll | At::AtDisableTrigUser, _) => trigger(false, None),
            (At::AtEnableRule | At::AtEnableAlwaysRule | At::AtEnableReplicaRule, _) => rule(true),
            (At::AtDisableRule, _) => rule(false),
            (At::AtAddOf | At::AtDropOf, _) => ActionKind::OfType,
            (At::AtGenericOptions, _) => ActionKind::ForeignOptions,
            (other, _) => ActionKind::Other(other.as_str_name().to_owned()),
        }
    }
}

/// `create index`.
pub(super) fn create_index(index: &protobuf::IndexStmt) -> CreateIndex {
    CreateIndex {
        name: said(&index.idxname),
        table: relation_of(index.relation.as_ref()),
        only: index.relation.as_ref().is_some_and(|relation| !relation.inh),
        is_unique: index.unique,
        nulls_not_distinct: index.nulls_not_distinct,
        concurrently: index.concurrent,
        if_not_exists: index.if_not_exists,
        method: said(&index.access_method).unwrap_or_else(|| "btree".to_owned()),
        keys: index.index_params.iter().filter_map(index_key).collect(),
        include: index.index_including_params.iter().filter_map(|node| index_key(node)?.column).collect(),
        predicate: optional(index.where_clause.as_deref()),
    }
}

fn index_key(node: &Node) -> Option<IndexKey> {
    match node.node.as_ref()? {
        NodeEnum::IndexElem(element) => {
            Some(IndexKey { column: said(&element.name), expression: optional(element.expr.as_deref()) })
        }
        _ => None,
    }
}

/// A primary key or a `not null` of the table makes its columns so.
fn mark_not_null(columns: &mut [ColumnDef], constraints: &[Constraint]) {
    let marks = |constraint: &&Constraint| {
        matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::NotNull) && !constraint.is_not_valid
    };
    let named: std::collections::HashSet<&str> =
        constraints.iter().filter(marks).flat_map(|constraint| &constraint.columns).map(String::as_str).collect();
    if !named.is_empty() {
        for column in columns {
            column.is_not_null |= named.contains(column.name.as_str());
        }
    }
}

fn is_attribute(kind: ConstrType) -> bool {
    matches!(
        kind,
        ConstrType::ConstrAttrDeferrable
            | ConstrType::ConstrAttrNotDeferrable
            | ConstrType::ConstrAttrDeferred
            | ConstrType::ConstrAttrImmediate
            | ConstrType::ConstrAttrEnforced
            | ConstrType::ConstrAttrNotEnforced
    )
}

fn generated(constraint: &protobuf::Constraint) -> Option<(Generated, Expr)> {
    let kind = if constraint.generated_kind == "s" { Generated::Stored } else { Generated::Virtual };
    Some((kind, expression(constraint.raw_expr.as_deref()?)))
}

fn excluded(exclusions: &[Node]) -> Vec<String> {
    let column = |node: &Node| match node.node.as_ref()? {
        NodeEnum::List(pair) => index_key(pair.items.first()?)?.column,
        _ => None,
    };
    exclusions.iter().filter_map(column).collect()
}

fn action_of_key(letter: &str) -> &'static str {
    match letter {
        "r" => "restrict",
        "c" => "cascade",
        "n" => "set null",
        "d" => "set default",
        _ => "no action",
    }
}

/// The options of `like`, by the parser's bits.
fn included(options: u32) -> Vec<String> {
    const OPTIONS: [&str; 9] = [
        "comments",
        "compression",
        "constraints",
        "defaults",
        "generated",
        "identity",
        "indexes",
        "statistics",
        "storage",
    ];
    let on = |(bit, word): (usize, &'static str)| (options & (1 << bit) != 0).then(|| word.to_owned());
    OPTIONS.into_iter().enumerate().filter_map(on).collect()
}

/// Which rows a partition takes.
pub(super) fn bound(written: &protobuf::PartitionBoundSpec) -> Bound {
    // the grammar has no word for them: they come as columns of that name
    let unlimited = |node: &Node| match node.node.as_ref() {
        Some(NodeEnum::ColumnRef(column)) => {
            column.fields.len() == 1 && matches!(column.fields.first().and_then(text), Some("minvalue" | "maxvalue"))
        }
        _ => false,
    };
    let end = |node: &Node| (!unlimited(node)).then(|| expression(node));
    match written.strategy.as_str() {
        _ if written.is_default => Bound::Default,
        "h" => Bound::Hash { modulus: written.modulus, remainder: written.remainder },
        "l" => Bound::In(list(&written.listdatums)),
        _ => Bound::Range {
            from: written.lowerdatums.iter().map(end).collect(),
            to: written.upperdatums.iter().map(end).collect(),
        },
    }
}

fn partition_by(written: &protobuf::PartitionSpec) -> PartitionBy {
    let strategy = match written.strategy() {
        PartitionStrategy::List => "list",
        PartitionStrategy::Hash => "hash",
        PartitionStrategy::Range | PartitionStrategy::Undefined => "range",
    };
    let key = |node: &Node| match node.node.as_ref() {
        Some(NodeEnum::PartitionElem(element)) => said(&element.name),
        _ => None,
    };
    PartitionBy { strategy: strategy.to_owned(), key: written.part_params.iter().map(key).collect() }
}

/// The columns of a list of definitions.
pub(super) fn columns(places: Places, nodes: &[Node]) -> Vec<ColumnDef> {
    let column = |node: &Node| match node.node.as_ref()? {
        NodeEnum::ColumnDef(column) => Some(places.column(column)),
        _ => None,
    };
    nodes.iter().filter_map(column).collect()
}
