//! What a client of the OpenAI API sends, as far as it matters here. Everything else is ignored, as that API's own servers do
//! with parameters of later versions.

use serde_json::Value;

use super::refusal::Refusal;

/// The models by which the two depths of an investigation are called.
pub(super) const MODELS: [&str; 2] = ["groundcrew-quick", "groundcrew-deep"];
/// Turns that are read.
const TURNS_MAX: usize = 2_000;

/// A chat to go on with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Chat {
    /// One of [`MODELS`].
    pub model: String,
    /// Whether it is answered in pieces.
    pub stream: bool,
    /// Whether the last piece says what was used.
    pub include_usage: bool,
    /// What the system was told, all of it.
    pub instructions: String,
    /// The question: what the user said last.
    pub asked: String,
    /// What was said before it, oldest first.
    pub earlier: Vec<Turn>,
}

/// Something that was said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Turn {
    /// Whether the user said it, and not the assistant.
    pub by_user: bool,
    /// What.
    pub text: String,
}

impl Chat {
    /// Reads a request's body.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| Refusal::invalid(format!("the body is not JSON: {error}"), ""))?;
        let model = match body.get("model") {
            Some(Value::String(model)) => model.clone(),
            _ => return Err(Refusal::invalid("`model` must be given", "model")),
        };
        if !MODELS.contains(&model.as_str()) {
            return Err(Refusal::no_such_model(&model));
        }
        refuse_what_cannot_be(&body)?;
        let messages = match body.get("messages") {
            Some(Value::Array(messages)) if !messages.is_empty() => messages,
            _ => return Err(Refusal::invalid("`messages` must be a list of messages", "messages")),
        };
        if messages.len() > TURNS_MAX {
            let message = format!("at most {TURNS_MAX} messages are read");
            return Err(Refusal::invalid(message, "messages"));
        }
        let (mut instructions, mut turns) = (String::new(), Vec::new());
        let last_by_user = messages.iter().rposition(|message| role(message) == "user");
        for (number, message) in messages.iter().enumerate() {
            let is_question = Some(number) == last_by_user;
            let text = content(message, is_question)
                .map_err(|why| Refusal::invalid(why, &format!("messages[{number}].content")))?;
            match role(message) {
                "user" => turns.push(Turn { by_user: true, text }),
                "assistant" => turns.push(Turn { by_user: false, text }),
                "system" | "developer" => {
                    instructions.push_str(&text);
                    instructions.push('\n');
                }
                "tool" | "function" => {}
                _ => {
                    let message = "a role is system, developer, user, assistant or tool";
                    return Err(Refusal::invalid(message, &format!("messages[{number}].role")));
                }
            }
        }
        let Some(last) = turns.iter().rposition(|turn| turn.by_user) else {
            return Err(Refusal::invalid("no message is from the user", "messages"));
        };
        // What follows it, such as a reply that was begun for us, is not part of the question.
        turns.truncate(last + 1);
        let asked = turns.pop().map(|turn| turn.text).unwrap_or_default();
        if asked.trim().is_empty() {
            return Err(Refusal::invalid("the last message of the user is empty", "messages"));
        }
        let flag = |value: Option<&Value>| value.and_then(Value::as_bool).unwrap_or(false);
        let include_usage = flag(body.get("stream_options").and_then(|o| o.get("include_usage")));
        let stream = flag(body.get("stream"));
        Ok(Self { model, stream, include_usage, instructions, asked, earlier: turns })
    }

    /// Whether the whole window of the model may be filled.
    pub(super) fn is_deep(&self) -> bool {
        self.model == "groundcrew-deep"
    }
}

/// Refuses what would be silently wrong if it were ignored.
fn refuse_what_cannot_be(body: &Value) -> Result<(), Refusal> {
    if body.get("n").and_then(Value::as_u64).is_some_and(|n| n != 1) {
        let message = "there is one answer to a question: `n` must be 1";
        return Err(Refusal::invalid(message, "n"));
    }
    let must_call = match body.get("tool_choice") {
        Some(Value::String(choice)) => choice == "required",
        Some(Value::Object(_)) => true,
        _ => false,
    };
    if must_call {
        let message = "no tools are called here: `tool_choice` must be `auto` or `none`";
        return Err(Refusal::invalid(message, "tool_choice"));
    }
    let format = body.get("response_format").and_then(|format| format.get("type"));
    if format.and_then(Value::as_str).is_some_and(|format| format != "text") {
        let message = "answers are Markdown; POST /v1/ask gives them as JSON";
        return Err(Refusal::invalid(message, "response_format"));
    }
    Ok(())
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or("")
}

/// The text of a message, whose content is a string or a list of parts. Of a question no part may be something else than
/// text: an answer that ignored a picture would look as if it had seen it.
fn content(message: &Value, is_question: bool) -> Result<String, String> {
    let parts = match message.get("content") {
        Some(Value::String(text)) => return Ok(text.clone()),
        Some(Value::Array(parts)) => parts,
        None | Some(Value::Null) => return Ok(String::new()),
        Some(_) => return Err("content is a text or a list of parts".to_owned()),
    };
    let mut texts = Vec::new();
    for part in parts {
        let kind = part.get("type").and_then(Value::as_str).unwrap_or("");
        match part.get("text").and_then(Value::as_str) {
            Some(text) if kind == "text" => texts.push(text),
            _ if is_question => {
                return Err(
                    "only text is understood: paste what the picture or file says".to_owned()
                );
            }
            _ => {}
        }
    }
    Ok(texts.join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(messages: Value) -> Result<Chat, Refusal> {
        let body = json!({"model": "groundcrew-quick", "messages": messages, "temperature": 0.3, "later": {}});
        Chat::read(body.to_string().as_bytes())
    }

    #[test]
    fn the_last_turn_of_the_user_is_the_question() {
        let chat = read(json!([
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "one"}]},
            {"role": "assistant", "content": null, "tool_calls": []},
            {"role": "tool", "content": "x"},
            {"role": "user", "content": [{"type": "text", "text": "two"}, {"type": "text", "text": "three"}]},
            {"role": "assistant", "content": "The cause"},
        ]))
        .unwrap();
        assert_eq!((chat.asked.as_str(), chat.instructions.trim()), ("two\nthree", "be brief"));
        let earlier: Vec<&str> = chat.earlier.iter().map(|turn| turn.text.as_str()).collect();
        assert_eq!(earlier, ["one", ""]);
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_name() {
        for (messages, param) in [
            (json!([]), "messages"),
            (json!("why?"), "messages"),
            (json!([{"role": "assistant", "content": "x"}]), "messages"),
            (json!([{"role": "user", "content": " "}]), "messages"),
            (json!([{"role": "user", "content": 5}]), "messages[0].content"),
            (json!([{"role": "user", "content": [{"type": "image_url"}]}]), "messages[0].content"),
            (json!([{"content": "x"}]), "messages[0].role"),
            (json!([7]), "messages[0].role"),
        ] {
            assert_eq!(read(messages).unwrap_err().param.as_deref(), Some(param));
        }
        assert!(Chat::read(b"{").is_err());
        assert!(Chat::read(b"[]").is_err());
    }
}
