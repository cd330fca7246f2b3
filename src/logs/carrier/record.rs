//! Carriers that took the entry apart: CloudNativePG and Supabase hold csvlog's columns as fields. They become objects as
//! jsonlog has them, so that the readers know three formats and no more.

use super::emit::{Envelope, stream};
use super::json::{self, Value};
use super::objects::{self, ObjectCarrier};
use super::{Notes, clock};
use std::io::Write;

/// csvlog's column, jsonlog's key, and whether its value is a number.
const COLUMNS: [(&[u8], &str, bool); 22] = [
    (b"log_time", "timestamp", false),
    (b"timestamp", "timestamp", false),
    (b"user_name", "user", false),
    (b"database_name", "dbname", false),
    (b"process_id", "pid", true),
    (b"session_id", "session_id", false),
    (b"session_line_num", "line_num", true),
    (b"command_tag", "ps", false),
    (b"session_start_time", "session_start", false),
    (b"virtual_transaction_id", "vxid", false),
    (b"transaction_id", "txid", true),
    (b"error_severity", "error_severity", false),
    (b"sql_state_code", "state_code", false),
    (b"message", "message", false),
    (b"detail", "detail", false),
    (b"hint", "hint", false),
    (b"internal_query", "internal_query", false),
    (b"context", "context", false),
    (b"query", "statement", false),
    (b"application_name", "application_name", false),
    (b"backend_type", "backend_type", false),
    (b"query_id", "query_id", true),
];

/// An object being written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    has_time: bool,
    has_message: bool,
    has_severity: bool,
}

impl<'a> Object<'a> {
    fn begin(known: Envelope, out: &'a mut Vec<u8>) -> Self {
        // writing to a vector does not fail
        let _ = write!(out, "{{\"pgassay_stream\":\"{:x}\"", known.stream);
        Self { out, has_time: false, has_message: false, has_severity: false }
    }

    fn key(&mut self, key: &str) {
        let _ = write!(self.out, ",\"{key}\":");
    }

    fn text(&mut self, key: &str, raw: &[u8]) {
        self.key(key);
        self.out.push(b'"');
        self.out.extend_from_slice(raw);
        self.out.push(b'"');
    }

    /// The fields of csvlog's columns, but for what is null or empty.
    fn columns(&mut self, record: &[u8]) -> bool {
        json::fields(record, |key, value| {
            let (Value::Text(raw) | Value::Word(raw)) = value else { return };
            if raw.is_empty() || raw == b"null" {
                return;
            }
            if key == b"connection_from" {
                return self.connection(raw);
            }
            let Some((_, name, is_number)) = COLUMNS.iter().find(|(column, ..)| *column == key) else { return };
            match *name {
                "timestamp" if std::mem::replace(&mut self.has_time, true) => return,
                "message" => self.has_message = true,
                "error_severity" => self.has_severity = true,
                _ => {}
            }
            let digits = raw.strip_prefix(b"-").unwrap_or(raw);
            if *is_number && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
                self.key(name);
                self.out.extend_from_slice(raw);
            } else {
                self.text(name, raw);
            }
        })
    }

    /// `host:port`, `[local]`.
    fn connection(&mut self, raw: &[u8]) {
        let colon = raw.iter().rposition(|b| *b == b':');
        let port =
            colon.map(|at| &raw[at + 1..]).filter(|port| !port.is_empty() && port.iter().all(u8::is_ascii_digit));
        match (colon, port) {
            (Some(at), Some(port)) => {
                self.text("remote_host", &raw[..at]);
                self.key("remote_port");
                self.out.extend_from_slice(port);
            }
            _ => self.text("remote_host", raw),
        }
    }

    fn end(mut self, time: Option<i64>, message: Option<&[u8]>) {
        if let Some(message) = message.filter(|_| !self.has_message) {
            self.text("message", message);
        }
        if !self.has_severity {
            self.text("error_severity", b"LOG");
        }
        if let Some(time) = time.filter(|_| !self.has_time) {
            let mut text = Vec::new();
            clock::write_rfc3339(time, &mut text);
            self.text("timestamp", &text);
        }
        self.out.extend_from_slice(b"}\n");
    }
}

/// `{"logger":"postgres","msg":"record","logging_pod":…,"record":{…}}` among the objects of other loggers.
#[derive(Debug, Default)]
pub(super) struct CloudNativePg {
    foreign: u64,
}

