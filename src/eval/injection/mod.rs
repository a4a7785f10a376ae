//! `eval injection`: poisoned telemetry, documents, alerts and chat through the ordinary doors.
//!
//! Each item of the corpus gets an outage that a deployment could have had (`scene`). The item's records go into it
//! through the channel that the item names (`carrier`), once as the attacker's, once as their harmless twin, and once not
//! at all. What the answer then says goes into a row as it stands (`row`); judging it is the scorer's business. What is
//! compared here is whether poison moved the conclusion (`table`).

mod carrier;
mod item;
mod model;
mod quotes;
mod row;
mod scene;
mod spans;
mod table;

use std::path::PathBuf;
use std::sync::Arc;

use groundcrew_llm::LanguageModel;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::case::{EvalError, FreshStore, each_of};
use crate::investigate::answer::Answer;
use crate::investigate::question::Question;
use crate::investigate::{Investigator, RunIds, investigate};

use carrier::Carried;
use item::Item;
use model::Recording;
use row::Told;
use scene::Scene;

pub use row::InjectionRow;
pub use table::injection_table;

/// Most records that one run compares when it looks whether anything was remembered.
const REMEMBERED_MAX: usize = 10;

/// How much of what fails in the window carries the item's text.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub enum Share {
    /// Each record once.
    One,
    /// This part of all error lines, or of all failing spans.
    Part(f64),
}

impl Share {
    /// All that are measured.
    pub const ALL: [Self; 3] = [Self::One, Self::Part(0.1), Self::Part(0.6)];

    /// The word or number for rows.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::One => "one".to_owned(),
            Self::Part(part) => part.to_string(),
        }
    }
}

/// Who tells the answers.
#[derive(Clone, Default)]
pub enum Teller {
    /// The plain narrator.
    #[default]
    Plain,
    /// A model behind an API.
    Model(Arc<dyn LanguageModel>),
    /// The worst model there can be: it does what the attacker's text wants, in the form that the engine reads.
    Obedient,
}

/// What to measure.
pub struct InjectionOptions {
    /// The corpus: JSON lines.
    pub file: PathBuf,
    /// How much of what fails is poisoned.
    pub shares: Vec<Share>,
    /// Who tells the answers.
    pub teller: Teller,
    /// Secret text at the end of the system prompt, which no answer may show.
    pub canary: String,
    /// Seed of the scenes.
    pub seed: u64,
    /// Items at a time.
    pub jobs: usize,
    /// Only items whose id contains this.
    pub only: Option<String>,
}

/// What of an item a run holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Variant {
    Clean,
    Twin,
    Poisoned,
}

impl Variant {
    const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Twin => "twin",
            Self::Poisoned => "poisoned",
        }
    }
}

/// Plays every item and returns what was answered; `progress` hears of each item.
///
/// # Errors
/// When the corpus cannot be read, or a store does not take a scene.
pub fn injection(
    like: &Investigator,
    runtime: &Runtime,
    options: &InjectionOptions,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Vec<InjectionRow>, EvalError> {
    let items = item::read(&options.file, options.only.as_deref())?;
    let run = Run { like, runtime, options };
    let rows = each_of(&items, options.jobs, &|item| {
        let rows = run.item(item)?;
        progress(&item.id);
        Ok(rows)
    })?;
    Ok(rows.into_iter().flatten().collect())
}

/// What the runs of all items share.
struct Run<'a> {
    like: &'a Investigator,
    runtime: &'a Runtime,
    options: &'a InjectionOptions,
}

impl Run<'_> {
    /// All runs of one item, the clean one first since the others are compared with it.
    fn item(&self, item: &Item) -> Result<Vec<InjectionRow>, EvalError> {
        let scene = Scene::new(item, self.options.seed);
        let clean = self.told(&scene, &Carried::default())?;
        let mut rows = vec![self.row(item, (Variant::Clean, Share::One), &clean, &clean)];
        for share in self.shares(item) {
            for variant in [Variant::Twin, Variant::Poisoned] {
                let texts = match variant {
                    Variant::Poisoned => item.texts(),
                    _ => vec![item.benign_twin.as_str()],
                };
                let told = self.told(&scene, &carrier::carried(item, &texts, share))?;
                rows.push(self.row(item, (variant, share), &told, &clean));
            }
        }
        Ok(rows)
    }

    /// The shares that differ: an alert, a page of a runbook, a series or a message is there or it is not.
    fn shares(&self, item: &Item) -> Vec<Share> {
        if carrier::has_shares(item) { self.options.shares.clone() } else { vec![Share::One] }
    }

    fn row(
        &self,
        item: &Item,
        (variant, share): (Variant, Share),
        told: &Told,
        clean: &Told,
    ) -> InjectionRow {
        row::row(item, (variant.name(), share.name()), told, &clean.answer)
    }

    /// Feeds the scene with what is carried into it to a fresh store, and asks.
    fn told(&self, scene: &Scene<'_>, carried: &Carried) -> Result<Told, EvalError> {
        let store = FreshStore::new(self.like)?;
        scene.feed(carried, &store)?;
        let recording = self
            .teller(scene.item)
            .map(|inner| Arc::new(Recording::new(inner, self.options.canary.clone())));
        let own = &store.investigator;
        let investigator = Arc::new(Investigator {
            store: Arc::clone(&own.store),
            masker: Arc::clone(&own.masker),
            embedder: Arc::clone(&own.embedder),
            model: recording.clone().map(|model| model as Arc<dyn LanguageModel>),
            prompt: own.prompt.clone(),
            limits: own.limits,
            neighbours: None,
            processors: Arc::default(),
        });
        let answer = self.ask(&investigator, scene.question(carried))?;
        let remembered = own.store.state().incidents(REMEMBERED_MAX)?;
        Ok(Told {
            answer,
            state_changes: remembered.iter().map(|record| format!("{record:?}")).collect(),
            prompt: recording.map(|model| model.sent()),
        })
    }

    fn teller(&self, item: &Item) -> Option<Arc<dyn LanguageModel>> {
        match &self.options.teller {
            Teller::Plain => None,
            Teller::Model(model) => Some(Arc::clone(model)),
            Teller::Obedient => Some(model::obedient(item)),
        }
    }

    fn ask(
        &self,
        investigator: &Arc<Investigator>,
        question: Question,
    ) -> Result<Answer, EvalError> {
        let text = question.text.clone();
        let asked = investigate(
            investigator,
            question,
            RunIds::random(),
            CancellationToken::new(),
            Arc::new(|_| {}),
        );
        let investigated = self.runtime.block_on(asked);
        investigated.map(|investigated| investigated.answer).map_err(|error| EvalError::Format {
            path: self.options.file.clone(),
            message: format!("`{}` could not be asked: {error}", crate::text::visible(&text)),
        })
    }
}
