//! What a simulation stores: one thing of one kind by number.

use groundcrew_masking::Masked;
use groundcrew_telemetry::{
    Attributes, Batch, ChangeEvent, ChangeKind, LogRecord, Span, SpanStatus, StatusCode,
    TemplateId, Timestamp,
};

use super::fixtures::{
    at, log_batch, masked, metric_batch, record, series, span, span_batch, trace,
};

/// What logs are found by, beside their numbers.
pub(super) const WORDS: [&str; 3] = ["accepted", "refused", "lost"];

/// A span, a metric, a change or a line, by kind.
pub(super) fn batch(kind: u64, number: u64, time: Timestamp) -> Masked<Batch> {
    let seconds = time.nanos_since(at(0)) / 1_000_000_000;
    match kind {
        0 => {
            let name = number.to_string();
            let code = if has_failed(number) { StatusCode::Error } else { StatusCode::Ok };
            let status = SpanStatus { code, message: String::new() };
            let attributes = Attributes::default();
            let (trace_id, start, end) = (trace(number), time, time);
            let span = Span { trace_id, name, start, end, status, attributes, ..span(number) };
            span_batch("cart", vec![span])
        }
        1 => {
            let name = number.to_string();
            metric_batch("cart", vec![series(&name, "a", &[(seconds, number as f64)])])
        }
        2 => masked(Batch::Changes(vec![change(number, time)])),
        _ => {
            let body = format!("{} {number}", WORDS[number as usize % WORDS.len()]);
            let template = Some(TemplateId(number % 7));
            let record = LogRecord { template, ..record(seconds, &body) };
            log_batch(&format!("s{}", number % 2), vec![record])
        }
    }
}

/// Whether a span stays when old traces are thinned.
pub(super) fn has_failed(number: u64) -> bool {
    number.is_multiple_of(8)
}

fn change(number: u64, time: Timestamp) -> ChangeEvent {
    ChangeEvent {
        kind: ChangeKind::Deploy,
        time,
        id: number.to_string(),
        service: None,
        title: String::new(),
        actor: None,
        from: None,
        to: None,
        commits: Vec::new(),
        files: Vec::new(),
        diff: String::new(),
        link: None,
    }
}
