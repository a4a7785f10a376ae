//! Fills the slots of a prompt.

use super::source::{Part, Prompt, ReplyShape, Trust};
use crate::{ChatRequest, LlmError, ReplyForm};
use groundcrew_masking::Masked;

/// The content of a slot, and whose words it is.
#[derive(Clone, Copy, Debug)]
pub enum Slot<'a> {
    /// Words and numbers of this program.
    Ours(&'a str),
    /// Words of people, telemetry and documents. They must have been masked.
    Untrusted(&'a Masked<String>),
}

/// A filled prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Instructions.
    pub system: String,
    /// Question and evidence.
    pub user: String,
}

impl Prompt {
    /// Fills every slot once.
    ///
    /// Fails if a declared slot is missing, one that is not declared is given, one is given twice, or one is given with
    /// another trust than it was declared with.
    pub fn render(&self, slots: &[(&str, Slot<'_>)]) -> Result<Rendered, LlmError> {
        for (position, (name, slot)) in slots.iter().enumerate() {
            let Some(input) = self.front.inputs.get(*name) else {
                return Err(self.error(format!("slot {name} is given but not declared")));
            };
            if slots.iter().take(position).any(|(earlier, _)| earlier == name) {
                return Err(self.error(format!("slot {name} is given twice")));
            }
            let given = match slot {
                Slot::Ours(_) => Trust::Ours,
                Slot::Untrusted(_) => Trust::Untrusted,
            };
            if given != input.trust {
                return Err(self.error(format!(
                    "slot {name} is declared {:?} and given {given:?}",
                    input.trust
                )));
            }
        }
        Ok(Rendered {
            system: self.filled(&self.system, slots)?,
            user: self.filled(&self.user, slots)?,
        })
    }

    /// Fills every slot and makes a request of it, with the answer's limit and shape from the front matter.
    pub fn request(&self, slots: &[(&str, Slot<'_>)]) -> Result<ChatRequest, LlmError> {
        let Rendered { system, user } = self.render(slots)?;
        Ok(ChatRequest {
            system,
            user,
            turns: Vec::new(),
            output_tokens_max: self.budget().output_tokens,
            reply: self.reply_form(),
        })
    }

    fn reply_form(&self) -> ReplyForm {
        match (&self.schema, self.reply()) {
            (Some(schema), _) => ReplyForm::Schema(schema.clone()),
            (None, ReplyShape::Json) => ReplyForm::Json,
            (None, ReplyShape::Text) => ReplyForm::Text,
        }
    }

    fn filled(&self, parts: &[Part], slots: &[(&str, Slot<'_>)]) -> Result<String, LlmError> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(own) => text.push_str(own),
                Part::Slot(wanted) => {
                    let (_, slot) = slots
                        .iter()
                        .find(|(name, _)| name == wanted)
                        .ok_or_else(|| self.error(format!("slot {wanted} is missing")))?;
                    match slot {
                        Slot::Ours(own) => text.push_str(own),
                        Slot::Untrusted(content) => text.push_str(&fenced(wanted, content)),
                    }
                }
            }
        }
        Ok(text)
    }
}

/// Untrusted text between tags that it cannot close, as [`Slot::Untrusted`] arrives in a prompt.
///
/// For what is said after the first message, see [`ChatRequest::and_then`]. `name` is a name of ours.
#[must_use]
pub fn fenced(name: &str, content: &Masked<String>) -> String {
    let content = without_fences(content);
    format!("<untrusted name=\"{name}\">\n{content}\n</untrusted>")
}

/// Breaks every look-alike of our tag by a backslash, so that the only real ones are ours.
fn without_fences(content: &str) -> String {
    let mut safe = String::with_capacity(content.len());
    let mut rest = content;
    while let Some((before, after)) = rest.split_once('<') {
        safe.push_str(before);
        safe.push('<');
        if opens_fence(after) {
            safe.push('\\');
        }
        rest = after;
    }
    safe.push_str(rest);
    safe
}

/// Whether the text after a `<` reads as our tag, opening or closing.
fn opens_fence(after: &str) -> bool {
    const TAG: &str = "untrusted";
    // Tags with a little filling are tags to a lenient reader. More than a little reads as something else, and looking
    // further would make a run of `<` cost its square.
    const FILLING_MAX: usize = 16;
    let skipped = after
        .chars()
        .take(FILLING_MAX)
        .take_while(|&filling| filling == '/' || filling.is_whitespace() || filling.is_control())
        .map(char::len_utf8)
        .sum();
    after
        .get(skipped..)
        .and_then(|tag| tag.get(..TAG.len()))
        .is_some_and(|tag| tag.eq_ignore_ascii_case(TAG))
}
