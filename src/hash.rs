//! SHA-256 in hexadecimal digits: of evidence, snapshots, plans and shapes.

use sha2::{Digest, Sha256};

/// Bytes in lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The SHA-256 of bytes, 64 digits.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The first half of a SHA-256's first half: 16 digits, as long as a fingerprint.
pub fn short(bytes: &[u8]) -> String {
    let mut digits = sha256(bytes);
    digits.truncate(16);
    digits
}

#[cfg(test)]
mod tests {
    #[test]
    fn hashes_are_the_ones_everybody_computes() {
        assert_eq!(super::sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(super::short(b""), "e3b0c44298fc1c14");
    }
}
