//! Finds the time of a plain-text log line.
//!
//! Shapes: ISO 8601 and RFC 3339 in their usual spellings, year-first dates with slashes, `DD Mon YYYY`, syslog, ctime,
//! access logs, klog, logcat, compact dates, seconds to nanoseconds since the epoch, and a bare clock. A time without
//! zone is UTC. Where the year or the day is missing, the latest that is not after the reference time is meant.

use groundcrew_telemetry::Timestamp;

use super::scan::{Civil, Scan};

/// Words of a line that may begin its time.
const WORDS_MAX: usize = 8;
/// A time that begins further in is part of the message.
const SEARCH_BYTES: usize = 160;

/// A way to write times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TimeShape {
    /// `2026-01-02T03:04:05.678Z`, `2026-01-02 03:04:05,678`, `2026/01/02 03:04:05`.
    Iso,
    /// `26/01/02 03:04:05`.
    ShortYear,
    /// `02/Jan/2026:03:04:05 +0000`.
    AccessLog,
    /// `02 Jan 2026 03:04:05.678`, `02-Jan-2026 03:04:05`.
    DayMonthYear,
    /// `01-02 03:04:05.678`.
    MonthDay,
    /// `Jan  2 03:04:05`.
    Syslog,
    /// `Fri Jan  2 03:04:05 2026`.
    Ctime,
    /// `Jan 02, 2026 3:04:05 AM`.
    UtilLogging,
    /// `I0102 03:04:05.678901`.
    Klog,
    /// `20260102T030405Z`, `20260102-03:04:05:678`, `260102 030405`.
    Compact,
    /// Seconds, milliseconds, microseconds or nanoseconds since the epoch.
    Epoch,
    /// `03:04:05.678`.
    Clock,
}

impl TimeShape {
    const ALL: [Self; 12] = [
        Self::Iso,
        Self::AccessLog,
        Self::DayMonthYear,
        Self::Syslog,
        Self::Ctime,
        Self::UtilLogging,
        Self::Klog,
        Self::ShortYear,
        Self::MonthDay,
        Self::Compact,
        Self::Epoch,
        Self::Clock,
    ];

    /// Shapes that other numbers and words resemble count only as the first thing on a line.
    fn only_leading(self) -> bool {
        matches!(self, Self::Epoch | Self::Clock | Self::Compact | Self::MonthDay | Self::Klog)
    }
}

/// The time found on a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FoundTime {
    pub(super) time: Timestamp,
    pub(super) shape: TimeShape,
    /// Where it ends in the line.
    pub(super) end: usize,
}

/// Finds a time of any shape near the head of `line`.
pub(super) fn find_time(line: &str, reference: Timestamp) -> Option<FoundTime> {
    for (leading, start) in word_starts(line.as_bytes()) {
        for shape in TimeShape::ALL {
            if leading || !shape.only_leading() {
                let found = time_at(line, start, shape, reference);
                if found.is_some() {
                    return found;
                }
            }
        }
    }
    None
}

/// Finds a time of one shape, for a file whose shape is known.
pub(super) fn find_time_of(
    line: &str,
    shape: TimeShape,
    reference: Timestamp,
) -> Option<FoundTime> {
    // In a file known to have this shape, some lines may carry a label in front of it.
    let words = if shape.only_leading() { 2 } else { WORDS_MAX };
    word_starts(line.as_bytes())
        .take(words)
        .find_map(|(_, start)| time_at(line, start, shape, reference))
}

/// Reads a text that is a time and nothing else, as in a JSON field.
pub(in crate::sources) fn parse_time(text: &str, reference: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    Timestamp::parse(text).or_else(|| {
        let found = find_time(text, reference)?;
        (found.end == text.len()).then_some(found.time)
    })
}

/// A number as a time since the epoch; its size tells the unit. Plausible from 1973 (in seconds) on.
pub(in crate::sources) fn epoch_time(number: f64) -> Option<Timestamp> {
    let per_unit = match number.abs() {
        size if size < 1e8 => return None,
        size if size < 1e11 => 1_000_000_000,
        size if size < 1e14 => 1_000_000,
        size if size < 1e17 => 1_000,
        size if size < 9e18 => 1,
        _ => return None,
    };
    // A float of today's seconds is good to a microsecond; what stands beyond is noise of its own making.
    let micros = (number.fract() * per_unit as f64 / 1e3).round() as i64;
    let whole = (number.trunc() as i64).checked_mul(per_unit)?;
    whole.checked_add(micros * 1_000).map(Timestamp::from_nanos)
}

