//! TLS as libpq does it, on rustls: what is verified in which `sslmode`, and where the files are.
//!
//! `require` verifies nothing, unless there is a root certificate file, then it is `verify-ca`; so do `prefer` and
//! `allow`. `verify-ca` verifies the chain, `verify-full` the name too. A certificate is first given to webpki and, where
//! webpki is stricter than OpenSSL, to [`certificate::verify_chain`]. Known differences to libpq: a certificate that is
//! trusted without being self-signed is trusted (OpenSSL wants the root above it), RSASSA-PSS and P-521 keys are not
//! supported, and an explicitly named revocation list that is missing is an error and not ignored.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};

use super::certificate::{self, Certificate, Fault};
use super::error::ConnectError;
use super::target::{RootCert, SslCertMode, SslMode, TlsFile, TlsSettings, TlsVersion};

/// The name PostgreSQL has in TLS's list of protocols; a server that is asked directly insists on it.
const PROTOCOL: &[u8] = b"postgresql";

/// Everything one handshake needs.
pub(super) struct Handshake {
    pub(super) config: ClientConfig,
    /// Whether the server asked for a client certificate; known after the handshake.
    asked: Arc<AtomicBool>,
    must_ask: bool,
}

impl Handshake {
    /// Reads the files and decides what to verify, for a server called `host` (its name, or none where only its address
    /// was given).
    pub(super) fn prepare(settings: &TlsSettings, host: Option<&str>) -> Result<Self, ConnectError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier::prepare(settings, host, &provider)?;
        let asked = Arc::new(AtomicBool::new(false));
        let client = ClientCertificate { key: client_key(settings, &provider)?, asked: Arc::clone(&asked) };
        let must_ask = settings.certificate_mode == SslCertMode::Require;
        if must_ask && client.key.is_none() {
            return Err(ConnectError::TlsFile {
                path: settings.certificate.path.clone().unwrap_or_default(),
                reason: "sslcertmode=require needs a client certificate, and there is none".to_owned(),
            });
        }
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(settings))
            .map_err(|error| ConnectError::Tls {
                host: host.unwrap_or_default().to_owned(),
                reason: error.to_string(),
            })?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(client));
        config.enable_sni = settings.sni;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Self { config, asked, must_ask })
    }

    /// What `sslcertmode=require` demands, once the handshake is over.
    pub(super) fn check_asked(&self) -> Result<(), &'static str> {
        if self.must_ask && !self.asked.load(Ordering::Relaxed) {
            return Err("the server did not ask for a client certificate, but sslcertmode=require needs it");
        }
        Ok(())
    }
}

fn versions(settings: &TlsSettings) -> Vec<&'static SupportedProtocolVersion> {
    let (minimum, maximum) =
        (settings.minimum.unwrap_or(TlsVersion::V1_2), settings.maximum.unwrap_or(TlsVersion::V1_3));
    [(TlsVersion::V1_2, &rustls::version::TLS12), (TlsVersion::V1_3, &rustls::version::TLS13)]
        .into_iter()
        .filter(|(version, _)| minimum <= *version && *version <= maximum)
        .map(|(_, version)| version)
        .collect()
}

/// An error about one of our files.
fn file_error(path: &Path, reason: impl Into<String>) -> ConnectError {
    ConnectError::TlsFile { path: path.to_owned(), reason: reason.into() }
}

/// Reads a file that may not be there.
fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, ConnectError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(file_error(path, format!("cannot be read: {error}"))),
    }
}

