//! Reads one syslog message: RFC 5424, RFC 3164, and what real senders write instead, with parts missing.
//!
//! Nothing is refused: what is not understood stays in the text.

use groundcrew_telemetry::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::structured::{self, Element};
use crate::sources::files::scan::Scan;

/// Longest word that is taken as a tag or a host's name.
const NAME_BYTES_MAX: usize = 255;

/// What a message says.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Message<'a> {
    /// Facility times eight plus severity.
    pub(super) priority: Option<u8>,
    pub(super) time: Option<Timestamp>,
    pub(super) host: Option<&'a str>,
    pub(super) app: Option<&'a str>,
    pub(super) process: Option<&'a str>,
    pub(super) message_id: Option<&'a str>,
    pub(super) structured: Vec<Element>,
    pub(super) text: &'a str,
}

/// When a message came, and the zone of senders that do not say theirs.
pub(super) struct Arrival<'a> {
    pub(super) now: Timestamp,
    pub(super) zone: &'a TimeZone,
}

/// Reads a message.
pub(super) fn read<'a>(line: &'a str, arrival: &Arrival<'_>) -> Message<'a> {
    let line = line.trim_start_matches('\u{feff}').trim_end_matches(['\0', '\n', '\r', ' ']);
    let (priority, rest) = match priority(line) {
        Some((priority, rest)) => (Some(priority), rest),
        None => (None, line),
    };
    let mut message = ietf(rest).unwrap_or_else(|| bsd(rest, arrival));
    message.priority = priority;
    message
}

/// `<34>` and what comes after.
fn priority(line: &str) -> Option<(u8, &str)> {
    let (number, rest) = line.strip_prefix('<')?.split_once('>')?;
    let digits = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let number = number.parse::<u8>().ok().filter(|number| digits && *number <= 191)?;
    Some((number, rest))
}

/// RFC 5424: `1 TIME HOST APP PROCID MSGID [structured] text`. `None` when it is not of that form.
fn ietf(rest: &str) -> Option<Message<'_>> {
    let rest = rest.strip_prefix("1 ")?;
    let (time, mut rest) = word(rest);
    let time = match time {
        "-" => None,
        text => Some(Timestamp::parse(text)?),
    };
    let mut next = || {
        // Short of the five words, the structured part or the text has begun.
        if rest.starts_with('[') {
            return None;
        }
        let (text, after) = word(rest);
        rest = after;
        Some(text).filter(|text| !matches!(*text, "-" | "") && text.len() <= NAME_BYTES_MAX)
    };
    let (host, app, process, message_id) = (next(), next(), next(), next());
    let (structured, text) = structured::read(rest);
    let text = text.strip_prefix(' ').unwrap_or(text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Some(Message { priority: None, time, host, app, process, message_id, structured, text })
}

/// RFC 3164: `Jan  2 03:04:05 HOST TAG[PID]: text`, where any part may be missing.
fn bsd<'a>(rest: &'a str, arrival: &Arrival<'_>) -> Message<'a> {
    let (time, after_time) = match time(without_sequence(rest), arrival) {
        Some((time, rest)) => (Some(time), rest),
        None => (None, rest),
    };
    let dated = time.is_some();
    // Network gear ends the time with a colon and names no host.
    let (gear, body) = match after_time.strip_prefix(':').filter(|_| dated) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, after_time.trim_start()),
    };
    let mut message = Message { time, text: body, ..Message::default() };
    if let Some((app, process, text)) = tag(body, dated) {
        (message.app, message.process, message.text) = (Some(app), process, text);
        return message;
    }
    let (host, after_host) = word(body);
    if !dated || gear || !is_host(host) || after_host.is_empty() {
        return message;
    }
    message.host = Some(host);
    message.text = after_host;
    if let Some((app, process, text)) = tag(after_host.trim_start(), true) {
        (message.app, message.process, message.text) = (Some(app), process, text);
    }
    message
}

/// Takes off the count that network gear puts in front: `29: *Mar  1 18:46:11: ...`.
fn without_sequence(rest: &str) -> &str {
    let counted = rest
        .split_once(": ")
        .filter(|(count, _)| !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit()))
        .map_or(rest, |(_, rest)| rest);
    counted.trim_start_matches(['*', '.'])
}

