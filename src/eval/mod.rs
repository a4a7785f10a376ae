//! How Groundcrew is measured: labelled cases through the ordinary decoders and the ordinary question path.
//!
//! Each case gets a fresh data directory and sees only what a deployment would see: telemetry, the page, the clock.
//! `truth.json` is read by the graders, never here; what the simulator knows is compared only once an answer stands.

mod answers;
mod bundles;
mod case;
mod csv;
mod documents_scale;
mod embedding;
mod grouping;
mod injection;
mod mask;
mod memory;
mod rca;
mod retrieval;
mod scale;
mod scores;
mod simulated;
mod templates;

pub use answers::{AnswerRow, AnswersRun, answers, answers_table};
pub use bundles::{BundleRun, bundles};
pub use case::{EvalError, write_lines as write};
pub use documents_scale::{DocumentsScaled, documents_scale};
pub use embedding::{EmbeddingSpeed, embedding};
pub use grouping::Agreement;
pub use injection::{InjectionOptions, InjectionRow, Share, Teller, injection, injection_table};
pub use mask::mask;
pub use memory::{MemoryOptions, MemoryRow, memory, memory_table};
pub use rca::{Ranked, RcaOptions, rca};
pub use retrieval::retrieval;
pub use scale::{ScaleOptions, Scaled, scale};
pub use scores::table as simulated_table;
pub use simulated::{SimulatedOptions, SimulatedRow, simulated};
pub use templates::{Labelled, SystemTemplates, TemplateLine, TemplatesRun, templates};
