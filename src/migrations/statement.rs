//! A statement's text into a command: the only place that sees the parser's tree, with the files of its folder.
//!
//! The tree is as deep as the statement nests, and so is decoding it, walking it and dropping it: all of that is done
//! within [`with_parser`], whose stack is deep enough for whatever the parser itself accepts.

mod data;
mod expressions;
mod fault;
mod names;
mod objects;
mod reads;
mod tables;

use super::command::{Body, Command, Dml, DmlKind, Expr, TypeKind};
use super::plpgsql::{self, Code};
use super::script::Parsed;
use names::{name, option_is_on, option_word, persistence, relation, relation_of, relations, said, texts};
use objects::texts_of_option;
use pg_query::protobuf::{self, DropBehavior, ObjectType};
use pg_query::{Node, NodeEnum};
use std::collections::HashSet;
use tables::Places;

/// Stack for the parser: its own limit ends the recursion of the C side, decoding the tree recurses as deep again.
const STACK: usize = 256 << 20;

/// How many levels of code within code are read: `do` in an `execute` in a `do`.
pub(super) const LEVELS: usize = 4;

/// Runs work that parses on a thread whose stack is deep enough for it; on this one where no thread is to be had.
pub fn with_parser<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let mut work = Some(work);
    let mut done = None;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("parse".into()).stack_size(STACK);
        let run = || {
            if let Some(work) = work.take() {
                done = Some(work());
            }
        };
        if let Ok(Err(panic)) = thread.spawn_scoped(scope, run).map(std::thread::ScopedJoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
    });
    match (done, work) {
        (Some(done), _) => done,
        (None, Some(work)) => work(),
        (None, None) => unreachable!("work was taken and neither ended nor panicked"),
    }
}

/// What a statement says; its text begins at `offset` of its file. To be called within [`with_parser`].
pub fn parse(text: &str, offset: usize) -> Parsed {
    parse_within(text, Some(offset), Surroundings::default())
}

/// What is around a statement.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Surroundings<'a> {
    /// The variables of the procedural code it stands in.
    pub(super) variables: Option<&'a HashSet<String>>,
    /// How many levels of code it stands in.
    pub(super) level: usize,
}

/// A statement of procedural code.
pub(super) fn parse_within(text: &str, offset: Option<usize>, around: Surroundings<'_>) -> Parsed {
    let parsed = match pg_query::parse(text, 0) {
        Ok(parsed) => parsed,
        Err(error) => return fault::of(error, text, offset.unwrap_or_default()),
    };
    let context = Context::new(text, offset, around);
    let mut nodes = parsed.protobuf.stmts.iter().filter_map(|raw| raw.stmt.as_ref()?.node.as_ref());
    match (nodes.next(), nodes.next()) {
        (Some(node), None) => Parsed::Command(context.command(node)),
        // nothing, or more than the one that was promised
        _ => Parsed::Command(Command::Other(leading_words(text))),
    }
}

/// Whether a message of the parser says that its own limits ended it.
pub(super) fn is_too_deep(message: &str) -> bool {
    fault::is_too_deep(message)
}

/// The statements of a text that holds several, each with the line it begins on; or why it does not parse.
pub(super) fn parse_all(text: &str, around: Surroundings<'_>) -> Result<Vec<(Command, u32)>, String> {
    let parsed = match pg_query::parse(text, 0) {
        Ok(parsed) => parsed,
        Err(error) => return Err(refusal(error, text)),
    };
    let mut line = 1;
    let mut counted = 0;
    let mut made = Vec::with_capacity(parsed.protobuf.stmts.len());
    for raw in &parsed.protobuf.stmts {
        let Some(node) = raw.stmt.as_ref().and_then(|statement| statement.node.as_ref()) else { continue };
        let start = usize::try_from(raw.stmt_location).unwrap_or_default();
        let length = usize::try_from(raw.stmt_len).unwrap_or_default();
        let end = if length == 0 { text.len() } else { start + length };
        let whole = text.get(start..end).unwrap_or_default();
        let begins = start + skipped(whole);
        let between = text.as_bytes().get(counted..begins).unwrap_or_default();
        line += u32::try_from(memchr::memchr_iter(b'\n', between).count()).unwrap_or(u32::MAX);
        counted = begins.max(counted);
        let context = Context::new(whole, None, around);
        made.push((context.command(node), line));
    }
    Ok(made)
}

/// What an expression of procedural code reads and calls, or an assignment; `mode` is the parser's number for its form.
pub(super) fn parse_procedural(text: &str, mode: i32) -> Result<Dml, String> {
    let parsed = match pg_query::parse(text, mode) {
        Ok(parsed) => parsed,
        Err(error) => return Err(refusal(error, text)),
    };
    let mut reader = reads::Reader::default();
    for raw in &parsed.protobuf.stmts {
        reader.maybe(raw.stmt.as_deref());
    }
    Ok(expression_as_select(reader))
}

/// An expression of procedural code.
pub(super) fn procedural_expression(text: &str) -> Option<Expr> {
    let parsed = pg_query::parse(text, pg_query::ParserOptions::PLPGSQL_EXPR).ok()?;
    single_expression(&parsed)
}

/// Where the words of procedural code are, for who has to change them: each word's, name's and sign's bytes.
pub(super) fn tokens(text: &str) -> Vec<std::ops::Range<usize>> {
    let scanned = pg_query::scan(text).map(|scanned| scanned.tokens).unwrap_or_default();
    let of_code = scanned.iter().filter(|token| !is_comment(token));
    of_code.filter_map(|token| Some(usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?)).collect()
}

fn is_comment(token: &protobuf::ScanToken) -> bool {
    matches!(token.token(), protobuf::Token::SqlComment | protobuf::Token::CComment)
}

fn refusal(error: pg_query::Error, text: &str) -> String {
    match fault::of(error, text, 0) {
        Parsed::SyntaxError { message, .. } => message,
        _ => "it nests deeper than the parser goes".to_owned(),
    }
}

/// The blanks and comments before a statement.
fn skipped(text: &str) -> usize {
    let blank = text.len() - text.trim_start().len();
    if !text[blank..].starts_with("--") && !text[blank..].starts_with("/*") {
        return blank;
    }
    tokens(text).first().map_or(blank, |first| first.start)
}

/// The expression of a body that is one select of one expression and no more: what PostgreSQL may inline.
pub fn single_select_expression(body: &str) -> Option<Expr> {
    single_expression(&pg_query::parse(body, 0).ok()?)
}

fn single_expression(parsed: &pg_query::ParseResult) -> Option<Expr> {
    let [raw] = parsed.protobuf.stmts.as_slice() else { return None };
    let NodeEnum::SelectStmt(select) = raw.stmt.as_ref()?.node.as_ref()? else { return None };
    let [target] = select.target_list.as_slice() else { return None };
    let NodeEnum::ResTarget(target) = target.node.as_ref()? else { return None };
    let is_plain = select.distinct_clause.is_empty()
        && select.into_clause.is_none()
        && select.from_clause.is_empty()
        && select.where_clause.is_none()
        && select.group_clause.is_empty()
        && select.having_clause.is_none()
        && select.window_clause.is_empty()
        && select.values_lists.is_empty()
        && select.sort_clause.is_empty()
        && select.limit_offset.is_none()
        && select.limit_count.is_none()
        && select.locking_clause.is_empty()
        && select.with_clause.is_none()
        && select.larg.is_none();
    let value = target.val.as_deref().filter(|_| is_plain)?;
    match expressions::expression(value) {
        Expr::Column(parts) if parts.iter().any(|part| part == "*") => None,
        expression => Some(expression),
    }
}

/// An expression on its own, where it is one.
pub fn parse_expression(text: &str) -> Option<Expr> {
    single_select_expression(&format!("select ({text}\n)"))
}

/// The first words of a statement, in lower case: as long as they are nothing but letters, and three at most.
fn leading_words(text: &str) -> String {
    let text = &text[skipped(text)..];
    let words = text
        .split_ascii_whitespace()
        .take(3)
        .map_while(|word| word.chars().all(|c| c.is_ascii_alphabetic()).then(|| word.to_ascii_lowercase()));
    words.collect::<Vec<_>>().join(" ")
}

/// What a tree is turned into commands with.
#[derive(Debug, Clone, Copy)]
struct Context<'a> {
    text: &'a str,
    places: Places,
    variables: Option<&'a HashSet<String>>,
    level: usize,
}

impl<'a> Context<'a> {
    fn new(text: &'a str, offset: Option<usize>, around: Surroundings<'a>) -> Self {
        Self { text, places: Places { offset }, variables: around.variables, level: around.level }
    }

    /// What a statement says.
    fn command(&self, node: &NodeEnum) -> Command {
        self.of_table(node)
            .or_else(|| self.data(node).map(Command::Dml))
            .or_else(|| self.of_session(node))
            .or_else(|| self.of_object(node))
            .or_else(|| of_server(node))
            .unwrap_or_else(|| Command::Other(leading_words(self.text)))
    }

    fn maybe(&self, node: Option<&Node>) -> Command {
        match node.and_then(|node| node.node.as_ref()) {
            Some(node) => self.command(node),
            None => Command::Other(String::new()),
        }
    }