/// A time at the beginning, and what comes after.
fn time<'a>(text: &'a str, arrival: &Arrival<'_>) -> Option<(Timestamp, &'a str)> {
    let (first, rest) = word(text);
    if first.len() >= 19
        && first.starts_with(|c: char| c.is_ascii_digit())
        && let Some(time) = Timestamp::parse(first)
    {
        return Some((time, rest));
    }
    let mut scan = Scan::at(text.as_bytes(), 0);
    let month = scan.month()?;
    scan.byte(b' ')?;
    scan.skip(b' ');
    let day = scan.digits_up_to(2)?;
    scan.byte(b' ')?;
    let before = scan.position();
    let mut year = scan.digits(4).filter(|_| scan.byte(b' ').is_some());
    if year.is_none() {
        scan = Scan::at(text.as_bytes(), before);
    }
    let clock = scan.clock(b":")?;
    if year.is_none() {
        let end = scan.position();
        let later = scan.byte(b' ').and_then(|()| scan.digits(4));
        year = later.filter(|year| (1990..2200).contains(year) && is_word_end(scan.peek()));
        if year.is_none() {
            scan = Scan::at(text.as_bytes(), end);
        }
    }
    let zone = scan.zone();
    if !is_word_end(scan.peek()) && scan.peek() != Some(b':') {
        return None;
    }
    let time = civil_time((year, month, day), clock, zone, arrival)?;
    Some((time, text.get(scan.position()..)?))
}

fn is_word_end(byte: Option<u8>) -> bool {
    matches!(byte, None | Some(b' '))
}

/// The time of a date; without a year, the latest one that is not in the future, for which clocks may run apart by a day.
fn civil_time(
    (year, month, day): (Option<i64>, i64, i64),
    (hour, minute, second, nanos): (i64, i64, i64, i64),
    east: Option<i64>,
    arrival: &Arrival<'_>,
) -> Option<Timestamp> {
    let small = |number: i64| i8::try_from(number).ok();
    let at = |year: i64| {
        let year = i16::try_from(year).ok()?;
        // A leap second is as near to the one before as makes no difference.
        let second = small(second.min(59))?;
        let nanos = i32::try_from(nanos).ok()?;
        let civil = DateTime::new(
            year,
            small(month)?,
            small(day)?,
            small(hour)?,
            small(minute)?,
            second,
            nanos,
        );
        let zoned = match east {
            Some(east) => {
                let zone = jiff::tz::Offset::from_seconds(i32::try_from(east).ok()?).ok()?;
                zone.to_timestamp(civil.ok()?)
            }
            None => arrival.zone.to_timestamp(civil.ok()?),
        };
        i64::try_from(zoned.ok()?.as_nanosecond()).ok().map(Timestamp::from_nanos)
    };
    if let Some(year) = year {
        return at(year);
    }
    let this_year = 1970 + arrival.now.nanos().div_euclid(365 * 86_400 * 1_000_000_000);
    // A 29th of February is up to eight years away; the guess of this year may be one off.
    let limit = arrival.now.plus_secs(86_400);
    (this_year - 9..=this_year + 2).rev().filter_map(at).find(|time| *time <= limit)
}

/// `su[123]: text`. A word that may as well begin a sentence is a tag only where a time came before it.
fn tag(body: &str, dated: bool) -> Option<(&str, Option<&str>, &str)> {
    let end = body.find([':', ' ', '['])?;
    let name = body.get(..end)?;
    let after = body.get(end..)?;
    if !is_name(name) {
        return None;
    }
    if let Some(inside) = after.strip_prefix('[') {
        let (process, rest) = inside.split_once(']')?;
        let plain = process.len() <= NAME_BYTES_MAX && !process.contains([' ', '[']);
        let text = rest.strip_prefix(':').filter(|_| plain)?;
        return Some((name, Some(process).filter(|id| !id.is_empty()), text.trim_start()));
    }
    let text = after.strip_prefix(':').filter(|rest| rest.is_empty() || rest.starts_with(' '))?;
    let is_level = groundcrew_telemetry::Severity::from_text(name).is_some();
    (dated || !is_level).then_some((name, None, text.trim_start()))
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '('))
        && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'=' | b'{' | b'}'))
}

fn is_host(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'/'))
}

