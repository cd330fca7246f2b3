//! The demo's server: a small shop with planted problems, and a short real workload over it. The only place that writes,
//! and it writes to a server of its own.

use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

static SCHEMA: &str = include_str!("../sql/demo/schema.sql");
static BROKEN: &str = include_str!("../sql/demo/broken.sql");
static WORKLOAD: &str = include_str!("../sql/demo/workload.sql");

/// The `log_line_prefix` of the demo's server: Debian's, the commonest there is, with the query id, which joins the log to
/// `pg_stat_statements`.
pub const LOG_LINE_PREFIX: &str = "%m [%p] %q%u@%d %Q ";

/// What makes its log one that `pgassay logs` can read anything from, beside what the schema sets for the roles of the
/// application. It goes to standard error: every major writes that, no collector has to run, and it is what most logs
/// look like.
pub const LOGGING: &[(&str, &str)] = &[
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
    ("log_line_prefix", LOG_LINE_PREFIX),
    ("log_connections", "on"),
    ("log_disconnections", "on"),
    ("log_lock_waits", "on"),
    ("log_temp_files", "0"),
    ("log_checkpoints", "on"),
];

/// What the demo's own statements can end in.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The throw-away server refused something it should not.
    #[error("the demo's server refused: {0}")]
    Server(#[from] tokio_postgres::Error),
    /// The demo's SQL does not split into statements: a fault of the program.
    #[error("the demo's SQL cannot be split into statements: {0}")]
    Split(#[from] pg_query::Error),
}

/// A session of the demo's application.
pub struct Session {
    client: Client,
    // ends with the client
    _connection: tokio::task::JoinHandle<()>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

/// Connects to the demo's server, as an application would.
///
/// # Errors
/// The server refused.
pub async fn connect(url: &str, application: &str) -> Result<Session, DemoError> {
    let mut config: Config = url.parse()?;
    config.application_name(application);
    let (client, connection) = config.connect(NoTls).await?;
    let connection = tokio::spawn(async move {
        // an error here is the error of the statement that ran
        drop(connection.await);
    });
    Ok(Session { client, _connection: connection })
}

impl Session {
    /// Runs one statement by the simple protocol.
    ///
    /// # Errors
    /// The server refused.
    pub async fn execute(&self, sql: &str) -> Result<(), DemoError> {
        Ok(self.client.batch_execute(sql).await?)
    }
}

/// Makes the shop in an empty database.
///
/// # Errors
/// The server refused a statement.
pub async fn populate(url: &str, grants: &str) -> Result<(), DemoError> {
    let session = connect(url, "shop-setup").await?;
    for statement in pg_query::split_with_parser(SCHEMA)?.into_iter().chain(pg_query::split_with_parser(grants)?) {
        session.execute(statement).await?;
    }
    for statement in pg_query::split_with_parser(BROKEN)? {
        // the failing build is what leaves the invalid index
        drop(session.execute(statement).await);
    }
    Ok(())
}

/// Runs the shop's requests: pages, each a transaction with a query for each order on it, a slow report, a search, and a
/// batch that connects anew for every statement.
///
/// # Errors
/// The server refused a statement.
pub async fn workload(app_url: &str, batch_url: &str) -> Result<(), DemoError> {
    let mut statements = WORKLOAD.lines().filter(|line| !line.starts_with("--"));
    let mut next = || statements.next().unwrap_or("select 1");
    let (page, item, report, search) = (next(), next(), next(), next());
    let pages = async {
        let session = connect(app_url, "shop-web").await?;
        let (page, item) = (session.client.prepare(page).await?, session.client.prepare(item).await?);
        for request in 0..120_i64 {
            session.execute("begin").await?;
            // the N+1: a page of orders, and then a query for each of them
            for order in session.client.query(&page, &[&(1 + request * 7 % 4000)]).await? {
                session.client.query(&item, &[&order.get::<_, i64>(0)]).await?;
            }
            session.execute("commit").await?;
        }
        Ok::<_, DemoError>(())
    };
    let reports = futures_util::future::try_join_all((0..30).map(|_| async {
        let session = connect(app_url, "shop-report").await?;
        for _ in 0..12 {
            session.client.query(report, &[]).await?;
        }
        Ok::<_, DemoError>(())
    }));
    let searches = async {
        let session = connect(app_url, "shop-search").await?;
        let search = session.client.prepare(search).await?;
        for key in 0..60 {
            session.client.query(&search, &[&key.to_string()]).await?;
        }
        Ok::<_, DemoError>(())
    };
    let batch = async {
        for _ in 0..150 {
            let session = connect(batch_url, "shop-batch").await?;
            match session.client.query("select count(*) from countries", &[]).await {
                // its own timeout of 30 ms, one of the planted problems, strikes on a busy machine
                Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => {}
                result => drop(result?),
            }
        }
        Ok::<_, DemoError>(())
    };
    tokio::try_join!(pages, reports, searches, batch)?;
    Ok(())
}

/// Sessions that stand in the way while the audit looks: one idle in its transaction with a row locked, one that waits for
/// that row.
///
/// # Errors
/// The server refused a statement.
pub async fn obstruct(app_url: &str) -> Result<Vec<Session>, DemoError> {
    let idle = connect(app_url, "shop-web").await?;
    idle.execute("begin").await?;
    idle.execute("update products set price = price where id = 1").await?;
    let waiting = connect(app_url, "shop-web").await?;
    let blocked = waiting.client.batch_execute("update products set price = price + 1 where id = 1");
    // it never returns while the other holds the row; asking is enough
    drop(tokio::time::timeout(Duration::from_millis(50), blocked).await);
    Ok(vec![idle, waiting])
}
