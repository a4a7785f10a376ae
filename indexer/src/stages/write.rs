//! Hands masked batches to the store, template texts first.

use groundcrew_masking::Masked;
use groundcrew_store::{Claim, Durability, Store, StoreError, StreamPart};
use groundcrew_telemetry::Batch;

use super::enrich::Enricher;

/// What is to be stored at once.
pub struct Request<'s> {
    /// Masked telemetry.
    pub batches: Vec<Masked<Batch>>,
    /// How surely, when it counts as done.
    pub durability: Durability,
    /// The right to store it, where its sender may repeat it.
    pub claim: Option<Claim<'s>>,
    /// Which messages of streams it is; with a claim, none.
    pub stream_parts: Vec<StreamPart>,
}

/// Stores the templates that `enricher` found new, then the batches.
///
/// # Errors
/// What the store says. The templates are then forgotten, so that a later call brings them again.
pub fn write(
    store: &Store,
    request: Request<'_>,
    enricher: &mut Enricher,
) -> Result<(), StoreError> {
    let templates = enricher.take_new();
    if !templates.is_empty()
        && let Err(error) = store.put_templates(&templates)
    {
        enricher.forget(&templates);
        return Err(error);
    }
    let Request { batches, durability, claim, stream_parts } = request;
    if batches.is_empty() && stream_parts.is_empty() {
        return Ok(());
    }
    match claim {
        Some(claim) => store.append_claimed(batches, durability, claim),
        None if stream_parts.is_empty() => store.append(batches, durability),
        None => store.append_streamed(batches, durability, stream_parts),
    }
}
