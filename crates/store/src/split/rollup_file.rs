//! `rollup.bin`: the counts of a log split per slot of time, service, template, place in the code and severity, and the bodies shown as exemplars.

use std::path::Path;
use std::sync::Arc;

use groundcrew_telemetry::{CallSite, Severity, TemplateId, Timestamp};
use serde::{Deserialize, Serialize};

use super::columns::{Numbering, Strings};
use crate::StoreError;
use crate::checked_file::FileKind;
use crate::chunk_file::{ChunkFile, ChunkRef, ChunkWriter};
use crate::memory::{Cell, CellKey, Memory, RowAt};
use crate::slot::SLOT_NANOS;
use crate::template_fold::{CellFacts, TemplateFold, TextAt, capped};

const KIND: FileKind = *b"GCru";
pub(super) const NAME: &str = "rollup.bin";
/// Bodies are kept in chunks of about this size, so that few are read for few templates.
const TEXT_CHUNK_BYTES: usize = 64 * 1024;

#[derive(Default, Serialize, Deserialize)]
struct Footer {
    services: Vec<Arc<str>>,
    /// Differences, ascending.
    slots: Vec<i64>,
    service_numbers: Vec<u32>,
    templates_distinct: Vec<u64>,
    templates: Vec<u32>,
    /// 0 for none.
    sites: Vec<u8>,
    counts: Vec<u64>,
    severities: Vec<u8>,
    /// Since the slot's start.
    firsts: Vec<i64>,
    /// Since the first.
    lasts: Vec<i64>,
    /// Whether the cell has a last body beside its first.
    have_last_text: Vec<bool>,
    /// Where bodies are, with the number of the first in each chunk.
    texts: Vec<(u64, ChunkRef)>,
}

/// Writes the rollup of `memory`.
pub(super) fn write(dir: &Path, memory: &Memory) -> Result<u64, StoreError> {
    let mut cells: Vec<(&CellKey, &Cell)> = memory.rollup.cells.iter().collect();
    cells.sort_unstable_by_key(|(key, _)| **key);
    let mut texts = TextWriter::new(ChunkWriter::create(&dir.join(NAME), KIND)?);
    let mut footer = Footer { services: memory.rollup.services.clone(), ..Footer::default() };
    let mut templates = Numbering::default();
    let mut slot_before = 0_i64;
    for (key, cell) in cells {
        footer.slots.push(key.slot.wrapping_sub(slot_before));
        slot_before = key.slot;
        footer.service_numbers.push(key.service);
        let (template, is_new) = templates.number(key.template);
        if is_new {
            footer.templates_distinct.push(key.template.0);
        }
        footer.templates.push(template);
        footer.sites.push(key.site.map_or(0, CallSite::code));
        footer.counts.push(cell.count);
        footer.severities.push(key.severity.0);
        let slot_start = key.slot.wrapping_mul(SLOT_NANOS);
        footer.firsts.push(cell.first.nanos().wrapping_sub(slot_start));
        footer.lasts.push(cell.last.nanos().wrapping_sub(cell.first.nanos()));
        let first_body = capped(body_at(memory, cell.first_at));
        let last_body = capped(body_at(memory, cell.last_at));
        texts.push(first_body)?;
        footer.have_last_text.push(first_body != last_body);
        if first_body != last_body {
            texts.push(last_body)?;
        }
    }
    let (file, chunks) = texts.finish()?;
    footer.texts = chunks;
    file.finish(&footer)
}

fn body_at(memory: &Memory, at: RowAt) -> &str {
    memory
        .logs
        .get(at.portion as usize)
        .and_then(|portion| portion.records.get(at.row as usize))
        .map_or("", |record| record.body.as_str())
}

struct TextWriter {
    file: ChunkWriter,
    chunks: Vec<(u64, ChunkRef)>,
    current: Strings,
    current_count: u64,
    current_first: u64,
}

impl TextWriter {
    fn new(file: ChunkWriter) -> Self {
        Self {
            file,
            chunks: Vec::new(),
            current: Strings::default(),
            current_count: 0,
            current_first: 0,
        }
    }

    fn push(&mut self, text: &str) -> Result<(), StoreError> {
        self.current.push(text);
        self.current_count += 1;
        if self.current.bytes() >= TEXT_CHUNK_BYTES { self.close_chunk() } else { Ok(()) }
    }

