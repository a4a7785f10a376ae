//! Which lines of an object's text explain its state: they are kept word for word, most telling first, a bounded number.
//!
//! Each node of the outline gets a rank by its key; what lies below a ranked node inherits the rank; noise is cut off. What
//! counts as telling depends on the trouble: a pod that cannot be scheduled is explained by its node selector, one that is
//! killed for memory by its limits.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::conditions;
use super::outline::{self, Node};

/// Lines kept per object.
pub(super) const LINES_MAX: usize = 24;
/// Letters kept per line.
const LINE_CHARS_MAX: usize = 400;
/// Up to this rank lines belong to the first group: they show the trouble itself.
const RANK_TROUBLE_MAX: u8 = 2;
/// Rank of everything below a key that explains nothing.
const NOISE: u8 = u8::MAX;

/// What is wrong with an object, as far as it decides where to look for the reason.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Trouble {
    /// The image cannot be pulled.
    Image,
    /// Configuration is missing or a volume cannot be mounted.
    Config,
    /// Killed for its memory.
    Memory,
    /// No node takes it.
    Scheduling,
    /// It exits with an error.
    Crash,
    /// It runs, but is not ready.
    NotReady,
}

impl Trouble {
    /// The trouble that a status word or reason means.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        match word {
            "ImagePullBackOff" | "ErrImagePull" | "ErrImageNeverPull" | "InvalidImageName" => {
                Some(Self::Image)
            }
            "CreateContainerConfigError"
            | "CreateContainerError"
            | "FailedMount"
            | "RunContainerError"
            | "StartError"
            | "ContainerCannotRun"
            | "ContainerCreating" => Some(Self::Config),
            "OOMKilled" | "Evicted" => Some(Self::Memory),
            "Pending" | "Unschedulable" | "SchedulingGated" => Some(Self::Scheduling),
            "CrashLoopBackOff" | "Error" | "Failed" => Some(Self::Crash),
            _ => None,
        }
    }
}

/// What is known about an object before its lines are chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Focus<'a> {
    /// Its troubles.
    pub(super) troubles: &'a BTreeSet<Trouble>,
    /// Whether all of its text may be telling: small objects such as services and policies.
    pub(super) everything: bool,
}

/// The telling lines of the object whose nodes lie in `range`. `source` is all lines of the text.
pub(super) fn lines(
    nodes: &[Node<'_>],
    range: Range<usize>,
    source: &[&str],
    focus: &Focus<'_>,
) -> Vec<String> {
    let ranks = ranks(nodes, range.clone(), focus);
    let mut by_line: BTreeMap<usize, u8> = BTreeMap::new();
    for (node, rank) in nodes.iter().skip(range.start).zip(&ranks) {
        if let Some(rank) = rank.filter(|rank| *rank != NOISE && !only_opens_a_block(node)) {
            let best = by_line.entry(node.line).or_insert(rank);
            *best = rank.min(*best);
        }
    }
    let headers = header_lines(nodes, range, &by_line);
    let mut chosen: Vec<(u8, usize)> = by_line.iter().map(|(line, rank)| (*rank, *line)).collect();
    chosen.sort_unstable();

    let mut kept: BTreeMap<usize, u8> = BTreeMap::new();
    for (rank, line) in chosen {
        let above = headers.get(&line).map_or(&[][..], Vec::as_slice);
        let wanted: Vec<usize> =
            above.iter().copied().chain([line]).filter(|line| !kept.contains_key(line)).collect();
        if kept.len() + wanted.len() > LINES_MAX {
            continue;
        }
        kept.extend(wanted.into_iter().map(|line| (line, rank)));
    }
    let text_of = |line: &usize| source.get(*line).map(|text| cut_line(text));
    let trouble = kept.iter().filter(|(_, rank)| **rank <= RANK_TROUBLE_MAX);
    let rest = kept.iter().filter(|(_, rank)| **rank > RANK_TROUBLE_MAX);
    trouble.chain(rest).filter_map(|(line, _)| text_of(line)).collect()
}

/// The line without trailing space, cut at a bound.
pub(super) fn cut_line(line: &str) -> String {
    let line = line.trim_end();
    match line.char_indices().nth(LINE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or("")),
        None => line.to_owned(),
    }
}

