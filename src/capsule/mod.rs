//! Capsules: one investigation in one file, with everything that is needed to run it again without the stores.
//!
//! [`make()`] reads again what an answer was made from and packs it, masked once more, with the answer as it was given and
//! what was said to and by a model. [`replay()`] concludes from it with the present code, [`compare()`] says what is not as
//! it was then. Everything after reading is a pure function of what was read (`crate::investigate::conclude`), so the
//! packed slices give the same answer for as long as the code does: a capsule is a regression test.

mod compare;
mod error;
mod file;
mod make;
mod replay;
mod seal;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use compare::{Comparison, Conclusion, Difference, compare};
pub use error::CapsuleError;
pub use file::{Packed, VERSION, pack, read, unpack};
pub use make::{Made, make};
pub use replay::{replay, replay_told};

use crate::investigate::answer::Answer;
use crate::investigate::material::Gathered;
use crate::investigate::question::{Plan, Question};
use crate::investigate::record::Record;
use crate::investigate::{Investigated, RunIds, Seen};

/// One investigation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Capsule {
    /// The version of the program that wrote it.
    pub groundcrew: String,
    /// Name and version of the prompt that it came with: `explain v2`.
    pub prompt: String,
    /// What was asked.
    pub question: Question,
    /// Where it was looked.
    pub plan: Plan,
    /// Services that ever sent telemetry.
    pub services: Vec<String>,
    /// What was read there.
    pub gathered: Arc<Gathered>,
    /// The answer as it was given.
    pub given: Outcome,
    /// What the same came to when it was packed, where that was not the same any more.
    pub again: Option<Outcome>,
    /// Texts that could not be masked and were left out.
    pub withheld: u64,
}

/// What an investigation came to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The answer.
    pub answer: Answer,
    /// What was struck, and every word to and from a model.
    pub record: Record,
}

impl Capsule {
    /// What a replay is compared with: the answer as it was given, unless the data said something else by the time they
    /// were packed.
    #[must_use]
    pub fn expected(&self) -> &Outcome {
        self.again.as_ref().unwrap_or(&self.given)
    }

    fn ids(&self) -> RunIds {
        let answer = &self.given.answer;
        RunIds { run_id: answer.run_id.clone(), answer_id: answer.answer_id.clone() }
    }

    fn seen(&self) -> Seen {
        Seen {
            plan: self.plan.clone(),
            gathered: Arc::clone(&self.gathered),
            services: self.services.clone(),
        }
    }
}

impl From<Investigated> for Outcome {
    fn from(Investigated { answer, record, .. }: Investigated) -> Self {
        Self { answer, record }
    }
}