/// The first word and what comes after its space.
fn word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at<'a>(line: &'a str, now: &str) -> Message<'a> {
        let now = Timestamp::parse(now).unwrap();
        read(line, &Arrival { now, zone: &TimeZone::UTC })
    }

    /// Priority, time, host, app, process, text.
    type Parts = (
        Option<u8>,
        Option<&'static str>,
        Option<&'static str>,
        Option<&'static str>,
        Option<&'static str>,
        &'static str,
    );

    const CASES: [(&str, Parts); 19] = [
        (
            "<165>1 2026-10-11T22:14:15.003Z host.example app 8710 ID47 [a@1 k=\"v\"] \u{feff}text here",
            (
                Some(165),
                Some("2026-10-11T22:14:15.003Z"),
                Some("host.example"),
                Some("app"),
                Some("8710"),
                "text here",
            ),
        ),
        ("<34>1 - - - - - -", (Some(34), None, None, None, None, "")),
        ("<34>1 - host app - - - text", (Some(34), None, Some("host"), Some("app"), None, "text")),
        (
            "<34>1 2026-10-11T22:14:15Z host app",
            (Some(34), Some("2026-10-11T22:14:15Z"), Some("host"), Some("app"), None, ""),
        ),
        (
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
            (
                Some(34),
                Some("2026-10-11T22:14:15Z"),
                Some("mymachine"),
                Some("su"),
                None,
                "'su root' failed for lonvick on /dev/pts/8",
            ),
        ),
        (
            "<30>Nov  2 03:04:05 web-1 nginx[123]: GET /",
            (
                Some(30),
                Some("2026-11-02T03:04:05Z"),
                Some("web-1"),
                Some("nginx"),
                Some("123"),
                "GET /",
            ),
        ),
        (
            "<13>Nov 25 15:00:00 root: said on this machine",
            (
                Some(13),
                Some("2026-11-25T15:00:00Z"),
                None,
                Some("root"),
                None,
                "said on this machine",
            ),
        ),
        (
            "<30>2026-11-02T03:04:05.678901+01:00 web-1 systemd[1]: Started.",
            (
                Some(30),
                Some("2026-11-02T02:04:05.678901Z"),
                Some("web-1"),
                Some("systemd"),
                Some("1"),
                "Started.",
            ),
        ),
        ("<14>plain words only", (Some(14), None, None, None, None, "plain words only")),
        ("<14>myapp: started\0", (Some(14), None, None, Some("myapp"), None, "started")),
        ("<14>error: it broke", (Some(14), None, None, None, None, "error: it broke")),
        ("no priority at all", (None, None, None, None, None, "no priority at all")),
        ("<999>x", (None, None, None, None, None, "<999>x")),
        ("<>x", (None, None, None, None, None, "<>x")),
        (
            "<189>29: *Mar  1 18:46:11.123: %SYS-5-CONFIG_I: Configured",
            (
                Some(189),
                Some("2026-03-01T18:46:11.123Z"),
                None,
                None,
                None,
                "%SYS-5-CONFIG_I: Configured",
            ),
        ),
        (
            "<166>Nov 02 2026 03:04:05 fw1 : %ASA-6-302013: Built",
            (
                Some(166),
                Some("2026-11-02T03:04:05Z"),
                Some("fw1"),
                None,
                None,
                ": %ASA-6-302013: Built",
            ),
        ),
        (
            "<30>Nov  2 03:04:05 host docker/cart[77]: x",
            (
                Some(30),
                Some("2026-11-02T03:04:05Z"),
                Some("host"),
                Some("docker/cart"),
                Some("77"),
                "x",
            ),
        ),
        (
            "<30>Nov  2 03:04:05 host just words, no tag",
            (
                Some(30),
                Some("2026-11-02T03:04:05Z"),
                Some("host"),
                None,
                None,
                "just words, no tag",
            ),
        ),
        ("<30>1 yesterday x", (Some(30), None, None, None, None, "1 yesterday x")),
    ];

    #[test]
    fn what_real_senders_write_is_understood() {
        for (line, expected) in CASES {
            let m = read_at(line, "2026-11-25T12:00:00Z");
            let time = expected.1.map(|text| Timestamp::parse(text).unwrap());
            assert_eq!(
                (m.priority, m.time, m.host, m.app, m.process, m.text),
                (expected.0, time, expected.2, expected.3, expected.4, expected.5),
                "{line}"
            );
        }
    }

    #[test]
    fn a_time_without_year_is_the_latest_that_can_be_meant() {
        let time = |line, now| read_at(line, now).time.unwrap().to_string();
        assert_eq!(
            time("<13>Dec 31 23:59:59 h a: x", "2027-01-01T00:00:05Z"),
            "2026-12-31T23:59:59Z"
        );
        assert_eq!(
            time("<13>Jan  1 00:00:30 h a: x", "2026-12-31T23:59:50Z"),
            "2027-01-01T00:00:30Z"
        );
        assert_eq!(
            time("<13>Feb 29 01:00:00 h a: x", "2026-12-31T23:59:50Z"),
            "2024-02-29T01:00:00Z"
        );
    }

    #[test]
    fn a_time_without_zone_is_of_the_zone_of_the_settings() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now = Timestamp::parse("2026-07-02T01:00:00Z").unwrap();
        let message = read("<13>Jul  2 03:04:05 h a: x", &Arrival { now, zone: &zone });
        assert_eq!(message.time, Timestamp::parse("2026-07-02T01:04:05Z"));
        let stated = read("<13>Jul  2 03:04:05 UTC h a: x", &Arrival { now, zone: &zone });
        assert_eq!(stated.time, Timestamp::parse("2026-07-02T03:04:05Z"));
        assert_eq!(stated.app, Some("a"));
    }
}
