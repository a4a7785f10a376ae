//! Cluster state as of the window's end: objects that are not as they should be first, then what the question names.

use std::collections::BTreeMap;

use groundcrew_indexer::sources::cluster::broken_selectors;
use groundcrew_store::Store;
use groundcrew_telemetry::{ClusterEvent, ClusterObject, ClusterSnapshot, TimeRange, Timestamp};

use super::super::assertion::Measure;
use super::super::evidence::{Candidate, EvidenceKind, Gap, Own, clip};
use super::super::material::Gathered;
use super::super::question::Plan;

/// Objects that become candidates.
const OBJECTS_MAX: usize = 600;
/// Events that become candidates.
const EVENTS_MAX: usize = 200;
/// Lines per passage of raw command output.
const PASSAGE_LINES: usize = 40;
/// Passages per snapshot.
const PASSAGES_MAX: usize = 12;

pub(super) fn gather(store: &Store, plan: &Plan, gathered: &mut Gathered) {
    let until = TimeRange::new(Timestamp::MIN, plan.window.end);
    let snapshots = match store.cluster(until) {
        Ok(snapshots) => snapshots,
        Err(error) => {
            gathered.gaps.push(Gap::new(
                format!("cluster state could not be read: {error}"),
                "groundcrew doctor",
            ));
            return;
        }
    };
    let objects = latest(&snapshots);
    let mut ranked: Vec<&ClusterObject> = objects.iter().collect();
    ranked.sort_by_key(|object| (object.healthy != Some(false), object.restarts == 0));
    gathered
        .candidates
        .extend(ranked.iter().take(OBJECTS_MAX).map(|object| object_candidate(object)));
    let mut events: Vec<&ClusterEvent> =
        snapshots.iter().flat_map(|snapshot| &snapshot.events).collect();
    events.sort_by(|a, b| {
        (a.event_type != "Warning", b.time).cmp(&(b.event_type != "Warning", a.time))
    });
    events.dedup_by(|a, b| a.object == b.object && a.reason == b.reason && a.message == b.message);
    gathered.candidates.extend(events.iter().take(EVENTS_MAX).map(|event| event_candidate(event)));
    gathered.candidates.extend(snapshots.iter().flat_map(passages));
    gathered.observations.objects = ranked.into_iter().cloned().collect();
    gathered.observations.cluster_events =
        events.into_iter().filter(|event| event.time >= plan.whole().start).cloned().collect();
}

/// Every object as it was last seen, and whether selectors find something.
pub(super) fn latest(snapshots: &[ClusterSnapshot]) -> Vec<ClusterObject> {
    let latest = latest_objects(snapshots);
    let mut objects: Vec<ClusterObject> =
        latest.into_values().map(|(_, object)| object.clone()).collect();
    for broken in broken_selectors(&objects) {
        if let Some(service) = objects.get_mut(broken.object) {
            service.healthy = Some(false);
            service.status = "selecting no pod".to_owned();
            service.lines.insert(0, broken.line);
        }
    }
    objects
}

/// Every object as it was last seen.
fn latest_objects(
    snapshots: &[ClusterSnapshot],
) -> BTreeMap<(&str, &str, &str), (Timestamp, &ClusterObject)> {
    let mut latest: BTreeMap<(&str, &str, &str), (Timestamp, &ClusterObject)> = BTreeMap::new();
    for snapshot in snapshots {
        for object in &snapshot.objects {
            let key = (object.kind.as_str(), object.namespace.as_str(), object.name.as_str());
            let newer = latest.get(&key).is_none_or(|(time, known)| {
                // Of two views from the same time the one that explains more is kept.
                (snapshot.time, object.lines.len()) >= (*time, known.lines.len())
            });
            if newer {
                latest.insert(key, (snapshot.time, object));
            }
        }
    }
    latest
}

/// `Kind/namespace/name`, the namespace left out where there is none.
pub(super) fn object_name(object: &ClusterObject) -> String {
    if object.namespace.is_empty() {
        format!("{}/{}", object.kind, object.name)
    } else {
        format!("{}/{}/{}", object.kind, object.namespace, object.name)
    }
}

pub(super) fn object_candidate(object: &ClusterObject) -> Candidate {
    let name = object_name(object);
    let mut text = format!("{name} status {}", object.status);
    if object.restarts > 0 {
        text.push_str(&format!(" restarts {}", object.restarts));
    }
    for line in &object.lines {
        text.push_str(&format!("\n  {}", line.trim_end()));
    }
    let score = match object.healthy {
        Some(false) => 0.62,
        _ if object.restarts > 0 => 0.42,
        None => 0.22,
        Some(true) => 0.12,
    };
    Candidate {
        kind: EvidenceKind::ClusterState,
        title: format!(
            "{name} is {}",
            if object.status.is_empty() { "listed" } else { &object.status }
        ),
        service: None,
        range: None,
        query: Some(format!("cluster {name}")),
        text,
        score,
        own: Own::FirstLine,
        measure: Some(Measure::Object { object: name.clone() }),
        series: None,
        drawn: None,
        key: format!("object:{name}"),
    }
}

fn event_candidate(event: &ClusterEvent) -> Candidate {
    let warning = event.event_type == "Warning";
    Candidate {
        kind: EvidenceKind::K8sEvent,
        title: format!("{} {} {}", event.event_type, event.reason, event.object),
        service: None,
        range: Some(TimeRange::new(event.time, event.time.plus_nanos(1))),
        query: Some(format!("cluster events {}", event.object)),
        text: format!(
            "{} {} ×{} {}:\n  {}",
            event.event_type, event.reason, event.count, event.object, event.message
        ),
        score: if warning { 0.50 } else { 0.12 },
        own: Own::FirstLine,
        measure: None,
        series: None,
        drawn: None,
        key: format!("event:{}:{}:{}", event.object, event.reason, clip(&event.message, 120)),
    }
}

/// The raw text in passages, for what no parser understood.
fn passages(snapshot: &ClusterSnapshot) -> Vec<Candidate> {
    let lines: Vec<&str> = snapshot.text.lines().collect();
    lines
        .chunks(PASSAGE_LINES)
        .take(PASSAGES_MAX)
        .enumerate()
        .map(|(number, passage)| Candidate {
            kind: EvidenceKind::ClusterState,
            title: clip(&snapshot.title, 160).to_owned(),
            service: None,
            range: None,
            query: Some(format!("cluster snapshot lines {}-", number * PASSAGE_LINES + 1)),
            text: format!("{}\n{}", snapshot.title, passage.join("\n")),
            // Where objects were understood they say it shorter; the raw text is for the rest.
            score: if snapshot.objects.is_empty() { 0.34 } else { 0.16 },
            own: Own::Nothing,
            measure: None,
            series: None,
            drawn: None,
            key: format!("snapshot:{}:{number}", snapshot.title),
        })
        .collect()
}