    /// What makes, changes and tends relations.
    fn of_table(&self, node: &NodeEnum) -> Option<Command> {
        Some(match node {
            NodeEnum::CreateStmt(create) => Command::CreateTable(self.places.create_table(create, false)),
            NodeEnum::CreateForeignTableStmt(create) => {
                Command::CreateTable(self.places.create_table(create.base_stmt.as_ref()?, true))
            }
            NodeEnum::AlterTableStmt(alter) => self.places.alter_table(alter),
            NodeEnum::AlterTableMoveAllStmt(_) => Command::MoveAll,
            NodeEnum::IndexStmt(index) => Command::CreateIndex(tables::create_index(index)),
            NodeEnum::CreateTableAsStmt(create) => objects::create_table_as(create),
            NodeEnum::ViewStmt(view) => objects::view(view),
            NodeEnum::RefreshMatViewStmt(refresh) => Command::Refresh {
                name: relation_of(refresh.relation.as_ref()),
                concurrently: refresh.concurrent,
                with_data: !refresh.skip_data,
            },
            NodeEnum::ReindexStmt(reindex) => objects::reindex(reindex),
            NodeEnum::ClusterStmt(cluster) => Command::Cluster(cluster.relation.as_ref().map(relation)),
            NodeEnum::VacuumStmt(vacuum) => objects::vacuum(vacuum),
            NodeEnum::TruncateStmt(truncate) => Command::Truncate {
                tables: relations(&truncate.relations),
                cascade: truncate.behavior() == DropBehavior::DropCascade,
                restart_identity: truncate.restart_seqs,
            },
            NodeEnum::LockStmt(lock) => objects::lock(lock),
            NodeEnum::CreateSeqStmt(create) => Command::CreateSequence {
                name: relation_of(create.sequence.as_ref()),
                if_not_exists: create.if_not_exists,
                persistence: persistence(create.sequence.as_ref()),
                owned_by: objects::owned_by(&create.options),
            },
            NodeEnum::AlterSeqStmt(alter) => Command::AlterSequence {
                name: relation_of(alter.sequence.as_ref()),
                owned_by: objects::owned_by(&alter.options),
            },
            NodeEnum::CopyStmt(copy) => Command::Copy {
                table: copy.relation.as_ref().map(relation),
                is_from: copy.is_from,
                is_stdin: copy.is_from && !copy.is_program && copy.filename.is_empty(),
                reads: objects::reads(copy.query.as_deref()),
            },
            _ => return None,
        })
    }

    /// What belongs to the session and to running other statements.
    fn of_session(&self, node: &NodeEnum) -> Option<Command> {
        Some(match node {
            NodeEnum::TransactionStmt(statement) => objects::transaction(statement),
            NodeEnum::VariableSetStmt(set) => objects::set(set),
            NodeEnum::DiscardStmt(_) => Command::Discard,
            NodeEnum::DoStmt(statement) => self.block(statement),
            NodeEnum::CallStmt(call) => Command::Call(name(&call.funccall.as_ref()?.funcname)),
            NodeEnum::ExplainStmt(explain) => Command::Explain {
                runs: option_is_on(&explain.options, "analyze").unwrap_or(false),
                command: Box::new(self.maybe(explain.query.as_deref())),
            },
            NodeEnum::PrepareStmt(prepare) => Command::Prepare(Box::new(self.maybe(prepare.query.as_deref()))),
            // a cursor reads and locks what its query does
            NodeEnum::DeclareCursorStmt(cursor) => self.maybe(cursor.query.as_deref()),
            NodeEnum::ConstraintsSetStmt(_) => Command::Settings("set constraints"),
            NodeEnum::VariableShowStmt(_) => Command::Settings("show"),
            NodeEnum::ListenStmt(_) => Command::Settings("listen"),
            NodeEnum::UnlistenStmt(_) => Command::Settings("unlisten"),
            NodeEnum::NotifyStmt(_) => Command::Settings("notify"),
            NodeEnum::DeallocateStmt(_) => Command::Settings("deallocate"),
            NodeEnum::ClosePortalStmt(_) => Command::Settings("close"),
            NodeEnum::FetchStmt(_) => Command::Settings("fetch"),
            NodeEnum::LoadStmt(_) => Command::Settings("load"),
            NodeEnum::CheckPointStmt(_) => Command::Settings("checkpoint"),
            _ => return None,
        })
    }

    /// Objects other than relations, and what happens to objects of every kind.
    fn of_object(&self, node: &NodeEnum) -> Option<Command> {
        Some(match node {
            NodeEnum::DropStmt(drop) => objects::drop(drop),
            NodeEnum::DropRoleStmt(drop) => objects::drop_roles(drop),
            NodeEnum::RenameStmt(rename) => objects::rename(rename),
            NodeEnum::AlterObjectSchemaStmt(alter) => objects::set_schema(alter),
            NodeEnum::AlterOwnerStmt(alter) => objects::owner_to(alter),
            NodeEnum::CommentStmt(comment) => objects::comment(comment),
            NodeEnum::GrantStmt(grant) => objects::grant(grant),
            NodeEnum::GrantRoleStmt(grant) => objects::grant_role(grant),
            NodeEnum::AlterDefaultPrivilegesStmt(alter) => objects::default_privileges(alter),
            NodeEnum::CompositeTypeStmt(create) => objects::composite_type(self, create),
            NodeEnum::CreateEnumStmt(create) => {
                Command::CreateType { name: name(&create.type_name), kind: TypeKind::Enum(texts(&create.vals)) }
            }
            NodeEnum::CreateRangeStmt(create) => {
                Command::CreateType { name: name(&create.type_name), kind: TypeKind::Range }
            }
            NodeEnum::DefineStmt(define) if define.kind() == ObjectType::ObjectType => {
                Command::CreateType { name: name(&define.defnames), kind: TypeKind::Base }
            }
            NodeEnum::AlterEnumStmt(alter) => objects::alter_enum(alter),
            NodeEnum::CreateDomainStmt(create) => objects::create_domain(self, create),
            NodeEnum::AlterDomainStmt(alter) => objects::alter_domain(self, alter)?,
            NodeEnum::CreateFunctionStmt(create) => Command::CreateFunction(objects::create_function(self, create)),
            NodeEnum::AlterFunctionStmt(alter) => objects::alter_function(alter),
            NodeEnum::CreateTrigStmt(create) => objects::create_trigger(create),
            NodeEnum::RuleStmt(rule) => {
                Command::CreateRule { name: rule.rulename.clone(), table: relation_of(rule.relation.as_ref()) }
            }
            NodeEnum::CreatePolicyStmt(policy) => Command::Policy {
                name: policy.policy_name.clone(),
                table: relation_of(policy.table.as_ref()),
                is_new: true,
            },
            NodeEnum::AlterPolicyStmt(policy) => Command::Policy {
                name: policy.policy_name.clone(),
                table: relation_of(policy.table.as_ref()),
                is_new: false,
            },
            NodeEnum::CreateSchemaStmt(create) => self.create_schema(create),
            NodeEnum::CreateStatsStmt(create) => Command::CreateStatistics(relations(&create.relations)),
            NodeEnum::CreateExtensionStmt(create) => Command::CreateExtension(create.extname.clone()),
            NodeEnum::AlterExtensionStmt(alter) => Command::AlterExtension(alter.extname.clone()),
            NodeEnum::AlterExtensionContentsStmt(alter) => Command::AlterExtension(alter.extname.clone()),
            NodeEnum::CreatePublicationStmt(create) => {
                objects::publication(true, &create.pubname, &create.pubobjects, create.for_all_tables)
            }
            NodeEnum::AlterPublicationStmt(alter) => {
                objects::publication(false, &alter.pubname, &alter.pubobjects, alter.for_all_tables)
            }
            NodeEnum::CreateSubscriptionStmt(create) => objects::create_subscription(create),
            NodeEnum::AlterSubscriptionStmt(alter) => objects::alter_subscription(alter),
            // it drops the slot too, unless the subscription was told to have none
            NodeEnum::DropSubscriptionStmt(_) => {
                Command::Subscription { no_transaction: true, words: "drop subscription" }
            }
            _ => return None,
        })
    }

    fn create_schema(&self, create: &protobuf::CreateSchemaStmt) -> Command {
        // `create schema authorization x` is called after the role
        let role = || create.authrole.as_ref().map(|role| role.rolename.clone()).unwrap_or_default();
        let elements = create.schema_elts.iter().filter_map(|node| node.node.as_ref());
        Command::CreateSchema {
            name: said(&create.schemaname).unwrap_or_else(role),
            if_not_exists: create.if_not_exists,
            elements: elements.map(|element| self.command(element)).collect(),
        }
    }

    fn block(&self, statement: &protobuf::DoStmt) -> Command {
        let language = option_word(&statement.args, "language");
        let language = language.map_or_else(|| "plpgsql".to_owned(), |language| language.to_ascii_lowercase());
        let source = texts_of_option(&statement.args, "as").into_iter().next().unwrap_or_default();
        let body = self.body(&Code::Block, &language, &source, &statement.args);
        Command::Do { language, body }
    }

    /// The body of a function or a `do` as text.
    fn body(&self, code: &Code<'_>, language: &str, source: &str, options: &[Node]) -> Body {
        let mut body = plpgsql::body(code, language, source, self.level);
        let start = objects::start_of_body(self.text, options);
        body.position = self.places.offset.zip(start).map(|(offset, start)| offset + start);
        body
    }
}

