//! Requests that were acknowledged of late, so that one its sender repeats is stored once.
//!
//! A sender that misses an answer sends the same bytes again. What a request is known by is a hash of these bytes
//! ([`ResendKey`]). The key stands in the same record of the write-ahead log as the data, so both are there after a
//! crash or neither; at every seal the keys that are still young enough go to `resends.bin`, since the log begins anew. Of
//! many only those that are new since go to a second file, until they are a good part of all: a busy store seals several
//! times a second, and its keys take megabytes.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use groundcrew_telemetry::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::checked_file::{self, FileKind};
use crate::{StoreError, disk};

const KIND: FileKind = *b"GCrs";
const NAME: &str = "resends.bin";
/// What came since [`NAME`] was written.
const NEW_NAME: &str = "resends-new.bin";
/// With no more keys than these all are written each time.
const FEW_KEYS: usize = 4_096;
/// All are written anew once so large a part of them is new.
const NEW_PART: usize = 4;
/// How long a request is remembered: longer than exporters retry.
const WINDOW_SECS: i64 = 600;
/// Requests that are remembered; beyond it the oldest are forgotten early.
const KEYS_MAX: usize = 1 << 18;

/// What a request is known by when it comes again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ResendKey([u8; 16]);

impl ResendKey {
    /// The key of a request: who sent it (empty for nobody in particular), what kind it is of, such as `otlp/logs`, and
    /// its body as it is once expanded.
    #[must_use]
    pub fn of(tenant: &str, kind: &str, body: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for name in [tenant, kind] {
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
        }
        hasher.update(body);
        let mut key = [0; 16];
        key.iter_mut().zip(hasher.finalize().as_bytes()).for_each(|(to, from)| *to = *from);
        Self(key)
    }
}

/// What was acknowledged, and when it came; the oldest first.
pub(crate) type Remembered = Vec<(ResendKey, Timestamp)>;

/// The keys of what was acknowledged of late, and of what is being stored right now.
#[derive(Debug, Default)]
pub(crate) struct Resends {
    state: Mutex<State>,
    settled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    known: FxHashMap<ResendKey, Timestamp>,
    oldest_first: VecDeque<(ResendKey, Timestamp)>,
    being_stored: FxHashSet<ResendKey>,
    /// How many came in all.
    count: u64,
    /// How many of them the file of all has, where it has been written.
    in_file: u64,
    /// Whether there is more than in the files.
    is_unsaved: bool,
}

/// The right to store a request: whoever brings the same one meanwhile waits until this is settled or dropped.
#[derive(Debug)]
pub struct Claim<'s> {
    resends: &'s Resends,
    pub(crate) key: ResendKey,
    /// When the request came.
    pub(crate) at: Timestamp,
}

impl Resends {
    /// The right to store the request with `key`, or `None` when it is stored already. Waits while somebody else
    /// stores it.
    pub(crate) fn claim(&self, key: ResendKey, now: Timestamp) -> Option<Claim<'_>> {
        let mut state = self.lock();
        while state.being_stored.contains(&key) {
            state = self.settled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.known.get(&key).is_some_and(|at| is_young(*at, now)) {
            return None;
        }
        state.being_stored.insert(key);
        Some(Claim { resends: self, key, at: now })
    }

    /// Remembers what was acknowledged before the program started.
    pub(crate) fn restore(&self, keys: &[(ResendKey, Timestamp)]) {
        let mut state = self.lock();
        keys.iter().for_each(|(key, at)| state.remember(*key, *at));
    }

