//! What an application says about a statement in its comments: the request it belongs to, the route it serves, the program.
//! Two forms count, and nothing else: `key='value',…` (sqlcommenter, Rails from 7.1 on, tracers) and `key:value,…` (Marginalia
//! and Rails' own query log tags). Free text, hints for planners and anything that only looks like it give nothing.

use std::borrow::Cow;
use std::ops::Range;

/// Routes are cut here: a key in a report, not a document.
const ROUTE_BYTES: usize = 200;

/// No tag is longer; what is was not written by one of these libraries.
const COMMENT_BYTES: usize = 4096;

/// What the comments of one statement say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags<'a> {
    /// What joins the statements of one request: the trace id of `traceparent`, else `trace_id`, `request_id`, or the id of a
    /// background job.
    pub trace: Option<Cow<'a, [u8]>>,
    /// `route`, else `controller#action`, else what there is of that, else the job; at most 200 bytes.
    pub route: Option<Cow<'a, [u8]>>,
    /// The program.
    pub application: Option<Cow<'a, [u8]>>,
    /// The framework or driver that wrote the comment, as it calls itself: `django:5.1`; `rails` for its own form.
    pub framework: Option<Cow<'a, [u8]>>,
    /// Whether a comment says that this is only a sign of life.
    pub is_ping: bool,
}

/// The values as they were found, the first of each.
#[derive(Default)]
struct Found<'a> {
    traceparent: Option<Cow<'a, [u8]>>,
    trace_id: Option<Cow<'a, [u8]>>,
    request_id: Option<Cow<'a, [u8]>>,
    job_id: Option<Cow<'a, [u8]>>,
    route: Option<Cow<'a, [u8]>>,
    controller: Option<Cow<'a, [u8]>>,
    action: Option<Cow<'a, [u8]>>,
    job: Option<Cow<'a, [u8]>>,
    application: Option<Cow<'a, [u8]>>,
    framework: Option<Cow<'a, [u8]>>,
    driver: Option<Cow<'a, [u8]>>,
    is_rails: bool,
    is_any: bool,
}

/// Reads the comments of a statement, delimiters included; `None` where they say nothing of this kind.
pub fn tags<'a>(comments: impl IntoIterator<Item = &'a [u8]>) -> Option<Tags<'a>> {
    let mut found = Found::default();
    let mut is_ping = false;
    for text in comments.into_iter().filter_map(inside) {
        is_ping |= text.eq_ignore_ascii_case(b"ping");
        let key = key_length(text);
        match text.get(key) {
            Some(b'=') => quoted_values(text, &mut found),
            Some(b':') => plain_values(text, &mut found),
            _ => {}
        }
    }
    (is_ping || found.is_any).then(|| Tags { is_ping, ..found.into_tags() })
}

/// The text of a comment without delimiters and the white space inside them; `None` for a hint, for one that was cut, and
/// for a long one.
fn inside(comment: &[u8]) -> Option<&[u8]> {
    let text = comment.strip_prefix(b"/*")?.strip_suffix(b"*/")?;
    (text.len() <= COMMENT_BYTES && !matches!(text.first(), Some(b'+' | b'!'))).then(|| text.trim_ascii())
}

/// The length of the key that a text begins with; 0 where it begins with something else.
fn key_length(text: &[u8]) -> usize {
    let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match text.first() {
        Some(first) if first.is_ascii_alphabetic() || *first == b'_' => {
            text.iter().position(|byte| !is_key(byte)).unwrap_or(text.len())
        }
        _ => 0,
    }
}

/// `key='value',key='value'`. If a part of it has another form, the comment is somebody's prose and none of it counts.
fn quoted_values<'a>(text: &'a [u8], found: &mut Found<'a>) {
    let mut all = Quoted { rest: Some(text), is_broken: false };
    all.by_ref().for_each(drop);
    if !all.is_broken {
        Quoted { rest: Some(text), is_broken: false }.for_each(|(key, value)| found.set(key, || decoded(value)));
    }
}

/// The keys and values of [`quoted_values`].
struct Quoted<'a> {
    /// What follows a comma, or the beginning.
    rest: Option<&'a [u8]>,
    is_broken: bool,
}

