//! The data directory for those who only look: opened read-only, beside a running server, too.

use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use groundcrew_store::{Access, Store};
use groundcrew_telemetry::{Clock, SystemClock, Timestamp};

use crate::app;
use crate::config::Settings;
use crate::explore::Asked;
use crate::investigate::plan::parse_duration;

/// How far back is looked when nobody says.
const USUAL: &str = "15m";

/// Opens the stores.
pub(super) fn open(settings: &Settings) -> Result<Arc<Store>> {
    if !settings.data.dir.exists() {
        bail!(
            "there is no data directory at {}\nhint: `groundcrew ingest FILE` feeds telemetry in, `groundcrew demo` brings its own",
            settings.data.dir.display()
        );
    }
    Ok(app::open_store(settings, Access::ReadOnly)?)
}

/// Which time is looked at.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct WhenArguments {
    /// How far back: 90s, 15m, 2h, 1d [default: 15m]
    #[arg(long, value_name = "DURATION")]
    pub since: Option<String>,
    /// Up to this time (RFC 3339) [default: the newest telemetry]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
}

impl WhenArguments {
    /// The time as a view is asked for it, with whatever else `asked` says.
    pub(super) fn of(&self, store: &Store, asked: Asked) -> Result<Asked> {
        let since = self.since.as_deref().unwrap_or(USUAL);
        let length = parse_duration(since)
            .ok_or_else(|| anyhow!("--since `{since}` is not a duration such as 15m or 2h"))?;
        let to = self.at.clone().unwrap_or_default();
        if !to.is_empty() && Timestamp::parse(&to).is_none() {
            bail!("--at `{to}` is not an RFC 3339 time such as 2026-11-22T03:12:00Z");
        }
        Ok(Asked { to, ..asked }.back(store, SystemClock.now(), length)?)
    }
}

/// A moment for people: `2026-11-22 03:12:04.120`.
pub(super) fn moment(time: Timestamp) -> String {
    let text = time.to_string();
    let text = text.trim_end_matches('Z').replacen('T', " ", 1);
    let (seconds, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    format!("{seconds}.{millis}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_milliseconds() {
        for (nanos, shown) in [
            (1_790_000_000_000_000_000, "2026-09-21 14:13:20.000"),
            (1_790_000_000_120_456_789, "2026-09-21 14:13:20.120"),
        ] {
            assert_eq!(moment(Timestamp::from_nanos(nanos)), shown);
        }
    }
}