    /// Writes what is remembered to its files in `dir`, where there is more than in them. Nobody else does meanwhile.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), StoreError> {
        let (keys, count, is_all) = {
            let mut state = self.lock();
            if !std::mem::take(&mut state.is_unsaved) {
                return Ok(());
            }
            let all = state.oldest_first.len();
            let new = usize::try_from(state.count - state.in_file).unwrap_or(usize::MAX).min(all);
            let is_all = all <= FEW_KEYS || new > all / NEW_PART;
            let skipped = if is_all { 0 } else { all - new };
            let keys: Remembered = state.oldest_first.range(skipped..).copied().collect();
            (keys, state.count, is_all)
        };
        let name = if is_all { NAME } else { NEW_NAME };
        let saved = checked_file::write(&dir.join(name), KIND, &keys);
        let mut state = self.lock();
        match &saved {
            Ok(()) if is_all => state.in_file = count,
            Ok(()) => {}
            Err(_) => state.is_unsaved = true,
        }
        drop(state);
        if is_all && saved.is_ok() {
            // What it has is among all, and damage in it would be told for ever.
            disk::remove_if_there(&dir.join(NEW_NAME));
        }
        saved
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, key: ResendKey, at: Timestamp) {
        if self.known.get(&key) == Some(&at) {
            return;
        }
        self.known.insert(key, at);
        self.oldest_first.push_back((key, at));
        self.count += 1;
        self.is_unsaved = true;
        while let Some((oldest, stored_at)) = self.oldest_first.front().copied() {
            if is_young(stored_at, at) && self.oldest_first.len() <= KEYS_MAX {
                break;
            }
            self.oldest_first.pop_front();
            // It may have been stored anew after its time was up.
            if self.known.get(&oldest) == Some(&stored_at) {
                self.known.remove(&oldest);
            }
        }
    }
}

impl Claim<'_> {
    /// The request is stored. Call this before the memory it is in can be sealed.
    pub(crate) fn settle(self) {
        self.resends.lock().remember(self.key, self.at);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.resends.lock().being_stored.remove(&self.key);
        self.resends.settled.notify_all();
    }
}

/// What lies in the future was stored before the clock was set back; it counts as young.
fn is_young(at: Timestamp, now: Timestamp) -> bool {
    at.plus_secs(WINDOW_SECS) > now
}

/// The keys in the files in `dir`, and what is wrong with one, for a person.
pub(crate) fn load(dir: &Path) -> Result<(Remembered, Option<String>), StoreError> {
    let (mut keys, wrong) = load_file(&dir.join(NAME))?;
    let (new, wrong_with_new) = load_file(&dir.join(NEW_NAME))?;
    keys.extend(new);
    Ok((keys, wrong.or(wrong_with_new)))
}

