//! Ways from a message into the panel. Nothing else is ever a link.

use serde_json::{Value, json};

use super::lines::Piece;
use crate::investigate::answer::Answer;

/// Longest code of an incident that is linked.
pub(super) const CODE_MAX: usize = 16;
/// Longest id of an answer or of evidence that is used.
const ID_MAX: usize = 64;
/// Longest address of the panel, so that what is built on it stays within Slack's limits.
const BASE_MAX: usize = 500;

/// Where links lead: the public address of the panel, without a slash at its end; `None` where nobody said it (then no
/// links, no link buttons).
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// Such as `https://groundcrew.example`.
    pub base: Option<String>,
}

impl Links {
    fn usable(&self) -> Option<&str> {
        let base = self.base.as_deref()?.trim_end_matches('/');
        let is_web = base.starts_with("https://") || base.starts_with("http://");
        let is_clean = base.chars().all(|c| c.is_ascii_graphic() && !"<>|\"`\\^{}".contains(c));
        (is_web && is_clean && base.len() <= BASE_MAX).then_some(base)
    }
}

/// The way from one answer into the panel.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    answer: &'a Answer,
    base: Option<&'a str>,
}

impl<'a> Way<'a> {
    pub(super) fn new(answer: &'a Answer, links: &'a Links) -> Self {
        Self { answer, base: links.usable() }
    }

    /// Up to `most` of the ids, each with the page that opens it. An id that is not in the answer is left out.
    pub(super) fn cites(&self, ids: &[String], most: usize) -> Vec<Piece> {
        let known = ids.iter().filter(|id| is_id(id, ID_MAX) && self.answer.evidence(id).is_some());
        known
            .take(most)
            .map(|id| Piece::Link { text: format!("[{id}]"), url: self.evidence(id) })
            .collect()
    }

    /// The page of the incident with the item open, or of the item alone where there is no incident.
    fn evidence(&self, id: &str) -> Option<String> {
        let (base, answer) = (self.base?, self.answer);
        if is_id(&answer.incident, CODE_MAX) {
            return Some(format!("{base}/i/{}?e={id}", answer.incident));
        }
        is_id(&answer.answer_id, ID_MAX).then(|| format!("{base}/e/{}/{id}", answer.answer_id))
    }

    /// The button that opens the answer with its evidence.
    pub(super) fn evidence_button(&self) -> Option<Value> {
        let base = self.base.filter(|_| is_id(&self.answer.incident, CODE_MAX))?;
        let label = match cited(self.answer) {
            0 => "Open".to_owned(),
            count => format!("Evidence ({count})"),
        };
        Some(json!({"type": "actions", "elements": [{
            "type": "button", "action_id": "evidence",
            "text": {"type": "plain_text", "text": label},
            "url": format!("{base}/i/{}", self.answer.incident),
        }]}))
    }

    /// Whether it was right.
    pub(super) fn feedback_buttons(&self) -> Option<Value> {
        let id = &self.answer.answer_id;
        let button = |text: &str, label: &str, sign: char| {
            json!({
                "text": {"type": "plain_text", "text": text}, "accessibility_label": label,
                "value": format!("{id}:{sign}"),
            })
        };
        is_id(id, ID_MAX).then(|| {
            json!({"type": "context_actions", "elements": [{
                "type": "feedback_buttons", "action_id": "feedback",
                "positive_button": button("Right", "This answer is right", '+'),
                "negative_button": button("Wrong", "This answer is wrong", '-'),
            }]})
        })
    }
}

/// Items that something in the answer cites.
fn cited(answer: &Answer) -> usize {
    let seen = answer.seen_before.iter().flat_map(|seen| {
        let signs = seen.matches.iter().chain(&seen.differs);
        seen.cites.iter().chain(signs.flat_map(|sign| &sign.cites))
    });
    let ids: Vec<&String> = answer
        .headline_cites
        .iter()
        .chain(answer.claims.iter().flat_map(|claim| &claim.cites))
        .chain(answer.ruled_out.iter().flat_map(|ruled| &ruled.cites))
        .chain(answer.next.iter().flat_map(|step| &step.cites))
        .chain(seen)
        .collect();
    answer.evidence.iter().filter(|item| ids.contains(&&item.id)).count()
}

/// Letters, digits, `-` and `_` only: nothing that could lead elsewhere.
fn is_id(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_of_the_web_is_a_base() {
        let usable = |base: &str| Links { base: Some(base.to_owned()) }.usable().map(str::to_owned);
        assert_eq!(usable("https://gc.example/").as_deref(), Some("https://gc.example"));
        assert_eq!(usable("http://10.0.0.1:7717").as_deref(), Some("http://10.0.0.1:7717"));
        for bad in [
            "",
            "gc.example",
            "javascript:alert(1)",
            "https://a|b",
            "https://a b",
            "https://a\u{202e}",
        ] {
            assert_eq!(usable(bad), None, "{bad}");
        }
        assert_eq!(Links::default().usable(), None);
    }
}
