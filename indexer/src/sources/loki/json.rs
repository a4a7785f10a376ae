//! A push as JSON: `{"streams": [{"stream": {...}, "values": [["1790000000000000000", "line", {...}]]}]}`.
//!
//! Streams of the first days, `{"labels": "{...}", "entries": [{"ts": "2026-...", "line": "..."}]}`, are read as well.

use std::borrow::Cow;
use std::collections::BTreeMap;

use groundcrew_telemetry::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::labels::{LABEL_BYTES_MAX, StreamOrigin, TOO_LONG, parse_labels};
use super::{Entry, PAIR_BYTES, Stream, Streams};
use crate::sources::http_body::HttpRefusal;
use crate::sources::pieces::{json_items, not_json, text_of};

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow)]
    streams: &'a RawValue,
}

#[derive(Deserialize)]
struct JsonStream<'a> {
    #[serde(borrow)]
    stream: Option<&'a RawValue>,
    labels: Option<String>,
    #[serde(borrow)]
    values: Option<&'a RawValue>,
    #[serde(borrow)]
    entries: Option<&'a RawValue>,
}

/// Time, line and, from Loki 3 on, structured metadata.
#[derive(Deserialize)]
struct JsonValue<'a>(
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(default)] BTreeMap<String, String>,
);

#[derive(Deserialize)]
struct JsonEntry<'a> {
    #[serde(borrow)]
    ts: Cow<'a, str>,
    #[serde(borrow)]
    line: Cow<'a, str>,
}

pub(super) fn read(push: &[u8], streams: &mut Streams<'_>) -> Result<(), HttpRefusal> {
    let push: Push<'_> = serde_json::from_str(text_of(push)?).map_err(|error| not_json(&error))?;
    json_items(push.streams.get(), |raw| {
        let stream = serde_json::from_str(raw.get()).map_err(|error| not_json(&error))?;
        read_stream(stream, streams)
    })
}

fn read_stream(json: JsonStream<'_>, streams: &mut Streams<'_>) -> Result<(), HttpRefusal> {
    let (list, is_first_days) = match (json.values, json.entries) {
        (Some(values), _) => (values, false),
        (None, Some(entries)) => (entries, true),
        (None, None) => {
            return Err(HttpRefusal::Malformed("a stream has no values".to_owned()));
        }
    };
    let labels = match &json.labels {
        Some(labels) => parse_labels(labels),
        None => stream_labels(json.stream)?,
    };
    let labels = match labels {
        Ok(labels) => labels,
        Err(reason) => {
            let mut count = 0;
            json_items(list.get(), |_| {
                count += 1;
                Ok(())
            })?;
            streams.reject(count.max(1), reason);
            return Ok(());
        }
    };
    let label_bytes = labels.iter().map(|(name, value)| PAIR_BYTES + name.len() + value.len());
    streams.room.take(label_bytes.sum())?;
    let mut stream = Stream::of(StreamOrigin::of(labels));
    json_items(list.get(), |raw| {
        if is_first_days {
            let JsonEntry { ts, line } =
                serde_json::from_str(raw.get()).map_err(|error| not_json(&error))?;
            let nanos = Timestamp::parse(&ts).map(Timestamp::nanos);
            return streams.entry(&mut stream, Entry { nanos, line: &line, metadata: Vec::new() });
        }
        let JsonValue(ts, line, metadata) = read_value(raw)?;
        let metadata = metadata.into_iter().collect();
        streams.entry(&mut stream, Entry { nanos: ts.parse().ok(), line: &line, metadata })
    })?;
    streams.finish(stream);
    Ok(())
}

/// The labels of a stream; the inner error is one of this stream alone.
fn stream_labels(
    raw: Option<&RawValue>,
) -> Result<Result<Vec<(String, String)>, String>, HttpRefusal> {
    let Some(raw) = raw else { return Ok(Ok(Vec::new())) };
    if raw.get().len() > LABEL_BYTES_MAX {
        return Ok(Err(TOO_LONG.to_owned()));
    }
    let labels: BTreeMap<String, String> =
        serde_json::from_str(raw.get()).map_err(|error| not_json(&error))?;
    Ok(Ok(labels.into_iter().collect()))
}

/// Reads one value, which is a list of two or three.
fn read_value(raw: &RawValue) -> Result<JsonValue<'_>, HttpRefusal> {
    serde_json::from_str(raw.get()).map_err(|error| not_json(&error))
}
