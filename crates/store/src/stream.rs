//! What is stored of streams that their senders keep, such as the partitions of a Kafka topic, so that a message that is
//! delivered again is stored once.
//!
//! A stream numbers its messages. Which of them an append brings stands in the same record of the write-ahead log as the
//! records themselves, so both are there after a crash or neither; at every seal all of it goes to `streams.bin`, since
//! the log begins anew. Numbers that will not come again are forgotten, so that what is kept stays small.

use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::checked_file::{self, FileKind};

const KIND: FileKind = *b"GCst";
const NAME: &str = "streams.bin";
/// Streams that are known; beyond it those that brought nothing for longest are forgotten.
const STREAMS_MAX: usize = 4_096;
/// Ranges that are known of one stream; beyond it the lowest are forgotten.
const RANGES_MAX: usize = 4_096;
/// Names longer than this end in a hash of the whole.
const NAME_BYTES_MAX: usize = 320;

/// What a stream is known by.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct StreamName(String);

impl StreamName {
    /// The name that these parts make together, such as cluster, group, topic and partition.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let name = parts.join(":");
        if name.len() <= NAME_BYTES_MAX {
            return Self(name);
        }
        let hash = blake3::hash(name.as_bytes()).to_hex();
        let kept = name.floor_char_boundary(NAME_BYTES_MAX - hash.len() - 1);
        Self(format!("{}#{hash}", name.get(..kept).unwrap_or_default()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an append brings of a stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StreamPart {
    /// The stream.
    pub stream: StreamName,
    /// The numbers of the messages, in ranges that may overlap and come in any order.
    pub messages: Vec<Range<u64>>,
    /// Messages below this number will not come again.
    pub settled: u64,
}

impl StreamPart {
    /// Messages one after the other; none before them will come again.
    #[must_use]
    pub fn run(stream: StreamName, messages: Range<u64>) -> Self {
        let settled = messages.start;
        Self { stream, messages: std::iter::once(messages).collect(), settled }
    }
}

/// Streams and the ranges that are stored of them, those that brought nothing for longest first.
pub(crate) type KnownStreams = Vec<(StreamName, Vec<Range<u64>>)>;

/// What is stored of every stream.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: FxHashMap<StreamName, Known>,
    /// Counts what was noted; says which stream brought nothing for longest.
    noted: u64,
    /// Whether there is more than in the file.
    is_unsaved: bool,
}

#[derive(Debug, Default)]
struct Known {
    /// Ascending, with gaps between them.
    ranges: Vec<Range<u64>>,
    noted_at: u64,
}

impl Streams {
    /// Notes what was stored. Says what had to be forgotten for it, for a person.
    pub(crate) fn note(&self, parts: &[StreamPart]) -> Vec<String> {
        let mut state = self.lock();
        parts.iter().filter_map(|part| state.note(part)).collect()
    }

    /// The number behind the last message that is stored; `None` of a stream that is not known.
    pub(crate) fn position(&self, stream: &StreamName) -> Option<u64> {
        self.lock().known.get(stream)?.ranges.last().map(|range| range.end)
    }

    /// Whether this message is stored, as far as is known.
    pub(crate) fn holds(&self, stream: &StreamName, message: u64) -> bool {
        let state = self.lock();
        state.known.get(stream).is_some_and(|known| {
            let next = known.ranges.partition_point(|range| range.end <= message);
            known.ranges.get(next).is_some_and(|range| range.contains(&message))
        })
    }

    /// Forgets a stream.
    pub(crate) fn forget(&self, stream: &StreamName) {
        let mut state = self.lock();
        state.is_unsaved |= state.known.remove(stream).is_some();
    }

    /// Remembers what was stored before the program started.
    pub(crate) fn restore(&self, known: &KnownStreams, logged: &[StreamPart]) -> Vec<String> {
        let of_file = known.iter().map(|(stream, messages)| StreamPart {
            stream: stream.clone(),
            messages: messages.clone(),
            settled: 0,
        });
        let parts: Vec<StreamPart> = of_file.chain(logged.iter().cloned()).collect();
        self.note(&parts)
    }

    /// Whether there is more than in the file.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.lock().is_unsaved
    }

    /// Writes what is known to its file in `dir`, where there is more than in the file.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), StoreError> {
        let known: KnownStreams = {
            let mut state = self.lock();
            if !std::mem::take(&mut state.is_unsaved) {
                return Ok(());
            }
            let mut streams: Vec<_> = state.known.iter().collect();
            streams.sort_unstable_by_key(|(_, known)| known.noted_at);
            streams.into_iter().map(|(name, known)| (name.clone(), known.ranges.clone())).collect()
        };
        let saved = checked_file::write(&dir.join(NAME), KIND, &known);
        if saved.is_err() {
            self.lock().is_unsaved = true;
        }
        saved
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, part: &StreamPart) -> Option<String> {
        self.noted += 1;
        self.is_unsaved = true;
        let known = self.known.entry(part.stream.clone()).or_default();
        known.noted_at = self.noted;
        known.add(part);
        if known.ranges.len() > RANGES_MAX {
            known.ranges.drain(..known.ranges.len() - RANGES_MAX);
            return Some(format!(
                "messages of the stream {} stay unsettled for long: of those, the oldest may be stored twice",
                part.stream.as_str()
            ));
        }
        if self.known.len() <= STREAMS_MAX {
            return None;
        }
        let oldest = self.known.iter().min_by_key(|(_, known)| known.noted_at);
        let oldest = oldest.map(|(stream, _)| stream.clone())?;
        self.known.remove(&oldest);
        Some(format!(
            "more than {STREAMS_MAX} streams were read: how far is not known any more of those that brought nothing for longest, and what their senders deliver again may be stored twice"
        ))
    }
}

