//! Says which documents a search may find at all, by what their front matter says.
//!
//! [`DocumentPayload`] is what a filter can see of a document. It is kept per document beside the index and, by stores
//! that filter on their own side, beside each vector; [`DocumentFilter::admits`] is the definition that all of them share.

use groundcrew_telemetry::{TimeRange, Timestamp};
use serde::{Deserialize, Serialize};

use super::{DocumentChunk, DocumentKind};

/// What a document must be to be found. A field that is empty asks for nothing; all that are not must hold.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DocumentFilter {
    /// One of these kinds.
    pub kinds: Vec<DocumentKind>,
    /// About at least one of these services. Upper and lower case are one, here and below.
    pub services: Vec<String>,
    /// Owned by one of these teams (`team:` of the front matter, else `owner:`).
    pub teams: Vec<String>,
    /// Of one of these severities (`severity:` of the front matter).
    pub severities: Vec<String>,
    /// Dated inside this range. A document without a date is not.
    pub dates: Option<TimeRange>,
}

impl DocumentFilter {
    /// Whether every document passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a document passes.
    #[must_use]
    pub fn admits(&self, document: &DocumentPayload) -> bool {
        let is_dated = |dates: &TimeRange| document.date.is_some_and(|date| dates.contains(date));
        (self.kinds.is_empty() || self.kinds.contains(&document.kind))
            && shares_one(&self.services, &document.services)
            && shares_one(&self.teams, document.team.as_slice())
            && shares_one(&self.severities, document.severity.as_slice())
            && self.dates.as_ref().is_none_or(is_dated)
    }
}

/// What a filter can see of a document.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DocumentPayload {
    /// What the document is for.
    pub kind: DocumentKind,
    /// The services that it is about.
    pub services: Vec<String>,
    /// The team that owns it.
    pub team: Option<String>,
    /// How severe the incident was, or how urgent the runbook is, in the document's own words.
    pub severity: Option<String>,
    /// When it was written or happened.
    pub date: Option<Timestamp>,
}

impl DocumentPayload {
    /// The payload of the document that `chunk` is a piece of: each piece repeats the front matter.
    #[must_use]
    pub fn of(chunk: &DocumentChunk) -> Self {
        let text = |key: &str| chunk.front_matter.str(key).map(str::to_owned);
        Self {
            kind: chunk.kind,
            services: chunk.services.clone(),
            team: text("team").or_else(|| text("owner")),
            severity: text("severity"),
            date: chunk.date,
        }
    }
}

/// Whether nothing is wanted or one of `wanted` is in `present`.
fn shares_one(wanted: &[String], present: &[String]) -> bool {
    let is_wanted = |name: &String| wanted.iter().any(|other| same(other, name));
    wanted.is_empty() || present.iter().any(is_wanted)
}

fn same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload() -> DocumentPayload {
        DocumentPayload {
            kind: DocumentKind::Incident,
            services: vec!["checkout".to_owned(), "orders-db".to_owned()],
            team: Some("Payments".to_owned()),
            severity: Some("SEV1".to_owned()),
            date: Timestamp::parse("2026-03-14"),
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn march() -> TimeRange {
        let day = |text| Timestamp::parse(text).unwrap();
        TimeRange::new(day("2026-03-01"), day("2026-04-01"))
    }

    #[test]
    fn each_field_admits_and_refuses() {
        let none = DocumentFilter::default();
        assert!(none.is_empty() && none.admits(&payload()));
        let filters = |kind, service: &str, team: &str, severity: &str, date: TimeRange| {
            [
                DocumentFilter { kinds: vec![kind], ..DocumentFilter::default() },
                DocumentFilter { services: names(&["cart", service]), ..DocumentFilter::default() },
                DocumentFilter { teams: names(&[team]), ..DocumentFilter::default() },
                DocumentFilter { severities: names(&[severity]), ..DocumentFilter::default() },
                DocumentFilter { dates: Some(date), ..DocumentFilter::default() },
            ]
        };
        let may =
            TimeRange::new(march().end, Timestamp::parse("2026-05-01").unwrap_or(march().end));
        for filter in filters(DocumentKind::Incident, "Orders-DB", "payments", "sev1", march()) {
            assert!(filter.admits(&payload()), "{filter:?}");
        }
        for filter in filters(DocumentKind::Runbook, "orders", "shop", "sev2", may) {
            assert!(!filter.admits(&payload()), "{filter:?}");
        }
    }

    #[test]
    fn all_fields_must_hold_and_what_is_unknown_does_not() {
        let filter = DocumentFilter {
            teams: names(&["payments"]),
            dates: Some(march()),
            ..DocumentFilter::default()
        };
        assert!(filter.admits(&payload()));
        assert!(!filter.admits(&DocumentPayload { date: None, ..payload() }));
        assert!(!filter.admits(&DocumentPayload { team: None, ..payload() }));
    }
}
