//! What was seen before: past incidents beside the answer, what matches and what differs, each with its evidence.

use groundcrew_analysis::Suspect;

use super::super::answer::{SeenBefore, SeenSign};
use super::super::draft::Sentence;
use super::super::evidence::Candidate;
use super::super::material::{Diagnosis, SimilarIncident, ToldSign};
use super::Bundle;

/// The items that the sentences cite: the incidents, and what is seen now that matches or differs.
pub(super) fn items(diagnosis: &Diagnosis) -> Vec<Candidate> {
    let mut items: Vec<Candidate> = Vec::new();
    for similar in &diagnosis.similar {
        items.push(similar.item.clone());
        let cited = similar.matches.iter().chain(&similar.differs).flat_map(|told| &told.keys);
        for key in cited {
            let found = diagnosis.findings.iter().find(|told| told.item.key == *key);
            items.extend(found.map(|told| told.item.clone()));
        }
    }
    items
}

/// The past incidents whose item is in the bundle.
pub(super) fn before(diagnosis: &Diagnosis, bundle: &Bundle) -> Vec<SeenBefore> {
    diagnosis.similar.iter().filter_map(|similar| tell(similar, bundle)).collect()
}

fn tell(similar: &SimilarIncident, bundle: &Bundle) -> Option<SeenBefore> {
    let id = bundle.id_of(&similar.item.key)?;
    let signs = |told: &[ToldSign]| -> Vec<SeenSign> {
        told.iter()
            .filter_map(|sign| {
                let cites: Option<Vec<String>> =
                    sign.keys.iter().map(|key| bundle.id_of(key).map(str::to_owned)).collect();
                Some(SeenSign { text: format!("{}.", sign.sentence), cites: cites? })
            })
            .collect()
    };
    Some(SeenBefore {
        title: similar.title.clone(),
        incident: similar.incident.clone(),
        document: similar.document.clone().unwrap_or_default(),
        at: similar.at,
        similarity: Some(similar.similarity as f32),
        cause: similar.cause.clone(),
        fixed_by: similar.fixed_by.clone(),
        took: similar.took.clone(),
        matches: signs(&similar.matches),
        differs: signs(&similar.differs),
        cites: vec![id.to_owned()],
    })
}

/// Says so where memory decided something that telemetry left open.
pub(super) fn influence(
    suspect: &Suspect,
    diagnosis: &Diagnosis,
    bundle: &Bundle,
) -> Option<Sentence> {
    let similar = diagnosis.similar.iter().find(|similar| similar.incident.is_some())?;
    let (code, id) = (similar.incident.as_deref()?, bundle.id_of(&similar.item.key)?);
    let text = match (diagnosis.influence.reordered, diagnosis.influence.kind_taken) {
        (false, false) => return None,
        (true, _) => format!(
            "Several suspects were about as likely; what people said about incident {code} decided for this one."
        ),
        (false, true) => format!(
            "That the fault is one of {} is taken from incident {code}; the signals alone leave it open.",
            suspect.fault_kind.name()
        ),
    };
    Some(Sentence::new(text, vec![id.to_owned()]))
}