/// The client certificate with its key.
fn client_key(settings: &TlsSettings, provider: &CryptoProvider) -> Result<Option<Arc<CertifiedKey>>, ConnectError> {
    let Some(path) = settings.certificate.path.as_deref() else {
        return Ok(None);
    };
    if settings.certificate_mode == SslCertMode::Disable {
        return Ok(None);
    }
    // a named certificate that is not there is, as in libpq, no certificate
    let Some(bytes) = read_if_there(path)? else {
        return Ok(None);
    };
    let chain = certificates(path, &bytes)?;
    let key_path = settings.key.path.as_deref().unwrap_or(Path::new(""));
    let Some(bytes) = read_if_there(key_path)? else {
        return Err(file_error(
            key_path,
            format!("is the key of \"{}\" but does not exist: set sslkey", path.display()),
        ));
    };
    check_permissions(key_path)?;
    let text = String::from_utf8_lossy(&bytes);
    if text.contains("ENCRYPTED") {
        return Err(file_error(
            key_path,
            "is encrypted, which is not supported: decrypt a copy with \"openssl pkey\" and chmod 0600 it",
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|_| file_error(key_path, "is not a private key in PEM format"))?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|error| file_error(key_path, format!("cannot be used as a key: {error}")))?;
    Ok(Some(Arc::new(CertifiedKey::new(chain, key))))
}

/// All certificates of a PEM file.
fn certificates(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| file_error(path, format!("is not a certificate in PEM format: {error}")))?;
    if certificates.is_empty() {
        return Err(file_error(path, "has no certificate in PEM format"));
    }
    Ok(certificates)
}

