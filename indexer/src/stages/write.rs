//! Hands masked batches to the store, template texts first.

use groundcrew_masking::Masked;
use groundcrew_store::{Durability, Store, StoreError};
use groundcrew_telemetry::Batch;

use super::enrich::Enricher;

/// Stores the templates that `enricher` found new, then the batches.
///
/// # Errors
/// What the store says. The templates are then forgotten, so that a later call brings them again.
pub fn write(
    store: &Store,
    batches: Vec<Masked<Batch>>,
    enricher: &mut Enricher,
    durability: Durability,
) -> Result<(), StoreError> {
    let templates = enricher.take_new();
    if !templates.is_empty()
        && let Err(error) = store.put_templates(&templates)
    {
        enricher.forget(&templates);
        return Err(error);
    }
    if batches.is_empty() {
        return Ok(());
    }
    store.append(batches, durability)
}
