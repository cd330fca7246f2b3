//! The byte stream below a session: TCP, a unix socket, or TLS over TCP, opened and negotiated before the driver sees it.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

/// TLS over TCP, with the server's certificate at hand for channel binding.
pub(super) type Encrypted = <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::Stream;

/// What listens there does not begin like a PostgreSQL server.
#[derive(Debug, thiserror::Error)]
#[error("its answer begins with byte 0x{0:02x}, which PostgreSQL never sends")]
pub(super) struct NotPostgres(u8);

/// A connection that is ready for PostgreSQL's protocol.
pub(super) struct Wire {
    stream: Stream,
    /// Whether a byte has arrived; the first one tells PostgreSQL from anything else.
    begun: bool,
}

enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
    Tls(Box<Encrypted>),
}

impl Wire {
    pub(super) fn tcp(stream: TcpStream) -> Self {
        Self { stream: Stream::Tcp(stream), begun: false }
    }

    #[cfg(unix)]
    pub(super) fn unix(stream: tokio::net::UnixStream) -> Self {
        Self { stream: Stream::Unix(stream), begun: false }
    }

    pub(super) fn tls(stream: Encrypted) -> Self {
        Self { stream: Stream::Tls(Box::new(stream)), begun: false }
    }

    fn stream(&mut self) -> Pin<&mut (dyn Duplex + Send + Unpin)> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream),
            #[cfg(unix)]
            Stream::Unix(stream) => Pin::new(stream),
            Stream::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }
}

/// Both directions in one trait, so that three streams fit one pointer.
trait Duplex: AsyncRead + AsyncWrite {}
impl<T: AsyncRead + AsyncWrite> Duplex for T {}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = self.stream().poll_read(cx, buffer);
        if !self.begun
            && let Some(first) = buffer.filled().get(before)
        {
            self.begun = true;
            // authentication, error, notice, or another version of the protocol: all a server may begin with. Anything
            // else would be taken for a message of up to 4 GiB, and waited for
            if !matches!(first, b'R' | b'E' | b'N' | b'v') {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, NotPostgres(*first))));
            }
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}

impl TlsStream for Wire {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.stream {
            Stream::Tls(stream) => stream.channel_binding(),
            _ => ChannelBinding::none(),
        }
    }
}

/// Tells the driver that the stream it was given is already what it wants, encrypted or not.
pub(super) struct Established;

impl TlsConnect<Wire> for Established {
    type Stream = Wire;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Wire, Self::Error>>;

    fn connect(self, wire: Wire) -> Self::Future {
        ready(Ok(wire))
    }
}

/// A wire that stays open for reading when the driver ends it: whoever carries a request to cancel must be given the
/// time to pass it on, and a pooler drops the request when the asker hangs up.
pub(super) struct Lingering<'a>(pub(super) &'a mut Wire);

impl AsyncRead for Lingering<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Lingering<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl TlsStream for Lingering<'_> {
    fn channel_binding(&self) -> ChannelBinding {
        self.0.channel_binding()
    }
}

impl<'a> TlsConnect<Lingering<'a>> for Established {
    type Stream = Lingering<'a>;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Lingering<'a>, Self::Error>>;

    fn connect(self, wire: Lingering<'a>) -> Self::Future {
        ready(Ok(wire))
    }
}
