//! How much a candidate matters to this question: its own weight, the question's words in it, the services it names.

use super::super::evidence::Candidate;
use super::super::question::Plan;

/// Scales every score by the question's words and services, and sorts best first.
///
/// Words weigh by their rarity among the candidates (inverse document frequency), so that a word which stands in
/// every line decides nothing.
pub(super) fn score(plan: &Plan, candidates: &mut [Candidate]) {
    let texts: Vec<String> = candidates.iter().map(haystack).collect();
    let count = texts.len() as f64;
    let weights: Vec<f64> = plan
        .terms
        .iter()
        .map(|term| {
            let containing =
                texts.iter().filter(|text| text.contains(term.as_str())).count() as f64;
            if containing == 0.0 {
                0.0
            } else {
                (1.0 + (count - containing + 0.5) / (containing + 0.5)).ln()
            }
        })
        .collect();
    let total: f64 = weights.iter().sum();
    for (candidate, text) in candidates.iter_mut().zip(&texts) {
        let found: f64 = plan
            .terms
            .iter()
            .zip(&weights)
            .filter(|(term, _)| text.contains(term.as_str()))
            .map(|(_, weight)| weight)
            .sum();
        let words = if total > 0.0 { found / total } else { 0.0 };
        let in_scope = plan.services.is_empty()
            || plan.services.iter().any(|service| {
                candidate.service.as_deref() == Some(service)
                    || text.contains(&service.to_lowercase())
            });
        let scope = if in_scope { 1.0 } else { 0.55 };
        candidate.score = ((candidate.score + 0.6 * words) * scope).clamp(0.0, 1.0);
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.key.cmp(&b.key)));
}

fn haystack(candidate: &Candidate) -> String {
    let service = candidate.service.as_deref().unwrap_or("");
    format!("{}\n{service}\n{}", candidate.title, candidate.text).to_lowercase()
}
