//! Where to connect and how, as libpq resolves it.
//!
//! Precedence is libpq's: the connection string, then the service, then the environment, then defaults. What this program
//! cannot honour is refused by name, never ignored, where ignoring it would connect with less protection than was asked
//! for (`require_auth`, `requirepeer`, `gssencmode=require`); what has no effect on an audit is accepted
//! (`krbsrvname`, `sslcompression`, `client_encoding`: results are always UTF-8).

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::conninfo;
use super::environment::Environment;
use super::files::{self, PassEntry};
use super::secret::Secret;

/// How long one host may take when `connect_timeout` is not given. libpq would wait for ever, which a nightly run must
/// not; `connect_timeout=0` still does.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// libpq's shortest limit: a second that has almost passed must not count as one.
const SHORTEST_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The socket directories of the usual builds, most usual first.
const SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];
const DEFAULT_PORT: u16 = 5432;

/// A connection string or its files that cannot be used: the user's mistake, exit code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A whole address stands where a name belongs. It is not repeated: it may hold a password.
    #[error(
        "a connection string was given that is neither a URI (postgresql://…) nor key=value pairs separated by spaces: \
         check how it begins and how its parts are separated"
    )]
    Misread,
    /// A zero byte, which no parameter may hold.
    #[error("the connection string contains a zero byte")]
    ZeroByte,
    /// A word without a value.
    #[error("the connection string lacks \"=\" after the word at character {position}: quote a value that has blanks")]
    MissingEquals {
        /// Where the word begins, from 1.
        position: usize,
    },
    /// A quote that is not closed.
    #[error("the connection string has a quote at character {position} that is not closed")]
    UnterminatedQuote {
        /// Where the quote is, from 1.
        position: usize,
    },
    /// A parameter libpq does not know.
    #[error("\"{name}\" is not a connection parameter: see \"Parameter Key Words\" in PostgreSQL's manual")]
    UnknownParameter {
        /// Its name.
        name: String,
    },
    /// The same, where the name may be a piece of a password.
    #[error(
        "the connection string has an unknown parameter (at {position}): quote a value that has blanks, percent-encode it in a URI"
    )]
    UnknownParameterAt {
        /// Character of a string or number of a query parameter, from 1.
        position: usize,
    },
    /// `%` without two hexadecimal digits.
    #[error("the URI has a \"%\" without two hexadecimal digits after it: write %25 for a percent sign")]
    BadPercent,
    /// Percent-encoded bytes that are no text.
    #[error("the URI has percent-encoded bytes that are not UTF-8")]
    NotUtf8,
    /// `[` without `]`.
    #[error("the URI has an IPv6 address without the closing \"]\"")]
    UnclosedBracket,
    /// `[]`.
    #[error("the URI has an empty IPv6 address")]
    EmptyBracket,
    /// Something after `]`.
    #[error("the URI has something other than \":\", \"/\", \"?\" or \",\" after an IPv6 address's \"]\"")]
    AfterBracket,
    /// `@` where a database's name is: almost surely a password with a slash in it.
    #[error(
        "the URI has \"@\" after a \"/\": percent-encode the password (/ is %2F, @ is %40), or the database's name"
    )]
    UnencodedAt,
    /// A query parameter without exactly one `=`.
    #[error("query parameter {number} of the URI does not have exactly one \"=\": write %3D for one in a value")]
    QueryEquals {
        /// Which, from 1.
        number: usize,
    },
    /// A service that no file defines.
    #[error(
        "service \"{name}\" is not defined in {}",
        if searched.is_empty() {
            "any file: there is no ~/.pg_service.conf, set PGSERVICEFILE".to_owned()
        } else {
            searched.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or ")
        }
    )]
    ServiceNotFound {
        /// The service.
        name: String,
        /// The files that exist.
        searched: Vec<PathBuf>,
    },
    /// A service file that cannot be read or understood.
    #[error("service file \"{}\": {reason}", path.display())]
    ServiceFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, without values.
        reason: String,
    },
    /// A value outside its closed list.
    #[error("\"{value}\" is not a value of {name}: use {allowed}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// What was given; never a secret, no such parameter has one.
        value: String,
        /// What may be given.
        allowed: &'static str,
    },
    /// A port that is none.
    #[error("port {number} of the list is not a number from 1 to 65535")]
    Port {
        /// Which, from 1.
        number: usize,
    },
    /// An address that is a name.
    #[error("hostaddr \"{address}\" is not an IP address: put a name into host")]
    HostAddress {
        /// What was given.
        address: String,
    },
    /// Lists that do not belong together.
    #[error("{left} {left_name} do not go with {right} {right_name}: give one for each host")]
    Counts {
        /// Length of the first list.
        left: usize,
        /// What the first list is.
        left_name: &'static str,
        /// Length of the second list.
        right: usize,
        /// What the second list is.
        right_name: &'static str,
    },
    /// Two parameters that exclude each other.
    #[error("{0}")]
    Contradiction(&'static str),
    /// A parameter of libpq that this program cannot honour.
    #[error("{name} is not supported by pgassay: {instead}")]
    Unsupported {
        /// The parameter.
        name: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// Nobody to connect as.
    #[error("no user name: give user=… or set PGUSER")]
    NoUser,
}

macro_rules! choices {
    ($(#[$meta:meta])* $name:ident for $parameter:literal { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            fn parse(value: &str) -> Result<Self, TargetError> {
                match value {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(TargetError::Value {
                        name: $parameter,
                        value: value.to_owned(),
                        allowed: choices!(@list $($text)+),
                    }),
                }
            }

            /// The value as it is written in a connection string.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }
    };
    (@list $first:literal $($rest:literal)*) => { concat!($first $(, ", ", $rest)*) };
}

choices! {
    /// How much protection the connection must have, weakest first.
    SslMode for "sslmode" {
        /// Never TLS.
        Disable = "disable",
        /// TLS only if the server insists.
        Allow = "allow",
        /// TLS if the server can.
        Prefer = "prefer",
        /// TLS, with whatever certificate, unless there is a root certificate to check it with.
        Require = "require",
        /// TLS with a certificate that a trusted authority signed.
        VerifyCa = "verify-ca",
        /// The same, and the certificate names the host.
        VerifyFull = "verify-full",
    }
}
choices! {
    /// How TLS begins.
    SslNegotiation for "sslnegotiation" {
        /// PostgreSQL asks first, in its own protocol.
        Postgres = "postgres",
        /// TLS from the first byte; needs PostgreSQL 17.
        Direct = "direct",
    }
}
choices! {
    /// Whether the client certificate is sent.
    SslCertMode for "sslcertmode" {
        /// Never.
        Disable = "disable",
        /// When there is one and the server asks.
        Allow = "allow",
        /// The server must ask, and there must be one.
        Require = "require",
    }
}
choices! {
    /// Whether the password exchange is tied to the TLS connection.
    ChannelBinding for "channel_binding" {
        /// Never.
        Disable = "disable",
        /// Where both sides can.
        Prefer = "prefer",
        /// Or no connection.
        Require = "require",
    }
}
choices! {
    /// Which of several servers is acceptable.
    TargetSessionAttrs for "target_session_attrs" {
        /// Every one.
        Any = "any",
        /// One that accepts writes by default.
        ReadWrite = "read-write",
        /// One that does not accept writes by default.
        ReadOnly = "read-only",
        /// One that is not in recovery.
        Primary = "primary",
        /// One that is in recovery.
        Standby = "standby",
        /// A standby, or else any.
        PreferStandby = "prefer-standby",
    }
}
choices! {
    /// The versions of TLS there are, and that rustls speaks two of.
    TlsVersion for "ssl_min_protocol_version or ssl_max_protocol_version" {
        /// 1.0
        V1_0 = "TLSv1",
        /// 1.1
        V1_1 = "TLSv1.1",
        /// 1.2
        V1_2 = "TLSv1.2",
        /// 1.3
        V1_3 = "TLSv1.3",
    }
}

/// One entry of the host list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Where the server listens.
    pub address: Address,
    /// Its port, or the number in its socket's name.
    pub port: u16,
    /// What a password file calls it.
    passfile_name: String,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Tcp {
        /// The host as given, which is also what a certificate must name; `None` where only `hostaddr` was given.
        name: Option<String>,
        /// The address, where it is not to be looked up.
        address: Option<IpAddr>,
    },
    /// A socket in this directory (`@…` in Linux's abstract namespace).
    Socket(PathBuf),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Tcp { name: Some(name), .. } if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            Address::Tcp { name: Some(name), .. } => write!(f, "{name}:{}", self.port),
            Address::Tcp { address: Some(IpAddr::V6(address)), .. } => write!(f, "[{address}]:{}", self.port),
            Address::Tcp { address: Some(address), .. } => write!(f, "{address}:{}", self.port),
            Address::Tcp { .. } => write!(f, "localhost:{}", self.port),
            Address::Socket(directory) => write!(f, "{}:{}", directory.display(), self.port),
        }
    }
}

