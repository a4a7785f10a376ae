//! What sort of fault a suspect's findings look like: a table of rules, the first that fits wins.

use super::combine::Ranked;
use super::evidence::{Clue, Evidence};
use super::meaning::{Meaning, meaning};
use groundcrew_telemetry::ChangeKind;

use crate::{ChangeVerdict, FaultKind, Finding, FindingKind, Observations, Suspect, Verdict};

/// The kind of fault that the reasons of a suspect look like.
pub(super) fn of(ranked: &Ranked, name: &str, evidence: &Evidence) -> FaultKind {
    let mut clues: Vec<&Clue> =
        evidence.clues.iter().filter(|clue| clue.service == ranked.service).collect();
    clues.retain(|clue| clue.likelihood > 0.0);
    clues.sort_by(|a, b| b.likelihood.total_cmp(&a.likelihood).then(a.finding.cmp(&b.finding)));
    let findings: Vec<&Finding> =
        clues.iter().filter_map(|clue| evidence.findings.get(clue.finding)).collect();
    let resource = findings.iter().find_map(|finding| match &finding.kind {
        FindingKind::MetricShift { metric, unit, .. }
        | FindingKind::Saturated { metric, unit, .. } => of_meaning(meaning(metric, unit)),
        _ => None,
    });
    let any = |test: fn(&FindingKind) -> bool| findings.iter().any(|finding| test(&finding.kind));
    let leads = findings.first().map(|finding| &finding.kind);
    if let Some(FindingKind::LoadChanged { before_per_min, after_per_min }) = leads
        && after_per_min > before_per_min
    {
        return FaultKind::Load;
    }
    if any(|kind| says(kind, &OUT_OF_MEMORY)) {
        return FaultKind::Memory;
    }
    if any(|kind| says(kind, &DISK_FULL)) {
        return FaultKind::Disk;
    }
    if is_overloaded(&findings, name, evidence) {
        return FaultKind::Load;
    }
    if any(|kind| matches!(kind, FindingKind::ObjectUnhealthy { .. })) {
        return FaultKind::Scheduling;
    }
    let slower = any(|kind| matches!(kind, FindingKind::ServiceLatency { .. }));
    let wire = any(|kind| matches!(kind, FindingKind::EdgeLatency { .. }));
    let exception = any(|kind| match kind {
        FindingKind::TemplateNew { text, .. } | FindingKind::TemplateSpiking { text, .. } => {
            text.contains("Exception") || text.contains("exception") || text.contains("panic")
        }
        _ => false,
    });
    match (resource, slower, wire) {
        (Some(resource), _, _) if slower || wire => resource,
        (_, false, true) => FaultKind::Network,
        (_, true, true) => FaultKind::Cpu,
        (_, true, false) => FaultKind::Latency,
        (Some(resource), false, false) if !exception => resource,
        _ if exception => FaultKind::Exception,
        _ if any(|kind| {
            matches!(
                kind,
                FindingKind::TemplateGone { .. }
                    | FindingKind::PathLeft { .. }
                    | FindingKind::TemplateNew { .. }
                    | FindingKind::CallsChanged { .. }
                    | FindingKind::Retries { .. }
                    | FindingKind::EdgeErrors { .. }
                    | FindingKind::ServiceErrors { .. }
            )
        }) =>
        {
            FaultKind::CodeError
        }
        _ => FaultKind::Unknown,
    }
}

/// Whether there is more to do than can be done.
fn is_overloaded(findings: &[&Finding], name: &str, evidence: &Evidence) -> bool {
    // Less of a surge will do where a caller is known to ask more often for the same work.
    let is_asked_more = evidence.findings.iter().any(|finding| match &finding.kind {
        FindingKind::CallsChanged { callee, before_per_min, after_per_min } => {
            callee == name && after_per_min > before_per_min
        }
        FindingKind::Retries { callee, .. } => callee == name,
        _ => false,
    });
    let surge_min = if is_asked_more { 1.0 } else { SURGE_MIN };
    findings.iter().any(|finding| match &finding.kind {
        FindingKind::LoadChanged { before_per_min, after_per_min } => {
            *after_per_min >= surge_min * before_per_min
        }
        FindingKind::MetricShift { metric, before, after, .. } => {
            let waits = ["queue", "backlog", "lag"].iter().any(|word| metric.contains(word));
            waits && *after >= BACKLOG_MIN * before.max(1.0)
        }
        _ => false,
    })
}