/// Where words begin, and whether nothing but punctuation stands before.
fn word_starts(bytes: &[u8]) -> impl Iterator<Item = (bool, usize)> + '_ {
    let head = bytes.get(..bytes.len().min(SEARCH_BYTES)).unwrap_or(bytes);
    let mut leading = true;
    let mut before = b' ';
    head.iter()
        .enumerate()
        .filter_map(move |(position, byte)| {
            let starts = byte.is_ascii_alphanumeric() && separates(before);
            let first = leading;
            before = *byte;
            if byte.is_ascii_alphanumeric() {
                leading = false;
            }
            starts.then_some((first, position))
        })
        .take(WORDS_MAX)
}

fn separates(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'[' | b'(' | b'<' | b'>' | b'|' | b'"' | b'\'' | b'=' | b',')
}

fn time_at(line: &str, start: usize, shape: TimeShape, reference: Timestamp) -> Option<FoundTime> {
    let mut scan = Scan::at(line.as_bytes(), start);
    let time = match shape {
        TimeShape::Iso => iso(&mut scan),
        TimeShape::ShortYear => short_year(&mut scan),
        TimeShape::AccessLog => access_log(&mut scan),
        TimeShape::DayMonthYear => day_month_year(&mut scan),
        TimeShape::MonthDay => month_day(&mut scan, reference),
        TimeShape::Syslog => syslog(&mut scan, reference),
        TimeShape::Ctime => ctime(&mut scan),
        TimeShape::UtilLogging => util_logging(&mut scan),
        TimeShape::Klog => klog(&mut scan, reference),
        TimeShape::Compact => compact(&mut scan),
        TimeShape::Epoch => epoch(&mut scan),
        TimeShape::Clock => clock(&mut scan, reference),
    }?;
    // A time that runs on into a longer word is something else, an id perhaps.
    let runs_on = scan.peek().is_some_and(|byte| byte.is_ascii_alphanumeric());
    (!runs_on).then_some(FoundTime { time, shape, end: scan.position() })
}

fn iso(scan: &mut Scan<'_>) -> Option<Timestamp> {
    let year = scan.digits(4)?;
    let separator = scan.one_of(b"-/.")?;
    let month = scan.digits(2)?;
    scan.byte(separator)?;
    let day = scan.digits(2)?;
    scan.one_of(b"T t_-")?;
    // Some write the time with dots or dashes as well.
    let clock = scan.clock(b":.-")?;
    Civil::new(year, month, day, clock)?.at(scan.zone())
}

fn short_year(scan: &mut Scan<'_>) -> Option<Timestamp> {
    let year = scan.digits(2)?;
    scan.byte(b'/')?;
    let month = scan.digits(2)?;
    scan.byte(b'/')?;
    let day = scan.digits(2)?;
    scan.byte(b' ')?;
    let clock = scan.clock(b":")?;
    Civil::new(2000 + year, month, day, clock)?.at(scan.zone())
}

fn access_log(scan: &mut Scan<'_>) -> Option<Timestamp> {
    let day = scan.digits(2)?;
    scan.byte(b'/')?;
    let month = scan.month()?;
    scan.byte(b'/')?;
    let year = scan.digits(4)?;
    scan.byte(b':')?;
    let clock = scan.clock(b":")?;
    Civil::new(year, month, day, clock)?.at(scan.zone())
}

fn day_month_year(scan: &mut Scan<'_>) -> Option<Timestamp> {
    let day = scan.digits_up_to(2)?;
    let separator = scan.one_of(b" -")?;
    let month = scan.month()?;
    scan.byte(separator)?;
    let year = scan.digits(4)?;
    scan.byte(b' ')?;
    let clock = scan.clock(b":")?;
    Civil::new(year, month, day, clock)?.at(scan.zone())
}

fn month_day(scan: &mut Scan<'_>, reference: Timestamp) -> Option<Timestamp> {
    let month = scan.digits(2)?;
    scan.byte(b'-')?;
    let day = scan.digits(2)?;
    scan.byte(b' ')?;
    let clock = scan.clock(b":")?;
    Civil::latest_year(month, day, clock, reference)
}

fn syslog(scan: &mut Scan<'_>, reference: Timestamp) -> Option<Timestamp> {
    let month = scan.month()?;
    scan.byte(b' ')?;
    scan.skip(b' ');
    let day = scan.digits_up_to(2)?;
    scan.byte(b' ')?;
    let clock = scan.clock(b":")?;
    Civil::latest_year(month, day, clock, reference)
}

