//! What a model said, read with patience: a JSON object where it keeps to the form, else what can be understood.

use groundcrew_llm::{LlmError, ReplySchema};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::super::assertion::{Assertion, Figure};
use super::super::draft::Sentence;
use super::super::look::{ASK_SERVER, LOOK_NAMES, Look};
use crate::text::{inert, visible};

/// Most claims taken from a model.
const CLAIMS_MAX: usize = 8;
/// Most assertions of one claim.
const ASSERTS_MAX: usize = 4;
/// Most queries in one reply.
const LOOKS_MAX: usize = 3;
/// Longest sentence taken from a model, in bytes.
const SENTENCE_BYTES_MAX: usize = 600;
/// Places in a reply where a JSON object is tried.
const STARTS_MAX: usize = 20;

/// What a model's reply comes to.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    /// It tells what happened.
    Told(Told),
    /// It asks for more.
    Look(Vec<Look>),
    /// It is neither.
    Unreadable,
}

/// The parts of an account.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Told {
    /// The headline; empty when there is none.
    pub headline: String,
    /// The claims.
    pub claims: Vec<Sentence>,
    /// Steps to do next.
    pub next: Vec<String>,
    /// What it does not know.
    pub unknowns: Vec<String>,
}

#[derive(Deserialize, Debug, Default)]
struct Raw {
    #[serde(default)]
    headline: Option<String>,
    #[serde(default, deserialize_with = "leniently")]
    claims: Vec<RawClaim>,
    #[serde(default, deserialize_with = "leniently")]
    next: Vec<String>,
    #[serde(default, deserialize_with = "leniently")]
    unknowns: Vec<String>,
    #[serde(default, deserialize_with = "leniently")]
    look: Vec<Look>,
}

/// A claim in the forms that models give it: an object, or a sentence with its citations in brackets.
#[derive(Deserialize, Debug)]
#[serde(untagged)]
enum RawClaim {
    Whole {
        text: String,
        #[serde(default, deserialize_with = "ids")]
        cites: Vec<String>,
        #[serde(default, deserialize_with = "leniently")]
        asserts: Vec<Assertion>,
    },
    Bare(String),
}

/// The elements that can be read; a list with one wrong element is not a wrong list.
fn leniently<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: for<'a> Deserialize<'a>,
    D: Deserializer<'de>,
{
    let values = Option::<Vec<Value>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
}

/// Ids as a list or as one text.
fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(values) => {
            values.iter().flat_map(|value| ids_in(value.as_str().unwrap_or_default())).collect()
        }
        Value::String(text) => ids_in(&text),
        _ => Vec::new(),
    })
}

/// The form of a reply, for servers that can hold a model to it; `asks_servers` where other systems may be asked, too.
///
/// # Errors
/// When the schema is not one that servers take, which is a mistake here.
pub fn schema(asks_servers: bool) -> Result<ReplySchema, LlmError> {
    let object = |properties: Value| {
        let names: Vec<String> =
            properties.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
        json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
    };
    let list = |items: Value| json!({"type": "array", "items": items});
    let (text, maybe) = (json!({"type": "string"}), json!({"type": ["string", "null"]}));
    let figures = [
        Figure::Count,
        Figure::Ratio,
        Figure::FirstSeen,
        Figure::Errors,
        Figure::Duration,
        Figure::Rate,
        Figure::Level,
        Figure::Parent,
        Figure::Quotes,
        Figure::TookEffect,
        Figure::Status,
    ];
    let assertion =
        object(json!({"of": text, "figure": {"type": "string", "enum": figures}, "is": text}));
    let claim =
        object(json!({"text": text, "cites": list(text.clone()), "asserts": list(assertion)}));
    let mut names = LOOK_NAMES.to_vec();
    let mut texts = vec!["service", "words", "name", "id", "from", "to"];
    if asks_servers {
        names.push(ASK_SERVER);
        texts.extend(["server", "tool", "arguments"]);
    }
    let mut fields: serde_json::Map<String, Value> =
        texts.into_iter().map(|name| (name.to_owned(), maybe.clone())).collect();
    fields.insert("query".to_owned(), json!({"type": "string", "enum": names}));
    let look = object(Value::Object(fields));
    let whole = object(json!({
        "headline": text, "claims": list(claim), "next": list(text.clone()),
        "unknowns": list(text.clone()), "look": list(look),
    }));
    ReplySchema::new("explanation", whole)
}

