//! Collects what a source is made of: chunks of what changed, the names of what did not.

use std::collections::BTreeMap;
use std::path::Path;

use groundcrew_masking::{Masked, Masker};
use groundcrew_store::{DocumentChunk, FileRecord, SourceRecord};

use super::page::{Origin, Page, read_page};
use super::permalink::Checkout;
use super::read::{bytes_of, content_of, document_id, text_of};
use super::summary::{ChangeKind, FileChange, IndexSummary, IndexWarning};
use super::walk::FoundFile;
use super::{DocumentSource, formats};

/// Changes whenever files are read or cut in another way than before.
const READER: &str = concat!("2 ", env!("CARGO_PKG_VERSION"));

/// A source on its way into the index.
pub(super) struct Gathered<'m> {
    pub(super) masker: &'m Masker,
    /// All documents in order.
    pub(super) documents: Vec<String>,
    /// The chunks of those that are new.
    pub(super) chunks: Vec<Masked<DocumentChunk>>,
    pub(super) record: SourceRecord,
    pub(super) summary: IndexSummary,
    /// Which file gave which id in its front matter.
    given_ids: BTreeMap<String, String>,
}

/// How the files of a source are read.
pub(super) struct Reading<'r> {
    pub(super) source: DocumentSource<'r>,
    /// Names the model that makes the vectors.
    pub(super) model: &'r str,
    /// What was known about the source before.
    pub(super) before: &'r SourceRecord,
    pub(super) checkout: Option<Checkout>,
}

impl<'m> Gathered<'m> {
    pub(super) fn new(masker: &'m Masker) -> Self {
        Self {
            masker,
            documents: Vec::new(),
            chunks: Vec::new(),
            record: SourceRecord::default(),
            summary: IndexSummary::default(),
            given_ids: BTreeMap::new(),
        }
    }

    /// Takes a file: as it was, when nothing about it has changed.
    pub(super) fn take_file(&mut self, reading: &Reading<'_>, file: &FoundFile) {
        let bytes = match bytes_of(file) {
            Ok(bytes) => bytes,
            Err(reason) => return self.skip(&file.path, reason),
        };
        let fingerprint = fingerprint(reading, file, &bytes);
        let before = reading.before.files.get(&file.id);
        let unchanged = before.filter(|known| known.is_clean && known.fingerprint == fingerprint);
        if let Some(known) = unchanged {
            return self.keep(reading, file, known.clone());
        }
        let record = match text_of(&reading.source, file, bytes) {
            Ok(text) => self.read_file(reading, file, &text),
            Err(reason) => return self.skip(&file.path, reason),
        };
        let Some(record) = record else { return };
        let is_same = before.is_some_and(|known| known.fingerprint == fingerprint);
        if !is_same {
            let kind = if before.is_some() { ChangeKind::Changed } else { ChangeKind::Added };
            let change = FileChange { id: file.id.clone(), kind, chunks: record.chunks };
            self.summary.changes.push(change);
        }
        self.record.files.insert(file.id.clone(), FileRecord { fingerprint, ..record });
    }

    /// Takes a document that is no file.
    pub(super) fn take_text(&mut self, id: &str, title: &str, text: &str) {
        let origin = Origin { document: id, path: id, title: Some(title), address: None };
        let parsed = formats::parse(formats::Format::Markdown, text);
        let page = read_page(origin, &parsed, self.masker);
        if let Err(reason) = self.take_page(id, Path::new(id), page) {
            self.skip(Path::new(id), reason);
        }
    }

    /// Tells which files of before are no longer there.
    pub(super) fn note_removed(&mut self, before: &SourceRecord) {
        for id in before.files.keys().filter(|id| !self.record.files.contains_key(*id)) {
            let change = FileChange { id: id.clone(), kind: ChangeKind::Removed, chunks: 0 };
            self.summary.changes.push(change);
        }
        self.summary.changes.sort_by(|one, other| one.id.cmp(&other.id));
    }

    pub(super) fn skip(&mut self, path: &Path, reason: String) {
        self.summary.skipped.push((path.to_owned(), reason));
    }

    pub(super) fn warn(&mut self, path: &Path, line: u32, reason: String) {
        self.summary.warnings.push(IndexWarning { path: path.to_owned(), line, reason });
    }

    fn keep(&mut self, reading: &Reading<'_>, file: &FoundFile, record: FileRecord) {
        self.documents.extend(record.documents.iter().cloned());
        self.summary.documents += record.documents.len() as u64;
        self.summary.chunks += record.chunks;
        let of_file = |document: &String| record.documents.contains(document);
        let entities = reading.before.entities.iter();
        self.record.entities.extend(entities.filter(|entity| of_file(&entity.document)).cloned());
        for given in &record.given_ids {
            self.given_ids.entry(given.clone()).or_insert_with(|| file.id.clone());
        }
        self.record.files.insert(file.id.clone(), record);
    }

