//! The score: points by section, and what they can and cannot claim.
//!
//! The checklist's own rule is verbatim: one point for a pass, none for a warning or a failure, bands at 90, 70 and 50 per
//! cent. It defines neither "unknown" nor "not applicable", so four numbers are given that cannot be mistaken for one
//! another: *strict*, *at most*, *assessed* and *coverage*. A band is named only where the unknown items cannot change it.

use crate::report::{Assessment, State};
use crate::rule::{Evidence, words};
use serde::{Deserialize, Serialize};

words! {
    /// The bands of the checklist, best first.
    Band {
        /// 90 to 100 %.
        ProductionReady = "production-ready",
        /// 70 to 89 %.
        SomeGaps = "some gaps",
        /// 50 to 69 %.
        TechnicalDebt = "significant technical debt",
        /// Below 50 %.
        HighRisk = "high risk",
    }
}

impl Band {
    /// The band of a part of one.
    pub fn of(ratio: f64) -> Self {
        match ratio {
            r if r >= 0.9 => Self::ProductionReady,
            r if r >= 0.7 => Self::SomeGaps,
            r if r >= 0.5 => Self::TechnicalDebt,
            _ => Self::HighRisk,
        }
    }
}

/// Coverage of the total below which no band is named.
pub const MINIMUM_COVERAGE: f64 = 0.8;

/// The points of one section, or of all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Points {
    /// `1` to `9`, or `total`.
    pub id: String,
    /// The section's title.
    pub title: String,
    /// Items, and so points, at most.
    pub max: u32,
    /// Items passed.
    pub pass: u32,
    /// Items with a warning.
    pub warn: u32,
    /// Items failed.
    pub fail: u32,
    /// Items that could not be told.
    pub unknown: u32,
    /// Items that do not apply.
    pub na: u32,
    /// pass ÷ max.
    pub strict: f64,
    /// (pass + unknown) ÷ max: the most that could still turn out.
    pub at_most: f64,
    /// pass ÷ (max − not applicable); nothing where no item applies.
    pub assessed: Option<f64>,
    /// (max − unknown) ÷ max.
    pub coverage: f64,
    /// Points whose evidence is measured, estimated or inferred.
    pub measured: u32,
    /// Points that rest on somebody's word.
    pub attested: u32,
    /// The band in words: one, or two with the number of unknown items, or `not banded: coverage n %`.
    pub band: String,
}

impl Points {
    fn of<'a>(id: &str, title: &str, items: impl Iterator<Item = &'a Assessment>) -> Self {
        let (mut pass, mut warn, mut fail, mut unknown, mut na, mut attested) = (0, 0, 0, 0, 0, 0);
        for item in items {
            match item.state {
                State::Pass => {
                    pass += 1;
                    attested += u32::from(item.evidence == Some(Evidence::Attested));
                }
                State::Warn => warn += 1,
                State::Fail => fail += 1,
                State::Unknown | State::Other(_) => unknown += 1,
                State::NotApplicable => na += 1,
            }
        }
        let max: u32 = pass + warn + fail + unknown + na;
        let ratio = |points: u32, of: u32| if of == 0 { 0.0 } else { f64::from(points) / f64::from(of) };
        let (strict, at_most) = (ratio(pass, max), ratio(pass + unknown, max));
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            max,
            pass,
            warn,
            fail,
            unknown,
            na,
            strict,
            at_most,
            assessed: (max > na).then(|| ratio(pass, max - na)),
            coverage: ratio(max - unknown, max),
            measured: pass - attested,
            attested,
            band: band(strict, at_most, unknown),
        }
    }
}

/// One band where the unknown items cannot change it, else both ends and how many items lie between.
fn band(strict: f64, at_most: f64, unknown: u32) -> String {
    let (low, high) = (Band::of(strict), Band::of(at_most));
    match low == high {
        true => low.to_string(),
        false => format!("{low} to {high} ({unknown} unknown)"),
    }
}

/// The scores of all sections, and of the 71 items together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// In the checklist's order.
    pub sections: Vec<Points>,
    /// Of all sections.
    pub total: Points,
}

impl Score {
    /// Counts the assessments by section. `sections` is `(id, title)` in order; items of other sections do not enter.
    pub fn of(sections: &[(&str, &str)], items: &[Assessment]) -> Self {
        let scored = |id: &str| items.iter().filter(move |item| item.section == id).collect::<Vec<_>>();
        let all: Vec<&Assessment> = sections.iter().flat_map(|(id, _)| scored(id)).collect();
        let mut total = Points::of("total", "Total", all.into_iter());
        if total.coverage < MINIMUM_COVERAGE {
            total.band = format!("not banded: coverage {:.0} %", (total.coverage * 100.0).floor());
        }
        let sections = sections.iter().map(|(id, title)| Points::of(id, title, scored(id).into_iter())).collect();
        Self { sections, total }
    }

    /// The points of a section.
    pub fn section(&self, id: &str) -> Option<&Points> {
        self.sections.iter().find(|points| points.id == id)
    }
}
