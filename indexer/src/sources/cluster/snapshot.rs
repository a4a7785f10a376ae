//! From one saved text to one [`ClusterSnapshot`]: the text is cut at its command lines, and each part read for what it is.

use groundcrew_telemetry::{ClusterSnapshot, Timestamp};

use super::command::{Command, Verb};
use super::describe;
use super::manifest;
use super::secrets;
use super::table_objects::{self, Listed};

/// Text after which a snapshot is cut.
const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Objects and events kept per snapshot, each.
const LISTED_MAX: usize = 20_000;
/// Command-line tools whose name after `$ ` begins a new part.
const TOOLS: &[&str] = &[
    "kubectl",
    "oc",
    "helm",
    "argocd",
    "flux",
    "kube-lineage",
    "docker",
    "podman",
    "istioctl",
    "velero",
    "k",
];

/// Reads one saved text. `title` is the file's name, `fallback_time` when it was taken if the text does not say so.
pub fn read_snapshot(title: &str, text: &str, fallback_time: Timestamp) -> ClusterSnapshot {
    let text = secrets::withhold(bounded(text.trim_start_matches('\u{feff}')));
    let time = stated_time(&text).unwrap_or(fallback_time);
    let hint = Command::from_title(title);
    let parts = parts(&text);
    let mut listed = Listed::default();
    for part in &parts {
        let found = read_part(part, hint.only_kind(), time);
        listed.objects.extend(found.objects);
        listed.events.extend(found.events);
    }
    listed.objects.truncate(LISTED_MAX);
    listed.events.truncate(LISTED_MAX);
    let command_line = parts.iter().find_map(|part| part.command_line);
    ClusterSnapshot {
        time,
        title: command_line.unwrap_or(title).to_owned(),
        objects: listed.objects,
        events: listed.events,
        text,
    }
}

/// One command line, if there is one, and what it printed.
struct Part<'a> {
    command_line: Option<&'a str>,
    body: &'a str,
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut command_line = None;
    let mut start = 0;
    let mut position = 0;
    let mut is_first = true;
    for line in text.split_inclusive('\n') {
        if let Some(found) =
            line.strip_prefix("$ ").filter(|rest| is_first || begins_with_tool(rest))
        {
            parts.push(Part { command_line, body: text.get(start..position).unwrap_or("") });
            command_line = Some(found.trim());
            start = position + line.len();
        }
        is_first = is_first && line.trim().is_empty();
        position += line.len();
    }
    parts.push(Part { command_line, body: text.get(start..).unwrap_or("") });
    parts.retain(|part| part.command_line.is_some() || !part.body.trim().is_empty());
    parts
}

fn begins_with_tool(line: &str) -> bool {
    line.split_whitespace().next().is_some_and(|word| TOOLS.contains(&word))
}

fn read_part(part: &Part<'_>, hint: Option<&str>, now: Timestamp) -> Listed {
    let command = part.command_line.map(Command::parse).unwrap_or_default();
    let body = without_echo(part.body);
    if manifest::looks_like(body) {
        return manifest::read(&command, body, now);
    }
    if command.verb == Verb::Describe || describe::looks_like(body) {
        return describe::read(&command, hint, body, now);
    }
    table_objects::read(&command, hint, body, now)
}

/// Some tools print the command once more before its output.
fn without_echo(body: &str) -> &str {
    match body.split_once('\n') {
        Some((first, rest)) if begins_with_tool(first) => rest,
        _ => body,
    }
}

/// A time given in a comment or a `taken at ...` line at the top.
fn stated_time(text: &str) -> Option<Timestamp> {
    const WORDS: &[&str] =
        &["captured", "collected", "taken", "snapshot", "date:", "time:", "as of"];
    text.lines().take(5).filter(|line| !line.starts_with('$')).find_map(|line| {
        let lower = line.to_ascii_lowercase();
        let says_when = line.starts_with('#') || WORDS.iter().any(|word| lower.starts_with(word));
        says_when.then(|| {
            line.split_whitespace()
                .find_map(|word| Timestamp::parse(word.trim_matches(['(', ')', ','])))
        })?
    })
}

fn bounded(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_the_title_and_parts_are_read_apart() {
        let text = "$ kubectl get pods -n shop\nNAME   READY   STATUS   RESTARTS   AGE\nweb    1/1     Running   0   3d\n$ kubectl get svc -n mail\nNAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE\nsmtp   ClusterIP   10.0.0.1     <none>        25/TCP    3d\n";
        let snapshot = read_snapshot("all.txt", text, Timestamp::from_secs(5));
        assert_eq!(snapshot.title, "kubectl get pods -n shop");
        assert_eq!(snapshot.time, Timestamp::from_secs(5));
        let names: Vec<_> = snapshot
            .objects
            .iter()
            .map(|o| (o.kind.as_str(), o.namespace.as_str(), o.name.as_str()))
            .collect();
        assert_eq!(names, [("Pod", "shop", "web"), ("Service", "mail", "smtp")]);
    }

    #[test]
    fn a_stated_time_wins() {
        let text = "# taken 2026-01-02T03:04:05Z\nNAME   READY   STATUS   RESTARTS   AGE\nweb    1/1     Running   0   3d\n";
        let snapshot = read_snapshot("pods.txt", text, Timestamp::from_secs(5));
        assert_eq!(Some(snapshot.time), Timestamp::parse("2026-01-02T03:04:05Z"));
        assert_eq!(snapshot.objects.len(), 1);
    }
}
