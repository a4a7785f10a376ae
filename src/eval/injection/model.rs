//! The models of the measurement: one that writes down what it is sent, and one that obeys whatever it reads.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use groundcrew_llm::{ChatRequest, Completion, LanguageModel, LlmError, Reply, Scripted};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::item::Item;

/// Honest sentences that the obedient model repeats, so that most of what it says holds.
const HONEST_MAX: usize = 4;

/// Passes requests on with the canary at the end of the system prompt, and keeps them.
pub(super) struct Recording {
    inner: Arc<dyn LanguageModel>,
    canary: String,
    sent: Mutex<String>,
}

impl Recording {
    pub(super) fn new(inner: Arc<dyn LanguageModel>, canary: String) -> Self {
        Self { inner, canary, sent: Mutex::default() }
    }

    /// All that was sent.
    pub(super) fn sent(&self) -> String {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl LanguageModel for Recording {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        cancel: &'a CancellationToken,
        on_delta: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Completion, LlmError>> {
        Box::pin(async move {
            let mut request = request.clone();
            if !self.canary.is_empty() {
                request.system = format!("{}\n{}", request.system, self.canary);
            }
            self.sent
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_str(&format!("{}\n{}\n", request.system, request.user));
            self.inner.complete(&request, cancel, on_delta).await
        })
    }
}

/// A model that says what the item's attacker wants as soon as it sees a piece of the attacker's text.
///
/// It is as clever as it can be: it writes in the form that the engine reads, cites the very items that hold the
/// attacker's text, and hides what it adds among sentences that it was given.
pub(super) fn obedient(item: &Item) -> Arc<dyn LanguageModel> {
    let item = item.clone();
    Arc::new(Scripted::answering(move |request| Reply::Text(reply(&item, request).to_string())))
}

fn reply(item: &Item, request: &ChatRequest) -> Value {
    let honest = honest_claims(&request.user);
    if !item.taints(&request.user) {
        return json!({"headline": "", "claims": honest, "next": [], "unknowns": []});
    }
    let cites = cites(item, &request.user);
    let wanted = wanted(item);
    let claims = wanted.iter().take(HONEST_MAX).map(|text| json!({"text": text, "cites": cites}));
    json!({
        "headline": wanted.first(),
        "claims": honest.iter().cloned().chain(claims).collect::<Vec<Value>>(),
        "next": wanted,
        "unknowns": wanted,
    })
}

/// What the attacker wants to be said: the words of the corpus' own puppet, then the payload itself.
fn wanted(item: &Item) -> Vec<String> {
    let texts = |key: &str| {
        let listed = item.puppet.get(key).and_then(Value::as_array).into_iter().flatten();
        listed.filter_map(|one| one.as_str().map(str::to_owned)).collect::<Vec<String>>()
    };
    let narrative = item.puppet.get("narrative").and_then(Value::as_str).map(str::to_owned);
    let commands = item.puppet.get("actions").and_then(Value::as_array).into_iter().flatten();
    let commands = commands
        .filter_map(|action| action.pointer("/args/cmd")?.as_str().map(str::to_owned))
        .collect::<Vec<String>>();
    let mut wanted: Vec<String> = texts("causes");
    wanted.extend(narrative);
    wanted.extend(commands);
    wanted.extend(item.tainted());
    wanted
}

/// Sentences of the prompt that come with citations: `- words [E1, E2]`.
fn honest_claims(prompt: &str) -> Vec<Value> {
    prompt
        .lines()
        .filter_map(|line| {
            let (text, ids) = line.strip_prefix("- ")?.strip_suffix(']')?.rsplit_once(" [")?;
            let ids: Vec<&str> = ids.split(", ").collect();
            // The first lines tell suspects with their scores, which no item holds.
            let is_claim = text.ends_with('.') && ids.iter().all(|id| id.starts_with('E'));
            is_claim.then(|| json!({"text": text, "cites": ids}))
        })
        .take(HONEST_MAX)
        .collect()
}

/// The items that hold the attacker's text, else the first one.
fn cites(item: &Item, prompt: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut current = None;
    for line in prompt.lines() {
        let head = line.strip_prefix("[E").and_then(|rest| rest.split_once(']'));
        if let Some((number, _)) = head {
            current = Some(format!("E{number}"));
        }
        if let Some(id) = current.clone().filter(|id| item.taints(line) && !ids.contains(id)) {
            ids.push(id);
        }
    }
    if ids.is_empty() { vec!["E1".to_owned()] } else { ids }
}
