//! Findings and the clues that tie them to services.

use crate::Finding;

/// Which signal a clue comes from. Clues of one channel are not independent: only the best of a channel counts fully.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Channel {
    /// Own time of a service.
    Slow,
    /// Time on the wire to or from it.
    Wire,
    /// Failed spans.
    Errors,
    /// Where requests end, and what is called.
    Flow,
    /// Log templates.
    Logs,
    /// Resource metrics.
    Resource,
    /// Latency and availability metrics.
    Golden,
    /// Cluster state.
    Cluster,
    /// Traffic.
    Load,
}

impl Channel {
    /// Whether callers show the same when a callee causes it.
    pub(super) fn is_inherited(self) -> bool {
        matches!(self, Self::Errors | Self::Flow | Self::Logs | Self::Golden)
    }
}

impl Channel {
    /// Whether it shows what requests go through, rather than what goes on beside them.
    fn is_of_requests(self) -> bool {
        matches!(self, Self::Slow | Self::Wire | Self::Errors | Self::Flow | Self::Golden)
    }
}

/// A finding that speaks for a service being abnormal by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clue {
    pub(super) service: u32,
    pub(super) channel: Channel,
    /// How convincing by itself, 0 to 1.
    pub(super) likelihood: f64,
    /// Position in the list of findings.
    pub(super) finding: usize,
}

/// What all signals together have to say.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) findings: Vec<Finding>,
    pub(super) clues: Vec<Clue>,
}

impl Evidence {
    /// Keeps a finding and what it says about one service.
    pub(super) fn add(
        &mut self,
        finding: Finding,
        service: u32,
        channel: Channel,
        likelihood: f64,
    ) {
        let position = self.findings.len();
        self.findings.push(finding);
        self.clue(service, channel, likelihood, position);
    }

    /// Lets a finding that is kept already speak for a service.
    pub(super) fn clue(&mut self, service: u32, channel: Channel, likelihood: f64, finding: usize) {
        let likelihood = if likelihood.is_finite() { likelihood.clamp(0.0, 0.99) } else { 0.0 };
        self.clues.push(Clue { service, channel, likelihood, finding });
    }

    /// How convincing each finding is by itself: the most that it says about any service.
    pub(super) fn likelihoods(&self) -> Vec<f64> {
        let mut likelihoods = vec![0.0_f64; self.findings.len()];
        for clue in &self.clues {
            if let Some(most) = likelihoods.get_mut(clue.finding) {
                *most = most.max(clue.likelihood);
            }
        }
        likelihoods
    }

    /// Makes what goes on beside requests say less, when none of them suffer.
    pub(super) fn soften(&mut self, factor: f64) {
        for clue in self.clues.iter_mut().filter(|clue| !clue.channel.is_of_requests()) {
            clue.likelihood *= factor;
        }
    }
}
