//! One connection: hosts in order, TLS by `sslmode`, the wanted kind of server, within the time given.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio_postgres::config::{
    ChannelBinding as DriverBinding, SslMode as DriverSsl, SslNegotiation as DriverNegotiation,
};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::ConnectError;
use super::target::{Address, ChannelBinding, Host, SslMode, SslNegotiation, Target, TargetSessionAttrs};
use super::tls::{self, Handshake};
use super::wire::{Encrypted, Established, Lingering, Wire};

/// `SSLRequest`: its length, and the number that stands for it.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// How long a request to cancel may take; the server's own timeout ends the statement otherwise.
const CANCEL_LIMIT: Duration = Duration::from_secs(3);

/// One place where a server was reached. Everything later goes to this one, so that one audit never mixes two servers.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) host: Host,
    place: Place,
    encrypted: bool,
}

#[derive(Debug, Clone)]
enum Place {
    Tcp(SocketAddr),
    Socket(PathBuf),
}

/// A session that was started, and the task that carries its bytes.
pub(super) struct Opened {
    pub(super) client: Client,
    pub(super) driver: JoinHandle<()>,
    pub(super) endpoint: Endpoint,
}

/// How one attempt deals with TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Off,
    IfOffered,
    Needed,
}

/// Connects to the first host that will do.
pub(super) async fn open(target: &Target, permit: OwnedSemaphorePermit) -> Result<Opened, ConnectError> {
    let passes: &[TargetSessionAttrs] = match target.target_session_attrs {
        TargetSessionAttrs::PreferStandby => &[TargetSessionAttrs::Standby, TargetSessionAttrs::Any],
        TargetSessionAttrs::Any => &[TargetSessionAttrs::Any],
        TargetSessionAttrs::ReadWrite => &[TargetSessionAttrs::ReadWrite],
        TargetSessionAttrs::ReadOnly => &[TargetSessionAttrs::ReadOnly],
        TargetSessionAttrs::Primary => &[TargetSessionAttrs::Primary],
        TargetSessionAttrs::Standby => &[TargetSessionAttrs::Standby],
    };
    let mut hosts: Vec<&Host> = target.hosts.iter().collect();
    if target.shuffle_hosts {
        shuffle(&mut hosts);
    }
    let permit = Arc::new(permit);
    let mut errors = Vec::new();
    for wanted in passes {
        // what the pass before said about each host is said again, or no longer matters
        errors.clear();
        'hosts: for host in &hosts {
            let mut places = match places(host, target).await {
                Ok(places) => places,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            if target.shuffle_hosts {
                shuffle(&mut places);
            }
            let count = places.len();
            for (index, place) in places.into_iter().enumerate() {
                match within(target.connect_timeout, host, attempt(target, host, place, *wanted, &permit)).await {
                    Ok(opened) => return Ok(opened),
                    Err(error) if !error.is_worth_another_host() => return Err(error),
                    Err(error @ ConnectError::NotWanted { .. }) => {
                        errors.push(error);
                        continue 'hosts;
                    }
                    // a name with several addresses fails with the last one's reason
                    Err(error) if index + 1 == count => errors.push(error),
                    Err(_) => {}
                }
            }
        }
    }
    Err(match errors.pop() {
        Some(error) if errors.is_empty() => error,
        Some(error) => {
            errors.push(error);
            ConnectError::Several(errors)
        }
        None => ConnectError::Several(Vec::new()),
    })
}

/// Connects to where an earlier connection went.
pub(super) async fn open_at(
    target: &Target,
    endpoint: &Endpoint,
    permit: OwnedSemaphorePermit,
) -> Result<Opened, ConnectError> {
    let encryption = if endpoint.encrypted { Encryption::Needed } else { Encryption::Off };
    let permit = Arc::new(permit);
    let started = start(target, &endpoint.host, &endpoint.place, encryption, &permit);
    within(target.connect_timeout, &endpoint.host, started).await
}

