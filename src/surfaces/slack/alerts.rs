//! Incidents that alerts opened, in the channels that were named for them: one message each, edited in place as alerts
//! join, as the investigation ends and as the last alert does. Whoever answers in its thread goes on from there.

use std::collections::{BTreeMap, BTreeSet};

use groundcrew_telemetry::Timestamp;
use tokio::sync::broadcast::error::RecvError;

use super::Slack;
use super::inbound::{Place, conversation_id};
use super::outbox::Tag;
use super::proposals;
use super::render::{self, Standing};
use crate::desk::{Desk, Incident};

/// An incident that ended before anybody heard of it is no news.
const OLD_NEWS_SECS: i64 = 3_600;

/// Tells incidents until the server ends. What changes while a message is being sent is told by the next edit.
pub(super) async fn keep_told(slack: &Slack, desk: &Desk) {
    let channels = &slack.settings().channels;
    if channels.is_empty() {
        return;
    }
    let mut news = desk.news();
    let mut waiting: BTreeSet<String> = codes(desk);
    let mut said: BTreeMap<(String, String), blake3::Hash> = BTreeMap::new();
    loop {
        while let Some(code) = waiting.pop_first() {
            let Some(incident) = desk.get(&code) else { continue };
            for channel in channels {
                let hash = said.get(&(code.clone(), channel.clone())).copied();
                if let Some(hash) = tell(slack, channel, &incident, hash).await {
                    said.insert((code.clone(), channel.clone()), hash);
                }
            }
            // What was heard meanwhile counts from here on.
            while let Ok(code) = news.try_recv() {
                waiting.insert(code);
            }
        }
        tokio::select! {
            heard = news.recv() => match heard {
                Ok(code) => drop(waiting.insert(code)),
                Err(RecvError::Lagged(_)) => waiting = codes(desk),
                Err(RecvError::Closed) => return,
            },
            () = slack.shutdown().cancelled() => return,
        }
    }
}

fn codes(desk: &Desk) -> BTreeSet<String> {
    desk.all().into_iter().map(|incident| incident.opened.code).collect()
}

/// Posts or edits the message of an incident. Returns what it says by now, unless it could not be said.
async fn tell(
    slack: &Slack,
    channel: &str,
    incident: &Incident,
    said: Option<blake3::Hash>,
) -> Option<blake3::Hash> {
    let opened = &incident.opened;
    let message = render::incident(&standing(incident), slack.links());
    let message = match incident.answer.as_deref().filter(|_| opened.over_at.is_none()) {
        Some(answer) => proposals::with_proposal(slack, message, answer).await,
        None => message,
    };
    let hash = blake3::hash(format!("{}{:?}", message.text, message.blocks).as_bytes());
    if said == Some(hash) {
        return said;
    }
    let tag = Tag {
        key: format!("{} {channel}", opened.answer_id),
        incident: opened.code.clone(),
        ..Tag::default()
    };
    let mut place =
        Place { team: slack.me().team, channel: channel.to_owned(), thread: String::new() };
    let outcome = match slack.marks().message_of(channel, &opened.answer_id).await {
        Some(ts) if said.is_none() && is_old(opened.over_at, slack.sessions().now()) => Ok(ts),
        Some(ts) => slack.outbox().edit((&place, &ts), &message, &tag).await,
        None if is_old(opened.over_at, slack.sessions().now()) => return Some(hash),
        None => slack.outbox().post(&place, &message, &tag).await,
    };
    match outcome {
        Ok(ts) => {
            slack.marks().tells_incident(channel, &ts, &opened.answer_id).await;
            place.thread = ts;
            let conversation = conversation_id(&place);
            slack.marks().join(&conversation).await;
            slack.sessions().go_on_from(&conversation, &opened.conversation);
            Some(hash)
        }
        Err(error) => {
            tracing::warn!(%error, channel, incident = opened.code, "an incident could not be told in Slack");
            None
        }
    }
}

fn is_old(over_at: Option<Timestamp>, now: Timestamp) -> bool {
    over_at.is_some_and(|over_at| over_at < now.plus_secs(-OLD_NEWS_SECS))
}

fn standing(incident: &Incident) -> Standing<'_> {
    let opened = &incident.opened;
    Standing {
        code: &opened.code,
        title: &opened.title,
        since: opened.since,
        until: opened.over_at,
        firing: opened.firing(),
        ended: opened.alerts.len() - opened.firing(),
        answer: incident.answer.as_deref(),
    }
}