/// For each chosen line the lines above it that only open a block, two at most: `Containers:`, `  web:`.
fn header_lines(
    nodes: &[Node<'_>],
    range: Range<usize>,
    by_line: &BTreeMap<usize, u8>,
) -> BTreeMap<usize, Vec<usize>> {
    let mut headers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for node in nodes.iter().take(range.end).skip(range.start) {
        if !by_line.contains_key(&node.line) || headers.contains_key(&node.line) {
            continue;
        }
        let mut above = Vec::new();
        let mut parent = node.parent;
        while let Some(index) = parent.filter(|index| range.contains(index) && above.len() < 2) {
            let Some(up) = nodes.get(index) else { break };
            if up.value.is_empty()
                && up.key != "-"
                && up.line != node.line
                && !above.contains(&up.line)
            {
                above.push(up.line);
            }
            parent = up.parent;
        }
        headers.insert(node.line, above);
    }
    headers
}

fn ranks(nodes: &[Node<'_>], range: Range<usize>, focus: &Focus<'_>) -> Vec<Option<u8>> {
    let mut ranks: Vec<Option<u8>> = Vec::with_capacity(range.len());
    let inside = nodes.iter().enumerate().take(range.end).skip(range.start);
    for (index, node) in inside {
        let parent = node.parent.filter(|parent| range.contains(parent));
        let inherited =
            parent.and_then(|parent| ranks.get(parent - range.start).copied().flatten());
        if inherited == Some(NOISE) {
            ranks.push(inherited);
            continue;
        }
        let parent_key = parent.and_then(|parent| nodes.get(parent)).map_or("", |node| node.key);
        let above_key = above_key(nodes, parent);
        let own = match outline::plain_key(parent_key).as_str() {
            // The object's name is told elsewhere, and a container's image by its spec.
            "metadata" if matches!(node.key, "name" | "namespace") => Some(NOISE),
            "" if above_key.ends_with("Statuses") && matches!(node.key, "image" | "started") => {
                Some(NOISE)
            }
            "conditions" => Some(condition_rank(nodes, index)),
            "tolerations" if is_default_toleration(nodes, index) => Some(NOISE),
            "tolerations" => reason_rank("tolerations", node.value, focus),
            _ => own_rank(node, focus),
        };
        ranks.push(match (own, inherited) {
            (Some(NOISE), _) => Some(NOISE),
            (Some(own), Some(inherited)) => Some(own.min(inherited)),
            (own, inherited) => own.or(inherited),
        });
    }
    ranks
}

/// The key above a list item: `containerStatuses` for the fields of one status.
fn above_key<'a>(nodes: &[Node<'a>], item: Option<usize>) -> &'a str {
    let above = item.and_then(|item| nodes.get(item)).and_then(|item| item.parent);
    above.and_then(|above| nodes.get(above)).map_or("", |above| above.key)
}

/// A key without value says nothing by itself; it is shown above what it opens.
fn only_opens_a_block(node: &Node<'_>) -> bool {
    node.value.is_empty()
        && !node.key.is_empty()
        && !is_told_when_empty(&outline::plain_key(node.key))
}

fn is_told_when_empty(key: &str) -> bool {
    matches!(key, "endpoints" | "node" | "targets" | "subsets")
}

