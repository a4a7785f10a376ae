//! Plain-text logs: lines become records, and lines that belong together become one.
//!
//! A line continues the record before it when it looks like the inside of a stack trace, or when it has no time of its
//! own in a file whose records have one. Bodies are kept verbatim, without terminal colours. Lines without time take the
//! last one seen, else the fallback, and are counted.

use std::borrow::Cow;

use groundcrew_telemetry::{LogRecord, Severity, Timestamp, TraceId};

use super::log_time::{FoundTime, TimeShape, find_time, find_time_of};
use crate::stages::decode::{BODY_BYTES_MAX, cap_text, infer_severity};

/// Lines without time and without the look of a trace that may follow a record before each stands for itself.
const LOOSE_LINES_MAX: usize = 100;

/// Turns lines into records.
pub(in crate::sources) struct TextLogs {
    fallback: Timestamp,
    shape: Option<TimeShape>,
    open: Option<OpenRecord>,
    last_time: Option<Timestamp>,
    /// Records that were begun.
    begun: u64,
    /// Records that had no time of their own.
    pub(in crate::sources) undated: u64,
    /// Bodies that were cut.
    pub(in crate::sources) truncated: u64,
}

struct OpenRecord {
    time: Timestamp,
    body: String,
    shape: Option<TimeShape>,
    loose_lines: usize,
    in_traceback: bool,
    /// The container runtime cut the last line; the next is its rest.
    partial: bool,
}

/// A line with what its container runtime put in front taken off.
struct Unwrapped<'a> {
    time: Option<Timestamp>,
    text: Cow<'a, str>,
    /// The runtime cut the line here; the next one continues it.
    partial: bool,
}

impl TextLogs {
    /// Reads lines of a file whose undated records happened at `fallback`.
    pub(in crate::sources) fn new(fallback: Timestamp) -> Self {
        Self {
            fallback,
            shape: None,
            open: None,
            last_time: None,
            begun: 0,
            undated: 0,
            truncated: 0,
        }
    }

    /// Time has gone on while the file was quiet: undated records happened at `now`.
    pub(super) fn set_now(&mut self, now: Timestamp) {
        self.fallback = now;
        if self.open.is_none() {
            self.last_time = None;
        }
    }

    /// How many records were begun, and whether the last of them may go on.
    pub(super) fn begun(&self) -> (u64, bool) {
        (self.begun, self.open.is_some())
    }

    /// Forgets the record that may go on.
    pub(super) fn forget_open(&mut self) {
        self.open = None;
    }

    /// Takes one line; gives the record that it completes, if it does.
    pub(in crate::sources) fn line(&mut self, line: &str) -> Option<LogRecord> {
        self.unwrapped(unwrap_runtime(line))
    }

    /// Takes one line that a container runtime wrote at `time`; `partial` when its rest comes next.
    pub(super) fn wrapped(
        &mut self,
        time: Timestamp,
        text: &str,
        partial: bool,
    ) -> Option<LogRecord> {
        self.unwrapped(Unwrapped { time: Some(time), text: Cow::Borrowed(text), partial })
    }

    fn unwrapped(&mut self, unwrapped: Unwrapped<'_>) -> Option<LogRecord> {
        let text = without_colours(unwrapped.text);
        if text.trim().is_empty() {
            return None;
        }
        let found = self.time_of(&text);
        let time = unwrapped.time.or(found.map(|found| found.time));
        if self.continues(&text, found.is_some(), unwrapped.time.is_some()) {
            self.append(&text, unwrapped.partial);
            return None;
        }
        let finished = self.finish();
        self.begun += 1;
        self.undated += u64::from(time.is_none());
        self.last_time = time.or(self.last_time);
        self.open = Some(OpenRecord {
            time: self.last_time.unwrap_or(self.fallback),
            in_traceback: text.starts_with(TRACEBACK),
            partial: unwrapped.partial,
            body: text.into_owned(),
            shape: found.map(|found| found.shape),
            loose_lines: 0,
        });
        finished
    }

    /// Gives the record that is still open, as at the end of a file.
    pub(in crate::sources) fn finish(&mut self) -> Option<LogRecord> {
        let OpenRecord { time, mut body, shape, .. } = self.open.take()?;
        body.truncate(body.trim_end().len());
        self.truncated += u64::from(cap_text(&mut body));
        let severity = match shape {
            Some(TimeShape::AccessLog) => access_severity(&body),
            _ => infer_severity(&body),
        };
        let trace_id = trace_id_in(&body);
        Some(LogRecord { time, severity, body, trace_id, ..LogRecord::default() })
    }

    fn time_of(&mut self, text: &str) -> Option<FoundTime> {
        let found = match self.shape {
            Some(shape) => find_time_of(text, shape, self.fallback),
            None => find_time(text, self.fallback),
        };
        // A file may change its habits, but then it does so at the very head of a line.
        let found = found.or_else(|| {
            self.shape?;
            let head = text.get(..text.floor_char_boundary(40))?;
            let starts = head.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
            starts.then(|| find_time(head, self.fallback)).flatten()
        });
        self.shape = found.map(|found| found.shape).or(self.shape);
        found
    }

