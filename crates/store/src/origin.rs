//! Who sent telemetry, shared: one resource is kept once however many batches carry it.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use groundcrew_telemetry::{Attributes, MetricSeries, Resource, Value};
use rustc_hash::{FxHashMap, FxHasher};

/// Resources that are remembered for sharing. Beyond it the table starts afresh: batches keep what they share, and only
/// later batches share anew.
const ORIGINS_MAX: usize = 20_000;

/// A resource and the service it stands for.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) resource: Arc<Resource>,
    pub(crate) service: Arc<str>,
}

impl Origin {
    pub(crate) fn new(resource: Resource) -> Self {
        let service = Arc::from(resource.service());
        Self { resource: Arc::new(resource), service }
    }
}

/// The resources seen of late.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    table: Mutex<FxHashMap<u64, Vec<Arc<Origin>>>>,
}

impl Origins {
    /// The shared form of `resource`.
    pub(crate) fn intern(&self, resource: Resource) -> Arc<Origin> {
        let mut hasher = FxHasher::default();
        hash_attributes(&resource.attributes, &mut hasher);
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() >= ORIGINS_MAX {
            table.clear();
        }
        let same_hash = table.entry(hasher.finish()).or_default();
        if let Some(known) = same_hash.iter().find(|known| *known.resource == resource) {
            return Arc::clone(known);
        }
        let origin = Arc::new(Origin::new(resource));
        // A value that is unlike itself (NaN) would fill the entry without ever being found.
        same_hash.truncate(7);
        same_hash.push(Arc::clone(&origin));
        origin
    }
}

/// Hashes what tells one series of a resource from another.
pub(crate) fn hash_series(series: &MetricSeries) -> u64 {
    let mut hasher = FxHasher::default();
    series.name.hash(&mut hasher);
    series.unit.hash(&mut hasher);
    series.kind.hash(&mut hasher);
    hash_attributes(&series.attributes, &mut hasher);
    hasher.finish()
}

/// Whether two series differ in nothing but their points.
pub(crate) fn same_series(left: &MetricSeries, right: &MetricSeries) -> bool {
    left.name == right.name
        && left.unit == right.unit
        && left.kind == right.kind
        && left.attributes == right.attributes
}

pub(crate) fn hash_attributes(attributes: &Attributes, hasher: &mut FxHasher) {
    for (key, value) in attributes.iter() {
        key.hash(hasher);
        hash_value(value, hasher);
    }
}

fn hash_value(value: &Value, hasher: &mut FxHasher) {
    match value {
        Value::Str(text) => text.hash(hasher),
        Value::Int(number) => number.hash(hasher),
        Value::Double(number) => number.to_bits().hash(hasher),
        Value::Bool(flag) => flag.hash(hasher),
        Value::Bytes(bytes) => bytes.hash(hasher),
        Value::List(values) => values.iter().for_each(|inner| hash_value(inner, hasher)),
        Value::Map(entries) => {
            for (key, inner) in entries {
                key.hash(hasher);
                hash_value(inner, hasher);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_resources_are_shared_and_unequal_are_not() {
        let origins = Origins::default();
        let first = origins.intern(Resource::service_named("cart"));
        assert!(Arc::ptr_eq(&first, &origins.intern(Resource::service_named("cart"))));
        assert!(!Arc::ptr_eq(&first, &origins.intern(Resource::service_named("shop"))));
    }

    #[test]
    fn a_resource_unlike_itself_does_not_pile_up() {
        let origins = Origins::default();
        for _ in 0..100 {
            let attributes = [("load", Value::Double(f64::NAN))].into_iter().collect();
            origins.intern(Resource { attributes });
        }
        assert!(origins.table.lock().unwrap().values().all(|entry| entry.len() <= 8));
    }
}
