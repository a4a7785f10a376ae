//! A cursor over bytes for reading dates, and the arithmetic from a calendar date to a time.

use groundcrew_telemetry::Timestamp;

const NANOS: i64 = 1_000_000_000;
const DAY_SECS: i64 = 86_400;
/// Clocks run apart: a line may be this much later than the reference and still be of the same year or day.
const AHEAD_SECS: i64 = 3_600;

/// Hour, minute, second, nanoseconds.
pub(in crate::sources) type Clock = (i64, i64, i64, i64);

/// Reads forward over bytes. Every method gives `None` where the bytes are not what was asked for.
pub(in crate::sources) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(in crate::sources) fn at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(in crate::sources) fn position(&self) -> usize {
        self.at
    }

    pub(in crate::sources) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(in crate::sources) fn byte(&mut self, wanted: u8) -> Option<()> {
        self.one_of(&[wanted]).map(drop)
    }

    pub(in crate::sources) fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| wanted.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    pub(in crate::sources) fn skip(&mut self, unwanted: u8) {
        while self.peek() == Some(unwanted) {
            self.at += 1;
        }
    }

    /// Exactly `count` digits.
    pub(in crate::sources) fn digits(&mut self, count: usize) -> Option<i64> {
        let digits = self.rest().get(..count)?;
        let number = number_of(digits)?;
        self.at += count;
        Some(number)
    }

    /// One to `most` digits.
    pub(in crate::sources) fn digits_up_to(&mut self, most: usize) -> Option<i64> {
        let count = self.rest().iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 { None } else { self.digits(count) }
    }

    /// A run of digits, its length and number. Of a run too long for a number only the length is right.
    pub(in crate::sources) fn run_of_digits(&mut self) -> (usize, i64) {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = self.rest().get(..count).and_then(number_of).unwrap_or(0);
        self.at += count;
        (count, number)
    }

    /// `03:04:05` with an optional fraction; `separators` may stand between the parts.
    pub(in crate::sources) fn clock(&mut self, separators: &[u8]) -> Option<Clock> {
        let hour = self.digits(2)?;
        let separator = self.one_of(separators)?;
        let minute = self.digits(2)?;
        self.byte(separator)?;
        let second = self.digits(2)?;
        Some((hour, minute, second, self.fraction(b".,")))
    }

    /// The nanoseconds of an optional fraction.
    pub(in crate::sources) fn fraction(&mut self, points: &[u8]) -> i64 {
        let point = self.peek().is_some_and(|byte| points.contains(&byte));
        let digits = self.bytes.get(self.at + 1..).unwrap_or_default();
        let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !point || count == 0 {
            return 0;
        }
        self.at += 1 + count;
        let nine = digits.iter().take(count).copied().chain(std::iter::repeat(b'0')).take(9);
        nine.fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
    }

    /// An optional zone, as seconds east of UTC. A name other than UTC's own is not read.
    pub(in crate::sources) fn zone(&mut self) -> Option<i64> {
        let start = self.at;
        self.skip(b' ');
        if let Some(name) = ["UTC", "GMT", "Z", "z"].iter().find(|name| self.is_word(name)) {
            self.at += name.len();
            return Some(0);
        }
        let offset = self.offset();
        if offset.is_none() {
            self.at = start;
        }
        offset
    }

    fn is_word(&self, word: &str) -> bool {
        let after = self.rest().get(word.len());
        self.rest().starts_with(word.as_bytes()) && !after.is_some_and(u8::is_ascii_alphanumeric)
    }

    fn offset(&mut self) -> Option<i64> {
        let sign = if self.one_of(b"+-")? == b'+' { 1 } else { -1 };
        let hours = self.digits(2)?;
        let colon = self.byte(b':');
        let minutes = match self.digits(2) {
            Some(minutes) => minutes,
            // `+01` is whole; `+01:` is not.
            None if colon.is_none() => 0,
            None => return None,
        };
        (hours <= 15 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
    }

    /// The number of a month named in three letters or in full.
    pub(in crate::sources) fn month(&mut self) -> Option<i64> {
        const MONTHS: [&[u8]; 12] = [
            b"January",
            b"February",
            b"March",
            b"April",
            b"May",
            b"June",
            b"July",
            b"August",
            b"September",
            b"October",
            b"November",
            b"December",
        ];
        let letters = self.rest().iter().take(10).take_while(|byte| byte.is_ascii_alphabetic());
        let length = letters.count();
        let name = self.rest().get(..length)?;
        let named = |month: &&[u8]| {
            month.get(..length).is_some_and(|start| start.eq_ignore_ascii_case(name))
                && (length == 3 || length == month.len())
        };
        let position = MONTHS.iter().position(named)?;
        self.at += length;
        i64::try_from(position + 1).ok()
    }

    pub(in crate::sources) fn weekday(&mut self) -> Option<()> {
        const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
        let name = self.rest().get(..3)?;
        DAYS.iter().find(|day| **day == name)?;
        self.at += 3;
        Some(())
    }
}

