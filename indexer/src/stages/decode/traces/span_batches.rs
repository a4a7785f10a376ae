//! Groups decoded spans into batches of one resource and scope each.

use groundcrew_telemetry::{Attributes, Batch, Resource, SpanBatch};

use crate::stages::decode::record::{ReadSpan, span};
use crate::stages::decode::{DecodeNotes, Decoded, Rejections, cap_text};

/// Open batches looked through for a match.
const OPEN_MAX: usize = 64;

/// Spans on their way into batches.
#[derive(Default)]
pub(super) struct SpanBatches {
    batches: Vec<SpanBatch>,
    pub(super) rejected: Rejections,
    notes: DecodeNotes,
}

impl SpanBatches {
    /// Adds a span, or the reason why it cannot be kept.
    pub(super) fn push(&mut self, mut resource: Attributes, scope: &str, read: ReadSpan) {
        let span = match span(read, &mut self.notes) {
            Ok(span) => span,
            Err(reason) => return self.rejected.add(reason),
        };
        resource.for_each_text_mut(&mut |_, text| {
            cap_text(text);
        });
        let resource = Resource { attributes: resource };
        let mut open = self.batches.iter_mut().rev().take(OPEN_MAX);
        match open.find(|batch| batch.scope == scope && batch.resource == resource) {
            Some(batch) => batch.spans.push(span),
            None => {
                let scope = scope.to_owned();
                self.batches.push(SpanBatch { resource, scope, spans: vec![span] });
            }
        }
    }

    pub(super) fn decoded(self) -> Decoded {
        let batches = self.batches.into_iter().map(Batch::Spans).collect();
        Decoded { batches, rejected: self.rejected, notes: self.notes }
    }
}
