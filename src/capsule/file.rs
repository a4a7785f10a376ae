//! The file: a short head, a hash over all of it, and the content as compressed CBOR.
//!
//! CBOR, because a capsule outlives the types that it holds: fields have names, so that later ones can be added with a
//! default, and numbers stay exact. Spans and series name who sent them by a number, so that each sender stands once.

use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ciborium::Value;
use groundcrew_masking::Masker;
use groundcrew_telemetry::{MetricSeries, Resource, SeriesRow, Span, SpanRow};
use serde::{Deserialize, Serialize};

use super::seal::Seal;
use super::{Capsule, CapsuleError};
use crate::investigate::material::Gathered;
use crate::investigate::remembered::CODE_CHARS_MAX;

/// The format that this program writes, and the latest that it reads.
pub const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"GCCAPSUL";
/// Magic, version, length of the content, length of it compressed, hash.
const HEAD_BYTES: usize = 8 + 4 + 8 + 8 + blake3::OUT_LEN;
/// Longest content that is written or read.
const CONTENT_BYTES_MAX: u64 = 256 << 20;
/// Longest content compressed.
const PACKED_BYTES_MAX: u64 = 64 << 20;
/// Content up to this size is compressed as hard as it goes, which takes a second for each few MiB.
const HARD_BYTES_MAX: usize = 8 << 20;
/// Hexadecimal digits of the hash in a file's name.
const NAME_DIGITS: usize = 12;

/// A capsule as the bytes of its file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packed {
    bytes: Vec<u8>,
    code: String,
}

impl Packed {
    /// The whole file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// `groundcrew-7Q2-0123456789ab.capsule`: the incident, and the beginning of the content's hash.
    #[must_use]
    pub fn name(&self) -> String {
        let hash = self.bytes.get(HEAD_BYTES - blake3::OUT_LEN..HEAD_BYTES).unwrap_or_default();
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let short: String = digits.chars().take(NAME_DIGITS).collect();
        format!("groundcrew-{}-{short}.capsule", self.code)
    }

    /// Writes it into `directory` under its name, for its owner alone to read. One that is there already is the same.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<PathBuf, CapsuleError> {
        let path = directory.join(self.name());
        let failed = |source| CapsuleError::File { path: path.clone(), source };
        // Under its name only once it is whole.
        let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            file.as_file().set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
        }
        file.write_all(&self.bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(path)
    }
}

/// The content as it is written.
#[derive(Serialize)]
struct Written {
    rest: Value,
    resources: Vec<Resource>,
    spans: Vec<(u32, Span)>,
    series: Vec<(u32, MetricSeries)>,
    series_seasons: Vec<(u32, MetricSeries)>,
}

/// The content as it is read.
#[derive(Deserialize)]
struct Content {
    rest: Capsule,
    resources: Vec<Arc<Resource>>,
    spans: Vec<(u32, Span)>,
    series: Vec<(u32, MetricSeries)>,
    series_seasons: Vec<(u32, MetricSeries)>,
}

/// Who sent what, each once, numbered by first appearance.
#[derive(Default)]
struct Senders {
    list: Vec<Arc<Resource>>,
    /// By address, which is right for rows of one batch and costs nothing but a repetition for others.
    known: HashMap<*const Resource, u32>,
}

impl Senders {
    fn number(&mut self, resource: &Arc<Resource>) -> u32 {
        let list = &mut self.list;
        *self.known.entry(Arc::as_ptr(resource)).or_insert_with(|| {
            let position = list.iter().position(|known| known == resource).unwrap_or_else(|| {
                list.push(Arc::clone(resource));
                list.len() - 1
            });
            u32::try_from(position).unwrap_or(u32::MAX)
        })
    }

    fn spans(&mut self, rows: Vec<SpanRow>) -> Vec<(u32, Span)> {
        rows.into_iter().map(|row| (self.number(&row.resource), row.span)).collect()
    }

    fn series(&mut self, rows: Vec<SeriesRow>) -> Vec<(u32, MetricSeries)> {
        rows.into_iter().map(|row| (self.number(&row.resource), row.series)).collect()
    }
}

