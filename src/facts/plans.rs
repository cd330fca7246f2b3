//! Plan evidence: the shape of a generic plan, without any value in it.

use crate::outcome::Missing;
use serde::{Deserialize, Serialize};

/// One node of a plan: what it does and to what, never a condition's text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanNode {
    /// `Seq Scan`, `Index Scan`, `Hash Join`, …
    pub node: String,
    /// Steps below the top.
    pub depth: u32,
    /// The schema of the relation it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The relation it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// The index it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// Whether rows are read and thrown away.
    #[serde(default)]
    pub has_filter: bool,
    /// Rows the planner expects it to return.
    #[serde(default)]
    pub rows: f64,
    /// The planner's cost, itself and all below.
    #[serde(default)]
    pub cost: f64,
}

/// The generic plan of one statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// pg_query's fingerprint of the statement.
    pub fingerprint: String,
    /// Its nodes, from the top, or why there is no plan.
    pub nodes: Result<Vec<PlanNode>, Missing>,
}

impl Plan {
    /// A hash of the plan's shape: nodes, relations and indexes in order. Costs and rows do not enter, so it changes when
    /// the planner does something else and not when a table grows. 16 hexadecimal digits.
    pub fn hash(&self) -> Option<String> {
        let nodes = self.nodes.as_ref().ok()?;
        let mut shape = Vec::new();
        for node in nodes {
            for part in [Some(&node.node), node.schema.as_ref(), node.relation.as_ref(), node.index.as_ref()] {
                shape.extend_from_slice(part.map_or("", String::as_str).as_bytes());
                shape.push(0);
            }
            shape.extend_from_slice(&node.depth.to_le_bytes());
        }
        Some(crate::hash::short(&shape))
    }

    /// The relations read by a sequential scan that throws rows away.
    pub fn filtered_scans(&self) -> impl Iterator<Item = &PlanNode> {
        let nodes = self.nodes.as_deref().unwrap_or_default();
        nodes.iter().filter(|node| node.node.ends_with("Seq Scan") && node.has_filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_follows_the_shape_and_not_the_size() {
        let plan = |node: &str, rows: f64| Plan {
            fingerprint: "x".into(),
            nodes: Ok(vec![PlanNode { node: node.into(), rows, ..PlanNode::default() }]),
        };
        assert_eq!(plan("Seq Scan", 1.0).hash(), plan("Seq Scan", 1e6).hash());
        assert_ne!(plan("Seq Scan", 1.0).hash(), plan("Index Scan", 1.0).hash());
    }
}
