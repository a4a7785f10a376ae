//! Vectors by the text that they were made from, kept between runs of the indexer.
//!
//! Making a vector costs a hundred times what keeping it costs, so each is appended to one file as soon as it is made:
//! an interrupted run keeps what it had, and an unchanged text is never embedded twice. The file is a convenience. What
//! in it is damaged is dropped and made again, and where it cannot be written at all, nothing but time is lost.
//!
//! ```text
//! "GCem" format(u32), then per vector: key(32) dimensions(u32) scale(f32) codes(i8 each) crc32(u32)
//! ```
//!
//! Two processes may append to one file; each sees what was there when it opened it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::vectors::{Quantised, quantise};
use crate::bytes::u32_at;
use crate::{StoreError, disk};

const FILE: &str = "vectors.bin";
const HEAD: [u8; 8] = *b"GCem\x01\0\0\0";
const KEY_BYTES: usize = 32;
/// Key, dimensions and scale.
const RECORD_HEAD_BYTES: usize = KEY_BYTES + 8;
const CHECKSUM_BYTES: usize = 4;
/// A vector with more dimensions is taken for damage; the largest model known has 8,192.
const DIMENSIONS_MAX: usize = 65_536;
/// How large the file may grow: 1.3 million vectors of 384 dimensions.
const BYTES_MAX: u64 = 512 << 20;

/// What a vector is kept under: a hash of the model that made it and of the text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EmbeddingKey([u8; KEY_BYTES]);