/// The authorities a server's certificate is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootCert {
    /// `~/.postgresql/root.crt`, if it is there. `None` where there is no home directory.
    Default(Option<PathBuf>),
    /// A file the user named.
    File(PathBuf),
    /// What the operating system trusts.
    System,
}

/// A file that is used when it is there, or one that the user named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFile {
    /// Where it is; `None` where there is no home directory for the default.
    pub path: Option<PathBuf>,
    /// Whether the user named it.
    pub named: bool,
}

/// The TLS half of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// How much protection.
    pub mode: SslMode,
    /// How it begins.
    pub negotiation: SslNegotiation,
    /// Whom to trust.
    pub root: RootCert,
    /// The client certificate, default `~/.postgresql/postgresql.crt`.
    pub certificate: TlsFile,
    /// Its key, default `~/.postgresql/postgresql.key`.
    pub key: TlsFile,
    /// Whether to send it.
    pub certificate_mode: SslCertMode,
    /// Revoked certificates, default `~/.postgresql/root.crl`.
    pub revoked: TlsFile,
    /// A directory of such files.
    pub revoked_directory: Option<PathBuf>,
    /// Whether the host's name is sent in the clear for proxies.
    pub sni: bool,
    /// The lowest version.
    pub minimum: Option<TlsVersion>,
    /// The highest version.
    pub maximum: Option<TlsVersion>,
}