impl ObjectCarrier for CloudNativePg {
    fn object(&mut self, outer: Envelope, object: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut logger, mut message, mut pod, mut record, mut time) = (None, None, None, None, None);
        let is_whole = objects::fields(object, |key, value| match key {
            b"logger" => logger = value.raw(),
            b"msg" => message = Some(value),
            b"logging_pod" => pod = value.raw(),
            b"record" => record = Some(value),
            // seconds with a fraction in old versions, RFC 3339 in new ones
            b"ts" => time = value.raw().and_then(clock::rfc3339).map(|stamp| stamp.micros),
            _ => {}
        });
        if !is_whole || logger.is_none() && message.is_none() {
            return false;
        }
        match (logger, record, message) {
            (Some(b"postgres"), Some(Value::Object(record)), _) => {
                let known = Envelope { time, pid: None, stream: stream(&[pod.unwrap_or_default()]) }.within(outer);
                let start = out.len();
                let mut object = Object::begin(known, out);
                if object.columns(record) && object.has_message {
                    object.end(known.time, None);
                    return true;
                }
                out.truncate(start);
                false
            }
            // what the server said before its collector took over
            (Some(b"postgres"), _, Some(message)) => {
                out.extend(message.text().iter().map(|b| if *b == b'\n' { b' ' } else { *b }));
                out.push(b'\n');
                true
            }
            _ => {
                self.foreign += 1;
                true
            }
        }
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}

    fn notes(&self) -> Notes {
        Notes { foreign: self.foreign, ..Notes::default() }
    }
}

/// Rows with `event_message`, `timestamp` and `metadata[].parsed[]`.
#[derive(Debug, Default)]
pub(super) struct Supabase {
    foreign: u64,
}

impl ObjectCarrier for Supabase {
    fn object(&mut self, outer: Envelope, object: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut message, mut time, mut metadata, mut flat) = (None, None, None, false);
        let is_whole = objects::fields(object, |key, value| match key {
            b"event_message" => message = value.raw(),
            b"timestamp" => {
                time = match value.integer() {
                    Some(micros) => Some(micros),
                    None => value.raw().and_then(clock::rfc3339).map(|stamp| stamp.micros),
                }
            }
            b"metadata" => metadata = Some(value),
            // a query of the log explorer that unnested what it needed
            b"error_severity" | b"process_id" | b"session_id" => flat = true,
            _ => {}
        });
        let (true, Some(message)) = (is_whole, message) else { return false };
        let first = |value: Value<'_>| match value {
            Value::Array(array) => match json::elements(array).next() {
                Some(Value::Object(object)) => Some(object.to_vec()),
                _ => None,
            },
            Value::Object(object) => Some(object.to_vec()),
            // exported as text
            Value::Text(_) => {
                let text = value.text();
                let array = if text.first() == Some(&b'[') { &text } else { return Some(text) };
                match json::elements(array).next() {
                    Some(Value::Object(object)) => Some(object.to_vec()),
                    _ => None,
                }
            }
            Value::Word(_) => None,
        };
        let metadata = metadata.and_then(first);
        let parsed = metadata.as_ref().and_then(|object| json::field(object, "parsed")).and_then(first);
        let host = metadata.as_ref().and_then(|object| json::field(object, "host")).and_then(Value::raw);
        let row;
        let record = match (&parsed, flat, &metadata) {
            (Some(parsed), ..) => parsed.as_slice(),
            (None, true, _) => {
                row = object.to_vec();
                row.as_slice()
            }
            (None, false, None) => b"{}",
            _ => {
                self.foreign += 1;
                return true;
            }
        };
        let known = Envelope { time, pid: None, stream: stream(&[host.unwrap_or_default()]) }.within(outer);
        let start = out.len();
        let mut object = Object::begin(known, out);
        // the row's own time is a number: the instant of the entry, not its text
        object.has_time = parsed.is_none();
        if !object.columns(record) {
            out.truncate(start);
            return false;
        }
        if parsed.is_none() {
            object.has_time = false;
        }
        object.end(known.time, Some(message));
        true
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}

    fn notes(&self) -> Notes {
        Notes { foreign: self.foreign, ..Notes::default() }
    }
}
