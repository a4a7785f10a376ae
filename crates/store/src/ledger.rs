//! Changes, alerts and cluster snapshots: few, so all of them are kept in memory and on disk in small files.
//!
//! The same change or snapshot that comes twice is kept once, by content hash. An alert is one per fingerprint and
//! start; the one that came last holds. The oldest make room when there are too many.

use std::sync::Arc;

use groundcrew_telemetry::{Alert, ChangeEvent, ClusterSnapshot, TimeRange, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// Changes that are kept.
const CHANGES_MAX: usize = 200_000;
/// Alerts that are kept.
const ALERTS_MAX: usize = 100_000;
/// Text of cluster snapshots that is kept.
const CLUSTER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// One thing in the ledger, as it is written to disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Entry {
    Change(Arc<ChangeEvent>),
    Alert(Arc<Alert>),
    Cluster(Arc<ClusterSnapshot>),
}

impl Entry {
    /// When it happened; of an alert, when it was over if it is.
    pub(crate) fn time(&self) -> Timestamp {
        match self {
            Self::Change(change) => change.time,
            Self::Alert(alert) => alert_time(alert),
            Self::Cluster(snapshot) => snapshot.time,
        }
    }
}

fn alert_time(alert: &Alert) -> Timestamp {
    alert.ends_at.map_or(alert.starts_at, |end| end.max(alert.starts_at))
}

type ContentHash = [u8; 16];

/// All changes, alerts and cluster snapshots.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    changes: Vec<(ContentHash, Arc<ChangeEvent>)>,
    alerts: FxHashMap<(String, Timestamp), Arc<Alert>>,
    cluster: Vec<(ContentHash, usize, Arc<ClusterSnapshot>)>,
    cluster_bytes: usize,
    seen: FxHashSet<ContentHash>,
    /// What is not in a file yet.
    pending: Vec<Entry>,
    /// Whether something had to make room.
    pub(crate) has_overflowed: bool,
}

impl Ledger {
    /// Adds an entry that is not in a file yet; says by how many bytes the memory grew.
    pub(crate) fn add(&mut self, entry: Entry) -> Result<usize, StoreError> {
        let bytes = self.restore(&entry)?;
        if bytes > 0 {
            self.pending.push(entry);
        }
        Ok(bytes)
    }

    /// Adds an entry that came from a file; 0 when it was known.
    pub(crate) fn restore(&mut self, entry: &Entry) -> Result<usize, StoreError> {
        let encoded = postcard::to_stdvec(entry).map_err(StoreError::encoding("a ledger entry"))?;
        let bytes = encoded.len();
        let hash = content_hash(&encoded);
        match entry {
            Entry::Change(change) => {
                if !self.seen.insert(hash) {
                    return Ok(0);
                }
                self.changes.push((hash, Arc::clone(change)));
            }
            Entry::Alert(alert) => {
                let key = (alert.fingerprint.clone(), alert.starts_at);
                if self.alerts.get(&key) == Some(alert) {
                    return Ok(0);
                }
                self.alerts.insert(key, Arc::clone(alert));
            }
            Entry::Cluster(snapshot) => {
                if !self.seen.insert(hash) {
                    return Ok(0);
                }
                self.cluster_bytes += bytes;
                self.cluster.push((hash, bytes, Arc::clone(snapshot)));
            }
        }
        self.make_room();
        Ok(bytes)
    }

    pub(crate) fn changes(&self, range: TimeRange) -> Vec<ChangeEvent> {
        let inside = self.changes.iter().filter(|(_, change)| range.contains(change.time));
        let mut found: Vec<ChangeEvent> = inside.map(|(_, change)| (**change).clone()).collect();
        found.sort_by(|left, right| (left.time, &left.id).cmp(&(right.time, &right.id)));
        found
    }

    pub(crate) fn alerts(&self, range: TimeRange) -> Vec<Alert> {
        let inside = self.alerts.values().filter(|alert| range.contains(alert.starts_at));
        let mut found: Vec<Alert> = inside.map(|alert| (**alert).clone()).collect();
        found.sort_by(|left, right| {
            (left.starts_at, &left.fingerprint).cmp(&(right.starts_at, &right.fingerprint))
        });
        found
    }

    pub(crate) fn cluster(&self, range: TimeRange) -> Vec<ClusterSnapshot> {
        let inside = self.cluster.iter().filter(|(_, _, snapshot)| range.contains(snapshot.time));
        let mut found: Vec<ClusterSnapshot> =
            inside.map(|(_, _, snapshot)| (**snapshot).clone()).collect();
        found.sort_by(|left, right| (left.time, &left.title).cmp(&(right.time, &right.title)));
        found
    }

    /// What is not in a file yet.
    pub(crate) fn pending(&self) -> Vec<Entry> {
        self.pending.clone()
    }

    /// Forgets the first `count` of [`Self::pending`]: they are in a file now.
    pub(crate) fn written(&mut self, count: usize) {
        self.pending.drain(..count.min(self.pending.len()));
    }

    /// Everything, for rewriting many files as one.
    pub(crate) fn all(&self) -> Vec<Entry> {
        let changes = self.changes.iter().map(|(_, change)| Entry::Change(Arc::clone(change)));
        let alerts = self.alerts.values().map(|alert| Entry::Alert(Arc::clone(alert)));
        let cluster =
            self.cluster.iter().map(|(_, _, snapshot)| Entry::Cluster(Arc::clone(snapshot)));
        changes.chain(alerts).chain(cluster).collect()
    }

