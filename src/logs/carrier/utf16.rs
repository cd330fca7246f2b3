//! UTF-16, which some exports and shells of Windows write, as UTF-8.

use super::{Carrier, Notes};

/// The carrier: code units in, UTF-8 out; half of a surrogate pair becomes U+FFFD.
#[derive(Debug)]
pub(super) struct Utf16 {
    is_big_endian: bool,
    byte: Option<u8>,
    high: Option<u16>,
    is_past_start: bool,
}

impl Utf16 {
    pub(super) fn new(is_big_endian: bool) -> Self {
        Self { is_big_endian, byte: None, high: None, is_past_start: false }
    }

    fn unit(&mut self, unit: u16, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.is_past_start, true) && unit == 0xfeff {
            return;
        }
        let high = self.high.take();
        match (high, unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                let code = 0x10000 + (u32::from(high - 0xd800) << 10) + u32::from(unit - 0xdc00);
                return push(code, out);
            }
            (Some(high), _) => push(u32::from(high), out),
            (None, _) => {}
        }
        match unit {
            0xd800..=0xdbff => self.high = Some(unit),
            _ => push(u32::from(unit), out),
        }
    }
}

fn push(code: u32, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    let char = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(char.encode_utf8(&mut buffer).as_bytes());
}

impl Carrier for Utf16 {
    fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        for byte in input {
            let Some(first) = self.byte.take() else {
                self.byte = Some(*byte);
                continue;
            };
            let pair = [first, *byte];
            let unit = if self.is_big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
            self.unit(unit, out);
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.byte.take().is_some() || self.high.take().is_some() {
            push(0xfffd, out);
        }
    }

    fn notes(&self) -> Notes {
        Notes::default()
    }
}

/// Whether bytes are UTF-16, and if so whether the high byte is first: by the byte order mark, or by every other byte of what
/// is plain ASCII being NUL.
pub(super) fn is_utf16(sample: &[u8]) -> Option<bool> {
    if sample.starts_with(b"\xff\xfe") {
        return Some(false);
    }
    if sample.starts_with(b"\xfe\xff") {
        return Some(true);
    }
    let start = sample.get(..64)?;
    let zeros = |from: usize| start.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
    match (zeros(0), zeros(1)) {
        (0, 29..) => Some(false),
        (29.., 0) => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoded_in_any_pieces() {
        for is_big_endian in [false, true] {
            let text = "\u{feff}LOG:  é 😀\n";
            let bytes: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| if is_big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
                .collect();
            assert_eq!(is_utf16(&bytes), Some(is_big_endian));
            for cut in 0..bytes.len() {
                let (mut carrier, mut out) = (Utf16::new(is_big_endian), Vec::new());
                carrier.feed(&bytes[..cut], &mut out);
                carrier.feed(&bytes[cut..], &mut out);
                carrier.finish(&mut out);
                assert_eq!(String::from_utf8(out).unwrap(), "LOG:  é 😀\n");
            }
        }
        assert_eq!(is_utf16(b"plain text"), None);
        assert_eq!(is_utf16(&[b'a', 0].repeat(40)), Some(false));
    }
}