fn ctime(scan: &mut Scan<'_>) -> Option<Timestamp> {
    scan.weekday()?;
    scan.byte(b' ')?;
    let month = scan.month()?;
    scan.byte(b' ')?;
    scan.skip(b' ');
    let day = scan.digits_up_to(2)?;
    scan.byte(b' ')?;
    let clock = scan.clock(b":")?;
    let zone = scan.zone();
    scan.byte(b' ')?;
    let year = scan.digits(4)?;
    Civil::new(year, month, day, clock)?.at(zone)
}

fn util_logging(scan: &mut Scan<'_>) -> Option<Timestamp> {
    let month = scan.month()?;
    scan.byte(b' ')?;
    let day = scan.digits_up_to(2)?;
    scan.byte(b',')?;
    scan.byte(b' ')?;
    let year = scan.digits(4)?;
    scan.byte(b' ')?;
    let hour = scan.digits_up_to(2)?;
    scan.byte(b':')?;
    let (minute, second) = (scan.digits(2)?, scan.byte(b':').and_then(|()| scan.digits(2))?);
    scan.byte(b' ')?;
    let half = scan.one_of(b"AP")?;
    scan.byte(b'M')?;
    let hour = hour % 12 + if half == b'P' { 12 } else { 0 };
    Civil::new(year, month, day, (hour, minute, second, 0))?.at(None)
}

fn klog(scan: &mut Scan<'_>, reference: Timestamp) -> Option<Timestamp> {
    scan.one_of(b"IWEF")?;
    let (month, day) = (scan.digits(2)?, scan.digits(2)?);
    scan.byte(b' ')?;
    let clock = scan.clock(b":")?;
    Civil::latest_year(month, day, clock, reference)
}

fn compact(scan: &mut Scan<'_>) -> Option<Timestamp> {
    let date = scan.run_of_digits();
    let (year, month, day, short) = match date {
        (8, number) => (number / 10_000, number / 100 % 100, number % 100, false),
        (6, number) => (2000 + number / 10_000, number / 100 % 100, number % 100, true),
        _ => return None,
    };
    scan.one_of(if short { b" " } else { b"T-_ " })?;
    let clock = match scan.run_of_digits() {
        (6, number) => (number / 10_000, number / 100 % 100, number % 100, scan.fraction(b".,")),
        (1 | 2, hour) if !short => {
            scan.byte(b':')?;
            let minute = scan.digits_up_to(2)?;
            scan.byte(b':')?;
            let second = scan.digits_up_to(2)?;
            // After a colon comes a count of milliseconds, as unpadded as the rest.
            let millis = scan.byte(b':').and_then(|()| scan.digits_up_to(3));
            (hour, minute, second, millis.map_or_else(|| scan.fraction(b".,"), |ms| ms * 1_000_000))
        }
        _ => return None,
    };
    Civil::new(year, month, day, clock)?.at(scan.zone())
}

fn epoch(scan: &mut Scan<'_>) -> Option<Timestamp> {
    let (length, number) = scan.run_of_digits();
    let nanos = match length {
        10 => number.checked_mul(1_000_000_000)?.checked_add(scan.fraction(b"."))?,
        13 => number.checked_mul(1_000_000)?,
        16 => number.checked_mul(1_000)?,
        19 => number,
        _ => return None,
    };
    // From 2001 on ten digits are a time; a number that goes on after a dash or slash is an id.
    let goes_on = scan.peek().is_some_and(|byte| matches!(byte, b'-' | b'/' | b'.' | b'_'));
    (nanos >= 1_000_000_000_000_000_000 && !goes_on).then(|| Timestamp::from_nanos(nanos))
}