/// Asks the server to cancel what a session is doing, over a connection like the session's own.
pub(super) async fn cancel(target: &Target, endpoint: &Endpoint, token: CancelToken) {
    let encryption = if endpoint.encrypted { Encryption::Needed } else { Encryption::Off };
    let request = async {
        if let Ok((mut wire, _)) = wire(target, &endpoint.host, &endpoint.place, encryption).await
            && token.cancel_query_raw(Lingering(&mut wire), Established).await.is_ok()
        {
            // as libpq: the server hangs up when the request has been carried out. Nobody is left to be told that it
            // failed, and the statement has its timeout
            let _ = wire.read_u8().await;
        }
    };
    let _ = tokio::time::timeout(CANCEL_LIMIT, request).await;
}

/// The process that listens on the socket an earlier connection went to, where the kernel tells.
pub(super) async fn listener(endpoint: &Endpoint) -> Option<i32> {
    let Place::Socket(path) = &endpoint.place else { return None };
    let stream = tokio::net::UnixStream::connect(path).await.ok()?;
    stream.peer_cred().ok()?.pid().filter(|pid| *pid > 0)
}

/// Limits the time of one host.
async fn within<T>(
    limit: Option<Duration>,
    host: &Host,
    work: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    match limit {
        None => work.await,
        Some(limit) => tokio::time::timeout(limit, work)
            .await
            .unwrap_or_else(|_| Err(ConnectError::Timeout { host: host.to_string(), limit })),
    }
}

/// An order that differs from run to run; load balancing needs no better one.
fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let random = RandomState::new().hash_one(last);
        let other = usize::try_from(random % (last as u64 + 1)).unwrap_or(0);
        items.swap(last, other);
    }
}

/// The addresses of a host.
async fn places(host: &Host, target: &Target) -> Result<Vec<Place>, ConnectError> {
    match &host.address {
        Address::Socket(directory) => Ok(vec![Place::Socket(directory.join(format!(".s.PGSQL.{}", host.port)))]),
        Address::Tcp { address: Some(address), .. } => Ok(vec![Place::Tcp(SocketAddr::new(*address, host.port))]),
        Address::Tcp { name, .. } => {
            let dns = |reason: String| ConnectError::Dns { host: host.to_string(), reason };
            let name = name.as_deref().unwrap_or("localhost");
            let lookup =
                async { tokio::net::lookup_host((name, host.port)).await.map_err(|error| dns(error.to_string())) };
            let places: Vec<_> = within(target.connect_timeout, host, lookup).await?.map(Place::Tcp).collect();
            if places.is_empty() { Err(dns("it has no address".to_owned())) } else { Ok(places) }
        }
    }
}

/// One address, with the second try that `allow` and `prefer` grant: exactly when libpq would.
async fn attempt(
    target: &Target,
    host: &Host,
    place: Place,
    wanted: TargetSessionAttrs,
    permit: &Arc<OwnedSemaphorePermit>,
) -> Result<Opened, ConnectError> {
    let mode = match place {
        // there is no TLS on a socket, whatever was asked for
        Place::Socket(_) => SslMode::Disable,
        Place::Tcp(_) => target.tls.mode,
    };
    let started = match mode {
        SslMode::Disable => start(target, host, &place, Encryption::Off, permit).await,
        SslMode::Allow => match start(target, host, &place, Encryption::Off, permit).await {
            Err(first) if first.is_authentication() => {
                match start(target, host, &place, Encryption::Needed, permit).await {
                    Err(ConnectError::TlsRefused { .. }) => Err(first),
                    second => second,
                }
            }
            started => started,
        },
        SslMode::Prefer => match start(target, host, &place, Encryption::IfOffered, permit).await {
            Err(first) if first.is_authentication() || is_tls_failure(&first) => {
                match start(target, host, &place, Encryption::Off, permit).await {
                    // refused in both ways: the first refusal is about the way that was preferred
                    Err(second) if second.is_authentication() => Err(first),
                    second => second,
                }
            }
            started => started,
        },
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
            start(target, host, &place, Encryption::Needed, permit).await
        }
    };
    let opened = started?;
    match unmet(&opened.client, wanted, host, target).await? {
        None => Ok(opened),
        Some(reason) => {
            Err(ConnectError::NotWanted { host: host.to_string(), wanted: target.target_session_attrs, reason })
        }
    }
}

