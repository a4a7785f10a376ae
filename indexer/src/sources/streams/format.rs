//! What the messages of a topic hold, and how they are read.

use std::str::FromStr;
use std::sync::Arc;

use groundcrew_telemetry::{Signal, Timestamp};

use crate::sources::http_body::{EXPANDED_BYTES_MAX, HttpRefusal, Room};
use crate::sources::lines_http;
use crate::stages::decode::{Decoded, decode_json, decode_protobuf};

/// What a message holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// An OTLP export request of this signal, as protobuf or JSON.
    Otlp(Signal),
    /// Log lines, text or a JSON object each.
    Lines,
}

/// A topic, or a subject, and what its messages hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic {
    /// Its name.
    pub name: Arc<str>,
    /// What its messages hold.
    pub format: Format,
}

/// A topic that cannot be understood.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{0}` is not a topic such as app-logs=lines; formats are logs, traces, metrics (OTLP) and lines"
)]
pub struct BadTopic(String);

impl Format {
    /// The format that a word names: `logs`, `traces` or `metrics` for OTLP, or `lines`.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "logs" => Self::Otlp(Signal::Logs),
            "traces" => Self::Otlp(Signal::Traces),
            "metrics" => Self::Otlp(Signal::Metrics),
            "lines" => Self::Lines,
            _ => return None,
        })
    }

    /// What a name says: OTLP where `otlp` and a signal stand in it, as in what the OpenTelemetry Collector writes to
    /// (`otlp_logs`, `otlp_spans`, `otlp_metrics`); lines else.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let lower = name.to_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
        let has = |word: &str| words.contains(&word);
        let signals = [
            ("spans", Signal::Traces),
            ("traces", Signal::Traces),
            ("metrics", Signal::Metrics),
            ("logs", Signal::Logs),
        ];
        let named = signals.iter().find(|(word, _)| has(word)).filter(|_| has("otlp"));
        named.map_or(Self::Lines, |(_, signal)| Self::Otlp(*signal))
    }

    /// Reads a message of `topic`, which is the service of lines that name none; `now` is the time of receipt.
    ///
    /// # Errors
    /// When the message cannot be read at all.
    pub fn decode(
        self,
        topic: &str,
        message: &[u8],
        now: Timestamp,
    ) -> Result<Decoded, HttpRefusal> {
        if message.len() > EXPANDED_BYTES_MAX {
            return Err(HttpRefusal::TooLarge(EXPANDED_BYTES_MAX));
        }
        match self {
            Self::Lines => lines_http::decode(message, topic, now, &mut Room::unasked()),
            Self::Otlp(signal) => {
                // No export request in protobuf begins with a brace: that would be a group, which OTLP has none of.
                let is_json = message.trim_ascii_start().starts_with(b"{");
                let decoded = if is_json {
                    decode_json(signal, message, now)
                } else {
                    decode_protobuf(signal, message, now)
                };
                decoded.map_err(|error| HttpRefusal::Malformed(error.to_string()))
            }
        }
    }
}

impl FromStr for Topic {
    type Err = BadTopic;

    fn from_str(text: &str) -> Result<Self, BadTopic> {
        let (name, format) = match text.rsplit_once('=') {
            Some((name, word)) => (name, Format::named(word)),
            None => (text, Some(Format::of_name(text))),
        };
        let name = name.trim();
        match format {
            Some(format) if !name.is_empty() => Ok(Self { name: Arc::from(name), format }),
            _ => Err(BadTopic(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::http_bench::survives;
    use crate::test_bench::NOW_SECS;

    #[test]
    fn a_topic_says_its_format_or_its_name_does() {
        let format = |text: &str| text.parse::<Topic>().unwrap().format;
        assert_eq!(format("otlp_logs"), Format::Otlp(Signal::Logs));
        assert_eq!(format("prod.otlp-spans"), Format::Otlp(Signal::Traces));
        assert_eq!(format("otlp_metrics"), Format::Otlp(Signal::Metrics));
        assert_eq!(format("app-logs"), Format::Lines);
        assert_eq!(format("app-logs=logs"), Format::Otlp(Signal::Logs));
        assert_eq!(&*"a=traces".parse::<Topic>().unwrap().name, "a");
        for wrong in ["", "=lines", "a=xml", " =logs"] {
            assert!(wrong.parse::<Topic>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn otlp_is_read_in_both_encodings() {
        let now = Timestamp::from_secs(NOW_SECS);
        let logs = Format::Otlp(Signal::Logs);
        let json =
            br#" {"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}"#;
        assert_eq!(logs.decode("t", json, now).unwrap().record_count(), 1);
        // resource_logs { scope_logs { log_records { body { string_value: "x" } } } }
        let protobuf = [10, 9, 18, 7, 18, 5, 42, 3, 10, 1, b'x'];
        assert_eq!(logs.decode("t", &protobuf, now).unwrap().record_count(), 1);
        let damaged: [&[u8]; 2] = [json, &protobuf];
        survives(&damaged, 10_000, |bytes| logs.decode("t", bytes, now).map(drop));
        let huge = vec![b' '; EXPANDED_BYTES_MAX + 1];
        assert!(matches!(logs.decode("t", &huge, now), Err(HttpRefusal::TooLarge(_))));
    }

    #[test]
    fn lines_without_a_service_have_the_topic_for_one() {
        let now = Timestamp::from_secs(NOW_SECS);
        let decoded = Format::Lines.decode("shop", b"one\n{\"msg\":\"two\"}\n", now).unwrap();
        assert_eq!(decoded.record_count(), 2);
        assert!(Format::Lines.decode("shop", &[0, 159, 146, 150], now).is_err());
    }
}
