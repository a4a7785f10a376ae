//! Objects from the rows of `kubectl get` and of other tools that list things with a status.

use groundcrew_telemetry::{ClusterEvent, ClusterObject, Timestamp};

use super::age;
use super::command::Command;
use super::events;
use super::kinds;
use super::table::{self, Row, Table};
use super::verdict::{self, Restarts, Verdict};

/// Headings under which a row's state stands, most telling first.
const STATUS_COLUMNS: &[&str] =
    &["STATUS", "PHASE", "STATE", "HEALTH STATUS", "HEALTH", "SYNC STATUS", "READY", "MESSAGE"];
const NAMESPACE_COLUMNS: &[&str] = &["NAMESPACE", "NS"];
const NAME_COLUMNS: &[&str] = &["NAME", "NAMES", "POD"];

/// An event is drawn at most so many rows below its object.
const NEAR_ROWS: usize = 256;

/// What a table held.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Listed {
    /// Objects, one a row.
    pub(super) objects: Vec<ClusterObject>,
    /// Events, where rows are events.
    pub(super) events: Vec<ClusterEvent>,
}

/// Reads all tables of `body`, the output of `command`; `hint` is a kind guessed from the file's name.
pub(super) fn read(command: &Command, hint: Option<&str>, body: &str, now: Timestamp) -> Listed {
    let mut listed = Listed::default();
    let mut found = table::tables(body);
    if found.is_empty() && command.verb == super::command::Verb::Get {
        found.push(headless_table(command, body));
    }
    for table in &found {
        if events::is_event_table(table) {
            let about = events::About { object: "", namespace: &command.namespace };
            listed.events.extend(events::from_table(table, &about, now));
            continue;
        }
        for row in &table.rows {
            read_row(&Listing { table, command, hint, now }, row, &mut listed);
        }
    }
    listed
}

/// One table and what is known about it.
struct Listing<'a> {
    table: &'a Table<'a>,
    command: &'a Command,
    hint: Option<&'a str>,
    now: Timestamp,
}

fn read_row(listing: &Listing<'_>, row: &Row<'_>, listed: &mut Listed) {
    let table = listing.table;
    let Some(name_cell) = table.cell(row, NAME_COLUMNS).filter(|name| is_name(name)) else {
        return;
    };
    let namespace = table.cell(row, NAMESPACE_COLUMNS).unwrap_or(&listing.command.namespace);
    let prefixed = kinds::split_prefix(name_cell);
    let name = prefixed.as_ref().map_or(name_cell, |(_, name)| name);
    let kind = table
        .cell(row, &["KIND"])
        .map(kinds::named)
        .or_else(|| {
            prefixed
                .as_ref()
                .map(|(kind, _)| kind.clone())
                .filter(|kind| kinds::known(kind).is_some())
        })
        .or_else(|| listing.command.only_kind().map(str::to_owned))
        .or_else(|| prefixed.as_ref().map(|(kind, _)| kind.clone()))
        .or_else(|| kind_of_columns(table).or(listing.hint).map(str::to_owned));
    let Some(kind) = kind else { return };
    if kind == "Event" {
        listed.events.extend(drawn_event(listing, row, name, &listed.objects));
        return;
    }
    let status = table.cell(row, STATUS_COLUMNS).unwrap_or("").to_owned();
    // Tables of other tools hold all sorts of things; without a state they say nothing about health.
    if status.is_empty()
        && listing.command.verb != super::command::Verb::Get
        && listing.hint.is_none()
    {
        return;
    }
    let age_seconds = table.cell(row, &["AGE"]).and_then(age::seconds);
    let restarts =
        table.cell(row, &["RESTARTS", "RESTART"]).map(Restarts::parse).unwrap_or_default();
    listed.objects.push(ClusterObject {
        healthy: health(table, row, restarts, age_seconds),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        status,
        restarts: restarts.count,
        lines: vec![super::telling::cut_line(row.line)],
        labels: labels(table, row),
        related: related(table, row),
        kind,
    });
}

