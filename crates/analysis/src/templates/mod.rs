//! Log templates: the constant part of a message, its variable parts masked as `<*>`, named by a stable hash.
//!
//! Stateless on purpose: the same message has the same template on every machine and in every process, so ids can be
//! written beside each record without coordination. Headers (time, level, pid, thread, logger) are stripped first,
//! because the record has them as fields of its own; of a stack trace the first line and the exception's class stay.
//!
//! What only shows beside other lines, a name made of plain words, is found by [`TemplateGroups`], over templates and
//! not over lines. Groups sort logs; the ranking does not use them, because the word that varies may be the culprit's name.

mod group;
mod hash;
mod header;
mod mask;
mod site;
mod skeleton;
mod structured;
mod word;

use groundcrew_telemetry::{Attributes, CallSite, TemplateId, Value};

pub use group::{TemplateGrouping, TemplateGroups};

/// A message's template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    /// Its name: a hash of the text.
    pub id: TemplateId,
    /// The message with its headers gone and its variable parts as `<*>`.
    pub text: String,
}

/// The template of one message.
///
/// For many messages keep a [`Templates`], which reuses its buffer.
#[must_use]
pub fn template_of(message: &str) -> Template {
    let mut templates = Templates::new();
    let id = templates.id_of(message);
    Template { id, text: templates.text().to_owned() }
}

/// Where in the code a record was written by its attributes, such as OTel's `code.file.path` and `code.line.number`.
#[must_use]
pub fn site_of(attributes: &Attributes) -> Option<CallSite> {
    site::of_fields(|key| attributes.get(key).map(Value::text))
}

/// Finds templates of many messages with one buffer.
#[derive(Debug, Default)]
pub struct Templates {
    masker: mask::Masking,
    site: Option<CallSite>,
}

impl Templates {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of the message's template; [`Self::text`] has its text until the next call.
    pub fn id_of(&mut self, message: &str) -> TemplateId {
        self.masker.clear();
        self.site = structured::mask_message(message, &mut self.masker);
        TemplateId(hash::hash64(self.masker.bytes()))
    }

    /// Where in the code the last message was written, if it says so.
    #[must_use]
    pub const fn site(&self) -> Option<CallSite> {
        self.site
    }

    /// The text of the last template.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.masker.bytes()).unwrap_or("")
    }
}

#[cfg(test)]
mod tests;
