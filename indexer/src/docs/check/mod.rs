//! Looks for what is wrong with documents before somebody needs them at night.
//!
//! Dead links and anchors, runbooks that nothing leads to, alerts without a runbook, ids that two pages share, pages
//! whose review is overdue, files that cannot be read. Nothing is fetched: addresses on a network are left alone.

mod coverage;
mod finding;
mod links;
mod pages;
mod rules;
#[cfg(test)]
mod tests;

use std::path::Path;

use groundcrew_telemetry::Timestamp;

use super::DocsError;
use super::source::DocumentSource;
pub use finding::{CheckReport, Finding, FindingKind};
use pages::Collected;

/// What is known from elsewhere, such as the store.
#[derive(Clone, Debug, Default)]
pub struct KnownNames {
    /// Alerts that went off, each with the address of its runbook, if it names one.
    pub alerts: Vec<(String, Option<String>)>,
    /// Services that sent telemetry.
    pub services: Vec<String>,
}

/// Checks the documents of all `sources` together, as of `now`.
///
/// # Errors
/// When one of them cannot be read at all.
pub fn check(
    sources: &[DocumentSource<'_>],
    known: &KnownNames,
    now: Timestamp,
) -> Result<CheckReport, DocsError> {
    let mut collected = Collected::default();
    for source in sources {
        let error = |error| DocsError::Read { path: source.path.to_owned(), source: error };
        collected.add(*source).map_err(error)?;
    }
    collected.add_known(known);
    let mut findings = std::mem::take(&mut collected.unreadable);
    findings.extend(links::dead(&collected));
    findings.extend(coverage::orphans(&collected));
    findings.extend(coverage::alerts_without_runbook(&collected));
    findings.extend(coverage::duplicate_ids(&collected));
    findings.extend(coverage::stale(&collected, now));
    findings.sort_by(|one, other| {
        (one.kind, &one.path, one.line).cmp(&(other.kind, &other.path, other.line))
    });
    findings.dedup();
    Ok(CheckReport {
        pages: collected.pages.len() as u64,
        alerts: collected.alerts.len() as u64,
        findings,
    })
}

/// Whether two paths are of one file, as far as the file system tells.
fn true_path(path: &Path) -> std::path::PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