/// Whether TLS itself failed, as opposed to the server or the session.
fn is_tls_failure(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Tls { .. } | ConnectError::Certificate { .. } | ConnectError::TlsFile { .. })
}

/// Starts one session in one way.
///
/// The permit is given back when the task that carries the bytes is gone, and the socket with it.
async fn start(
    target: &Target,
    host: &Host,
    place: &Place,
    encryption: Encryption,
    permit: &Arc<OwnedSemaphorePermit>,
) -> Result<Opened, ConnectError> {
    let (wire, encrypted) = wire(target, host, place, encryption).await?;
    let mut config = Config::new();
    config
        .user(&target.user)
        .dbname(target.database())
        .application_name(target.application_name())
        // the wire is already what it should be; to the driver it is TLS that needs no more words
        .ssl_mode(DriverSsl::Require)
        .ssl_negotiation(DriverNegotiation::Direct)
        .channel_binding(match target.channel_binding {
            ChannelBinding::Disable => DriverBinding::Disable,
            ChannelBinding::Prefer => DriverBinding::Prefer,
            ChannelBinding::Require => DriverBinding::Require,
        });
    if let Some(options) = &target.options {
        config.options(options);
    }
    if let Some(password) = target.password(host) {
        config.password(password.reveal());
    }
    let (client, connection) = config
        .connect_raw(wire, Established)
        .await
        .map_err(|error| ConnectError::from_driver(error, &host.to_string(), &target.user, target.database()))?;
    let permit = Arc::clone(permit);
    let notices = target.notices.clone();
    let driver = tokio::spawn(async move {
        let _permit = permit;
        let mut connection = connection;
        // every statement hears of a lost connection by itself
        while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if let (AsyncMessage::Notice(notice), Some(notices)) = (message, &notices) {
                drop(notices.send(notice.message().to_owned()));
            }
        }
    });
    Ok(Opened { client, driver, endpoint: Endpoint { host: host.clone(), place: place.clone(), encrypted } })
}

/// Opens the stream, and encrypts it or not. Returns whether it did.
async fn wire(
    target: &Target,
    host: &Host,
    place: &Place,
    encryption: Encryption,
) -> Result<(Wire, bool), ConnectError> {
    let address = match place {
        Place::Socket(path) => return socket(path, host).await.map(|wire| (wire, false)),
        Place::Tcp(address) => *address,
    };
    let mut stream = tcp(address, target.keepalives).await.map_err(|error| unreachable(&error, host.to_string()))?;
    if encryption == Encryption::Off {
        return Ok((Wire::tcp(stream), false));
    }
    if target.tls.negotiation == SslNegotiation::Postgres {
        let answer = ask_for_tls(&mut stream).await.map_err(|error| ConnectError::from_io(error, host.to_string()))?;
        match (answer, encryption) {
            (b'S', _) => {}
            (b'N', Encryption::IfOffered) => return Ok((Wire::tcp(stream), false)),
            (b'N', _) => {
                return Err(ConnectError::TlsRefused { host: host.to_string(), mode: target.tls.mode });
            }
            // the message of an error that nobody authenticated is not repeated (CVE-2024-10977)
            (b'E', _) => {
                return Err(ConnectError::Tls {
                    host: host.to_string(),
                    reason: "the server answered the request for TLS with an error: see its log".to_owned(),
                });
            }
            (byte, _) => {
                return Err(ConnectError::NotPostgres {
                    host: host.to_string(),
                    reason: format!("it answered the request for TLS with byte 0x{byte:02x}: check the port"),
                });
            }
        }
    }
    handshake(target, host, address, stream).await.map(|stream| (Wire::tls(stream), true))
}

/// Asks for TLS. Exactly one byte is read, so that nothing unencrypted can be smuggled behind it.
async fn ask_for_tls(stream: &mut TcpStream) -> io::Result<u8> {
    stream.write_all(&SSL_REQUEST).await?;
    stream.read_u8().await
}

