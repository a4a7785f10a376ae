//! Status conditions: which of them are bad news.

use super::verdict;

/// What one condition says: good, bad or nothing about health.
pub(super) fn sign(kind: &str, status: &str, reason: &str) -> Option<bool> {
    let is_true = status.eq_ignore_ascii_case("true");
    let is_false = status.eq_ignore_ascii_case("false");
    if !is_true && !is_false {
        return status.eq_ignore_ascii_case("unknown").then_some(false);
    }
    if names_trouble(kind) {
        return is_true.then_some(false);
    }
    match kind {
        // A pod that has done its work is no longer ready, and says so.
        "Ready" | "ContainersReady" if is_false && reason == "PodCompleted" => None,
        "Ready" | "Available" | "Healthy" | "Synced" | "Complete" if is_true => Some(true),
        "Ready"
        | "Available"
        | "Healthy"
        | "Synced"
        | "ContainersReady"
        | "PodScheduled"
        | "Initialized"
        | "Progressing"
        | "AbleToScale"
        | "ScalingActive"
        | "Reconciled"
        | "Released"
        | "Established"
        | "ResolvedRefs"
        | "Accepted"
        | "Programmed"
        | "TestSuccess"
        | "DisruptionAllowed"
        | "PodReadyToStartContainers"
            if is_false =>
        {
            // Rolling out or switched off on purpose is no fault by itself.
            let on_purpose = matches!(reason, "Progressing" | "Suspended" | "ScalingDisabled");
            (!on_purpose).then_some(false)
        }
        _ => verdict::is_bad_word(reason).then_some(false),
    }
}

/// Conditions that are bad when they hold.
fn names_trouble(kind: &str) -> bool {
    const TROUBLES: &[&str] = &[
        "NetworkUnavailable",
        "ReplicaFailure",
        "Failed",
        "FailureTarget",
        "Degraded",
        "Stalled",
        "OutOfDisk",
        "DisruptionTarget",
        "KernelDeadlock",
        "ReadonlyFilesystem",
        "CorruptDockerOverlay2",
    ];
    TROUBLES.contains(&kind)
        || ["Pressure", "Error", "Failure", "Problem"].iter().any(|end| kind.ends_with(end))
        || kind.starts_with("Frequent")
}

/// What a row of the `Conditions:` table of a description says: type, status, and somewhere a reason.
pub(super) fn sign_of_row(row: &str) -> Option<bool> {
    let mut words = row.split_whitespace();
    let kind = words.next()?;
    let status = words.next()?;
    let reason = words.find(|word| {
        verdict::is_bad_word(word)
            || matches!(*word, "PodCompleted" | "Suspended" | "ScalingDisabled")
    });
    sign(kind, status, reason.unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        for (kind, status, reason, expected) in [
            ("Ready", "False", "ContainersNotReady", Some(false)),
            ("Ready", "True", "", Some(true)),
            ("Ready", "Unknown", "NodeStatusUnknown", Some(false)),
            ("Ready", "False", "PodCompleted", None),
            ("MemoryPressure", "True", "", Some(false)),
            ("MemoryPressure", "False", "", None),
            ("Progressing", "False", "ProgressDeadlineExceeded", Some(false)),
            ("Progressing", "True", "NewReplicaSetAvailable", None),
            ("ScalingActive", "False", "ScalingDisabled", None),
            ("Failed", "True", "BackoffLimitExceeded", Some(false)),
            ("SyncError", "True", "", Some(false)),
        ] {
            assert_eq!(sign(kind, status, reason), expected, "{kind} {status}");
        }
    }

    #[test]
    fn rows() {
        assert_eq!(sign_of_row("PodScheduled   False"), Some(false));
        assert_eq!(sign_of_row("Type   Status"), None);
        assert_eq!(
            sign_of_row("DiskPressure True Mon, 02 Jun 2025 KubeletHasDiskPressure"),
            Some(false)
        );
        assert_eq!(sign_of_row("Ready"), None);
    }
}
