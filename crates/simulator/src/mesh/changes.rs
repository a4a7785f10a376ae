//! Who changed what in a generated system: the change that breaks it, where one does, and decoys in every run.

use groundcrew_telemetry::{ChangeEvent, ChangeKind, Timestamp};

use super::fault::MeshFault;
use super::graph::Graph;
use super::state::{State, Stuck};
use super::wound::Wound;
use crate::random::Random;

/// Seconds from a deploy to its effect: pods have to start first.
const SECONDS_BEFORE_BREAK: i64 = 30;

/// A change that will take effect.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Planned {
    pub(super) at: Timestamp,
    pub(super) id: String,
    pub(super) service: usize,
    kind: ChangeKind,
    title: String,
    file: String,
    diff: String,
    stuck: Option<Stuck>,
    breaks: Option<MeshFault>,
}

impl Planned {
    /// Takes effect in `state` and tells what happened.
    pub(super) fn happen(&self, state: &mut State) -> ChangeEvent {
        let before = state.version(self.service);
        let is_deploy = self.kind == ChangeKind::Deploy;
        if is_deploy {
            state.roll_out(self.service, self.at, self.stuck);
        }
        let name = state.graph.name(self.service).to_owned();
        let after = state.version(self.service);
        let title = match self.kind {
            ChangeKind::Deploy => format!("deploy {name} {after}: {}", self.title),
            _ => self.title.clone(),
        };
        let (from, to) = match self.kind {
            ChangeKind::Deploy => (Some(before), Some(after)),
            ChangeKind::Flag => (Some("off".to_owned()), Some("on".to_owned())),
            _ => (None, None),
        };
        ChangeEvent {
            kind: self.kind,
            time: self.at,
            id: self.id.clone(),
            service: Some(name),
            title,
            actor: Some("delivery".to_owned()),
            from,
            to,
            commits: Vec::new(),
            files: if self.file.is_empty() { Vec::new() } else { vec![self.file.clone()] },
            diff: self.diff.clone(),
            link: None,
        }
    }

    /// The fault that this change brings about.
    pub(super) fn breaks(&self) -> Option<MeshFault> {
        self.breaks
    }
}

/// Titles, files and diffs of changes that do no harm.
const HARMLESS: &[(&str, &str, &str)] = &[
    ("reword help texts", "texts/help.md", "-Press save.\n+Press Save.\n"),
    ("rename metric labels", "src/metrics", "-label: res\n+label: result\n"),
    ("update copyright year", "LICENSE-NOTICE", "-2025\n+2026\n"),
    ("nightly export skips empty rows", "src/export", "+    if row.is_empty() { continue }\n"),
    (
        "new table of tariffs, not used yet",
        "data/tariffs-next.csv",
        "+zone,grams,cents\n+n,1000,490\n",
    ),
    ("log the build number at start", "src/main", "+    log.info(\"build {}\", BUILD);\n"),
    ("bump linter to its next minor version", "ci/lint.yaml", "-version: 4.1\n+version: 4.2\n"),
    ("handle empty search terms", "src/search", "+    if term.trim().is_empty() { return [] }\n"),
];

/// All changes of a run, oldest first.
pub(super) fn plan(
    graph: &Graph,
    wounds: &[Wound],
    (start, broken_at): (Timestamp, Timestamp),
    random: &mut Random,
) -> Vec<Planned> {
    let taken: Vec<usize> =
        wounds.iter().flat_map(|wound| [Some(wound.service), wound.callee]).flatten().collect();
    let normal_seconds = broken_at.secs_since(start);
    let mut moments: Vec<i64> = [0.25, 0.6]
        .iter()
        .map(|share| (normal_seconds * share * random.between(0.8, 1.2)) as i64)
        .collect();
    // Some shortly before the break and often one after it, for those who blame the latest deploy.
    for _ in 0..=random.below(3) {
        moments.push((normal_seconds as i64 - 40 - random.below(420) as i64).max(10));
    }
    if random.chance(0.5) {
        moments.push(normal_seconds as i64 + 20 + random.below(90) as i64);
    }
    let mut planned = Vec::new();
    for moment in moments {
        let service = random.below(graph.services.len() as u64) as usize;
        if !taken.contains(&service) {
            planned.push(harmless(service, start.plus_secs(moment), random));
        }
    }
    planned.extend(wounds.iter().filter_map(|wound| culprit(graph, wound)));
    planned.sort_by_key(|change| change.at);
    let mut number = 2_000 + random.below(700);
    for change in &mut planned {
        number += 1 + random.below(5);
        change.id = format!("{}-{number}", change.kind.name());
    }
    planned
}

