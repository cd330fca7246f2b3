//! X.509 as far as libpq's users need it and webpki does not go.
//!
//! PostgreSQL's own manual tells people to make certificates that webpki refuses: version 1 ones (`openssl x509 -req`
//! writes them when it is given no extensions), and self-signed ones that are their own authority. OpenSSL, and so
//! libpq, accepts both, and names in the subject's CN. This module reads certificates and builds such chains; what goes
//! further than that (name constraints, unknown critical extensions) it refuses, and leaves to webpki.

use std::net::IpAddr;

use rustls::crypto::WebPkiSupportedAlgorithms;

/// Why a certificate is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it cannot be read")]
    Unreadable,
    #[error(
        "it is not signed by an authority in {trusted}: put the certificate of its authority there, or set sslrootcert"
    )]
    UnknownIssuer { trusted: String },
    #[error("it expired: renew it, and check this machine's clock")]
    Expired,
    #[error("it is not valid yet: check this machine's clock")]
    NotYetValid,
    #[error("it was revoked")]
    Revoked,
    #[error("it is for {names}, not for \"{host}\": connect by a name it has, or use sslmode=verify-ca")]
    WrongName { host: String, names: String },
    #[error("it is not meant for a server")]
    Purpose,
    #[error("{0}")]
    Unsupported(&'static str),
    #[error("{0}")]
    Other(String),
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const BOOLEAN: u8 = 0x01;
const SET: u8 = 0x31;
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_3: u8 = 0xa3;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 37, 0];

/// Reads DER, front to back. Only short tags and definite lengths exist in certificates.
struct Der<'a>(&'a [u8]);

/// One element: its tag, what is in it, and all of it.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let length = if first < 0x80 {
            usize::from(first)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 {
                return None;
            }
            let digits = rest.get(..count)?;
            rest = &rest[count..];
            digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit))
        };
        let content = rest.get(..length)?;
        let whole = &self.0[..self.0.len() - rest.len() + length];
        self.0 = &rest[length..];
        Some(Element { tag, content, whole })
    }

    fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }

    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn inside(element: &Element<'a>) -> Self {
        Self(element.content)
    }
}

/// What a certificate says, as far as it matters here; everything borrowed from its bytes.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    whole: &'a [u8],
    signed: &'a [u8],
    signature_algorithm: &'a [u8],
    signature: &'a [u8],
    version: u8,
    issuer: &'a [u8],
    subject: &'a [u8],
    not_before: i64,
    not_after: i64,
    key_algorithm: &'a [u8],
    key: &'a [u8],
    common_name: Option<String>,
    alternative: Vec<AlternativeName>,
    authority: Option<Authority>,
    may_sign_certificates: Option<bool>,
    for_servers: bool,
    not_understood: bool,
}

/// `basicConstraints`.
#[derive(Debug, Clone, Copy)]
struct Authority {
    is: bool,
    longest_path: Option<usize>,
}

#[derive(Debug)]
enum AlternativeName {
    Dns(String),
    Address(IpAddr),
}

impl<'a> Certificate<'a> {
    pub(super) fn parse(der: &'a [u8]) -> Option<Self> {
        let outer = Der(der).expect(SEQUENCE)?;
        let mut outer_parts = Der::inside(&outer);
        let signed = outer_parts.expect(SEQUENCE)?;
        let signature_algorithm = outer_parts.expect(SEQUENCE)?.content;
        let signature = bits(outer_parts.expect(BIT_STRING)?.content)?;

        let mut parts = Der::inside(&signed);
        let version = if parts.peek() == Some(CONTEXT_0) {
            let version = Der::inside(&parts.next()?).expect(INTEGER)?;
            match version.content {
                [version @ 0..=2] => version + 1,
                _ => return None,
            }
        } else {
            1
        };
        parts.expect(INTEGER)?;
        // the algorithm is written twice, and must be the same: only one of them is signed
        if parts.expect(SEQUENCE)?.content != signature_algorithm {
            return None;
        }
        let issuer = parts.expect(SEQUENCE)?.content;
        let mut validity = Der::inside(&parts.expect(SEQUENCE)?);
        let (not_before, not_after) = (time(&validity.next()?)?, time(&validity.next()?)?);
        let subject = parts.expect(SEQUENCE)?.content;
        let mut key = Der::inside(&parts.expect(SEQUENCE)?);
        let key_algorithm = key.expect(SEQUENCE)?.content;
        let key = bits(key.expect(BIT_STRING)?.content)?;
        let mut certificate = Self {
            whole: outer.whole,
            signed: signed.whole,
            signature_algorithm,
            signature,
            version,
            issuer,
            subject,
            not_before,
            not_after,
            key_algorithm,
            key,
            common_name: common_name(subject),
            alternative: Vec::new(),
            authority: None,
            may_sign_certificates: None,
            for_servers: true,
            not_understood: false,
        };
        while let Some(element) = parts.next() {
            if element.tag == CONTEXT_3 {
                let mut extensions = Der::inside(&Der::inside(&element).expect(SEQUENCE)?);
                while let Some(extension) = extensions.next() {
                    certificate.extension(&extension)?;
                }
            }
        }
        Some(certificate)
    }

