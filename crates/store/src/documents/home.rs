//! Chooses where the vectors of documents are compared, and moves them.

use super::DocumentIndex;
use super::index::current_number;
use super::qdrant::QdrantVectors;
use super::vector_store::{EmbeddedVectors, VectorHome, VectorStore};
use crate::{Access, StoreError, disk};

/// Says where the vectors are compared.
const VECTOR_HOME: &str = "VECTORS";

impl DocumentIndex {
    /// Names the server that may have the vectors. Only the first call counts.
    pub fn use_qdrant(&self, server: QdrantVectors) {
        drop(self.qdrant.set(server.owned_by(&self.root)));
    }

    /// Where the vectors are compared: what was last chosen by [`DocumentIndex::move_vectors`], else the server where
    /// one is configured before anything is indexed.
    pub fn vector_home(&self) -> Result<VectorHome, StoreError> {
        let path = self.root.join(VECTOR_HOME);
        match std::fs::read_to_string(&path) {
            Ok(text) => VectorHome::named(text.trim())
                .ok_or_else(|| StoreError::damaged(&path, "it names no place for vectors")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let is_new = current_number(&self.root)?.is_none();
                let server = self.qdrant.get().filter(|_| is_new);
                Ok(server.map_or(VectorHome::Embedded, |_| VectorHome::Qdrant))
            }
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    /// Moves the vectors to `home`, from where they are searched from now on; says how many there are.
    ///
    /// The data directory keeps a copy either way, about 400 bytes a chunk, so that a server can be filled again or left.
    /// When this fails, vectors are searched where they were; what was on a server that is left is removed last.
    pub fn move_vectors(&self, home: VectorHome) -> Result<u64, StoreError> {
        if self.access == Access::ReadOnly {
            return Err(StoreError::ReadOnly);
        }
        let _writing = self.begin_writing()?;
        let store = self.vector_store(home)?;
        let mut count = 0;
        if let Some(generation) = self.generation()? {
            // Damage is found now and not when the other copy is gone.
            generation.vectors()?;
            store.publish(&generation)?;
            count = generation.catalog.vectors;
        }
        self.set_vector_home(home)?;
        match (home, self.qdrant.get()) {
            (VectorHome::Embedded, Some(server)) => server.clear()?,
            _ => {
                if let Some(generation) = self.generation()? {
                    store.retire_others(&generation)?;
                }
            }
        }
        Ok(count)
    }

    pub(super) fn vector_store(&self, home: VectorHome) -> Result<&dyn VectorStore, StoreError> {
        match (home, self.qdrant.get()) {
            (VectorHome::Embedded, _) => Ok(&EmbeddedVectors),
            (VectorHome::Qdrant, Some(server)) => Ok(server),
            (VectorHome::Qdrant, None) => Err(StoreError::VectorServer {
                action: "be found",
                detail: "documents.qdrant.url is not set; set it, or run `groundcrew vectors move --to embedded`".to_owned(),
            }),
        }
    }

    pub(super) fn set_vector_home(&self, home: VectorHome) -> Result<(), StoreError> {
        disk::replace(&self.root.join(VECTOR_HOME), format!("{}\n", home.name()).as_bytes())
    }
}
