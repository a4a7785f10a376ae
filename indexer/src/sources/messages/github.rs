//! GitHub's webhooks, as far as they say that something changed: pushes, deployments, workflows, releases.
//!
//! The service is taken to be called as the repository is. Where it is not, a mapping or a catalog says so.

use groundcrew_telemetry::{ChangeEvent, ChangeKind, Timestamp, Value};

use super::super::files::log_time::epoch_time;
use super::super::files::plain_json::{get, list_of, object_of, objects_of, text_of};
use super::{Entries, Message, Posted, change, kind_of, time_of};

/// Commits of one push that are kept.
const COMMITS_MAX: usize = 50;
/// Characters by which a commit is called.
const SHA_CHARS: usize = 12;

/// Reads an event; `None` when `object` is something else.
pub(super) fn read(object: &Entries, posted: &Posted<'_>) -> Option<Message> {
    let named = posted.headers.get("x-github-event").map(String::as_str);
    let is_hub = text_of(object_of(object, "repository"), &["full_name"]).is_some()
        && get(object, "sender").is_some();
    if named.is_none() && !is_hub {
        return None;
    }
    let event = Event { object, now: posted.now };
    Some(match named.or_else(|| event.kind()) {
        Some("push") => event.push(),
        Some("deployment") => event.deployment(),
        Some("deployment_status") => event.deployment_status(),
        Some("workflow_run") => event.workflow_run(),
        Some("release") => event.release(),
        Some(other) => Message::passed_over(format!("`{other}` changes nothing that runs")),
        None => Message::passed_over("this event changes nothing that runs"),
    })
}

struct Event<'a> {
    object: &'a Entries,
    now: Timestamp,
}