    fn extension(&mut self, extension: &Element<'a>) -> Option<()> {
        let mut parts = Der::inside(extension);
        let id = parts.expect(OID)?.content;
        let critical = parts.peek() == Some(BOOLEAN) && parts.next()?.content != [0];
        let value = parts.expect(OCTET_STRING)?.content;
        match id {
            SUBJECT_ALT_NAME => {
                let mut names = Der::inside(&Der(value).expect(SEQUENCE)?);
                while let Some(name) = names.next() {
                    match (name.tag, name.content) {
                        // a name with a zero byte in it is an old attack, and matches nothing
                        (0x82, text) => self.alternative.push(AlternativeName::Dns(
                            String::from_utf8(text.to_vec())
                                .ok()
                                .filter(|text| !text.contains('\0'))
                                .unwrap_or_default(),
                        )),
                        (0x87, [a, b, c, d]) => {
                            self.alternative.push(AlternativeName::Address([*a, *b, *c, *d].into()));
                        }
                        (0x87, bytes) => {
                            if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
                                self.alternative.push(AlternativeName::Address(bytes.into()));
                            }
                        }
                        _ => {}
                    }
                }
            }
            BASIC_CONSTRAINTS => {
                let mut parts = Der::inside(&Der(value).expect(SEQUENCE)?);
                let is = parts.peek() == Some(BOOLEAN) && parts.next()?.content != [0];
                let longest_path = match parts.next().map(|length| length.content) {
                    None => None,
                    Some([length @ 0..=0x7f]) => Some(usize::from(*length)),
                    Some(_) => return None,
                };
                self.authority = Some(Authority { is, longest_path });
            }
            KEY_USAGE => {
                let usage = Der(value).expect(BIT_STRING)?.content;
                self.may_sign_certificates = Some(usage.get(1).is_some_and(|usage| usage & 0x04 != 0));
            }
            EXTENDED_KEY_USAGE => {
                let mut purposes = Der::inside(&Der(value).expect(SEQUENCE)?);
                self.for_servers = false;
                while let Some(purpose) = purposes.next() {
                    self.for_servers |= purpose.content == SERVER_AUTH || purpose.content == ANY_PURPOSE;
                }
            }
            NAME_CONSTRAINTS => self.not_understood = true,
            _ => self.not_understood |= critical,
        }
        Some(())
    }

    /// Whether this certificate may sign others, by OpenSSL's rule.
    fn is_authority(&self) -> bool {
        match self.authority {
            Some(authority) => authority.is && self.may_sign_certificates != Some(false),
            // version 1 has no way to say so; such a root is one because the user put it among the roots
            None => self.version < 3 && self.is_self_issued() || self.may_sign_certificates == Some(true),
        }
    }

    fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Checks what every certificate of a chain must fulfil.
    fn check(&self, now: i64) -> Result<(), Fault> {
        if now < self.not_before {
            Err(Fault::NotYetValid)
        } else if now > self.not_after {
            Err(Fault::Expired)
        } else if self.not_understood {
            Err(Fault::Unsupported("it has an extension that pgassay does not understand"))
        } else {
            Ok(())
        }
    }

    /// Whether `issuer`'s key made this certificate's signature.
    fn is_signed_by(&self, issuer: &Certificate<'_>, algorithms: WebPkiSupportedAlgorithms) -> bool {
        self.issuer == issuer.subject
            && algorithms.all.iter().any(|algorithm| {
                algorithm.signature_alg_id().as_ref() == self.signature_algorithm
                    && algorithm.public_key_alg_id().as_ref() == issuer.key_algorithm
                    && algorithm.verify_signature(issuer.key, self.signed, self.signature).is_ok()
            })
    }

    /// Verifies a handshake's signature with the certificate's key.
    pub(super) fn verifies(
        &self,
        message: &[u8],
        signature: &[u8],
        algorithms: &[&dyn rustls::pki_types::SignatureVerificationAlgorithm],
    ) -> bool {
        algorithms.iter().any(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == self.key_algorithm
                && algorithm.verify_signature(self.key, message, signature).is_ok()
        })
    }

    /// Whether the certificate names the host, by libpq's rule (since 15): alternative names first, of both kinds, and
    /// the CN only where there is no alternative name of the host's own kind.
    pub(super) fn check_name(&self, host: &str) -> Result<(), Fault> {
        let address: Option<IpAddr> = host.parse().ok();
        let mut check_common_name = true;
        for name in &self.alternative {
            let fits = match name {
                AlternativeName::Dns(pattern) => {
                    check_common_name &= address.is_some();
                    name_fits(pattern, host)
                }
                AlternativeName::Address(own) => {
                    check_common_name &= address.is_none();
                    address == Some(*own)
                }
            };
            if fits {
                return Ok(());
            }
        }
        if check_common_name && self.common_name.as_deref().is_some_and(|pattern| name_fits(pattern, host)) {
            return Ok(());
        }
        let mut names: Vec<_> = self
            .alternative
            .iter()
            .map(|name| match name {
                AlternativeName::Dns(name) => format!("\"{name}\""),
                AlternativeName::Address(address) => format!("\"{address}\""),
            })
            .collect();
        if names.is_empty() {
            names.extend(self.common_name.as_ref().map(|name| format!("\"{name}\"")));
        }
        let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
        Err(Fault::WrongName { host: host.to_owned(), names })
    }
}

