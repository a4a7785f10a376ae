//! Keeps what was opened last, within a number of bytes.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::StoreError;

/// Opened things by split id. The least recently used go first.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    bytes_max: usize,
    inner: Mutex<Inner<V>>,
}

#[derive(Debug)]
struct Inner<V> {
    entries: FxHashMap<u64, Entry<V>>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: Arc<V>,
    bytes: usize,
    used: u64,
}

impl<V> Cache<V> {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let inner = Inner { entries: FxHashMap::default(), bytes: 0, clock: 0 };
        Self { bytes_max, inner: Mutex::new(inner) }
    }

    /// The thing of `id`, opened by `open` when it is not here; `open` also says how many bytes it takes.
    pub(crate) fn get(
        &self,
        id: u64,
        open: impl FnOnce() -> Result<(V, usize), StoreError>,
    ) -> Result<Arc<V>, StoreError> {
        if let Some(value) = self.lookup(id) {
            return Ok(value);
        }
        // Opened without the lock: two threads may do the same work, but none waits for another's disk.
        let (value, bytes) = open()?;
        let value = Arc::new(value);
        self.insert(id, &value, bytes);
        Ok(value)
    }

    /// Closes the thing of `id`: an open file takes its space on disk even when it has been removed.
    pub(crate) fn forget(&self, id: u64) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = inner.entries.remove(&id) {
            inner.bytes -= entry.bytes;
        }
    }

    #[cfg(test)]
    pub(crate) const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    fn lookup(&self, id: u64) -> Option<Arc<V>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.clock += 1;
        let clock = inner.clock;
        let entry = inner.entries.get_mut(&id)?;
        entry.used = clock;
        Some(Arc::clone(&entry.value))
    }

    fn insert(&self, id: u64, value: &Arc<V>, bytes: usize) {
        // Even an empty thing holds an open file.
        let bytes = bytes.max(self.bytes_max / 256);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let used = inner.clock;
        let entry = Entry { value: Arc::clone(value), bytes, used };
        inner.bytes += bytes;
        if let Some(replaced) = inner.entries.insert(id, entry) {
            inner.bytes -= replaced.bytes;
        }
        while inner.bytes > self.bytes_max && inner.entries.len() > 1 {
            let oldest =
                inner.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(id, _)| *id);
            let Some(evicted) = oldest.and_then(|oldest| inner.entries.remove(&oldest)) else {
                break;
            };
            inner.bytes -= evicted.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache: Cache<u64> = Cache::new(1000);
        for id in 0..3 {
            cache.get(id, || Ok((id, 400))).unwrap();
            cache.get(0, || panic!("it is in use")).unwrap();
        }
        assert!(cache.lookup(0).is_some() && cache.lookup(2).is_some());
        assert!(cache.lookup(1).is_none());
    }

    #[test]
    fn what_is_forgotten_is_opened_again_and_makes_room() {
        let cache: Cache<u64> = Cache::new(1000);
        cache.get(1, || Ok((1, 900))).unwrap();
        cache.forget(1);
        cache.forget(2);
        cache.get(2, || Ok((2, 900))).unwrap();
        assert_eq!(*cache.get(1, || Ok((7, 50))).unwrap(), 7);
        assert!(cache.lookup(2).is_some(), "both fit now");
    }

    #[test]
    fn what_fails_to_open_is_tried_again() {
        let cache: Cache<u64> = Cache::new(1000);
        assert!(cache.get(1, || Err(StoreError::ReadOnly)).is_err());
        assert_eq!(*cache.get(1, || Ok((7, 1))).unwrap(), 7);
    }
}
