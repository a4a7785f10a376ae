//! State of a cluster as somebody saw it: objects, events, and the text they were read from.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// One Kubernetes object at one time, reduced to what explains its state.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ClusterObject {
    /// `Pod`, `Deployment`, `Node`, ...
    pub kind: String,
    /// `""` for objects outside namespaces, or when it was not given.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Phase or status word: `Running`, `CrashLoopBackOff`, `Pending`, ...
    pub status: String,
    /// Whether it is as it should be; `None` when that cannot be told.
    pub healthy: Option<bool>,
    /// Restarts of its containers, summed.
    pub restarts: u32,
    /// The lines of the source text that explain the state, most telling first (exit codes, probes, limits, images,
    /// selectors, endpoints, conditions), verbatim.
    pub lines: Vec<String>,
    /// Labels or selectors, `key=value`.
    pub labels: Vec<String>,
    /// Objects it owns, selects or mentions: `Kind/name`.
    pub related: Vec<String>,
}

/// One Kubernetes event.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ClusterEvent {
    /// When it was last seen.
    pub time: Timestamp,
    /// `Normal` or `Warning`.
    pub event_type: String,
    /// `BackOff`, `FailedScheduling`, ...
    pub reason: String,
    /// `Pod/name` it is about.
    pub object: String,
    /// Its namespace, `""` when not given.
    pub namespace: String,
    /// What happened.
    pub message: String,
    /// How often.
    pub count: u32,
}

/// What one command, file or watcher showed at one time.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ClusterSnapshot {
    /// When it was taken.
    pub time: Timestamp,
    /// Where it came from: the command line, or the file's name.
    pub title: String,
    /// The whole text.
    pub text: String,
    /// The objects found in it.
    pub objects: Vec<ClusterObject>,
    /// The events found in it.
    pub events: Vec<ClusterEvent>,
}

impl ClusterSnapshot {
    /// Calls `visit` with every free text inside.
    pub fn for_each_text_mut(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        visit("", &mut self.title);
        visit("", &mut self.text);
        for object in &mut self.objects {
            object.lines.iter_mut().for_each(|line| visit("", line));
        }
        for event in &mut self.events {
            visit("", &mut event.message);
        }
    }
}