/// libpq's rule for private keys: nobody but the owner, or root's group where root owns it.
#[cfg(unix)]
fn check_permissions(path: &Path) -> Result<(), ConnectError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).map_err(|error| file_error(path, format!("cannot be read: {error}")))?;
    if !metadata.is_file() {
        return Err(file_error(path, "is the private key but not a plain file"));
    }
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & forbidden != 0 {
        return Err(file_error(
            path,
            "is a private key that others can read: run chmod 0600 on it (0640 where root owns it)",
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_permissions(_: &Path) -> Result<(), ConnectError> {
    Ok(())
}

/// Sends the client certificate whenever the server asks, whatever authorities it hints at, as libpq does.
#[derive(Debug)]
struct ClientCertificate {
    key: Option<Arc<CertifiedKey>>,
    asked: Arc<AtomicBool>,
}

impl ResolvesClientCert for ClientCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        // rustls does not call `resolve` otherwise, and then nobody knows whether the server asked
        true
    }
}

/// Verifies a server's certificate by the rules of one `sslmode`.
#[derive(Debug)]
struct Verifier {
    /// `None` where nothing is to be verified.
    trust: Option<Trust>,
    /// The host that the certificate must name.
    host: Option<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
struct Trust {
    roots: Vec<CertificateDer<'static>>,
    /// How the roots are called in an error.
    name: String,
    /// `None` where webpki cannot use any of the roots.
    webpki: Option<Arc<WebPkiServerVerifier>>,
    checks_revocation: bool,
}

impl Verifier {
    fn prepare(
        settings: &TlsSettings,
        host: Option<&str>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, ConnectError> {
        let must_verify = settings.mode >= SslMode::VerifyCa;
        let (roots, name) = match &settings.root {
            RootCert::System => {
                let found = rustls_native_certs::load_native_certs();
                if found.certs.is_empty() {
                    return Err(file_error(
                        Path::new("system"),
                        "sslrootcert=system found no trusted authorities: install ca-certificates or set SSL_CERT_FILE",
                    ));
                }
                (found.certs, "the system's trusted authorities".to_owned())
            }
            RootCert::File(path) | RootCert::Default(Some(path)) => match read_if_there(path)? {
                Some(bytes) => (certificates(path, &bytes)?, format!("\"{}\"", path.display())),
                None if must_verify => {
                    return Err(file_error(
                        path,
                        "does not exist: put the authority's certificate there, or set sslrootcert (system is allowed)",
                    ));
                }
                None => (Vec::new(), String::new()),
            },
            RootCert::Default(None) if must_verify => {
                return Err(file_error(
                    Path::new("~/.postgresql/root.crt"),
                    "there is no home directory to look in: set sslrootcert",
                ));
            }
            RootCert::Default(None) => (Vec::new(), String::new()),
        };
        let algorithms = provider.signature_verification_algorithms;
        if roots.is_empty() {
            return Ok(Self { trust: None, host: None, algorithms });
        }
        let host = match (settings.mode, host) {
            (SslMode::VerifyFull, Some(host)) => Some(host.to_owned()),
            (SslMode::VerifyFull, None) => {
                return Err(super::target::TargetError::Contradiction(
                    "sslmode=verify-full needs the server's name: give host besides hostaddr",
                )
                .into());
            }
            _ => None,
        };
        let revoked = revocation_lists(&settings.revoked, settings.revoked_directory.as_deref())?;
        let checks_revocation = !revoked.is_empty();
        let mut store = RootCertStore::empty();
        for root in &roots {
            // one that webpki cannot use may still be one for `verify_chain`
            let _ = store.add(root.clone());
        }
        let webpki = if store.is_empty() {
            None
        } else {
            let built = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
                .with_crls(revoked)
                .enforce_revocation_expiration()
                .build();
            match built {
                Ok(verifier) => Some(verifier),
                Err(error) => {
                    let path = settings.revoked.path.clone().unwrap_or_default();
                    return Err(ConnectError::TlsFile {
                        path,
                        reason: format!("cannot be used as a revocation list, which must be of version 2: {error}"),
                    });
                }
            }
        };
        Ok(Self { trust: Some(Trust { roots, name, webpki, checks_revocation }), host, algorithms })
    }

    fn verify_chain(
        &self,
        trust: &Trust,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), Fault> {
        let strict = trust.webpki.as_ref().map(|webpki| {
            // the name is checked by libpq's rules, after the chain; this one is never a certificate's
            let name = ServerName::try_from("chain-only.invalid").map_err(|_| Fault::Unreadable)?;
            match webpki.verify_server_cert(leaf, intermediates, &name, ocsp, now) {
                Ok(_) => Ok(()),
                Err(rustls::Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )) => Ok(()),
                Err(error) => Err(fault(&error, &trust.name)),
            }
        });
        match strict {
            Some(Ok(())) => return Ok(()),
            // only webpki looks at revocation lists, so nothing may pass by it
            Some(Err(fault)) if trust.checks_revocation => return Err(fault),
            None if trust.checks_revocation => {
                return Err(Fault::Unsupported(
                    "revocation cannot be checked for certificates of this kind: unset sslcrl",
                ));
            }
            _ => {}
        }
        let intermediates: Vec<_> = intermediates.iter().map(AsRef::as_ref).collect();
        let roots: Vec<_> = trust.roots.iter().map(AsRef::as_ref).collect();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        certificate::verify_chain(leaf, &intermediates, &roots, self.algorithms, now, &trust.name)
    }

    /// Verifies a handshake's signature. Not webpki's: that reads no version 1 certificate.
    fn verify_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let certificate = Certificate::parse(leaf).ok_or(CertificateError::BadEncoding)?;
        let valid = self
            .algorithms
            .mapping
            .iter()
            .filter(|(scheme, _)| *scheme == signed.scheme)
            .any(|(_, algorithms)| certificate.verifies(message, signed.signature(), algorithms));
        if valid { Ok(HandshakeSignatureValid::assertion()) } else { Err(CertificateError::BadSignature.into()) }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = match &self.trust {
            None => Ok(()),
            Some(trust) => self.verify_chain(trust, leaf, intermediates, ocsp, now).and_then(|()| match &self.host {
                Some(host) => Certificate::parse(leaf).ok_or(Fault::Unreadable)?.check_name(host),
                None => Ok(()),
            }),
        };
        verified
            .map(|()| ServerCertVerified::assertion())
            .map_err(|fault| CertificateError::Other(OtherError(Arc::new(fault))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        // TLS 1.3 has no PKCS #1 signatures in the handshake
        if matches!(
            signed.scheme,
            SignatureScheme::RSA_PKCS1_SHA1
                | SignatureScheme::RSA_PKCS1_SHA256
                | SignatureScheme::RSA_PKCS1_SHA384
                | SignatureScheme::RSA_PKCS1_SHA512
        ) {
            return Err(CertificateError::BadSignature.into());
        }
        self.verify_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The revocation lists of the file and the directory.
fn revocation_lists(
    file: &TlsFile,
    directory: Option<&Path>,
) -> Result<Vec<CertificateRevocationListDer<'static>>, ConnectError> {
    let mut lists = Vec::new();
    if let Some(path) = file.path.as_deref() {
        match read_if_there(path)? {
            Some(bytes) => lists.extend(parse_revocation_lists(path, &bytes)?),
            None if file.named => return Err(file_error(path, "does not exist: check sslcrl")),
            None => {}
        }
    }
    if let Some(directory) = directory {
        let entries =
            std::fs::read_dir(directory).map_err(|error| file_error(directory, format!("cannot be read: {error}")))?;
        for entry in entries.flatten() {
            if let Some(bytes) = read_if_there(&entry.path())? {
                lists.extend(parse_revocation_lists(&entry.path(), &bytes)?);
            }
        }
    }
    Ok(lists)
}

fn parse_revocation_lists(
    path: &Path,
    bytes: &[u8],
) -> Result<Vec<CertificateRevocationListDer<'static>>, ConnectError> {
    let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| file_error(path, format!("is not a revocation list in PEM format: {error}")))?;
    if lists.is_empty() {
        return Err(file_error(path, "has no revocation list in PEM format"));
    }
    Ok(lists)
}

/// webpki's reasons in our words.
fn fault(error: &rustls::Error, trusted: &str) -> Fault {
    let rustls::Error::InvalidCertificate(reason) = error else {
        return Fault::Other(error.to_string());
    };
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Fault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Fault::NotYetValid,
        CertificateError::UnknownIssuer => Fault::UnknownIssuer { trusted: trusted.to_owned() },
        CertificateError::Revoked => Fault::Revoked,
        CertificateError::UnknownRevocationStatus => {
            Fault::Unsupported("no revocation list is from its authority: add that list to sslcrl")
        }
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => {
            Fault::Unsupported("the revocation list of its authority expired: renew it")
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Fault::Purpose,
        other => Fault::Other(other.to_string()),
    }
}

/// Makes sense of a handshake that failed.
pub(super) fn handshake_error(error: &io::Error, host: &str) -> ConnectError {
    let host = host.to_owned();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(fault)))) => {
            ConnectError::Certificate { host, reason: fault.to_string() }
        }
        Some(error @ rustls::Error::InvalidCertificate(_)) => {
            ConnectError::Certificate { host, reason: error.to_string() }
        }
        // an SSH server's greeting begins with the letter that means yes
        Some(rustls::Error::InvalidMessage(_)) => ConnectError::NotPostgres {
            host,
            reason: "it does not speak TLS where PostgreSQL would: check the port".to_owned(),
        },
        Some(error) => ConnectError::Tls { host, reason: describe(error) },
        None => ConnectError::Tls { host, reason: error.to_string() },
    }
}

