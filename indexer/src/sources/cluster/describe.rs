//! Objects and events from `kubectl describe`, one object or many.

use std::ops::Range;

use groundcrew_telemetry::{ClusterObject, Timestamp};

use super::command::{Command, Verb};
use super::describe_health;
use super::events::{self, About};
use super::kinds;
use super::outline::{self, Node};
use super::table_objects::Listed;
use super::telling::{self, Focus};

/// One object's part of a description.
#[derive(Clone, Debug)]
pub(super) struct Page<'a> {
    nodes: &'a [Node<'a>],
    range: Range<usize>,
}

impl<'a> Page<'a> {
    /// The value of a field that stands at the left margin.
    pub(super) fn field(&self, key: &str) -> Option<&'a str> {
        self.top(key).map(|(_, node)| node.value)
    }

    /// Values of all nodes with that key, at any depth.
    pub(super) fn all(
        &self,
        key: &'a str,
    ) -> impl Iterator<Item = (usize, &'a Node<'a>)> + use<'a> {
        self.nodes().filter(move |(_, node)| node.key == key)
    }

    /// All nodes.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (usize, &'a Node<'a>)> + use<'a> {
        self.nodes.iter().enumerate().take(self.range.end).skip(self.range.start)
    }

    /// Nodes right below `parent`.
    pub(super) fn below(
        &self,
        parent: usize,
    ) -> impl Iterator<Item = (usize, &'a Node<'a>)> + use<'a> {
        outline::children(self.nodes, Some(parent))
    }

    /// The node that `node` lies below.
    pub(super) fn above(&self, node: &Node<'_>) -> Option<(usize, &'a Node<'a>)> {
        let index = node.parent?;
        self.nodes.get(index).map(|above| (index, above))
    }

    /// A field at the left margin and its index.
    pub(super) fn top(&self, key: &str) -> Option<(usize, &'a Node<'a>)> {
        self.nodes().find(|(_, node)| node.parent.is_none() && node.key == key)
    }
}

/// Whether `body` begins like a description.
pub(super) fn looks_like(body: &str) -> bool {
    let mut margin = body
        .lines()
        .filter(|line| !line.starts_with(char::is_whitespace) && !line.trim().is_empty())
        .take(8);
    let begins = margin.next().is_some_and(|line| line.starts_with("Name:"));
    begins
        && margin.any(|line| {
            line.starts_with("Namespace:")
                || line.starts_with("Labels:")
                || line.starts_with("Containers:")
        })
}

/// Reads every object that `body`, the output of `command`, describes.
pub(super) fn read(command: &Command, hint: Option<&str>, body: &str, now: Timestamp) -> Listed {
    let nodes = outline::outline(body);
    let source: Vec<&str> = body.lines().collect();
    let mut starts: Vec<usize> = nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.parent.is_none() && node.key == "Name" && !node.value.is_empty())
        .map(|(index, _)| index)
        .collect();
    if starts.is_empty()
        && command.verb == Verb::Describe
        && command.names.len() == 1
        && !nodes.is_empty()
    {
        starts.push(0);
    }
    let mut listed = Listed::default();
    for (position, start) in starts.iter().enumerate() {
        let end = starts.get(position + 1).copied().unwrap_or(nodes.len());
        let page = Page { nodes: &nodes, range: *start..end };
        let Some(object) = read_page(command, hint, &page, &source, now) else { continue };
        let about_name = format!("{}/{}", object.kind, object.name);
        let about = About { object: &about_name, namespace: &object.namespace };
        listed.events.extend(events::from_description(
            event_lines(&page, &source, nodes.get(end)),
            &about,
            now,
        ));
        listed.objects.push(object);
    }
    listed
}

fn read_page(
    command: &Command,
    hint: Option<&str>,
    page: &Page<'_>,
    source: &[&str],
    now: Timestamp,
) -> Option<ClusterObject> {
    let named = page.field("Name").or_else(|| command.names.first().map(String::as_str))?;
    let (prefix_namespace, name) = named.rsplit_once('/').unwrap_or(("", named));
    let kind = command
        .only_kind()
        .map(str::to_owned)
        .or_else(|| page.field("Kind").map(kinds::named))
        .or_else(|| kind_of_fields(page).or(hint).map(str::to_owned))?;
    let namespace = page.field("Namespace").filter(|value| !value.is_empty() && *value != "<none>");
    let judged = describe_health::judge(&kind, page, now);
    let everything = !kinds::runs_pods(&kind) && kind != "Node";
    let focus = Focus { troubles: &judged.troubles, everything };
    let restarts = page.all("Restart Count").filter_map(|(_, node)| node.value.parse::<u32>().ok());
    Some(ClusterObject {
        namespace: namespace
            .or_else(|| Some(command.namespace.as_str()).filter(|text| !text.is_empty()))
            .unwrap_or(prefix_namespace)
            .to_owned(),
        name: name.to_owned(),
        status: judged.status,
        healthy: judged.healthy,
        restarts: restarts.fold(0, u32::saturating_add),
        lines: telling::lines(page.nodes, page.range.clone(), source, &focus),
        labels: labels(&kind, page),
        related: related(page),
        kind,
    })
}

