//! What comes out of the ranking: suspects, verdicts on changes, and the analysis that holds them.

use groundcrew_telemetry::Timestamp;

use crate::{Finding, ServiceGraph};

/// The result of [`crate::rank()`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Analysis {
    /// Everything that is different from normal, in the order in which the signals were looked at.
    pub findings: Vec<Finding>,
    /// How convincing each finding is by itself, 0 to 1, in the same order; 0 for those that only describe.
    pub likelihoods: Vec<f64>,
    /// Metrics of requests that moved for the worse and that no finding tells of, the farthest first: of several
    /// percentiles one stands for all, and spans stand for what is measured of them. They speak for nobody.
    pub moved: Vec<Finding>,
    /// Best first. Complete: every service is in it, with a score near 0 when nothing speaks for it. Empty when nothing
    /// at all is abnormal.
    pub suspects: Vec<Suspect>,
    /// Who calls whom.
    pub graph: ServiceGraph,
    /// The hypothesis "this change did it" tested for each change, best first, with "no change did it" among them.
    pub changes: Vec<ChangeVerdict>,
    /// When the trouble began, as exactly as can be told.
    pub onset: Option<Timestamp>,
    /// How it goes on, as a position in [`Analysis::findings`]; `None` where requests do not show it.
    pub course: Option<usize>,
}

/// A ranked candidate for the cause.
#[derive(Clone, PartialEq, Debug)]
pub struct Suspect {
    /// Who or what.
    pub subject: Subject,
    /// What sort of fault its findings look like.
    pub fault_kind: FaultKind,
    /// How convincing, 0 to 1, comparable between incidents.
    pub score: f64,
    /// Findings that speak for it, strongest first; positions in [`Analysis::findings`].
    pub reasons: Vec<usize>,
    /// Findings that speak against it, such as a callee that is more abnormal; positions in [`Analysis::findings`].
    pub against: Vec<usize>,
    /// Since when its findings hold.
    pub onset: Option<Timestamp>,
}

/// Who or what is suspected.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Subject {
    /// A service as a whole.
    Service(String),
    /// One pod of a service whose other pods are fine.
    Pod {
        /// The service.
        service: String,
        /// The pod.
        pod: String,
    },
    /// A node that several pods suffer on.
    Node(String),
    /// The way between two services.
    Edge {
        /// Who calls.
        caller: String,
        /// Who is called.
        callee: String,
    },
    /// A change.
    Change {
        /// Its id, else its title.
        id: String,
        /// The service it touched, `""` when unknown.
        service: String,
    },
    /// Something called that sends no telemetry of its own: a database, a provider.
    Dependency(String),
}

impl Subject {
    /// The service, node or dependency to name in one word: for a pod its service, for an edge the callee.
    #[must_use]
    pub fn service(&self) -> &str {
        match self {
            Self::Service(name) | Self::Node(name) | Self::Dependency(name) => name,
            Self::Pod { service, .. } | Self::Change { service, .. } => service,
            Self::Edge { callee, .. } => callee,
        }
    }
}

/// What sort of fault it looks like.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum FaultKind {
    /// Processor time: used up, contended or throttled.
    Cpu,
    /// Memory: used up, leaked, killed for it.
    Memory,
    /// Disk: full or slow.
    Disk,
    /// The network: delay, loss, partition, name resolution, certificates.
    Network,
    /// Slower by itself, for a reason the signals do not tell.
    Latency,
    /// The code does something else than before: wrong values, missing calls.
    CodeError,
    /// The code throws.
    Exception,
    /// Configuration.
    Config,
    /// Something outside that it depends on.
    Dependency,
    /// More work than it can do.
    Load,
    /// Pods that do not run: pending, crashing, not ready.
    Scheduling,
    /// The signals do not tell.
    #[default]
    Unknown,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Cpu,
        Self::Memory,
        Self::Disk,
        Self::Network,
        Self::Latency,
        Self::CodeError,
        Self::Exception,
        Self::Config,
        Self::Dependency,
        Self::Load,
        Self::Scheduling,
        Self::Unknown,
    ];

    /// The word used in sentences and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Network => "network",
            Self::Latency => "latency",
            Self::CodeError => "code error",
            Self::Exception => "exception",
            Self::Config => "config",
            Self::Dependency => "dependency",
            Self::Load => "load",
            Self::Scheduling => "scheduling",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How the hypothesis "this change did it" came out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// The tests agree that it did.
    Likely,
    /// It cannot be told from these signals.
    Possible,
    /// The tests speak against it.
    Unlikely,
    /// It cannot have done it: it came after the onset, or acts on nothing that runs.
    RuledOut,
}

impl Verdict {
    /// The word used in sentences and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Likely => "likely",
            Self::Possible => "possible",
            Self::Unlikely => "unlikely",
            Self::RuledOut => "ruled out",
        }
    }
}

/// One change, or "no change", tested as the cause.
#[derive(Clone, PartialEq, Debug)]
pub struct ChangeVerdict {
    /// Position in [`crate::Observations::changes`]; `None` is the hypothesis that no change did it.
    pub change: Option<usize>,
    /// The change's id, else its title; `"none"` for no change.
    pub id: String,
    /// The service it acts on, as far as is known.
    pub service: Option<String>,
    /// Its title, or why no change is to blame.
    pub title: String,
    /// How it came out.
    pub verdict: Verdict,
    /// How convincing, 0 to 1.
    pub score: f64,
    /// The tests, in the order they were made.
    pub tests: Vec<ChangeTest>,
}

/// One test of a change, in words.
#[derive(Clone, PartialEq, Debug)]
pub struct ChangeTest {
    /// What was tested and what came out, as a sentence without a full stop.
    pub text: String,
    /// How much it speaks for (positive) or against (negative) the change, in nats of odds.
    pub weight: f64,
}
