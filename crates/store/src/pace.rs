//! Work in the background that leaves the disk to others: so many bytes per second.

use std::time::{Duration, Instant};

/// The longest pause at a time, after which it is asked whether to hurry.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Paces work by the bytes it reads and writes.
pub(crate) struct Pace<'a> {
    bytes_per_sec: Option<u64>,
    began: Instant,
    spent: u64,
    hurry: &'a dyn Fn() -> bool,
}

impl<'a> Pace<'a> {
    /// `None` does not pace; nor does anything wait once `hurry` says so.
    pub(crate) fn new(bytes_per_sec: Option<u64>, hurry: &'a dyn Fn() -> bool) -> Self {
        Self { bytes_per_sec, began: Instant::now(), spent: 0, hurry }
    }

    /// Whether the rest can be left for another time.
    pub(crate) fn must_stop(&self) -> bool {
        (self.hurry)()
    }

    /// Waits until these bytes are within the budget.
    pub(crate) fn spend(&mut self, bytes: u64) {
        let Some(rate) = self.bytes_per_sec.filter(|rate| *rate > 0) else { return };
        self.spent = self.spent.saturating_add(bytes);
        let due = Duration::from_secs_f64(self.spent as f64 / rate as f64);
        loop {
            let ahead = due.saturating_sub(self.began.elapsed());
            if ahead.is_zero() || self.must_stop() {
                return;
            }
            std::thread::sleep(ahead.min(PAUSE_MAX));
        }
    }
}
