//! The indexes of users' tables.

use crate::pg::Query;

/// `sql/facts/indexes.sql`
pub static QUERY: Query = Query {
    name: "indexes",
    variants: &[
        (14, include_str!("../../sql/facts/indexes.sql")),
        (15, include_str!("../../sql/facts/indexes.pg15.sql")),
    ],
};

crate::row! {
    /// An index, or a partitioned one.
    pub struct Index {
        /// A join key within this database of this snapshot.
        pub oid: u32,
        /// Its table.
        pub table_oid: u32,
        /// Its name.
        pub name: String,
        /// `btree`, `hash`, `gin`, `gist`, `spgist`, `brin`, or an extension's.
        pub method: String,
        /// `i` index, `I` partitioned index.
        pub kind: char,
        /// Whether it is a partition of a partitioned index.
        pub is_partition: bool,
        /// Pages, as of the last vacuum, analyze or build.
        pub pages: i32,
        /// Entries as of then.
        pub row_estimate: f64,
        /// Unique.
        pub is_unique: bool,
        /// Whether it refuses what repeats at once; not where its constraint can be deferred.
        pub is_immediate: bool,
        /// Whether two nulls collide.
        pub nulls_not_distinct: bool,
        /// Behind a primary key.
        pub is_primary: bool,
        /// Behind an exclusion constraint.
        pub is_exclusion: bool,
        /// The one `cluster` uses.
        pub is_clustered: bool,
        /// Usable by queries.
        pub is_valid: bool,
        /// Kept up to date by writes.
        pub is_ready: bool,
        /// Not being dropped.
        pub is_live: bool,
        /// Chosen as replica identity.
        pub is_replica_identity: bool,
        /// Key columns; the rest are included.
        pub key_count: i16,
        /// Column numbers, included ones last; 0 for an expression.
        pub columns: Vec<i16>,
        /// Of each key; 0 for none.
        pub collations: Vec<u32>,
        /// Of each key.
        pub operator_classes: Vec<u32>,
        /// Of each key.
        pub operator_families: Vec<u32>,
        /// Whether every operator class is the default one of its type.
        pub has_default_classes: bool,
        /// The parameters of operator classes: the number of the key, a space, and an array of `name=value`.
        pub class_parameters: Option<Vec<String>>,
        /// Of each key: bit 0 descending, bit 1 nulls first.
        pub options: Vec<i16>,
        /// Whether a key is an expression.
        pub has_expressions: bool,
        /// Whether it is partial.
        pub has_predicate: bool,
        /// Its storage parameters, `name=value`.
        pub parameters: Option<Vec<String>>,
    }
}
