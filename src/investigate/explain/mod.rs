//! Suspects and evidence to a draft: the bundle for a token budget, the plain narrator, and the model narrator.

mod bundle;
mod facts;
mod model;
mod narrator;
mod next;
mod reply;
mod rest;
mod seen;
mod standing;
mod sure;

pub use bundle::{Bundle, pack, render};
pub use model::{Packed, RequestError, draft_of, request};
pub use narrator::{Material, choose, narrate};
pub use reply::{Reply, Told, complete_claims, read as read_reply, schema};