/// Masks the capsule once more and packs it. The same capsule gives the same bytes.
///
/// A text that cannot be masked is left out and counted.
///
/// # Errors
/// When it is too big.
pub fn pack(mut capsule: Capsule, masker: &Masker) -> Result<Packed, CapsuleError> {
    let bug = |error: &dyn std::fmt::Display| CapsuleError::Bug(error.to_string());
    let seen = &mut Arc::make_mut(&mut capsule.gathered).observations;
    let mut senders = Senders::default();
    let mut spans = senders.spans(std::mem::take(&mut seen.spans));
    let mut series = senders.series(std::mem::take(&mut seen.series));
    let mut series_seasons = senders.series(std::mem::take(&mut seen.series_seasons));
    let mut resources: Vec<Resource> =
        senders.list.iter().map(|resource| resource.as_ref().clone()).collect();
    let mut seal = Seal::new(masker);
    spans.retain_mut(|(_, span)| seal.each(span, Span::for_each_text_mut));
    for series in [&mut series, &mut series_seasons] {
        series.retain_mut(|(_, one)| seal.each(one, MetricSeries::for_each_text_mut));
    }
    // One that is left out is a sender without a name.
    for resource in &mut resources {
        if !seal.each(&mut resource.attributes, groundcrew_telemetry::Attributes::for_each_text_mut)
        {
            *resource = Resource::default();
        }
    }
    // A file may say anything, and this becomes part of a name.
    let letters = capsule.given.answer.incident.chars().filter(char::is_ascii_alphanumeric);
    let code = letters.take(CODE_CHARS_MAX).collect();
    let mut rest = Value::serialized(&capsule).map_err(|error| bug(&error))?;
    seal.value(&mut rest);
    if seal.withheld() > 0 {
        count_withheld(&mut rest, capsule.withheld + seal.withheld());
    }
    let written = Written { rest, resources, spans, series, series_seasons };
    let mut content = Vec::new();
    ciborium::into_writer(&written, &mut content).map_err(|error| bug(&error))?;
    let bytes = framed(&content)?;
    Ok(Packed { bytes, code })
}

fn count_withheld(rest: &mut Value, withheld: u64) {
    let fields = rest.as_map_mut().into_iter().flatten();
    for (name, value) in fields {
        if name.as_text() == Some("withheld") {
            *value = Value::from(withheld);
        }
    }
}

pub(super) fn framed(content: &[u8]) -> Result<Vec<u8>, CapsuleError> {
    let too_big = |bytes: usize, bytes_max| CapsuleError::TooBig { bytes: bytes as u64, bytes_max };
    if content.len() as u64 > CONTENT_BYTES_MAX {
        return Err(too_big(content.len(), CONTENT_BYTES_MAX));
    }
    let level = if content.len() <= HARD_BYTES_MAX { 19 } else { 9 };
    let packed = zstd::bulk::compress(content, level)
        .map_err(|error| CapsuleError::Bug(error.to_string()))?;
    if packed.len() as u64 > PACKED_BYTES_MAX {
        return Err(too_big(packed.len(), PACKED_BYTES_MAX));
    }
    let mut bytes = Vec::with_capacity(HEAD_BYTES + packed.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&(packed.len() as u64).to_le_bytes());
    let hash = hash_of(&bytes, &packed);
    bytes.extend_from_slice(hash.as_bytes());
    bytes.extend_from_slice(&packed);
    Ok(bytes)
}

/// Over the head, too: nothing is believed that was not written.
fn hash_of(head: &[u8], packed: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(head).update(packed);
    hasher.finalize()
}

/// Reads a capsule from its file.
///
/// # Errors
/// When there is no such file, or it is no capsule, damaged, cut short, too big or of another version's form.
pub fn read(path: &Path) -> Result<Capsule, CapsuleError> {
    let failed = |source| CapsuleError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let bytes_max = HEAD_BYTES as u64 + PACKED_BYTES_MAX;
    let length = file.metadata().map_err(failed)?.len();
    if length > bytes_max {
        return Err(CapsuleError::TooBig { bytes: length, bytes_max });
    }
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes).map_err(failed)?;
    unpack(&bytes)
}

