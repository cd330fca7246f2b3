//! Query that writes temporary files
//!
//! ## Why it matters
//! What does not fit into `work_mem` is sorted, hashed or kept on disk: the query waits for it, and while many run at
//! once the disk fills and everything else waits with them.
//!
//! ## How it is decided
//! The server logs each temporary file when it is deleted, with the largest size it had. Counted for each query: *info*
//! below 10 MiB in all, *low* from there on, *medium* from 1 GiB in all or 256 MiB in one file. A file whose statement
//! is not in the log counts for "everything else" of its database. A log without a single temporary file does not say
//! whether there were none: `log_temp_files` may be off.
//!
//! ## What to do
//! First make the work smaller: an index that has the order already, fewer columns, a `limit`, a filter before the
//! join. If it must be so large, give that query more memory: `set local work_mem` in its transaction, or `alter role …
//! set work_mem` for the role that reports run as. `work_mem` for everybody is multiplied by every sort of every
//! session.
//!
//! ## Limits
//! Files below `log_temp_files` are not logged. One execution may write several, one for each batch of a hash and for
//! each parallel worker. Building an index writes them too, within `maintenance_work_mem`.

use super::confidence::whole;
use super::context::at;
use super::prelude::*;

/// A query that does not fit into memory.
pub(super) static DETECTOR: Detector = Detector {
    meta: Meta {
        id: "temp-file-logged",
        category: Category::Queries,
        severity: Severity::Low,
        source: include_str!("temp_file_logged.rs"),
    },
    params: &[&LOW, &TOTAL, &FILE],
    run: Run::Database(run),
};

static LOW: Param = Param {
    name: "low_total_bytes",
    doc: "below so much in all it is only worth knowing; what a disk writes in a tenth of a second",
    default: 10.0 * 1024.0 * 1024.0,
    unit: Unit::Bytes,
};

static TOTAL: Param = Param {
    name: "medium_total_bytes",
    doc: "from so much in all on it is medium; a proposal, since no standard names a figure",
    default: 1024.0 * 1024.0 * 1024.0,
    unit: Unit::Bytes,
};

static FILE: Param = Param {
    name: "medium_file_bytes",
    doc: "from one file of this size on it is medium; 64 times the default of work_mem, so that a little more will not do",
    default: 256.0 * 1024.0 * 1024.0,
    unit: Unit::Bytes,
};

fn run(cx: &Context<'_>, database: &str) -> Result<Verdict, Missing> {
    let mut verdict = Verdict::default();
    if cx.workload.queries.iter().all(|query| query.temporary_files.is_empty()) {
        let because = "no temporary file is in the log: log_temp_files may be off";
        let missing = Missing::new("temporary files", Reason::Observation, because)
            .unlocked_by("alter system set log_temp_files = '10MB'; select pg_reload_conf();");
        verdict.cannot_tell(Subject::database(database), missing);
        return Ok(verdict);
    }
    for query in cx.queries(database) {
        verdict.examine();
        if !query.temporary_files.is_empty() {
            verdict.find(finding(cx, query));
        }
    }
    Ok(verdict)
}

fn finding(cx: &Context<'_>, query: &QueryLoad) -> Finding {
    let param = |param| cx.param(&DETECTOR.meta, param);
    let (low, total, file) = (param(&LOW), param(&TOTAL), param(&FILE));
    let files = &query.temporary_files;
    let severity = if files.sum as f64 >= total || files.most as f64 >= file {
        Severity::Medium
    } else if files.sum as f64 >= low {
        DETECTOR.meta.severity.clone()
    } else {
        Severity::Info
    };
    let size = |bytes: u64| humane(bytes as f64, &Unit::Bytes);
    let message = match files.count {
        1 => format!("a temporary file of {}", size(files.sum)),
        count => format!(
            "{} temporary files, {} in all, the largest {}",
            humane(count as f64, &Unit::Count),
            size(files.sum),
            size(files.most)
        ),
    };
    Finding::new(&DETECTOR.meta, cx.subject(query), message)
        .severity(severity)
        .count("files", whole(files.count), Unit::Count)
        .count("total", whole(files.sum), Unit::Bytes)
        .count("largest", whole(files.most), Unit::Bytes)
        .number("p95", at(files, 0.95), Unit::Bytes)
        .count("calls", whole(query.calls), Unit::Count)
        .number("low_threshold", low, Unit::Bytes)
        .number("medium_threshold", total, Unit::Bytes)
        .number("medium_file_threshold", file, Unit::Bytes)
        .advice(
            "look for the sort or hash in its plan (explain analyze: \"Sort Method: external merge\", \"Batches\"): an index in \
             that order or fewer rows make it smaller; else set local work_mem in its transaction, or alter role … set \
             work_mem for the role that runs it",
        )
}

#[cfg(test)]
mod tests {
    use super::super::context::laboratory::Lab;
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn lab(sizes: &[u64]) -> Lab {
        let mut lab = Lab::new();
        lab.query("select * from orders order by total", 10);
        sizes.iter().for_each(|size| lab.last().temporary_files.add(*size));
        lab
    }

    #[test]
    fn size_decides() {
        assert_eq!(lab(&[139_264]).found(&DETECTOR), ["info a temporary file of 136 KiB"]);
        let low = ["low 2 temporary files, 20 MiB in all, the largest 12 MiB"];
        assert_eq!(lab(&[8 * MIB, 12 * MIB]).found(&DETECTOR), low);
        assert_eq!(lab(&[256 * MIB]).found(&DETECTOR), ["medium a temporary file of 256 MiB"]);
        let many = lab(&[100 * MIB; 11]).found(&DETECTOR);
        assert_eq!(many, ["medium 11 temporary files, 1.07 GiB in all, the largest 100 MiB"]);
        let mut strict = lab(&[MIB]);
        strict.params.set("temp-file-logged", "medium_file_bytes", 1.0);
        assert!(strict.found(&DETECTOR)[0].starts_with("medium"));
    }

    #[test]
    fn silence_is_not_a_pass() {
        assert_eq!(lab(&[]).open(&DETECTOR), ["no temporary file is in the log: log_temp_files may be off"]);
        // another database's shows that they are logged
        let mut lab = lab(&[]);
        let mut other = lab.last().clone();
        other.database = "other".into();
        other.temporary_files.add(5);
        lab.workload.queries.push(other);
        let verdict = lab.run(&DETECTOR).unwrap();
        assert_eq!((verdict.examined, verdict.findings.len(), verdict.unjudged.len()), (1, 0, 0));
    }

    #[test]
    fn numbers_are_data() {
        let finding = lab(&[8 * MIB, 12 * MIB]).run(&DETECTOR).unwrap().findings.remove(0);
        assert_eq!(finding.measured("files"), Some(2.0));
        assert_eq!(finding.measured("total"), Some(20.0 * 1024.0 * 1024.0));
        assert_eq!(finding.measured("calls"), Some(10.0));
        assert!(finding.key.starts_with("temp-file-logged:shop/"));
    }
}