    fn close_chunk(&mut self) -> Result<(), StoreError> {
        let raw = postcard::to_stdvec(&self.current).map_err(StoreError::encoding("exemplars"))?;
        self.chunks.push((self.current_first, self.file.push(&raw)?));
        self.current = Strings::default();
        self.current_first += self.current_count;
        self.current_count = 0;
        Ok(())
    }

    fn finish(mut self) -> Result<(ChunkWriter, Vec<(u64, ChunkRef)>), StoreError> {
        if self.current_count > 0 {
            self.close_chunk()?;
        }
        Ok((self.file, self.chunks))
    }
}

#[derive(Debug)]
struct StoredCell {
    service: u32,
    template: TemplateId,
    site: Option<CallSite>,
    facts: CellFacts,
}

/// A rollup that was read back, without its bodies.
#[derive(Debug)]
pub(crate) struct RollupFile {
    file: ChunkFile,
    services: Vec<Arc<str>>,
    /// By ascending slot.
    cells: Vec<StoredCell>,
    texts: Vec<(u64, ChunkRef)>,
}

impl RollupFile {
    /// Opens the rollup of the split in `dir`; says how much memory it takes, about.
    pub(crate) fn open(dir: &Path) -> Result<(Self, usize), StoreError> {
        let (file, footer, _) = ChunkFile::open::<Footer>(&dir.join(NAME), KIND)?;
        let cells =
            cells_of(&footer).ok_or_else(|| file.damaged("its columns differ in length"))?;
        let bytes = cells.len() * size_of::<StoredCell>() + footer.texts.len() * 32;
        Ok((Self { file, services: footer.services, cells, texts: footer.texts }, bytes))
    }

    /// Adds the cells that the fold asks for.
    pub(crate) fn fold(&self, source: u32, fold: &mut TemplateFold<'_>) {
        let services = fold.service_ids(&self.services);
        let (first_slot, last_slot) = fold.slots;
        let begin = self.cells.partition_point(|cell| cell.facts.slot < first_slot);
        let inside = self.cells.iter().skip(begin);
        for cell in inside.take_while(|cell| cell.facts.slot <= last_slot) {
            if let Some(service) = services.get(cell.service as usize).copied().flatten() {
                fold.add(source, (service, cell.template, cell.site), cell.facts);
            }
        }
    }
}

impl RollupFile {
    /// Fetches the bodies at `wanted` into the fold, reading each chunk once.
    pub(crate) fn fetch_texts(
        &self,
        wanted: &[TextAt],
        fold: &mut TemplateFold<'_>,
    ) -> Result<(), StoreError> {
        let chunk_of = |at: &TextAt| {
            self.texts.partition_point(|(first, _)| *first <= at.text).wrapping_sub(1)
        };
        for group in wanted.chunk_by(|left, right| chunk_of(left) == chunk_of(right)) {
            let chunk = group.first().and_then(|at| self.texts.get(chunk_of(at)));
            let Some((first, chunk)) = chunk else { continue };
            let raw = self.file.read(chunk)?;
            let strings: Strings =
                postcard::from_bytes(&raw).map_err(|error| self.file.damaged(error))?;
            let texts = strings.all();
            for at in group {
                let number = usize::try_from(at.text - first).unwrap_or(usize::MAX);
                fold.put_text(*at, texts.get(number).copied().unwrap_or_default().to_owned());
            }
        }
        Ok(())
    }
}

/// `None` when the columns do not fit together.
fn cells_of(footer: &Footer) -> Option<Vec<StoredCell>> {
    let mut cells = Vec::with_capacity(footer.slots.len());
    let (mut slot, mut text) = (0_i64, 0_u64);
    for (row, delta) in footer.slots.iter().enumerate() {
        slot = slot.wrapping_add(*delta);
        let first = slot.wrapping_mul(SLOT_NANOS).wrapping_add(*footer.firsts.get(row)?);
        let has_last_text = *footer.have_last_text.get(row)?;
        let first_text = text;
        text += 1 + u64::from(has_last_text);
        let template = *footer.templates.get(row)?;
        cells.push(StoredCell {
            service: *footer.service_numbers.get(row)?,
            template: TemplateId(*footer.templates_distinct.get(template as usize)?),
            site: CallSite::from_code(*footer.sites.get(row)?),
            facts: CellFacts {
                slot,
                count: *footer.counts.get(row)?,
                severity: Severity(*footer.severities.get(row)?),
                first: Timestamp::from_nanos(first),
                last: Timestamp::from_nanos(first.wrapping_add(*footer.lasts.get(row)?)),
                first_text,
                last_text: text - 1,
            },
        });
    }
    Some(cells)
}
