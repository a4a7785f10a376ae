//! What is missing between pages, alerts and services.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use groundcrew_store::DocumentKind;
use groundcrew_telemetry::Timestamp;

use super::super::formats::Target;
use super::links::resolve;
use super::pages::{Collected, Page};
use super::{Finding, FindingKind};

/// Runbooks that no other page, no alert and no service leads to.
pub(super) fn orphans(collected: &Collected) -> Vec<Finding> {
    let linked = linked(collected);
    let is_orphan = |page: &&Page| {
        page.kind == DocumentKind::Runbook
            && !page.stem().eq_ignore_ascii_case("index")
            && !linked.contains(&page.true_path)
            && !names_something_known(page, collected)
            && !is_named_from_outside(page, collected)
    };
    let orphans = collected.pages.iter().filter(is_orphan);
    orphans
        .map(|page| Finding {
            kind: FindingKind::OrphanRunbook,
            path: page.path.clone(),
            line: 0,
            what: "no page links to it, and it names no known alert or service".to_owned(),
        })
        .collect()
}

/// Alerts that no page answers.
pub(super) fn alerts_without_runbook(collected: &Collected) -> Vec<Finding> {
    let alerts = collected.alerts.iter().filter(|(name, alert)| {
        // An address elsewhere is taken at its word: nothing is fetched.
        let is_elsewhere = alert.runbook.as_deref().is_some_and(|address| address.contains("://"));
        let leads_here = alert
            .runbook
            .as_deref()
            .is_some_and(|address| collected.pages.iter().any(|page| leads_to(address, page)));
        !is_elsewhere && !leads_here && !collected.pages.iter().any(|page| answers(page, name))
    });
    alerts
        .map(|(name, alert)| Finding {
            kind: FindingKind::AlertWithoutRunbook,
            path: alert.path.clone(),
            line: alert.line,
            what: match &alert.runbook {
                Some(address) => format!("{name}: its runbook {address} is not among the pages"),
                None => format!("{name}: no page has it in `alerts:`, its name or its title"),
            },
        })
        .collect()
}

/// Pages that give themselves an id that another page has given itself.
pub(super) fn duplicate_ids(collected: &Collected) -> Vec<Finding> {
    let mut first: BTreeMap<&str, &Path> = BTreeMap::new();
    let mut findings = Vec::new();
    for page in &collected.pages {
        let Some(id) = page.given_id.as_deref() else { continue };
        match first.get(id) {
            Some(other) => findings.push(Finding {
                kind: FindingKind::DuplicateId,
                path: page.path.clone(),
                line: 1,
                what: format!("has the id `{id}` that {} has too", other.display()),
            }),
            None => {
                first.insert(id, &page.path);
            }
        }
    }
    findings
}

/// Pages whose review date has passed.
pub(super) fn stale(collected: &Collected, now: Timestamp) -> Vec<Finding> {
    let overdue = collected.pages.iter().filter_map(|page| {
        let date = page.review.as_deref()?;
        let what = match Timestamp::parse(date) {
            Some(due) if due < now => format!("was to be reviewed by {date}"),
            Some(_) => return None,
            None => format!("review date `{date}` is not a date like 2026-03-14"),
        };
        Some(Finding { kind: FindingKind::StalePage, path: page.path.clone(), line: 1, what })
    });
    overdue.collect()
}

/// The files that pages link to, other than themselves.
fn linked(collected: &Collected) -> BTreeSet<PathBuf> {
    let mut linked = BTreeSet::new();
    for page in &collected.pages {
        for link in &page.references.links {
            let Target::Address(address) = &link.target else { continue };
            let path = address.split(['#', '?']).next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            linked.extend(resolve(page, path).filter(|target| *target != page.true_path));
        }
    }
    linked
}

/// Whether a page names an alert or service that exists. While none are known at all, any name will do.
fn names_something_known(page: &Page, collected: &Collected) -> bool {
    let nothing_known = collected.alerts.is_empty() && collected.services.is_empty();
    let names_known = page.alerts.iter().any(|alert| collected.alerts.contains_key(alert))
        || page.services.iter().any(|service| collected.services.contains(service));
    let names_any = !page.alerts.is_empty() || !page.services.is_empty();
    names_known || (nothing_known && names_any)
}

/// Whether an alert or a service catalog leads to a page.
fn is_named_from_outside(page: &Page, collected: &Collected) -> bool {
    let runbooks = collected.alerts.values().filter_map(|alert| alert.runbook.as_ref());
    let mut addresses = runbooks.chain(&collected.catalog_links);
    addresses.any(|address| leads_to(address, page))
        || collected.alerts.keys().any(|alert| answers(page, alert))
}

/// Whether a page is about an alert: by its front matter, its file's name or its title.
fn answers(page: &Page, alert: &str) -> bool {
    page.alerts.iter().any(|known| known == alert)
        || same_name(page.stem(), alert)
        || same_name(&page.title, alert)
}

/// Compares names without regard to how their words are joined: `OrdersFailing` is `orders-failing`.
fn same_name(one: &str, other: &str) -> bool {
    let letters = |name: &str| {
        name.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect::<String>()
    };
    letters(one) == letters(other)
}

/// Whether an address ends in a page's path, as the address of a page that is shown by a site does.
fn leads_to(address: &str, page: &Page) -> bool {
    let path = address.split(['#', '?']).next().unwrap_or_default().trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default();
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    !stem.is_empty() && (stem == page.stem() || last == page.stem())
}
