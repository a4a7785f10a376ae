//! Cold files as readers see them: fetched whole, checked, and kept on the local disk as long as there is room.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use crate::split::SplitMeta;
use crate::{StoreError, disk};

/// After a failure nothing is fetched for so long: a question about many splits must not wait for each.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(15);
/// Fetching of this many timeouts' length is looked at as one when it is asked whether it takes too long.
const STRETCH_TIMEOUTS: u32 = 3;
/// A failure that nothing has repeated for so long is no longer told.
const FAILURE_TOLD: Duration = Duration::from_secs(60);
/// Characters of the hash that stand in an object's key.
const KEY_HASH_CHARACTERS: usize = 16;

/// A file of a split that lies in the bucket alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct ColdFile {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// blake3 of its content, in hex.
    pub(crate) hash: String,
}

impl ColdFile {
    /// The file of this name and content.
    pub(crate) fn of(name: &str, content: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            bytes: content.len() as u64,
            hash: blake3::hash(content).to_hex().to_string(),
        }
    }

    /// The key of the object that it is: by content, so that one key never holds two things.
    pub(crate) fn key(&self, split: &SplitMeta) -> String {
        let hash = self.hash.get(..KEY_HASH_CHARACTERS).unwrap_or_default();
        let split = split.relative_path();
        format!("{}/{hash}-{}", split.to_string_lossy().replace('\\', "/"), self.name)
    }

    pub(crate) fn is(&self, content: &[u8]) -> bool {
        content.len() as u64 == self.bytes && blake3::hash(content).to_hex().as_str() == self.hash
    }
}

/// The bucket of a store with the cache before it.
#[derive(Debug)]
pub(crate) struct ColdFiles {
    pub(crate) bucket: Bucket,
    /// Fetched files, a directory per split.
    dir: PathBuf,
    failure: Mutex<Option<(Instant, String)>>,
    /// Held while files come and go here.
    room: Mutex<()>,
    stretch: Mutex<Stretch>,
}

/// How long fetching took lately. A question about a month must not fetch all of it: whoever asks again gets further.
#[derive(Debug)]
struct Stretch {
    began: Instant,
    spent: Duration,
}

impl ColdFiles {
    pub(crate) fn new(bucket: Bucket, store_dir: &Path) -> Self {
        let stretch = Mutex::new(Stretch { began: Instant::now(), spent: Duration::ZERO });
        Self {
            bucket,
            dir: store_dir.join("cold"),
            failure: Mutex::new(None),
            room: Mutex::new(()),
            stretch,
        }
    }

    /// Why the bucket could not be read last; `None` when it could.
    pub(crate) fn failure(&self) -> Option<String> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = failure.as_ref().filter(|(at, _)| at.elapsed() < FAILURE_TOLD);
        recent.map(|(_, reason)| reason.clone())
    }

    /// The directory in which `file` of `split` can be opened; fetches it when it is not there.
    pub(crate) fn fetched(
        &self,
        split: &SplitMeta,
        file: &ColdFile,
    ) -> Result<PathBuf, StoreError> {
        let dir = self.dir.join(format!("{:08}", split.id));
        let path = dir.join(&file.name);
        // What is there was checked before it got its name, and is checked in pieces as it is read.
        if disk::exists(&path) && disk::length(&path) == file.bytes {
            return Ok(dir);
        }
        let content = self.fetch(split, file)?;
        let _room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        disk::create_dir(&dir)?;
        self.make_room(file.bytes, &dir)?;
        disk::replace_alone(&path, &content)?;
        Ok(dir)
    }

    /// Forgets what was fetched of a split.
    pub(crate) fn forget(&self, split: u64) {
        disk::remove_if_there(&self.dir.join(format!("{split:08}")));
    }

    fn fetch(&self, split: &SplitMeta, file: &ColdFile) -> Result<Vec<u8>, StoreError> {
        if let Some((at, reason)) = &*self.failure.lock().unwrap_or_else(PoisonError::into_inner)
            && at.elapsed() < PAUSE_AFTER_FAILURE
        {
            return Err(StoreError::Bucket { action: "fetch a file", detail: reason.clone() });
        }
        let key = file.key(split);
        let fetched = self.fetch_in_time(&key, file.bytes);
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        *failure = match &fetched {
            Err(StoreError::Bucket { detail, .. }) => Some((Instant::now(), detail.clone())),
            _ => None,
        };
        drop(failure);
        match fetched? {
            Some(content) if file.is(&content) => Ok(content),
            _ => Err(StoreError::damaged(
                Path::new(&key),
                "the bucket does not hold what was put there",
            )),
        }
    }

    fn fetch_in_time(&self, key: &str, bytes: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let timeout = self.bucket.timeout;
        let stretch = || self.stretch.lock().unwrap_or_else(PoisonError::into_inner);
        let mut current = stretch();
        if current.began.elapsed() > timeout.saturating_mul(STRETCH_TIMEOUTS) {
            *current = Stretch { began: Instant::now(), spent: Duration::ZERO };
        }
        if current.spent >= timeout {
            return Err(StoreError::Bucket {
                action: "fetch a file",
                detail: "there was more to fetch than cold.timeout_secs allows; asked again it gets further".to_owned(),
            });
        }
        drop(current);
        let began = Instant::now();
        let fetched = self.bucket.get(key, bytes);
        stretch().spent += began.elapsed();
        fetched
    }

    /// Removes what was fetched first until `bytes` more fit.
    fn make_room(&self, bytes: u64, keep: &Path) -> Result<(), StoreError> {
        let mut fetched = Vec::new();
        for dir in disk::list(&self.dir)? {
            for path in disk::list(&dir)? {
                let Ok(metadata) = path.metadata() else { continue };
                fetched.push((metadata.modified().ok(), metadata.len(), path));
            }
        }
        fetched.sort();
        let mut total: u64 = fetched.iter().map(|(_, length, _)| length).sum();
        let most = self.bucket.cache_bytes_max.saturating_sub(bytes);
        for (_, length, path) in fetched {
            if total <= most {
                break;
            }
            disk::remove_if_there(&path);
            total -= length;
            if let Some(dir) = path.parent().filter(|dir| *dir != keep)
                && disk::list(dir).is_ok_and(|left| left.is_empty())
            {
                disk::remove_if_there(dir);
            }
        }
        Ok(())
    }
}
