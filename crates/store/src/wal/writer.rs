//! Writes the write-ahead log, many appends per sync.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::replay::Replayed;
use super::segment::{self, Segment};
use crate::disk::File;
use crate::frames::{FRAME_HEAD_BYTES, frame_head};
use crate::{StoreError, disk};

/// A segment is closed beyond this size, so that reading one back takes bounded memory.
const SEGMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Failed syncs whose outcome is remembered for appends that still wait.
const FAILURES_MAX: usize = 256;

/// The log, open for writing.
#[derive(Debug)]
pub(crate) struct Wal {
    dir: PathBuf,
    state: Mutex<State>,
    synced: Condvar,
}

#[derive(Debug)]
struct State {
    /// The segment that is being written; opened by the first append that needs it.
    segment: Option<Segment>,
    number_next: u64,
    /// How long the last closed segment is, as far as it was acknowledged.
    length_before: u64,
    /// Whether an appender is syncing on behalf of all that wait.
    is_syncing: bool,
    failures: Vec<Failure>,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    number: u64,
    acked: u64,
    kind: io::ErrorKind,
}

impl Wal {
    /// Continues behind what was replayed.
    pub(crate) fn open(dir: &Path, replayed: &Replayed) -> Self {
        settle_last_segment(dir);
        let state = State {
            segment: None,
            number_next: replayed.number_next,
            length_before: replayed.length_before,
            is_syncing: false,
            failures: Vec::new(),
        };
        Self { dir: dir.to_owned(), state: Mutex::new(state), synced: Condvar::new() }
    }

    /// Appends a frame without waiting: the next synced append makes it durable, too.
    pub(crate) fn append_unsynced(&self, payload: &[u8]) -> Result<(), StoreError> {
        self.write_frame(&mut self.lock(), payload).map(drop)
    }

    /// Appends a frame and returns when it is durable.
    ///
    /// One of the appenders that wait becomes the leader and syncs what all of them wrote; those that come meanwhile
    /// write their frames and wait for the next round.
    pub(crate) fn append(&self, payload: &[u8]) -> Result<(), StoreError> {
        let mut state = self.lock();
        let (number, end) = self.write_frame(&mut state, payload)?;
        loop {
            match &state.segment {
                Some(segment) if segment.number == number => {
                    if segment.acked >= end {
                        return Ok(());
                    }
                }
                // Closed meanwhile: in good order, unless a failure says otherwise.
                _ => return self.outcome(&state, number, end),
            }
            state = if state.is_syncing {
                self.synced.wait(state).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.sync_as_leader(state)
            };
        }
    }

    /// Closes the current segment, synced; says which number the next one has. The caller sees to it that nobody appends.
    pub(crate) fn rotate(&self) -> Result<u64, StoreError> {
        let mut state = self.lock();
        if let Some(segment) = &state.segment {
            let (number, end) = (segment.number, segment.written);
            if segment.acked < end {
                state = self.sync_as_leader(state);
                self.outcome(&state, number, end)?;
            }
            close(&mut state);
        }
        Ok(state.number_next)
    }