    fn continues(&mut self, text: &str, has_time: bool, wrapped: bool) -> bool {
        let dated_file = self.shape.is_some() || wrapped;
        let Some(open) = &mut self.open else { return false };
        if open.partial {
            return open.body.len() <= BODY_BYTES_MAX;
        }
        if has_time || open.body.len() + text.len() > BODY_BYTES_MAX {
            return false;
        }
        let inside = is_inside_trace(text);
        if open.in_traceback {
            // A Python trace ends with the first line that is not indented: the exception itself.
            open.in_traceback = inside;
            return true;
        }
        if inside {
            open.in_traceback = text.trim_start().starts_with(TRACEBACK);
            return true;
        }
        open.loose_lines += 1;
        // Where a runtime dates every line, one without a date of its own is a record like any other.
        dated_file && !wrapped && open.shape.is_some() && open.loose_lines <= LOOSE_LINES_MAX
    }

    fn append(&mut self, text: &str, partial: bool) {
        if let Some(open) = &mut self.open {
            if !open.partial {
                open.body.push('\n');
            }
            open.body.push_str(text);
            open.partial = partial;
        }
    }
}

const TRACEBACK: &str = "Traceback (most recent call last)";

/// Whether a line has the look of a line inside a stack trace.
fn is_inside_trace(line: &str) -> bool {
    const OPENINGS: [&str; 8] = [
        "Caused by:",
        "at ",
        "... ",
        "Suppressed:",
        TRACEBACK,
        "During handling of",
        "The above exception was",
        "goroutine ",
    ];
    line.starts_with([' ', '\t', '}', ')', ']'])
        || OPENINGS.iter().any(|opening| line.starts_with(opening))
}

/// Takes off what a container runtime writes in front: `2026-01-02T03:04:05.678Z stdout F message`.
fn unwrap_runtime(line: &str) -> Unwrapped<'_> {
    let plain = Unwrapped { time: None, text: Cow::Borrowed(line), partial: false };
    let mut parts = line.splitn(4, ' ');
    let (Some(time), Some(stream), Some(tag)) = (parts.next(), parts.next(), parts.next()) else {
        return plain;
    };
    let is_wrapped = matches!(stream, "stdout" | "stderr") && matches!(tag, "F" | "P");
    match Timestamp::parse(time).filter(|_| is_wrapped) {
        Some(time) => Unwrapped {
            time: Some(time),
            text: Cow::Borrowed(parts.next().unwrap_or("")),
            partial: tag == "P",
        },
        None => plain,
    }
}

