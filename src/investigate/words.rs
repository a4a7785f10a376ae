//! What words say, whoever wrote them.

/// Whether a text speaks of failure in the words that programs use for it, whatever its level says.
#[must_use]
pub(super) fn speaks_of_failure(text: &str) -> bool {
    const WORDS: [&str; 34] = [
        "error",
        "fail",
        "exception",
        "timeout",
        "timed out",
        "refused",
        "denied",
        "unable",
        "cannot",
        "could not",
        "crash",
        "oom",
        "killed",
        "panic",
        "unavailable",
        "unreachable",
        "exhausted",
        "exceeded",
        "invalid",
        "corrupt",
        "abort",
        "reject",
        "expired",
        "not found",
        "no such",
        "missing",
        "unhealthy",
        "backoff",
        "back-off",
        "deadlock",
        "limit",
        "throttl",
        "forbidden",
        "unauthorized",
    ];
    let lower = text.to_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}
