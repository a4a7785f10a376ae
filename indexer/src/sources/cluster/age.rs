//! Ages (`5m12s`, `2d3h`), repeat counts (`3m (x4 over 9m)`) and the date formats that kubectl prints.

use groundcrew_telemetry::Timestamp;

/// When something happened and how often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    /// When it was last seen.
    pub(super) time: Timestamp,
    /// How often it was seen.
    pub(super) count: u32,
}

/// Seconds in an age such as `8m41s`, `2d3h`, `91d` or `1y20d`; `None` for `<unknown>` and anything else.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut number: Option<i64> = None;
    for letter in text.trim().chars() {
        if let Some(digit) = letter.to_digit(10) {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(i64::from(digit))?);
            continue;
        }
        let unit = match letter {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            'y' => 365 * 86_400,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    // A number without unit is not an age, and neither is an empty text.
    (number.is_none() && !text.trim().is_empty()).then_some(total)
}

/// Reads a `LAST SEEN` or `Age` cell: an age before `now`, a date, or a time of day; `<unknown>` counts as `now`.
pub(super) fn seen(cell: &str, now: Timestamp) -> Seen {
    let (first, repeat) = cell.split_once(" (").unwrap_or((cell, ""));
    let first = first.trim();
    let time = seconds(first)
        .map(|age| now.plus_secs(-age))
        .or_else(|| date(first))
        .or_else(|| time_of_day(first, now))
        .unwrap_or(now);
    let count = repeat
        .strip_prefix('x')
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(1);
    Seen { time, count }
}

/// Reads RFC 3339 or `Wed, 28 May 2025 15:48:23 +0300`.
pub(super) fn date(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).or_else(|| mail_date(text))
}

/// `Wed, 28 May 2025 15:48:23 +0300`, the format of `kubectl describe`.
fn mail_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let after_weekday = text.split_once(", ").map_or(text, |(_, rest)| rest);
    let mut words = after_weekday.split_whitespace();
    let day: u8 = words.next()?.parse().ok()?;
    let month_word = words.next()?;
    let month = MONTHS.iter().position(|month| *month == month_word)? + 1;
    let year: u16 = words.next()?.parse().ok()?;
    let clock = words.next()?;
    let zone = words.next().unwrap_or("+0000");
    let (hours, minutes) = zone.split_at_checked(3).filter(|_| zone.len() == 5)?;
    Timestamp::parse(&format!("{year:04}-{month:02}-{day:02}T{clock}{hours}:{minutes}"))
}

/// `09:12:43` on the day of `now`, or on the day before when that would lie in the future.
fn time_of_day(text: &str, now: Timestamp) -> Option<Timestamp> {
    let looks_right = text.len() >= 8 && text.as_bytes().get(2) == Some(&b':');
    let today = now.to_string();
    let day = today.get(..10).filter(|_| looks_right)?;
    let time = Timestamp::parse(&format!("{day}T{text}Z"))?;
    Some(if time > now.plus_secs(300) { time.plus_secs(-86_400) } else { time })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ages() {
        for (text, expected) in [
            ("8m41s", Some(521)),
            ("2d3h", Some(183_600)),
            ("91d", Some(7_862_400)),
            ("1y20d", Some(33_264_000)),
            ("0s", Some(0)),
            ("<unknown>", None),
            ("12", None),
            ("", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn last_seen_in_every_format() {
        let now = Timestamp::parse("2025-05-28T12:57:00Z").unwrap();
        let at = |text: &str| Timestamp::parse(text).unwrap();
        assert_eq!(
            seen("9m28s (x4 over 9m35s)", now),
            Seen { time: at("2025-05-28T12:47:32Z"), count: 4 }
        );
        assert_eq!(seen("<unknown>", now), Seen { time: now, count: 1 });
        assert_eq!(seen("09:12:43", now).time, at("2025-05-28T09:12:43Z"));
        assert_eq!(seen("23:10:00", now).time, at("2025-05-27T23:10:00Z"));
        assert_eq!(date("Wed, 28 May 2025 15:48:23 +0300"), Some(at("2025-05-28T12:48:23Z")));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,40}") {
            let now = Timestamp::from_secs(1_700_000_000);
            seen(&text, now);
            date(&text);
            seconds(&text);
        }
    }
}
