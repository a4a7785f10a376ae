//! What a person should know about the store, each thing once.

use std::sync::{Mutex, PoisonError};

/// Warnings that are kept; a store that is damaged all over says no more with more of them.
const WARNINGS_MAX: usize = 100;

/// A bounded list of warnings.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    all: Mutex<Vec<String>>,
}

impl Warnings {
    pub(crate) fn add(&self, warning: String) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < WARNINGS_MAX && !all.contains(&warning) {
            tracing::warn!(warning, "the store is damaged or at a limit");
            all.push(warning);
        }
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