impl Known {
    fn add(&mut self, part: &StreamPart) {
        let last = self.ranges.last().map(|range| range.end);
        self.ranges.extend(part.messages.iter().filter(|range| !range.is_empty()).cloned());
        self.ranges.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<u64>> = Vec::with_capacity(self.ranges.len());
        for range in self.ranges.drain(..) {
            match merged.last_mut() {
                Some(before) if range.start <= before.end => before.end = before.end.max(range.end),
                _ => merged.push(range),
            }
        }
        // The last one stays, and with it the position.
        let end = merged.last().map(|range| range.end).or(last).unwrap_or_default();
        let settled = part.settled.min(end.saturating_sub(1));
        merged.retain(|range| range.end > settled);
        if let Some(first) = merged.first_mut() {
            first.start = first.start.max(settled);
        }
        self.ranges = merged;
    }
}

/// What is in the file in `dir`, and what is wrong with it, for a person.
pub(crate) fn load(dir: &Path) -> Result<(KnownStreams, Option<String>), StoreError> {
    match checked_file::read(&dir.join(NAME), KIND) {
        Ok(known) => Ok((known, None)),
        Err(error @ (StoreError::NewerFormat { .. } | StoreError::OlderFormat { .. })) => {
            Err(error)
        }
        Err(error) if error.is_not_found() => Ok((Vec::new(), None)),
        Err(error) => Ok((
            Vec::new(),
            Some(format!(
                "{error}; streams are read on from where their senders say, and what was not settled may be stored twice"
            )),
        )),
    }
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "a part may well be one range")]
mod tests {
    use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn name(text: &str) -> StreamName {
        StreamName::of(&["test", text])
    }

    fn part(stream: &str, messages: &[Range<u64>], settled: u64) -> StreamPart {
        StreamPart { stream: name(stream), messages: messages.to_vec(), settled }
    }

    #[test]
    fn a_stream_is_known_by_its_ranges_and_forgets_what_is_settled() {
        let streams = Streams::default();
        assert_eq!(streams.position(&name("a")), None);
        assert!(streams.note(&[part("a", &[10..20, 30..40], 0), part("b", &[0..1], 0)]).is_empty());
        assert_eq!(streams.position(&name("a")), Some(40));
        let held = |number| streams.holds(&name("a"), number);
        assert!(!held(9) && held(10) && held(19) && !held(20) && held(30) && !held(40));
        assert!(streams.note(&[part("a", &[18..31], 15)]).is_empty());
        let held = |number| streams.holds(&name("a"), number);
        assert!(!held(14) && held(15) && held(20) && held(39) && !held(40));
        streams.note(&[part("a", &[], 1_000)]);
        assert_eq!(streams.position(&name("a")), Some(40), "the position stays");
        streams.forget(&name("a"));
        assert_eq!(streams.position(&name("a")), None);
        assert_eq!(streams.position(&name("b")), Some(1));
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_goes_is_said() {
        let streams = Streams::default();
        let many = |from: u64| -> Vec<Range<u64>> {
            (from..from + RANGES_MAX as u64).map(|n| 2 * n..2 * n + 1).collect()
        };
        assert!(streams.note(&[part("a", &many(0), 0)]).is_empty());
        assert!(streams.note(&[part("a", &many(10), 0)])[0].contains("may be stored twice"));
        assert!(!streams.holds(&name("a"), 0) && streams.holds(&name("a"), 20));
        let parts: Vec<StreamPart> =
            (0..STREAMS_MAX).map(|n| part(&n.to_string(), &[0..1], 0)).collect();
        assert_eq!(streams.note(&parts).len(), 1);
        assert_eq!(streams.position(&name("a")), None, "it brought nothing for longest");
        assert_eq!(streams.position(&name("0")), Some(1));
    }

    #[test]
    fn a_long_name_is_cut_and_stays_its_own() {
        let (one, other) = ("ü".repeat(400) + "1", "ü".repeat(400) + "2");
        assert!(name(&one).as_str().len() <= NAME_BYTES_MAX);
        assert_ne!(name(&one), name(&other));
        assert_eq!(name("short").as_str(), "test:short");
    }

    #[test]
    fn what_is_known_comes_back_from_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let streams = Streams::default();
        streams.note(&[part("a", &[3..5, 7..9], 0)]);
        streams.save(dir.path()).unwrap();
        assert!(!streams.is_unsaved());
        let (known, warning) = load(dir.path()).unwrap();
        assert_eq!((known, warning), (vec![(name("a"), vec![3..5, 7..9])], None));
        std::fs::write(dir.path().join(NAME), "rubbish").unwrap();
        let (known, warning) = load(dir.path()).unwrap();
        assert!(known.is_empty() && warning.unwrap().contains("may be stored twice"));
    }

    proptest! {
        #[test]
        fn ranges_hold_what_a_plain_set_holds(
            ranges in proptest::collection::vec((0_u64..60, 0_u64..8).prop_map(|(a, n)| a..a + n), 0..40),
            settled in any::<bool>().prop_flat_map(|some| if some { 0_u64..30 } else { 0..1 }),
        ) {
            let streams = Streams::default();
            for range in &ranges {
                streams.note(&[part("a", &[range.start..range.end], settled)]);
            }
            let set: Vec<u64> = ranges.iter().cloned().flatten().collect();
            prop_assert_eq!(streams.position(&name("a")), set.iter().max().map(|last| last + 1));
            for number in 0..70 {
                let held = streams.holds(&name("a"), number);
                prop_assert!(!held || set.contains(&number), "{} is not stored", number);
                prop_assert!(held || number < settled || !set.contains(&number), "{} is", number);
            }
        }
    }
}
