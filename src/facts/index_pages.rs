//! The pages of B-tree indexes, measured by `pgstatindex`, or estimated from statistics where that could not be had.

use crate::outcome::Missing;
use serde::{Deserialize, Serialize};

/// `sql/measures/index_pages.sql`; `extension_schema` stands for the schema pgstattuple was installed in.
pub static SQL: &str = include_str!("../../sql/measures/index_pages.sql");

/// Smaller indexes are not measured, unless `bloated-index.minimum_size_bytes` says so: what a rebuild could give back is not
/// worth a page read.
pub const MINIMUM_BYTES: i64 = 10 << 20;

crate::row! {
    /// What `pgstatindex` counted.
    pub struct IndexPages {
        /// Bytes of the whole index.
        pub bytes: i64,
        /// Pages above the leaves, the root included.
        pub internal_pages: i64,
        /// Leaf pages in use.
        pub leaf_pages: i64,
        /// Pages with nothing on them.
        pub empty_pages: i64,
        /// Deleted pages, not yet used again.
        pub deleted_pages: i64,
        /// How full the leaves are, in per cent; NaN is stored as nothing where there are no leaves.
        pub leaf_density: Option<f64>,
        /// How many leaves are out of order, in per cent.
        pub leaf_fragmentation: Option<f64>,
    }
}

impl IndexPages {
    /// The part of the index that a rebuild would give back, 0 to 1:
    /// 1 − (leaf pages × density ÷ fillfactor + internal pages + 1) ÷ all pages. Deleted and empty pages count as lost,
    /// space left by fillfactor does not, and it does not matter whether entries are deduplicated.
    pub fn bloat(&self, fillfactor: i32, block_size: i32) -> Option<f64> {
        let total = self.bytes as f64 / f64::from(block_size.max(1));
        if total < 1.0 {
            return None;
        }
        let density = self.leaf_density.filter(|density| density.is_finite()).unwrap_or(0.0);
        let needed = self.leaf_pages as f64 * density / f64::from(fillfactor.max(1)) + self.internal_pages as f64 + 1.0;
        Some((1.0 - needed / total).clamp(0.0, 1.0))
    }
}

/// What is known of the pages of one index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexMeasure {
    /// The index.
    pub oid: u32,
    /// What was measured, or why nothing was.
    pub pages: Result<IndexPages, Missing>,
    /// The bytes a fresh build would take by the planner's statistics, where nothing was measured and the model holds.
    #[serde(default)]
    pub estimated_bytes: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(total: i64, leaf: i64, internal: i64, density: f64) -> IndexPages {
        IndexPages {
            bytes: total * 8192,
            internal_pages: internal,
            leaf_pages: leaf,
            leaf_density: Some(density),
            ..IndexPages::default()
        }
    }

    #[test]
    fn deleted_pages_count_and_fillfactor_does_not() {
        let fresh = pages(1000, 990, 9, 90.0).bloat(90, 8192).unwrap();
        assert!(fresh < 0.01, "{fresh}");
        let by_design = pages(1000, 990, 9, 50.0).bloat(50, 8192).unwrap();
        assert!(by_design < 0.01, "{by_design}");
        // whole ranges deleted: the leaves left are full, yet nine tenths of the file are recyclable
        let holes = pages(257, 29, 1, 89.0).bloat(90, 8192).unwrap();
        assert!((0.87..0.90).contains(&holes), "{holes}");
        assert_eq!(pages(0, 0, 0, 0.0).bloat(90, 8192), None);
    }
}
