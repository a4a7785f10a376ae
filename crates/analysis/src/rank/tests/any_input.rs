//! Nothing panics, and equal inputs give equal results.

use groundcrew_telemetry::{
    Attributes, MetricKind, MetricSeries, Point, SeriesRow, Severity, Span, SpanId, SpanKind,
    SpanRow, SpanStatus, TemplateId, TemplateRow, TimeRange, Timestamp, TraceId,
};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};

use super::scene::resource;
use crate::{Observations, rank};

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        8 => (0_i64..600).prop_map(Timestamp::from_secs),
        1 => Just(Timestamp::MIN),
        1 => Just(Timestamp::MAX),
    ]
}

fn service() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("")]
}

fn span() -> impl Strategy<Value = SpanRow> {
    let kind =
        prop_oneof![Just(SpanKind::Server), Just(SpanKind::Client), Just(SpanKind::Internal)];
    (service(), time(), time(), 1_u8..6, 1_u8..40, 0_u8..40, kind).prop_map(
        |(service, start, end, trace, id, parent, kind)| SpanRow {
            resource: resource(service, None, None),
            span: Span {
                trace_id: TraceId([trace; 16]),
                span_id: SpanId([id; 8]),
                parent_span_id: (parent > 0).then_some(SpanId([parent; 8])),
                name: format!("operation {}", id % 4),
                kind,
                start,
                end,
                status: SpanStatus::default(),
                attributes: Attributes::default(),
                events: Vec::new(),
            },
        },
    )
}

fn series() -> impl Strategy<Value = SeriesRow> {
    let name = prop_oneof![
        Just("cpu"),
        Just("latency_ms"),
        Just("requests_total"),
        Just("availability"),
        Just("")
    ];
    let points = vec((time(), any::<f64>().prop_filter("no NaN", |value| !value.is_nan())), 0..30);
    (service(), name, points, any::<bool>()).prop_map(|(service, name, points, total)| {
        let mut points: Vec<Point> =
            points.into_iter().map(|(time, value)| Point { time, value }).collect();
        points.sort_by_key(|point| point.time);
        let kind = if total { MetricKind::CumulativeSum } else { MetricKind::Gauge };
        let series =
            MetricSeries { name: name.to_owned(), kind, points, ..MetricSeries::default() };
        SeriesRow { resource: resource(service, None, None), series }
    })
}

fn template() -> impl Strategy<Value = TemplateRow> {
    (service(), "[a-z<*> \\[\\]']{0,40}", 0_u8..25, any::<u32>(), time()).prop_map(
        |(service, text, severity, count, first)| TemplateRow {
            template: TemplateId(text.len() as u64),
            service: service.to_owned(),
            severity: Severity(severity),
            count: u64::from(count),
            first,
            last: first,
            minutes: vec![(first.minute(), count)],
            exemplars: vec![text.clone()],
            sites: Vec::new(),
            levels: Vec::new(),
            text,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_observations_are_ranked_twice_alike(
        spans in vec(span(), 0..80),
        series in vec(series(), 0..8),
        templates_window in vec(template(), 0..12),
        templates_baseline in vec(template(), 0..12),
        (from, to) in (time(), time()),
        topology in vec((service(), service()), 0..4),
    ) {
        let observations = Observations {
            window: TimeRange::new(from, to),
            baseline: vec![TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(300))],
            spans,
            series,
            templates_window,
            templates_baseline,
            topology: topology.into_iter().map(|(caller, callee)| (caller.to_owned(), callee.to_owned())).collect(),
            ..Observations::default()
        };
        let analysis = rank(&observations);
        for suspect in &analysis.suspects {
            prop_assert!((0.0..=1.0).contains(&suspect.score), "{}", suspect.score);
            let known = |position: &usize| *position < analysis.findings.len();
            prop_assert!(suspect.reasons.iter().chain(&suspect.against).all(known));
        }
        prop_assert!(analysis.suspects.is_sorted_by(|a, b| a.score >= b.score));
        // Debug text, because a value that is not a number does not equal itself.
        prop_assert_eq!(format!("{analysis:?}"), format!("{:?}", rank(&observations)));

    }
}
