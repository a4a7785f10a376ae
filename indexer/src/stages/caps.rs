//! Bounds how many different things telemetry may be about in an hour: services, resources, metric series, log templates.
//!
//! Each of them takes memory wherever it is counted, so a sender that makes up names without end would fill it. What
//! comes beyond a bound is kept, but under the name [`OVERFLOW`]: the record stays, the number of names does not grow.
//! What was seen in the hour before keeps its place, so that a flood does not push out what was there first.

use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use groundcrew_telemetry::{
    Attributes, Batch, LogBatch, MetricBatch, MetricSeries, Resource, SpanBatch, TemplateId,
    Timestamp, Value,
};
use rustc_hash::{FxHashSet, FxHasher};

/// What stands for everything beyond a bound.
pub const OVERFLOW: &str = "_overflow";
/// Where a record keeps the name of its service when that is one too many.
const OVERFLOWED_SERVICE: &str = "_overflow.service.name";

/// How many different ones an hour may bring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CapLimits {
    /// Services.
    pub services: usize,
    /// Resources: processes, pods, machines.
    pub resources: usize,
    /// Metric series.
    pub series: usize,
    /// Log templates.
    pub templates: usize,
}

/// What a process has of memory for each template that an hour may bring: a question holds some five thousand bytes of
/// each, there are two of them at a time, and most of the memory is for other things.
const MEMORY_PER_TEMPLATE: usize = 32 * 1024;
/// So many templates may come however little memory there is.
const TEMPLATES_MIN: usize = 1_000;

impl Default for CapLimits {
    fn default() -> Self {
        Self { services: 10_000, resources: 50_000, series: 500_000, templates: 100_000 }
    }
}

impl CapLimits {
    /// Those of a process that may have so many bytes of memory.
    #[must_use]
    pub fn within(memory_bytes: usize) -> Self {
        let limits = Self::default();
        let templates = memory_bytes / MEMORY_PER_TEMPLATE;
        Self { templates: templates.clamp(TEMPLATES_MIN, limits.templates), ..limits }
    }
}

/// What came of late. Shared by all that write.
#[derive(Debug)]
pub struct Caps {
    services: Recent,
    resources: Recent,
    series: Recent,
    templates: Recent,
}

impl Default for Caps {
    fn default() -> Self {
        Self::new(CapLimits::default())
    }
}

impl Caps {
    /// Bounds with nothing seen yet.
    #[must_use]
    pub fn new(limits: CapLimits) -> Self {
        Self {
            services: Recent::new("services", limits.services),
            resources: Recent::new("resources", limits.resources),
            series: Recent::new("metric series", limits.series),
            templates: Recent::new("log templates", limits.templates),
        }
    }

    /// Puts what is one too many in `batch`, received `now`, under the common name. Templates are seen to where they are
    /// found (`admits_template`).
    pub fn apply(&self, batch: &mut Batch, now: Timestamp) {
        match batch {
            Batch::Logs(LogBatch { resource, records, .. }) => {
                let attributes = records.iter_mut().map(|record| &mut record.attributes);
                self.cap_resource(resource, attributes, now);
            }
            Batch::Spans(SpanBatch { resource, spans, .. }) => {
                let attributes = spans.iter_mut().map(|span| &mut span.attributes);
                self.cap_resource(resource, attributes, now);
            }
            Batch::Metrics(MetricBatch { resource, series, .. }) => {
                self.cap_resource(resource, std::iter::empty(), now);
                let of_resource = hash_of(&resource.attributes, 0);
                series.iter_mut().for_each(|one| self.cap_series(one, of_resource, now));
            }
            Batch::Changes(_) | Batch::Alerts(_) | Batch::Cluster(_) => {}
        }
    }

    /// Whether there is room for a template that was not seen before by who asks.
    pub(super) fn admits_template(&self, id: TemplateId, now: Timestamp) -> bool {
        self.templates.admits(id.0, now)
    }

    /// A sentence for each bound that was reached since the program started.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let all = [&self.services, &self.resources, &self.series, &self.templates];
        all.into_iter().filter_map(Recent::warning).collect()
    }

    fn cap_resource<'r>(
        &self,
        resource: &mut Resource,
        records: impl Iterator<Item = &'r mut Attributes>,
        now: Timestamp,
    ) {
        let mut hasher = FxHasher::default();
        resource.service().hash(&mut hasher);
        if !self.services.admits(hasher.finish(), now) {
            let service = std::mem::replace(resource, Resource::service_named(OVERFLOW));
            let name = Value::from(service.service());
            records.for_each(|attributes| {
                attributes.0.push((OVERFLOWED_SERVICE.to_owned(), name.clone()));
            });
        } else if !self.resources.admits(hash_of(&resource.attributes, 0), now) {
            let mut kept = Resource::service_named(resource.service());
            kept.attributes.0.push((OVERFLOW.to_owned(), Value::Bool(true)));
            *resource = kept;
        }
    }

    fn cap_series(&self, series: &mut MetricSeries, of_resource: u64, now: Timestamp) {
        let mut hasher = FxHasher::default();
        series.name.hash(&mut hasher);
        let named = hasher.finish() ^ of_resource;
        if !self.series.admits(hash_of(&series.attributes, named), now) {
            series.attributes = [(OVERFLOW, Value::Bool(true))].into_iter().collect();
        }
    }
}

/// A hash of all names and values.
pub(crate) fn hash_of(attributes: &Attributes, seed: u64) -> u64 {
    let mut hasher = FxHasher::default();
    seed.hash(&mut hasher);
    for (key, value) in attributes.iter() {
        key.hash(&mut hasher);
        value.text().hash(&mut hasher);
    }
    hasher.finish()
}