impl<'a> Iterator for Quoted<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let (key, after) = rest.split_at(key_length(rest));
        let value = after.strip_prefix(b"='").filter(|_| !key.is_empty());
        let pair = value.and_then(|value| Some(value.split_at(closing_quote(value)?)));
        let Some((value, after)) = pair else {
            self.is_broken = true;
            return None;
        };
        let after = after.get(1..).unwrap_or_default().trim_ascii_start();
        self.rest = after.strip_prefix(b",").map(<[u8]>::trim_ascii_start);
        self.is_broken = self.rest.is_none() && !after.is_empty();
        Some((key, value))
    }
}

/// The end of a value in quotes, in which a backslash escapes.
fn closing_quote(value: &[u8]) -> Option<usize> {
    let mut is_escaped = false;
    value.iter().position(|byte| {
        let is_end = *byte == b'\'' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    })
}

/// `key:value,key:value`. A value may hold colons, and commas where no key follows. Of these words some are also prose, so
/// nothing counts where a space follows a key's colon, or where there is no key that is known.
fn plain_values<'a>(text: &'a [u8], found: &mut Found<'a>) {
    let pairs = || Plain { rest: text };
    let is_spaced = |value: &[u8]| value.first().is_some_and(u8::is_ascii_whitespace);
    let is_known = |key: &[u8]| Found::default().slot(key).is_some();
    if pairs().any(|(_, value)| is_spaced(value)) || !pairs().any(|(key, _)| is_known(key)) {
        return;
    }
    for (key, value) in pairs() {
        found.is_rails |= matches!(key, b"controller" | b"action" | b"job" | b"line" | b"source_location");
        found.set(key, || Cow::Borrowed(value.trim_ascii()));
    }
}

/// The keys and values of [`plain_values`].
struct Plain<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Plain<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_ascii_start();
        let (key, after) = rest.split_at(key_length(rest));
        let value = after.strip_prefix(b":").filter(|_| !key.is_empty())?;
        // a comma before a key ends it
        let begins_pair = |text: &[u8]| {
            let text = text.trim_ascii_start();
            let key = key_length(text);
            key > 0 && text.get(key) == Some(&b':')
        };
        let ends = |at: &usize| value.get(*at) == Some(&b',') && value.get(at + 1..).is_some_and(begins_pair);
        let end = (0..value.len()).find(ends).unwrap_or(value.len());
        self.rest = value.get(end + 1..).unwrap_or_default();
        Some((key, value.get(..end).unwrap_or_default()))
    }
}

/// A value without its backslashes and percent signs. A percent sign may be doubled, for drivers that format with it.
fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.iter().any(|byte| matches!(byte, b'%' | b'\\')) {
        return Cow::Borrowed(value);
    }
    let digit = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { (byte | 0x20) - b'a' + 10 };
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [byte, after @ ..] = rest {
        let code = after.strip_prefix(b"%").unwrap_or(after);
        let (decoded, after) = match (byte, after, code) {
            (b'\\', [escaped, after @ ..], _) => (*escaped, after),
            (b'%', _, [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (digit(*high) << 4 | digit(*low), after)
            }
            _ => (*byte, after),
        };
        out.push(decoded);
        rest = after;
    }
    Cow::Owned(out)
}

impl<'a> Found<'a> {
    /// Where the value of a key is kept, if it is.
    fn slot(&mut self, key: &[u8]) -> Option<&mut Option<Cow<'a, [u8]>>> {
        Some(match key {
            b"traceparent" => &mut self.traceparent,
            b"trace_id" => &mut self.trace_id,
            b"request_id" => &mut self.request_id,
            b"jid" | b"job_id" => &mut self.job_id,
            b"route" => &mut self.route,
            b"controller" | b"namespaced_controller" => &mut self.controller,
            b"action" => &mut self.action,
            b"job" => &mut self.job,
            // the last is the name a tracer gives to the service that asks
            b"application" | b"app" | b"service" | b"ddps" => &mut self.application,
            b"framework" => &mut self.framework,
            b"db_driver" => &mut self.driver,
            _ => return None,
        })
    }

    fn set(&mut self, key: &[u8], value: impl FnOnce() -> Cow<'a, [u8]>) {
        if let Some(slot) = self.slot(key)
            && slot.is_none()
        {
            *slot = Some(value()).filter(|value| !value.is_empty());
            self.is_any |= slot.is_some();
        }
    }

    fn into_tags(self) -> Tags<'a> {
        let action = match (self.controller, self.action) {
            (Some(controller), Some(action)) => Some(Cow::Owned([controller.as_ref(), b"#", action.as_ref()].concat())),
            (controller, action) => action.or(controller),
        };
        let rails = self.is_rails.then_some(Cow::Borrowed(b"rails".as_slice()));
        let trace = self.traceparent.and_then(trace_id);
        Tags {
            trace: trace.or(self.trace_id).or(self.request_id).or(self.job_id),
            route: self.route.or(action).or(self.job).map(|route| cut(route, ROUTE_BYTES)),
            application: self.application,
            framework: self.framework.or(self.driver).or(rails),
            is_ping: false,
        }
    }
}

