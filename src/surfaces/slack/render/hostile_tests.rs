//! Hostile text in every field of an answer, and answers of any shape: no message breaks a limit, and nothing in one is a
//! mention, a link that is not ours, or hidden.

use proptest::prelude::*;
use serde_json::{Value, json};
use slack_morphism::prelude::SlackBlock;

use super::super::message::{Message, broken_inside, broken_limits};
use super::tests::sample;
use super::*;
use crate::text::is_unsafe;

const BASE: &str = "https://groundcrew.example";
const HOSTILE: [&str; 12] = [
    "<!channel> everybody wake up",
    "<@U1> and <#C1|general> and @here",
    "<http://evil.example|click> https://evil.example/?q=secret",
    "*bold* _it_ ~gone~ `code` ```block```",
    "“quoted <!here> `x` *y*” then “open ”” “",
    "rtl \u{202e}live\u{202c} zero\u{200d}width\u{2060}\u{feff}",
    "line\nbreak\r\n> quote\n- item\u{1b}[31m\u{7}",
    "[x](https://evil.example) ![y](http://evil.example/i.png)",
    "ansible & <script>alert(1)</script> &lt;!channel&gt;",
    "Ünïcödé 🔥🔥🔥 日本語のログ",
    "\u{e0041}\u{e0042} tags",
    "",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(HOSTILE.as_slice()).prop_map(str::to_owned),
        (proptest::sample::select(HOSTILE.as_slice()), 1_usize..400).prop_map(|(t, n)| t.repeat(n)),
        "[a-z “”`<>@!#:/*_.]{0,60}",
        any::<String>(),
    ]
}

/// `value` with each of its texts replaced by another, as long as the field may be any text.
fn with_texts(value: &Value, texts: &mut impl Iterator<Item = String>) -> Value {
    const CLOSED: [&str; 12] = [
        "verdict",
        "confidence",
        "from",
        "to",
        "since",
        "at",
        "kind",
        "status",
        "told_by",
        "series_from",
        "series_to",
        "of",
    ];
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, field)| {
                let is_closed = CLOSED.contains(&key.as_str())
                    && !(key == "kind" && fields.contains_key("cmd"));
                let field = if is_closed { field.clone() } else { with_texts(field, texts) };
                (key.clone(), field)
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| with_texts(item, texts)).collect(),
        Value::String(_) => json!(texts.next().unwrap_or_default()),
        other => other.clone(),
    }
}

fn repeated(value: &Value, times: usize) -> Value {
    let items = value.as_array().cloned().unwrap_or_default();
    Value::Array(items.iter().cycle().take(items.len() * times).cloned().collect())
}

/// An answer with every text hostile; ids stay as they are in `keeps_ids`, so that citations resolve.
fn answers() -> impl Strategy<Value = Answer> {
    let shape = (any::<bool>(), 0_usize..5, 0_usize..3, 0_usize..4, any::<[i64; 3]>());
    let series = proptest::collection::vec(prop_oneof![any::<f64>(), -9.0..9.0_f64], 0..80);
    (shape, proptest::collection::vec(text(), 120), series).prop_map(|(shape, texts, series)| {
        let (keeps_ids, times, verdict, sure, nanos) = shape;
        let sample = sample();
        let mut texts = texts.into_iter().cycle();
        let mut value = with_texts(&sample, &mut texts);
        if keeps_ids {
            restore_ids(&mut value, &sample);
        }
        value["notice"] = json!(texts.next());
        value["understood"] = json!(texts.next());
        value["usage"]["model"] = json!(texts.next());
        value["impact"]["services"] =
            json!([texts.next(), texts.next(), texts.next(), texts.next()]);
        value["verdict"] = json!(["likely_cause", "lookup", "not_enough_evidence"][verdict]);
        value["confidence"] =
            [json!(null), json!("low"), json!("medium"), json!("high")][sure].clone();
        for list in ["claims", "ruled_out", "next", "seen_before", "unknowns"] {
            value[list] = repeated(&value[list], times);
        }
        let mut answer: Answer = serde_json::from_value(value).unwrap();
        let [at, from, to] = nanos.map(Timestamp::from_nanos);
        if times == 4 {
            (answer.impact.since, answer.from, answer.to) = (Some(at), from, to);
        }
        if times > 2 {
            for item in &mut answer.evidence {
                item.series = Some(series.clone());
                (item.series_from, item.series_to) = (Some(from), Some(to));
            }
        }
        answer
    })
}

