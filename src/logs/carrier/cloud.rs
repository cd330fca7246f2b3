//! Log services of clouds: an object around each entry, whose text is a line as the server wrote it.

use super::emit::{Encoding, Envelope, stream};
use super::json::{self, Value};
use super::objects::{self, ObjectCarrier};
use super::{Notes, clock};

/// The order entries come in: some exports have the newest first.
#[derive(Debug, Default)]
struct Order {
    last: Option<i64>,
    rising: u64,
    falling: u64,
}

impl Order {
    fn see(&mut self, time: Option<i64>) {
        let Some(time) = time else { return };
        match self.last {
            Some(last) if time < last => self.falling += 1,
            Some(last) if time > last => self.rising += 1,
            _ => {}
        }
        self.last = Some(time);
    }

    fn is_descending(&self) -> bool {
        self.falling > self.rising && self.falling > 1
    }
}

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Google's LogEntry.
    Google,
    /// Amazon's events.
    Amazon,
    /// Azure's diagnostic records.
    Azure,
}

/// The carrier of all three.
#[derive(Debug)]
pub(super) struct Cloud {
    service: Service,
    encoding: Encoding,
    order: Order,
    foreign: u64,
}

impl Cloud {
    pub(super) fn new(service: Service, encoding: Encoding) -> Self {
        Self { service, encoding, order: Order::default(), foreign: 0 }
    }

    fn entry(&mut self, known: Envelope, text: &[u8], out: &mut Vec<u8>) {
        self.order.see(known.time);
        self.encoding.entry(known, text, out);
    }

