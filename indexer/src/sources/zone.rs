//! The zone of times that name none.

use jiff::tz::TimeZone;

/// A time zone, as a person names it.
#[derive(Clone, Debug)]
pub struct Zone(pub(super) TimeZone);

impl Zone {
    /// The zone of a name such as `Europe/Berlin`; UTC for an empty one.
    ///
    /// # Errors
    /// When no zone is known by that name.
    pub fn named(name: &str) -> Result<Self, String> {
        if name.is_empty() {
            return Ok(Self(TimeZone::UTC));
        }
        TimeZone::get(name).map(Self).map_err(|error| error.to_string())
    }
}
