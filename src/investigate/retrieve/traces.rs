//! Spans around the incident, for the analysis.

use groundcrew_store::{SpanQuery, Store};

use super::super::evidence::Gap;
use super::super::material::Gathered;
use super::super::question::{Plan, Question};

pub(super) fn gather(store: &Store, question: &Question, plan: &Plan, gathered: &mut Gathered) {
    let query = SpanQuery {
        range: plan.whole(),
        services: Vec::new(),
        trace_id: None,
        limit: question.budget.spans_max,
    };
    match store.spans(&query) {
        Ok(found) => {
            gathered.receipt.spans = found.matched;
            let read = found.rows.len() as u64;
            if read < found.matched {
                gathered.gaps.push(Gap::unfixable(format!(
                    "of {} spans {read} were read, whole traces chosen evenly; rare calls may be missed",
                    found.matched
                )));
            }
            gathered.observations.spans = found.rows;
        }
        Err(error) => {
            gathered
                .gaps
                .push(Gap::new(format!("traces could not be read: {error}"), "groundcrew doctor"));
        }
    }
}