fn load_file(path: &Path) -> Result<(Remembered, Option<String>), StoreError> {
    match checked_file::read(path, KIND) {
        Ok(keys) => Ok((keys, None)),
        Err(error @ (StoreError::NewerFormat { .. } | StoreError::OlderFormat { .. })) => {
            Err(error)
        }
        Err(error) if error.is_not_found() => Ok((Vec::new(), None)),
        Err(error) => {
            Ok((Vec::new(), Some(format!("{error}; what is sent again may be stored twice"))))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + seconds)
    }

    #[test]
    fn a_key_covers_who_what_and_body_and_mixes_none_of_them() {
        let key = ResendKey::of("", "otlp/logs", b"body");
        assert_eq!(key, ResendKey::of("", "otlp/logs", b"body"));
        for other in [
            ResendKey::of("a", "otlp/logs", b"body"),
            ResendKey::of("", "otlp/spans", b"body"),
            ResendKey::of("", "otlp/logs", b"body "),
            ResendKey::of("otlp", "/logs", b"body"),
            ResendKey::of("", "otlp/logsb", b"ody"),
        ] {
            assert_ne!(key, other);
        }
    }

    #[test]
    fn what_is_stored_is_known_for_ten_minutes() {
        let resends = Resends::default();
        let key = ResendKey::of("", "k", b"1");
        resends.claim(key, at(0)).unwrap().settle();
        assert!(resends.claim(key, at(599)).is_none());
        assert!(resends.claim(key, at(-3_600)).is_none(), "a clock set back forgets nothing");
        resends.claim(key, at(600)).unwrap().settle();
        assert!(resends.claim(key, at(1_100)).is_none(), "known since it was stored anew");
    }

    #[test]
    fn what_failed_may_be_stored_by_the_next() {
        let resends = Resends::default();
        let key = ResendKey::of("", "k", b"1");
        drop(resends.claim(key, at(0)).unwrap());
        assert!(resends.claim(key, at(1)).is_some());
    }

    #[test]
    fn who_brings_the_same_at_the_same_moment_waits_for_the_outcome() {
        let resends = Resends::default();
        let key = ResendKey::of("", "k", b"1");
        let stored: usize = thread::scope(|scope| {
            let bring = || {
                resends.claim(key, at(0)).map_or(0, |claim| {
                    thread::yield_now();
                    claim.settle();
                    1
                })
            };
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(bring)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(stored, 1);
    }

    #[test]
    fn the_memory_is_bounded_by_count_and_by_age() {
        let resends = Resends::default();
        let keys: Vec<(ResendKey, Timestamp)> = (0..KEYS_MAX as u64 + 10)
            .map(|number| (ResendKey::of("", "k", &number.to_le_bytes()), at(0)))
            .collect();
        resends.restore(&keys);
        assert_eq!(resends.lock().known.len(), KEYS_MAX);
        assert!(resends.claim(keys[0].0, at(1)).is_some(), "the oldest made room");
        resends.claim(ResendKey::of("", "k", b"later"), at(700)).unwrap().settle();
        assert_eq!(resends.lock().known.len(), 1);
        assert_eq!(resends.lock().oldest_first.len(), 1);
    }

    #[test]
    fn what_is_remembered_comes_back_from_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let resends = Resends::default();
        let key = ResendKey::of("", "k", b"1");
        resends.claim(key, at(0)).unwrap().settle();
        resends.save(dir.path()).unwrap();
        let (keys, warning) = load(dir.path()).unwrap();
        assert_eq!((keys, warning), (vec![(key, at(0))], None));
        std::fs::write(dir.path().join(NAME), "rubbish").unwrap();
        let (keys, warning) = load(dir.path()).unwrap();
        assert!(keys.is_empty() && warning.unwrap().contains("may be stored twice"));
    }

    #[test]
    fn of_many_only_the_new_ones_are_written_until_they_are_many() {
        let dir = tempfile::tempdir().unwrap();
        let resends = Resends::default();
        let key = |number: u64| ResendKey::of("", "k", &number.to_le_bytes());
        let bring = |numbers: std::ops::Range<u64>| {
            numbers.for_each(|number| resends.claim(key(number), at(0)).unwrap().settle());
            resends.save(dir.path()).unwrap();
            let length = |name: &str| dir.path().join(name).metadata().map_or(0, |meta| meta.len());
            let (keys, warning) = load(dir.path()).unwrap();
            assert_eq!(warning, None);
            let known = Resends::default();
            known.restore(&keys);
            let known = known.lock().known.len();
            (length(NAME), length(NEW_NAME), known)
        };
        let (of_all, none, known) = bring(0..8_000);
        assert_eq!((none, known), (0, 8_000));
        let (same, some, known) = bring(8_000..8_100);
        assert!(same == of_all && some < of_all / 20, "{some} of {of_all}");
        assert_eq!(known, 8_100);
        let (same, more, known) = bring(8_100..9_000);
        assert!(same == of_all && more > some);
        assert_eq!(known, 9_000);
        let (larger, left, known) = bring(9_000..11_000);
        assert!(larger > of_all && left == 0, "the new ones are among all");
        assert_eq!(known, 11_000);
        let (_, few, known) = bring(11_000..11_010);
        assert!(few < some);
        assert_eq!(known, 11_010);
        std::fs::write(dir.path().join(NEW_NAME), "rubbish").unwrap();
        let (keys, warning) = load(dir.path()).unwrap();
        assert!(keys.len() == 11_000 && warning.unwrap().contains("may be stored twice"));
        let known = Resends::default();
        known.restore(&keys);
        known.save(dir.path()).unwrap();
        assert_eq!(load(dir.path()).unwrap(), (keys, None), "it is told once");
    }
}