/// Names have no spaces; error texts and summaries that end up in the first column do.
fn is_name(text: &str) -> bool {
    !text.contains(' ') && !text.is_empty()
}

fn health(
    table: &Table<'_>,
    row: &Row<'_>,
    restarts: Restarts,
    age_seconds: Option<i64>,
) -> Option<bool> {
    let mut verdict = Verdict::default();
    let status_columns =
        ["STATUS", "PHASE", "STATE", "HEALTH STATUS", "HEALTH", "SYNC STATUS", "SYNCED"];
    for column in status_columns {
        let Some(cell) = table.raw_cell(row, column) else { continue };
        verdict.add(verdict::of_status(cell, age_seconds).or_else(|| of_flag(cell)));
    }
    // A finished pod is not ready and needs not be.
    let finished =
        matches!(table.raw_cell(row, "STATUS"), Some("Completed" | "Succeeded" | "Complete"));
    if let Some(ready) = table.raw_cell(row, "READY").filter(|_| !finished) {
        verdict.add(verdict::of_ready_count(ready).or_else(|| of_flag(ready)));
    }
    if table.has("RESTARTS") {
        verdict.add_bad(restarts.sign(age_seconds) == Some(false));
    }
    verdict.add(of_replicas(table, row));
    if let Some(endpoints) = table.raw_cell(row, "ENDPOINTS") {
        verdict.add(Some(!endpoints.is_empty() && endpoints != "<none>"));
    }
    verdict.add_bad(table.raw_cell(row, "EXTERNAL-IP") == Some("<pending>"));
    verdict.add_bad(table.raw_cell(row, "TARGETS").is_some_and(|cell| cell.contains("<unknown>")));
    // Running, but restarted a short while ago: nobody can tell yet.
    let unsure = verdict.healthy() == Some(true)
        && restarts.count > 0
        && restarts.sign(age_seconds).is_none();
    if unsure { None } else { verdict.healthy() }
}

/// `True`, `false,true` (one word a container).
fn of_flag(cell: &str) -> Option<bool> {
    let words: Vec<String> = cell.split(',').map(|word| word.trim().to_ascii_lowercase()).collect();
    let all_flags = words.iter().all(|word| word == "true" || word == "false");
    all_flags.then(|| words.iter().all(|word| word == "true"))
}

/// `DESIRED 3  CURRENT 3  READY 2`, as replica and daemon sets show it.
fn of_replicas(table: &Table<'_>, row: &Row<'_>) -> Option<bool> {
    let number = |column| table.raw_cell(row, column)?.parse::<u64>().ok();
    let desired = number("DESIRED").filter(|desired| *desired > 0)?;
    let there = number("READY").or_else(|| number("AVAILABLE")).or_else(|| number("CURRENT"))?;
    Some(there >= desired)
}

fn labels(table: &Table<'_>, row: &Row<'_>) -> Vec<String> {
    let pairs =
        table.cell(row, &["LABELS"]).or_else(|| table.cell(row, &["SELECTOR"])).unwrap_or("");
    pairs.split(',').filter(|pair| pair.contains('=')).map(str::to_owned).collect()
}

fn related(table: &Table<'_>, row: &Row<'_>) -> Vec<String> {
    let columns =
        [("NODE", "Node"), ("STORAGECLASS", "StorageClass"), ("CLAIM", "PersistentVolumeClaim")];
    let mut related: Vec<String> = columns
        .iter()
        .filter_map(|(column, kind)| Some(format!("{kind}/{}", table.cell(row, &[column])?)))
        .collect();
    related.extend(table.cell(row, &["REFERENCE"]).map(events::object_name));
    related
}