    /// Removes the segments below `floor`. Those in `damaged` are set aside in `quarantine`.
    pub(crate) fn remove_below(&self, floor: u64, damaged: &[u64], quarantine: &Path) {
        let Ok(segments) = segment::list(&self.dir) else { return };
        for (number, path) in segments.into_iter().filter(|(number, _)| *number < floor) {
            if damaged.contains(&number) {
                disk::set_aside(&path, quarantine);
            }
            disk::remove_if_there(&path);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says in which segment the frame is and where it ends.
    fn write_frame(&self, state: &mut State, payload: &[u8]) -> Result<(u64, u64), StoreError> {
        let head = frame_head(payload)
            .ok_or_else(|| StoreError::damaged(&self.dir, "an append would exceed 4 GiB"))?;
        if state.segment.as_ref().is_some_and(|segment| {
            segment.written >= SEGMENT_BYTES_MAX && segment.acked == segment.written
        }) {
            close(state);
        }
        if state.segment.is_none() {
            let made = Segment::create(&self.dir, state.number_next, state.length_before)?;
            state.number_next += 1;
            state.segment = Some(made);
        }
        let Some(segment) = &mut state.segment else { return Err(StoreError::ReadOnly) };
        let start = segment.written;
        let written = segment
            .file
            .write_all_at(&head, start)
            .and_then(|()| segment.file.write_all_at(payload, start + FRAME_HEAD_BYTES as u64));
        match written {
            Ok(()) => {
                segment.written = start + (FRAME_HEAD_BYTES + payload.len()) as u64;
                Ok((segment.number, segment.written))
            }
            Err(source) => {
                let error = StoreError::io("write", &segment.path)(io::Error::from(source.kind()));
                // What was written in part goes; frames before it are whole. If even that fails, the next frame
                // overwrites it, and a reader skips what remains.
                if let Err(error) = segment.file.set_len(start) {
                    tracing::warn!(path = %segment.path.display(), %error, "failed to cut a partial write");
                }
                Err(error)
            }
        }
    }

    fn sync_as_leader<'s>(&'s self, mut state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        let Some(segment) = &state.segment else { return state };
        let (number, target, file) = (segment.number, segment.written, Arc::clone(&segment.file));
        state.is_syncing = true;
        drop(state);
        let synced = file.sync_data();
        let mut state = self.lock();
        state.is_syncing = false;
        match synced {
            Ok(()) => {
                if let Some(segment) = &mut state.segment
                    && segment.number == number
                {
                    segment.acked = segment.acked.max(target);
                }
            }
            Err(error) => poison(&mut state, &error),
        }
        self.synced.notify_all();
        state
    }

    /// What became of a frame of a segment that is closed.
    fn outcome(&self, state: &State, number: u64, end: u64) -> Result<(), StoreError> {
        match state.failures.iter().find(|failure| failure.number == number) {
            Some(failure) if failure.acked < end => {
                let path = segment::path_of(&self.dir, number);
                Err(StoreError::io("sync", &path)(io::Error::from(failure.kind)))
            }
            _ => Ok(()),
        }
    }
}

/// Closes the current segment in good order.
fn close(state: &mut State) {
    if let Some(segment) = state.segment.take() {
        state.length_before = segment.acked;
    }
}

/// Closes the current segment for good after a failed sync.
fn poison(state: &mut State, error: &io::Error) {
    let Some(segment) = state.segment.take() else { return };
    tracing::error!(path = %segment.path.display(), %error, "failed to sync the write-ahead log");
    if state.failures.len() >= FAILURES_MAX {
        state.failures.remove(0);
    }
    state.failures.push(Failure {
        number: segment.number,
        acked: segment.acked,
        kind: error.kind(),
    });
    // What is behind was refused. The next segment's head says so, too; cutting it here spares the space.
    if let Err(error) = segment.file.set_len(segment.acked) {
        tracing::warn!(path = %segment.path.display(), %error, "failed to cut what was refused");
    }
    state.length_before = segment.acked;
}

/// Makes the last segment durable as it was read. After a crash it may be whole in the page cache alone; and where a sync
/// had failed before, another one would succeed without having written anything. So it is written anew. On a full disk,
/// where that cannot be done, it is at least synced.
fn settle_last_segment(dir: &Path) {
    let unfinished = disk::list(dir).unwrap_or_default();
    unfinished
        .iter()
        .filter(|path| disk::is_unfinished(path))
        .for_each(|path| disk::remove_if_there(path));
    let Some((_, path)) = segment::list(dir).ok().and_then(|mut segments| segments.pop()) else {
        return;
    };
    let Err(error) = disk::read(&path).and_then(|bytes| disk::replace(&path, &bytes)) else {
        return;
    };
    tracing::warn!(path = %path.display(), %error, "failed to write the last segment anew");
    if let Err(error) = File::open(&path).and_then(|file| file.sync_all()) {
        tracing::warn!(path = %path.display(), %error, "failed to sync the last segment");
    }
}
