//! Points and spans of time as nanoseconds, and the clock as an argument.

use std::fmt;

use jiff::Timestamp as JiffTimestamp;
use serde::{Deserialize, Serialize};

/// A point in time: nanoseconds since the Unix epoch, years 1677 to 2262.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest representable time.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest representable time.
    pub const MAX: Self = Self(i64::MAX);

    /// Takes nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Takes whole seconds since the Unix epoch, clamped to what nanoseconds can hold.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Takes milliseconds since the Unix epoch, clamped to what nanoseconds can hold.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Seconds since the Unix epoch, fractional.
    #[must_use]
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The number of the minute this time falls into (floor of seconds / 60).
    #[must_use]
    pub const fn minute(self) -> i64 {
        self.0.div_euclid(60_000_000_000)
    }

    /// The whole second that this time falls into.
    #[must_use]
    pub const fn whole_secs(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(1_000_000_000)))
    }

    /// The same time moved by `nanos`, clamped at both ends.
    #[must_use]
    pub const fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// The same time moved by `seconds`, clamped at both ends.
    #[must_use]
    pub const fn plus_secs(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000_000)))
    }

    /// Nanoseconds from `earlier` to `self`; negative when `earlier` is later.
    #[must_use]
    pub const fn nanos_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Seconds from `earlier` to `self`; negative when `earlier` is later.
    #[must_use]
    pub fn secs_since(self, earlier: Self) -> f64 {
        self.nanos_since(earlier) as f64 / 1e9
    }

    /// Parses RFC 3339 (`2026-11-22T03:07:10.5Z`, a space for the `T` allowed). A time without zone is taken as UTC.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let parsed = text.parse::<JiffTimestamp>().ok().or_else(|| {
            let civil = text.parse::<jiff::civil::DateTime>().ok()?;
            jiff::tz::Offset::UTC.to_timestamp(civil).ok()
        })?;
        i64::try_from(parsed.as_nanosecond()).ok().map(Self)
    }

    /// `HH:MM:SS` in UTC, for sentences.
    #[must_use]
    pub fn clock_time(self) -> String {
        let text = self.to_string();
        text.get(11..19).unwrap_or("??:??:??").to_owned()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with only as many fractional digits as needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match JiffTimestamp::from_nanosecond(i128::from(self.0)) {
            Ok(timestamp) => write!(f, "{timestamp}"),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A half-open span of time: `start` belongs to it, `end` does not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct TimeRange {
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant after.
    pub end: Timestamp,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { start: Timestamp::MIN, end: Timestamp::MAX };

    /// A range from `start` up to `end`; empty when `end` is not after `start`.
    #[must_use]
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end }
    }

    /// The `seconds` that end at `end`.
    #[must_use]
    pub const fn last_secs(end: Timestamp, seconds: i64) -> Self {
        Self { start: end.plus_secs(-seconds), end }
    }

    /// Whether `time` lies inside.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// Whether the two ranges share an instant.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether no instant lies inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// Length in seconds; 0 when empty.
    #[must_use]
    pub fn secs(&self) -> f64 {
        self.end.secs_since(self.start).max(0.0)
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.start, self.end)
    }
}

/// Where the present comes from. Code asks a clock, so that a test or a replay can say what time it is.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        i64::try_from(JiffTimestamp::now().as_nanosecond()).map_or(Timestamp::MAX, Timestamp)
    }
}

/// A clock that stands still, for tests, replays and `--at`.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_with_and_without_zone() {
        let with_zone = Timestamp::parse("2026-11-22T03:07:10Z").unwrap();
        assert_eq!(with_zone, Timestamp::parse("2026-11-22 03:07:10").unwrap());
        assert_eq!(with_zone, Timestamp::parse("2026-11-22T04:07:10+01:00").unwrap());
        assert_eq!(with_zone.clock_time(), "03:07:10");
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn extremes_print_and_clamp() {
        assert_eq!(Timestamp::MAX.plus_secs(5), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.plus_secs(-5), Timestamp::MIN);
        assert!(Timestamp::MIN.to_string().starts_with("1677-"));
        assert!(Timestamp::MAX.to_string().starts_with("2262-"));
        assert_eq!(Timestamp::parse("9999-01-01T00:00:00Z"), None);
    }

    #[test]
    fn ranges_are_half_open() {
        let range = TimeRange::last_secs(Timestamp::from_secs(100), 10);
        assert!(range.contains(Timestamp::from_secs(90)));
        assert!(!range.contains(Timestamp::from_secs(100)));
        assert!(
            !range.overlaps(&TimeRange::new(Timestamp::from_secs(100), Timestamp::from_secs(110)))
        );
        assert!(TimeRange::new(Timestamp::MAX, Timestamp::MIN).is_empty());
    }
}
