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

    /// What the checklist advises, in its own words.
    pub fn advice(&self) -> &str {
        match self {
            Self::ProductionReady => "Production-ready",
            Self::SomeGaps => "Some gaps, addressable within one sprint",
            Self::TechnicalDebt => "Significant technical debt, prioritize this quarter",
            Self::HighRisk => "High risk, stop and fix before further feature development",
            Self::Other(word) => word,
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
            band: if max == 0 { NO_ITEMS.to_owned() } else { band(strict, at_most, unknown) },
        }
    }
}

/// The band of a section without items: 0 of 0 is neither good nor bad.
const NO_ITEMS: &str = "not banded: no items";

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
        if total.max > 0 && total.coverage < MINIMUM_COVERAGE {
            // In whole numbers and rounded down: 79.9 % must not be printed as the 80 % it is not.
            let percent = u64::from(total.max - total.unknown) * 100 / u64::from(total.max);
            total.band = format!("not banded: coverage {percent} %");
        }
        let sections = sections.iter().map(|(id, title)| Points::of(id, title, scored(id).into_iter())).collect();
        Self { sections, total }
    }

    /// The points of a section.
    pub fn section(&self, id: &str) -> Option<&Points> {
        self.sections.iter().find(|points| points.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(section: &str, state: State, evidence: Option<Evidence>) -> Assessment {
        Assessment {
            id: format!("{section}.1"),
            section: section.to_owned(),
            title: String::new(),
            threshold: String::new(),
            state,
            evidence,
            because: String::new(),
            rules: Vec::new(),
            contradiction: false,
            attestation: None,
        }
    }

    fn items(section: &str, pass: usize, fail: usize, unknown: usize, na: usize) -> Vec<Assessment> {
        let of = |state: State, count| (0..count).map(move |_| item(section, state.clone(), Some(Evidence::Measured)));
        of(State::Pass, pass)
            .chain(of(State::Fail, fail))
            .chain(of(State::Unknown, unknown))
            .chain(of(State::NotApplicable, na))
            .collect()
    }

    const SECTIONS: &[(&str, &str)] = &[("1", "One"), ("2", "Two")];

    #[test]
    fn the_four_numbers() {
        let score = Score::of(SECTIONS, &items("1", 5, 1, 2, 2));
        let points = score.section("1").unwrap();
        assert_eq!((points.max, points.pass, points.fail, points.unknown, points.na), (10, 5, 1, 2, 2));
        assert_eq!((points.strict, points.at_most), (0.5, 0.7));
        assert_eq!((points.assessed, points.coverage), (Some(0.625), 0.8));
        assert_eq!(points.band, "significant technical debt to some gaps (2 unknown)");
        assert_eq!(score.section("2").unwrap().band, "not banded: no items");
        assert_eq!(score.section("2").unwrap().assessed, None);
    }

    #[test]
    fn bands_begin_exactly_where_the_checklist_says() {
        let band = |pass, fail| Score::of(SECTIONS, &items("1", pass, fail, 0, 0)).total.band;
        assert_eq!(band(9, 1), "production-ready");
        assert_eq!(band(89, 11), "some gaps");
        assert_eq!(band(7, 3), "some gaps");
        assert_eq!(band(69, 31), "significant technical debt");
        assert_eq!(band(1, 1), "significant technical debt");
        assert_eq!(band(49, 51), "high risk");
        // Every size at which the threshold falls on a whole item.
        for tens in 1..=200 {
            assert_eq!(band(9 * tens, tens), "production-ready");
            assert_eq!(band(7 * tens, 3 * tens), "some gaps");
        }
    }

    #[test]
    fn the_total_has_a_band_from_eighty_per_cent_coverage() {
        assert_eq!(
            Score::of(SECTIONS, &items("1", 8, 0, 2, 0)).total.band,
            "some gaps to production-ready (2 unknown)"
        );
        assert_eq!(Score::of(SECTIONS, &items("1", 79, 0, 21, 0)).total.band, "not banded: coverage 79 %");
        assert_eq!(Score::of(SECTIONS, &items("1", 29, 0, 71, 0)).total.band, "not banded: coverage 29 %");
        assert_eq!(Score::of(SECTIONS, &items("2", 0, 0, 3, 0)).total.band, "not banded: coverage 0 %");
        assert_eq!(Score::of(SECTIONS, &[]).total.band, "not banded: no items");
    }

    #[test]
    fn listed_items_and_words_of_other_versions_earn_nothing() {
        let listed = item("002", State::Pass, Some(Evidence::Measured));
        let foreign = item("1", State::Other("waived".into()), None);
        let said = item("1", State::Pass, Some(Evidence::Attested));
        let score = Score::of(SECTIONS, &[listed, foreign, said]);
        assert_eq!((score.total.max, score.total.pass, score.total.unknown), (2, 1, 1));
        assert_eq!((score.total.measured, score.total.attested), (0, 1));
    }

    fn any_item() -> impl Strategy<Value = Assessment> {
        let state = prop::sample::select(State::ALL);
        let evidence = prop::option::of(prop::sample::select(Evidence::ALL));
        let section = prop::sample::select(vec!["1", "2", "003"]);
        (section, state, evidence).prop_map(|(section, state, evidence)| item(section, state, evidence))
    }

    proptest! {
        #[test]
        fn the_numbers_agree_with_each_other(items in prop::collection::vec(any_item(), 0..80)) {
            let score = Score::of(SECTIONS, &items);
            for points in score.sections.iter().chain([&score.total]) {
                prop_assert_eq!(points.pass + points.warn + points.fail + points.unknown + points.na, points.max);
                prop_assert_eq!(points.measured + points.attested, points.pass);
                for ratio in [points.strict, points.at_most, points.coverage].into_iter().chain(points.assessed) {
                    prop_assert!((0.0..=1.0).contains(&ratio));
                }
                prop_assert!(points.strict <= points.at_most);
                prop_assert!(points.assessed.is_none_or(|assessed| points.strict <= assessed));
                prop_assert_eq!(points.assessed.is_none(), points.max == points.na);
                // A single band is claimed only where the unknown items cannot change it.
                let (low, high) = (Band::of(points.strict), Band::of(points.at_most));
                if Band::ALL.iter().any(|band| band.as_str() == points.band) {
                    prop_assert_eq!(&points.band, low.as_str());
                    prop_assert_eq!(&low, &high);
                }
                if points.unknown == 0 && points.max > 0 {
                    prop_assert_eq!(&points.band, low.as_str());
                }
            }
            let sum = |count: fn(&Points) -> u32| score.sections.iter().map(count).sum::<u32>();
            prop_assert_eq!(sum(|points| points.max), score.total.max);
            prop_assert_eq!(sum(|points| points.pass), score.total.pass);
            prop_assert_eq!(sum(|points| points.unknown), score.total.unknown);
            if score.total.max > 0 && score.total.coverage < MINIMUM_COVERAGE {
                prop_assert!(score.total.band.starts_with("not banded: coverage "));
            }
        }

        /// Settling an unknown item either way stays between strict and at most.
        #[test]
        fn at_most_and_strict_are_the_ends(items in prop::collection::vec(any_item(), 1..40), passes in prop::bool::ANY) {
            let before = Score::of(SECTIONS, &items).total;
            let settled: Vec<Assessment> = items
                .into_iter()
                .map(|mut item| {
                    if matches!(item.state, State::Unknown) {
                        item.state = if passes { State::Pass } else { State::Fail };
                    }
                    item
                })
                .collect();
            let after = Score::of(SECTIONS, &settled).total;
            prop_assert_eq!(after.strict, if passes { before.at_most } else { before.strict });
        }
    }
}
