//! What decoding yields: batches, what was rejected and why, and what was bent to fit.

use groundcrew_telemetry::Batch;

/// Reasons kept word for word; further ones are only counted.
const REASONS_MAX: usize = 20;

/// A request after decoding.
#[derive(Debug, Default)]
pub struct Decoded {
    /// What can be stored.
    pub batches: Vec<Batch>,
    /// What cannot.
    pub rejected: Rejections,
    /// What was kept, but not quite as it came.
    pub notes: DecodeNotes,
}

impl Decoded {
    /// Number of records in all batches.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.batches.iter().map(Batch::record_count).sum()
    }
}

/// Records that were refused one by one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rejections {
    /// How many.
    pub count: u64,
    /// Why, for the first of them.
    pub reasons: Vec<String>,
}

impl Rejections {
    /// Counts one more and keeps its reason while there is room.
    pub fn add(&mut self, reason: impl Into<String>) {
        self.count += 1;
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason.into());
        }
    }

    /// Adds the rejections of `other`.
    pub fn merge(&mut self, other: Self) {
        self.count += other.count;
        let room = REASONS_MAX.saturating_sub(self.reasons.len());
        self.reasons.extend(other.reasons.into_iter().take(room));
    }

    /// One line for the sender: how many, and the first reasons; `None` when nothing was rejected.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        if self.count == 0 {
            return None;
        }
        let mut shown: Vec<&str> = Vec::new();
        for reason in &self.reasons {
            if shown.len() < 3 && !shown.contains(&reason.as_str()) {
                shown.push(reason);
            }
        }
        Some(format!("rejected {}: {}", self.count, shown.join("; ")))
    }
}

/// Counts of records that were kept with a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DecodeNotes {
    /// Ids that came in base64 where OTLP/JSON wants hex.
    pub base64_ids: u64,
    /// Metric points without a finite value; they are dropped.
    pub points_without_value: u64,
    /// Texts cut at [`crate::stages::decode::BODY_BYTES_MAX`].
    pub truncated_texts: u64,
    /// Inputs in which bytes that are not UTF-8 were replaced.
    pub replaced_utf8: u64,
}

impl DecodeNotes {
    /// Adds the counts of `other`.
    pub fn add(&mut self, other: Self) {
        self.base64_ids += other.base64_ids;
        self.points_without_value += other.points_without_value;
        self.truncated_texts += other.truncated_texts;
        self.replaced_utf8 += other.replaced_utf8;
    }
}

/// A request of which nothing could be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an OTLP request: {reason}")]
pub struct Undecodable {
    /// What the parser said.
    pub reason: String,
}