/// libpq's comparison: without regard to case, and `*.` stands for one label.
fn name_fits(pattern: &str, host: &str) -> bool {
    if pattern.is_empty() {
        return false;
    }
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(suffix), Some(dot)) = (pattern.strip_prefix('*'), host.find('.')) else {
        return false;
    };
    // "*." alone would stand for every name
    suffix.len() > 1 && suffix.starts_with('.') && dot > 0 && suffix.eq_ignore_ascii_case(&host[dot..])
}

/// The content of a bit string of whole bytes.
fn bits(content: &[u8]) -> Option<&[u8]> {
    match content {
        [0, rest @ ..] => Some(rest),
        _ => None,
    }
}

/// The first CN of a name, where it is text.
fn common_name(name: &[u8]) -> Option<String> {
    let mut sets = Der(name);
    while let Some(set) = sets.expect(SET) {
        let mut attributes = Der::inside(&set);
        while let Some(attribute) = attributes.expect(SEQUENCE) {
            let mut parts = Der::inside(&attribute);
            if parts.expect(OID)?.content == COMMON_NAME {
                let text = String::from_utf8(parts.next()?.content.to_vec()).ok()?;
                return Some(text).filter(|text| !text.contains('\0'));
            }
        }
    }
    None
}

/// Seconds since the Unix epoch.
fn time(element: &Element<'_>) -> Option<i64> {
    let text = std::str::from_utf8(element.content).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match (element.tag, text.len()) {
        (UTC_TIME, 12) => {
            let year: i16 = text[..2].parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &text[2..])
        }
        (GENERALIZED_TIME, 14) => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    let part = |index: usize| rest[index * 2..index * 2 + 2].parse::<i8>().ok();
    let civil = jiff::civil::DateTime::new(year, part(0)?, part(1)?, part(2)?, part(3)?, part(4)?.min(59), 0).ok()?;
    // 9999-12-31, "no end", is the last second there is in any zone
    Some(jiff::tz::TimeZone::UTC.to_timestamp(civil).map_or(i64::MAX, jiff::Timestamp::as_second))
}

/// The longest chain that is followed, and the number of signatures that are tried: a server must not keep us busy.
const LONGEST_CHAIN: usize = 8;
const MOST_SIGNATURES: usize = 64;