/// Takes a capsule out of the bytes of its file.
///
/// # Errors
/// As [`read`].
pub fn unpack(bytes: &[u8]) -> Result<Capsule, CapsuleError> {
    let content = content_of(bytes)?;
    let damaged = |error: &dyn std::fmt::Display| CapsuleError::Damaged(error.to_string());
    let mut rest = content.as_slice();
    let read: Content = ciborium::from_reader(&mut rest).map_err(|error| {
        CapsuleError::Form(match error {
            ciborium::de::Error::Semantic(_, reason) => reason,
            other => other.to_string(),
        })
    })?;
    if !rest.is_empty() {
        return Err(damaged(&"something follows its content"));
    }
    let Content { rest: mut capsule, resources, spans, series, series_seasons } = read;
    let sender = |number: u32| {
        let known = resources.get(number as usize).cloned();
        known.ok_or_else(|| damaged(&"it names a sender that it does not hold"))
    };
    let rows = |list: Vec<(u32, MetricSeries)>| {
        let rows = list.into_iter();
        rows.map(|(number, series)| Ok(SeriesRow { resource: sender(number)?, series }))
            .collect::<Result<Vec<SeriesRow>, CapsuleError>>()
    };
    let spans = spans.into_iter();
    let spans = spans.map(|(number, span)| Ok(SpanRow { resource: sender(number)?, span }));
    let gathered: &mut Gathered = Arc::make_mut(&mut capsule.gathered);
    gathered.observations.spans = spans.collect::<Result<_, CapsuleError>>()?;
    gathered.observations.series = rows(series)?;
    gathered.observations.series_seasons = rows(series_seasons)?;
    Ok(capsule)
}

/// The content, once the head and the hash are what they should be.
pub(super) fn content_of(bytes: &[u8]) -> Result<Vec<u8>, CapsuleError> {
    if !bytes.starts_with(&MAGIC) {
        let is_begun = !bytes.is_empty() && MAGIC.starts_with(bytes);
        return Err(if is_begun { CapsuleError::Cut } else { CapsuleError::NotACapsule });
    }
    let number = |at: usize, length: usize| {
        let field = bytes.get(at..at + length)?;
        Some(field.iter().rev().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte)))
    };
    let version = number(8, 4).ok_or(CapsuleError::Cut)?;
    if version > u64::from(VERSION) {
        return Err(CapsuleError::Newer { found: u32::try_from(version).unwrap_or(u32::MAX) });
    }
    let content_bytes = number(12, 8).ok_or(CapsuleError::Cut)?;
    let packed_bytes = number(20, 8).ok_or(CapsuleError::Cut)?;
    for (bytes, bytes_max) in [(content_bytes, CONTENT_BYTES_MAX), (packed_bytes, PACKED_BYTES_MAX)]
    {
        if bytes > bytes_max {
            return Err(CapsuleError::TooBig { bytes, bytes_max });
        }
    }
    let damaged = |reason: &str| CapsuleError::Damaged(reason.to_owned());
    let head = bytes.get(..HEAD_BYTES - blake3::OUT_LEN).ok_or(CapsuleError::Cut)?;
    let hash = bytes.get(head.len()..HEAD_BYTES).ok_or(CapsuleError::Cut)?;
    let packed = bytes.get(HEAD_BYTES..).ok_or(CapsuleError::Cut)?;
    match (packed.len() as u64).cmp(&packed_bytes) {
        std::cmp::Ordering::Less => return Err(CapsuleError::Cut),
        std::cmp::Ordering::Greater => return Err(damaged("something follows its end")),
        std::cmp::Ordering::Equal => {}
    }
    if hash_of(head, packed).as_bytes().as_slice() != hash {
        return Err(damaged("its hash does not match"));
    }
    let unreadable = |error: std::io::Error| CapsuleError::Damaged(error.to_string());
    #[expect(clippy::disallowed_types, reason = "read up to the length it declares, below")]
    let reader = zstd::stream::read::Decoder::with_buffer(packed).map_err(unreadable)?;
    // Grows with what comes out, so that no length is believed before it is there.
    let mut content = Vec::new();
    reader.take(content_bytes + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 != content_bytes {
        return Err(damaged("its content has another length than it says"));
    }
    Ok(content)
}
