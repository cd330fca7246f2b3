//! A statement's text into a command: the only place that sees the parser's tree, with the files of its folder.
//!
//! The tree is as deep as the statement nests, and so is decoding it, walking it and dropping it: all of that is done
//! within [`with_parser`], whose stack is deep enough for whatever the parser itself accepts.

#[path = "statement/data.rs"]
mod data;
#[path = "statement/expressions.rs"]
mod expressions;
#[path = "statement/fault.rs"]
mod fault;
#[path = "statement/names.rs"]
mod names;
#[path = "statement/objects.rs"]
mod objects;
#[path = "statement/reads.rs"]
mod reads;
#[path = "statement/tables.rs"]
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

/// The expression of a body that is one select of one expression and no more: what PostgreSQL may put in place of a call.
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
    let words = text.split_ascii_whitespace().take(3).map_while(|word| {
        word.chars().all(|c| c.is_ascii_alphabetic()).then(|| word.to_ascii_lowercase())
    });
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
