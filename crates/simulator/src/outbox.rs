//! What the pods have to say and have not sent yet: spans are sent when they end, lines when they are written.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::otlp::Sent;

/// Upper bounds of latency buckets, seconds.
pub(crate) const BOUNDS_SECONDS: [f64; 12] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Durations of the requests that one pod answered with one status, since it was created.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Latencies {
    pub(crate) buckets: [u64; BOUNDS_SECONDS.len() + 1],
    pub(crate) sum_seconds: f64,
    pub(crate) count: u64,
}

/// Everything not sent yet, and what is only counted.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Outbox {
    spans: Vec<Sent<Span>>,
    records: Vec<Sent<LogRecord>>,
    /// By pod and HTTP status.
    pub(crate) latencies: BTreeMap<(usize, u16), Latencies>,
}

impl Outbox {
    pub(crate) fn add_span(&mut self, pod: usize, span: Span) {
        self.spans.push(Sent { at_nanos: span.end_time_unix_nano, pod, item: span });
    }

    pub(crate) fn add_record(&mut self, pod: usize, record: LogRecord) {
        self.records.push(Sent { at_nanos: record.time_unix_nano, pod, item: record });
    }

    /// Counts one answered request.
    pub(crate) fn count(&mut self, pod: usize, status: u16, seconds: f64) {
        let latencies = self.latencies.entry((pod, status)).or_default();
        let bucket = BOUNDS_SECONDS
            .iter()
            .position(|bound| seconds <= *bound)
            .unwrap_or(BOUNDS_SECONDS.len());
        latencies.buckets.get_mut(bucket).into_iter().for_each(|count| *count += 1);
        latencies.sum_seconds += seconds;
        latencies.count += 1;
    }

    /// Takes out what can be sent before `before_nanos`, oldest first.
    pub(crate) fn take_before(
        &mut self,
        before_nanos: u64,
    ) -> (Vec<Sent<Span>>, Vec<Sent<LogRecord>>) {
        (split_before(&mut self.spans, before_nanos), split_before(&mut self.records, before_nanos))
    }
}

fn split_before<T>(pending: &mut Vec<Sent<T>>, before_nanos: u64) -> Vec<Sent<T>> {
    let (mut due, later): (Vec<_>, Vec<_>) =
        std::mem::take(pending).into_iter().partition(|sent| sent.at_nanos < before_nanos);
    *pending = later;
    due.sort_by_key(|sent| sent.at_nanos);
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_sent_when_due_and_in_order() {
        let mut outbox = Outbox::default();
        for end in [30, 10, 20] {
            outbox.add_span(0, Span { end_time_unix_nano: end, ..Span::default() });
        }
        let ends = |outbox: &mut Outbox, before| -> Vec<u64> {
            outbox.take_before(before).0.iter().map(|sent| sent.at_nanos).collect()
        };
        assert_eq!(ends(&mut outbox, 25), [10, 20]);
        assert!(ends(&mut outbox, 25).is_empty());
        assert_eq!(ends(&mut outbox, 100), [30]);
    }

    #[test]
    fn requests_fall_into_buckets() {
        let mut outbox = Outbox::default();
        outbox.count(1, 200, 0.004);
        outbox.count(1, 200, 99.0);
        let latencies = &outbox.latencies[&(1, 200)];
        assert_eq!((latencies.count, latencies.buckets[0], latencies.buckets[12]), (2, 1, 1));
    }
}