/// Takes terminal colour codes out of a line.
pub(super) fn without_colours(line: Cow<'_, str>) -> Cow<'_, str> {
    if memchr::memchr(0x1b, line.as_bytes()).is_none() {
        return line;
    }
    let mut plain = String::with_capacity(line.len());
    let mut rest = line.as_ref();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        let Some(parameters) = after.strip_prefix('[') else {
            rest = after;
            continue;
        };
        let end = parameters.find(|c: char| c.is_ascii_alphabetic());
        rest = end.and_then(|end| parameters.get(end + 1..)).unwrap_or("");
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// How bad a line of an access log is: by its status.
fn access_severity(line: &str) -> Severity {
    let status =
        line.split("\" ").nth(1).and_then(|rest| rest.get(..3)).and_then(|s| s.parse().ok());
    match status {
        Some(500_u16..=599) => Severity::ERROR,
        Some(400..=499) => Severity::WARN,
        Some(100..=399) => Severity::INFO,
        _ => infer_severity(line),
    }
}

/// The service that a logfmt line names (`level=info service=cart msg="..."`). Elsewhere `service=` may be anybody's.
pub(super) fn service_in(line: &str) -> Option<&str> {
    const KEYS: [&str; 3] = ["service=", "service.name=", "app="];
    let at = memchr::memmem::find(line.as_bytes(), b"service")
        .or_else(|| memchr::memmem::find(line.as_bytes(), b"app="))?;
    let is_logfmt = ["level=", "lvl=", "msg="].iter().any(|key| line.contains(key));
    let starts = at == 0 || line.as_bytes().get(at - 1) == Some(&b' ');
    if !is_logfmt || !starts {
        return None;
    }
    let rest = line.get(at..)?;
    let value = KEYS.iter().find_map(|key| rest.strip_prefix(key))?.trim_start_matches('"');
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
    let name = value.split(|c: char| !is_name(c)).next()?;
    (!name.is_empty()).then_some(name)
}

/// A trace id that a line names: `trace_id=`, `traceId":"`, `TraceID: ` and 32 hex digits.
pub(in crate::sources) fn trace_id_in(line: &str) -> Option<TraceId> {
    let bytes = line.as_bytes();
    for found in memchr::memmem::find_iter(bytes, b"race") {
        let rest = line.get(found + 4..)?;
        let rest = rest.strip_prefix(['_', '.', '-']).unwrap_or(rest);
        let Some(key) = rest.get(..2).filter(|key| key.eq_ignore_ascii_case("id")) else {
            continue;
        };
        let value = rest.get(key.len()..)?.trim_start_matches(['"', '\'', ':', '=', ' ', '\\']);
        let id = value.get(..32).and_then(TraceId::from_hex);
        if id.is_some() {
            return id;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> (Vec<LogRecord>, TextLogs) {
        let mut logs = TextLogs::new(Timestamp::parse("2026-11-25T12:00:00Z").unwrap());
        let mut records: Vec<LogRecord> = text.lines().filter_map(|line| logs.line(line)).collect();
        records.extend(logs.finish());
        (records, logs)
    }

    #[test]
    fn java_traces_stay_with_their_line() {
        let (records, _) = records(
            "2026-01-02 03:04:05,123 ERROR [main] c.e.Pool - failed\n\
             java.lang.IllegalStateException: no connection\n\
             \tat c.e.Pool.get(Pool.java:5)\n\
             Caused by: java.net.ConnectException: refused\n\
             \t... 5 more\n\
             2026-01-02 03:04:06,000 INFO [main] c.e.Pool - retried\n",
        );
        assert_eq!(records.len(), 2);
        assert!(records[0].body.ends_with("... 5 more"));
        assert_eq!(records[0].severity, Severity::ERROR);
        assert_eq!(records[1].severity, Severity::INFO);
    }

    #[test]
    fn python_traces_keep_the_exception_at_their_end() {
        let (records, logs) = records(
            "started\n\
             Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    f()\n\
             ValueError: bad\n\
             next line\n",
        );
        let bodies: Vec<&str> = records.iter().map(|record| record.body.as_str()).collect();
        assert_eq!(bodies.len(), 2, "{bodies:?}");
        assert!(bodies[0].ends_with("ValueError: bad"));
        assert_eq!(logs.undated, 2);
    }

    #[test]
    fn a_date_in_the_first_line_does_not_swallow_the_file() {
        let mut text = "2026-01-02 03:04:05 banner\n".to_owned();
        (0..1000).for_each(|n| text.push_str(&format!("line {n}\n")));
        let (records, _) = records(&text);
        let kept: usize = records.iter().map(|record| record.body.lines().count()).sum();
        assert_eq!(kept, 1001);
        assert!(records.len() > 800);
    }

    #[test]
    fn container_runtime_headers_are_taken_off() {
        let (records, _) = records(
            "2026-01-02T03:04:05.678901234Z stdout F {\"level\":\"warn\"}\n\
             2026-01-02T03:04:06Z stderr P half\n\
             2026-01-02T03:04:06Z stderr F whole\n\
             2026-01-02T03:04:07Z stdout F next\n",
        );
        assert_eq!(records.len(), 3);
        assert_eq!(records[0].body, "{\"level\":\"warn\"}");
        assert_eq!(records[0].severity, Severity::WARN);
        assert_eq!(records[1].body, "halfwhole");
        assert_eq!(records[2].time, Timestamp::parse("2026-01-02T03:04:07Z").unwrap());
    }

    #[test]
    fn access_logs_are_as_bad_as_their_status() {
        let (records, _) = records(
            "10.0.0.1 - - [02/Jan/2026:03:04:05 +0000] \"GET /error HTTP/1.1\" 200 5\n\
             10.0.0.1 - - [02/Jan/2026:03:04:05 +0000] \"GET / HTTP/1.1\" 503 5\n",
        );
        let severities: Vec<Severity> = records.iter().map(|record| record.severity).collect();
        assert_eq!(severities, [Severity::INFO, Severity::ERROR]);
    }

    #[test]
    fn colours_go_and_trace_ids_are_found() {
        let (records, _) = records(
            "\u{1b}[32mINFO\u{1b}[0m ok TraceID: 6f3cbf058c2765548a39ad724905d6a1 done \u{1b}",
        );
        assert!(records[0].body.starts_with("INFO ok"));
        assert!(records[0].trace_id.is_some());
    }

    #[test]
    fn logfmt_lines_name_their_service() {
        assert_eq!(service_in("level=info service=cart-v2 msg=x"), Some("cart-v2"));
        assert_eq!(service_in("service.name=\"cart\" lvl=warn"), Some("cart"));
        assert_eq!(service_in("calling service=cart failed"), None);
        assert_eq!(service_in("level=info myservice=cart"), None);
    }

    proptest::proptest! {
        #[test]
        fn every_line_ends_up_in_some_record(lines in proptest::collection::vec("[a-z 0-9:\\t-]{1,30}", 0..50)) {
            let text = lines.join("\n");
            let (records, _) = records(&text);
            let words = |text: &str| text.split_whitespace().count();
            let kept: usize = records.iter().map(|record| words(&record.body)).sum();
            proptest::prop_assert_eq!(kept, words(&text));
        }
    }
}
