//! Whether a status word, a ready count or a restart count is good, bad or says nothing.

/// A container that restarts at least once in so many seconds, over its whole age, is not well.
const RESTART_SECONDS_BAD: i64 = 3_600;
/// A start may take so long before waiting for it is a bad sign.
const START_SECONDS_USUAL: i64 = 120;

const BAD: &[&str] = &[
    "pending",
    "unknown",
    "failed",
    "error",
    "evicted",
    "oomkilled",
    "notready",
    "lost",
    "degraded",
    "missing",
    "outofsync",
    "unhealthy",
    "stalled",
    "nodelost",
    "nodeaffinity",
    "outofmemory",
    "outofcpu",
    "outofpods",
    "deadlineexceeded",
    "containercannotrun",
    "containerstatusunknown",
    "unexpectedadmissionerror",
    "schedulingdisabled",
    "schedulinggated",
    "unschedulable",
    "backofflimitexceeded",
    "exited",
    "dead",
    "restarting",
    "pending-install",
    "pending-upgrade",
    "pending-rollback",
];
const GOOD: &[&str] = &[
    "running",
    "completed",
    "complete",
    "succeeded",
    "ready",
    "bound",
    "available",
    "active",
    "healthy",
    "synced",
    "deployed",
    "up",
];
/// Words for the time before a container runs.
const STARTING: &[&str] = &["containercreating", "podinitializing", "pending", "waiting"];

/// Collects verdicts: one bad one outweighs all good ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Verdict(Option<bool>);

impl Verdict {
    /// Adds one sign.
    pub(super) fn add(&mut self, sign: Option<bool>) {
        self.0 = match (self.0, sign) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), _) | (_, Some(true)) => Some(true),
            (None, None) => None,
        };
    }

    /// Adds a bad sign when `bad`.
    pub(super) fn add_bad(&mut self, bad: bool) {
        if bad {
            self.0 = Some(false);
        }
    }

    /// What all signs say together.
    pub(super) const fn healthy(self) -> Option<bool> {
        self.0
    }
}

/// What a status says: `Running`, `Init:CrashLoopBackOff`, `Ready,SchedulingDisabled`, `Up 3 hours (unhealthy)`.
pub(super) fn of_status(status: &str, age_seconds: Option<i64>) -> Option<bool> {
    let mut verdict = Verdict::default();
    for part in status.split(',') {
        verdict.add(of_part(part.trim(), age_seconds));
    }
    verdict.healthy()
}

fn of_part(part: &str, age_seconds: Option<i64>) -> Option<bool> {
    let lower = part.to_ascii_lowercase();
    if lower.contains("(unhealthy)") {
        return Some(false);
    }
    let after_init = lower.strip_prefix("init:");
    let starting = STARTING.contains(&lower.as_str())
        || after_init.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '/'));
    let just_created = age_seconds.is_some_and(|age| age <= START_SECONDS_USUAL);
    if starting && (just_created || (age_seconds.is_none() && lower != "pending")) {
        return None;
    }
    if starting {
        return Some(false);
    }
    if part.starts_with("Exited (0)") {
        return Some(true);
    }
    let bare = after_init.unwrap_or(&lower);
    let word = bare.split([' ', '(']).next().unwrap_or(bare);
    if is_bad_word(word) {
        return Some(false);
    }
    GOOD.contains(&word).then_some(true)
}

/// Whether a reason, given in any case, is one that nobody wants to see.
pub(super) fn is_bad_word(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    BAD.contains(&lower.as_str())
        || lower.ends_with("backoff")
        || lower.ends_with("error")
        || lower.starts_with("errimage")
        || lower.starts_with("invalid")
        || lower.starts_with("failed")
}

/// What `1/2` says; nothing for `0/0`, which may be wanted.
pub(super) fn of_ready_count(cell: &str) -> Option<bool> {
    let (ready, wanted) = cell.trim().split_once('/')?;
    let ready: u64 = ready.trim().parse().ok()?;
    let wanted: u64 = wanted.trim().parse().ok()?;
    (wanted > 0).then_some(ready >= wanted)
}

/// A container's restarts as a table shows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Restarts {
    /// How many.
    pub(super) count: u32,
    /// How long ago the last one was, when shown.
    pub(super) last_seconds_ago: Option<i64>,
}

impl Restarts {
    /// Reads `2209 (4m40s ago)`, `0` or the sum of `1,0,2`.
    pub(super) fn parse(cell: &str) -> Self {
        let (count, ago) = cell.split_once('(').unwrap_or((cell, ""));
        let count = count
            .trim()
            .split(',')
            .filter_map(|part| part.trim().parse::<u32>().ok())
            .fold(0, u32::saturating_add);
        let last_seconds_ago =
            super::age::seconds(ago.trim().trim_end_matches(')').trim_end_matches("ago"));
        Self { count, last_seconds_ago }
    }

    /// Bad when restarts keep coming for the pod's age, no sign either way when the last one is recent.
    pub(super) fn sign(self, age_seconds: Option<i64>) -> Option<bool> {
        if self.count == 0 {
            return Some(true);
        }
        let age = age_seconds?;
        let often = age < i64::from(self.count).saturating_mul(RESTART_SECONDS_BAD);
        let lately = self.last_seconds_ago.is_none_or(|ago| ago <= RESTART_SECONDS_BAD);
        match (often, lately) {
            (true, true) => Some(false),
            (false, false) => Some(true),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for (status, expected) in [
            ("Running", Some(true)),
            ("CrashLoopBackOff", Some(false)),
            ("Init:CrashLoopBackOff", Some(false)),
            ("Init:ErrImagePull", Some(false)),
            ("Ready,SchedulingDisabled", Some(false)),
            ("NotReady", Some(false)),
            ("Completed", Some(true)),
            ("Exited (137) 5 minutes ago", Some(false)),
            ("Exited (0) 5 minutes ago", Some(true)),
            ("Up 3 hours (unhealthy)", Some(false)),
            ("Up 3 hours", Some(true)),
            ("pending-upgrade", Some(false)),
            ("Progressing", None),
            ("", None),
        ] {
            assert_eq!(of_status(status, None), expected, "{status}");
        }
    }

    #[test]
    fn a_pod_may_take_a_moment_to_start() {
        assert_eq!(of_status("Pending", Some(4)), None);
        assert_eq!(of_status("Pending", Some(4_000)), Some(false));
        assert_eq!(of_status("ContainerCreating", Some(4_000)), Some(false));
        assert_eq!(of_status("Init:0/1", Some(30)), None);
        assert_eq!(of_status("Init:0/1", Some(600)), Some(false));
    }

    #[test]
    fn restarts_are_judged_by_their_rate() {
        let day = 86_400;
        assert_eq!(Restarts::parse("2209 (4m40s ago)").sign(Some(28 * day)), Some(false));
        assert_eq!(Restarts::parse("52 (9d ago)").sign(Some(36 * day)), Some(true));
        assert_eq!(Restarts::parse("2 (8m ago)").sign(Some(2 * day)), None);
        assert_eq!(Restarts::parse("3").sign(Some(600)), Some(false));
        assert_eq!(Restarts::parse("0").sign(None), Some(true));
        assert_eq!(Restarts::parse("1,2").count, 3);
    }

    #[test]
    fn counts() {
        assert_eq!(of_ready_count("1/2"), Some(false));
        assert_eq!(of_ready_count("2/2"), Some(true));
        assert_eq!(of_ready_count("0/0"), None);
        assert_eq!(of_ready_count("True"), None);
    }
}
