//! Texts of log templates: in memory for reading, in the write-ahead log until the next seal, then in `templates.log`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use groundcrew_telemetry::TemplateId;
use rustc_hash::FxHashMap;

/// Templates that are kept. Beyond it a template has a count but no text.
const TEMPLATES_MAX: usize = 1_000_000;

/// A template's id and text, as it is written to disk.
pub(crate) type TemplateText = (TemplateId, String);

/// All template texts.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    texts: RwLock<FxHashMap<TemplateId, Arc<str>>>,
    /// What is not in `templates.log` yet.
    pending: Mutex<Vec<TemplateText>>,
    refused: AtomicU64,
}

impl Templates {
    /// Those of `templates` that are not known and for which there is room.
    pub(crate) fn unknown(&self, templates: &[TemplateText]) -> Vec<TemplateText> {
        let texts = self.texts.read().unwrap_or_else(PoisonError::into_inner);
        let mut unknown: Vec<TemplateText> =
            templates.iter().filter(|(id, _)| !texts.contains_key(id)).cloned().collect();
        let room = TEMPLATES_MAX.saturating_sub(texts.len());
        if unknown.len() > room {
            self.refused.fetch_add((unknown.len() - room) as u64, Ordering::Relaxed);
            unknown.truncate(room);
        }
        unknown
    }

    /// Adds templates that are in the write-ahead log.
    pub(crate) fn add_pending(&self, templates: Vec<TemplateText>) {
        self.restore(&templates);
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).extend(templates);
    }

    /// Adds templates that are in `templates.log`.
    pub(crate) fn restore(&self, templates: &[TemplateText]) {
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        for (id, text) in templates {
            texts.entry(*id).or_insert_with(|| Arc::from(text.as_str()));
        }
    }

    /// What is not in `templates.log` yet.
    pub(crate) fn pending(&self) -> Vec<TemplateText> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the first `count` of [`Self::pending`]: they are in the file now.
    pub(crate) fn written(&self, count: usize) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let count = count.min(pending.len());
        pending.drain(..count);
    }

    pub(crate) fn text(&self, id: TemplateId) -> String {
        let texts = self.texts.read().unwrap_or_else(PoisonError::into_inner);
        texts.get(&id).map(|text| text.to_string()).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How many came when there was no room.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}