async fn handshake(
    target: &Target,
    host: &Host,
    address: SocketAddr,
    stream: TcpStream,
) -> Result<Encrypted, ConnectError> {
    let name = match &host.address {
        Address::Tcp { name, .. } => name.as_deref(),
        Address::Socket(_) => None,
    };
    let prepared = Handshake::prepare(&target.tls, name)?;
    let mut connector = MakeRustlsConnect::new(prepared.config.clone());
    // a host that is no DNS name cannot be asked for by name; what the certificate must say is checked by our verifier
    let server = name
        .filter(|name| rustls::pki_types::ServerName::try_from(*name).is_ok())
        .map_or_else(|| address.ip().to_string(), str::to_owned);
    let connect = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut connector, &server)
        .map_err(|error| ConnectError::Tls { host: host.to_string(), reason: error.to_string() })?;
    let stream = connect.connect(stream).await.map_err(|error| tls::handshake_error(&error, &host.to_string()))?;
    prepared.check_asked().map_err(|reason| ConnectError::Tls { host: host.to_string(), reason: reason.to_owned() })?;
    Ok(stream)
}

async fn tcp(address: SocketAddr, keepalives: bool) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_keepalive(keepalives)?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(unix)]
async fn socket(path: &std::path::Path, host: &Host) -> Result<Wire, ConnectError> {
    let text = path.to_string_lossy();
    let connected = match text.strip_prefix('@') {
        None => tokio::net::UnixStream::connect(path).await,
        Some(name) => abstract_socket(name),
    };
    match connected {
        Ok(stream) => Ok(Wire::unix(stream)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ConnectError::NoSocket { path: path.to_owned() }),
        Err(error) => Err(unreachable(&error, host.to_string())),
    }
}

#[cfg(not(unix))]
async fn socket(path: &std::path::Path, _: &Host) -> Result<Wire, ConnectError> {
    Err(ConnectError::NoSocket { path: path.to_owned() })
}

/// A socket without a file. Connecting to one either succeeds or fails at once.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_socket(name: &str) -> io::Result<tokio::net::UnixStream> {
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    let stream = std::os::unix::net::UnixStream::connect_addr(&address)?;
    stream.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(stream)
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn abstract_socket(_: &str) -> io::Result<tokio::net::UnixStream> {
    Err(io::ErrorKind::Unsupported.into())
}

fn unreachable(error: &io::Error, host: String) -> ConnectError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused { host },
        _ => ConnectError::Unreachable { host, reason: error.to_string() },
    }
}

/// What a server is instead of what was wanted; `None` where it will do.
async fn unmet(
    client: &Client,
    wanted: TargetSessionAttrs,
    host: &Host,
    target: &Target,
) -> Result<Option<String>, ConnectError> {
    if matches!(wanted, TargetSessionAttrs::Any | TargetSessionAttrs::PreferStandby) {
        return Ok(None);
    }
    let rows = client
        .simple_query(
            "select pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only')",
        )
        .await
        .map_err(|error| ConnectError::from_driver(error, &host.to_string(), &target.user, target.database()))?;
    let row = rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0) == Some("t"), row.get(1) == Some("on"))),
        _ => None,
    });
    let Some((in_recovery, read_only)) = row else {
        return Err(ConnectError::NotPostgres {
            host: host.to_string(),
            reason: "it does not say whether it is in recovery".to_owned(),
        });
    };
    let reason = match wanted {
        TargetSessionAttrs::ReadWrite if in_recovery => "it is a standby",
        TargetSessionAttrs::ReadWrite if read_only => "its transactions are read only by default",
        TargetSessionAttrs::ReadOnly if !in_recovery && !read_only => "it accepts writes",
        TargetSessionAttrs::Primary if in_recovery => "it is a standby",
        TargetSessionAttrs::Standby if !in_recovery => "it is a primary",
        _ => return Ok(None),
    };
    Ok(Some(reason.to_owned()))
}
