//! PgBouncer has a known vulnerability
//!
//! ## Why it matters
//! A pooler stands before every database and knows the passwords of its users. What is known to be broken in it is tried
//! first.
//!
//! ## How it is decided
//! `SHOW VERSION` against a list of the releases that mended something, which is part of the program and has a date. A version
//! below one of them is *high*. A list older than the limit decides nothing: the rule is skipped. Passed, the version is not
//! below any release on a list that was young enough.
//!
//! ## What to do
//! Install the newest release, or the distribution's package of the same version with the fixes in it.
//!
//! ## Limits
//! Distributions mend old versions without a new number: then the number alone says too little, and the finding is *inferred*.
//! What was found after the date of the list is not on it.

use super::prelude::*;
use crate::time::Timestamp;

/// A version below a release that mended something.
pub(super) static CHECK: Check = Check {
    meta: Meta {
        id: "pgbouncer-vulnerable-version",
        category: Category::Connections,
        severity: Severity::High,
        source: include_str!("pgbouncer_vulnerable_version.rs"),
    },
    params: &[&AGE],
    run: Run::Server(run),
};

static AGE: Param = Param {
    name: "list_age_seconds",
    doc: "an older list of releases says nothing of today; a year",
    default: 31_536_000.0,
    unit: Unit::Seconds,
};

static RELEASES: &str = include_str!("../pool/pgbouncer_releases.txt");

fn run(cx: &ServerContext<'_>) -> Result<Verdict, Missing> {
    let poolers = cx.poolers()?;
    let mut lines = RELEASES.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let date = lines.next().unwrap_or_default();
    let age = Timestamp::parse(date).and_then(|made| cx.at.seconds_since(made));
    if age.is_none_or(|age| age > cx.param(&CHECK.meta, &AGE)) {
        let because = format!("the list of releases is of {date}, too old to say anything of today");
        return Err(Missing::new("poolers", Reason::Input, because).unlocked_by("a newer pgassay"));
    }
    let releases: Vec<(Vec<u32>, &str)> = lines
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(release, mends)| Some((numbers(release)?, mends)))
        .collect();
    let mut verdict = Verdict::default();
    for pooler in poolers {
        let subject = Subject::named(SubjectKind::Pooler, None, &pooler.host);
        let Some(version) = numbers(&pooler.version) else {
            let because = "PgBouncer does not say its version";
            verdict.cannot_tell(subject, Missing::new("poolers", Reason::Privilege, because));
            continue;
        };
        verdict.examine();
        let broken: Vec<String> = releases
            .iter()
            .filter(|(release, _)| version < *release)
            .flat_map(|(_, mends)| mends.split(' ').map(str::to_owned))
            .collect();
        if broken.is_empty() {
            continue;
        }
        let message =
            format!("PgBouncer {} is below releases that mended {} vulnerabilities", pooler.version, broken.len());
        verdict.find(
            Finding::new(&CHECK.meta, subject, message)
                .evidence(Evidence::Inferred)
                .text("version", pooler.version.clone())
                .list("known", broken)
                .text("list_of", date)
                .advice("install the newest release, or the distribution's package with the same fixes in it"),
        );
    }
    Ok(verdict)
}

/// `1.25.2` as numbers that compare.
fn numbers(version: &str) -> Option<Vec<u32>> {
    let parts: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    parts.filter(|parts| !parts.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Lab;

    #[test]
    fn versions_compare_by_their_numbers() {
        let mut lab = Lab::new();
        let mut found = |version: &str| {
            lab.pooler().version = version.to_owned();
            lab.run(&CHECK).unwrap()
        };
        let old = found("1.9.0");
        assert_eq!(old.findings[0].message, "PgBouncer 1.9.0 is below releases that mended 10 vulnerabilities");
        assert_eq!((found("1.25.1").findings.len(), found("1.26.0").findings.len()), (1, 1));
        assert!(found("1.26.1").findings.is_empty() && found("1.30.0").findings.is_empty());
        assert_eq!(found("").unjudged.len(), 1);
    }

    #[test]
    fn an_old_list_decides_nothing() {
        let mut lab = Lab::new();
        lab.pooler().version = "1.9.0".into();
        lab.snapshot.captured_at = lab.snapshot.captured_at.plus_seconds(400.0 * 86_400.0);
        assert!(lab.run(&CHECK).is_err());
    }
}
