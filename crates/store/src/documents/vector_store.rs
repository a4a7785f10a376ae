//! Where the vectors of a generation are compared with a question's: in this process, or on a Qdrant server.

use super::DocumentFilter;
use super::generation::Generation;
use crate::StoreError;

/// Where vectors are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VectorHome {
    /// In this process.
    Embedded,
    /// On a Qdrant server.
    Qdrant,
}

impl VectorHome {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Qdrant => "qdrant",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Embedded, Self::Qdrant].into_iter().find(|home| home.name() == name)
    }
}

/// What is looked for among the vectors.
#[derive(Debug)]
pub(super) struct VectorQuery<'q> {
    /// A vector of any length but zero.
    pub(super) vector: &'q [f32],
    pub(super) filter: &'q DocumentFilter,
    /// How many chunks.
    pub(super) limit: usize,
}

/// Compares vectors. Every generation that was published and not retired can be searched.
pub(super) trait VectorStore: Send + Sync + std::fmt::Debug {
    /// The chunks nearest to the question among those that are wanted: positions and cosines, nearest first.
    fn nearest(
        &self,
        generation: &Generation,
        query: &VectorQuery<'_>,
    ) -> Result<Vec<(usize, f32)>, StoreError>;

    /// Makes a generation searchable that does not serve yet. When it fails, nothing has changed for those that do.
    fn publish(&self, generation: &Generation) -> Result<(), StoreError>;

    /// Forgets all generations but `serving`.
    fn retire_others(&self, serving: &Generation) -> Result<(), StoreError>;
}

/// Vectors in this process' memory, compared exactly.
#[derive(Debug)]
pub(super) struct EmbeddedVectors;

impl VectorStore for EmbeddedVectors {
    fn nearest(
        &self,
        generation: &Generation,
        query: &VectorQuery<'_>,
    ) -> Result<Vec<(usize, f32)>, StoreError> {
        let catalog = &generation.catalog;
        let documents = catalog.documents.iter();
        let wanted: Vec<bool> =
            documents.map(|document| query.filter.admits(&document.payload)).collect();
        let is_wanted = |position: usize| {
            let chunk = catalog.chunks.get(position);
            chunk.is_some_and(|chunk| wanted.get(chunk.document as usize) == Some(&true))
        };
        Ok(generation.vectors()?.nearest(query.vector, query.limit, &is_wanted))
    }

    fn publish(&self, _: &Generation) -> Result<(), StoreError> {
        Ok(())
    }

    fn retire_others(&self, _: &Generation) -> Result<(), StoreError> {
        Ok(())
    }
}