/// What an expression reads, as the select it stands for.
fn expression_as_select(reader: reads::Reader<'_>) -> Dml {
    let mut reader = reader;
    Dml {
        kind: DmlKind::Select,
        target: None,
        writes: std::mem::take(&mut reader.writes),
        condition: None,
        is_bounded: true,
        rows: None,
        columns: Vec::new(),
        locks_rows: reader.locks_rows,
        literals: std::mem::take(&mut reader.literals),
        into: None,
        merge_returns: false,
        reads: reader.into_reads(),
    }
}

/// What concerns no relation, and what only the server as a whole has.
fn of_server(node: &NodeEnum) -> Option<Command> {
    Some(match node {
        NodeEnum::CreatedbStmt(_) => Command::OfServer("create database"),
        NodeEnum::DropdbStmt(_) => Command::OfServer("drop database"),
        NodeEnum::CreateTableSpaceStmt(_) => Command::OfServer("create tablespace"),
        NodeEnum::DropTableSpaceStmt(_) => Command::OfServer("drop tablespace"),
        NodeEnum::AlterSystemStmt(_) => Command::OfServer("alter system"),
        // it copies the files of the database
        NodeEnum::AlterDatabaseStmt(alter) => match option_word(&alter.options, "tablespace") {
            Some(_) => Command::OfServer("alter database set tablespace"),
            None => Command::Settings("alter database"),
        },
        NodeEnum::AlterDatabaseSetStmt(_) | NodeEnum::AlterDatabaseRefreshCollStmt(_) => {
            Command::Settings("alter database")
        }
        NodeEnum::AlterRoleStmt(_) | NodeEnum::AlterRoleSetStmt(_) => Command::Settings("alter role"),
        NodeEnum::CreateRoleStmt(_) => Command::Settings("create role"),
        NodeEnum::AlterTableSpaceOptionsStmt(_) => Command::Settings("alter tablespace"),
        NodeEnum::CreateForeignServerStmt(_) => Command::Settings("create server"),
        NodeEnum::AlterForeignServerStmt(_) => Command::Settings("alter server"),
        NodeEnum::CreateFdwStmt(_) => Command::Settings("create foreign data wrapper"),
        NodeEnum::AlterFdwStmt(_) => Command::Settings("alter foreign data wrapper"),
        NodeEnum::CreateUserMappingStmt(_) => Command::Settings("create user mapping"),
        NodeEnum::AlterUserMappingStmt(_) => Command::Settings("alter user mapping"),
        NodeEnum::DropUserMappingStmt(_) => Command::Settings("drop user mapping"),
        NodeEnum::CreatePlangStmt(_) => Command::Settings("create language"),
        NodeEnum::CreateCastStmt(_) => Command::Settings("create cast"),
        NodeEnum::CreateTransformStmt(_) => Command::Settings("create transform"),
        NodeEnum::CreateConversionStmt(_) => Command::Settings("create conversion"),
        NodeEnum::CreateAmStmt(_) => Command::Settings("create access method"),
        NodeEnum::CreateOpClassStmt(_) => Command::Settings("create operator class"),
        NodeEnum::CreateOpFamilyStmt(_) => Command::Settings("create operator family"),
        NodeEnum::AlterOpFamilyStmt(_) => Command::Settings("alter operator family"),
        NodeEnum::AlterOperatorStmt(_) => Command::Settings("alter operator"),
        NodeEnum::AlterTsdictionaryStmt(_) => Command::Settings("alter text search dictionary"),
        NodeEnum::AlterTsconfigurationStmt(_) => Command::Settings("alter text search configuration"),
        NodeEnum::AlterCollationStmt(_) => Command::Settings("alter collation"),
        NodeEnum::DefineStmt(define) => match define.kind() {
            ObjectType::ObjectAggregate => Command::Settings("create aggregate"),
            ObjectType::ObjectOperator => Command::Settings("create operator"),
            ObjectType::ObjectCollation => Command::Settings("create collation"),
            _ => Command::Settings("create text search"),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::LockMode;
    use crate::migrations::command::{
        Action, ActionKind, Bound, ConstraintKind, DomainAction, Generated, Literal, Name, ObjectKind, Persistence,
        ReplicaIdentity, SetTo, Transaction, Volatility,
    };

    fn command(text: &str) -> Command {
        match with_parser(|| parse(text, 0)) {
            Parsed::Command(command) => command,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn actions(text: &str) -> Vec<ActionKind> {
        match command(text) {
            Command::AlterTable { actions, .. } | Command::AlterCompositeType { actions, .. } => {
                actions.into_iter().map(|action: Action| action.kind).collect()
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    fn table(text: &str) -> crate::migrations::command::CreateTable {
        match command(text) {
            Command::CreateTable(create) => create,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn dml(text: &str) -> Dml {
        match command(text) {
            Command::Dml(dml) => dml,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn n(name: &str) -> Name {
        match name.split_once('.') {
            Some((schema, name)) => Name::qualified(schema, name),
            None => Name::bare(name),
        }
    }

    fn number(text: &str) -> Expr {
        Expr::Literal(Literal::Number(text.to_owned()))
    }

    #[test]
    fn a_table_says_all_of_its_columns_and_constraints() {
        let text = "create unlogged table if not exists app.t (id bigint primary key, \
            a int not null default 5 check (a > 0), \
            s serial, i int generated always as identity, g int generated always as (a * 2) stored, \
            v int generated always as (a + 1), n varchar(20)[] collate \"C\", \
            r int constraint r_fk references app.u (x) \
            on delete cascade on update set null deferrable initially deferred, e int check (e > 0) not enforced, \
            constraint u unique (a, n), foreign key (a) references w not valid, not null n, \
            exclude using gist (a with =), \
            like other including defaults including indexes) partition by range (a, (g + 1))";
        let made = table(text);
        assert_eq!(
            (made.name.clone(), made.persistence, made.if_not_exists),
            (n("app.t"), Persistence::Unlogged, true)
        );
        let columns: Vec<_> = made.columns.iter().map(|c| (c.name.as_str(), c.is_not_null, c.is_identity)).collect();
        let expected = [
            ("id", true, false),
            ("a", true, false),
            ("s", true, false),
            ("i", true, true),
            ("g", false, false),
            ("v", false, false),
            ("n", true, false),
            ("r", false, false),
            ("e", false, false),
        ];
        assert_eq!(columns, expected);
        let column = |name: &str| made.columns.iter().find(|c| c.name == name).unwrap();
        assert_eq!(column("a").default, Some(number("5")));
        assert_eq!(column("a").position, text.find("a int"));
        let kinds = |name: &str| column(name).constraints.iter().map(|c| &c.kind).collect::<Vec<_>>();
        assert_eq!(kinds("id"), [&ConstraintKind::PrimaryKey]);
        assert!(matches!(kinds("a")[..], [ConstraintKind::Check(_)]));
        assert_eq!(column("a").constraints[0].columns, ["a"]);
        assert!(column("s").is_serial() && column("s").type_name.name == n("serial"));
        assert_eq!(column("g").generated.as_ref().map(|(kind, _)| *kind), Some(Generated::Stored));
        assert_eq!(column("v").generated.as_ref().map(|(kind, _)| *kind), Some(Generated::Virtual));
        assert_eq!(column("n").collation, Some(n("C")));
        assert_eq!(
            (column("n").type_name.modifiers.clone(), column("n").type_name.dimensions),
            (vec!["20".to_owned()], 1)
        );
        let reference = &column("r").constraints[0];
        assert_eq!(
            (reference.name.as_deref(), reference.is_deferrable, reference.is_not_valid),
            (Some("r_fk"), true, false)
        );
        assert_eq!(
            reference.kind,
            ConstraintKind::ForeignKey {
                references: n("app.u"),
                columns: vec!["x".to_owned()],
                on_delete: "cascade",
                on_update: "set null"
            }
        );
        assert!(column("e").constraints[0].is_not_enforced && !column("a").constraints[0].is_not_enforced);
        let own: Vec<_> =
            made.constraints.iter().map(|c| (c.columns.join(","), c.is_not_valid, c.is_not_enforced)).collect();
        let expected = [("a,n", false), ("a", true), ("n", false), ("a", false)];
        assert_eq!(own, expected.map(|(columns, is_not_valid)| (columns.to_owned(), is_not_valid, false)));
        assert_eq!(made.constraints[2].kind, ConstraintKind::NotNull);
        assert_eq!(made.constraints[3].kind, ConstraintKind::Exclusion);
        assert_eq!(made.like, [(n("other"), vec!["defaults".to_owned(), "indexes".to_owned()])]);
        let by = made.partition_by.unwrap();
        assert_eq!((by.strategy.as_str(), by.key), ("range", vec![Some("a".to_owned()), None]));
        assert!(table("create table t (a int, b int, primary key (a))").columns[0].is_not_null);
        assert!(!table("create table t (a int, b int, primary key (a))").columns[1].is_not_null);
    }

    #[test]
    fn partitions_children_and_other_tables() {
        let bound = |text: &str| table(&format!("create table p partition of app.t {text}")).bound.unwrap();
        assert_eq!(bound("default"), Bound::Default);
        assert_eq!(bound("for values in (1, null)"), Bound::In(vec![number("1"), Expr::Null]));
        let range = Bound::Range { from: vec![None, Some(number("1"))], to: vec![Some(number("2")), None] };
        assert_eq!(bound("for values from (minvalue, 1) to (2, maxvalue)"), range);
        assert_eq!(bound("for values with (modulus 4, remainder 3)"), Bound::Hash { modulus: 4, remainder: 3 });
        let made = table("create table p partition of t (a not null, check (a > 1)) default");
        assert_eq!((made.parents, made.columns.len(), made.constraints.len()), (vec![n("t")], 1, 1));
        assert!(made.columns[0].is_not_null && made.columns[0].type_name.name.name.is_empty());
        assert_eq!(table("create table c () inherits (a, s.b)").parents, [n("a"), n("s.b")]);
        assert_eq!(table("create temp table c (a int)").persistence, Persistence::Temporary);
        assert_eq!(table("create table pg_temp.c (a int)").persistence, Persistence::Temporary);
        assert!(table("create foreign table f (a int) server s").is_foreign);
    }

    #[test]
    fn every_action_of_alter_table() {
        let t = |text: &str| actions(&format!("alter table t {text}")).remove(0);
        let a = || "a".to_owned();
        let expected: Vec<(&str, ActionKind)> = vec![
            ("drop column if exists a cascade", ActionKind::DropColumn { column: a(), if_exists: true, cascade: true }),
            ("alter a set default 1", ActionKind::SetDefault(a(), number("1"))),
            ("alter a drop default", ActionKind::DropDefault(a())),
            ("alter a set not null", ActionKind::SetNotNull(a())),
            ("alter a drop not null", ActionKind::DropNotNull(a())),
            ("alter a set expression as (1)", ActionKind::SetExpression(a(), number("1"))),
            ("alter a drop expression", ActionKind::DropExpression(a())),
            ("alter a add generated always as identity", ActionKind::AddIdentity(a())),
            ("alter a restart", ActionKind::SetIdentity(a())),
            ("alter a drop identity", ActionKind::DropIdentity(a())),
            ("alter a set statistics 5", ActionKind::SetStatistics(a())),
            ("alter a set storage plain", ActionKind::SetStorage(a())),
            ("alter a set compression lz4", ActionKind::SetCompression(a())),
            ("alter a set (n_distinct = 1)", ActionKind::SetColumnOptions(a())),
            ("alter a reset (n_distinct)", ActionKind::SetColumnOptions(a())),
            ("validate constraint a", ActionKind::ValidateConstraint(a())),
            ("drop constraint if exists a", ActionKind::DropConstraint { name: a(), if_exists: true, cascade: false }),
            (
                "alter constraint a not enforced",
                ActionKind::AlterConstraint { name: a(), enforced: Some(false), inherit: None },
            ),
            (
                "alter constraint a no inherit",
                ActionKind::AlterConstraint { name: a(), enforced: None, inherit: Some(false) },
            ),
            ("alter constraint a deferrable", ActionKind::AlterConstraint { name: a(), enforced: None, inherit: None }),
            (
                "attach partition s.p default",
                ActionKind::AttachPartition { partition: n("s.p"), bound: Bound::Default },
            ),
            (
                "detach partition p concurrently",
                ActionKind::DetachPartition { partition: n("p"), concurrently: true, finalize: false },
            ),
            (
                "detach partition p finalize",
                ActionKind::DetachPartition { partition: n("p"), concurrently: false, finalize: true },
            ),
            ("inherit s.p", ActionKind::Inherit(n("s.p"))),
            ("no inherit p", ActionKind::NoInherit(n("p"))),
            ("set logged", ActionKind::SetLogged),
            ("set unlogged", ActionKind::SetUnlogged),
            ("set tablespace a", ActionKind::SetTablespace(a())),
            ("set access method heap", ActionKind::SetAccessMethod(Some("heap".to_owned()))),
            ("set access method default", ActionKind::SetAccessMethod(None)),
            (
                "set (fillfactor = 70, toast.autovacuum_enabled = off)",
                ActionKind::SetOptions(vec!["fillfactor".to_owned(), "toast.autovacuum_enabled".to_owned()]),
            ),
            ("reset (fillfactor)", ActionKind::ResetOptions(vec!["fillfactor".to_owned()])),
            ("replica identity nothing", ActionKind::ReplicaIdentity(ReplicaIdentity::Nothing)),
            ("replica identity full", ActionKind::ReplicaIdentity(ReplicaIdentity::Full)),
            ("replica identity default", ActionKind::ReplicaIdentity(ReplicaIdentity::Default)),
            ("replica identity using index a", ActionKind::ReplicaIdentity(ReplicaIdentity::Index(a()))),
            ("enable row level security", ActionKind::RowSecurity("enable row level security")),
            ("disable row level security", ActionKind::RowSecurity("disable row level security")),
            ("force row level security", ActionKind::RowSecurity("force row level security")),
            ("no force row level security", ActionKind::RowSecurity("no force row level security")),
            ("owner to x", ActionKind::OwnerTo),
            ("cluster on a", ActionKind::ClusterOn(a())),
            ("set without cluster", ActionKind::SetWithoutCluster),
            ("enable always trigger a", ActionKind::Trigger { enable: true, name: Some(a()) }),
            ("disable trigger a", ActionKind::Trigger { enable: false, name: Some(a()) }),
            ("disable trigger user", ActionKind::Trigger { enable: false, name: None }),
            ("enable trigger all", ActionKind::Trigger { enable: true, name: None }),
            ("enable replica rule a", ActionKind::Rule { enable: true, name: a() }),
            ("disable rule a", ActionKind::Rule { enable: false, name: a() }),
            ("of s.y", ActionKind::OfType),
            ("not of", ActionKind::OfType),
            ("options (add a 'b')", ActionKind::ForeignOptions),
            ("set without oids", ActionKind::Other("AT_DropOids".to_owned())),
        ];
        for (text, action) in expected {
            assert_eq!(t(text), action, "{text}");
        }
        let ActionKind::AlterType { column, type_name, collation, using } =
            t("alter a type varchar(5) collate \"C\" using a::text")
        else {
            panic!()
        };
        assert_eq!((column, type_name.sql(), collation), (a(), Some("varchar(5)".to_owned()), Some(n("C"))));
        assert_eq!(using.and_then(|using| using.sql()), Some("a::text".to_owned()));
        let ActionKind::AddColumn { column, if_not_exists: true } = t("add column if not exists z serial unique")
        else {
            panic!()
        };
        assert!(column.is_serial() && column.is_not_null);
        for (text, is_not_valid, is_not_enforced, using_index) in [
            ("add constraint c check (a > 0)", false, false, None),
            ("add constraint c check (a > 0) not valid", true, false, None),
            ("add constraint c foreign key (a) references u not valid", true, false, None),
            ("add constraint c foreign key (a) references u not enforced", true, true, None),
            ("add constraint c not null a not valid", true, false, None),
            ("add constraint c unique using index i", false, false, Some("i")),
            ("add constraint c primary key using index i deferrable", false, false, Some("i")),
        ] {
            let ActionKind::AddConstraint(made) = t(text) else { panic!("{text}") };
            let found = (made.is_not_valid, made.is_not_enforced, made.using_index.as_deref(), made.name.as_deref());
            assert_eq!(found, (is_not_valid, is_not_enforced, using_index, Some("c")), "{text}");
            assert_eq!(made.is_deferrable, text.ends_with("deferrable"));
            assert_eq!(made.position, Some("alter table t add ".len()), "{text}");
        }
    }

    #[test]
    fn what_alter_table_is_said_of() {
        let head = |text: &str| match command(text) {
            Command::AlterTable { kind, name, only, if_exists, actions } => {
                (kind, name, only, if_exists, actions.len())
            }
            other => panic!("{text}: {other:?}"),
        };
        use ObjectKind as K;
        assert_eq!(head("alter table if exists only s.t add a int, drop b"), (K::Table, n("s.t"), true, true, 2));
        assert_eq!(head("alter index i set (fillfactor = 70)"), (K::Index, n("i"), false, false, 1));
        assert_eq!(head("alter view v alter a set default 1").0, K::View);
        assert_eq!(head("alter materialized view v set tablespace x").0, K::MaterializedView);
        assert_eq!(head("alter sequence s owner to x").0, K::Sequence);
        assert_eq!(head("alter foreign table f add a int").0, K::ForeignTable);
        assert_eq!(actions("alter index i attach partition j"), [ActionKind::AttachIndex(n("j"))]);
        assert!(matches!(
            command("alter type s.y add attribute a int, drop attribute b"),
            Command::AlterCompositeType { name, actions } if name == n("s.y") && actions.len() == 2
        ));
        assert_eq!(command("alter table all in tablespace a set tablespace b"), Command::MoveAll);
        assert_eq!(command("alter index all in tablespace a set tablespace b"), Command::MoveAll);
    }

    #[test]
    fn indexes_and_what_tends_relations() {
        let Command::CreateIndex(made) = command(
            "create unique index concurrently if not exists i on only s.t \
             using gin (a desc, lower(b) text_pattern_ops, (c + 1)) \
             include (d) where e is null",
        ) else {
            panic!()
        };
        assert_eq!((made.name.as_deref(), made.table.clone(), made.method.as_str()), (Some("i"), n("s.t"), "gin"));
        assert!(made.only && made.is_unique && made.concurrently && made.if_not_exists);
        let keys: Vec<_> =
            made.keys.iter().map(|key| (key.column.as_deref(), key.expression.as_ref().and_then(Expr::sql))).collect();
        let expected = [(Some("a"), None), (None, Some("lower(b)".to_owned())), (None, Some("c + 1".to_owned()))];
        assert_eq!(keys, expected);
        assert_eq!(
            (made.include, made.predicate),
            (vec!["d".to_owned()], Some(Expr::IsNull(Box::new(Expr::Column(vec!["e".to_owned()])))))
        );
        let Command::CreateIndex(made) = command("create index on t (a)") else { panic!() };
        assert!(made.name.is_none() && !made.only && made.method == "btree" && made.predicate.is_none());
        let reindex =
            |kind, name: Option<&str>, concurrently| Command::Reindex { kind, name: name.map(n), concurrently };
        for (text, expected) in [
            ("reindex index s.i", reindex(ObjectKind::Index, Some("s.i"), false)),
            ("reindex table concurrently t", reindex(ObjectKind::Table, Some("t"), true)),
            ("reindex (concurrently) schema s", reindex(ObjectKind::Schema, Some("s"), true)),
            ("reindex (concurrently off) table t", reindex(ObjectKind::Table, Some("t"), false)),
            ("reindex database", reindex(ObjectKind::Database, None, false)),
            ("reindex system d", reindex(ObjectKind::Database, Some("d"), false)),
            ("cluster", Command::Cluster(None)),
            ("cluster t using i", Command::Cluster(Some(n("t")))),
            ("vacuum", Command::Vacuum { is_vacuum: true, is_full: false, tables: vec![] }),
            ("vacuum full a, s.b", Command::Vacuum { is_vacuum: true, is_full: true, tables: vec![n("a"), n("s.b")] }),
            ("vacuum (full false) a", Command::Vacuum { is_vacuum: true, is_full: false, tables: vec![n("a")] }),
            ("analyze a (b)", Command::Vacuum { is_vacuum: false, is_full: false, tables: vec![n("a")] }),
            (
                "truncate only a, b cascade",
                Command::Truncate { tables: vec![n("a"), n("b")], cascade: true, restart_identity: false },
            ),
            (
                "lock a, b in share update exclusive mode nowait",
                Command::Lock {
                    tables: vec![n("a"), n("b")],
                    mode: LockMode::ShareUpdateExclusive,
                    only: vec![],
                    nowait: true,
                },
            ),
            (
                "lock table a",
                Command::Lock { tables: vec![n("a")], mode: LockMode::AccessExclusive, only: vec![], nowait: false },
            ),
            (
                "refresh materialized view concurrently m",
                Command::Refresh { name: n("m"), concurrently: true, with_data: true },
            ),
            (
                "refresh materialized view m with no data",
                Command::Refresh { name: n("m"), concurrently: false, with_data: false },
            ),
            (
                "create temp sequence if not exists q owned by s.t.c",
                Command::CreateSequence {
                    name: n("q"),
                    if_not_exists: true,
                    persistence: Persistence::Temporary,
                    owned_by: Some((n("s.t"), "c".to_owned())),
                },
            ),
            ("alter sequence q owned by none", Command::AlterSequence { name: n("q"), owned_by: None }),
        ] {
            assert_eq!(command(text), expected, "{text}");
        }
    }

    #[test]
    fn transactions_and_settings() {
        use Transaction as T;
        for (text, expected) in [
            ("begin", T::Begin),
            ("start transaction isolation level serializable", T::Begin),
            ("commit and chain", T::Commit { chain: true }),
            ("end", T::Commit { chain: false }),
            ("abort", T::Rollback { chain: false }),
            ("rollback and chain", T::Rollback { chain: true }),
            ("savepoint a", T::Savepoint("a".to_owned())),
            ("release savepoint a", T::Release("a".to_owned())),
            ("rollback to a", T::RollbackTo("a".to_owned())),
            ("prepare transaction 'x'", T::Prepare),
            ("commit prepared 'x'", T::Prepared),
            ("rollback prepared 'x'", T::Prepared),
        ] {
            assert_eq!(command(text), Command::Transaction(expected), "{text}");
        }
        let value = |parts: &[&str]| SetTo::Value(parts.iter().map(|part| (*part).to_owned()).collect());
        for (text, name, to, is_local) in [
            ("set lock_timeout = '5s'", "lock_timeout", value(&["5s"]), false),
            ("set local Lock_Timeout to 5000", "lock_timeout", value(&["5000"]), true),
            ("set search_path to a, \"B\"", "search_path", value(&["a", "B"]), false),
            ("set time zone 'UTC'", "timezone", value(&["UTC"]), false),
            ("set x to default", "x", SetTo::Default, false),
            ("set x from current", "x", SetTo::Current, false),
            ("reset x", "x", SetTo::Default, false),
            ("reset all", "*", SetTo::Default, false),
            ("set role r", "role", value(&["r"]), false),
            ("set schema 's'", "search_path", value(&["s"]), false),
            (
                "set transaction isolation level serializable",
                "transaction",
                value(&["transaction_isolation=serializable"]),
                true,
            ),
            (
                "set session characteristics as transaction read only",
                "session characteristics",
                value(&["transaction_read_only=1"]),
                false,
            ),
        ] {
            let Command::Set { name: found, to: found_to, is_local: found_local } = command(text) else {
                panic!("{text}")
            };
            assert_eq!((found.as_str(), found_to), (name, to), "{text}");
            assert!(found_local == is_local || name == "transaction", "{text}");
        }
        assert_eq!(dml("select set_config('lock_timeout', '5s', true)").literals, ["lock_timeout", "5s"]);
        assert_eq!(command("discard all"), Command::Discard);
    }

    #[test]
    fn names_of_what_is_dropped() {
        let of = |text: &str| match command(text) {
            Command::Drop(drop) => drop,
            other => panic!("{text}: {other:?}"),
        };
        use ObjectKind as K;
        for (text, kind, names, table) in [
            ("drop table a, s.b", K::Table, vec!["a", "s.b"], None),
            ("drop foreign table a", K::ForeignTable, vec!["a"], None),
            ("drop view a", K::View, vec!["a"], None),
            ("drop materialized view a", K::MaterializedView, vec!["a"], None),
            ("drop index s.a", K::Index, vec!["s.a"], None),
            ("drop sequence a", K::Sequence, vec!["a"], None),
            ("drop schema a, b", K::Schema, vec!["a", "b"], None),
            ("drop type s.a", K::Type, vec!["s.a"], None),
            ("drop domain a", K::Domain, vec!["a"], None),
            ("drop function s.f(int, text), g", K::Function, vec!["s.f", "g"], None),
            ("drop procedure p()", K::Procedure, vec!["p"], None),
            ("drop aggregate a(*)", K::Aggregate, vec!["a"], None),
            ("drop trigger tr on s.t", K::Trigger, vec!["tr"], Some("s.t")),
            ("drop rule r on t", K::Rule, vec!["r"], Some("t")),
            ("drop policy p on t", K::Policy, vec!["p"], Some("t")),
            ("drop extension a, b", K::Extension, vec!["a", "b"], None),
            ("drop collation a", K::Collation, vec!["a"], None),
            ("drop operator s.= (int, int)", K::Operator, vec!["s.="], None),
            ("drop statistics s.a", K::Statistics, vec!["s.a"], None),
            ("drop publication a", K::Publication, vec!["a"], None),
            ("drop role a, b", K::Role, vec!["a", "b"], None),
            ("drop server a", K::Server, vec!["a"], None),
            ("drop language a", K::Language, vec!["a"], None),
            ("drop event trigger a", K::EventTrigger, vec!["a"], None),
            ("drop operator class s.c using btree", K::Other, vec!["s.c"], None),
        ] {
            let made = of(text);
            assert_eq!((made.kind, made.table), (kind, table.map(n)), "{text}");
            assert_eq!(made.names, names.into_iter().map(n).collect::<Vec<_>>(), "{text}");
            assert!(!made.if_exists && !made.cascade && !made.concurrently, "{text}");
        }
        assert_eq!(of("drop cast (int as text)").kind, K::Cast);
        let made = of("drop index concurrently if exists i cascade");
        assert!(made.concurrently && made.if_exists && made.cascade);
    }

    #[test]
    fn names_of_what_is_renamed_moved_and_given_away() {
        use ObjectKind as K;
        for (text, kind, object, part) in [
            ("alter table if exists s.a rename to z", K::Table, "s.a", None),
            ("alter table a rename column b to z", K::Column, "a", Some("b")),
            ("alter view a rename column b to z", K::Column, "a", Some("b")),
            ("alter table a rename constraint b to z", K::Constraint, "a", Some("b")),
            ("alter index s.a rename to z", K::Index, "s.a", None),
            ("alter view a rename to z", K::View, "a", None),
            ("alter materialized view a rename to z", K::MaterializedView, "a", None),
            ("alter sequence a rename to z", K::Sequence, "a", None),
            ("alter schema a rename to z", K::Schema, "a", None),
            ("alter type s.a rename to z", K::Type, "s.a", None),
            ("alter type a rename attribute b to z", K::Attribute, "a", Some("b")),
            ("alter domain a rename to z", K::Domain, "a", None),
            ("alter domain a rename constraint b to z", K::DomainConstraint, "a", Some("b")),
            ("alter function s.a(int) rename to z", K::Function, "s.a", None),
            ("alter trigger b on s.a rename to z", K::Trigger, "s.a", Some("b")),
            ("alter policy b on a rename to z", K::Policy, "a", Some("b")),
            ("alter rule b on a rename to z", K::Rule, "a", Some("b")),
            ("alter role a rename to z", K::Role, "a", None),
            ("alter database a rename to z", K::Database, "a", None),
            ("alter statistics s.a rename to z", K::Statistics, "s.a", None),
            ("alter publication a rename to z", K::Publication, "a", None),
        ] {
            let Command::Rename(made) = command(text) else { panic!("{text}") };
            let found = (made.kind, made.object, made.part.as_deref(), made.to.as_str(), made.if_exists);
            assert_eq!(found, (kind, n(object), part, "z", text.contains("if exists")), "{text}");
        }
        for (text, kind, name) in [
            ("alter table s.a set schema z", K::Table, "s.a"),
            ("alter view a set schema z", K::View, "a"),
            ("alter sequence a set schema z", K::Sequence, "a"),
            ("alter type s.a set schema z", K::Type, "s.a"),
            ("alter function a(int) set schema z", K::Function, "a"),
            ("alter extension a set schema z", K::Extension, "a"),
        ] {
            assert_eq!(command(text), Command::SetSchema { kind, name: n(name), schema: "z".to_owned() }, "{text}");
        }
        for (text, kind, name) in [
            ("alter schema a owner to x", K::Schema, "a"),
            ("alter type s.a owner to x", K::Type, "s.a"),
            ("alter function s.a() owner to x", K::Function, "s.a"),
            ("alter database a owner to x", K::Database, "a"),
        ] {
            assert_eq!(command(text), Command::OwnerTo(kind, n(name)), "{text}");
        }
        for (text, kind, name) in [
            ("comment on table s.a is 'x'", K::Table, "s.a"),
            ("comment on column s.a.b is null", K::Column, "s.a"),
            ("comment on constraint c on s.a is 'x'", K::Constraint, "s.a"),
            ("comment on constraint c on domain a is 'x'", K::DomainConstraint, "a"),
            ("comment on trigger c on a is 'x'", K::Trigger, "a"),
            ("comment on index s.a is 'x'", K::Index, "s.a"),
            ("comment on function s.a(int) is 'x'", K::Function, "s.a"),
            ("comment on schema a is 'x'", K::Schema, "a"),
            ("comment on type s.a is 'x'", K::Type, "s.a"),
            ("comment on extension a is 'x'", K::Extension, "a"),
        ] {
            assert_eq!(command(text), Command::Comment { kind, name: n(name) }, "{text}");
        }
    }

    #[test]
    fn privileges() {
        let grant = |text: &str| match command(text) {
            Command::Grant { is_revoke, kind, objects, privileges, grantees, is_wholesale } => {
                let objects: Vec<_> = objects.iter().map(ToString::to_string).collect();
                (is_revoke, kind, objects.join(" "), privileges.join(" "), grantees.join(" "), is_wholesale)
            }
            other => panic!("{text}: {other:?}"),
        };
        use ObjectKind as K;
        for (text, is_revoke, kind, objects, privileges, grantees, is_wholesale) in [
            (
                "grant Select, update (a) on s.a, b to x, public",
                false,
                K::Table,
                "s.a b",
                "select update",
                "x public",
                false,
            ),
            ("revoke all on a from x cascade", true, K::Table, "a", "", "x", false),
            ("grant select on all tables in schema s, z to x", false, K::Table, "s z", "select", "x", true),
            ("grant usage on schema s to current_user", false, K::Schema, "s", "usage", "current_user", false),
            ("grant execute on function s.f(int) to x", false, K::Function, "s.f", "execute", "x", false),
            ("grant a, b to c", false, K::Role, "a b", "", "c", false),
            ("revoke a from c", true, K::Role, "a", "", "c", false),
            (
                "alter default privileges for role o in schema s grant select on tables to x",
                false,
                K::Table,
                "s",
                "select",
                "x",
                true,
            ),
            ("alter default privileges revoke all on sequences from x", true, K::Sequence, "", "", "x", true),
        ] {
            let expected =
                (is_revoke, kind, objects.to_owned(), privileges.to_owned(), grantees.to_owned(), is_wholesale);
            assert_eq!(grant(text), expected, "{text}");
        }
    }

    #[test]
    fn types_and_domains() {
        let made = |text: &str| match command(text) {
            Command::CreateType { name, kind } => (name, kind),
            other => panic!("{text}: {other:?}"),
        };
        let values = TypeKind::Enum(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(made("create type s.m as enum ('a', 'b')"), (n("s.m"), values));
        assert_eq!(made("create type m"), (n("m"), TypeKind::Base));
        assert_eq!(made("create type m as range (subtype = int)"), (n("m"), TypeKind::Range));
        assert_eq!(made("create type m (input = f, output = g)"), (n("m"), TypeKind::Base));
        assert!(
            matches!(made("create type m as (a int, b text)").1, TypeKind::Composite(columns) if columns.len() == 2)
        );
        let value = Command::AddEnumValue { name: n("s.m"), value: "c".to_owned(), if_not_exists: true };
        assert_eq!(command("alter type s.m add value if not exists 'c' after 'a'"), value);
        let renamed = Command::RenameEnumValue { name: n("m"), from: "a".to_owned(), to: "z".to_owned() };
        assert_eq!(command("alter type m rename value 'a' to 'z'"), renamed);
        let Command::CreateDomain { name, base, constraints, default, collation } = command(
            "create domain s.d as varchar(5) collate \"C\" default 'x' not null constraint c check (value <> '')",
        ) else {
            panic!()
        };
        assert_eq!((name, base.sql(), collation), (n("s.d"), Some("varchar(5)".to_owned()), Some(n("C"))));
        assert!(default.is_some() && constraints.len() == 2 && constraints[1].name.as_deref() == Some("c"));
        let action = |text: &str| match command(&format!("alter domain d {text}")) {
            Command::AlterDomain { action, .. } => action,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(action("set not null"), DomainAction::SetNotNull);
        assert_eq!(action("drop not null"), DomainAction::DropNotNull);
        assert_eq!(action("drop default"), DomainAction::Default(None));
        assert_eq!(action("set default 1"), DomainAction::Default(Some(number("1"))));
        assert_eq!(action("drop constraint c"), DomainAction::Drop("c".to_owned()));
        assert_eq!(action("validate constraint c"), DomainAction::Validate("c".to_owned()));
        assert!(matches!(action("add check (value > 0) not valid"), DomainAction::Add(c) if c.is_not_valid));
        assert!(
            matches!(action("add constraint c not null"), DomainAction::Add(c) if c.kind == ConstraintKind::NotNull)
        );
    }

    #[test]
    fn views_and_the_names_of_their_columns() {
        let view = |text: &str| match command(&format!("create or replace view v {text}")) {
            Command::CreateView { columns, replace: true, reads, .. } => (
                columns.map(|columns| columns.join(" ")),
                reads.relations.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ),
            other => panic!("{text}: {other:?}"),
        };
        for (text, columns) in [
            (
                "as select a, b as c, t.d, count(*), e::int, 1::text, lower(f), 1 + 1 from t",
                Some("a c d count e text lower ?column?"),
            ),
            (
                "as select coalesce(a, 1), case when a then b end, case when a then 1 else b end, current_date, \
                 (select x from t), exists (select 1 from t), greatest(a, 1), array[1], nullif(a, 1) from t",
                Some("coalesce case b current_date x exists greatest array nullif"),
            ),
            ("(x, y) as select a, b, c from t", Some("x y c")),
            ("as select * from t", None),
            ("as select t.*, a from t", None),
            ("as values (1, 2)", Some("column1 column2")),
            ("as select a from t union select b from t", Some("a")),
        ] {
            assert_eq!(view(text).0.as_deref(), columns, "{text}");
        }
        assert_eq!(
            view("as with c as (select * from s.u) select a from t join c using (a), lateral f(t.a)").1,
            ["s.u", "t"]
        );
        let Command::CreateTableAs { name, is_materialized_view: true, with_data: false, columns, .. } =
            command("create materialized view s.m (x) as select a, b from t with no data")
        else {
            panic!()
        };
        assert_eq!((name, columns), (n("s.m"), vec!["x".to_owned(), "b".to_owned()]));
        let text = "create temp table if not exists c as select * from t";
        let Command::CreateTableAs { is_materialized_view: false, if_not_exists: true, persistence, columns, .. } =
            command(text)
        else {
            panic!()
        };
        assert_eq!((persistence, columns), (Persistence::Temporary, vec![]));
        assert_eq!(dml("select a into s.x from t").into, Some(n("s.x")));
    }

    #[test]
    fn routines() {
        let made = |text: &str| match command(text) {
            Command::CreateFunction(made) => made,
            other => panic!("{text}: {other:?}"),
        };
        let f = made(
            "create or replace function s.f(a int, b text default 'x', out c int, inout d int) \
             language SQL stable strict \
             security definer set search_path = s as $$select 1$$",
        );
        assert_eq!((f.name, f.replace, f.is_procedure, f.language.as_str()), (n("s.f"), true, false, "sql"));
        let arguments: Vec<_> =
            f.arguments.iter().map(|(name, _, default)| (name.as_deref().unwrap(), *default)).collect();
        assert_eq!(arguments, [("a", false), ("b", true), ("d", false)]);
        assert_eq!(f.outputs.iter().map(|(name, _)| name.as_deref().unwrap()).collect::<Vec<_>>(), ["c", "d"]);
        assert!(f.is_strict && f.is_security_definer && f.has_settings && f.volatility == Volatility::Stable);
        assert_eq!((f.body.as_deref(), f.statements.statements.len()), (Some("select 1"), 1));
        let f = made("create function f() returns table (a int, b text) as 'select 1' language sql");
        assert!(f.returns.is_none() && f.outputs.len() == 2 && f.volatility == Volatility::Volatile);
        let f = made("create function f() returns int as 'lib', 'sym' language c");
        assert!(f.body.is_none() && f.statements == Body::default());
        let f = made("create function f(a int) returns int return a + g(1)");
        assert_eq!((f.language.as_str(), f.body, f.statements.statements.len()), ("sql", None, 1));
        let f = made("create procedure p()\nbegin atomic\n delete from a;\n insert into b values (1);\nend");
        let lines: Vec<_> = f.statements.statements.iter().map(|inner| (inner.command.tag(), inner.line)).collect();
        assert!(f.is_procedure);
        assert_eq!(lines, [("delete", 3), ("insert", 4)]);
        let f = made("create function f() returns setof int language sql as 'select 1'");
        assert!(f.returns.is_some_and(|returns| returns.is_set));
        let text = "create function f() returns int language sql as $x$\nselect 1$x$";
        let at = |text: &str| match with_parser(|| parse(text, 100)) {
            Parsed::Command(Command::CreateFunction(made)) => made.statements.position,
            Parsed::Command(Command::Do { body, .. }) => body.position,
            other => panic!("{other:?}"),
        };
        assert_eq!(at(text), Some(100 + text.find("\nselect").unwrap()));
        assert_eq!(at("create function f() returns int language sql as 'select 1'"), Some(100 + 49));
        assert_eq!(at("do $$begin end$$"), Some(105));
        assert_eq!(
            command("alter function s.f(int) immutable"),
            Command::AlterFunction { name: n("s.f"), volatility: Some(Volatility::Immutable) }
        );
        assert_eq!(
            command("alter procedure f() security definer"),
            Command::AlterFunction { name: n("f"), volatility: None }
        );
        assert_eq!(command("call s.p(1)"), Command::Call(n("s.p")));
    }

    #[test]
    fn other_objects() {
        assert_eq!(
            command(
                "create constraint trigger tr after insert or update of a on s.t from u \
                 for each row execute function s.f()"
            ),
            Command::CreateTrigger {
                name: "tr".to_owned(),
                table: n("s.t"),
                replace: false,
                function: n("s.f"),
                references: Some(n("u")),
                for_each_row: true,
                events: vec!["insert", "update"],
            }
        );
        let policy = |is_new| Command::Policy { name: "p".to_owned(), table: n("s.t"), is_new };
        let publication = |is_new, tables: &[&str], all_tables| Command::Publication {
            is_new,
            name: "p".to_owned(),
            tables: tables.iter().copied().map(n).collect(),
            all_tables,
            has_filter: tables.len() > 1,
        };
        let subscription = |no_transaction, words| Command::Subscription { no_transaction, words };
        let create = "create subscription s connection 'x' publication p";
        for (text, expected) in [
            ("create policy p on s.t using (true)", policy(true)),
            ("alter policy p on s.t using (false)", policy(false)),
            (
                "create rule r as on delete to s.t do nothing",
                Command::CreateRule { name: "r".to_owned(), table: n("s.t") },
            ),
            ("create statistics x on a, b from s.t", Command::CreateStatistics(vec![n("s.t")])),
            ("create extension if not exists e", Command::CreateExtension("e".to_owned())),
            ("alter extension e update", Command::AlterExtension("e".to_owned())),
            ("alter extension e add table t", Command::AlterExtension("e".to_owned())),
            ("create publication p for table a, s.b where (x > 1)", publication(true, &["a", "s.b"], false)),
            ("create publication p for all tables", publication(true, &[], true)),
            ("alter publication p add table a", publication(false, &["a"], false)),
            (create, subscription(true, "create subscription")),
            (&format!("{create} with (create_slot = false)"), subscription(false, "create subscription")),
            (&format!("{create} with (connect = false)"), subscription(false, "create subscription")),
            ("alter subscription s refresh publication", subscription(true, "alter subscription")),
            (
                "alter subscription s add publication p with (refresh = false)",
                subscription(false, "alter subscription"),
            ),
            ("alter subscription s set publication p", subscription(true, "alter subscription")),
            ("alter subscription s disable", subscription(false, "alter subscription")),
            ("drop subscription s", subscription(true, "drop subscription")),
            ("create database d", Command::OfServer("create database")),
            ("drop database d", Command::OfServer("drop database")),
            ("create tablespace t location '/x'", Command::OfServer("create tablespace")),
            ("drop tablespace t", Command::OfServer("drop tablespace")),
            ("alter system set x = 1", Command::OfServer("alter system")),
            ("alter database d set tablespace t", Command::OfServer("alter database set tablespace")),
            ("alter database d set x = 1", Command::Settings("alter database")),
            ("alter role r set x = 1", Command::Settings("alter role")),
            ("create role r", Command::Settings("create role")),
            ("show x", Command::Settings("show")),
            ("set constraints all deferred", Command::Settings("set constraints")),
            ("drop owned by x", Command::Other("drop owned by".to_owned())),
            ("-- c\n /* d */ security label on table t is 'x'", Command::Other("security label on".to_owned())),
        ] {
            assert_eq!(command(text), expected, "{text}");
        }
        let Command::CreateSchema { name, if_not_exists: false, elements } =
            command("create schema s create table t (a int) create view v as select a from t")
        else {
            panic!()
        };
        assert_eq!(
            (name.as_str(), elements.iter().map(Command::tag).collect::<Vec<_>>()),
            ("s", vec!["create table", "create view"])
        );
        assert!(matches!(command("create schema authorization r"), Command::CreateSchema { name, .. } if name == "r"));
        let Command::Explain { runs: true, command: explained } = command("explain (analyze, buffers) delete from t")
        else {
            panic!()
        };
        assert_eq!(explained.tag(), "delete");
        assert!(matches!(command("explain (analyze false) delete from t"), Command::Explain { runs: false, .. }));
        assert!(
            matches!(command("prepare p as delete from t"), Command::Prepare(command) if command.tag() == "delete")
        );
        assert!(
            matches!(command("declare c cursor for select * from t for update"), Command::Dml(dml) if dml.locks_rows)
        );
        for (text, table, is_from, is_stdin) in [
            ("copy s.t (a) from stdin", Some("s.t"), true, true),
            ("copy t from '/x'", Some("t"), true, false),
            ("copy t from program 'x'", Some("t"), true, false),
            ("copy (select a from u) to stdout", None, false, false),
        ] {
            let Command::Copy { table: found, is_from: from, is_stdin: stdin, reads } = command(text) else {
                panic!("{text}")
            };
            assert_eq!((found, from, stdin), (table.map(n), is_from, is_stdin), "{text}");
            assert_eq!(reads.relations.len(), usize::from(table.is_none()), "{text}");
        }
    }

    #[test]
    fn what_data_statements_read_and_write() {
        let d = dml("insert into s.t (a, b) values (1, 'x'), (2, f('y')) \
             on conflict (a) do update set b = excluded.b returning g(a)");
        assert_eq!(
            (d.kind, d.target, d.rows, d.columns),
            (DmlKind::Insert, Some(n("s.t")), Some(2), vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!((d.literals, d.reads.functions), (vec!["x".to_owned(), "y".to_owned()], vec![n("f"), n("g")]));
        assert_eq!(dml("insert into t default values").rows, Some(1));
        assert_eq!(dml("insert into t select a from u").rows, None);
        let d = dml(
            "with c as (select * from a), d as (delete from b where x = 1 returning *) update t set z = 1, y = h(2) \
                     from c, s.c as other where t.id in (select id from d join e on true) and t.x = 'k'",
        );
        assert_eq!((d.kind, d.target), (DmlKind::Update, Some(n("t"))));
        assert_eq!(d.writes, [(DmlKind::Delete, n("b"))]);
        assert_eq!(d.reads.relations, [n("a"), n("s.c"), n("e")]);
        assert_eq!(d.condition.unwrap().relations(), [&n("e")]);
        assert_eq!(
            (d.reads.functions, d.literals, d.columns),
            (vec![n("h")], vec!["k".to_owned()], vec!["z".to_owned(), "y".to_owned()])
        );
        // each sees those before it only, all of a recursive list
        assert_eq!(
            dml("with a as (select 1 from b), b as (select 1 from a) select 1 from a, b").reads.relations,
            [n("b")]
        );
        assert!(
            dml("with recursive a as (select 1 from b), b as (select 1 from a) select 1 from a")
                .reads
                .relations
                .is_empty()
        );
        assert_eq!(dml("select 1 from (with c as (select 1) select 1 from c) x, c").reads.relations, [n("c")]);
        let d = dml("merge into t using s.u on t.id = u.id when matched then update set a = 1 \
             when not matched then insert (b) values (f(1))");
        assert_eq!(
            (d.kind, d.target, d.reads.relations, d.reads.functions),
            (DmlKind::Merge, Some(n("t")), vec![n("s.u")], vec![n("f")])
        );
        assert_eq!(d.columns, ["a", "b"]);
        let d = dml("select a, row_number() over (partition by b order by f(c)) from t \
             tablesample system (g(1)) where exists (select 1 from u where x = any (select y from w)) for update");
        assert!(d.locks_rows);
        assert_eq!(d.reads.relations, [n("t"), n("u"), n("w")]);
        assert_eq!(d.reads.functions, [n("row_number"), n("f"), n("g")]);
        let d = dml("select json_value(a, '$.x' default f(1) on empty), xmlelement(name x, g(2)), (h(3)).b[i(4)] \
             from json_table(j(5), '$' columns (a int)) k");
        assert_eq!(d.reads.functions, ["f", "g", "h", "i", "j"].map(n));
        let many = format!("select {}", vec!["'x'"; 100].join(", "));
        assert_eq!(dml(&many).literals.len(), 64);
    }

    #[test]
    fn what_bounds_the_rows_of_a_statement() {
        let bounded = [
            "delete from t where id = 5",
            "delete from t where 5 = id",
            "delete from t where id = $1 and x is null",
            "delete from t where (a, b) = (1, 2)",
            "update t set a = 1 where id in (1, 2, 3)",
            "update t set a = 1 where id = any ($1)",
            "update t set a = 1 where id = any ('{1,2}'::int[])",
            "update t set a = 1 where id in (select id from t where a is null limit 1000)",
            "update t set a = 1 where ctid in (select ctid from t limit 10)",
            "update t set a = 1 where ctid = any (array(select ctid from t limit 10))",
            "update t set a = 1 where id = any (select id from t fetch first 10 rows only)",
            "update t set a = 1 where id between $1 and $2",
            "update t set a = 1 where id between 1 and 1 + 1000",
            "update t set a = 1 where id >= 1 and id < 1000",
            "update t set a = 1 where 1 <= id and 1000 > id",
            "update t set a = 1 where id = 1 or id in (2, 3)",
            "update t set a = 1 where current of c",
            "with b as (select id from t limit 10) update t set a = 1 from b where t.id = b.id",
            "with b as (select id from t limit 10) update t set a = 1 where id in (select id from b)",
            "update t set a = 1 from (select id from t limit 10) b where b.id = t.id",
            "delete from t using (values (1), (2)) v(id) where v.id = t.id",
            "insert into t values (1), (2)",
            "insert into t select 1",
            "insert into t select * from u limit 10",
            "insert into t select g from generate_series(1, 10) g",
            "insert into t select * from u where id between 1 and 5",
            "with d as (delete from t where id in (select id from t limit 10) returning *) \
             insert into u select * from d",
            "merge into t using (values (1)) v(id) on t.id = v.id when matched then delete",
            "select 1",
            "select * from t limit 10",
        ];
        for text in bounded {
            assert!(dml(text).is_bounded, "{text}");
        }
        let unbounded = [
            "delete from t",
            "delete from t where a is null",
            "update t set a = 1 where active = true",
            "update t set a = 1 where active = 'f'::boolean",
            "update t set a = 1 where id > 5",
            "update t set a = 1 where id > 5 and other < 6",
            "update t set a = 1 where created_at < now() - interval '1 year'",
            "update t set a = b where b = c",
            "update t set a = 1 where id = 1 or a is null",
            "update t set a = 1 where id in (select id from u)",
            "update t set a = 1 where id in (select id from u limit all)",
            "update t set a = 1 where not (id = 1)",
            "update t set a = 1 where id not in (1, 2)",
            "update t set a = 1 where id <> 5",
            "update t set a = 1 where 1 = 1",
            "update t set a = 1 from u where t.id = u.id",
            "update t set a = 1 from (select id from t limit 10) b",
            "update t set a = 1 where exists (select 1 from u where u.id = t.id limit 1)",
            "insert into t select * from u",
            "with d as (delete from t returning *) insert into u select * from d limit 5",
            "with d as (delete from t returning *) select * from d limit 5",
            "merge into t using u on t.id = u.id when matched then delete",
            "merge into t using (values (1)) v(id) on t.id = v.id when not matched by source then delete",
            "select * from t",
        ];
        for text in unbounded {
            assert!(!dml(text).is_bounded, "{text}");
        }
    }

    #[test]
    fn a_syntax_error_is_where_the_parser_stopped() {
        for (text, at) in [
            ("selec 1", "selec"),
            ("alter table t add column a int,, drop b", ", drop"),
            ("select 1 from t where a = (1 + ) and b = (2)", ") and"),
            ("create table t (a int, b int primary, c int)", ", c"),
            ("select a in (1) in (2) from in from t", "in from"),
            ("select * from a in", "in"),
            ("select 'a, b', a b c", "c"),
            ("select 1 /* x */ from from t -- from", "from t"),
            ("alter table a not like 'x'", "not"),
            ("create table t (a int", ""),
            ("select 'abc", "'abc"),
            ("select \"abc", "\"abc"),
            ("select $x$ abc", "$x$ abc"),
            ("select 1 /* abc", "/* abc"),
            ("select 123abc, 1", "123abc"),
            ("select 'é', 'ü' from from t", "from t"),
            ("select U&'\\zzzz'", ""),
        ] {
            let Parsed::SyntaxError { message, position } = with_parser(|| parse(text, 1000)) else { panic!("{text}") };
            let expected = if at.is_empty() { text.len() } else { text.rfind(at).unwrap() };
            if text.contains("U&") {
                assert!(message.contains("invalid Unicode escape"), "{message}");
                continue;
            }
            assert_eq!(position, Some(1000 + expected), "{text}: {message}");
        }
    }

    #[test]
    fn hostile_texts() {
        let outcome = |text: String| with_parser(move || parse(&text, 0));
        let deep = ["(", "not ", "- ", "case when true then ", "(select ", "f("];
        for word in deep {
            assert!(matches!(outcome(format!("select {}1", word.repeat(20_000))), Parsed::TooDeep), "{word}");
        }
        let closed = |open: &str, close: &str| outcome(format!("select {}1{}", open.repeat(3000), close.repeat(3000)));
        for (open, close) in [("(", ")"), ("f(", ")"), ("(select ", ")"), ("1 + (", ")"), ("array[", "]")] {
            assert!(matches!(closed(open, close), Parsed::TooDeep | Parsed::Command(_)), "{open}");
        }
        for chain in [" + 1", " || 'x'", " and true", " or b", "::int", " union select 1"] {
            let made = outcome(format!("select 1{}", chain.repeat(20_000)));
            assert!(matches!(made, Parsed::TooDeep | Parsed::Command(_)), "{chain}");
        }
        // what is built is shallow enough for a small stack
        let text = format!("alter table t alter a set default f(b){}", " || g(c)".repeat(1500));
        let Parsed::Command(Command::AlterTable { actions, .. }) = outcome(text) else { panic!() };
        let ActionKind::SetDefault(_, made) = &actions[0].kind else { panic!() };
        assert!(made.clone() == *made && made.sql().is_none());
        assert_eq!(made.columns(), ["b", "c"].map(str::to_owned).into());
        assert!(made.functions().contains(&&n("f")));
        let Parsed::SyntaxError { message, position } = outcome("select 1\0".to_owned()) else { panic!() };
        assert_eq!((message.as_str(), position), ("a NUL byte", Some(8)));
        assert!(matches!(outcome(format!("select '{}'", "x".repeat(1 << 20))), Parsed::Command(Command::Dml(_))));
        assert!(matches!(outcome(String::new()), Parsed::Command(Command::Other(words)) if words.is_empty()));
        assert!(matches!(outcome("-- only".to_owned()), Parsed::Command(Command::Other(_))));
        assert!(matches!(outcome("select 1; select 2".to_owned()), Parsed::Command(Command::Other(_))));
        let long = format!("select {} from from", "a, ".repeat(50_000));
        assert!(matches!(outcome(long), Parsed::SyntaxError { position: Some(_), .. }));
    }

    #[test]
    fn a_single_expression() {
        let sql = |body: &str| with_parser(|| single_select_expression(body)).and_then(|made| made.sql());
        assert_eq!(sql("select now();").as_deref(), Some("now()"));
        assert_eq!(sql(" select a + 1 as x ").as_deref(), Some("a + 1"));
        for body in [
            "select 1, 2",
            "select a from t",
            "select 1 limit 1",
            "values (1)",
            "select *",
            "select 1; select 2",
            "delete from t",
            "",
            "selec",
        ] {
            assert_eq!(sql(body), None, "{body}");
        }
        assert_eq!(
            with_parser(|| parse_expression("a > 0 -- c")).and_then(|made| made.sql()).as_deref(),
            Some("a > 0")
        );
        assert_eq!(with_parser(|| parse_expression("a) from (b")), None);
    }
}