fn restore_ids(value: &mut Value, sample: &Value) {
    match (value, sample) {
        (Value::Object(fields), Value::Object(known)) => {
            for (key, field) in fields {
                let Some(known) = known.get(key) else { continue };
                match key.as_str() {
                    "id" | "cites" | "headline_cites" | "incident" | "answer_id" => {
                        *field = known.clone();
                    }
                    _ => restore_ids(field, known),
                }
            }
        }
        (Value::Array(items), Value::Array(known)) => {
            items.iter_mut().zip(known).for_each(|(item, known)| restore_ids(item, known));
        }
        _ => {}
    }
}

/// Everything that a reader could be led astray by.
fn astray(message: &Message) -> Vec<String> {
    let mut wrong = broken_limits(message);
    for mark in ["<", ">", "*", "`", "://", "\n"] {
        if message.text.contains(mark) {
            wrong.push(format!("{mark:?} in the fallback {:?}", message.text));
        }
    }
    let blocks = json!(message.blocks);
    let understood: Result<Vec<SlackBlock>, _> = serde_json::from_value(blocks.clone());
    match understood {
        Ok(blocks) if !blocks.iter().any(|block| matches!(block, SlackBlock::Unknown(_))) => {}
        other => wrong.push(format!("not understood: {other:?}")),
    }
    walk(&blocks, &mut |key, text| {
        let is_ours = text == BASE || text.starts_with(&format!("{BASE}/"));
        let is_broken = match key {
            "url" => !is_ours,
            "value" => text.len() > 80,
            // All other strings are read as plain text, and still nothing eager may see more in them.
            _ => ["<!", "<@", "<#", "<http://", "<https://"].iter().any(|mark| text.contains(mark)),
        };
        let hides = text.chars().any(|c| is_unsafe(c) && c != '\u{2060}');
        if is_broken || hides {
            wrong.push(format!("{key}: {text:?}"));
        }
        if key == "type" && ["mrkdwn", "markdown", "user", "broadcast", "channel"].contains(&text) {
            wrong.push(format!("{text} is read as markup or calls somebody"));
        }
    });
    // A command is verbatim, in a place where nothing is a link.
    walk(&without_commands(&blocks), &mut |key, text| {
        if key != "url" && text.contains("://") {
            wrong.push(format!("a link: {text:?}"));
        }
    });
    wrong
}

fn without_commands(value: &Value) -> Value {
    match value {
        Value::Object(fields) if fields.get("type") == Some(&json!("rich_text_preformatted")) => {
            Value::Null
        }
        Value::Object(fields) => {
            fields.iter().map(|(key, field)| (key.clone(), without_commands(field))).collect()
        }
        Value::Array(items) => items.iter().map(without_commands).collect(),
        other => other.clone(),
    }
}

fn walk(value: &Value, see: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field {
                    Value::String(text) => see(key, text),
                    other => walk(other, see),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                match item {
                    Value::String(text) => see("item", text),
                    other => walk(other, see),
                }
            }
        }
        _ => {}
    }
}

fn panel() -> Links {
    Links { base: Some(BASE.to_owned()) }
}

proptest! {
    #[test]
    fn no_answer_breaks_a_limit_or_does_anything(found in answers()) {
        for message in [answer(&found, &panel()), stopped(Some(&found), &panel())] {
            prop_assert_eq!(astray(&message), Vec::<String>::new());
        }
        let unlinked = json!(answer(&found, &Links::default()).blocks).to_string();
        prop_assert!(!unlinked.contains("\"url\"") && !unlinked.contains("\"link\""), "{}", unlinked);
    }

    #[test]
    fn no_incident_does_either(
        found in answers(), code in text(), title in text(), secs in any::<[i64; 2]>(),
        is_over in any::<bool>(), has_answer in any::<bool>(), counts in any::<[u32; 2]>(),
    ) {
        let [since, until] = secs.map(Timestamp::from_nanos);
        let standing = Standing {
            code: &code, title: &title, since, until: is_over.then_some(until),
            firing: counts[0] as usize, ended: counts[1] as usize,
            answer: has_answer.then_some(&found),
        };
        prop_assert_eq!(astray(&incident(&standing, &panel())), Vec::<String>::new());
    }

    #[test]
    fn no_question_step_or_error_does_either(
        texts in proptest::collection::vec(text(), 4), count in 0_usize..60,
    ) {
        let [question, title, detail, id] = texts.try_into().unwrap();
        let step = Step {
            id, title, detail: Some(detail.clone()), status: StepStatus::Complete, ms: None,
        };
        let steps = vec![step; count];
        for message in [working(&question, &steps), failed(&question, &detail)] {
            prop_assert_eq!(astray(&message), Vec::<String>::new());
        }
        let chunks = plan(&question, &steps);
        prop_assert_eq!(broken_inside(&chunks), Vec::<String>::new());
        prop_assert!(chunks.len() <= 51);
        let view = wrong_view(&question, &detail);
        prop_assert_eq!(broken_inside(&[view]), Vec::<String>::new());
    }
}
