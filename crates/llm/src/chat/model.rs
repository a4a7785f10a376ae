//! The seam between the narrator and whoever answers it: a server, or a script in tests.

use super::schema::ReplySchema;
use crate::{LlmError, count_tokens};
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// Words from which on a sentence of the instructions is recognised; fewer can stand in any sentence.
const INSTRUCTION_WORDS_MIN: usize = 5;

/// One question to a language model, with what was said after it.
///
/// The texts leave the machine. Build them from masked text only; [`Prompt::request`](crate::Prompt::request) and
/// [`fenced`](crate::prompt::fenced) do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatRequest {
    /// Instructions, ours alone.
    pub system: String,
    /// The question and the evidence: masked, and data rather than instructions.
    pub user: String,
    /// What was said after that, oldest first. Add to it with [`ChatRequest::and_then`].
    pub turns: Vec<Turn>,
    /// Upper bound of the reply, in tokens. The server is told, and reading stops with an error not far beyond it if
    /// the server does not keep to it.
    pub output_tokens_max: u32,
    /// What the reply must look like.
    pub reply: ReplyForm,
}

/// A reply of the model and what it was told next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What the model said.
    pub reply: String,
    /// What it was told then: masked, and data rather than instructions.
    pub user: String,
}

/// What a reply must look like, as far as the server can promise it. The prompt has to say it in words, too, for the
/// servers that cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReplyForm {
    /// Any text.
    #[default]
    Text,
    /// One JSON object.
    Json,
    /// One JSON object that follows a schema.
    Schema(ReplySchema),
}

/// Whose words a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Our instructions.
    System,
    /// Question, evidence and results.
    User,
    /// The model.
    Assistant,
}

/// A language model's whole reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// Name of the model that answered, as the server tells it.
    pub model: String,
    /// Tokens of the prompt as the server counted them, where it told.
    pub input_tokens: Option<u32>,
    /// Tokens of the reply as the server counted them, where it told.
    pub output_tokens: Option<u32>,
    /// Whether the text stops at the output limit, so that its end is missing.
    pub truncated: bool,
}

/// Someone who answers a [`ChatRequest`].
pub trait LanguageModel: Send + Sync {
    /// Name of the model, for receipts.
    fn name(&self) -> &str;

    /// Answers `request`, passing each piece of text to `on_delta` as it arrives.
    ///
    /// Returns [`LlmError::Cancelled`] as soon as `cancel` is cancelled and lets go of the connection. Pieces that were
    /// passed on before an error belong to no completion: the caller decides what to do with them. No piece is ever
    /// passed on twice.
    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        cancel: &'a CancellationToken,
        on_delta: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Completion, LlmError>>;
}

impl ChatRequest {
    /// The same conversation after the model said `reply` and is told `user`, masked text.
    ///
    /// What was said before stays as it is and in front, so that a server that keeps prefixes need not read it again.
    #[must_use]
    pub fn and_then(mut self, reply: impl Into<String>, user: impl Into<String>) -> Self {
        self.turns.push(Turn { reply: reply.into(), user: user.into() });
        self
    }

    /// Every message in the order in which the model reads them.
    pub fn messages(&self) -> impl Iterator<Item = (Role, &str)> {
        let first = [(Role::System, self.system.as_str()), (Role::User, self.user.as_str())];
        let further = self.turns.iter().flat_map(|turn| {
            [(Role::Assistant, turn.reply.as_str()), (Role::User, turn.user.as_str())]
        });
        first.into_iter().chain(further)
    }

    /// Tokens of all messages together, as [`count_tokens`] counts them. What a server adds around each message, a
    /// handful of tokens, is not in it.
    #[must_use]
    pub fn input_tokens(&self) -> usize {
        self.messages().map(|(_, content)| count_tokens(content)).sum()
    }

    /// Whether `sentence` is a piece of the instructions, five words or longer, so that it says nothing about the
    /// question. Case, punctuation and line breaks do not matter.
    #[must_use]
    pub fn is_instruction(&self, sentence: &str) -> bool {
        let sentence = words(sentence);
        sentence.split_whitespace().count() >= INSTRUCTION_WORDS_MIN
            && words(&self.system).contains(&sentence)
    }
}

/// The words of a text in lower case, each between two spaces.
fn words(text: &str) -> String {
    let words = text.split(|character: char| !character.is_alphanumeric());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    format!(" {} ", words.join(" "))
}

impl Role {
    /// The role as the protocol names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ChatRequest, Role};
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    #[test]
    fn pieces_of_the_instructions_are_recognised() {
        let system = "Rules:\n1. Use only what the evidence\n   says, and nothing else.";
        let request = ChatRequest { system: system.to_owned(), ..ChatRequest::default() };
        for piece in
            ["1. Use only what the evidence", "use ONLY what the evidence says — and nothing else!"]
        {
            assert!(request.is_instruction(piece), "{piece}");
        }
        for other in [
            "",
            "...",
            "the evidence",
            "se only what the evidence says",
            "What the evidence says is that it failed",
        ] {
            assert!(!request.is_instruction(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_further_turn_leaves_what_was_said_in_front(texts in any::<[String; 6]>()) {
            let [system, user, reply, results, last_reply, last_results] = texts;
            let first = ChatRequest { system, user, ..ChatRequest::default() };
            let second = first.clone().and_then(reply, results);
            let third = second.clone().and_then(last_reply.clone(), last_results.clone());
            let (first_said, second_said, third_said): (Vec<_>, Vec<_>, Vec<_>) =
                (first.messages().collect(), second.messages().collect(), third.messages().collect());
            prop_assert!(second_said.starts_with(&first_said) && third_said.starts_with(&second_said));
            prop_assert!(third_said.ends_with(&[(Role::Assistant, &last_reply), (Role::User, &last_results)]));
            prop_assert!(third.input_tokens() >= second.input_tokens());
            prop_assert_eq!(third.messages().count(), 6);
        }
    }
}
