//! Metric series around the incident, for the analysis.

use groundcrew_store::{MetricQuery, Store};

use super::super::evidence::Gap;
use super::super::material::Gathered;
use super::super::question::{Plan, Question};

pub(super) fn gather(store: &Store, question: &Question, plan: &Plan, gathered: &mut Gathered) {
    let query = MetricQuery {
        range: plan.whole(),
        services: Vec::new(),
        name: None,
        series_max: question.budget.series_max,
    };
    match store.metrics(&query) {
        Ok(series) => {
            gathered.receipt.series = series.len() as u64;
            if series.len() >= question.budget.series_max {
                gathered.gaps.push(Gap::new(
                    format!(
                        "only the first {} metric series were read",
                        question.budget.series_max
                    ),
                    "name a service with --service to narrow the question",
                ));
            }
            gathered.observations.series = series;
        }
        Err(error) => {
            gathered
                .gaps
                .push(Gap::new(format!("metrics could not be read: {error}"), "groundcrew doctor"));
        }
    }
}
