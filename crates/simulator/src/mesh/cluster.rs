//! A generated system as `kubectl` shows it: all pods now and then, troubled ones with their description and events.

use groundcrew_telemetry::{ClusterSnapshot, Timestamp};

use super::metrics::NAMESPACE;
use super::state::{Pod, State, Stuck};
use crate::cluster::{Event, age, aligned, date, described_events, events_table, snapshot};

/// Pods that are described at one time.
const DESCRIBED_MAX: usize = 6;

/// What somebody who looks at the cluster at `at` would save.
pub(super) fn look(state: &State, at: Timestamp) -> Vec<ClusterSnapshot> {
    let mut snapshots = vec![pods_table(state, at)];
    let troubled: Vec<&Pod> = state.pods.iter().filter(|pod| pod.is_troubled(at)).collect();
    snapshots.extend(troubled.iter().take(DESCRIBED_MAX).map(|pod| description(pod, at)));
    if !troubled.is_empty() {
        let events = troubled
            .iter()
            .flat_map(|pod| events_of(pod, at).into_iter().map(|event| (pod.name.clone(), event)));
        snapshots.push(events_table(events, NAMESPACE, at));
    }
    snapshots
}

fn status(pod: &Pod) -> &'static str {
    match (pod.stuck, pod.killed_at) {
        (Some(Stuck::Crashing), _) => "CrashLoopBackOff",
        (Some(Stuck::NoImage), _) => "ImagePullBackOff",
        (None, Some(_)) => "OOMKilled",
        (None, None) => "Running",
    }
}

fn pods_table(state: &State, at: Timestamp) -> ClusterSnapshot {
    let heading = ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for pod in state.pods.iter().filter(|pod| !pod.gone) {
        let restarts = match pod.last_restart {
            Some(time) => format!("{} ({} ago)", pod.restarts, age(time, at)),
            None => pod.restarts.to_string(),
        };
        rows.push(vec![
            pod.name.clone(),
            if pod.is_ready() { "1/1" } else { "0/1" }.to_owned(),
            status(pod).to_owned(),
            restarts,
            age(pod.created, at),
            pod.address.clone(),
            pod.node.clone(),
        ]);
    }
    snapshot(format!("kubectl get pods -n {NAMESPACE} -o wide"), &aligned(&rows), at)
}

fn events_of(pod: &Pod, at: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    match pod.stuck {
        Some(Stuck::Crashing) => events.push(Event {
            age: "6s".to_owned(),
            reason: "BackOff",
            message: format!("Back-off restarting failed container {}", pod.app),
        }),
        Some(Stuck::NoImage) => events.push(Event {
            age: "9s".to_owned(),
            reason: "Failed",
            message: format!(
                "Failed to pull image \"registry.example/apps/{}:{}\": manifest unknown",
                pod.app, pod.version
            ),
        }),
        None => {}
    }
    if let Some(time) = pod.killed_at.or(pod.last_restart).filter(|_| pod.stuck.is_none()) {
        let message =
            format!("Memory cgroup out of memory: killed process in container {}", pod.app);
        events.push(Event { age: age(time, at), reason: "OOMKilling", message });
    }
    events
}

fn description(pod: &Pod, at: Timestamp) -> ClusterSnapshot {
    let template = pod.name.rsplit_once('-').map_or(pod.name.as_str(), |(template, _)| template);
    let ready = if pod.is_ready() { "True" } else { "False" };
    let waiting =
        |reason: &str| format!("    State:          Waiting\n      Reason:       {reason}");
    let state = match (pod.stuck, pod.killed_at) {
        (Some(_), _) => waiting(status(pod)),
        (None, Some(time)) => format!(
            "    State:          Terminated\n      Reason:       OOMKilled\n      Exit Code:    137\n      Finished:     {}",
            date(time)
        ),
        (None, None) => "    State:          Running".to_owned(),
    };
    let (reason, code) =
        if pod.stuck == Some(Stuck::Crashing) { ("Error", 1) } else { ("OOMKilled", 137) };
    let last = match pod.last_restart {
        Some(time) => format!(
            "    Last State:     Terminated\n      Reason:       {reason}\n      Exit Code:    {code}\n      Finished:     {}\n",
            date(time)
        ),
        None => String::new(),
    };
    let events = described_events(events_of(pod, at));
    let text = format!(
        "Name:             {}\nNamespace:        {NAMESPACE}\nNode:             {}\nLabels:           app={}\nStatus:           {}\nControlled By:    ReplicaSet/{template}\nContainers:\n  {}:\n    Image:          registry.example/apps/{}:{}\n{state}\n{last}    Ready:          {ready}\n    Restart Count:  {}\nConditions:\n  Type              Status\n  Ready             {ready}\n  ContainersReady   {ready}\n  PodScheduled      True\nEvents:\n{events}",
        pod.name,
        pod.node,
        pod.app,
        if pod.stuck == Some(Stuck::NoImage) { "Pending" } else { "Running" },
        pod.app,
        pod.app,
        pod.version,
        pod.restarts,
    );
    snapshot(format!("kubectl describe pod {} -n {NAMESPACE}", pod.name), &text, at)
}