fn number_of(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// A valid date and clock in the Gregorian calendar.
pub(in crate::sources) struct Civil {
    secs: i64,
    nanos: i64,
}

impl Civil {
    /// `None` for a date or clock that does not exist.
    pub(in crate::sources) fn new(year: i64, month: i64, day: i64, clock: Clock) -> Option<Self> {
        let (hour, minute, second, nanos) = clock;
        let valid = (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..=60).contains(&second);
        let secs = days_from_epoch(year, month, day) * DAY_SECS + hour * 3_600 + minute * 60;
        valid.then_some(Self { secs: secs + second, nanos })
    }

    /// The time in a zone `east` seconds from UTC; UTC when none is given. `None` outside what a time can hold.
    pub(in crate::sources) fn at(&self, east: Option<i64>) -> Option<Timestamp> {
        let secs = self.secs - east.unwrap_or(0);
        secs.checked_mul(NANOS)?.checked_add(self.nanos).map(Timestamp::from_nanos)
    }

    /// A date without year: in the latest year that does not put it after `reference`.
    pub(in crate::sources) fn latest_year(
        month: i64,
        day: i64,
        clock: Clock,
        reference: Timestamp,
    ) -> Option<Timestamp> {
        let limit = reference.plus_secs(AHEAD_SECS);
        let year = year_of(reference) + 1;
        // A 29th of February may be up to eight years back.
        (0..10)
            .filter_map(|back| Self::new(year - back, month, day, clock)?.at(None))
            .find(|time| *time <= limit)
    }

    /// A clock without date: on the latest day that does not put it after `reference`.
    pub(in crate::sources) fn latest_day(clock: Clock, reference: Timestamp) -> Option<Timestamp> {
        let (hour, minute, second, nanos) = clock;
        // Any date serves to check the clock.
        Self::new(2000, 1, 1, clock)?;
        let midnight = reference.nanos().div_euclid(DAY_SECS * NANOS) * DAY_SECS;
        let secs = midnight + hour * 3_600 + minute * 60 + second;
        let today = secs.checked_mul(NANOS)?.checked_add(nanos).map(Timestamp::from_nanos)?;
        let is_future = today > reference.plus_secs(AHEAD_SECS);
        Some(if is_future { today.plus_secs(-DAY_SECS) } else { today })
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, by counting years from March so that the leap day comes last.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn year_of(time: Timestamp) -> i64 {
    // Near enough: one year off at New Year at most, and the search starts a year ahead.
    1970 + time.nanos().div_euclid(NANOS * DAY_SECS).div_euclid(365)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_agree_with_a_calendar() {
        for text in ["1970-01-01", "2000-02-29", "2026-11-25", "1999-12-31", "2100-03-01"] {
            let part =
                |range: std::ops::Range<usize>| text.get(range).unwrap().parse::<i64>().unwrap();
            let civil = Civil::new(part(0..4), part(5..7), part(8..10), (0, 0, 0, 0)).unwrap();
            assert_eq!(civil.at(None), Timestamp::parse(&format!("{text}T00:00:00Z")), "{text}");
        }
        assert!(Civil::new(2026, 2, 29, (0, 0, 0, 0)).is_none());
        assert!(Civil::new(9999, 1, 1, (0, 0, 0, 0)).unwrap().at(None).is_none());
    }
}
