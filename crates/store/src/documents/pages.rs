//! Documents whole, by id, and a list of runbooks: for opening what a search named.

use super::{DocumentChunk, DocumentIndex, DocumentKind};
use crate::StoreError;

impl DocumentIndex {
    /// The pieces of the document `id`, in their order; empty when there is none. Reads through the index.
    pub fn document(&self, id: &str) -> Result<Vec<DocumentChunk>, StoreError> {
        let Some(generation) = self.generation()? else { return Ok(Vec::new()) };
        let mut pieces: Vec<DocumentChunk> = Vec::new();
        for block in &generation.catalog.blocks {
            let known = pieces.len();
            let chunks = generation.block(block)?;
            pieces.extend(chunks.into_iter().filter(|chunk| chunk.document == id));
            // They lie one after another, so the first block without one ends them.
            if known > 0 && pieces.len() == known {
                break;
            }
        }
        Ok(pieces)
    }

    /// Ids and titles of runbooks, in the order in which they were indexed.
    pub fn runbooks(&self, limit: usize) -> Result<Vec<(String, String)>, StoreError> {
        let Some(generation) = self.generation()? else { return Ok(Vec::new()) };
        let documents = &generation.catalog.documents;
        documents
            .iter()
            .filter(|document| document.payload.kind == DocumentKind::Runbook)
            .filter(|document| !document.chunks.is_empty())
            .take(limit)
            .map(|document| {
                let first = generation.chunk(document.chunks.start as usize)?;
                Ok((first.document, first.title))
            })
            .collect()
    }
}
