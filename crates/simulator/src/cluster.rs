//! The cluster as `kubectl` shows it: pods every minute, and once something is wrong its description and its events.
//!
//! Snapshots carry text alone; whoever takes them in reads objects and events from it, as from any other saved output.

use std::fmt::Write as _;

use groundcrew_telemetry::{ClusterSnapshot, Timestamp};

use crate::shop::NAMESPACE;
use crate::world::{Pod, World};

/// What somebody who looks at the cluster at `at` would save.
pub(crate) fn look(world: &World, at: Timestamp) -> Vec<ClusterSnapshot> {
    let mut snapshots = vec![pods_table(world, at)];
    let troubled: Vec<&Pod> =
        world.pods.iter().filter(|pod| !pod.gone && is_troubled(pod, at)).collect();
    snapshots.extend(troubled.iter().map(|pod| description(pod, at)));
    if !troubled.is_empty() {
        let events = troubled
            .iter()
            .flat_map(|pod| events_of(pod, at).into_iter().map(|event| (pod.name.clone(), event)));
        snapshots.push(events_table(events, NAMESPACE, at));
    }
    snapshots
}

/// Not ready, or restarted within the last hour.
fn is_troubled(pod: &Pod, at: Timestamp) -> bool {
    !pod.is_ready() || pod.last_restart.is_some_and(|time| at.secs_since(time) < 3_600.0)
}

pub(crate) fn snapshot(command: String, output: &str, at: Timestamp) -> ClusterSnapshot {
    let text = format!("$ {command}\n{output}");
    ClusterSnapshot { time: at, title: command, text, objects: Vec::new(), events: Vec::new() }
}

fn pods_table(world: &World, at: Timestamp) -> ClusterSnapshot {
    let mut rows = vec![
        ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"].map(str::to_owned).to_vec(),
    ];
    for pod in world.pods.iter().filter(|pod| !pod.gone) {
        let status = if pod.killed_at.is_some() { "OOMKilled" } else { "Running" };
        let restarts = match pod.last_restart {
            Some(time) => format!("{} ({} ago)", pod.restarts, age(time, at)),
            None => pod.restarts.to_string(),
        };
        let ready = if pod.is_ready() { "1/1" } else { "0/1" };
        rows.push(vec![
            pod.name.clone(),
            ready.to_owned(),
            status.to_owned(),
            restarts,
            age(pod.created, at),
            pod.address.clone(),
            pod.node.to_owned(),
        ]);
    }
    snapshot(format!("kubectl get pods -n {NAMESPACE} -o wide"), &aligned(&rows), at)
}

