//! What tests of this crate share: a real store in a folder of its own behind a real intake.

use std::sync::Arc;

use groundcrew_masking::Masker;
use groundcrew_store::{Access, LogQuery, Store, StoreOptions};
use groundcrew_telemetry::{FixedClock, LogRow, TimeRange, Timestamp};
use tempfile::TempDir;

use crate::{Intake, IntakeSettings};

/// The time of receipt in tests.
pub(crate) const NOW_SECS: i64 = 1_790_000_000;

pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) intake: Intake,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with_room(64 << 20)
    }

    /// A bench whose intake has room for so many bytes.
    pub(crate) fn with_room(bytes_in_flight_max: usize) -> Self {
        Self::with(IntakeSettings { bytes_in_flight_max, ..IntakeSettings::default() })
    }

    /// A bench with settings, but for the clock, which stands still.
    pub(crate) fn with(settings: IntakeSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("store");
        let options = StoreOptions { dir, access: Access::ReadWrite, memory_bytes_max: 64 << 20 };
        let settings = IntakeSettings {
            clock: Arc::new(FixedClock(Timestamp::from_secs(NOW_SECS))),
            ..settings
        };
        let store = Arc::new(Store::open(options).unwrap());
        let intake = Intake::new(store, Arc::new(Masker::new()), settings);
        Self { folder, intake }
    }

    /// Every stored log record.
    pub(crate) fn logs(&self) -> Vec<LogRow> {
        let query = LogQuery { limit: 100_000, ..LogQuery::within(TimeRange::ALL) };
        self.intake.store().search_logs(&query).unwrap()
    }
}