impl Event<'_> {
    /// What a saved body was about, for it has no headers.
    fn kind(&self) -> Option<&'static str> {
        let has = |key: &str| get(self.object, key).is_some();
        let kinds = ["workflow_job", "deployment_status", "workflow_run", "deployment", "release"];
        let kind = kinds.into_iter().find(|kind| has(kind));
        kind.or_else(|| (has("commits") && has("ref")).then_some("push"))
    }

    fn repository(&self) -> &Entries {
        object_of(self.object, "repository")
    }

    fn service(&self) -> Option<String> {
        text_of(self.repository(), &["name"])
    }

    fn sender(&self) -> Option<String> {
        text_of(object_of(self.object, "sender"), &["login"])
    }

    fn is_default_branch(&self, name: &str) -> bool {
        let default = text_of(self.repository(), &["default_branch", "master_branch"]);
        default.is_none_or(|default| default == name)
    }

    fn push(&self) -> Message {
        let reference = text_of(self.object, &["ref"]).unwrap_or_default();
        let Some(branch) = reference.strip_prefix("refs/heads/") else {
            return Message::passed_over(format!("a push to `{reference}`, which is no branch"));
        };
        if !self.is_default_branch(branch) {
            let why = format!("a push to `{branch}`, which is not the default branch");
            return Message::passed_over(why);
        }
        // A commit acts from when it is pushed on, however long ago it was written.
        let pushed = get(self.repository(), "pushed_at")
            .and_then(Value::as_f64)
            .and_then(epoch_time)
            .unwrap_or(self.now);
        let commits: Vec<ChangeEvent> = objects_of(self.object, "commits")
            .take(COMMITS_MAX)
            .map(|commit| self.commit(commit, pushed))
            .collect();
        if commits.is_empty() {
            return Message::passed_over(format!("a push to `{branch}` without commits"));
        }
        Message::of_changes(commits)
    }

    fn commit(&self, commit: &Entries, pushed: Timestamp) -> ChangeEvent {
        let message = text_of(commit, &["message"]).unwrap_or_default();
        let (title, rest) = message.split_once('\n').unwrap_or((&message, ""));
        let author = object_of(commit, "author");
        let files = ["added", "modified", "removed"].into_iter();
        let files = files.flat_map(|list| list_of(commit, list));
        ChangeEvent {
            id: text_of(commit, &["id", "sha"]).unwrap_or_default(),
            service: self.service(),
            actor: text_of(author, &["username", "name"]).or_else(|| self.sender()),
            files: files.map(|file| file.text().into_owned()).collect(),
            diff: rest.trim().to_owned(),
            link: text_of(commit, &["url"]),
            ..change(ChangeKind::Commit, pushed, title.trim().to_owned())
        }
    }

    /// A deployment that was asked for. When it is done its status says so, and that is the deploy.
    fn deployment(&self) -> Message {
        let deployment = object_of(self.object, "deployment");
        let mut asked = self.deploy(deployment, ChangeKind::Other, "deployment asked for:");
        asked.time = time_of(deployment, &["created_at"], self.now).unwrap_or(self.now);
        Message::of_changes(vec![asked])
    }

    fn deployment_status(&self) -> Message {
        let status = object_of(self.object, "deployment_status");
        let deployment = object_of(self.object, "deployment");
        let state = text_of(status, &["state"]).unwrap_or_default();
        let mut told = match state.as_str() {
            "success" => self.deploy(deployment, ChangeKind::Deploy, "deploy"),
            // It may have left things half done.
            "failure" | "error" => self.deploy(deployment, ChangeKind::Other, "deploy failed:"),
            other => return Message::passed_over(format!("a deployment that is `{other}`")),
        };
        told.time = time_of(status, &["updated_at", "created_at"], self.now).unwrap_or(self.now);
        told.link = text_of(status, &["target_url", "log_url"]).or(told.link);
        Message::of_changes(vec![told])
    }

    fn deploy(&self, deployment: &Entries, kind: ChangeKind, what: &str) -> ChangeEvent {
        let service = self.service();
        let reference = text_of(deployment, &["ref"]);
        let environment = text_of(deployment, &["environment"]);
        let mut words = vec![what];
        words.extend(service.as_deref());
        words.extend(reference.as_deref());
        words.extend(environment.as_deref().map(|_| "to"));
        words.extend(environment.as_deref());
        let mut title = words.join(" ");
        if let Some(description) = text_of(deployment, &["description"]) {
            title.push_str(&format!(": {description}"));
        }
        let sha = text_of(deployment, &["sha"]);
        ChangeEvent {
            id: text_of(deployment, &["id"]).unwrap_or_default(),
            actor: text_of(object_of(deployment, "creator"), &["login"]).or_else(|| self.sender()),
            to: reference.or_else(|| sha.as_deref().map(short)),
            commits: sha.into_iter().collect(),
            link: text_of(deployment, &["html_url", "url"]),
            service,
            ..change(kind, self.now, title)
        }
    }

    fn workflow_run(&self) -> Message {
        let run = object_of(self.object, "workflow_run");
        let workflow = object_of(self.object, "workflow");
        let name = text_of(run, &["name"]).or_else(|| text_of(workflow, &["name"]));
        let name = name.unwrap_or_else(|| "workflow".to_owned());
        let path = text_of(workflow, &["path"]).or_else(|| text_of(run, &["path"]));
        let deploys = [Some(name.as_str()), path.as_deref()];
        let deploys =
            deploys.into_iter().flatten().any(|word| kind_of(word) == Some(ChangeKind::Deploy));
        if !deploys {
            return Message::passed_over(format!("the workflow `{name}`, which deploys nothing"));
        }
        let (kind, what) = match text_of(run, &["conclusion"]).as_deref() {
            Some("success") => (ChangeKind::Deploy, "deploy by workflow"),
            Some("failure" | "timed_out" | "cancelled") => {
                (ChangeKind::Other, "deploy failed in workflow")
            }
            _ => {
                return Message::passed_over(format!("the workflow `{name}`, which has not ended"));
            }
        };
        let sha = text_of(run, &["head_sha"]);
        let time = time_of(run, &["updated_at", "run_started_at", "created_at"], self.now);
        Message::of_changes(vec![ChangeEvent {
            id: text_of(run, &["id"]).unwrap_or_default(),
            service: self.service(),
            actor: text_of(object_of(run, "actor"), &["login"]).or_else(|| self.sender()),
            to: sha.as_deref().map(short),
            commits: sha.into_iter().collect(),
            link: text_of(run, &["html_url"]),
            ..change(kind, time.unwrap_or(self.now), format!("{what} {name}"))
        }])
    }

    fn release(&self) -> Message {
        let release = object_of(self.object, "release");
        let action = text_of(self.object, &["action"]).unwrap_or_default();
        if !matches!(action.as_str(), "published" | "released") {
            return Message::passed_over(format!("a release that was {action}"));
        }
        let tag = text_of(release, &["tag_name"]).unwrap_or_default();
        let service = self.service();
        let name = text_of(release, &["name"]).filter(|name| *name != tag);
        let mut words = vec!["release"];
        words.extend(service.as_deref());
        words.push(&tag);
        let mut title = words.join(" ");
        if let Some(name) = name {
            title.push_str(&format!(": {name}"));
        }
        let time = time_of(release, &["published_at", "created_at"], self.now);
        Message::of_changes(vec![ChangeEvent {
            id: text_of(release, &["id"]).unwrap_or_default(),
            actor: text_of(object_of(release, "author"), &["login"]).or_else(|| self.sender()),
            to: Some(tag.clone()).filter(|tag| !tag.is_empty()),
            diff: text_of(release, &["body"]).unwrap_or_default(),
            link: text_of(release, &["html_url"]),
            service,
            ..change(ChangeKind::Deploy, time.unwrap_or(self.now), title)
        }])
    }
}

fn short(sha: &str) -> String {
    sha.chars().take(SHA_CHARS).collect()
}