/// A server (or several of which one is wanted), a database and a user: all that connecting needs.
///
/// `Debug` shows no password. See [`Target::describe`] for people.
#[derive(Debug, Clone)]
pub struct Target {
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    database: String,
    password: Option<Secret>,
    passfile: Vec<PassEntry>,
    pub(super) tls: TlsSettings,
    pub(super) channel_binding: ChannelBinding,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) target_session_attrs: TargetSessionAttrs,
    pub(super) shuffle_hosts: bool,
    pub(super) keepalives: bool,
    pub(super) options: Option<String>,
    pub(super) application_name: String,
    service: Option<String>,
    warnings: Vec<String>,
    /// Who hears what the server says beside its answers; nobody, but for a trace.
    pub(super) notices: Option<tokio::sync::mpsc::UnboundedSender<String>>,
}

/// The parameters as text, before they are understood.
struct Settings(BTreeMap<&'static str, String>);

impl Settings {
    fn get(&self, name: &'static str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A value that is not empty, where libpq takes an empty one for none.
    fn filled(&self, name: &'static str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    fn add(&mut self, name: &'static str, value: String) {
        self.0.entry(name).or_insert(value);
    }

    /// A number with blanks around it, as libpq reads numbers.
    fn number(&self, name: &'static str) -> Result<Option<i32>, TargetError> {
        self.get(name)
            .map(|value| {
                value.trim().parse().map_err(|_| TargetError::Value {
                    name,
                    value: value.to_owned(),
                    allowed: "a whole number",
                })
            })
            .transpose()
    }

    /// `1` or `0`.
    fn switch(&self, name: &'static str, default: bool) -> Result<bool, TargetError> {
        match self.filled(name) {
            None => Ok(default),
            Some("1") => Ok(true),
            Some("0") => Ok(false),
            Some(value) => Err(TargetError::Value { name, value: value.to_owned(), allowed: "1 or 0" }),
        }
    }

    fn choice<T>(
        &self,
        name: &'static str,
        parse: fn(&str) -> Result<T, TargetError>,
    ) -> Result<Option<T>, TargetError> {
        self.get(name).map(parse).transpose()
    }
}

impl Target {
    /// Resolves a connection string: a URI, `key=value` words, a database's name, or nothing at all.
    ///
    /// # Errors
    /// The string, a variable, the service or its file cannot be understood, or asks for something this program cannot
    /// honour. Nothing is connected to yet, and no name looked up.
    pub fn resolve(conninfo: Option<&str>, environment: &Environment) -> Result<Self, TargetError> {
        let mut settings = Settings(BTreeMap::new());
        for (name, value) in conninfo::parse(conninfo.unwrap_or_default())? {
            settings.0.insert(name, value);
        }
        let service = settings.get("service").or_else(|| environment.variable("PGSERVICE")).map(str::to_owned);
        let service = service.filter(|service| !service.is_empty());
        if let Some(service) = &service {
            for (name, value) in files::service(service, settings.filled("servicefile"), environment)? {
                settings.add(name, value);
            }
        }
        for (name, variable) in conninfo::variables() {
            if let Some(value) = environment.variable(variable) {
                settings.add(name, value.to_owned());
            }
        }
        if environment.variable("PGREQUIRESSL").is_some_and(|value| value.starts_with('1')) {
            settings.add("sslmode", SslMode::Require.as_str().to_owned());
        }
        Self::from_settings(&settings, service, environment)
    }

    fn from_settings(
        settings: &Settings,
        service: Option<String>,
        environment: &Environment,
    ) -> Result<Self, TargetError> {
        refuse_unsupported(settings)?;
        let user = match settings.filled("user").or_else(|| environment.user()) {
            Some(user) => user.to_owned(),
            None => return Err(TargetError::NoUser),
        };
        let database = settings.filled("dbname").unwrap_or(&user).to_owned();
        // a mistyped address would be sent to the server as a name, password and all, and end in its log
        let misread = database.contains("://") || database.split_once('@').is_some_and(|(user, _)| user.contains(':'));
        if misread
            || settings
                .filled("host")
                .is_some_and(|host| !host.starts_with(['/', '@']) && host.contains(['@', ';', '=']))
        {
            return Err(TargetError::Misread);
        }
        let password = settings.filled("password").map(Secret::new);
        let mut warnings = Vec::new();
        let passfile = match (&password, settings.filled("passfile")) {
            (Some(_), _) => Vec::new(),
            (None, Some(path)) => files::read_passfile(Path::new(path), environment, &mut warnings),
            (None, None) => environment
                .home()
                .map(|home| files::read_passfile(&home.join(".pgpass"), environment, &mut warnings))
                .unwrap_or_default(),
        };
        let channel_binding =
            settings.choice("channel_binding", ChannelBinding::parse)?.unwrap_or(ChannelBinding::Prefer);
        Ok(Self {
            hosts: hosts(settings, environment)?,
            user,
            database,
            password,
            passfile,
            tls: tls_settings(settings, environment)?,
            channel_binding,
            connect_timeout: connect_timeout(settings)?,
            target_session_attrs: settings
                .choice("target_session_attrs", TargetSessionAttrs::parse)?
                .unwrap_or(TargetSessionAttrs::Any),
            shuffle_hosts: match settings.get("load_balance_hosts") {
                None | Some("disable") => false,
                Some("random") => true,
                Some(value) => {
                    return Err(TargetError::Value {
                        name: "load_balance_hosts",
                        value: value.to_owned(),
                        allowed: "disable, random",
                    });
                }
            },
            keepalives: settings.number("keepalives")?.is_none_or(|value| value != 0),
            options: settings.filled("options").map(str::to_owned),
            application_name: settings
                .filled("application_name")
                .or_else(|| settings.filled("fallback_application_name"))
                .unwrap_or(concat!("pgassay/", env!("CARGO_PKG_VERSION")))
                .to_owned(),
            service,
            warnings,
            notices: None,
        })
    }

    /// The same server and user with another database. A password file is asked again, for it may tell databases apart.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        Self { database: name.to_owned(), ..self.clone() }
    }

    /// `host:port/database as user`, with every host; never a password.
    #[must_use]
    pub fn describe(&self) -> String {
        let hosts: Vec<_> = self.hosts.iter().map(ToString::to_string).collect();
        format!("{}/{} as {}", hosts.join(","), self.database, self.user)
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The hosts, in the order given.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The TLS settings.
    #[must_use]
    pub fn tls(&self) -> &TlsSettings {
        &self.tls
    }

    /// The name this program's sessions have in `pg_stat_activity`: the user's choice, else `pgassay/` and the version.
    #[must_use]
    pub fn application_name(&self) -> &str {
        &self.application_name
    }

    /// The service the parameters came from.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    /// What the user should hear although it is no error: a password file that had to be ignored.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The password for one host: the given one, else the password file's.
    pub(super) fn password(&self, host: &Host) -> Option<&Secret> {
        self.password.as_ref().or_else(|| {
            files::find_password(&self.passfile, &host.passfile_name, host.port, &self.database, &self.user)
                .filter(|password| !password.is_empty())
        })
    }
}

/// Refuses what cannot be honoured.
fn refuse_unsupported(settings: &Settings) -> Result<(), TargetError> {
    let refuse = |name, instead| Err(TargetError::Unsupported { name, instead });
    if settings.filled("require_auth").is_some() {
        return refuse("require_auth", "unset it, or use sslmode=verify-full with channel_binding=require");
    }
    if settings.filled("requirepeer").is_some() {
        return refuse("requirepeer", "unset it, or connect by TCP with sslmode=verify-full");
    }
    match settings.get("gssencmode") {
        None | Some("disable" | "prefer") => {}
        Some("require") => {
            return refuse("gssencmode=require", "use sslmode=verify-full for encryption");
        }
        Some(value) => {
            return Err(TargetError::Value { name: "gssencmode", value: value.to_owned(), allowed: "disable, prefer" });
        }
    }
    if settings.filled("replication").is_some_and(|value| !matches!(value, "0" | "off" | "false" | "no")) {
        return refuse("replication", "an audit needs an ordinary connection, leave it out");
    }
    for name in ["scram_client_key", "scram_server_key"] {
        if settings.filled(name).is_some() {
            return refuse(name, "give the password");
        }
    }
    for name in ["oauth_issuer", "oauth_client_id", "oauth_client_secret", "oauth_scope"] {
        if settings.filled(name).is_some() {
            return refuse(name, "use a password or a client certificate");
        }
    }
    if settings.filled("sslkeylogfile").is_some() {
        return refuse("sslkeylogfile", "leave it out");
    }
    if settings.get("min_protocol_version").is_some_and(|value| !matches!(value, "" | "3.0")) {
        return refuse("min_protocol_version above 3.0", "leave it out");
    }
    Ok(())
}

/// `connect_timeout` in seconds: none or zero or less is no limit, and one second is too short.
fn connect_timeout(settings: &Settings) -> Result<Option<Duration>, TargetError> {
    Ok(match settings.number("connect_timeout")? {
        None => Some(DEFAULT_CONNECT_TIMEOUT),
        Some(seconds) => u64::try_from(seconds)
            .ok()
            .filter(|seconds| *seconds > 0)
            .map(|seconds| Duration::from_secs(seconds).max(SHORTEST_CONNECT_TIMEOUT)),
    })
}

/// The host list: names, addresses and ports belong together by position.
fn hosts(settings: &Settings, environment: &Environment) -> Result<Vec<Host>, TargetError> {
    fn list<'a>(settings: &'a Settings, name: &'static str) -> Vec<&'a str> {
        settings.filled(name).map(|text| text.split(',').collect()).unwrap_or_default()
    }
    let (names, addresses, ports) = (list(settings, "host"), list(settings, "hostaddr"), list(settings, "port"));
    if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
        return Err(TargetError::Counts {
            left: names.len(),
            left_name: "hosts",
            right: addresses.len(),
            right_name: "addresses",
        });
    }
    let count = names.len().max(addresses.len()).max(1);
    if ports.len() > 1 && ports.len() != count {
        return Err(TargetError::Counts { left: ports.len(), left_name: "ports", right: count, right_name: "hosts" });
    }
    (0..count)
        .map(|index| {
            let name = names.get(index).copied().unwrap_or_default();
            let address = addresses.get(index).copied().unwrap_or_default();
            // one port is for all
            let (number, port) =
                if ports.len() > 1 { (index + 1, ports[index]) } else { (1, ports.first().copied().unwrap_or("")) };
            let port = match port.trim() {
                "" => DEFAULT_PORT,
                text => text.parse().ok().filter(|port| *port > 0).ok_or(TargetError::Port { number })?,
            };
            host(name, address, port, environment)
        })
        .collect()
}

fn host(name: &str, address: &str, port: u16, environment: &Environment) -> Result<Host, TargetError> {
    if !address.is_empty() {
        let parsed: IpAddr = address.parse().map_err(|_| TargetError::HostAddress { address: address.to_owned() })?;
        let name = Some(name).filter(|name| !name.is_empty());
        return Ok(Host {
            passfile_name: name.unwrap_or(address).to_owned(),
            address: Address::Tcp { name: name.map(str::to_owned), address: Some(parsed) },
            port,
        });
    }
    if name.is_empty() {
        return Ok(Host {
            address: Address::Socket(default_socket_directory(port, environment)),
            port,
            passfile_name: "localhost".to_owned(),
        });
    }
    if name.starts_with(['/', '@']) {
        // a socket where the server puts it by default is "localhost" to a password file
        let default = SOCKET_DIRECTORIES.contains(&name.trim_end_matches('/')) || name == "/run/postgresql";
        return Ok(Host {
            address: Address::Socket(PathBuf::from(name)),
            port,
            passfile_name: if default { "localhost".to_owned() } else { name.to_owned() },
        });
    }
    Ok(Host {
        // a literal address is not to be looked up
        address: Address::Tcp { name: Some(name.to_owned()), address: name.parse().ok() },
        port,
        passfile_name: name.to_owned(),
    })
}

/// The directory with a socket of this port, else the first that exists, else the first.
fn default_socket_directory(port: u16, environment: &Environment) -> PathBuf {
    let with_socket = SOCKET_DIRECTORIES
        .iter()
        .find(|directory| environment.stat(&Path::new(directory).join(format!(".s.PGSQL.{port}"))).is_some());
    let directory = with_socket
        .or_else(|| SOCKET_DIRECTORIES.iter().find(|directory| environment.stat(Path::new(directory)).is_some()))
        .unwrap_or(&SOCKET_DIRECTORIES[0]);
    PathBuf::from(directory)
}

fn tls_settings(settings: &Settings, environment: &Environment) -> Result<TlsSettings, TargetError> {
    let default = |name: &str| environment.home().map(|home| home.join(".postgresql").join(name));
    let file = |parameter: &'static str, name: &str| match settings.filled(parameter) {
        Some(path) => TlsFile { path: Some(PathBuf::from(path)), named: true },
        None => TlsFile { path: default(name), named: false },
    };
    let root = match settings.filled("sslrootcert") {
        Some("system") => RootCert::System,
        Some(path) => RootCert::File(PathBuf::from(path)),
        None => RootCert::Default(default("root.crt")),
    };
    let given = settings.choice("sslmode", SslMode::parse)?;
    let mode = match (&root, given) {
        (RootCert::System, None) => SslMode::VerifyFull,
        (RootCert::System, Some(mode)) if mode != SslMode::VerifyFull => {
            return Err(TargetError::Contradiction(
                "sslrootcert=system trusts every public authority, so it needs sslmode=verify-full",
            ));
        }
        (_, mode) => mode.unwrap_or(SslMode::Prefer),
    };
    let negotiation = settings.choice("sslnegotiation", SslNegotiation::parse)?.unwrap_or(SslNegotiation::Postgres);
    if negotiation == SslNegotiation::Direct && mode < SslMode::Require {
        return Err(TargetError::Contradiction(
            "sslnegotiation=direct cannot fall back, so it needs sslmode=require, verify-ca or verify-full",
        ));
    }
    let version = |name: &'static str| match settings.filled(name) {
        None => Ok(None),
        Some(text) => TlsVersion::parse(text).map(Some),
    };
    let (minimum, maximum) = (version("ssl_min_protocol_version")?, version("ssl_max_protocol_version")?);
    if maximum.is_some_and(|maximum| maximum < TlsVersion::V1_2) {
        return Err(TargetError::Unsupported {
            name: "ssl_max_protocol_version below TLSv1.2",
            instead: "use TLSv1.2 or TLSv1.3",
        });
    }
    if minimum.zip(maximum).is_some_and(|(minimum, maximum)| minimum > maximum) {
        return Err(TargetError::Contradiction("ssl_min_protocol_version is above ssl_max_protocol_version"));
    }
    Ok(TlsSettings {
        mode,
        negotiation,
        root,
        certificate: file("sslcert", "postgresql.crt"),
        key: file("sslkey", "postgresql.key"),
        certificate_mode: settings.choice("sslcertmode", SslCertMode::parse)?.unwrap_or(SslCertMode::Allow),
        revoked: file("sslcrl", "root.crl"),
        revoked_directory: settings.filled("sslcrldir").map(PathBuf::from),
        sni: settings.switch("sslsni", true)?,
        minimum,
        maximum,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn environment() -> Environment {
        Environment::empty().with_user("ada").with_home("/home/ada")
    }

    fn resolve(text: &str) -> Target {
        Target::resolve(Some(text), &environment()).unwrap()
    }

    fn refused(text: &str) -> String {
        Target::resolve(Some(text), &environment()).unwrap_err().to_string()
    }

    #[test]
    fn nothing_is_the_local_socket() {
        let target = Target::resolve(None, &environment()).unwrap();
        assert_eq!(target.describe(), "/var/run/postgresql:5432/ada as ada");
        assert_eq!(target.tls.mode, SslMode::Prefer);
        assert!(target.application_name().starts_with("pgassay/"));
        let environment = environment().with_file("/tmp/.s.PGSQL.5433", 0o777, "");
        assert_eq!(Target::resolve(Some("port=5433"), &environment).unwrap().describe(), "/tmp:5433/ada as ada");
    }

    #[test]
    fn the_database_is_the_users_unless_given() {
        assert_eq!(resolve("user=bob").database(), "bob");
        assert_eq!(resolve("user=bob dbname=shop").database(), "shop");
        assert_eq!(resolve("shop").database(), "shop");
        assert_eq!(resolve("postgresql://bob@h").describe(), "h:5432/bob as bob");
        assert_eq!(Target::resolve(None, &Environment::empty()).unwrap_err(), TargetError::NoUser);
    }

    #[test]
    fn several_hosts() {
        assert_eq!(resolve("postgresql://a,b:2,[::1]/d").describe(), "a:5432,b:2,[::1]:5432/d as ada");
        assert_eq!(resolve("host=a,b port=7").describe(), "a:7,b:7/ada as ada");
        assert_eq!(resolve("host=a, port=7,8").describe(), "a:7,/var/run/postgresql:8/ada as ada");
        assert_eq!(resolve("hostaddr=10.0.0.1,::1 port=,9").describe(), "10.0.0.1:5432,[::1]:9/ada as ada");
        assert!(refused("host=a,b port=1,2,3").contains("3 ports"));
        assert!(refused("host=a,b hostaddr=10.0.0.1").contains("1 addresses"));
        assert!(refused("hostaddr=name").contains("not an IP address"));
        for port in ["0", "65536", "x", "-1", "5432x"] {
            assert!(refused(&format!("host=h port={port}")).contains("1 to 65535"), "{port}");
        }
    }

    #[test]
    fn sockets() {
        assert_eq!(resolve("postgresql:///db?host=/sock").hosts()[0].address, Address::Socket("/sock".into()));
        assert_eq!(resolve("host=@name").hosts()[0].address, Address::Socket("@name".into()));
        assert_eq!(resolve("postgresql://%2Fsock/db").describe(), "/sock:5432/db as ada");
    }

    #[test]
    fn precedence() {
        let environment = environment()
            .with_variable("PGHOST", "env")
            .with_variable("PGPORT", "1")
            .with_variable("PGUSER", "env")
            .with_variable("PGDATABASE", "env")
            .with_variable("PGSERVICEFILE", "/services")
            .with_file("/services", 0o644, "[s]\nport=2\nuser=service\nhost=service\n");
        let describe = |text| Target::resolve(Some(text), &environment).unwrap().describe();
        assert_eq!(describe(""), "env:1/env as env");
        assert_eq!(describe("service=s"), "service:2/env as service");
        assert_eq!(describe("service=s host=own"), "own:2/env as service");
        assert_eq!(describe("postgresql://own:3/?service=s"), "own:3/env as service");
        let by_variable = environment.clone().with_variable("PGSERVICE", "s");
        let target = Target::resolve(None, &by_variable).unwrap();
        assert_eq!((target.describe().as_str(), target.service()), ("service:2/env as service", Some("s")));
        assert!(matches!(
            Target::resolve(Some("service=none"), &environment),
            Err(TargetError::ServiceNotFound { .. })
        ));
    }

    #[test]
    fn passwords_by_host_and_database() {
        let environment = environment().with_file(
            "/home/ada/.pgpass",
            0o600,
            "a:5432:shop:ada:one\nb:*:*:ada:two\nlocalhost:*:*:*:socket\n10.0.0.1:*:*:*:address\n",
        );
        let passwords = |text: &str| -> Vec<_> {
            let target = Target::resolve(Some(text), &environment).unwrap();
            let secrets = target.hosts.iter().map(|host| target.password(host));
            secrets.map(|secret| secret.map_or("-", Secret::reveal).to_owned()).collect()
        };
        assert_eq!(passwords("host=a,b,c dbname=shop"), ["one", "two", "-"]);
        assert_eq!(passwords("host=a,b,c dbname=other"), ["-", "two", "-"]);
        assert_eq!(passwords(""), ["socket"]);
        assert_eq!(passwords("host=/tmp"), ["socket"]);
        assert_eq!(passwords("host=/elsewhere"), ["-"]);
        assert_eq!(passwords("hostaddr=10.0.0.1"), ["address"]);
        assert_eq!(passwords("host=b hostaddr=10.0.0.1"), ["two"]);
        assert_eq!(passwords("host=a,b password=own"), ["own", "own"]);
        let target = Target::resolve(Some("host=a dbname=other"), &environment).unwrap();
        let target = target.with_database("shop");
        assert_eq!(target.password(&target.hosts[0]).map(Secret::reveal), Some("one"));
    }

    #[test]
    fn an_open_passfile_is_a_warning() {
        let environment = environment().with_file("/p", 0o644, "*:*:*:*:canary").with_variable("PGPASSFILE", "/p");
        let target = Target::resolve(Some("host=a"), &environment).unwrap();
        assert!(target.password(&target.hosts[0]).is_none());
        assert!(target.warnings()[0].contains("chmod 0600"));
        assert!(Target::resolve(Some("host=a password=x"), &environment).unwrap().warnings().is_empty());
    }

    #[test]
    fn no_password_is_ever_shown() {
        let environment =
            environment().with_file("/home/ada/.pgpass", 0o600, "*:*:*:*:canary").with_variable("PGPASSWORD", "canary");
        for text in ["host=a", "host=a password=canary", "postgresql://u:canary@h/d", "postgres://h?password=canary"] {
            let target = Target::resolve(Some(text), &environment).unwrap();
            let shown = format!("{target:?} {target:#?} {} {:?}", target.describe(), target.warnings());
            assert!(!shown.contains("canary"), "{shown}");
            assert_eq!(target.password(&target.hosts[0]).map(Secret::reveal), Some("canary"));
        }
    }

    #[test]
    fn timeouts() {
        for (text, expected) in [
            ("", Some(30)),
            ("connect_timeout=0", None),
            ("connect_timeout=-1", None),
            ("connect_timeout=1", Some(2)),
            ("connect_timeout=' 7 '", Some(7)),
        ] {
            assert_eq!(resolve(text).connect_timeout, expected.map(Duration::from_secs), "{text}");
        }
        assert!(refused("connect_timeout=soon").contains("whole number"));
    }

    #[test]
    fn tls_rules() {
        assert_eq!(resolve("sslrootcert=system").tls.mode, SslMode::VerifyFull);
        assert!(refused("sslrootcert=system sslmode=require").contains("verify-full"));
        assert!(refused("sslnegotiation=direct").contains("sslmode=require"));
        assert_eq!(resolve("sslnegotiation=direct sslmode=require").tls.negotiation, SslNegotiation::Direct);
        assert!(refused("sslmode=on").contains("disable, allow, prefer, require, verify-ca, verify-full"));
        assert_eq!(resolve("postgresql://h?ssl=true").tls.mode, SslMode::Require);
        assert!(refused("ssl_max_protocol_version=TLSv1.1").contains("TLSv1.2"));
        assert!(refused("ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2").contains("above"));
        assert_eq!(resolve("").tls.root, RootCert::Default(Some("/home/ada/.postgresql/root.crt".into())));
        assert!(!resolve("").tls.certificate.named);
        assert!(!resolve("sslsni=0").tls.sni);
        let required = environment().with_variable("PGREQUIRESSL", "1");
        assert_eq!(Target::resolve(None, &required).unwrap().tls.mode, SslMode::Require);
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        for text in [
            "require_auth=scram-sha-256",
            "requirepeer=postgres",
            "gssencmode=require",
            "replication=database",
            "scram_client_key=x",
            "sslkeylogfile=x",
            "oauth_issuer=x",
        ] {
            assert!(refused(text).contains("not supported"), "{text}");
        }
        for text in [
            "gssencmode=prefer",
            "krbsrvname=postgres",
            "replication=false",
            "sslcompression=1",
            "client_encoding=auto",
            "tcp_user_timeout=5",
            "gssdelegation=0",
            "keepalives_idle=5",
            "load_balance_hosts=random",
            "sslcertmode=allow",
            "fallback_application_name=x",
            "target_session_attrs=prefer-standby",
            "channel_binding=require",
        ] {
            let _ = resolve(text);
        }
        let environment = environment().with_variable("PGREQUIREAUTH", "scram-sha-256");
        assert!(Target::resolve(None, &environment).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            let environment = environment();
            for text in [text.clone(), format!("postgres://{text}"), format!("host={text}"), format!("port='{text}'")] {
                if let Ok(target) = Target::resolve(Some(&text), &environment) {
                    let _ = target.describe();
                }
            }
        }
    }
}
