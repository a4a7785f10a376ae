//! What can break in a generated system, and what each thing truly is.

use groundcrew_telemetry::Timestamp;

/// One way for a generated system to break.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MeshFault {
    /// Something in the service burns all its processor time.
    CpuHog,
    /// A configuration change lowered its processor limit.
    CpuThrottled,
    /// A deploy never frees memory, until its pods are killed for it.
    MemoryLeak,
    /// One pod of several is slow.
    SlowPod,
    /// One pod of several fails.
    FailingPod,
    /// The disk of a database is full; writes fail.
    DiskFull,
    /// A shared database answers slowly.
    SlowQueries,
    /// A deploy leaves the service too few database connections.
    PoolExhausted,
    /// Packets between two services are late; both are well.
    NetworkDelay,
    /// Packets between two services get lost and are sent again.
    PacketLoss,
    /// One service cannot resolve names.
    DnsFailure,
    /// The certificate of an outside provider has expired.
    CertificateExpired,
    /// An outside provider is down.
    ProviderDown,
    /// An outside provider is slow.
    ProviderSlow,
    /// A deploy throws.
    ExceptionDeploy,
    /// A deploy answers wrong values: its callers fail, it no longer makes its own calls.
    WrongValueDeploy,
    /// A configuration change gives the service a tiny timeout for its calls.
    TinyTimeout,
    /// A feature flag throws for a part of the customers.
    FlagCohort,
    /// One entry gets many times its usual requests.
    TrafficSpike,
    /// A deploy repeats failed calls without pause and drowns a callee.
    RetryStorm,
    /// A batch job takes the processors of a node that many pods share.
    NodePressure,
    /// The pods of a deploy crash before they are ever ready.
    CrashLoop,
    /// The image of a deploy cannot be pulled.
    ImagePull,
    /// A cache is down: its load goes to the database.
    CacheDown,
    /// A worker cannot keep up with its queue.
    QueueBacklog,
    /// Requests wait for a lock: slow, with no resource used up.
    LockContention,
}

impl MeshFault {
    /// Every fault, in a fixed order.
    pub const ALL: [Self; 26] = [
        Self::CpuHog,
        Self::CpuThrottled,
        Self::MemoryLeak,
        Self::SlowPod,
        Self::FailingPod,
        Self::DiskFull,
        Self::SlowQueries,
        Self::PoolExhausted,
        Self::NetworkDelay,
        Self::PacketLoss,
        Self::DnsFailure,
        Self::CertificateExpired,
        Self::ProviderDown,
        Self::ProviderSlow,
        Self::ExceptionDeploy,
        Self::WrongValueDeploy,
        Self::TinyTimeout,
        Self::FlagCohort,
        Self::TrafficSpike,
        Self::RetryStorm,
        Self::NodePressure,
        Self::CrashLoop,
        Self::ImagePull,
        Self::CacheDown,
        Self::QueueBacklog,
        Self::LockContention,
    ];

    /// The name used on command lines and in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CpuHog => "cpu-hog",
            Self::CpuThrottled => "cpu-throttled",
            Self::MemoryLeak => "memory-leak",
            Self::SlowPod => "slow-pod",
            Self::FailingPod => "failing-pod",
            Self::DiskFull => "disk-full",
            Self::SlowQueries => "slow-queries",
            Self::PoolExhausted => "pool-exhausted",
            Self::NetworkDelay => "network-delay",
            Self::PacketLoss => "packet-loss",
            Self::DnsFailure => "dns-failure",
            Self::CertificateExpired => "certificate-expired",
            Self::ProviderDown => "provider-down",
            Self::ProviderSlow => "provider-slow",
            Self::ExceptionDeploy => "exception-deploy",
            Self::WrongValueDeploy => "wrong-value-deploy",
            Self::TinyTimeout => "tiny-timeout",
            Self::FlagCohort => "flag-cohort",
            Self::TrafficSpike => "traffic-spike",
            Self::RetryStorm => "retry-storm",
            Self::NodePressure => "node-pressure",
            Self::CrashLoop => "crash-loop",
            Self::ImagePull => "image-pull",
            Self::CacheDown => "cache-down",
            Self::QueueBacklog => "queue-backlog",
            Self::LockContention => "lock-contention",
        }
    }

    /// The fault of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Words for the kind of fault that count as right, the most exact first.
    #[must_use]
    pub const fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::CpuHog | Self::NodePressure => &["cpu"],
            Self::CpuThrottled => &["cpu", "config"],
            Self::MemoryLeak => &["memory"],
            Self::SlowPod | Self::LockContention => &["latency"],
            Self::FailingPod => &["exception", "code error"],
            Self::DiskFull => &["disk"],
            Self::SlowQueries => &["latency", "cpu", "dependency"],
            Self::PoolExhausted => &["config"],
            Self::NetworkDelay | Self::PacketLoss | Self::DnsFailure => &["network"],
            Self::CertificateExpired => &["network", "dependency"],
            Self::ProviderDown | Self::CacheDown => &["dependency"],
            Self::ProviderSlow => &["dependency", "latency"],
            Self::ExceptionDeploy | Self::FlagCohort => &["exception", "code error"],
            Self::WrongValueDeploy => &["code error"],
            Self::TinyTimeout => &["config"],
            Self::TrafficSpike | Self::RetryStorm | Self::QueueBacklog => &["load"],
            Self::CrashLoop | Self::ImagePull => &["scheduling"],
        }
    }

    /// Whether a change brings it about.
    #[must_use]
    pub const fn is_change(self) -> bool {
        matches!(
            self,
            Self::CpuThrottled
                | Self::MemoryLeak
                | Self::PoolExhausted
                | Self::ExceptionDeploy
                | Self::WrongValueDeploy
                | Self::TinyTimeout
                | Self::FlagCohort
                | Self::RetryStorm
                | Self::CrashLoop
                | Self::ImagePull
        )
    }
}

/// What truly happened, for whoever grades an answer.
#[derive(Clone, PartialEq, Debug)]
pub struct MeshTruth {
    /// What broke.
    pub fault: MeshFault,
    /// Names that count as the right answer, the most exact first.
    pub accepted: Vec<String>,
    /// The pod at fault, when it is one alone.
    pub pod: Option<String>,
    /// The id of the change that did it, when a change did it.
    pub change: Option<String>,
    /// When it broke.
    pub since: Timestamp,
}

/// What a run is to contain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MeshPlan {
    /// Nothing breaks; the page is jitter.
    Healthy,
    /// One fault.
    One(MeshFault),
    /// Two faults of different services at once.
    Two(MeshFault, MeshFault),
}

impl MeshPlan {
    /// The faults in it.
    pub(super) fn faults(self) -> Vec<MeshFault> {
        match self {
            Self::Healthy => Vec::new(),
            Self::One(fault) => vec![fault],
            Self::Two(first, second) => vec![first, second],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways_and_every_fault_has_a_kind() {
        let mut names: Vec<&str> = MeshFault::ALL.iter().map(|fault| fault.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 26);
        for fault in MeshFault::ALL {
            assert_eq!(MeshFault::from_name(fault.name()), Some(fault));
            assert!(!fault.kinds().is_empty());
        }
        assert_eq!(MeshFault::from_name("earthquake"), None);
    }
}