/// A bad condition is told, a good one is noise; a row of a description or a list item of a manifest.
fn condition_rank(nodes: &[Node<'_>], index: usize) -> u8 {
    let Some(node) = nodes.get(index) else { return NOISE };
    let is_bad = if node.key == "-" {
        let field = |name: &str| {
            outline::children(nodes, Some(index))
                .find(|(_, child)| child.key == name)
                .map_or("", |(_, child)| child.value.trim_matches('"'))
        };
        conditions::sign(field("type"), field("status"), field("reason")) == Some(false)
    } else {
        let row = format!("{} {}", node.key, node.value);
        conditions::sign_of_row(row.trim()) == Some(false)
    };
    if is_bad { 1 } else { NOISE }
}

/// The two tolerations that every pod is given.
fn is_default_toleration(nodes: &[Node<'_>], index: usize) -> bool {
    let is_default = |text: &str| {
        text.contains("node.kubernetes.io/not-ready")
            || text.contains("node.kubernetes.io/unreachable")
    };
    nodes.get(index).is_some_and(|node| is_default(node.value) || is_default(node.key))
        || outline::children(nodes, Some(index)).any(|(_, child)| is_default(child.value))
}

/// The rank that a node has by its own key.
fn own_rank(node: &Node<'_>, focus: &Focus<'_>) -> Option<u8> {
    let key = outline::plain_key(node.key);
    if is_noise(&key, node) {
        return Some(NOISE);
    }
    let value = node.value.trim_matches('"');
    let says_nothing = matches!(value, "<none>" | "<unset>" | "{}" | "[]" | "null" | "<nil>")
        || (key == "tolerations" && value.starts_with("node.kubernetes.io/"));
    if says_nothing && !is_told_when_empty(&key) {
        return None;
    }
    let everything = focus.everything.then_some(4);
    state_rank(&key, value).or_else(|| reason_rank(&key, value, focus)).or(everything)
}

/// Keys that say how the object is.
fn state_rank(key: &str, value: &str) -> Option<u8> {
    let is_open = value.is_empty();
    match key {
        "state" | "laststate" if is_open => None,
        "state" if value == "Running" => Some(6),
        "state" | "laststate" | "waiting" | "terminated" => Some(0),
        "running" => Some(6),
        "status" | "phase" | "health" | "healthstatus" | "syncstatus" | "reason" | "message"
            if !is_open =>
        {
            Some(1)
        }
        "ready" if value.starts_with(['F', 'f']) => Some(1),
        "restartcount" if value != "0" => Some(1),
        "endpoints" | "subsets" | "deletiontimestamp" | "note" => Some(1),
        "replicas"
        | "readyreplicas"
        | "availablereplicas"
        | "unavailablereplicas"
        | "podsstatus"
        | "podsstatuses"
        | "numberready"
        | "desirednumberscheduled"
        | "numberunavailable"
        | "failed"
        | "backofflimit"
            if !is_open =>
        {
            Some(2)
        }
        "unschedulable" if value == "true" => Some(1),
        "taints" => Some(1),
        _ => None,
    }
}

/// Keys that say why it may be so.
fn reason_rank(key: &str, value: &str, focus: &Focus<'_>) -> Option<u8> {
    let has =
        |troubles: &[Trouble]| troubles.iter().any(|trouble| focus.troubles.contains(trouble));
    let rank = |urgent: bool, usual: u8| Some(if urgent { 2 } else { usual });
    match key {
        "image" | "imagepullsecrets" => rank(has(&[Trouble::Image]), 3),
        "command" | "args" => rank(has(&[Trouble::Crash]), 4),
        "environment" | "env" | "envfrom" | "environmentvariablesfrom" => {
            rank(has(&[Trouble::Crash, Trouble::Config]), 4)
        }
        "limits" | "requests" => rank(has(&[Trouble::Memory, Trouble::Scheduling]), 3),
        "liveness" | "readiness" | "startup" | "livenessprobe" | "readinessprobe"
        | "startupprobe" => rank(has(&[Trouble::NotReady, Trouble::Crash]), 3),
        "port" | "ports" | "containerport" | "targetport" => rank(has(&[Trouble::NotReady]), 5),
        "nodeselectors"
        | "nodeselector"
        | "tolerations"
        | "affinity"
        | "topologyspreadconstraints"
        | "node"
        | "nodename" => rank(has(&[Trouble::Scheduling]), 5),
        "claimname" | "configmapname" | "secretname" | "storageclass" | "storageclassname" => {
            rank(has(&[Trouble::Scheduling, Trouble::Config]), 4)
        }
        "mounts" | "volumemounts" | "volumes" => rank(has(&[Trouble::Config]), 7),
        "selector" | "podselector" | "scaletargetref" | "strategytype" | "schedule" | "suspend" => {
            Some(5)
        }
        "allocatedresources" | "capacity" | "allocatable" => Some(5),
        "serviceaccount" | "serviceaccountname" if value == "default" => None,
        "serviceaccount" | "serviceaccountname" | "controlledby" => Some(6),
        "labels" if value.is_empty() || value.contains('=') => Some(7),
        _ => None,
    }
}

/// Keys below which nothing explains anything.
fn is_noise(key: &str, node: &Node<'_>) -> bool {
    const NOISE_KEYS: &[&str] = &[
        "annotations",
        "managedfields",
        "ownerreferences",
        "uid",
        "resourceversion",
        "generation",
        "observedgeneration",
        "creationtimestamp",
        "generatename",
        "selflink",
        "lasttransitiontime",
        "lastprobetime",
        "lastupdatetime",
        "containerid",
        "imageid",
        "terminationmessagepath",
        "terminationmessagepolicy",
        "defaultmode",
        "hostip",
        "hostips",
        "podip",
        "podips",
        "ip",
        "ips",
        "qosclass",
        "priority",
        "hostport",
        "hostports",
        "apiversion",
        "kind",
        "name",
        "namespace",
        "events",
        "systeminfo",
        "images",
        "nonterminatedpods",
        "tokenexpirationseconds",
    ];
    // Names tell which container or port it is; only the object's own name and namespace are said elsewhere.
    let is_own_name =
        matches!(key, "name" | "namespace" | "kind" | "apiversion") && node.parent.is_some();
    let is_token_mount = node.key.starts_with("kube-api-access")
        || node.value.contains("/secrets/kubernetes.io/serviceaccount")
        || node.value.starts_with("kube-api-access");
    is_token_mount || (NOISE_KEYS.contains(&key) && !is_own_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telling(text: &str, troubles: &[Trouble], everything: bool) -> Vec<String> {
        let nodes = outline::outline(text);
        let source: Vec<&str> = text.lines().collect();
        let troubles = troubles.iter().copied().collect();
        lines(&nodes, 0..nodes.len(), &source, &Focus { troubles: &troubles, everything })
    }

    const POD: &str = "Name:  web-1\nStatus:  Pending\nContainers:\n  web:\n    Image:  web:1\n    State:  Waiting\n      Reason:  CrashLoopBackOff\n    Last State:  Terminated\n      Exit Code:  137\n    Limits:\n      memory:  64Mi\nConditions:\n  Type  Status\n  Ready  False\n  PodScheduled  True\nNode-Selectors:  disk=ssd\nTolerations:  node.kubernetes.io/not-ready:NoExecute op=Exists for 300s\n              node.kubernetes.io/unreachable:NoExecute op=Exists for 300s\n";

    #[test]
    fn the_trouble_comes_first_with_its_headings() {
        let lines = telling(POD, &[Trouble::Memory], false);
        let expected = [
            "Status:  Pending",
            "Containers:",
            "  web:",
            "    State:  Waiting",
            "      Reason:  CrashLoopBackOff",
            "    Last State:  Terminated",
            "      Exit Code:  137",
            "    Limits:",
            "      memory:  64Mi",
            "Conditions:",
            "  Ready  False",
            "    Image:  web:1",
            "Node-Selectors:  disk=ssd",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn small_objects_are_told_whole() {
        let lines = telling(
            "kind: NetworkPolicy\nmetadata:\n  uid: 1\nspec:\n  ingress:\n  - from:\n    - podSelector:\n        matchLabels:\n          tier: back\n",
            &[],
            true,
        );
        assert!(lines.iter().any(|line| line.contains("tier: back")), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("uid")));
    }

    #[test]
    fn the_number_and_length_of_lines_is_bounded() {
        let text: String = (0..100).map(|n| format!("key{n}: {}\n", "x".repeat(900))).collect();
        let lines = telling(&text, &[], true);
        assert_eq!(lines.len(), LINES_MAX);
        assert!(lines.iter().all(|line| line.chars().count() <= LINE_CHARS_MAX + 1));
    }
}