impl EmbeddingKey {
    /// The key of `text` under the model that calls itself `model`.
    #[must_use]
    pub fn new(model: &str, text: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        // The length keeps "ab" + "c" and "a" + "bc" apart.
        hasher.update(&(model.len() as u64).to_le_bytes());
        hasher.update(model.as_bytes());
        hasher.update(text.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

/// Vectors that were made before. Safe to share between threads.
#[derive(Debug)]
pub struct EmbeddingCache {
    dir: PathBuf,
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// `None` where the file cannot be used.
    file: Option<File>,
    entries: FxHashMap<EmbeddingKey, Entry>,
    bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    offset: u64,
    dimensions: u32,
    /// Whether it was asked for or made since the cache was opened.
    used: bool,
}

impl EmbeddingCache {
    /// Opens the cache in `dir`, or begins one. Never fails: a cache that cannot be read is begun anew, and one that
    /// cannot be written keeps nothing.
    #[must_use]
    pub fn open(dir: &Path) -> Self {
        Self::open_bounded(dir, BYTES_MAX)
    }

    pub(super) fn open_bounded(dir: &Path, bytes_max: u64) -> Self {
        let opened = disk::create_dir(dir).and_then(|()| {
            let path = dir.join(FILE);
            open_file(&path).map_err(StoreError::io("open", &path))
        });
        let state = opened.unwrap_or_else(|error| {
            tracing::warn!(%error, "vectors are not kept between runs of the indexer");
            State::default()
        });
        Self { dir: dir.to_owned(), bytes_max, state: Mutex::new(state) }
    }

    /// How many vectors it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The vector kept under `key`, of length one, quantised as the index quantises it.
    #[must_use]
    pub fn get(&self, key: &EmbeddingKey) -> Option<Vec<f32>> {
        let mut state = self.lock();
        let state = &mut *state;
        let entry = state.entries.get_mut(key)?;
        let mut record = vec![0; record_bytes(entry.dimensions as usize)];
        let read = state.file.as_ref()?.read_exact_at(&mut record, entry.offset);
        match read.ok().and_then(|()| vector_of(&record, key)) {
            Some(vector) => {
                entry.used = true;
                Some(vector.to_floats())
            }
            None => {
                state.entries.remove(key);
                None
            }
        }
    }

    /// Keeps `made`. What is kept survives the process; it need not survive a power cut.
    pub fn put<'v>(&self, made: impl IntoIterator<Item = (EmbeddingKey, &'v [f32])>) {
        let mut state = self.lock();
        let Some(mut file) = state.file.take() else { return };
        let mut records = Vec::new();
        let mut added = Vec::new();
        for (key, vector) in made {
            let dimensions = u32::try_from(vector.len()).unwrap_or(u32::MAX);
            if vector.is_empty() || vector.len() > DIMENSIONS_MAX {
                continue;
            }
            let entry = Entry { offset: records.len() as u64, dimensions, used: true };
            push_record(&mut records, &key, &quantise(vector));
            added.push((key, entry));
        }
        match append(&mut file, &records) {
            Ok(start) => {
                let placed = |(key, entry): (EmbeddingKey, Entry)| {
                    (key, Entry { offset: start + entry.offset, ..entry })
                };
                state.entries.extend(added.into_iter().map(placed));
                state.bytes = start + records.len() as u64;
                state.file = Some(file);
            }
            Err(error) => {
                tracing::warn!(%error, dir = %self.dir.display(), "vectors are no longer kept between runs of the indexer");
            }
        }
    }

    /// Ends a run: makes what was kept durable and, where the file has grown too large, drops the vectors that were not
    /// asked for the longest.
    ///
    /// # Errors
    /// When the file cannot be written. What it held before is still there then.
    pub fn finish(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        let Some(file) = &state.file else { return Ok(()) };
        let path = self.dir.join(FILE);
        file.sync_data().map_err(StoreError::io("write", &path))?;
        if state.bytes <= self.bytes_max {
            return Ok(());
        }
        let kept = self.newest(&state);
        let unfinished = disk::unfinished(&path);
        rewrite(file, &kept, &unfinished).map_err(StoreError::io("write", &unfinished))?;
        disk::rename(&unfinished, &path)?;
        *state = open_file(&path).map_err(StoreError::io("open", &path))?;
        Ok(())
    }

    /// The entries to keep, oldest first: as many as fill three quarters of the room, so that not every run rewrites.
    fn newest(&self, state: &State) -> Vec<Entry> {
        let mut entries: Vec<Entry> = state.entries.values().copied().collect();
        entries.sort_by_key(|entry| (entry.used, entry.offset));
        let mut room = self.bytes_max / 4 * 3;
        let fits = |entry: &&Entry| {
            let left = room.checked_sub(record_bytes(entry.dimensions as usize) as u64);
            room = left.unwrap_or(0);
            left.is_some()
        };
        let mut kept: Vec<Entry> = entries.iter().rev().take_while(fits).copied().collect();
        kept.reverse();
        kept
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens or creates the file and reads which vectors it has, up to the first that is damaged or cut short.
fn open_file(path: &Path) -> io::Result<State> {
    let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut reader = BufReader::with_capacity(1 << 20, &file);
    let mut entries = FxHashMap::default();
    let mut bytes = 0;
    let mut head = [0; HEAD.len()];
    if reader.read_exact(&mut head).is_ok() && head == HEAD {
        bytes = HEAD.len() as u64;
        while let Some((key, dimensions)) = read_record(&mut reader) {
            entries.insert(key, Entry { offset: bytes, dimensions, used: false });
            bytes += record_bytes(dimensions as usize) as u64;
        }
    }
    let length = file.metadata()?.len();
    if bytes < length {
        tracing::warn!(path = %path.display(), bytes = length - bytes, "dropped kept vectors that are damaged");
        file.set_len(bytes)?;
    }
    if bytes == 0 {
        (&file).write_all(&HEAD)?;
        bytes = HEAD.len() as u64;
    }
    Ok(State { file: Some(file), entries, bytes })
}

/// Reads one record; `None` at the end, and where it is not whole.
fn read_record(reader: &mut impl Read) -> Option<(EmbeddingKey, u32)> {
    let mut record = vec![0; RECORD_HEAD_BYTES];
    reader.read_exact(&mut record).ok()?;
    let key = EmbeddingKey(record.get(..KEY_BYTES)?.try_into().ok()?);
    let dimensions = u32_at(&record, KEY_BYTES)?;
    if dimensions == 0 || dimensions as usize > DIMENSIONS_MAX {
        return None;
    }
    record.resize(record_bytes(dimensions as usize), 0);
    reader.read_exact(record.get_mut(RECORD_HEAD_BYTES..)?).ok()?;
    vector_of(&record, &key).map(|_| (key, dimensions))
}

const fn record_bytes(dimensions: usize) -> usize {
    RECORD_HEAD_BYTES + dimensions + CHECKSUM_BYTES
}

fn push_record(records: &mut Vec<u8>, key: &EmbeddingKey, vector: &Quantised) {
    let start = records.len();
    records.extend(key.0);
    records.extend(u32::try_from(vector.codes.len()).unwrap_or(u32::MAX).to_le_bytes());
    records.extend(vector.scale.to_le_bytes());
    records.extend(vector.codes.iter().flat_map(|code| code.to_ne_bytes()));
    let checksum = crc32fast::hash(records.get(start..).unwrap_or_default());
    records.extend(checksum.to_le_bytes());
}

/// The vector of a record, when the record is whole and that of `key`.
fn vector_of(record: &[u8], key: &EmbeddingKey) -> Option<Quantised> {
    let (content, checksum) = record.split_last_chunk::<CHECKSUM_BYTES>()?;
    let whole = crc32fast::hash(content) == u32::from_le_bytes(*checksum);
    let (head, codes) = content.split_at_checked(RECORD_HEAD_BYTES)?;
    if !whole || !head.starts_with(&key.0) {
        return None;
    }
    let scale = f32::from_bits(u32_at(head, KEY_BYTES + 4)?);
    Some(Quantised { scale, codes: codes.iter().map(|code| i8::from_ne_bytes([*code])).collect() })
}

/// Appends `records` and says where they begin, which another process may have moved.
fn append(file: &mut File, records: &[u8]) -> io::Result<u64> {
    file.write_all(records)?;
    Ok(file.stream_position()?.saturating_sub(records.len() as u64))
}

/// Writes the records of `kept` to `path`, durably.
fn rewrite(from: &File, kept: &[Entry], path: &Path) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(1 << 20, File::create(path)?);
    to.write_all(&HEAD)?;
    let mut record = Vec::new();
    for entry in kept {
        record.resize(record_bytes(entry.dimensions as usize), 0);
        from.read_exact_at(&mut record, entry.offset)?;
        to.write_all(&record)?;
    }
    to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn key(number: usize) -> EmbeddingKey {
        EmbeddingKey::new("model", &number.to_string())
    }

    fn vector(number: usize) -> Vec<f32> {
        (0..8).map(|at| ((number * 7 + at * 3) % 11) as f32 - 5.0).collect()
    }

    /// Keeps the vectors of `numbers` in one run.
    fn fill(dir: &Path, numbers: std::ops::Range<usize>, bytes_max: u64) {
        let cache = EmbeddingCache::open_bounded(dir, bytes_max);
        let made: Vec<(EmbeddingKey, Vec<f32>)> =
            numbers.map(|number| (key(number), vector(number))).collect();
        cache.put(made.iter().map(|(key, vector)| (*key, vector.as_slice())));
        cache.finish().unwrap();
    }

    fn held(cache: &EmbeddingCache) -> Vec<usize> {
        (0..200).filter(|number| cache.get(&key(*number)).is_some()).collect()
    }

    #[test]
    fn what_is_kept_is_what_the_index_would_store() {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path(), 0..3, BYTES_MAX);
        let cache = EmbeddingCache::open(dir.path());
        assert_eq!(cache.len(), 3);
        for number in 0..3 {
            let kept = cache.get(&key(number)).unwrap();
            assert_eq!(quantise(&kept), quantise(&vector(number)));
        }
        assert_eq!(cache.get(&EmbeddingKey::new("other model", "1")), None);
        assert_ne!(EmbeddingKey::new("ab", "c"), EmbeddingKey::new("a", "bc"));
    }

    #[test]
    fn a_run_that_is_killed_keeps_what_it_had() {
        let dir = tempfile::tempdir().unwrap();
        let cache = EmbeddingCache::open(dir.path());
        cache.put([(key(1), vector(1).as_slice())]);
        // Neither finished nor dropped, as after a kill; and half of the next record was written.
        std::mem::forget(cache);
        let path = dir.path().join(FILE);
        let mut torn = fs::read(&path).unwrap();
        torn.extend(key(2).0);
        fs::write(&path, &torn).unwrap();
        let cache = EmbeddingCache::open(dir.path());
        assert_eq!(held(&cache), [1]);
        cache.put([(key(2), vector(2).as_slice())]);
        assert_eq!(held(&cache), [1, 2]);
        assert_eq!(held(&EmbeddingCache::open(dir.path())), [1, 2]);
    }

    #[test]
    fn damage_costs_vectors_and_never_gives_a_wrong_one() {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path(), 0..5, BYTES_MAX);
        let path = dir.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            fs::write(&path, &bytes).unwrap();
            let cache = EmbeddingCache::open(dir.path());
            assert!(cache.len() < 5, "byte {at}");
            for number in held(&cache) {
                assert_eq!(quantise(&cache.get(&key(number)).unwrap()), quantise(&vector(number)));
            }
            fill(dir.path(), 0..5, BYTES_MAX);
            assert_eq!(held(&EmbeddingCache::open(dir.path())), [0, 1, 2, 3, 4], "byte {at}");
        }
    }

    #[test]
    fn the_file_stays_bounded_and_drops_what_nobody_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let room = (HEAD.len() + 100 * record_bytes(8)) as u64;
        fill(dir.path(), 0..100, room);
        let cache = EmbeddingCache::open_bounded(dir.path(), room);
        assert_eq!(cache.len(), 100);
        for number in 0..20 {
            assert!(cache.get(&key(number)).is_some());
        }
        let made: Vec<_> = (100..120).map(|number| (key(number), vector(number))).collect();
        cache.put(made.iter().map(|(key, vector)| (*key, vector.as_slice())));
        cache.finish().unwrap();
        let expected: Vec<usize> = (0..20).chain(65..120).collect();
        assert_eq!(held(&cache), expected);
        let cache = EmbeddingCache::open_bounded(dir.path(), room);
        assert_eq!(held(&cache), expected);
        assert!(fs::metadata(dir.path().join(FILE)).unwrap().len() <= room);
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "not a directory").unwrap();
        let cache = EmbeddingCache::open(&file);
        cache.put([(key(1), vector(1).as_slice())]);
        assert_eq!(cache.get(&key(1)), None);
        cache.finish().unwrap();
        assert!(cache.is_empty());
        assert_eq!(fs::read(&file).unwrap(), b"not a directory");
    }
}
