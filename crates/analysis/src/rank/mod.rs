//! The ranking: from observations to findings, suspects and verdicts on changes.

use crate::{Analysis, Observations};

/// Finds what is different in the window and ranks who most likely caused it.
#[must_use]
pub fn rank(observations: &Observations) -> Analysis {
    let _ = observations;
    Analysis::default()
}