/// Reads a reply. One that broke off is read as far as it goes.
#[must_use]
pub fn read(text: &str) -> Reply {
    let object = text.match_indices('{').take(STARTS_MAX).find_map(|(start, _)| {
        let mut stream = serde_json::Deserializer::from_str(text.get(start..)?).into_iter::<Raw>();
        stream.next()?.ok().filter(|raw| !raw.claims.is_empty() || !raw.look.is_empty())
    });
    let told = match object {
        Some(raw) if raw.claims.is_empty() => {
            return Reply::Look(raw.look.into_iter().take(LOOKS_MAX).collect());
        }
        Some(raw) => Told {
            headline: raw
                .headline
                .map(|text| clean(&text))
                .filter(|text| has_words(text))
                .unwrap_or_default(),
            claims: raw.claims.into_iter().filter_map(sentence).take(CLAIMS_MAX).collect(),
            next: cleaned(raw.next),
            unknowns: cleaned(raw.unknowns),
        },
        None => unfinished(text),
    };
    if told.claims.is_empty() { Reply::Unreadable } else { Reply::Told(told) }
}

/// What can be understood of a reply that is no whole object: its complete claims, else sentences that cite.
fn unfinished(text: &str) -> Told {
    let claims = complete_claims(text);
    if !claims.is_empty() {
        let headline = text
            .split_once("\"headline\"")
            .and_then(|(_, rest)| rest.split_once(':'))
            .and_then(|(_, rest)| {
                let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
                stream.next()?.ok()
            })
            .unwrap_or_default();
        return Told { headline: clean(&headline), claims, ..Told::default() };
    }
    let lines = text.lines().map(|line| line.trim_start_matches(['-', '*', ' ', '#', '>']));
    // Remains of another object are no sentences.
    let sentences = lines.filter(|line| !line.starts_with(['{', '}', '[', '"']));
    let cited = sentences.filter(|line| !ids_in(line).is_empty());
    let claims = cited.filter_map(|line| sentence(RawClaim::Bare(line.to_owned())));
    Told { claims: claims.take(CLAIMS_MAX).collect(), ..Told::default() }
}

/// Claims that stand complete in an unfinished reply.
#[must_use]
pub fn complete_claims(partial: &str) -> Vec<Sentence> {
    let Some((_, list)) =
        partial.split_once("\"claims\"").and_then(|(_, rest)| rest.split_once('['))
    else {
        return Vec::new();
    };
    let mut claims = Vec::new();
    let mut rest = list;
    while let Some(start) = rest.find('{') {
        if rest.get(..start).is_some_and(|between| between.contains(']')) {
            break;
        }
        let Some(object) = rest.get(start..) else { break };
        let mut stream = serde_json::Deserializer::from_str(object).into_iter::<RawClaim>();
        let Some(Ok(claim)) = stream.next() else { break };
        let Some(after) = object.get(stream.byte_offset()..) else { break };
        rest = after;
        claims.extend(sentence(claim));
    }
    claims.truncate(CLAIMS_MAX);
    claims
}

fn sentence(claim: RawClaim) -> Option<Sentence> {
    let (text, mut cites, mut asserts) = match claim {
        RawClaim::Whole { text, cites, asserts } => (text, cites, asserts),
        RawClaim::Bare(text) => (text, Vec::new(), Vec::new()),
    };
    let text = clean(&text);
    for id in ids_in(&text) {
        if !cites.contains(&id) {
            cites.push(id);
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    cites.retain(|id| seen.insert(id.clone()));
    asserts.truncate(ASSERTS_MAX);
    let text = without_ids(&text);
    has_words(&text).then(|| Sentence::new(text, cites).asserting(asserts))
}

/// Whether it says anything: the example of a form says `...`.
fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

/// Evidence ids in a text: an `E` and digits, standing alone or in brackets.
fn ids_in(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| {
            let digits = word.strip_prefix('E').unwrap_or_default();
            !digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit())
        })
        .map(str::to_owned)
        .collect()
}