/// The words with which kernels, runtimes and Kubernetes say that memory ran out.
const OUT_OF_MEMORY: [&str; 4] = ["oomkill", "outofmemory", "out of memory", "memory cgroup"];
/// The words with which operating systems and databases say that a disk is full.
const DISK_FULL: [&str; 4] =
    ["no space left on device", "disk full", "disk quota exceeded", "could not extend file"];
/// Growth of requests from which on the work itself explains trouble.
const SURGE_MIN: f64 = 1.8;
/// Growth of what waits from which on it is more than can be done.
const BACKLOG_MIN: f64 = 4.0;

/// Whether a finding's own words have one of `words`, which are in lower case.
fn says(kind: &FindingKind, words: &[&str]) -> bool {
    let says = |text: &str| {
        let lower = text.to_lowercase();
        words.iter().any(|word| lower.contains(word))
    };
    match kind {
        FindingKind::ObjectUnhealthy { status, lines, .. } => {
            says(status) || lines.iter().any(|line| says(line))
        }
        FindingKind::ClusterWarning { reason, message, .. } => says(reason) || says(message),
        FindingKind::TemplateNew { exemplar, .. }
        | FindingKind::TemplateSpiking { exemplar, .. } => says(exemplar),
        _ => false,
    }
}

/// A suspect that a change of configuration likely broke has a fault of configuration, whatever shows.
pub(super) fn by_change(
    suspects: &mut [Suspect],
    changes: &[ChangeVerdict],
    observations: &Observations,
) {
    let Some(best) = changes.first().filter(|best| best.verdict == Verdict::Likely) else { return };
    let Some(change) = best.change.and_then(|position| observations.changes.get(position)) else {
        return;
    };
    let is_config = change.kind == ChangeKind::Config
        || are_settings(&change.files)
        || (change.files.iter().any(|file| is_settings(file)) && changes_values(&change.diff));
    if !is_config {
        return;
    }
    let acted_on = |suspect: &&mut Suspect| {
        best.service.as_deref().is_some_and(|service| suspect.subject.service() == service)
    };
    // Pods that do not run say more than the file that was edited.
    let acted_on = suspects.iter_mut().find(acted_on);
    if let Some(suspect) = acted_on.filter(|one| one.fault_kind != FaultKind::Scheduling) {
        suspect.fault_kind = FaultKind::Config;
    }
}

/// Whether all files are settings rather than code.
fn are_settings(files: &[String]) -> bool {
    !files.is_empty() && files.iter().all(|file| is_settings(file))
}

fn is_settings(file: &str) -> bool {
    const ENDINGS: [&str; 9] =
        [".yaml", ".yml", ".toml", ".ini", ".conf", ".cfg", ".properties", ".env", ".json"];
    ENDINGS.iter().any(|ending| file.ends_with(ending))
}

/// Whether all that a diff takes away and adds are values of settings, `key: value` or `key = value`: then the code that
/// came with them is not what matters.
fn changes_values(diff: &str) -> bool {
    let mut changed = diff
        .lines()
        .filter(|line| !line.starts_with("+++") && !line.starts_with("---"))
        .filter_map(|line| line.strip_prefix(['+', '-']))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .peekable();
    let is_value = |line: &str| {
        let Some((key, value)) = line.split_once([':', '=']) else { return false };
        let is_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'');
        let key = key.trim();
        let is_code = |c: char| matches!(c, '(' | ')' | '{' | '}' | ';');
        !key.is_empty()
            && key.chars().all(is_key)
            && !value.trim().is_empty()
            && !value.contains(is_code)
    };
    changed.peek().is_some() && changed.all(is_value)
}

/// The kind of fault that a resource of its own points to.
pub(super) fn of_meaning(meaning: Meaning) -> Option<FaultKind> {
    match meaning {
        Meaning::Cpu | Meaning::Throttling => Some(FaultKind::Cpu),
        Meaning::Memory => Some(FaultKind::Memory),
        Meaning::Disk => Some(FaultKind::Disk),
        Meaning::Restarts => Some(FaultKind::Scheduling),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::changes_values;

    #[test]
    fn values_are_told_from_code() {
        assert!(changes_values(" pool:\n-  maximum-pool-size: 20\n+  maximum-pool-size: 2\n"));
        assert!(changes_values("--- a/x.env\n+++ b/x.env\n-TIMEOUT_MS=3000\n+TIMEOUT_MS=30\n"));
        for code in [
            "",
            " nothing: changed\n",
            "+    total = item.sum()\n",
            "-int size = 20;\n+int size = 2;\n",
            "-size: 20\n+if known:\n",
        ] {
            assert!(!changes_values(code), "{code}");
        }
    }
}
