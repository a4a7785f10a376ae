//! Links to our own panel that somebody posted, unfolded. What was asked in one conversation is not shown in another.

use serde_json::{Map, Value, json};

use super::inbound::Links;
use super::{Slack, escape, render};
use crate::investigate::answer::Answer;
use crate::memory::{self, Found};

/// Links of one message that are unfolded.
const LINKS_MAX: usize = 3;

pub(super) async fn unfold(slack: &Slack, links: &Links) {
    let Some(base) = slack.links().base.clone() else { return };
    let mut unfurls = Map::new();
    for url in links.urls.iter().take(LINKS_MAX) {
        let Some(code) = code_of(url, &base) else { continue };
        if let Some(answer) = find(slack, code).await {
            unfurls.insert(url.clone(), card(slack, &answer, &links.channel).await);
        }
    }
    if unfurls.is_empty() {
        return;
    }
    let (id, source) = &links.unfurl;
    let body = if id.is_empty() {
        json!({"channel": links.channel, "ts": links.ts, "unfurls": unfurls})
    } else {
        json!({"unfurl_id": id, "source": source, "unfurls": unfurls})
    };
    slack.quietly("chat.unfurl", &body).await;
}

/// The code in `{base}/i/CODE?e=E3`.
fn code_of<'a>(url: &'a str, base: &str) -> Option<&'a str> {
    let rest = url.strip_prefix(base)?.strip_prefix("/i/")?;
    let code = rest.split(['/', '?', '#']).next()?;
    (!code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(code)
}

async fn find(slack: &Slack, code: &str) -> Option<Answer> {
    let (sessions, code) = (slack.sessions().clone(), code.to_owned());
    let found = tokio::task::spawn_blocking(move || {
        memory::find(sessions.investigator().store.state(), &code)
    });
    match found.await {
        Ok(Ok(Found::Answer(answer))) => Some(*answer),
        Ok(Ok(Found::Record(record))) => slack.stored_answer(&record.answer_id).await,
        _ => None,
    }
}

/// The answer where it was asked, or where it was not asked in Slack at all; elsewhere only what it is.
async fn card(slack: &Slack, answer: &Answer, channel: &str) -> Value {
    let asked_in = slack.marks().asked_in(&answer.answer_id).await;
    if asked_in.is_none_or(|asked_in| asked_in == channel) {
        return json!({"blocks": render::answer(answer, slack.links()).blocks});
    }
    let text = format!(
        "Incident {}: asked in another conversation. Open the link to read it.",
        escape::escaped(&answer.incident)
    );
    json!({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_links_lead_to_an_answer() {
        let base = "https://gc.example";
        for (url, code) in [
            ("https://gc.example/i/7Q2", Some("7Q2")),
            ("https://gc.example/i/7Q2?e=E3", Some("7Q2")),
            ("https://gc.example/i/", None),
            ("https://gc.example/services", None),
            ("https://gc.example.evil.example/i/7Q2", None),
            ("https://evil.example/i/7Q2", None),
            ("https://gc.example/i/..%2F", None),
        ] {
            assert_eq!(code_of(url, base), code, "{url}");
        }
    }
}