/// The TLS alert that ended a session which had begun: with TLS 1.3 the server's opinion of our certificate comes late.
pub(super) fn alert(error: &io::Error) -> Option<String> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).map(describe)
}

fn describe(error: &rustls::Error) -> String {
    use rustls::AlertDescription as Alert;
    match error {
        rustls::Error::AlertReceived(Alert::UnknownCA | Alert::BadCertificate | Alert::CertificateUnknown) => {
            "the server does not accept our client certificate: check sslcert".to_owned()
        }
        rustls::Error::AlertReceived(Alert::CertificateExpired) => "our client certificate expired".to_owned(),
        rustls::Error::AlertReceived(Alert::CertificateRevoked) => "our client certificate was revoked".to_owned(),
        rustls::Error::AlertReceived(Alert::CertificateRequired) => {
            "the server wants a client certificate: set sslcert and sslkey".to_owned()
        }
        rustls::Error::AlertReceived(Alert::ProtocolVersion) | rustls::Error::PeerIncompatible(_) => {
            format!(
                "the server has no version of TLS or cipher in common with us, which needs TLS 1.2 or 1.3 ({error})"
            )
        }
        rustls::Error::AlertReceived(Alert::NoApplicationProtocol) => {
            "the server does not expect PostgreSQL in this TLS connection: check the port".to_owned()
        }
        other => {
            let source = other.source().map(|source| format!(": {source}")).unwrap_or_default();
            format!("{other}{source}")
        }
    }
}