/// The lines below `Events:`, up to the next object.
fn event_lines<'a>(
    page: &Page<'_>,
    source: &'a [&'a str],
    next: Option<&Node<'_>>,
) -> &'a [&'a str] {
    let Some((_, events)) = page.top("Events").filter(|(_, node)| node.value.is_empty()) else {
        return &[];
    };
    let end = next.map_or(source.len(), |node| node.line);
    source.get(events.line + 1..end).unwrap_or(&[])
}

/// The kind whose description has such fields.
fn kind_of_fields(page: &Page<'_>) -> Option<&'static str> {
    const TELLING: &[(&[&str], &str)] = &[
        (&["Pods Statuses", "Parallelism"], "Job"),
        (&["Schedule", "Concurrency Policy"], "CronJob"),
        (&["StrategyType"], "Deployment"),
        (&["Update Strategy"], "StatefulSet"),
        (&["Desired Number of Nodes Scheduled"], "DaemonSet"),
        (&["Pods Status"], "ReplicaSet"),
        (&["Allocatable"], "Node"),
        (&["Endpoints", "Selector"], "Service"),
        (&["Subsets"], "Endpoints"),
        (&["Access Modes", "Claim"], "PersistentVolume"),
        (&["Access Modes"], "PersistentVolumeClaim"),
        (&["Min replicas"], "HorizontalPodAutoscaler"),
        (&["Default backend"], "Ingress"),
        (&["Containers"], "Pod"),
        (&["Sync Status"], "Application"),
    ];
    TELLING
        .iter()
        .find(|(fields, _)| fields.iter().all(|field| page.top(field).is_some()))
        .map(|(_, kind)| *kind)
}

fn labels(kind: &str, page: &Page<'_>) -> Vec<String> {
    let key = match kind {
        "Service" => "Selector",
        "NetworkPolicy" => "PodSelector",
        _ => "Labels",
    };
    let Some((index, node)) = page.all(key).next() else { return Vec::new() };
    let more = page.below(index).map(|(_, child)| child.value);
    let pairs = std::iter::once(node.value).chain(more).flat_map(|text| text.split(','));
    pairs.map(str::trim).filter(|pair| pair.contains('=')).map(str::to_owned).collect()
}

/// Mentions kept per object.
const MENTIONS_MAX: usize = 64;

/// Objects that the description mentions, `Kind/name`, without repetition.
fn related(page: &Page<'_>) -> Vec<String> {
    let mut related: Vec<String> = Vec::new();
    for (_, node) in page.nodes() {
        let Some(mention) = mention(page, node) else { continue };
        if related.len() < MENTIONS_MAX && !related.contains(&mention) {
            related.push(mention);
        }
    }
    related
}

fn mention(page: &Page<'_>, node: &Node<'_>) -> Option<String> {
    let value = node.value;
    let plain = !value.is_empty() && !value.starts_with('<');
    match node.key {
        "Controlled By" | "Reference" => value.contains('/').then(|| events::object_name(value)),
        "Node" => plain.then(|| format!("Node/{}", value.split('/').next().unwrap_or(value))),
        "ClaimName" => plain.then(|| format!("PersistentVolumeClaim/{value}")),
        "SecretName" => plain.then(|| format!("Secret/{value}")),
        "StorageClass" => plain.then(|| format!("StorageClass/{value}")),
        "Used By" => plain.then(|| format!("Pod/{value}")),
        "Service Account" => {
            (plain && value != "default").then(|| format!("ServiceAccount/{value}"))
        }
        "Name" => named_volume(page, node),
        "" => listed_source(value),
        _ => key_reference(value),
    }
}

/// A volume's `Name:` beside `Type: ConfigMap (...)`.
fn named_volume(page: &Page<'_>, node: &Node<'_>) -> Option<String> {
    let (volume, _) = page.above(node)?;
    let (_, kind) = page.below(volume).find(|(_, sibling)| sibling.key == "Type")?;
    let kind = kind
        .value
        .split_whitespace()
        .next()
        .filter(|kind| matches!(*kind, "ConfigMap" | "Secret"))?;
    Some(format!("{kind}/{}", node.value))
}

/// `my-config  ConfigMap  Optional: false`, below `Environment Variables from:`.
fn listed_source(row: &str) -> Option<String> {
    let mut words = row.split_whitespace();
    let name = words.next()?;
    let kind = words.next().filter(|kind| matches!(*kind, "ConfigMap" | "Secret"))?;
    Some(format!("{kind}/{name}"))
}

/// `<set to the key 'host' in secret 'db'>` and the same for config maps.
fn key_reference(value: &str) -> Option<String> {
    let value = value.strip_prefix("<set to the key ")?;
    let (kind, rest) = value
        .split_once(" in secret '")
        .map(|(_, rest)| ("Secret", rest))
        .or_else(|| value.split_once(" of config map '").map(|(_, rest)| ("ConfigMap", rest)))?;
    Some(format!("{kind}/{}", rest.split('\'').next()?))
}
