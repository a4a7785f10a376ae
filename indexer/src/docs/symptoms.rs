//! What a past incident's page says the trouble looked like, kept beside each of its chunks so that it can be compared.

use groundcrew_analysis::fingerprint::{Fingerprint, Report};
use groundcrew_masking::Masker;
use groundcrew_store::{DocumentChunk, DocumentKind};
use groundcrew_telemetry::{Attributes, Value};

/// Where it is kept among the front matter. A page cannot set it: ours takes its place.
const KEY: &str = "groundcrew.symptoms";

/// What a page is about, as far as its symptoms go.
pub(super) struct PageFacts<'p> {
    pub(super) kind: DocumentKind,
    pub(super) services: &'p [String],
    pub(super) alerts: &'p [String],
    /// The page without its front matter.
    pub(super) body: &'p str,
}

/// Reads the symptoms of an incident's page into its front matter. Other pages have none.
pub(super) fn add(page: &PageFacts<'_>, masker: &Masker, front_matter: &mut Attributes) {
    front_matter.0.retain(|(key, _)| key != KEY);
    if page.kind != DocumentKind::Incident {
        return;
    }
    // Withheld text has no symptoms; the chunk itself is withheld further on.
    let Ok(body) = masker.mask_text(page.body) else { return };
    let cause = ["root_cause", "cause"].iter().find_map(|key| front_matter.str(key)).unwrap_or("");
    let report = Report { text: &body, cause, services: page.services, alerts: page.alerts };
    let print = Fingerprint::of_report(&report, &[]);
    if let Ok(json) = serde_json::to_string(&print) {
        front_matter.set(KEY, Value::Str(json));
    }
}

/// The symptoms of the incident that the chunk's page tells; `None` for other pages and for those that tell none.
#[must_use]
pub fn symptoms_of(chunk: &DocumentChunk) -> Option<Fingerprint> {
    let print: Fingerprint = serde_json::from_str(chunk.front_matter.str(KEY)?).ok()?;
    // Whatever stands there came from a page, and a page is a report.
    (!print.is_empty()).then_some(Fingerprint { told: true, ..print })
}
