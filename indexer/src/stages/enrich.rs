//! Gives every log record its template's id and its place in the code, and notices templates that were not seen before.

use std::sync::Arc;

use groundcrew_analysis::templates::{Templates, site_of};
use groundcrew_masking::CleanTexts;
use groundcrew_telemetry::{Batch, TemplateId, Timestamp};
use rustc_hash::FxHashSet;

use super::caps::{Caps, OVERFLOW};

/// Templates remembered as known. Past that the memory starts over, which costs some repeated writes of known texts.
const KNOWN_MAX: usize = 200_000;

/// Finds templates. Holds scratch space and what is known, so there is one per worker.
#[derive(Default)]
pub struct Enricher {
    /// For the stage before, which has the same worker.
    pub(super) clean: CleanTexts,
    templates: Templates,
    caps: Arc<Caps>,
    /// When what is enriched was received.
    now: Timestamp,
    known: FxHashSet<TemplateId>,
    /// New in the batch at hand, which may yet be withheld.
    pending: Vec<(TemplateId, String)>,
    /// New and settled, waiting to be stored.
    new: Vec<(TemplateId, String)>,
}

impl Enricher {
    /// One that keeps within bounds that it shares with others.
    #[must_use]
    pub fn within(caps: Arc<Caps>) -> Self {
        Self { caps, ..Self::default() }
    }

    /// Says when what comes next was received.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Sets template and place of every log record in `batch`. Call on masked texts only.
    pub fn enrich(&mut self, batch: &mut Batch) {
        let Batch::Logs(logs) = batch else { return };
        for record in &mut logs.records {
            let mut id = self.templates.id_of(&record.body);
            record.site = self.templates.site().or_else(|| site_of(&record.attributes));
            if !self.known.contains(&id) && !self.caps.admits_template(id, self.now) {
                id = self.templates.id_of(OVERFLOW);
            }
            record.template = Some(id);
            if self.known.insert(id) {
                self.pending.push((id, self.templates.text().to_owned()));
            }
        }
    }

    /// Says whether the batch just enriched goes on. If not, what it brought is forgotten again.
    pub fn settle(&mut self, kept: bool) {
        if kept {
            self.new.append(&mut self.pending);
        }
        for (id, _) in self.pending.drain(..) {
            self.known.remove(&id);
        }
        if self.known.len() > KNOWN_MAX {
            self.known.clear();
        }
    }

    /// Takes the templates to be stored before the records that use them.
    pub fn take_new(&mut self) -> Vec<(TemplateId, String)> {
        std::mem::take(&mut self.new)
    }

    /// Forgets that `templates` are known, because storing them failed.
    pub fn forget(&mut self, templates: &[(TemplateId, String)]) {
        for (id, _) in templates {
            self.known.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::{LogBatch, LogRecord};

    use super::*;

    fn batch(bodies: &[&str]) -> Batch {
        let record = |body: &&str| LogRecord { body: (*body).to_owned(), ..LogRecord::default() };
        Batch::Logs(LogBatch {
            records: bodies.iter().map(record).collect(),
            ..LogBatch::default()
        })
    }

    #[test]
    fn a_template_is_new_once_unless_its_batch_was_withheld() {
        let mut enricher = Enricher::default();
        enricher.enrich(&mut batch(&["order 17 took 5 ms"]));
        enricher.settle(false);
        assert!(enricher.take_new().is_empty());
        let mut kept = batch(&["order 17 took 5 ms", "order 18 took 6 ms"]);
        enricher.enrich(&mut kept);
        enricher.settle(true);
        assert_eq!(enricher.take_new().len(), 1);
        enricher.enrich(&mut kept);
        enricher.settle(true);
        assert!(enricher.take_new().is_empty());
    }
}
