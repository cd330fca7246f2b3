//! Secret in the log
//!
//! ## Why it matters
//! Logs are copied, shipped, searched and kept by people and services that may not open the database. Who reads a
//! password or a token there can use it.
//!
//! ## How it is decided
//! Statements that set a password (`alter role … password`, a user mapping), or give one to `crypt` or a key to
//! `pgp_sym_encrypt`, are known for what they are: *measured*. By their looks, *inferred*: values of columns whose
//! names end in words such as password, token, secret or api_key, where they stand in the text or in logged parameters;
//! ids of access keys, web tokens, private keys, URLs and connection strings with a password, tokens of known services.
//! All are *high*. A number that a payment card could have (quoted, of a known issuer, with the right check digit) is
//! *medium*, since one in ten such numbers is none. What matched is never kept and never shown: the file and the line
//! of the first one are.
//!
//! ## What to do
//! Change the secret: it is known to whoever could read the log. Then keep it from coming back. `\password` in psql
//! sends a hash. Parameters are not logged with `log_parameter_max_length = 0`; literals become parameters in the
//! application. For one command a superuser can `set local log_statement = 'none'` and `log_min_duration_statement =
//! -1`.
//!
//! ## Limits
//! A secret that looks like nothing (a word in a column named `note`) is not found. Hashes of passwords are personal
//! data and left out here. Values that the log cut short, or a carrier broke in two, are not seen.

use super::confidence::whole;
use super::prelude::*;
use crate::finding::Location;
use crate::logs::secret::{CARD_COLUMN, CARD_NUMBER, PASSWORD_COLUMN, TOKEN_COLUMN, is_certain};
use crate::logs::workload::Secret;

/// What nobody may read stands in a file.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "secret-in-log",
        category: Category::Security,
        severity: Severity::High,
        source: include_str!("secret_in_log.rs"),
    },
    params: &[],
    run: Run::Log(run),
};

fn run(cx: &Context<'_>) -> Result<Verdict, Missing> {
    if cx.workload.coverage.entries == 0 {
        return Err(Missing::new("entries", Reason::Input, "no entry of the log was understood"));
    }
    let mut verdict = Verdict { examined: cx.workload.coverage.entries, ..Verdict::default() };
    for secret in &cx.workload.secrets {
        verdict.find(finding(cx, secret));
    }
    Ok(verdict)
}

/// Whether it is told by the name of a column: that the value stands there is sure.
fn is_column(kind: &str) -> bool {
    [PASSWORD_COLUMN, TOKEN_COLUMN, CARD_COLUMN].contains(&kind)
}

fn finding(cx: &Context<'_>, secret: &Secret) -> Finding {
    let subject = match (&secret.query, secret.database.as_str()) {
        (Some(fingerprint), database) => match cx.query(database, fingerprint) {
            Some(query) => cx.subject(query),
            None => Subject::query(database, fingerprint, ""),
        },
        (None, "") => Subject::server(),
        (None, database) => Subject::database(database),
    };
    // of one place there may be several kinds, and the file's name is another tomorrow
    let subject = Subject { name: Some(secret.kind.clone()), ..subject };
    let is_card = secret.kind == CARD_NUMBER;
    let looks = if is_certain(&secret.kind) || is_column(&secret.kind) { "" } else { "possible " };
    let message = match secret.count {
        1 => format!("{looks}{} in {} line {}", secret.kind, secret.path, secret.line),
        count => format!(
            "{looks}{}, {} times, first in {} line {}",
            secret.kind,
            humane(count as f64, &Unit::Count),
            secret.path,
            secret.line
        ),
    };
    let line = u32::try_from(secret.line).unwrap_or(u32::MAX);
    let mut finding = Finding::new(&DETECTOR.meta, subject, message)
        .severity(if is_card { Severity::Medium } else { DETECTOR.meta.severity.clone() })
        .evidence(if is_certain(&secret.kind) { Evidence::Measured } else { Evidence::Inferred })
        .text("kind", &*secret.kind)
        .count("count", whole(secret.count), Unit::Count)
        .text("file", &*secret.path)
        .count("line", whole(secret.line), Unit::Count)
        .advice(
            "change the secret, since whoever can read the log knows it; then keep it from coming back: \\password in psql, \
             parameters in place of literals, log_parameter_max_length = 0",
        );
    finding.location =
        Some(Location { file: secret.path.clone(), line, column: 1, end_line: line, end_column: 1, source: None });
    finding
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::{DATABASE, Lab};
    use super::*;
    use crate::logs::secret::{ACCESS_KEY, PASSWORD};

    fn secret(kind: &str, count: u64) -> Secret {
        Secret {
            kind: kind.into(),
            database: DATABASE.into(),
            query: None,
            count,
            path: "postgresql-2026-11-22.log".into(),
            line: 17,
        }
    }

    fn lab(of: Vec<Secret>) -> Lab {
        let mut lab = Lab::new();
        lab.workload.secrets = of;
        lab
    }

    #[test]
    fn kinds_have_their_severity_and_evidence() {
        for (kind, severity, evidence) in [
            (PASSWORD, Severity::High, Evidence::Measured),
            (ACCESS_KEY, Severity::High, Evidence::Inferred),
            (CARD_COLUMN, Severity::High, Evidence::Inferred),
            (CARD_NUMBER, Severity::Medium, Evidence::Inferred),
            ("something new", Severity::High, Evidence::Inferred),
        ] {
            let finding = lab(vec![secret(kind, 1)]).run(&DETECTOR).unwrap().findings.remove(0);
            assert_eq!((finding.severity, finding.evidence), (severity, evidence), "{kind}");
        }
    }

    #[test]
    fn where_it_stands_is_said() {
        let found = lab(vec![secret(PASSWORD, 1), secret(ACCESS_KEY, 3)]).found(&DETECTOR);
        assert_eq!(
            found,
            [
                "high password in a statement in postgresql-2026-11-22.log line 17",
                "high possible access key, 3 times, first in postgresql-2026-11-22.log line 17",
            ]
        );
        let finding = lab(vec![secret(PASSWORD, 1)]).run(&DETECTOR).unwrap().findings.remove(0);
        let location = finding.location.unwrap();
        assert_eq!((location.file.as_str(), location.line), ("postgresql-2026-11-22.log", 17));
    }

    #[test]
    fn keys_outlive_the_file() {
        let mut lab = lab(vec![secret(PASSWORD, 1), secret(ACCESS_KEY, 1)]);
        let query = lab.query("select * from keys where api_key = $1", 5);
        lab.workload.secrets.push(Secret { query: Some(query.clone()), ..secret(ACCESS_KEY, 1) });
        lab.workload.secrets.push(Secret { database: String::new(), ..secret(ACCESS_KEY, 1) });
        let verdict = lab.run(&DETECTOR).unwrap();
        let keys: Vec<&str> = verdict.findings.iter().map(|finding| finding.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "secret-in-log:shop/password%20in%20a%20statement",
                "secret-in-log:shop/access%20key",
                &format!("secret-in-log:shop/access%20key/{query}"),
                "secret-in-log:access%20key",
            ]
        );
    }

    #[test]
    fn none_is_a_pass_of_what_was_read() {
        let verdict = lab(vec![]).run(&DETECTOR).unwrap();
        assert_eq!((verdict.examined, verdict.findings.len()), (1000, 0));
        let mut nothing = lab(vec![]);
        nothing.workload.coverage.entries = 0;
        assert!(nothing.run(&DETECTOR).is_err());
    }
}
