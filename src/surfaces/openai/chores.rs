//! What chat programs ask of a model behind the user's back: a title, tags, what to ask next, the rest of a line, an emoji.
//! They are told by their shape and answered at once; no investigation runs for them.

use serde_json::json;

/// Longest title, in words.
const TITLE_WORDS_MAX: usize = 7;
/// Longest title, in characters.
const TITLE_CHARS_MAX: usize = 60;
/// The title when nothing was asked yet.
const TITLE_OF_NOTHING: &str = "Incident";
/// Follow-ups that make sense after any answer.
const FOLLOW_UPS: [&str; 3] =
    ["What changed before it began?", "Show me one failing trace", "Has this happened before?"];

/// The reply to a chore; `None` when `asked` is a question of a person.
///
/// `instructions` are the system's words, `earlier` the first thing that a person said before.
#[must_use]
pub(super) fn reply(instructions: &str, asked: &str, earlier: Option<&str>) -> Option<String> {
    if let Some(keys) = keys_of_task(asked) {
        let first = first_said(asked);
        let title = || title(first.or(earlier).unwrap_or(""));
        let has = |key: &str| keys.contains(&format!("\"{key}\""));
        return Some(match () {
            () if has("follow_ups") => json!({"follow_ups": FOLLOW_UPS}).to_string(),
            () if has("tags") => json!({"tags": ["Incident"]}).to_string(),
            () if has("title") => json!({"title": title()}).to_string(),
            () if has("queries") => json!({"queries": []}).to_string(),
            () if has("text") => json!({"text": ""}).to_string(),
            () if has("prompt") => json!({"prompt": ""}).to_string(),
            // What it wants cannot be told, but it is no question about an outage.
            () => title(),
        });
    }
    if wants_emoji(asked) {
        return Some("🔎".to_owned());
    }
    if wants_title(asked) {
        return Some(title(first_said(asked).or(earlier).unwrap_or("")));
    }
    wants_title(instructions).then(|| title(asked))
}

/// What a task in the form of Open WebUI says about its output: `### Task:` ... `### Output:` ..., and what it is about.
fn keys_of_task(asked: &str) -> Option<String> {
    let task = asked.trim_start().strip_prefix("### Task:")?;
    let is_about_a_text = ["<chat_history>", "<text>", "<context>", "### Chat History:"]
        .iter()
        .any(|mark| task.contains(mark));
    let output = task.split_once("### Output:").map(|(_, output)| output);
    match output {
        // The history may hold anything; only what stands before it is the form.
        Some(output) => Some(
            ["<chat_history>", "### Chat History:"]
                .iter()
                .filter_map(|mark| output.split_once(mark))
                .map(|(form, _)| form)
                .min_by_key(|form| form.len())
                .unwrap_or(output)
                .to_owned(),
        ),
        None => is_about_a_text.then(String::new),
    }
}

fn wants_emoji(asked: &str) -> bool {
    let start: String = asked.trim_start().chars().take(200).collect();
    let start = start.to_lowercase();
    start.starts_with("your task is to reflect the speaker") && start.contains("emoji")
}

/// Whether it tells to name a conversation: one sentence that begins with a verb, and asks for a short title of it.
fn wants_title(text: &str) -> bool {
    const ORDERS: [&str; 8] =
        ["generate", "provide", "create", "write", "give", "summarize", "please", "detect"];
    let start: String = text.trim_start().chars().take(600).collect();
    let start = start.to_lowercase();
    start.split(['.', '!', '?', '\n']).map(str::trim_start).any(|sentence| {
        let has = |words: &[&str]| words.iter().any(|word| sentence.contains(word));
        ORDERS.iter().any(|order| sentence.starts_with(order))
            && has(&["title"])
            && has(&["conversation", "chat", "dialog"])
            && has(&["concise", "short", "word", "brief", "summar"])
    })
}

/// The first thing that a person said in a history such as `USER: why is checkout slow?`.
fn first_said(asked: &str) -> Option<&str> {
    let history = ["<chat_history>", "### Chat History:", "Conversation:"]
        .iter()
        .find_map(|mark| asked.split_once(mark))
        .map(|(_, history)| history)?;
    let after_name = |line: &str| {
        let (name, _) = line.split_once(':')?;
        let name = name.trim_matches(['*', '#', '|', '>', ' ']).to_lowercase();
        matches!(name.as_str(), "user" | "human")
            .then_some(line.len() - line.split_once(':')?.1.len())
    };
    let mut lines = history.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(start) = after_name(line) else { continue };
        let said = line.get(start..).unwrap_or("").trim();
        return if said.is_empty() { lines.find(|line| !line.is_empty()) } else { Some(said) };
    }
    None
}

/// A short name for a chat: the beginning of its first question.
fn title(question: &str) -> String {
    let words: Vec<&str> = question.split_whitespace().take(TITLE_WORDS_MAX).collect();
    let joined: String = words.join(" ").chars().take(TITLE_CHARS_MAX).collect();
    let trimmed = joined.trim_end_matches(|c: char| c.is_ascii_punctuation()).trim();
    let mut characters = trimmed.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => TITLE_OF_NOTHING.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(output: &str) -> String {
        format!(
            "### Task:\nDo something with the chat.\n### Guidelines:\n- be brief\n### Output:\nJSON format: {output}\n\
             ### Chat History:\n<chat_history>\nUSER: why is checkout failing since noon today, and who knows?\nASSISTANT: \"tags\" ...\n</chat_history>"
        )
    }

    #[test]
    fn tasks_are_answered_in_the_form_that_they_ask_for() {
        for (output, wanted) in [
            (
                r#"{ "title": "your concise title here" }"#,
                r#"{"title":"Why is checkout failing since noon today"}"#,
            ),
            (r#"{ "tags": ["tag1", "tag2"] }"#, r#"{"tags":["Incident"]}"#),
            (r#"{ "queries": ["query1"] }"#, r#"{"queries":[]}"#),
            (r#"{ "text": "<your_completion>" }"#, r#"{"text":""}"#),
        ] {
            assert_eq!(reply("", &task(output), None).as_deref(), Some(wanted));
        }
        let follow_ups = reply("", &task(r#"{ "follow_ups": ["Question 1?"] }"#), None).unwrap();
        let read: serde_json::Value = serde_json::from_str(&follow_ups).unwrap();
        assert_eq!(read["follow_ups"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn plain_orders_for_titles_and_emoji_are_known() {
        let order = "Provide a concise, 5-word-or-less title for the conversation, using title case conventions. Only return the title itself.";
        assert_eq!(
            reply("", order, Some("why is checkout failing?")).as_deref(),
            Some("Why is checkout failing")
        );
        let system = "You are a summarizer. Generate a short title for this chat, max 10 words.";
        assert_eq!(reply(system, "what broke?", None).as_deref(), Some("What broke"));
        let emoji = "Your task is to reflect the speaker's likely facial expression through a fitting emoji. Interpret emotions.\nMessage: \"\"\"it is down\"\"\"";
        assert_eq!(reply("", emoji, None).as_deref(), Some("🔎"));
        assert_eq!(reply("", order, None).as_deref(), Some(TITLE_OF_NOTHING));
    }

    #[test]
    fn questions_of_people_are_not_chores() {
        for question in [
            "why is checkout failing?",
            "why does the title service of the chat answer 500?",
            "generate load on conversation-api: what broke?",
            "### what happened\nthe checkout fails",
            "",
        ] {
            for system in [
                "You are a helpful assistant.",
                "You are on call. Begin every answer with a short title. This conversation is in English.",
            ] {
                assert_eq!(reply(system, question, None), None, "{question}");
            }
        }
    }
}
