//! Suspects and evidence to a draft: the bundle for a token budget, the plain narrator, and the model narrator.

mod bundle;
mod model;
mod narrator;
mod seen;

pub use bundle::{Bundle, pack, render};
pub use model::{ModelFailure, request, tell_with_model};
pub use narrator::{Material, choose, narrate};
