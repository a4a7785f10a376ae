//! Numbers and times as people read them: the same figure is written the same way in a sentence and in its evidence.

use groundcrew_store::{DroppedUntil, Limit};
use groundcrew_telemetry::Timestamp;

/// `2026-11-22 03:07:10`, in UTC: seconds are enough to read, the exact time stands in the record.
#[must_use]
pub fn time(time: Timestamp) -> String {
    let exact = time.to_string();
    exact.get(..19).unwrap_or(&exact).replace('T', " ")
}

/// Reads a time as people give it: RFC 3339 with or without the `T` and `Z`, or a clock time, which is the last such time
/// up to `until`.
#[must_use]
pub fn moment(text: &str, until: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let iso = || Timestamp::parse(&format!("{}Z", text.replacen(' ', "T", 1)));
    if let Some(time) = Timestamp::parse(text).or_else(iso) {
        return Some(time);
    }
    let clock = if text.matches(':').count() == 1 { format!("{text}:00") } else { text.to_owned() };
    [until, until.plus_secs(-86_400)].into_iter().find_map(|day| {
        let day = day.to_string().get(..10).map(str::to_owned)?;
        Timestamp::parse(&format!("{day}T{clock:0>8}Z")).filter(|time| *time <= until)
    })
}

/// `12,345`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A ratio as `38 %`, `4.2 %` or `0.03 %`.
#[must_use]
pub fn percent(ratio: f64) -> String {
    format!("{} %", significant(ratio * 100.0))
}

/// Milliseconds as `4.2 ms`, `310 ms` or `2.4 s`.
#[must_use]
pub fn milliseconds(ms: f64) -> String {
    if ms >= 1_000.0 {
        format!("{} s", significant(ms / 1_000.0))
    } else {
        format!("{} ms", significant(ms))
    }
}

/// A time span as `40 s`, `23 min` or `2 h 5 min`.
#[must_use]
pub fn duration(secs: u64) -> String {
    match (secs / 3_600, secs / 60 % 60) {
        (0, 0) => format!("{secs} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// How long something is kept: `14 d`, else as [`duration`].
#[must_use]
pub fn period(secs: u64) -> String {
    if secs >= 86_400 && secs.is_multiple_of(86_400) {
        return format!("{} d", secs / 86_400);
    }
    duration(secs)
}

/// Up to when something was dropped and why, to stand in a sentence: `log lines are kept for 14 d; those up to ...`.
#[must_use]
pub fn dropped(name: &str, dropped: DroppedUntil) -> String {
    let until = dropped.until.whole_secs();
    match dropped.limit {
        Limit::Age(age) => format!(
            "{name} are kept for {}; those up to {until} were dropped",
            period(age.as_secs())
        ),
        Limit::Bytes(bytes) => format!(
            "{name} up to {until} were dropped, because no more than {} are kept on disk",
            quantity(bytes as f64, "By")
        ),
    }
}

/// A rate such as `410` or `0.25`.
#[must_use]
pub fn rate(per_minute: f64) -> String {
    significant(per_minute)
}

/// A measured value with its UCUM unit: bytes with a binary prefix, ratios as per cent, seconds as milliseconds.
#[must_use]
pub fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "By" | "bytes" => bytes(value),
        "s" => milliseconds(value * 1_000.0),
        "ms" => milliseconds(value),
        "%" => format!("{} %", significant(value)),
        "" | "1" => significant(value),
        other => format!("{} {}", significant(value), other.trim_matches(['{', '}'])),
    }
}

fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = value;
    let mut unit = "B";
    for name in UNITS {
        unit = name;
        if scaled.abs() < 1_024.0 {
            break;
        }
        scaled /= 1_024.0;
    }
    format!("{} {unit}", significant(scaled))
}

/// Two or three significant digits, whole numbers from 100 on.
fn significant(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    if size == 0.0 {
        return "0".to_owned();
    }
    if size >= 100.0 {
        let whole = count(size.round() as u64);
        return if value < 0.0 { format!("-{whole}") } else { whole };
    }
    let text = if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 0.1 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    };
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    if trimmed.is_empty() || trimmed == "-" || trimmed == "-0" {
        "0".to_owned()
    } else {
        trimmed.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(percent(0.382), "38.2 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(milliseconds(2_400.0), "2.4 s");
        assert_eq!(milliseconds(0.05), "0.05 ms");
        assert_eq!(quantity(536_870_912.0, "By"), "512 MiB");
        assert_eq!(quantity(0.25, "s"), "250 ms");
        assert_eq!(quantity(12.0, "{connection}"), "12 connection");
        assert_eq!([40, 1_380, 7_200, 7_500].map(duration), ["40 s", "23 min", "2 h", "2 h 5 min"]);
        assert_eq!([1_209_600, 129_600, 1_800].map(period), ["14 d", "36 h", "30 min"]);
        assert_eq!(rate(f64::NAN), "unknown");
        assert_eq!(rate(-1_234.0), "-1,234");
    }
}