/// Something that happened to a pod.
pub(crate) struct Event {
    pub(crate) age: String,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// `kubectl get events`: each event with the name of its pod.
pub(crate) fn events_table(
    events: impl Iterator<Item = (String, Event)>,
    namespace: &str,
    at: Timestamp,
) -> ClusterSnapshot {
    let heading = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(events.map(|(pod, event)| {
        let (reason, object) = (event.reason.to_owned(), format!("pod/{pod}"));
        vec![event.age, "Warning".to_owned(), reason, object, event.message]
    }));
    snapshot(format!("kubectl get events -n {namespace}"), &aligned(&rows), at)
}

/// The events at the end of `kubectl describe`.
pub(crate) fn described_events(events: Vec<Event>) -> String {
    let heading = ["Type", "Reason", "Age", "From", "Message"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(events.into_iter().map(|event| {
        let (kind, from) = ("Warning".to_owned(), "kubelet".to_owned());
        vec![kind, event.reason.to_owned(), event.age, from, event.message]
    }));
    aligned(&rows).lines().map(|row| format!("  {row}\n")).collect()
}

fn events_of(pod: &Pod, at: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    if pod.never_ready {
        let message = "Readiness probe failed: HTTP probe failed with statuscode: 404".to_owned();
        events.push(Event { age: "4s".to_owned(), reason: "Unhealthy", message });
    }
    if let Some(time) = pod.killed_at.or(pod.last_restart) {
        let message = format!(
            "Memory cgroup out of memory: killed process in container {}",
            pod.service.name()
        );
        events.push(Event { age: age(time, at), reason: "OOMKilling", message });
    }
    events
}

fn description(pod: &Pod, at: Timestamp) -> ClusterSnapshot {
    let traits = pod.service.traits();
    let template = pod.name.rsplit_once('-').map_or(pod.name.as_str(), |(template, _)| template);
    let ready = if pod.is_ready() { "True" } else { "False" };
    let probe = if pod.never_ready { "/ready" } else { "/healthz" };
    let mut text = String::new();
    let mut line = |content: &str| {
        text.push_str(content);
        text.push('\n');
    };
    line(&format!("Name:             {}", pod.name));
    line(&format!("Namespace:        {NAMESPACE}"));
    line(&format!("Node:             {}", pod.node));
    line(&format!("Labels:           app={}", traits.name));
    line("Status:           Running");
    line(&format!("Controlled By:    ReplicaSet/{template}"));
    line("Containers:");
    line(&format!("  {}:", traits.name));
    line(&format!("    Image:          registry.example/shop/{}:{}", traits.name, pod.version));
    line(&format!("    Port:           {}/TCP", traits.port));
    state(pod, &mut line);
    line(&format!("    Ready:          {ready}"));
    line(&format!("    Restart Count:  {}", pod.restarts));
    line("    Limits:");
    line(&format!("      cpu:     {}m", (traits.cpu_limit * 1_000.0) as u64));
    line(&format!("      memory:  {}Mi", traits.memory_limit_mib as u64));
    line(&format!(
        "    Readiness:      http-get http://:{}{probe} delay=5s timeout=1s period=10s #success=1 #failure=3",
        traits.port
    ));
    line("Conditions:");
    line("  Type              Status");
    line("  Initialized       True");
    line(&format!("  Ready             {ready}"));
    line(&format!("  ContainersReady   {ready}"));
    line("  PodScheduled      True");
    line("Events:");
    described_events(events_of(pod, at)).lines().for_each(line);
    snapshot(format!("kubectl describe pod {} -n {NAMESPACE}", pod.name), &text, at)
}

/// The container's state, and how its last one ended.
fn state(pod: &Pod, line: &mut impl FnMut(&str)) {
    let ended = |line: &mut dyn FnMut(&str), heading: &str, time: Timestamp| {
        line(&format!("    {heading:<16}Terminated"));
        line("      Reason:       OOMKilled");
        line("      Exit Code:    137");
        line(&format!("      Finished:     {}", date(time)));
    };
    match (pod.killed_at, pod.last_restart) {
        (Some(time), _) => ended(line, "State:", time),
        (None, Some(time)) => {
            line("    State:          Running");
            line(&format!("      Started:      {}", date(time)));
            ended(line, "Last State:", time);
        }
        (None, None) => {
            line("    State:          Running");
            line(&format!("      Started:      {}", date(pod.created)));
        }
    }
}

/// Columns three spaces apart, as kubectl prints them.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width_of = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width_of).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string cannot fail.
            write!(line, "{cell:<width$}   ").ok();
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `4m12s`, `3h7m`, `12d`, in the precision that kubectl shows.
pub(crate) fn age(since: Timestamp, at: Timestamp) -> String {
    let seconds = (at.secs_since(since).max(0.0)) as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 if !seconds.is_multiple_of(60) => format!("{minutes}m{}s", seconds % 60),
        120..10_800 => format!("{minutes}m"),
        10_800..28_800 if !minutes.is_multiple_of(60) => format!("{hours}h{}m", minutes % 60),
        10_800..172_800 => format!("{hours}h"),
        172_800..691_200 if !hours.is_multiple_of(24) => format!("{days}d{}h", hours % 24),
        _ => format!("{days}d"),
    }
}

/// `Wed, 28 May 2025 15:48:23 +0000`, the format of descriptions.
pub(crate) fn date(time: Timestamp) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = time.to_string();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or("");
    // The first of January 1970 was a Thursday.
    let weekday = time.minute().div_euclid(1_440).rem_euclid(7) as usize;
    let month = part(5..7).parse::<usize>().unwrap_or(1).saturating_sub(1);
    let name = |names: &[&'static str], index: usize| names.get(index).copied().unwrap_or("");
    format!(
        "{}, {} {} {} {} +0000",
        name(&WEEKDAYS, weekday),
        part(8..10),
        name(&MONTHS, month),
        part(0..4),
        part(11..19)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::shop::Service;

    #[test]
    fn ages_as_kubectl_prints_them() {
        let at = Timestamp::from_secs(1_000_000);
        let shown = |seconds: i64| age(at.plus_secs(-seconds), at);
        for (seconds, expected) in [
            (5, "5s"),
            (119, "119s"),
            (252, "4m12s"),
            (660, "11m"),
            (11_220, "3h7m"),
            (400_000, "4d15h"),
            (900_000, "10d"),
        ] {
            assert_eq!(shown(seconds), expected);
        }
        assert_eq!(age(at.plus_secs(5), at), "0s");
    }

    #[test]
    fn dates_as_kubectl_prints_them() {
        let time = Timestamp::parse("2025-05-28T15:48:23Z").unwrap();
        assert_eq!(date(time), "Wed, 28 May 2025 15:48:23 +0000");
    }

    #[test]
    fn a_pod_that_is_not_ready_is_described() {
        let broken_at = Timestamp::from_secs(1_000);
        let mut world =
            World::new(1, Timestamp::from_secs(0), Some(Fault::StorefrontProbe), broken_at);
        world.roll_out(Service::Storefront, broken_at, true);
        let snapshots = look(&world, broken_at.plus_secs(300));
        assert_eq!(snapshots.len(), 4);
        assert!(snapshots[0].text.contains("0/1     Running"), "{}", snapshots[0].text);
        assert!(snapshots[1].text.contains("http://:8080/ready"));
        assert!(snapshots[3].text.contains("Readiness probe failed"));
    }
}
