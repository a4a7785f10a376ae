//! Resources against their limits: how much of what there is was in use, where one series tells the use and another the
//! limit.
//!
//! Use and limit are told by their names: the same words but for those that say "in use", "left" or "at most"
//! (`open_fds` and `max_fds`, `connection.used` and `connection.max`, `filesystem_avail` and `filesystem_size`), of one
//! resource with the same attributes.

use std::collections::BTreeMap;

use groundcrew_telemetry::{MetricKind, Resource};

use super::evidence::{Channel, Evidence};
use super::meaning::{Meaning, is_node, words};
use super::names::Names;
use super::series::Movement;
use super::stats::saturate;
use crate::{Finding, FindingKind};

/// The share in use from which on a resource is nearly used up.
const FULL_MIN: f64 = 0.85;
/// Growth of the share that is looked at.
const GROWTH_MIN: f64 = 0.1;
/// How much a pod's full resource says at most.
const OF_POD: f64 = 0.7;
/// And a node's, which its neighbours share.
const OF_NODE: f64 = 0.25;

/// Words of a name that say how much is in use, or only that something is counted.
const USED: [&str; 10] =
    ["used", "usage", "active", "current", "open", "inuse", "in", "use", "count", "connected"];
/// Words of a name that say how much is left.
const LEFT: [&str; 5] = ["free", "available", "avail", "idle", "remaining"];
/// Words of a name that say how much there can be.
const LIMIT: [&str; 9] =
    ["limit", "limits", "max", "maximum", "capacity", "quota", "size", "total", "allowed"];
/// Words that say neither, where names of use and limit differ for no reason.
const NEUTRAL: [&str; 7] = ["k8s", "kube", "spec", "working", "set", "bytes", "resource"];

/// What a series says of a resource that has a limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Used,
    Left,
    Limit,
}

/// A resource in use, as the movements that tell it.
pub(super) struct Use<'m, 'a> {
    of: &'m Movement<'a>,
    limit: &'m Movement<'a>,
    /// Shares in use, 0 to 1 and, where a limit is soft, above.
    before: f64,
    pub(super) after: f64,
}

impl Use<'_, '_> {
    /// What is used.
    pub(super) fn meaning(&self) -> Meaning {
        self.of.meaning
    }

    /// Whose it is.
    pub(super) fn resource(&self) -> &Resource {
        &self.of.row.resource
    }

    /// Whether it is a node's.
    pub(super) fn is_node(&self) -> bool {
        is_node(&self.of.row.series.name)
    }
}

/// Pairs series of use with series of limits.
pub(super) fn uses<'m, 'a>(movements: &'m [Movement<'a>]) -> Vec<Use<'m, 'a>> {
    let mut limits: BTreeMap<String, &Movement<'a>> = BTreeMap::new();
    let mut used: Vec<(String, Role, &Movement<'a>)> = Vec::new();
    for movement in movements {
        let Some((key, role)) = key(movement) else { continue };
        if role == Role::Limit {
            limits.entry(key).or_insert(movement);
        } else {
            used.push((key, role, movement));
        }
    }
    let paired = used.into_iter().filter_map(|(key, role, of)| {
        let limit = *limits.get(&key)?;
        let share = |amount: f64, limit: f64| match role {
            _ if limit <= 0.0 => None,
            Role::Left => Some(1.0 - amount / limit),
            _ => Some(amount / limit),
        };
        let before = share(of.before, limit.before)?;
        let after = share(of.after, limit.after)?;
        (before.is_finite() && after.is_finite()).then_some(Use { of, limit, before, after })
    });
    paired.collect()
}

/// Whether the series is the limit of another: more of it is no trouble.
pub(super) fn is_limit(movement: &Movement<'_>, uses: &[Use<'_, '_>]) -> bool {
    uses.iter().any(|one| std::ptr::eq(one.limit, movement))
}

/// Finds what is nearly used up and was not.
pub(super) fn find(uses: &[Use<'_, '_>], services: &mut Names, evidence: &mut Evidence) {
    for one in uses {
        if one.after < FULL_MIN || one.after - one.before < GROWTH_MIN {
            continue;
        }
        let row = one.of.row;
        let service = services.number(row.resource.service());
        let node = one.is_node();
        let finding = Finding {
            kind: FindingKind::Saturated {
                metric: row.series.name.clone(),
                limit: one.limit.row.series.name.clone(),
                before: one.before.max(0.0),
                after: one.after,
                of: one.limit.after,
                unit: row.series.unit.clone(),
                node: row.resource.node().filter(|_| node).map(str::to_owned),
            },
            service: services.name(service).to_owned(),
            pod: row.resource.pod().map(str::to_owned),
            since: one.of.since.or(one.limit.since),
            strength: one.of.score.abs().max(one.limit.score.abs()),
        };
        let likelihood = if node { OF_NODE } else { OF_POD }
            * saturate(one.after, FULL_MIN - 0.05, 0.05)
            * saturate(one.after - one.before, 0.0, 0.1);
        evidence.add(finding, service, Channel::Resource, likelihood);
    }
}

/// What a series of use and one of its limit have in common, and which of them it is.
fn key(movement: &Movement<'_>) -> Option<(String, Role)> {
    let series = &movement.row.series;
    let words = words(&series.name);
    if series.unit == "1" && movement.after <= 1.0 {
        // A share already, which resources look at themselves.
        return None;
    }
    let role = role(&words, series.kind);
    let mut key = format!("{:?}\u{1f}", who(&movement.row.resource));
    let mut stem: Vec<&str> = words.iter().map(String::as_str).collect();
    stem.retain(|word| ![&USED[..], &LEFT, &LIMIT, &NEUTRAL].iter().any(|of| of.contains(word)));
    if stem.is_empty() {
        return None;
    }
    // Parts of a name come in any order.
    stem.sort_unstable();
    key.push_str(&stem.join(" "));
    for (name, value) in series.attributes.iter() {
        let value = value.text();
        match role {
            // OpenTelemetry splits use by state, and has one limit for all states.
            Role::Used if name.ends_with("state") && LEFT.contains(&value.as_ref()) => return None,
            Role::Used if name.ends_with("state") => {
                if !USED.contains(&value.as_ref()) {
                    return None;
                }
            }
            _ => {
                key.push('\u{1f}');
                key.push_str(name);
                key.push('=');
                key.push_str(&value);
            }
        }
    }
    Some((key, role))
}

fn who(resource: &Resource) -> (&str, Option<&str>, Option<&str>) {
    (resource.service(), resource.pod(), resource.node())
}

fn role(words: &[String], kind: MetricKind) -> Role {
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    if has(&LEFT) {
        Role::Left
    } else if has(&LIMIT) && kind != MetricKind::CumulativeSum {
        Role::Limit
    } else {
        Role::Used
    }
}