fn clock(scan: &mut Scan<'_>, reference: Timestamp) -> Option<Timestamp> {
    let clock = scan.clock(b":")?;
    Civil::latest_day(clock, reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_time_in_every_shape() {
        let reference = Timestamp::parse("2026-11-25T12:00:00Z").unwrap();
        let cases = [
            ("2026-01-02T03:04:05Z started", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.678901234+01:00 x", "2026-01-02T02:04:05.678901234Z"),
            ("2026-01-02 03:04:05,123 INFO x", "2026-01-02T03:04:05.123Z"),
            ("2026-01-02 03:04:05.123 UTC [77] LOG: x", "2026-01-02T03:04:05.123Z"),
            ("2026-01-02T03:04:05+0530 x", "2026-01-01T21:34:05Z"),
            ("[2026-01-02 03:04:05] ERROR x", "2026-01-02T03:04:05Z"),
            ("2026/01/02 03:04:05 [error] 1#1: x", "2026-01-02T03:04:05Z"),
            ("web-1  | 2026-01-02T03:04:05Z x", "2026-01-02T03:04:05Z"),
            ("time=\"2026-01-02T03:04:05Z\" level=info", "2026-01-02T03:04:05Z"),
            ("<34>1 2026-01-02T03:04:05.003Z host su - ID47", "2026-01-02T03:04:05.003Z"),
            ("10.0.0.1 - - [02/Jan/2026:03:04:05 +0000] \"GET /\" 200", "2026-01-02T03:04:05Z"),
            ("Jan  2 03:04:05 host sshd[1]: x", "2026-01-02T03:04:05Z"),
            ("<13>Dec 31 23:59:59 host app: x", "2025-12-31T23:59:59Z"),
            ("[Sun Dec 04 04:47:44 2005] [notice] x", "2005-12-04T04:47:44Z"),
            ("[Sun Dec 04 04:47:44.123456 2005] [notice] x", "2005-12-04T04:47:44.123456Z"),
            ("1:M 02 Jan 2026 03:04:05.678 * Ready", "2026-01-02T03:04:05.678Z"),
            ("02-Jan-2026 03:04:05.678 INFO [main] x", "2026-01-02T03:04:05.678Z"),
            ("Jan 02, 2026 3:04:05 PM org.x.Y z", "2026-01-02T15:04:05Z"),
            ("I0102 03:04:05.678901       1 main.go:5] x", "2026-01-02T03:04:05.678901Z"),
            ("17/06/09 20:10:40 INFO x", "2017-06-09T20:10:40Z"),
            ("081109 203615 148 INFO x", "2008-11-09T20:36:15Z"),
            ("20171223-22:15:29:606|Step", "2017-12-23T22:15:29.606Z"),
            ("20171223-22:16:0:15|Step", "2017-12-23T22:16:00.015Z"),
            ("20260102T030405Z x", "2026-01-02T03:04:05Z"),
            ("03-17 16:13:38.811  1702  2395 D x", "2026-03-17T16:13:38.811Z"),
            ("1767323045 x", "2026-01-02T03:04:05Z"),
            ("1767323045.250 x", "2026-01-02T03:04:05.25Z"),
            ("1767323045123 x", "2026-01-02T03:04:05.123Z"),
            ("16:42:09.486 INFO x", "2026-11-24T16:42:09.486Z"),
            ("11:42:09 x", "2026-11-25T11:42:09Z"),
            ("2005-06-03-15.42.50.675872 R02", "2005-06-03T15:42:50.675872Z"),
        ];
        for (line, expected) in cases {
            let found = find_time(line, reference).map(|found| found.time);
            assert_eq!(found, Timestamp::parse(expected), "{line}");
        }
    }

    #[test]
    fn finds_none_where_there_is_none() {
        let reference = Timestamp::parse("2026-11-25T12:00:00Z").unwrap();
        let lines = [
            "",
            "    at com.example.Main(Main.java:5)",
            "order 1767323045 shipped",
            "2026-13-45 99:99:99",
            "1767323045-abc",
            "12:34",
            "version 2026-01-02",
            "é 🦀",
            "Jan",
        ];
        for line in lines {
            assert_eq!(find_time(line, reference), None, "{line}");
        }
    }

    #[test]
    fn a_known_shape_may_stand_behind_a_label() {
        let line = "APPREAD 1117869872 2005.06.04 R04 read failed";
        assert_eq!(find_time(line, Timestamp::MAX), None);
        let found = find_time_of(line, TimeShape::Epoch, Timestamp::MAX).map(|found| found.time);
        assert_eq!(found, Some(Timestamp::from_secs(1_117_869_872)));
    }

    #[test]
    fn numbers_are_times_by_their_size() {
        let second = Timestamp::parse("2026-01-02T03:04:05Z");
        for number in [1_767_323_045.0, 1_767_323_045e3, 1_767_323_045e6, 1_767_323_045e9] {
            assert_eq!(epoch_time(number), second);
        }
        assert_eq!(epoch_time(12.0), None);
        assert_eq!(epoch_time(f64::NAN), None);
        assert_eq!(epoch_time(f64::INFINITY), None);
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in ".{0,200}") {
            find_time(&line, Timestamp::MAX);
            find_time(&line, Timestamp::MIN);
        }

        #[test]
        fn no_digits_make_it_panic(line in "[0-9TZ:./ ,+-]{0,60}") {
            find_time(&line, Timestamp::MAX);
            find_time(&line, Timestamp::MIN);
            parse_time(&line, Timestamp::MIN);
        }
    }
}
