//! The journal as `journalctl -o json` prints it: one object a message, all values text.

use super::Notes;
use super::emit::{Encoding, Envelope, stream};
use super::json::{self, Value};
use super::objects::{self, ObjectCarrier};
use super::syslog::Programs;

/// The carrier.
#[derive(Debug)]
pub(super) struct Journal {
    programs: Programs,
}

impl Journal {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { programs: Programs::new(encoding) }
    }
}

/// A message that is no UTF-8 is printed as an array of its bytes.
fn bytes(value: Value<'_>) -> Vec<u8> {
    match value {
        Value::Array(array) => json::elements(array).filter_map(|byte| u8::try_from(byte.integer()?).ok()).collect(),
        value => value.text(),
    }
}

impl ObjectCarrier for Journal {
    fn object(&mut self, outer: Envelope, object: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut message, mut time, mut pid, mut syslog_pid) = (None, None, None, None);
        let (mut host, mut identifier, mut unit, mut container) = (None, None, None, None);
        let is_whole = objects::fields(object, |key, value| match key {
            b"MESSAGE" => message = Some(value),
            b"__REALTIME_TIMESTAMP" => time = value.integer(),
            b"_PID" => pid = value.integer(),
            b"SYSLOG_PID" => syslog_pid = value.integer(),
            b"_HOSTNAME" => host = value.raw(),
            b"SYSLOG_IDENTIFIER" => identifier = value.raw(),
            b"_SYSTEMD_UNIT" => unit = value.raw(),
            b"CONTAINER_NAME" => container = value.raw(),
            _ => {}
        });
        let (true, Some(message)) = (is_whole, message) else { return false };
        let message = bytes(message);
        let host = host.unwrap_or_default();
        // the process of a container's driver is the runtime's
        let pid = if container.is_some() { None } else { syslog_pid.or(pid).and_then(|pid| u32::try_from(pid).ok()) };
        let name = container.or(unit).or(identifier).unwrap_or_default();
        let known = Envelope { time, pid, stream: stream(&[host, name]) }.within(outer);
        let program = container.or(identifier).unwrap_or_default();
        let key = stream(&[&known.stream.to_le_bytes(), &pid.unwrap_or_default().to_le_bytes()]);
        let message = message.strip_suffix(b"\n").unwrap_or(&message);
        self.programs.text(program, key, known, message, out);
        true
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.programs.end(out);
    }

    fn notes(&self) -> Notes {
        self.programs.notes()
    }
}
