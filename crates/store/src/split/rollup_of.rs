//! The rollups that a question reads: those of single splits, and joint ones in place of many.

use std::sync::Arc;

use groundcrew_telemetry::Timestamp;
use rustc_hash::FxHashMap;

use super::joint::Joint;
use super::meta::{Split, SplitSet};
use crate::query::ServiceFilter;
use crate::slot::slot_of;

/// What one rollup counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RollupOf<'a> {
    /// A split.
    Split(&'a Arc<Split>),
    /// Splits that a joint rollup was made of.
    Joint(&'a Arc<Joint>, &'a [Arc<Split>]),
}

impl<'a> RollupOf<'a> {
    /// The splits whose rows it counts.
    pub(crate) fn splits(&self) -> &'a [Arc<Split>] {
        match self {
            Self::Split(split) => std::slice::from_ref(split),
            Self::Joint(_, splits) => splits,
        }
    }

    /// When its rows began and ended.
    pub(crate) fn bounds(&self) -> (Timestamp, Timestamp) {
        let metas = || self.splits().iter().map(|split| &split.meta);
        let first = metas().map(|meta| meta.first).min().unwrap_or(Timestamp::MAX);
        (first, metas().map(|meta| meta.last).max().unwrap_or(Timestamp::MIN))
    }

    /// Whether it may count something of these services from the first to the last of `slots`.
    pub(crate) fn may_have(&self, slots: (i64, i64), services: ServiceFilter<'_>) -> bool {
        self.splits().iter().any(|split| {
            let (first, last) = (slot_of(split.meta.first), slot_of(split.meta.last));
            first <= slots.1 && slots.0 <= last && split.has_any_of(services)
        })
    }
}

impl SplitSet {
    /// The fewest rollups that count all log splits, each once, in the order of the splits.
    pub(crate) fn rollups(&self) -> Vec<RollupOf<'_>> {
        let joints: FxHashMap<u64, &Arc<Joint>> =
            self.joints.iter().filter_map(|joint| Some((joint.first_id()?, joint))).collect();
        let mut rollups = Vec::with_capacity(self.logs.len());
        let mut rest = self.logs.as_slice();
        while let Some((split, others)) = rest.split_first() {
            let joint = joints.get(&split.meta.id).and_then(|joint| {
                let (splits, others) = rest.split_at_checked(joint.len())?;
                joint.is_of(splits).then_some((RollupOf::Joint(joint, splits), others))
            });
            let (one, others) = joint.unwrap_or((RollupOf::Split(split), others));
            rollups.push(one);
            rest = others;
        }
        rollups
    }

    /// Lets go of joint rollups that count splits which are no longer there.
    pub(crate) fn drop_torn_joints(&mut self) {
        let standing: Vec<u64> = self
            .rollups()
            .iter()
            .filter_map(|rollup| match rollup {
                RollupOf::Joint(joint, _) => Some(joint.id),
                RollupOf::Split(_) => None,
            })
            .collect();
        self.joints.retain(|joint| standing.contains(&joint.id));
    }
}