fn harmless(service: usize, at: Timestamp, random: &mut Random) -> Planned {
    let (title, file, diff) = random.pick(HARMLESS).copied().unwrap_or_default();
    let kind = match random.below(10) {
        0 => ChangeKind::Flag,
        1 => ChangeKind::Config,
        _ => ChangeKind::Deploy,
    };
    let (title, file, diff) = match kind {
        ChangeKind::Flag => ("flag new-footer switched on", "", ""),
        ChangeKind::Config => {
            ("raise log retention to 14 days", "config/logging.yaml", "-days: 7\n+days: 14\n")
        }
        _ => (title, file, diff),
    };
    planned((service, at, kind), (title, file, diff), None, None)
}

fn planned(
    (service, at, kind): (usize, Timestamp, ChangeKind),
    (title, file, diff): (&str, &str, &str),
    stuck: Option<Stuck>,
    breaks: Option<MeshFault>,
) -> Planned {
    Planned {
        at,
        id: String::new(),
        service,
        kind,
        title: title.to_owned(),
        file: file.to_owned(),
        diff: diff.to_owned(),
        stuck,
        breaks,
    }
}

/// The change that brings a fault about.
fn culprit(graph: &Graph, wound: &Wound) -> Option<Planned> {
    let callee = wound.callee.map(|callee| graph.name(callee)).unwrap_or_default();
    let (kind, (title, file, diff)) = match deploy(wound.fault, callee) {
        Some(told) => (ChangeKind::Deploy, told),
        None => setting(wound.fault)?,
    };
    let stuck = match wound.fault {
        MeshFault::CrashLoop => Some(Stuck::Crashing),
        MeshFault::ImagePull => Some(Stuck::NoImage),
        _ => None,
    };
    let lead = if kind == ChangeKind::Flag { 0 } else { SECONDS_BEFORE_BREAK };
    let at = wound.at.plus_secs(-lead);
    Some(planned((wound.service, at, kind), (title, file, &diff), stuck, Some(wound.fault)))
}

/// Title, file and diff of a change.
type Told = (&'static str, &'static str, String);

/// The deploy that brings a fault about, if a deploy does.
fn deploy(fault: MeshFault, callee: &str) -> Option<Told> {
    Some(match fault {
        MeshFault::MemoryLeak => (
            "keep recent results at hand",
            "src/recent",
            "+recent = {}\n+    recent[key] = result\n".to_owned(),
        ),
        MeshFault::PoolExhausted => (
            "read pool settings from one place",
            "config/database.yaml",
            " pool:\n-  size: 20\n+  size: 2\n".to_owned(),
        ),
        MeshFault::ExceptionDeploy => (
            "take totals from the new summary",
            "src/handler",
            "-    total = item.sum\n+    total = item.summary.total\n".to_owned(),
        ),
        MeshFault::WrongValueDeploy => (
            "short cut for known customers",
            "src/handler",
            "+    if known(customer) { return estimate(item) }\n".to_owned(),
        ),
        MeshFault::RetryStorm => (
            "be more persistent with upstreams",
            "src/client",
            format!(
                " client {callee}:\n-  retries: 1\n+  retries: 5\n-  backoff_ms: 250\n+  backoff_ms: 0\n"
            ),
        ),
        MeshFault::CrashLoop => (
            "require the new settings file",
            "src/main",
            "+    let settings = read(\"/etc/app/settings.yaml\").unwrap();\n".to_owned(),
        ),
        MeshFault::ImagePull => (
            "build images with the new pipeline",
            "deploy/image.yaml",
            "-  tag: release\n+  tag: release-next\n".to_owned(),
        ),
        _ => return None,
    })
}

/// The setting or flag that brings a fault about, if one does.
fn setting(fault: MeshFault) -> Option<(ChangeKind, Told)> {
    Some(match fault {
        MeshFault::CpuThrottled => (
            ChangeKind::Config,
            (
                "right-size container resources",
                "deploy/resources.yaml",
                "   limits:\n-    cpu: 1000m\n+    cpu: 100m\n".to_owned(),
            ),
        ),
        MeshFault::TinyTimeout => (
            ChangeKind::Config,
            (
                "unify client settings",
                "config/clients.yaml",
                " client:\n-  timeout_ms: 3000\n+  timeout_ms: 8\n".to_owned(),
            ),
        ),
        MeshFault::FlagCohort => {
            (ChangeKind::Flag, ("flag zone-tariffs switched on for plan-c", "", String::new()))
        }
        _ => return None,
    })
}
