//! Reads a prompt file and refuses anything that does not fit together.

use crate::{LlmError, ReplySchema};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::str::FromStr;

/// A prompt file that was read and checked.
#[derive(Clone, Debug)]
pub struct Prompt {
    pub(super) front: FrontMatter,
    pub(super) schema: Option<ReplySchema>,
    pub(super) system: Vec<Part>,
    pub(super) user: Vec<Part>,
}

/// How many tokens a prompt and its answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Tokens of the filled prompt. The caller packs its slots to fit.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
}

/// What the answer must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplyShape {
    /// Plain text.
    Text,
    /// One JSON object.
    Json,
}

/// Whose words fill a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Words and numbers of this program.
    Ours,
    /// Words of people, telemetry and documents: data, never instructions.
    Untrusted,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FrontMatter {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) inputs: BTreeMap<String, Input>,
    pub(super) budget: Budget,
    pub(super) reply: ReplyShape,
    /// The reply as a JSON schema, for servers that can hold a model to one.
    #[serde(default)]
    schema: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    pub(super) trust: Trust,
    about: String,
}

/// A stretch of text, or the place of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Slot(String),
}

impl Prompt {
    /// Name of the prompt.
    pub fn name(&self) -> &str {
        &self.front.name
    }

    /// Version of the prompt, for receipts.
    pub fn version(&self) -> u32 {
        self.front.version
    }

    /// How many tokens the prompt and its answer may take.
    pub fn budget(&self) -> Budget {
        self.front.budget
    }

    /// What the answer must look like.
    pub fn reply(&self) -> ReplyShape {
        self.front.reply
    }

    /// The schema of the answer, where the file gives one.
    pub fn schema(&self) -> Option<&ReplySchema> {
        self.schema.as_ref()
    }

    /// The declared slots and whose words fill them.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, Trust)> {
        self.front.inputs.iter().map(|(name, input)| (name.as_str(), input.trust))
    }

    /// What fills a slot, in words.
    pub fn about(&self, slot: &str) -> Option<&str> {
        self.front.inputs.get(slot).map(|input| input.about.as_str())
    }

    fn check(&self) -> Result<(), LlmError> {
        for part in &self.system {
            let Part::Slot(name) = part else { continue };
            if self.front.inputs.get(name).is_some_and(|input| input.trust == Trust::Untrusted) {
                return Err(self.error(format!("untrusted slot {name} stands in the system part")));
            }
        }
        let used = |wanted: &str| {
            let parts = self.system.iter().chain(&self.user);
            parts.filter(|part| matches!(part, Part::Slot(name) if name == wanted)).count()
        };
        for (name, input) in &self.front.inputs {
            if used(name) == 0 {
                return Err(self.error(format!("slot {name} is declared but not used")));
            }
            if input.about.trim().is_empty() {
                return Err(self.error(format!("slot {name} does not say what it is about")));
            }
        }
        for part in self.system.iter().chain(&self.user) {
            let Part::Slot(name) = part else { continue };
            if !self.front.inputs.contains_key(name) {
                return Err(self.error(format!("slot {name} is used but not declared")));
            }
        }
        Ok(())
    }

    pub(super) fn error(&self, detail: String) -> LlmError {
        LlmError::Prompt { name: self.front.name.clone(), detail }
    }
}

impl FromStr for Prompt {
    type Err = LlmError;

    fn from_str(source: &str) -> Result<Self, LlmError> {
        let unnamed = |detail: String| LlmError::Prompt { name: "file".to_owned(), detail };
        let source = source.replace("\r\n", "\n");
        let (yaml, body) =
            source.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).ok_or_else(
                || unnamed("it does not start with front matter between --- lines".to_owned()),
            )?;
        let mut front: FrontMatter = serde_yaml_ng::from_str(yaml)
            .map_err(|error| unnamed(format!("its front matter cannot be read: {error}")))?;
        let schema = front.schema.take();
        let named = |detail: String| LlmError::Prompt { name: front.name.clone(), detail };
        let (system, user) = halves(body).ok_or_else(|| {
            named("it needs one `# System` and then one `# User` heading".to_owned())
        })?;
        let system = parts(system).map_err(named)?;
        let user = parts(user).map_err(named)?;
        if schema.is_some() && front.reply == ReplyShape::Text {
            return Err(named("it gives a schema for a reply that is text".to_owned()));
        }
        let schema = schema.map(|schema| ReplySchema::new(&front.name, schema)).transpose()?;
        let prompt = Self { front, schema, system, user };
        prompt.check()?;
        Ok(prompt)
    }
}

/// The texts below the two headings.
fn halves(body: &str) -> Option<(&str, &str)> {
    let body = body.trim_start().strip_prefix("# System\n")?;
    let (system, user) = body.split_once("\n# User\n")?;
    let again = |text: &str| text.lines().any(|line| matches!(line, "# System" | "# User"));
    if again(system) || again(user) {
        return None;
    }
    Some((system.trim(), user.trim()))
}

/// Splits a text at its `{{slots}}`.
fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, remainder) =
            after.split_once("}}").ok_or_else(|| "a slot is not closed".to_owned())?;
        let name = name.trim();
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(format!("{name:?} is not a slot name"));
        }
        parts.push(Part::Text(before.to_owned()));
        parts.push(Part::Slot(name.to_owned()));
        rest = remainder;
    }
    if rest.contains("}}") {
        return Err("a slot is closed but not opened".to_owned());
    }
    parts.push(Part::Text(rest.to_owned()));
    parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
    Ok(parts)
}
