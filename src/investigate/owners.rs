//! Who answers for the suspect, as a service catalog among the documents says.

use super::evidence::{Candidate, EvidenceKind, Own, clip};
use super::material::{Diagnosis, Gathered, Owner};

/// Longest text of the item, in bytes.
const ITEM_BYTES_MAX: usize = 1_000;

/// Puts the owner of the leading suspect into the diagnosis, where the catalog has one.
pub fn name_owner(diagnosis: &mut Diagnosis, gathered: &Gathered) {
    let leading = diagnosis.analysis.suspects.first().filter(|leading| !leading.reasons.is_empty());
    let Some(service) = leading.map(|leading| leading.subject.service().to_owned()) else { return };
    let entity = gathered
        .catalog
        .iter()
        .find(|entity| !entity.owner.is_empty() && entity.name.eq_ignore_ascii_case(&service));
    let Some(entity) = entity else { return };
    let mut text = format!("{} {service} is owned by {}", entity.kind, entity.owner);
    for (label, value) in [("what it is for", &entity.description), ("system", &entity.system)] {
        if !value.is_empty() {
            text.push_str(&format!("\n{label}: {value}"));
        }
    }
    let needs: Vec<&str> = entity.dependencies().collect();
    if !needs.is_empty() {
        text.push_str(&format!("\ndepends on: {}", needs.join(", ")));
    }
    let item = Candidate {
        kind: EvidenceKind::Doc,
        title: format!("{service} in the service catalog"),
        service: Some(service.clone()),
        range: None,
        query: Some(format!("documents {}", entity.document)),
        text: clip(&text, ITEM_BYTES_MAX).to_owned(),
        score: 0.3,
        own: Own::Nothing,
        measure: None,
        series: None,
        drawn: None,
        key: format!("catalog:{}:{}", entity.document, entity.name),
    };
    diagnosis.owner = Some(Owner { service, name: entity.owner.clone(), item });
}
