//! Makes a capsule of a stored answer, and proves it: it is read back and run again before anybody relies on it.

use std::sync::Arc;

use groundcrew_store::LogQuery;
use groundcrew_telemetry::LogRow;

use super::file::{Packed, pack, unpack};
use super::{Capsule, CapsuleError, Comparison, Outcome, compare, replay};
use crate::investigate::material::{Gathered, RememberedSource};
use crate::investigate::question::Plan;
use crate::investigate::record::{Asked, Record};
use crate::investigate::remembered::{Imprint, IncidentRecord};
use crate::investigate::{Investigated, Investigator, look_again};

/// Newest lines of each suspected service.
const LINES_MAX: usize = 40;

/// A capsule and how it stands to the answer that it is of.
#[derive(Clone, PartialEq, Debug)]
pub struct Made {
    /// Its file.
    pub packed: Packed,
    /// The answer as it was given beside what the same data come to now.
    pub comparison: Comparison,
    /// Texts that could not be masked and were left out.
    pub withheld: u64,
}

/// Reads again what an answer was made from and packs it. Blocking and CPU-bound.
///
/// # Errors
/// When the answer does not say what it was asked with, or the capsule would be too big.
pub fn make(investigator: &Investigator, kept: Investigated) -> Result<Made, CapsuleError> {
    let Some(Asked { question, plan }) = kept.asked.clone() else {
        return Err(CapsuleError::NotKept);
    };
    let mut seen = look_again(investigator, &question, plan);
    let shown: Vec<&String> =
        kept.answer.seen_before.iter().filter_map(|seen| seen.incident.as_ref()).collect();
    let gathered = Arc::make_mut(&mut seen.gathered);
    forget_words_of_others(gathered, &shown);
    gathered.lines = newest_lines(investigator, &seen.plan, &kept.answer.imprint);
    let prompt = &investigator.prompt;
    let capsule = Capsule {
        groundcrew: env!("CARGO_PKG_VERSION").to_owned(),
        prompt: format!("{} v{}", prompt.name(), prompt.version()),
        question,
        plan: seen.plan,
        services: seen.services,
        gathered: seen.gathered,
        given: kept.into(),
        again: None,
        withheld: 0,
    };
    let packed = pack(capsule, &investigator.masker)?;
    let mut capsule = unpack(packed.bytes())?;
    let now = replay(&capsule);
    let comparison = compare(&capsule.given, &now);
    let withheld = capsule.withheld;
    if comparison.differences.is_empty() {
        return Ok(Made { packed, comparison, withheld });
    }
    // A later replay is to be compared with what these data say, not with what others said.
    capsule.again = Some(Outcome { record: Record { exchanges: Vec::new(), ..now.record }, ..now });
    let packed = pack(capsule, &investigator.masker)?;
    Ok(Made { packed, comparison, withheld })
}

/// The newest lines of services that are suspected: what is looked at when suspects are as likely as each other.
fn newest_lines(investigator: &Investigator, plan: &Plan, imprint: &Imprint) -> Vec<LogRow> {
    let mut services: Vec<&String> = imprint.suspects.iter().map(|one| &one.service).collect();
    services.dedup();
    let read = |service: &&String| {
        let query = LogQuery {
            services: vec![(*service).clone()],
            newest_first: true,
            limit: LINES_MAX,
            ..LogQuery::within(plan.window)
        };
        investigator.store.search_logs(&query).unwrap_or_default()
    };
    services.iter().flat_map(read).collect()
}

/// Leaves of past incidents that were not shown what they look like and what was said to be at fault, which the ranking
/// needs, and drops what people wrote: a capsule of one incident is no copy of the memory.
fn forget_words_of_others(gathered: &mut Gathered, shown: &[&String]) {
    for remembered in &mut gathered.memory {
        let RememberedSource::Record(record) = &mut remembered.source else { continue };
        if shown.contains(&&record.code) {
            continue;
        }
        record.feedback.iter_mut().for_each(|said| said.text.clear());
        **record = IncidentRecord {
            title: String::new(),
            cause_words: None,
            change: None,
            fix: None,
            ruled_out: Vec::new(),
            evidence: Vec::new(),
            ..record.as_ref().clone()
        };
    }
}
