//! What a metric measures, told from the parts of its name that are common to all systems.

/// What a metric measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meaning {
    /// Processor time used, or the share of it.
    Cpu,
    /// Being denied processor time.
    Throttling,
    Memory,
    Disk,
    Network,
    Restarts,
    /// Handles, threads, connections, queues: more means trouble.
    Saturation,
    /// How long requests take.
    Latency,
    /// Failed requests, or their share.
    Errors,
    /// The share of requests that succeed.
    Availability,
    /// How many requests there are.
    Load,
    Other,
}

impl Meaning {
    /// Whether it is a resource that one pod or node has for itself.
    pub(super) fn is_resource(self) -> bool {
        matches!(
            self,
            Self::Cpu
                | Self::Throttling
                | Self::Memory
                | Self::Disk
                | Self::Network
                | Self::Restarts
                | Self::Saturation
        )
    }

    /// Whether more of it is bad (1), less of it is (-1), or either can be (0).
    pub(super) fn bad_direction(self) -> i8 {
        match self {
            Self::Availability => -1,
            Self::Load | Self::Other | Self::Network => 0,
            _ => 1,
        }
    }
}

/// Words and what they mean; the first row that matches wins, so that `cpu throttled` is throttling.
const WORDS: [(Meaning, &[&str]); 11] = [
    (Meaning::Throttling, &["throttled", "throttling", "throttle", "cfs"]),
    (Meaning::Restarts, &["restart", "restarts", "oom", "oomkilled", "crash", "crashes"]),
    (
        Meaning::Errors,
        &[
            "error",
            "errors",
            "fault",
            "faults",
            "failure",
            "failures",
            "failed",
            "5xx",
            "exception",
            "exceptions",
            "timeout",
            "timeouts",
            "rejected",
        ],
    ),
    (Meaning::Availability, &["availability", "success", "uptime", "ready"]),
    (
        Meaning::Latency,
        &["latency", "duration", "response", "rtt", "delay", "p50", "p90", "p95", "p99"],
    ),
    (Meaning::Disk, &["disk", "filesystem", "fs", "volume", "iops", "inode", "inodes"]),
    (Meaning::Memory, &["memory", "mem", "heap", "rss", "swap"]),
    (Meaning::Cpu, &["cpu", "load1", "load5"]),
    (Meaning::Network, &["network", "net", "receive", "transmit", "tcp", "packets", "retransmits"]),
    (
        Meaning::Saturation,
        &[
            "fd",
            "descriptors",
            "threads",
            "connections",
            "pool",
            "queue",
            "backlog",
            "lag",
            "pending",
            "goroutines",
        ],
    ),
    (Meaning::Load, &["request", "requests", "rps", "qps", "calls", "throughput", "traffic"]),
];

/// What the metric of this name and unit measures.
pub(crate) fn meaning(name: &str, unit: &str) -> Meaning {
    let words = words(name);
    // Work for one request is no traffic: more of it is trouble.
    let per_request = words.windows(2).any(|pair| {
        matches!(pair, [per, unit] if per == "per" && matches!(unit.as_str(), "request" | "call" | "transaction" | "query"))
    });
    if per_request {
        return Meaning::Saturation;
    }
    let found =
        WORDS.iter().find(|(_, known)| words.iter().any(|word| known.contains(&word.as_str())));
    match found {
        Some((meaning, _)) => *meaning,
        None if unit.contains("request") => Meaning::Load,
        None => Meaning::Other,
    }
}

/// Whether the metric is about a whole node.
pub(super) fn is_node(name: &str) -> bool {
    words(name).iter().any(|word| word == "node" || word == "host")
}

/// The parts of a name, at punctuation and at changes of case, in lower case.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut after_lower = false;
    for letter in name.chars() {
        let starts_word = letter.is_ascii_uppercase() && after_lower;
        if !letter.is_alphanumeric() || starts_word {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        after_lower = letter.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_measured() {
        let check = |name: &str, expected| assert_eq!(meaning(name, ""), expected, "{name}");
        check("k8s.pod.cpu.usage", Meaning::Cpu);
        check("container_cpu_cfs_throttled_seconds_total", Meaning::Throttling);
        check("service.latency.p99", Meaning::Latency);
        check("http_5xx_ratio", Meaning::Errors);
        check("PodSuccessRate", Meaning::Availability);
        check("node_filesystem_free_bytes", Meaning::Disk);
        check("http_requests_total", Meaning::Load);
        check("jvm.memory.used", Meaning::Memory);
        check("db_query_count_per_request", Meaning::Saturation);
        assert!(is_node("k8s.node.cpu.utilization"));
    }
}