    /// The time of the oldest entry.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        let changes = self.changes.iter().map(|(_, change)| change.time);
        let alerts = self.alerts.values().map(|alert| alert_time(alert));
        let cluster = self.cluster.iter().map(|(_, _, snapshot)| snapshot.time);
        changes.chain(alerts).chain(cluster).min()
    }

    /// Everything from `time` on.
    pub(crate) fn since(&self, time: Timestamp) -> Vec<Entry> {
        let mut all = self.all();
        all.retain(|entry| entry.time() >= time);
        all
    }

    /// Forgets what is older than `time`; says how much that was.
    pub(crate) fn forget_before(&mut self, time: Timestamp) -> usize {
        let before = self.changes.len() + self.alerts.len() + self.cluster.len();
        for (hash, _) in self.changes.extract_if(.., |(_, change)| change.time < time) {
            self.seen.remove(&hash);
        }
        self.alerts.retain(|_, alert| alert_time(alert) >= time);
        for (hash, bytes, _) in self.cluster.extract_if(.., |(_, _, one)| one.time < time) {
            self.seen.remove(&hash);
            self.cluster_bytes -= bytes;
        }
        before - self.changes.len() - self.alerts.len() - self.cluster.len()
    }

    fn make_room(&mut self) {
        if self.changes.len() > CHANGES_MAX {
            self.has_overflowed = true;
            self.changes.sort_by_key(|(_, change)| change.time);
            for (hash, _) in self.changes.drain(..CHANGES_MAX / 10) {
                self.seen.remove(&hash);
            }
        }
        if self.alerts.len() > ALERTS_MAX {
            self.has_overflowed = true;
            let mut starts: Vec<Timestamp> = self.alerts.keys().map(|(_, start)| *start).collect();
            starts.sort_unstable();
            let oldest_kept = starts.get(ALERTS_MAX / 10).copied().unwrap_or(Timestamp::MIN);
            self.alerts.retain(|(_, start), _| *start >= oldest_kept);
        }
        if self.cluster_bytes > CLUSTER_BYTES_MAX {
            self.has_overflowed = true;
            self.cluster.sort_by_key(|(_, _, snapshot)| snapshot.time);
            for (hash, bytes, _) in self.cluster.drain(..self.cluster.len() / 10 + 1) {
                self.seen.remove(&hash);
                self.cluster_bytes -= bytes;
            }
        }
    }
}

fn content_hash(encoded: &[u8]) -> ContentHash {
    let mut short = ContentHash::default();
    for (to, from) in short.iter_mut().zip(blake3::hash(encoded).as_bytes()) {
        *to = *from;
    }
    short
}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::AlertStatus;

    use super::*;

    fn alert(fingerprint: &str, seconds: i64, status: AlertStatus) -> Entry {
        Entry::Alert(Arc::new(Alert {
            fingerprint: fingerprint.to_owned(),
            starts_at: Timestamp::from_secs(seconds),
            status,
            ..Alert::default()
        }))
    }

    #[test]
    fn the_alert_that_came_last_holds() {
        let mut ledger = Ledger::default();
        assert!(ledger.add(alert("a", 10, AlertStatus::Firing)).unwrap() > 0);
        assert_eq!(ledger.add(alert("a", 10, AlertStatus::Firing)).unwrap(), 0);
        assert!(ledger.add(alert("a", 10, AlertStatus::Resolved)).unwrap() > 0);
        assert!(ledger.add(alert("a", 20, AlertStatus::Firing)).unwrap() > 0);
        let found = ledger.alerts(TimeRange::ALL);
        let statuses: Vec<AlertStatus> = found.iter().map(|alert| alert.status).collect();
        assert_eq!(statuses, [AlertStatus::Resolved, AlertStatus::Firing]);
    }

    #[test]
    fn what_is_too_old_is_forgotten_and_may_come_again() {
        let mut ledger = Ledger::default();
        ledger.add(alert("a", 10, AlertStatus::Firing)).unwrap();
        ledger.add(alert("b", 20, AlertStatus::Firing)).unwrap();
        let snapshot = ClusterSnapshot { time: Timestamp::from_secs(5), ..Default::default() };
        let snapshot = Entry::Cluster(Arc::new(snapshot));
        ledger.add(snapshot.clone()).unwrap();
        assert_eq!(ledger.oldest(), Some(Timestamp::from_secs(5)));
        let limit = Timestamp::from_secs(20);
        assert_eq!(ledger.since(limit).len(), 1);
        assert_eq!(ledger.forget_before(limit), 2);
        assert_eq!(ledger.oldest(), Some(limit));
        assert!(ledger.add(snapshot).unwrap() > 0);
    }

    #[test]
    fn a_snapshot_that_comes_twice_is_kept_once() {
        let mut ledger = Ledger::default();
        let snapshot = Entry::Cluster(Arc::new(ClusterSnapshot::default()));
        ledger.add(snapshot.clone()).unwrap();
        ledger.add(snapshot).unwrap();
        assert_eq!(ledger.cluster(TimeRange::ALL).len(), 1);
        assert_eq!(ledger.pending().len(), 1);
        ledger.written(1);
        assert!(ledger.pending().is_empty());
    }
}