/// The trace id of a `traceparent`: `00-<32 hexadecimal digits>-<16>-<2>`, all zeros being none.
fn trace_id(traceparent: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
    const ID: Range<usize> = 3..35;
    let mut parts =
        traceparent.split(|byte| *byte == b'-').map(|part| (part.len(), part.iter().all(u8::is_ascii_hexdigit)));
    let has_form = [2, 32, 16, 2].iter().all(|length| parts.next() == Some((*length, true)));
    if !has_form || traceparent.get(ID)?.iter().all(|digit| *digit == b'0') {
        return None;
    }
    match traceparent {
        Cow::Borrowed(text) => text.get(ID).map(Cow::Borrowed),
        Cow::Owned(text) => text.get(ID).map(|id| Cow::Owned(id.to_vec())),
    }
}

/// At most so many bytes, without half a character at the end.
fn cut(text: Cow<'_, [u8]>, most: usize) -> Cow<'_, [u8]> {
    if text.len() <= most {
        return text;
    }
    let is_inside = |end: usize| text.get(end).is_some_and(|byte| byte & 0xc0 == 0x80);
    // a character has at most four bytes
    let end = (most.saturating_sub(3)..=most).rev().find(|end| !is_inside(*end)).unwrap_or(most);
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(..end).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::lexer::Lexer;
    use proptest::prelude::*;

    fn of(sql: &str) -> Option<Tags<'_>> {
        let mut lexer = Lexer::new();
        tags(lexer.lex(sql.as_bytes(), false).comments.iter().map(|range| &sql.as_bytes()[range.clone()]))
    }

    /// Trace, route, application, framework.
    fn read(sql: &str) -> [Option<String>; 4] {
        let tags = of(sql).unwrap_or_default();
        [tags.trace, tags.route, tags.application, tags.framework]
            .map(|tag| tag.map(|tag| String::from_utf8_lossy(&tag).into_owned()))
    }

    fn some<const N: usize>(texts: [&str; N]) -> [Option<String>; N] {
        texts.map(|text| (!text.is_empty()).then(|| text.to_owned()))
    }

    const TRACE: &str = "5bd66ef5095369c7b0d1f8f4bd33716a";

    #[test]
    fn sqlcommenter() {
        let parent = format!("traceparent='00-{TRACE}-c532cb4098ac3dd2-01'");
        assert_eq!(
            read(&format!("select 1 /*action='y',controller='x',db_driver='django',route='%2Fpolls%2F',{parent}*/")),
            some([TRACE, "/polls/", "", "django"])
        );
        assert_eq!(
            read(
                "/*controller='index',framework='django%3A5.1',db_driver='psycopg',action='it\\'s%20%%41%zz%'*/ select 1"
            ),
            some(["", "index#it's A%zz%", "", "django:5.1"])
        );
        assert_eq!(read("select 1 /* dddbs='x', ddps='shop' , route='a' */"), some(["", "a", "shop", ""]));
        assert_eq!(read("/*route='a\\\\'*/ select"), some(["", "a\\", "", ""]));
        // several comments: what the first says counts
        assert_eq!(read("/*route='a'*/ select 1 /* x */ /*route='b',app='c'*/"), some(["", "a", "c", ""]));
        assert_eq!(read("select 1 /*route='',action='b'*/"), some(["", "b", "", ""]));
    }

    #[test]
    fn a_traceparent_has_its_form_or_is_none() {
        let trace =
            |parent: &str| read(&format!("/*traceparent='{parent}',request_id='r'*/"))[0].clone().unwrap_or_default();
        assert_eq!(trace(&format!("00-{TRACE}-c532cb4098ac3dd2-01")), TRACE);
        assert_eq!(trace(&format!("00%2D{TRACE}%2Dc532cb4098ac3dd2-01")), TRACE);
        for wrong in ["", "00", "00-0-0-01", TRACE, &format!("00-{}-c532cb4098ac3dd2-01", "0".repeat(32))] {
            assert_eq!(trace(wrong), "r", "{wrong}");
        }
    }

    #[test]
    fn marginalia_and_rails() {
        assert_eq!(
            read(
                "SELECT 1 /*application:Shop,controller:users,action:show,line:/app/a.rb:12:in `x, y',request_id:ab-1*/"
            ),
            some(["ab-1", "users#show", "Shop", "rails"])
        );
        assert_eq!(
            read("/* application:Shop, job:MailJob, jid:9f */ select 1"),
            some(["9f", "MailJob", "Shop", "rails"])
        );
        assert_eq!(
            read("select 1 /*application='Shop',controller='users',action='show',job_id='7'*/"),
            some(["7", "users#show", "Shop", ""])
        );
        assert_eq!(read("/*controller:users*/"), some(["", "users", "", "rails"]));
    }

    #[test]
    fn other_comments_say_nothing() {
        for sql in [
            "select 1 /* TODO: fix this */",
            "select 1 /* action: none, see controller: users */",
            "select 1 /*+ IndexScan(route='x') Set(a:b) */",
            "select 1 /*! route='x' */",
            "select 1 /* the route='x' is wrong */",
            "select 1 /* route='x' is wrong */",
            "select 1 /* route='x', and more */",
            "select 1 /* route=x */",
            "select 1 /* route='x */",
            "select 1 /*a:b,c:d*/",
            "select 1 /*http://example.org/,action*/",
            "select '/*route=''x''*/', $$/*controller:x*/$$, \"/*action:x*/\" -- /*action:x*/",
            "select 1 /*route='cut'",
            "select 1 /*='x'*/ /*:x*/ /**/ /***/ /*,*/ /*/",
        ] {
            assert_eq!(of(sql), None, "{sql}");
        }
        assert!(of("/*other='x',trace='y'*/").is_none());
        let long = format!("/*action:x,line:{}*/", "x".repeat(COMMENT_BYTES));
        assert_eq!(read(&long), some(["", "", "", ""]));
    }

    #[test]
    fn pings() {
        let is_ping = |sql: &str| of(sql).is_some_and(|tags| tags.is_ping);
        assert!(is_ping("/* ping */ SELECT 1") && is_ping("/*PING*/"));
        assert!(!is_ping("/* pings */ select 'ping'") && !is_ping("-- ping") && !is_ping("select '/* ping */'"));
    }

    #[test]
    fn routes_are_cut_between_characters() {
        let route = |text: &str| read(&format!("/*route='{text}'*/"))[1].clone().unwrap_or_default();
        assert_eq!(route(&"x".repeat(300)), "x".repeat(200));
        assert_eq!(route(&"é".repeat(150)), "é".repeat(100));
        assert_eq!(route(&format!("x{}", "é".repeat(150))), format!("x{}", "é".repeat(99)));
        assert_eq!(route(&"%C3%A9".repeat(150)), "é".repeat(100));
        assert_eq!(route("/users/5"), "/users/5");
    }

    proptest! {
        #[test]
        fn no_comment_ends_the_process(text in "[-a-z'=:,%\\\\ */0-9\n\té]{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            for text in [text.as_bytes(), &bytes] {
                let sql = [b"/*route='", text, b"'*/ /*action:", text, b"*/ /*", text, b"*/"].concat();
                let _ = tags([sql.as_slice(), text]);
                let _ = tags(Lexer::new().lex(&sql, false).comments.iter().filter_map(|range| sql.get(range.clone())));
            }
        }

        #[test]
        fn values_come_back(value in "[a-zA-Z/ '%*é]{1,30}") {
            let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(&read(&format!("select 1 /*a='b',route='{encoded}'*/"))[1], &Some(value));
        }
    }
}
