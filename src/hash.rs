//! SHA-256 in hexadecimal digits: of evidence, snapshots, plans and shapes.

use sha2::{Digest, Sha256};
use std::io::{self, Write};

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

/// The SHA-256 of what is written, made while it is.
#[derive(Debug, Default)]
pub struct Running(Sha256);

/// A writer whose bytes are summed on their way.
#[derive(Debug)]
pub struct Summed<'a, W: ?Sized> {
    sum: &'a mut Running,
    out: &'a mut W,
}

impl Running {
    /// Writes to `out`, and adds what was written.
    pub fn over<'a, W: Write + ?Sized>(&'a mut self, out: &'a mut W) -> Summed<'a, W> {
        Summed { sum: self, out }
    }

    /// The SHA-256 so far, 64 digits.
    pub fn digits(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

impl<W: Write + ?Sized> Write for Summed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sum.0.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The first eight bytes of a SHA-256 as a number.
pub fn number(bytes: &[u8]) -> u64 {
    let sum = Sha256::digest(bytes);
    sum.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
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
    fn what_is_written_in_parts_has_the_sum_of_the_whole() {
        use std::io::Write;
        let (mut out, mut sum) = (Vec::new(), super::Running::default());
        for part in ["ab", "", "c"] {
            sum.over(&mut out).write_all(part.as_bytes()).unwrap();
        }
        assert_eq!((out.as_slice(), sum.digits()), (b"abc".as_slice(), super::sha256(b"abc")));
    }

    #[test]
    fn hashes_are_the_ones_everybody_computes() {
        assert_eq!(super::sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(super::short(b""), "e3b0c44298fc1c14");
    }
}