/// The kind whose table has such columns.
fn kind_of_columns(table: &Table<'_>) -> Option<&'static str> {
    const TELLING: &[(&str, &str)] = &[
        ("RESTARTS", "Pod"),
        ("COMPLETIONS", "Job"),
        ("LAST SCHEDULE", "CronJob"),
        ("MINPODS", "HorizontalPodAutoscaler"),
        ("CLUSTER-IP", "Service"),
        ("ENDPOINTS", "Endpoints"),
        ("ROLES", "Node"),
        ("UP-TO-DATE", "Deployment"),
        ("ACCESS MODES", "PersistentVolumeClaim"),
        ("NODE SELECTOR", "DaemonSet"),
        ("CONTAINER ID", "Container"),
        ("CHART", "Release"),
        ("SYNC STATUS", "Application"),
    ];
    TELLING.iter().find(|(column, _)| table.has(column)).map(|(_, kind)| *kind)
}

/// An event drawn below its object by a tree tool: its status is `Reason: message`.
fn drawn_event(
    listing: &Listing<'_>,
    row: &Row<'_>,
    name: &str,
    objects: &[ClusterObject],
) -> Option<ClusterEvent> {
    let text = listing.table.cell(row, &["STATUS"])?;
    let (reason, message) = text.split_once(": ")?;
    let about = name.rsplit_once('.').map_or(name, |(about, _)| about);
    let object = objects.iter().rev().take(NEAR_ROWS).find(|object| object.name == about);
    let age = listing.table.cell(row, &["AGE"]).unwrap_or("");
    Some(ClusterEvent {
        time: age::seen(age, listing.now).time,
        event_type: String::new(),
        reason: reason.to_owned(),
        object: object.map_or_else(|| about.to_owned(), |found| format!("{}/{about}", found.kind)),
        namespace: listing.command.namespace.clone(),
        message: message.to_owned(),
        count: 1,
    })
}

/// A table without headings, because they were cut off or not asked for: columns from the command, or from the cells' looks.
fn headless_table<'a>(command: &Command, body: &'a str) -> Table<'a> {
    if !command.columns.is_empty() {
        return table::headless(body, &command.columns);
    }
    let columns = ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "NODE", "LABELS"];
    let rows = body.lines().filter(|line| table::loose_cells(line).len() >= 3).map(|line| Row {
        line: line.trim_end(),
        cells: cells_by_looks(command, &table::loose_cells(line)),
    });
    Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
}

/// Which cell is which, told by position for names and by looks for the rest; in the order of `headless_table`'s columns.
fn cells_by_looks<'a>(command: &Command, cells: &[&'a str]) -> Vec<&'a str> {
    let mut rest = cells.iter().copied();
    let namespace = if command.all_namespaces { rest.next().unwrap_or("") } else { "" };
    let name = rest.next().unwrap_or("");
    let rest: Vec<&str> = rest.collect();
    let find =
        |wanted: fn(&str) -> bool| rest.iter().copied().find(|cell| wanted(cell)).unwrap_or("");
    let status_index = rest.iter().position(|cell| looks_like_status(cell));
    let after_status =
        |offset: usize| status_index.and_then(|index| rest.get(index + offset).copied());
    let is_pod = command.only_kind() == Some("Pod");
    let address = rest
        .iter()
        .position(|cell| cell.split('.').filter_map(|part| part.parse::<u8>().ok()).count() == 4);
    let node =
        address.filter(|_| is_pod).and_then(|index| rest.get(index + 1).copied()).unwrap_or("");
    vec![
        namespace,
        name,
        find(|cell| verdict::of_ready_count(cell).is_some() || cell == "0/0"),
        status_index.and_then(|index| rest.get(index).copied()).unwrap_or(""),
        after_status(1).filter(|_| is_pod).unwrap_or(""),
        after_status(2)
            .filter(|_| is_pod)
            .unwrap_or_else(|| find(|cell| age::seconds(cell).is_some())),
        node,
        find(|cell| cell.contains('=') && !cell.contains(' ')),
    ]
}

fn looks_like_status(cell: &str) -> bool {
    verdict::of_status(cell, None).is_some()
        || matches!(cell, "Terminating" | "ContainerCreating" | "PodInitializing" | "Suspended")
}
