//! What is known about each source beside its chunks: which files it was made of, and the catalog it holds.
//!
//! It lies in the generation's directory, so that it is replaced together with the chunks.

use std::collections::BTreeMap;
use std::path::Path;

use groundcrew_masking::Masked;
use serde::{Deserialize, Serialize};

use super::{ChunkVectors, DocumentChunk};
use crate::checked_file::{self, FileKind};
use crate::{StoreError, disk};

const SOURCES_FILE: &str = "sources";
const FILE_KIND: FileKind = *b"GCds";

/// What a source is made of from now on.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SourceUpdate {
    /// Its documents in order. Those without a chunk in `chunks` stay as they are; documents that only `chunks` has come
    /// after them.
    pub documents: Vec<String>,
    /// Chunks of documents that are new or changed.
    pub chunks: Vec<Masked<DocumentChunk>>,
    /// Their vectors, one to one.
    pub vectors: Option<ChunkVectors>,
    /// What is known about the source beside its chunks.
    pub record: Option<Masked<SourceRecord>>,
}

/// What a source was made of.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Its files, by id.
    pub files: BTreeMap<String, FileRecord>,
    /// What it says about services and other parts of the system.
    pub entities: Vec<CatalogEntity>,
}

/// A file that was indexed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FileRecord {
    /// A hash of its content and of everything else that its chunks and vectors depend on.
    pub fingerprint: String,
    /// The documents it holds.
    pub documents: Vec<String>,
    /// Their chunks.
    pub chunks: u64,
    /// Ids that its documents give themselves.
    pub given_ids: Vec<String>,
    /// Whether it was read without a complaint. One that was not is read again, so that the complaint is heard again.
    pub is_clean: bool,
}

/// A service, database, team or other part of the system, as a service catalog describes it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CatalogEntity {
    /// The document that describes it.
    pub document: String,
    /// What it is: `Component`, `Resource`, `API`, `System`, `Group` ...
    pub kind: String,
    /// Its name, as other entities refer to it.
    pub name: String,
    /// Its name for people, when it has another.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// More exactly what it is: `service`, `database`, `website` ...
    pub of_type: String,
    /// Who answers for it, without a kind or namespace.
    pub owner: String,
    /// The system it belongs to.
    pub system: String,
    /// What it needs: `resource:orders-db`, `component:payments`, as written.
    pub depends_on: Vec<String>,
    /// Titles and addresses that its owners give. Foreign text: shown, never followed.
    pub links: Vec<(String, String)>,
}

impl CatalogEntity {
    /// The names of what it depends on, without kind and namespace: `resource:default/orders-db` is `orders-db`.
    pub fn dependencies(&self) -> impl Iterator<Item = &str> {
        self.depends_on.iter().map(|reference| bare_name(reference))
    }
}

/// The name in a reference to an entity, `[kind:][namespace/]name`.
#[must_use]
pub fn bare_name(reference: &str) -> &str {
    let after_kind = reference.rsplit_once(':').map_or(reference, |(_, rest)| rest);
    after_kind.rsplit_once('/').map_or(after_kind, |(_, name)| name)
}

/// The records of all sources.
pub(super) type SourceRecords = BTreeMap<String, SourceRecord>;

/// Reads the records of a generation. One that was written without any has none.
pub(super) fn read(dir: &Path) -> Result<SourceRecords, StoreError> {
    match checked_file::read(&dir.join(SOURCES_FILE), FILE_KIND) {
        Err(error) if error.is_not_found() => Ok(SourceRecords::new()),
        other => other,
    }
}

/// Writes the records of a generation.
pub(super) fn write(dir: &Path, records: &SourceRecords) -> Result<(), StoreError> {
    checked_file::write(&dir.join(SOURCES_FILE), FILE_KIND, records)?;
    disk::sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_reduced_to_names() {
        assert_eq!(bare_name("resource:default/orders-db"), "orders-db");
        assert_eq!(bare_name("component:payments"), "payments");
        assert_eq!(bare_name("team-a"), "team-a");
        assert_eq!(bare_name(""), "");
    }

    #[test]
    fn records_survive_and_their_absence_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), SourceRecords::new());
        let file = FileRecord { fingerprint: "x".to_owned(), ..FileRecord::default() };
        let mut records = SourceRecords::new();
        records.entry("/a".to_owned()).or_default().files.insert("b.md".to_owned(), file);
        write(dir.path(), &records).unwrap();
        assert_eq!(read(dir.path()).unwrap(), records);
    }
}
