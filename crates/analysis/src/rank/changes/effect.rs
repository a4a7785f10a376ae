//! When and where a change took effect: commits act through the deploys that carry them.

use groundcrew_telemetry::{ChangeEvent, ChangeKind, Timestamp};

/// When and where a change took effect.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) time: Timestamp,
    pub(super) service: Option<String>,
    pub(super) how: How,
}

/// How sure the time of effect is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    /// The event itself, or a deploy that names the commit.
    Named,
    /// A later deploy of the service that the commit touches.
    Carried,
    /// A later deploy of another service, which may link what the commit touches.
    Linked,
    /// No deploy follows in what was seen.
    NotDeployed,
}

/// When and where `change` took effect. `known` are the names of services.
pub(super) fn effect(change: &ChangeEvent, all: &[ChangeEvent], known: &[&str]) -> Effect {
    if change.kind != ChangeKind::Commit {
        return Effect { time: change.time, service: change.service.clone(), how: How::Named };
    }
    let deploys = || all.iter().filter(|other| other.kind == ChangeKind::Deploy);
    let names = |deploy: &ChangeEvent| {
        !change.id.is_empty()
            && deploy.commits.iter().any(|commit| {
                commit.len() >= 7
                    && (change.id.starts_with(commit.as_str())
                        || commit.starts_with(change.id.as_str()))
            })
    };
    if let Some(deploy) = deploys().filter(|deploy| names(deploy)).min_by_key(|deploy| deploy.time)
    {
        return Effect { time: deploy.time, service: deploy.service.clone(), how: How::Named };
    }
    let service = change.service.clone().or_else(|| touched(&change.files, known));
    let later = |deploy: &&ChangeEvent| deploy.time >= change.time;
    if let Some(service) = &service {
        let carrier = deploys()
            .filter(later)
            .filter(|deploy| deploy.service.as_deref() == Some(service))
            .min_by_key(|deploy| deploy.time);
        if let Some(deploy) = carrier {
            return Effect { time: deploy.time, service: Some(service.clone()), how: How::Carried };
        }
        return Effect { time: change.time, service: Some(service.clone()), how: How::NotDeployed };
    }
    match deploys().filter(later).min_by_key(|deploy| deploy.time) {
        Some(deploy) => Effect { time: deploy.time, service: None, how: How::Linked },
        None => Effect { time: change.time, service: None, how: How::NotDeployed },
    }
}

/// The service whose name a path segment is, or begins.
pub(super) fn touched(files: &[String], known: &[&str]) -> Option<String> {
    const SEGMENT_BYTES_MIN: usize = 4;
    let plain = |text: &str| -> String {
        text.chars()
            .filter(|letter| letter.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    files.iter().find_map(|file| {
        let directories = file.rsplit_once('/').map_or("", |(head, _)| head);
        directories.split('/').find_map(|segment| {
            let segment = plain(segment);
            if segment.len() < SEGMENT_BYTES_MIN {
                return None;
            }
            known
                .iter()
                .find(|name| plain(name).starts_with(&segment))
                .map(|name| (*name).to_owned())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_services() {
        let files = ["services/checkout/order.go".to_owned()];
        assert_eq!(
            touched(&files, &["cartservice", "checkoutservice"]).as_deref(),
            Some("checkoutservice")
        );
        assert_eq!(touched(&["pkg/retry/backoff.go".to_owned()], &["cartservice"]), None);
    }
}