/// Names of one kind: those of this hour, and those of the one before.
#[derive(Debug)]
struct Recent {
    what: &'static str,
    max: usize,
    state: Mutex<Hours>,
}

#[derive(Debug, Default)]
struct Hours {
    hour: i64,
    current: FxHashSet<u64>,
    before: FxHashSet<u64>,
    overflowed: u64,
}

impl Recent {
    fn new(what: &'static str, max: usize) -> Self {
        Self { what, max, state: Mutex::default() }
    }

    fn admits(&self, name: u64, now: Timestamp) -> bool {
        let hour = now.nanos().div_euclid(3_600_000_000_000);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.hour != hour {
            state.hour = hour;
            state.before = std::mem::take(&mut state.current);
        }
        if state.current.contains(&name) {
            return true;
        }
        let room = if state.before.contains(&name) { 2 * self.max } else { self.max };
        if state.current.len() >= room {
            state.overflowed += 1;
            return false;
        }
        state.current.insert(name)
    }

    fn warning(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.overflowed > 0).then(|| {
            format!(
                "an hour brought more than {} {}; further ones are kept under {OVERFLOW}",
                self.max, self.what
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::{LogRecord, Point};

    use super::*;

    const LIMITS: CapLimits = CapLimits { services: 3, resources: 5, series: 4, templates: 10 };

    #[test]
    fn little_memory_has_room_for_fewer_templates() {
        let templates = |mebibytes: usize| CapLimits::within(mebibytes << 20).templates;
        assert_eq!([templates(512), templates(8_192), templates(1)], [16_384, 100_000, 1_000]);
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_secs(1_699_999_200 + hour * 3_600)
    }

    fn logs(service: &str, pod: usize) -> Batch {
        let mut resource = Resource::service_named(service);
        resource.attributes.0.push(("k8s.pod.name".to_owned(), Value::from(format!("p{pod}"))));
        let records = vec![LogRecord { body: "x".to_owned(), ..LogRecord::default() }];
        Batch::Logs(LogBatch { resource, scope: String::new(), records })
    }

    fn capped(caps: &Caps, mut batch: Batch, hour: i64) -> (Resource, Attributes) {
        caps.apply(&mut batch, at(hour));
        let Batch::Logs(logs) = batch else { panic!("logs stay logs") };
        (logs.resource, logs.records[0].attributes.clone())
    }

    #[test]
    fn services_beyond_the_bound_share_a_name_and_records_keep_theirs() {
        let caps = Caps::new(LIMITS);
        for name in ["a", "b", "c"] {
            assert_eq!(capped(&caps, logs(name, 0), 0).0.service(), name);
        }
        let (resource, attributes) = capped(&caps, logs("d", 0), 0);
        assert_eq!(resource.service(), OVERFLOW);
        assert_eq!(attributes.str(OVERFLOWED_SERVICE), Some("d"));
        assert_eq!(capped(&caps, logs("a", 0), 0).0.service(), "a", "known ones stay");
        assert_eq!(caps.warnings().len(), 1);
        assert!(caps.warnings()[0].contains("more than 3 services"));
    }

    #[test]
    fn resources_beyond_the_bound_keep_their_service() {
        let caps = Caps::new(LIMITS);
        let pods: FxHashSet<String> = (0..100)
            .map(|pod| capped(&caps, logs("a", pod), 0).0)
            .map(|resource| {
                assert_eq!(resource.service(), "a");
                resource.attributes.str("k8s.pod.name").unwrap_or(OVERFLOW).to_owned()
            })
            .collect();
        assert_eq!(pods.len(), 5 + 1);
    }

    #[test]
    fn series_beyond_the_bound_keep_their_name_and_points() {
        let caps = Caps::new(LIMITS);
        let mut different = FxHashSet::default();
        for number in 0..50 {
            let series = MetricSeries {
                name: "queue".to_owned(),
                attributes: [("user", Value::from(number.to_string()))].into_iter().collect(),
                points: vec![Point { time: at(0), value: 1.0 }],
                ..MetricSeries::default()
            };
            let resource = Resource::service_named("a");
            let mut batch = Batch::Metrics(MetricBatch {
                resource,
                scope: String::new(),
                series: vec![series],
            });
            caps.apply(&mut batch, at(0));
            let Batch::Metrics(metrics) = batch else { panic!("metrics stay metrics") };
            assert_eq!(
                (metrics.series[0].name.as_str(), metrics.series[0].points.len()),
                ("queue", 1)
            );
            different.insert(hash_of(&metrics.series[0].attributes, 0));
        }
        assert_eq!(different.len(), 4 + 1);
    }

    #[test]
    fn a_flood_does_not_push_out_what_was_there_the_hour_before() {
        let caps = Caps::new(LIMITS);
        (0..3).for_each(|name| assert!(caps.admits_template(TemplateId(name), at(0))));
        let admitted = (1_000..2_000).filter(|id| caps.admits_template(TemplateId(*id), at(1)));
        assert_eq!(admitted.count(), 10);
        assert!((0..3).all(|name| caps.admits_template(TemplateId(name), at(1))));
        // Hour after hour the memory stays within twice the bound.
        for hour in 2..20 {
            (0..500).for_each(|id| {
                caps.admits_template(TemplateId(hour * 1_000 + id), at(hour as i64));
            });
            let state = caps.templates.state.lock().unwrap();
            assert!(state.current.len() <= 20 && state.before.len() <= 20);
        }
    }
}
