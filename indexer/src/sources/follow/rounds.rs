//! Goes round the files that are followed: reads on, stores, and only then notes how far.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use groundcrew_store::{Durability, StoreError};
use groundcrew_telemetry::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};

use super::place::{self, FileId, GONE_SECS, KEPT_SECS, Place};
use super::tail::{Tail, id_of};
use super::wanted::{FILES_MAX, is_wanted, mistake, wanted};
use crate::intake::{Intake, Refused};
use crate::sources::files::IngestSummary;
use crate::sources::files::outbox::Outbox;

/// How often files are looked at.
const POLL: Duration = Duration::from_millis(500);
/// Collected telemetry that goes on at once.
const PARCEL_BYTES: usize = 8 << 20;
/// Longest wait for a copy to be whole.
const COPY_SECS: i64 = 60;
/// Entries of a folder that are looked through for a file that was renamed.
const ENTRIES_MAX: usize = 10_000;

/// What is followed.
#[derive(Clone, Debug, Default)]
pub struct FollowOptions {
    /// Paths and patterns.
    pub patterns: Vec<String>,
    /// The service of lines that name none.
    pub service: Option<String>,
}

/// How far following has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Followed {
    /// Files that are followed now.
    pub files: usize,
    /// Records stored since the start.
    pub records: u64,
    /// Records that could not be masked or understood since then.
    pub left_out: u64,
}

/// Why following ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// A pattern that can match nothing.
    #[error("not a pattern: {0}")]
    Pattern(String),
    /// The state cannot be read or written.
    #[error("failed to keep how far files were read: {0}")]
    State(#[from] StoreError),
    /// The intake takes nothing any more.
    #[error("telemetry was refused: {0}")]
    Refused(#[from] Refused),
}

/// Follows files until `stopped`. Blocks; `progress` is called after each round that stored something.
///
/// # Errors
/// When the state or the store fails for good. What was stored until then stays, and is not read again.
pub fn follow(
    intake: &Intake,
    options: &FollowOptions,
    stopped: &dyn Fn() -> bool,
    progress: &dyn Fn(Followed),
) -> Result<(), FollowError> {
    if let Some(mistake) = options.patterns.iter().find_map(|pattern| mistake(pattern)) {
        return Err(FollowError::Pattern(mistake));
    }
    let mut rounds = Rounds::new(intake, options)?;
    while !stopped() {
        let before = rounds.so_far;
        let more = rounds.once(stopped)?;
        if rounds.so_far != before {
            progress(rounds.so_far);
        }
        if !more {
            std::thread::sleep(POLL);
        }
    }
    Ok(())
}

pub(super) struct Rounds<'a> {
    intake: &'a Intake,
    options: &'a FollowOptions,
    /// Places of an earlier run, and of files that are gone.
    places: FxHashMap<FileId, Place>,
    tails: Vec<Tail>,
    outbox: Outbox,
    summary: IngestSummary,
    so_far: Followed,
    /// Files that look like copies which are still being made, and since when they do.
    half_copies: FxHashMap<FileId, Timestamp>,
    said_too_many: bool,
}

impl<'a> Rounds<'a> {
    /// Goes on where an earlier run left off.
    pub(super) fn new(intake: &'a Intake, options: &'a FollowOptions) -> Result<Self, FollowError> {
        let places = place::kept(intake.store(), intake.now())?;
        let mut rounds = Self {
            intake,
            options,
            places: places.into_iter().map(|place| (place.file, place)).collect(),
            tails: Vec::new(),
            outbox: Outbox::holding(),
            summary: IngestSummary::default(),
            so_far: Followed::default(),
            half_copies: FxHashMap::default(),
            said_too_many: false,
        };
        rounds.open_known(intake.now());
        Ok(rounds)
    }

    /// One round; says whether there is more to read at once.
    pub(super) fn once(&mut self, stopped: &dyn Fn() -> bool) -> Result<bool, FollowError> {
        let now = self.intake.now();
        let named = self.discover(now);
        let mut more = false;
        for position in 0..self.tails.len() {
            let Some(tail) = self.tails.get_mut(position) else { break };
            match tail.read_on(&mut self.outbox, &mut self.summary, now) {
                Ok(read) => more |= read,
                Err(error) => {
                    tracing::warn!(path = %tail.path.display(), %error, "failed to read on")
                }
            }
            tail.note_name(named.contains(&tail.id), now);
            if tail.is_abandoned(now) {
                tail.finish(&mut self.outbox, &mut self.summary);
            } else if tail.is_quiet(now) {
                tail.end_record(&mut self.outbox, &mut self.summary);
            }
            if self.outbox.bytes() >= PARCEL_BYTES {
                self.store(now, stopped)?;
            }
        }
        self.store(now, stopped)?;
        self.let_go(now)?;
        self.so_far.files = self.tails.len();
        Ok(more)
    }

    /// Opens files that are new. Gives the ids of all that have a name.
    fn discover(&mut self, now: Timestamp) -> FxHashSet<FileId> {
        let (paths, too_many) = wanted(&self.options.patterns);
        if too_many && !self.said_too_many {
            tracing::warn!("more than {FILES_MAX} files match; the first by name are followed");
            self.said_too_many = true;
        }
        let mut named = FxHashSet::default();
        for path in paths {
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            let id = id_of(&metadata);
            named.insert(id);
            match self.tails.iter_mut().find(|tail| tail.id == id) {
                // Renamed: the lines keep coming from the same file.
                Some(tail) => tail.path = path,
                None => self.open(&path, now),
            }
        }
        named
    }