/// Builds a chain from a server's certificate to one of the roots, as OpenSSL would.
///
/// # Errors
/// The reason OpenSSL would give; `trusted` is how the roots are called in it.
pub(super) fn verify_chain(
    leaf: &[u8],
    intermediates: &[&[u8]],
    roots: &[&[u8]],
    algorithms: WebPkiSupportedAlgorithms,
    now: i64,
    trusted: &str,
) -> Result<(), Fault> {
    let leaf = Certificate::parse(leaf).ok_or(Fault::Unreadable)?;
    leaf.check(now)?;
    if !leaf.for_servers {
        return Err(Fault::Purpose);
    }
    let intermediates: Vec<_> = intermediates.iter().filter_map(|der| Certificate::parse(der)).collect();
    let roots: Vec<_> = roots.iter().filter_map(|der| Certificate::parse(der)).collect();
    // a self-signed certificate that the user trusts as it is needs not be an authority
    if roots.iter().any(|root| root.whole == leaf.whole) && leaf.is_signed_by(&leaf, algorithms) {
        return Ok(());
    }
    let mut search = Search { intermediates: &intermediates, roots: &roots, algorithms, now, tried: 0, fault: None };
    if search.reaches_root(&leaf, 0) {
        Ok(())
    } else {
        Err(search.fault.unwrap_or(Fault::UnknownIssuer { trusted: trusted.to_owned() }))
    }
}

struct Search<'a> {
    intermediates: &'a [Certificate<'a>],
    roots: &'a [Certificate<'a>],
    algorithms: WebPkiSupportedAlgorithms,
    now: i64,
    tried: usize,
    /// Why a signer that was found is not good enough.
    fault: Option<Fault>,
}

impl Search<'_> {
    /// Whether a chain of authorities leads from a certificate with `below` authorities under it to a root.
    fn reaches_root(&mut self, certificate: &Certificate<'_>, below: usize) -> bool {
        let (roots, intermediates) = (self.roots, self.intermediates);
        if roots.iter().any(|root| self.signs(root, certificate, below)) {
            return true;
        }
        below < LONGEST_CHAIN
            && intermediates.iter().any(|next| {
                // version 1 is trusted where the user put it, not where the server sent it
                next.version >= 3
                    && next.whole != certificate.whole
                    && self.signs(next, certificate, below)
                    && self.reaches_root(next, below + 1)
            })
    }

    fn signs(&mut self, issuer: &Certificate<'_>, certificate: &Certificate<'_>, below: usize) -> bool {
        if issuer.subject != certificate.issuer || self.tried >= MOST_SIGNATURES {
            return false;
        }
        self.tried += 1;
        if !certificate.is_signed_by(issuer, self.algorithms) {
            return false;
        }
        let path_too_long =
            issuer.authority.and_then(|authority| authority.longest_path).is_some_and(|longest| below > longest);
        let fault = match issuer.check(self.now) {
            Err(Fault::Expired) => Fault::Other("the certificate of its authority expired: renew it".to_owned()),
            Err(fault) => fault,
            Ok(()) if !issuer.is_authority() || path_too_long => {
                Fault::Other("it is signed by a certificate that may not sign others".to_owned())
            }
            Ok(()) => return true,
        };
        self.fault = Some(fault);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_as_in_libpq() {
        for (pattern, host, fits) in [
            ("db.example.com", "DB.example.COM", true),
            ("*.example.com", "db.example.com", true),
            ("*.example.com", "a.db.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*", "example", false),
            ("*.", "example.", false),
            ("d*.example.com", "db.example.com", false),
            ("", "", false),
            ("10.0.0.1", "10.0.0.1", true),
        ] {
            assert_eq!(name_fits(pattern, host), fits, "{pattern} {host}");
        }
    }

    #[test]
    fn garbage_is_no_certificate() {
        for der in [&[][..], &[0x30], &[0x30, 0x80], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 2, 0x30, 0]] {
            assert!(Certificate::parse(der).is_none());
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(der: Vec<u8>) {
            let _ = Certificate::parse(&der);
            let mut framed = vec![SEQUENCE, u8::try_from(der.len().min(127)).unwrap()];
            framed.extend(&der);
            let _ = Certificate::parse(&framed);
        }
    }

    #[test]
    fn times() {
        let read = |tag, text: &str| time(&Element { tag, content: text.as_bytes(), whole: &[] });
        assert_eq!(read(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(read(UTC_TIME, "491231235959Z").map(|time| time > 2_000_000_000), Some(true));
        assert_eq!(read(GENERALIZED_TIME, "20000101000000Z"), Some(946_684_800));
        assert_eq!(read(GENERALIZED_TIME, "99991231235959Z"), Some(i64::MAX));
        assert_eq!(read(GENERALIZED_TIME, "20001301000000Z"), None);
        assert_eq!(read(UTC_TIME, "7001010000é"), None);
    }
}
