//! Numbers services in the order in which they first come, so that what is counted of many of them is kept by number.

use std::sync::Arc;

use rustc_hash::FxHashMap;

/// Services with their numbers.
#[derive(Debug, Default)]
pub(crate) struct ServiceNumbers {
    names: Vec<Arc<str>>,
    numbers: FxHashMap<Arc<str>, u32>,
}

impl ServiceNumbers {
    /// The number of a service, which gets one if it has none.
    pub(crate) fn number(&mut self, service: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(service) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(Arc::clone(service));
        self.numbers.insert(Arc::clone(service), number);
        number
    }

    /// The services by their numbers.
    pub(crate) fn names(&self) -> &[Arc<str>] {
        &self.names
    }
}