    /// `textPayload`, `timestamp`, `resource.labels`, `logName`.
    fn google(&mut self, outer: Envelope, object: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut text, mut time, mut received, mut name, mut labels, mut other) = (None, None, None, None, None, false);
        let is_whole = objects::fields(object, |key, value| match key {
            b"textPayload" => text = Some(value),
            b"timestamp" => time = value.raw().and_then(clock::rfc3339),
            b"receiveTimestamp" => received = value.raw().and_then(clock::rfc3339),
            b"logName" => name = value.raw(),
            b"jsonPayload" | b"protoPayload" => other = true,
            b"resource" => {
                if let Value::Object(resource) = value {
                    labels = json::field(resource, "labels");
                }
            }
            _ => {}
        });
        if !is_whole || text.is_none() && !other && name.is_none() {
            return false;
        }
        let name = name.unwrap_or_default();
        let is_database = |part: &[u8]| memchr::memmem::find(name, part).is_some();
        let is_foreign = (is_database(b"cloudsql") || is_database(b"alloydb")) && !is_database(b"postgres");
        let Some(text) = text.filter(|_| !is_foreign) else {
            self.foreign += 1;
            return true;
        };
        let (mut parts, mut count) = ([b"".as_slice(); 4], 0);
        if let Some(Value::Object(labels)) = labels {
            json::fields(labels, |key, value| {
                let is_name = matches!(key, b"database_id" | b"instance_id" | b"pod_name" | b"container_name");
                if let (true, Some(part), Some(raw)) = (is_name, parts.get_mut(count), value.raw()) {
                    *part = raw;
                    count += 1;
                }
            });
        }
        let time = time.or(received).map(|stamp| stamp.micros);
        let known = Envelope { time, pid: None, stream: stream(&parts[..count]) }.within(outer);
        self.entry(known, &text.text(), out);
        true
    }

    /// `message` and `timestamp` in milliseconds, of the API; `@message` and `@timestamp`, of a query.
    fn amazon(&mut self, outer: Envelope, object: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut text, mut time, mut name) = (None, None, b"".as_slice());
        let is_whole = objects::fields(object, |key, value| match key {
            b"message" | b"@message" => text = Some(value),
            b"timestamp" | b"@timestamp" => {
                time = match value.integer() {
                    Some(millis) => millis.checked_mul(1000),
                    None => value.raw().and_then(clock::rfc3339).map(|stamp| stamp.micros),
                }
            }
            b"logStreamName" | b"@logStream" => name = value.raw().unwrap_or_default(),
            _ => {}
        });
        let (true, Some(text @ Value::Text(_))) = (is_whole, text) else { return false };
        let known = Envelope { time, pid: None, stream: stream(&[name]) }.within(outer);
        self.entry(known, &text.text(), out);
        true
    }

    /// `properties` with `message`, `detail`, `errorLevel`, `processId`; the retired single server keeps the `prefix` apart.
    fn azure(&mut self, outer: Envelope, object: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut time, mut category, mut resource, mut server) = (None, None, None, None);
        let mut properties = None;
        let is_whole = objects::fields(object, |key, value| match key {
            b"time" | b"TimeGenerated" => time = value.raw().and_then(clock::rfc3339).map(|stamp| stamp.micros),
            b"category" | b"Category" => category = value.raw(),
            b"resourceId" | b"_ResourceId" => resource = value.raw(),
            b"LogicalServerName" => server = value.raw(),
            b"properties" | b"Properties" => properties = Some(value),
            _ => {}
        });
        if !is_whole || properties.is_none() && category.is_none() {
            return false;
        }
        // in some exports the properties are text that holds an object
        let properties = match properties {
            Some(Value::Object(object)) => object.to_vec(),
            Some(text) => text.text(),
            None => Vec::new(),
        };
        let (mut message, mut detail, mut prefix, mut level, mut pid) = (None, None, None, None, None);
        json::fields(&properties, |key, value| match key {
            b"message" => message = Some(value.text()),
            b"detail" => detail = Some(value.text()),
            b"prefix" => prefix = Some(value.text()),
            b"errorLevel" => level = Some(value.text()),
            b"processId" => pid = value.integer().and_then(|pid| u32::try_from(pid).ok()),
            _ => {}
        });
        let is_server_log = category.is_none_or(|category| category == b"PostgreSQLLogs");
        let Some(message) = message.filter(|_| is_server_log) else {
            self.foreign += 1;
            return true;
        };
        let name = server.or(resource).unwrap_or_default().to_ascii_lowercase();
        let known = Envelope { time, pid, stream: stream(&[&name]) }.within(outer);
        let level = level.unwrap_or_default();
        let marker = [level.as_slice(), b":"].concat();
        let at = memchr::memmem::find(&message[..message.len().min(512)], &marker).filter(|_| !level.is_empty());
        let (prefix, message) = match (at, prefix) {
            (Some(at), None) => (message[..at].to_vec(), message),
            (_, prefix) => {
                let prefix = prefix.unwrap_or_default();
                let has_level = prefix.ends_with(&level) && !level.is_empty();
                let prefix = if has_level { prefix[..prefix.len() - level.len()].to_vec() } else { prefix };
                let line = [prefix.as_slice(), &marker, b"  ", &message].concat();
                (prefix, if level.is_empty() { message } else { line })
            }
        };
        self.entry(known, &message, out);
        if let Some(detail) = detail.filter(|detail| !detail.is_empty()) {
            let mut line = [prefix.as_slice(), b"DETAIL:  "].concat();
            for byte in detail {
                line.push(byte);
                if byte == b'\n' {
                    line.push(b'\t');
                }
            }
            self.encoding.entry(known, &line, out);
        }
        true
    }
}

impl ObjectCarrier for Cloud {
    fn object(&mut self, outer: Envelope, object: &[u8], out: &mut Vec<u8>) -> bool {
        match self.service {
            Service::Google => self.google(outer, object, out),
            Service::Amazon => self.amazon(outer, object, out),
            Service::Azure => self.azure(outer, object, out),
        }
    }

    fn end(&mut self, _out: &mut Vec<u8>) {}

    fn notes(&self) -> Notes {
        Notes { foreign: self.foreign, is_descending: self.order.is_descending(), ..Notes::default() }
    }
}
