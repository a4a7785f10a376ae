//! Looks after a store while a server runs on it: seals memory, drops what is kept long enough, merges what is small.

use std::sync::Arc;
use std::time::Duration;

use groundcrew_store::{
    Bucket, BucketSettings, Retention, Store, StoreError, TailSampling, Tended, Upkeep,
};
use tokio_util::sync::CancellationToken;

use crate::config::{ConfigError, Settings};
use crate::investigate::plan::parse_duration;
use crate::investigate::question::Budget;

/// How often and how a store is looked after.
pub struct Rhythm {
    /// Seconds after which held telemetry is sealed although it is little.
    pub seal_after_secs: u64,
    /// What happens then.
    pub upkeep: Upkeep,
}

/// How the settings want the store looked after.
///
/// # Errors
/// When a span of time or a size cannot be read.
pub fn upkeep(settings: &Settings) -> Result<Upkeep, ConfigError> {
    let wanted = &settings.retention;
    let mut retention = Retention {
        logs: span("retention.logs", &wanted.logs)?,
        rollups: span("retention.rollups", &wanted.rollups)?,
        traces: span("retention.traces", &wanted.traces)?,
        metrics: span("retention.metrics", &wanted.metrics)?,
        changes: span("retention.changes", &wanted.changes)?,
        answers: span("retention.answers", &wanted.answers)?,
        bytes_max: bytes("retention.bytes_max", &wanted.bytes_max)?,
    };
    let window = span("data.ephemeral_window", &settings.data.ephemeral_window)?;
    if settings.data.ephemeral {
        let Some(window) = window else {
            return Err(invalid(
                "data.ephemeral_window",
                "is empty, where a time such as 1h is needed",
            ));
        };
        let shorter =
            |limit: Option<Duration>| Some(limit.map_or(window, |limit| limit.min(window)));
        retention.logs = shorter(retention.logs);
        retention.traces = shorter(retention.traces);
    }
    let merge_mib = settings.data.merge_mib_per_sec;
    let merge_bytes_per_sec = (merge_mib > 0).then(|| merge_mib.saturating_mul(1 << 20));
    let cold = &settings.cold;
    let cold_after = span("cold.after", &cold.after)?.filter(|_| !cold.url.is_empty());
    let tail_sampling = span("retention.traces_whole", &wanted.traces_whole)?
        .map(|after| TailSampling { after, even_spans_per_hour: Budget::default().spans_max });
    Ok(Upkeep { retention, tail_sampling, merge_bytes_per_sec, cold_after })
}

/// How often counts of log splits are added up: where logs come fast dozens are sealed meanwhile.
const JOIN_EVERY: Duration = Duration::from_secs(2);

/// Lets the store use the bucket of the settings, if there is one.
///
/// # Errors
/// When its address or an option is unusable.
pub fn use_bucket(store: &Store, settings: &Settings) -> Result<(), StoreError> {
    let cold = &settings.cold;
    if !cold.url.is_empty() {
        // A command that is over at once has not chosen a TLS implementation yet; another choice would be the same.
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("a TLS implementation had been chosen before");
        }
        store.use_bucket(Bucket::new(&BucketSettings {
            url: cold.url.clone(),
            options: cold.options(),
            timeout: Duration::from_secs(cold.timeout_secs.max(1)),
            cache_bytes_max: cold.cache_mib.saturating_mul(1 << 20),
        })?);
    }
    Ok(())
}

/// Reads a span of time such as `14d`; nothing where it is empty.
fn span(setting: &str, text: &str) -> Result<Option<Duration>, ConfigError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let read = parse_duration(text).filter(|span| !span.is_zero());
    let wrong = || invalid(setting, &format!("`{text}` is not a time such as 14d, 36h or 90m"));
    read.map(Some).ok_or_else(wrong)
}

/// Reads a size such as `200GiB`; nothing where it is empty.
fn bytes(setting: &str, text: &str) -> Result<Option<u64>, ConfigError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit: Option<u64> = match unit.trim() {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        "TiB" => Some(1 << 40),
        _ => None,
    };
    let size =
        number.parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    let wrong = || invalid(setting, &format!("`{text}` is not a size such as 200GiB or 512MiB"));
    size.filter(|size| *size > 0).map(Some).ok_or_else(wrong)
}

fn invalid(setting: &str, message: &str) -> ConfigError {
    ConfigError::Invalid { place: setting.to_owned(), message: message.to_owned() }
}