    /// Reads a file anew; `None` when nothing of it is indexed.
    fn read_file(
        &mut self,
        reading: &Reading<'_>,
        file: &FoundFile,
        text: &str,
    ) -> Option<FileRecord> {
        let content = content_of(file.format, text)?;
        let mut record =
            FileRecord { is_clean: content.problems.is_empty(), ..FileRecord::default() };
        for (line, reason) in content.problems {
            self.warn(&file.path, line, reason);
        }
        let chunks_before = self.chunks.len();
        let warnings_before = self.summary.warnings.len();
        let path = file.path.to_string_lossy();
        let address =
            reading.checkout.as_ref().and_then(|checkout| checkout.address_of(&file.path));
        let mut reasons = Vec::new();
        for (inside, parsed) in content.documents {
            let id = document_id(file, inside.as_deref());
            let origin =
                Origin { document: &id, path: &path, title: None, address: address.as_deref() };
            if let Some(given) = parsed.attributes.get("id").map(|given| given.text().into_owned())
            {
                self.note_given_id(file, &given);
                record.given_ids.push(given);
            }
            match self.take_page(&id, &file.path, read_page(origin, &parsed, self.masker)) {
                Ok(()) => record.documents.push(id),
                Err(reason) => reasons.push(reason),
            }
        }
        for mut entity in content.entities {
            entity.document = document_id(file, Some(&entity.document));
            self.record.entities.push(entity);
        }
        record.chunks = (self.chunks.len() - chunks_before) as u64;
        record.is_clean &= reasons.is_empty() && self.summary.warnings.len() == warnings_before;
        if record.documents.is_empty() {
            let reason = reasons.into_iter().next().unwrap_or_else(|| "has no text".to_owned());
            self.skip(&file.path, reason);
            return None;
        }
        Some(record)
    }

    fn note_given_id(&mut self, file: &FoundFile, given: &str) {
        match self.given_ids.get(given) {
            Some(other) => {
                let reason = format!("has the id `{given}` that {other} has too");
                self.warn(&file.path, 1, reason);
            }
            None => {
                self.given_ids.insert(given.to_owned(), file.id.clone());
            }
        }
    }

    /// Takes a page; an error is why there is nothing to take.
    fn take_page(&mut self, id: &str, path: &Path, page: Page) -> Result<(), String> {
        if let Some(reason) = page.left_out {
            return Err(reason);
        }
        for (line, reason) in page.problems {
            self.warn(path, line, reason);
        }
        let before = self.chunks.len();
        for chunk in page.chunks {
            let line = chunk.line_start;
            match self.masker.mask(chunk, each_text) {
                Ok(masked) => self.chunks.push(masked),
                Err(withheld) => self.warn(path, line, format!("a part was left out: {withheld}")),
            }
        }
        let added = (self.chunks.len() - before) as u64;
        if added == 0 {
            return Err("has no text".to_owned());
        }
        self.documents.push(id.to_owned());
        self.summary.documents += 1;
        self.summary.chunks += added;
        self.summary.chunks_new += added;
        Ok(())
    }
}

/// A hash of everything that the chunks and vectors of a file depend on.
fn fingerprint(reading: &Reading<'_>, file: &FoundFile, bytes: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    let path = file.path.to_string_lossy();
    let checkout = reading.checkout.as_ref().map_or("", Checkout::fingerprint);
    for part in [READER, reading.model, path.as_ref(), checkout] {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    hasher.update(bytes);
    hasher.finalize().to_hex().to_string()
}

/// Shows the masker every text of a chunk that comes from the document. Id and path stay: they open the file.
fn each_text(chunk: &mut DocumentChunk, visit: &mut dyn FnMut(&str, &mut String)) {
    visit("title", &mut chunk.title);
    chunk.heading_path.iter_mut().for_each(|heading| visit("heading", heading));
    visit("text", &mut chunk.text);
    chunk.services.iter_mut().for_each(|service| visit("services", service));
    chunk.alerts.iter_mut().for_each(|alert| visit("alerts", alert));
    chunk.front_matter.for_each_text_mut(visit);
}

/// Shows the masker every text of a record that comes from documents. Ids and paths stay.
pub(super) fn each_text_of_record(
    record: &mut SourceRecord,
    visit: &mut dyn FnMut(&str, &mut String),
) {
    for entity in &mut record.entities {
        for text in [
            &mut entity.name,
            &mut entity.title,
            &mut entity.description,
            &mut entity.owner,
            &mut entity.system,
        ] {
            visit("", text);
        }
        entity.depends_on.iter_mut().for_each(|text| visit("", text));
        for (title, url) in &mut entity.links {
            visit("title", title);
            visit("url", url);
        }
    }
}
