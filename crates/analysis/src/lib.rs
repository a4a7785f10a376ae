//! Templates, baselines, service graph and suspect ranking: pure and deterministic.
//!
//! Read in this order: [`Observations`] (everything that was seen in a window and in the time that counts as normal),
//! [`rank()`] (the one way in), [`Analysis`] (what comes out: findings, suspects, the service graph and the verdicts on
//! changes). [`templates`] stands apart: the write path uses it to give each log line the name of its template.
//! [`fingerprint`] makes an analysis comparable with past incidents, [`precedent`] is how far those may move a ranking.
//!
//! Nothing here does I/O, asks for the time or draws a random number: the same observations give the same analysis,
//! down to the order of equals. Thresholds are in units of the baseline's own noise, never of one system's numbers.

mod around;
mod finding;
pub mod fingerprint;
mod graph;
mod observations;
pub mod precedent;
mod rank;
mod suspect;
pub mod templates;

pub use around::{Around, Place};
pub use finding::{Course, Finding, FindingKind};
pub use graph::{GraphEdge, GraphService, ServiceGraph};
pub use observations::{LogLink, Observations, Symptom};
pub use rank::{critical_path, rank};
pub use suspect::{Analysis, ChangeTest, ChangeVerdict, FaultKind, Subject, Suspect, Verdict};
