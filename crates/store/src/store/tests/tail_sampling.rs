//! Of old traces those that stand out stay, and of the others what a question would have read.

use std::path::Path;
use std::time::Duration;

use groundcrew_telemetry::{
    Attributes, Batch, Resource, Span, SpanBatch, SpanId, SpanKind, SpanRow, SpanStatus,
    StatusCode, TimeRange, TraceId,
};

use super::aging::{Aging, DAY};
use super::fixtures::{any_spans, at, masked, reader, trace};
use crate::{Durability, Retention, SpanCountQuery, SpanQuery, TailSampling, Tended, Upkeep};

const EVERYTHING: SpanCountQuery = SpanCountQuery { range: TimeRange::ALL, services: Vec::new() };
const TRACES: u64 = 4_000;
/// Spans an hour of the even share: a tenth of five minutes that have all of them.
const PER_HOUR: usize = TRACES as usize * 2 / 10 * 12;
/// A trace of which one half lies in an earlier split than the half that failed.
const TORN: u64 = TRACES + 1;

fn fails(number: u64) -> bool {
    number % 500 == 7
}

fn is_slow(number: u64) -> bool {
    number % 500 == 11
}

fn spans(number: u64, seconds: i64) -> [(&'static str, Span); 2] {
    [("shop", SpanKind::Server), ("stock", SpanKind::Server)].map(|(service, kind)| {
        let is_below = service == "stock";
        let id = |place: u64| SpanId((number * 2 + 1 + place).to_be_bytes());
        let code = if is_below && fails(number) { StatusCode::Error } else { StatusCode::Unset };
        let millis = if is_slow(number) { 900 } else { 10 + (number % 5) as i64 };
        let span = Span {
            trace_id: trace(number),
            span_id: id(u64::from(is_below)),
            parent_span_id: is_below.then(|| id(0)),
            name: "GET /item".to_owned(),
            kind,
            start: at(seconds),
            end: at(seconds).plus_nanos(millis * 1_000_000),
            status: SpanStatus { code, message: String::new() },
            attributes: Attributes::default(),
            events: Vec::new(),
        };
        (service, span)
    })
}

fn put(aging: &Aging, spans: impl IntoIterator<Item = (&'static str, Span)>) {
    let (mut shop, mut stock) = (Vec::new(), Vec::new());
    spans.into_iter().for_each(|(service, span)| match service {
        "shop" => shop.push(span),
        _ => stock.push(span),
    });
    let batches = [("shop", shop), ("stock", stock)].map(|(service, spans)| {
        let resource = Resource::service_named(service);
        masked(Batch::Spans(SpanBatch { resource, scope: String::new(), spans }))
    });
    aging.store.append(batches.into(), Durability::OnFlush).unwrap();
    aging.store.flush().unwrap();
}

/// A store with a split of four minutes, one with the failed half of a trace beside it, and something of each day since.
fn filled(dir: &Path) -> Aging {
    let aging = Aging::open(dir, 0);
    let all = (0..TRACES).flat_map(|number| spans(number, (number * 240 / TRACES) as i64));
    let [first_half, (service, mut second_half)] = spans(TORN, 239);
    put(&aging, all.chain([first_half]));
    second_half.start = at(250);
    second_half.end = at(251);
    second_half.status.code = StatusCode::Error;
    put(&aging, [(service, second_half)]);
    aging.receive_every_day(1..=4);
    aging
}

fn tend(aging: &Aging) -> Tended {
    let sampling =
        TailSampling { after: Duration::from_secs(2 * DAY as u64), even_spans_per_hour: PER_HOUR };
    let upkeep = Upkeep { tail_sampling: Some(sampling), ..Upkeep::default() };
    aging.store.tend(&upkeep, &|| false).unwrap()
}

fn of_the_time(limit: usize) -> SpanQuery {
    SpanQuery { range: TimeRange::new(at(0), at(300)), limit, ..any_spans() }
}

fn traces(rows: &[SpanRow]) -> Vec<TraceId> {
    let mut traces: Vec<TraceId> = rows.iter().map(|row| row.span.trace_id).collect();
    traces.sort_unstable();
    traces.dedup();
    traces
}

#[test]
fn failed_and_slow_traces_stay_whole_with_an_even_share_and_all_counts() {
    let folder = tempfile::tempdir().unwrap();
    let aging = filled(folder.path());
    let counts = aging.store.span_counts(&EVERYTHING).unwrap();
    // A question reads fewer than the share has.
    let read = aging.store.spans(&of_the_time(500)).unwrap();

    assert_eq!(tend(&aging).sampled, 1);
    assert_eq!(tend(&aging).sampled, 0, "once is enough");
    for store in [&aging.store, &reader(folder.path())] {
        assert_eq!(store.span_counts(&EVERYTHING).unwrap(), counts);
        let again = store.spans(&of_the_time(500)).unwrap();
        assert_eq!(again.rows, read.rows, "what a question reads is what it read before");
        let ratio = again.matched as f64 / read.matched as f64;
        assert!((0.9..1.1).contains(&ratio), "{} of {}", again.matched, read.matched);

        let even = traces(&store.spans(&of_the_time(usize::MAX)).unwrap().rows);
        let share = even.len() as f64 / TRACES as f64;
        assert!((0.07..0.13).contains(&share), "{share}");
        let out = store.spans_standing_out(&of_the_time(usize::MAX)).unwrap();
        let out = traces(&out);
        assert!(out.iter().all(|trace| !even.contains(trace)));
        for number in (0..TRACES).filter(|number| number % 10 == 7 || number % 100 == 11) {
            let id = trace(number);
            let stays = fails(number) || is_slow(number) || even.contains(&id);
            let one = SpanQuery { trace_id: Some(id), ..any_spans() };
            let found = store.spans(&one).unwrap().rows.len();
            assert_eq!(found, if stays { 2 } else { 0 }, "{number}");
            assert_eq!(out.contains(&id), stays && !even.contains(&id), "{number}");
        }
        let torn = SpanQuery { trace_id: Some(trace(TORN)), ..any_spans() };
        assert_eq!(store.spans(&torn).unwrap().rows.len(), 2, "both halves");
    }
    let kept = aging.store.kept(&Retention::default());
    assert_eq!(kept.sampled.splits, 1);
    assert_eq!(kept.sampled.range.unwrap().end, at(239).plus_nanos(1));
}

#[test]
fn young_and_few_traces_and_those_of_a_doubtful_clock_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let aging = filled(folder.path());
    aging.set(40 * DAY);
    assert_eq!(tend(&aging).sampled, 0, "the clock has jumped");
    let folder = tempfile::tempdir().unwrap();
    let aging = Aging::open(folder.path(), 0);
    put(&aging, (0..TRACES).flat_map(|number| spans(number, (number * 240 / TRACES) as i64)));
    aging.receive(DAY);
    assert_eq!(tend(&aging).sampled, 0, "they are a day old");
    let few = Aging::open(folder.path().join("few").as_path(), 0);
    put(&few, (0..40).flat_map(|number| spans(number, 30)));
    few.receive_every_day(1..=4);
    assert_eq!(tend(&few).sampled, 0, "a question reads them all");
}

#[test]
fn thinned_splits_are_merged_with_their_like() {
    let folder = tempfile::tempdir().unwrap();
    let aging = Aging::open(folder.path(), 0);
    for part in 0..3 {
        let in_part = part * TRACES..(part + 1) * TRACES;
        put(&aging, in_part.flat_map(|number| spans(number, part as i64 * 3_000 + 30)));
    }
    aging.receive_every_day(1..=4);
    let counts = aging.store.span_counts(&EVERYTHING).unwrap();
    let query = SpanQuery { range: TimeRange::new(at(0), at(9_000)), ..of_the_time(500) };
    let read = aging.store.spans(&query).unwrap();
    let tended = tend(&aging);
    assert_eq!((tended.sampled, tended.merged), (3, 3), "{tended:?}");
    assert_eq!(aging.store.span_counts(&EVERYTHING).unwrap(), counts);
    let again = aging.store.spans(&query).unwrap();
    assert_eq!(again.rows, read.rows);
    let ratio = again.matched as f64 / read.matched as f64;
    assert!((0.9..1.1).contains(&ratio), "{} of {}", again.matched, read.matched);
    assert_eq!(aging.store.kept(&Retention::default()).sampled.splits, 1);
    let failed = trace(2 * TRACES + 7);
    let one = SpanQuery { trace_id: Some(failed), ..any_spans() };
    assert_eq!(aging.store.spans(&one).unwrap().rows.len(), 2);
}
