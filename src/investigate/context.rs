//! What an investigation works with, and the names of one run.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use groundcrew_indexer::Processors;
use groundcrew_llm::{Embedder, LanguageModel, LlmError, Prompt};
use groundcrew_masking::Masker;
use groundcrew_store::Store;
use thiserror::Error;

use super::answer::AnswerEvent;
use super::neighbours::Neighbours;
use super::question::{QUESTION_BYTES_MAX, Question};
use super::source::Source;
use super::spoken::with_spoken_times;

/// Everything an investigation works with. One per process, shared.
#[derive(Clone)]
pub struct Investigator {
    /// Where the evidence is.
    pub store: Arc<Store>,
    /// Masks the question before it is stored or sent.
    pub masker: Arc<Masker>,
    /// Embeds the question, when weights are there.
    pub embedder: Arc<LazyEmbedder>,
    /// Tells the answer, when one is configured.
    pub model: Option<Arc<dyn LanguageModel>>,
    /// How the model is asked.
    pub prompt: Prompt,
    /// What it may use.
    pub limits: ModelLimits,
    /// Other systems that it may ask, where some are configured.
    pub neighbours: Option<Neighbours>,
    /// What it shares with the write path, where one runs beside it.
    pub processors: Arc<Processors>,
}

impl Investigator {
    /// Where what was gathered is read once more.
    #[must_use]
    pub fn source(&self) -> Source {
        Source::Stores { store: Arc::clone(&self.store), embedder: Arc::clone(&self.embedder) }
    }

    /// What a telling by a model works with.
    #[must_use]
    pub fn tools(&self) -> Tools<'_> {
        Tools { masker: &self.masker, prompt: &self.prompt, limits: &self.limits }
    }
}

/// What a telling by a model works with, beside what it tells.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// Masks what is sent.
    pub masker: &'a Masker,
    /// How the model is asked.
    pub prompt: &'a Prompt,
    /// What it may use.
    pub limits: &'a ModelLimits,
}

/// What a model may use for one question. The best answer so far is given when a limit is reached.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ModelLimits {
    /// Tokens that the model's window holds, prompt and reply together.
    pub context_tokens: usize,
    /// Queries by which it may look further.
    pub queries_max: u32,
    /// Tokens sent and received, over all turns.
    pub tokens_max: usize,
    /// The whole time.
    pub time_max: Duration,
    /// Price of a million tokens that are sent, 0 when unknown.
    pub input_price: f64,
    /// Price of a million tokens that are received.
    pub output_price: f64,
    /// What one question may cost, in the currency of the prices; 0 for no limit.
    pub cost_max: f64,
}

impl Default for ModelLimits {
    fn default() -> Self {
        Self {
            context_tokens: 16_000,
            queries_max: 4,
            tokens_max: 40_000,
            time_max: Duration::from_secs(60),
            input_price: 0.0,
            output_price: 0.0,
            cost_max: 0.0,
        }
    }
}

impl ModelLimits {
    /// What so many tokens cost; `None` where no price is known.
    #[must_use]
    pub fn cost(&self, input_tokens: usize, output_tokens: usize) -> Option<f64> {
        let cost = (input_tokens as f64 * self.input_price
            + output_tokens as f64 * self.output_price)
            / 1e6;
        (self.input_price > 0.0 || self.output_price > 0.0).then_some(cost)
    }
}

/// The embedding model, loaded when a question first needs it: its weights would be most of an idle server's memory.
pub struct LazyEmbedder {
    load: Box<dyn Fn() -> Result<Box<dyn Embedder>, LlmError> + Send + Sync>,
    loaded: OnceLock<Result<Box<dyn Embedder>, String>>,
}

impl LazyEmbedder {
    /// An embedder that `load` loads.
    #[must_use]
    pub fn new(
        load: impl Fn() -> Result<Box<dyn Embedder>, LlmError> + Send + Sync + 'static,
    ) -> Self {
        Self { load: Box::new(load), loaded: OnceLock::new() }
    }

    /// The embedder, loading it on first use.
    ///
    /// # Errors
    /// The reason when it cannot be loaded: settings that are wrong, weights that are missing or not the pinned ones.
    pub fn get(&self) -> Result<&dyn Embedder, &str> {
        let loaded = self.loaded.get_or_init(|| (self.load)().map_err(|error| error.to_string()));
        loaded.as_deref().map_err(String::as_str)
    }
}

/// A question that cannot be investigated.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum QuestionError {
    /// Nothing was asked.
    #[error("the question is empty; ask something like \"why is checkout slow?\"")]
    Empty,
    /// Too much was asked.
    #[error(
        "the question is {0} bytes long, more than {QUESTION_BYTES_MAX}; long text goes through `groundcrew ingest -`"
    )]
    TooLong(usize),
    /// The masker could not vouch for the question.
    #[error("the question could not be masked, so it is neither stored nor sent; rephrase it")]
    Withheld,
    /// The asker cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A bug: a step ended without a result.
    #[error("the investigation stopped unexpectedly, which is a bug; quote {0} when reporting it")]
    Bug(String),
}

/// Gets each event of a run as it happens; must not block.
pub type Emit = Arc<dyn Fn(AnswerEvent) + Send + Sync>;

/// Beginning of the ids of conversations that are held behind doors of their own, such as a private channel's: who only
/// knows the id, which can be guessed, gets nowhere, and their answers are listed to nobody.
pub const PRIVATE: &str = "slack_";

/// Names of one run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunIds {
    /// `run_` and a random part.
    pub run_id: String,
    /// `ans_` and the same random part.
    pub answer_id: String,
}

impl RunIds {
    /// New names that nobody can guess.
    #[must_use]
    pub fn random() -> Self {
        let random = uuid::Uuid::new_v4().simple().to_string();
        let short = random.get(..16).unwrap_or(&random);
        Self::of(short)
    }

    /// The names of the run that makes the answer of this id.
    #[must_use]
    pub fn of_answer(answer_id: &str) -> Option<Self> {
        answer_id.strip_prefix("ans_").map(Self::of)
    }

    fn of(random: &str) -> Self {
        Self { run_id: format!("run_{random}"), answer_id: format!("ans_{random}") }
    }
}

/// The question, masked and within limits.
///
/// # Errors
/// When it is empty, too long, or cannot be masked.
pub fn admit(
    investigator: &Investigator,
    mut question: Question,
) -> Result<Question, QuestionError> {
    let text = question.text.trim();
    if text.is_empty() {
        return Err(QuestionError::Empty);
    }
    if text.len() > QUESTION_BYTES_MAX {
        return Err(QuestionError::TooLong(text.len()));
    }
    let masked =
        |text: &str| investigator.masker.mask_text(text).map_err(|_| QuestionError::Withheld);
    question.text = masked(text)?.into_inner();
    // The question is kept with its answer, and these are words of the asker, too.
    let said = question.services.iter_mut().chain(&mut question.carried);
    for words in said.chain(&mut question.context).chain(&mut question.understood) {
        *words = masked(words)?.into_inner();
    }
    Ok(with_spoken_times(question))
}
