//! A store whose clock stands where the test says, and telemetry that comes day by day.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use groundcrew_telemetry::{Batch, Clock, Timestamp};

use super::fixtures::{
    ROOMY, any_templates, at, change, log_batch, masked, metric_batch, record, series, span,
    span_batch,
};
use crate::{Access, Durability, Retention, Store, StoreOptions, Tended, Upkeep};

pub(super) const DAY: i64 = 86_400;

/// A clock that is set by the test.
#[derive(Clone)]
pub(super) struct SetClock(pub(super) Arc<AtomicI64>);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::SeqCst))
    }
}

/// A store whose clock stands where the test says.
pub(super) struct Aging {
    pub(super) store: Store,
    clock: SetClock,
}

impl Aging {
    pub(super) fn open(dir: &Path, now: i64) -> Self {
        Self::within(dir, now, ROOMY)
    }

    /// With so much memory.
    pub(super) fn within(dir: &Path, now: i64, memory_bytes_max: usize) -> Self {
        let clock = SetClock(Arc::new(AtomicI64::new(now)));
        let options =
            StoreOptions { dir: dir.to_owned(), access: Access::ReadWrite, memory_bytes_max };
        let store = Store::open_by(options, Box::new(clock.clone())).unwrap();
        Self { store, clock }
    }

    pub(super) fn set(&self, now: i64) {
        self.clock.0.store(now, Ordering::SeqCst);
    }

    /// Receives a line, a span, a point and a change, and seals them.
    pub(super) fn receive(&self, now: i64) {
        self.set(now);
        let batches = vec![
            log_batch("cart", vec![record(now, &format!("line of {now}"))]),
            span_batch("cart", vec![span(now as u64)]),
            metric_batch("cart", vec![series("m", "a", &[(now, 1.0)])]),
            masked(Batch::Changes(vec![change(now, &now.to_string())])),
        ];
        self.store.append(batches, Durability::Synced).unwrap();
        self.store.flush().unwrap();
    }

    pub(super) fn receive_every_day(&self, days: std::ops::RangeInclusive<i64>) {
        days.for_each(|day| self.receive(day * DAY));
    }

    pub(super) fn tend(&self, retention: Retention) -> Tended {
        self.store.tend(&Upkeep { retention, ..Upkeep::default() }, &|| false).unwrap()
    }

    pub(super) fn counted(&self) -> u64 {
        self.store.log_templates(&any_templates()).unwrap().iter().map(|row| row.count).sum()
    }
}