/// Seals memory into splits now and then, so that little telemetry does not wait for much, and tends the splits.
pub async fn look_after(store: Arc<Store>, rhythm: Rhythm, shutdown: CancellationToken) {
    let rhythm = Arc::new(rhythm);
    let mut ticks = tokio::time::interval(Duration::from_secs(rhythm.seal_after_secs.max(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut often = tokio::time::interval(JOIN_EVERY);
    often.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut held = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = often.tick() => {
                join(&store, &shutdown).await;
                continue;
            }
            () = shutdown.cancelled() => return,
        }
        let (store, rhythm, shutdown) = (Arc::clone(&store), Arc::clone(&rhythm), shutdown.clone());
        let tended = tokio::task::spawn_blocking(move || {
            // A full disk does not let memory be sealed, and dropping what is old is what makes room.
            let flushed = store.flush();
            let tended = store.tend(&rhythm.upkeep, &|| shutdown.is_cancelled());
            flushed.and(tended)
        });
        match tended.await {
            Ok(Ok(tended)) => report(tended, &mut held),
            Ok(Err(error)) => log_failure(&error),
            Err(error) => tracing::error!(%error, "the task that looks after the store died"),
        }
    }
}

/// Adds up the counts of splits that have come since.
async fn join(store: &Arc<Store>, shutdown: &CancellationToken) {
    let (store, shutdown) = (Arc::clone(store), shutdown.clone());
    let joined = tokio::task::spawn_blocking(move || store.join(&|| shutdown.is_cancelled()));
    match joined.await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => log_failure(&error),
        Err(error) => tracing::error!(%error, "the task that looks after the store died"),
    }
}

fn log_failure(error: &StoreError) {
    tracing::warn!(%error, "failed to seal memory or to tend the splits; it is tried again");
}

/// Logs what was done, and once why something is not done.
fn report(tended: Tended, held: &mut Option<String>) {
    if tended.thinned
        + tended.sampled
        + tended.removed
        + tended.entries
        + tended.answers
        + tended.moved
        > 0
    {
        tracing::info!(?tended, "dropped what is kept long enough, moved what is old");
    }
    if let Some(failure) = &tended.bucket_failure {
        tracing::warn!(failure, "what is old stays here until the bucket can be used");
    }
    if let Some(reason) = &tended.held
        && held.is_none()
    {
        tracing::warn!(reason, "retention waits");
    }
    *held = tended.held;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, load};

    fn of(pairs: [(&str, &str); 2]) -> Result<Upkeep, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("groundcrew.toml");
        std::fs::write(&file, "config_version = 1").unwrap();
        upkeep(&load(&Environment::from(pairs), Some(&file), &[]).unwrap())
    }

    #[test]
    fn spans_and_sizes_are_read_and_mistakes_are_named() {
        let read = of([
            ("GROUNDCREW__RETENTION__LOGS", "36h"),
            ("GROUNDCREW__RETENTION__BYTES_MAX", "200GiB"),
        ])
        .unwrap();
        assert_eq!(read.retention.logs, Some(Duration::from_secs(36 * 3_600)));
        assert_eq!(read.retention.bytes_max, Some(200 << 30));
        assert_eq!(read.retention.answers, None);
        assert_eq!(read.retention.traces, Some(Duration::from_secs(7 * 86_400)));
        assert_eq!(read.merge_bytes_per_sec, Some(8 << 20));
        let sampling = read.tail_sampling.unwrap();
        assert_eq!(sampling.after, Duration::from_secs(2 * 86_400));
        assert_eq!(sampling.even_spans_per_hour, 200_000);
        for (name, text) in [
            ("GROUNDCREW__RETENTION__LOGS", "two weeks"),
            ("GROUNDCREW__RETENTION__LOGS", "0d"),
            ("GROUNDCREW__RETENTION__TRACES_WHOLE", "some"),
            ("GROUNDCREW__RETENTION__BYTES_MAX", "200GB"),
            ("GROUNDCREW__RETENTION__BYTES_MAX", "99999999999TiB"),
        ] {
            let error = of([(name, text), ("HOME", "/nowhere")]).unwrap_err().to_string();
            assert!(error.starts_with("retention.") && error.contains(text), "{error}");
        }
    }

    #[test]
    fn ephemeral_shortens_what_is_raw_and_nothing_else() {
        let read = of([
            ("GROUNDCREW__DATA__EPHEMERAL", "true"),
            ("GROUNDCREW__DATA__EPHEMERAL_WINDOW", "30m"),
        ])
        .unwrap();
        let half_an_hour = Some(Duration::from_secs(1_800));
        assert_eq!((read.retention.logs, read.retention.traces), (half_an_hour, half_an_hour));
        assert_eq!(read.retention.rollups, Some(Duration::from_secs(90 * 86_400)));
    }
}