    fn open(&mut self, path: &Path, now: Timestamp) {
        let opened = File::open(path).and_then(|file| Ok((id_of(&file.metadata()?), file)));
        let (id, file) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "failed to open a file to follow");
                return;
            }
        };
        let known = self.places.get(&id).filter(|place| place.holds_in(&file)).cloned();
        let place = known.or_else(|| self.copied(&file));
        if place.is_none() && self.is_half_copy(id, &file, now) {
            return;
        }
        self.places.remove(&id);
        self.half_copies.remove(&id);
        let service = self.options.service.as_deref();
        self.tails.push(Tail::open(file, id, path, service, (place, now)));
    }

    /// Opens files that were read before, also those that lost their names since, so that the lines at their ends are not
    /// lost.
    fn open_known(&mut self, now: Timestamp) {
        let places: Vec<Place> = self.places.values().cloned().collect();
        for place in places {
            let path = Path::new(&place.path);
            if !is_wanted(&self.options.patterns, path) {
                continue;
            }
            let is_it = |m: &std::fs::Metadata| m.is_file() && id_of(m) == place.file;
            if std::fs::metadata(path).is_ok_and(|m| is_it(&m)) {
                self.open(path, now);
                continue;
            }
            let beside = path.parent().and_then(|folder| std::fs::read_dir(folder).ok());
            let mut entries = beside.into_iter().flatten().flatten().take(ENTRIES_MAX);
            let found = entries.find(|entry| entry.metadata().is_ok_and(|m| is_it(&m)));
            let Some(found) = found else { continue };
            // An inode that another file has by now is no trace of this one.
            if File::open(found.path()).is_ok_and(|file| place.holds_in(&file)) {
                self.open(&found.path(), now);
            }
        }
    }

    /// Whether a new file is a copy that is still being written: what it is a copy of is known, and it is shorter.
    fn is_half_copy(&mut self, id: FileId, file: &File, now: Timestamp) -> bool {
        let half = self.known_places().any(|place| place.is_being_copied_to(file));
        let since = *self.half_copies.entry(id).or_insert(now);
        half && since.plus_secs(COPY_SECS) > now
    }

    fn known_places(&self) -> impl Iterator<Item = &Place> {
        let of_tails = self.tails.iter().flat_map(|tail| [&tail.stored, &tail.before_truncation]);
        of_tails.flatten().chain(self.places.values())
    }

    /// How far a file was read of which this is a copy, as rotation makes one before it truncates.
    fn copied(&self, file: &File) -> Option<Place> {
        let copied = self.known_places().filter(|place| place.is_copied_to(file));
        copied.max_by_key(|place| place.offset).cloned()
    }

    /// Stores what was collected, then notes how far each file is stored.
    fn store(&mut self, now: Timestamp, stopped: &dyn Fn() -> bool) -> Result<(), FollowError> {
        let (batches, bytes) = self.outbox.take();
        if !batches.is_empty() {
            let stored = self.admit(bytes, stopped).and_then(|admission| {
                self.intake.submit_admitted(admission, batches, Durability::Synced)
            });
            match stored {
                Ok(accepted) => {
                    self.so_far.records += accepted.records as u64;
                    self.so_far.left_out += accepted.withheld as u64;
                }
                Err(Refused { retry_after: Some(wait), reason }) => {
                    tracing::warn!(%reason, "lines of followed files are read again");
                    self.tails.iter_mut().for_each(Tail::go_back);
                    std::thread::sleep(wait.min(POLL));
                    return Ok(());
                }
                Err(refused) => return Err(refused.into()),
            }
        }
        self.so_far.left_out += std::mem::take(&mut self.summary).rejected_total;
        for tail in &mut self.tails {
            match tail.place() {
                Ok(None) => {}
                Ok(Some(place)) => {
                    place::keep(self.intake.store(), &place, now, KEPT_SECS)?;
                    tail.stored = Some(place);
                }
                // Truncated since it was read: the next round sees that.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => {
                    tracing::warn!(path = %tail.path.display(), %error, "failed to note how far a file was read")
                }
            }
        }
        Ok(())
    }

    /// Waits while the intake is busy with what others send.
    fn admit(
        &self,
        bytes: usize,
        stopped: &dyn Fn() -> bool,
    ) -> Result<crate::intake::Admission, Refused> {
        loop {
            match self.intake.admit(bytes) {
                Err(Refused { retry_after: Some(wait), .. }) if !stopped() => {
                    std::thread::sleep(wait.min(POLL));
                }
                outcome => return outcome,
            }
        }
    }

    /// Closes files that have no name any more and to which nobody seems to write.
    fn let_go(&mut self, now: Timestamp) -> Result<(), FollowError> {
        let (gone, kept): (Vec<Tail>, Vec<Tail>) = std::mem::take(&mut self.tails)
            .into_iter()
            .partition(|tail| tail.is_abandoned(now) && tail.is_stored());
        self.tails = kept;
        for tail in gone {
            let Some(place) = tail.stored.clone() else { continue };
            place::keep(self.intake.store(), &place, now, GONE_SECS)?;
            // Under another name it may still be there; deleted it is not.
            if tail.file().metadata().is_ok_and(|metadata| metadata.nlink() > 0) {
                self.places.insert(tail.id, place);
            }
        }
        Ok(())
    }
}