/// The text without brackets that hold nothing but ids: citations are shown apart.
fn without_ids(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let Some((inside, behind)) = after.split_once(']') else { break };
        let only_ids = !ids_in(inside).is_empty()
            && inside.split([',', ' ', ';']).filter(|word| !word.is_empty()).count()
                == ids_in(inside).len();
        if only_ids {
            kept.push_str(before.trim_end());
        } else {
            kept.push_str(before);
            kept.push('[');
            kept.push_str(inside);
            kept.push(']');
        }
        rest = behind;
    }
    kept.push_str(rest);
    kept.trim().to_owned()
}

fn cleaned(texts: Vec<String>) -> Vec<String> {
    let texts = texts.iter().map(|text| clean(text)).filter(|text| !text.is_empty());
    texts.take(3).collect()
}

/// One line of bounded length without control characters.
fn clean(text: &str) -> String {
    // Spaces stay as they are, so that a quotation stays one.
    let line = inert(&visible(&text.replace(['\n', '\t'], " ")));
    super::super::evidence::shorten(line.trim(), SENTENCE_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Told {
        match read(text) {
            Reply::Told(told) => told,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_reply_in_the_form_is_read_whole() {
        let told = told(
            r#"{"headline": "h", "claims": [{"text": "a", "cites": ["E1"], "asserts": [{"of": "E1", "figure": "count", "is": "3"}, {"of": 1}]}],
                "next": ["n"], "unknowns": ["u"], "look": []}"#,
        );
        assert_eq!(told.headline, "h");
        let claim = &told.claims[0];
        assert_eq!(claim.cites, ["E1"]);
        assert_eq!(claim.asserts, [Assertion::new("E1", Figure::Count, "3")]);
        assert_eq!((told.next, told.unknowns), (vec!["n".to_owned()], vec!["u".to_owned()]));
    }

    #[test]
    fn replies_in_other_forms_are_understood() {
        for text in [
            "Sure!\n```json\n{\"claims\": [{\"text\": \"a b\", \"cites\": \"E1, E2\"}]}\n```",
            r#"<think>{"x": 1}</think> {"claims": [{"text": "a b", "cites": ["[E1]", "E2"]}, 7]}"#,
            r#"{"claims": ["a b [E1, E2]"]}"#,
            "What happened:\n- a b [E1][E2]\nThat is all.",
            r#"{"headline": "h", "claims": [{"text": "a b", "cites": ["E1", "E2"]}, {"text": "cut o"#,
        ] {
            let told = told(text);
            assert_eq!(told.claims.len(), 1, "{text}");
            assert_eq!(told.claims[0].text, "a b", "{text}");
            assert_eq!(told.claims[0].cites, ["E1", "E2"], "{text}");
        }
    }

    #[test]
    fn queries_are_told_from_accounts() {
        let reply = read(
            r#"{"headline": "", "claims": [], "next": [], "unknowns": [], "look": [{"query": "what_changed", "service": null, "words": null, "name": null, "id": null, "from": null, "to": null}]}"#,
        );
        assert!(matches!(&reply, Reply::Look(looks) if looks.len() == 1), "{reply:?}");
    }

    #[test]
    fn anything_else_is_unreadable() {
        let deep = "{".repeat(100_000);
        for text in [
            "",
            "no",
            "{}",
            "[]",
            "{\"claims\": []}",
            "E",
            deep.as_str(),
            "\u{202e}{\"claims\": [{\"text\"",
        ] {
            assert_eq!(
                read(text),
                Reply::Unreadable,
                "{}",
                text.chars().take(20).collect::<String>()
            );
        }
    }

    #[test]
    fn the_schema_is_one_that_servers_take() {
        assert!(schema(false).is_ok() && schema(true).is_ok());
    }
}
