//! What people said about past incidents, and how far that may move a ranking.
//!
//! Memory is weaker than telemetry by construction: it may put one of several near-equal suspects first and may name the
//! kind of fault where the signals leave it open. It changes no score, so it neither makes a suspect nor an answer surer.

use crate::{Analysis, FaultKind};

/// Scores that differ by less than this are near ties, which memory may decide.
const NEAR_TIE: f64 = 0.08;
/// Suspects below this are not named by telemetry alone, so memory does not speak for them either.
const SCORE_MIN: f64 = 0.3;
/// Likeness from which on the kind of fault is taken over.
const KIND_SIMILARITY_MIN: f64 = 0.5;

/// What is remembered about one past incident that is like this one.
#[derive(Clone, PartialEq, Debug)]
pub struct Precedent {
    /// How alike it is, 0 to 1.
    pub similarity: f64,
    /// The service, node or dependency that people spoke about.
    pub service: String,
    /// What sort of fault it was, when they said so.
    pub fault_kind: Option<FaultKind>,
    /// What they said: 1 that it was the cause, -1 that it was not, between when they disagree.
    pub trust: f64,
}

/// What memory did to a ranking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Influence {
    /// Another suspect leads than telemetry alone would have put first.
    pub reordered: bool,
    /// The leading suspect's kind of fault was taken from a past incident.
    pub kind_taken: bool,
}

/// Lets precedents decide near ties and fill in the kind of fault.
pub fn apply(analysis: &mut Analysis, precedents: &[Precedent]) -> Influence {
    let mut influence = Influence::default();
    let named = analysis
        .suspects
        .iter()
        .take_while(|suspect| suspect.score >= SCORE_MIN && !suspect.reasons.is_empty())
        .count();
    let Some(best) = analysis.suspects.first().filter(|_| named > 0).map(|best| best.score) else {
        return influence;
    };
    let leader = analysis.suspects.first().map(|suspect| suspect.subject.clone());
    if let Some(suspects) = analysis.suspects.get_mut(..named) {
        // Only those that are about as convincing as the first: whoever is far behind stays there.
        let tied = suspects.iter().take_while(|one| best - one.score <= NEAR_TIE).count();
        if let Some(tied) = suspects.get_mut(..tied) {
            let lifted = |service: &str, score: f64| score + shift(precedents, service);
            tied.sort_by(|a, b| {
                lifted(b.subject.service(), b.score)
                    .total_cmp(&lifted(a.subject.service(), a.score))
            });
        }
    }
    influence.reordered =
        analysis.suspects.first().map(|suspect| &suspect.subject) != leader.as_ref();
    if influence.reordered {
        analysis.onset = analysis.suspects.first().and_then(|suspect| suspect.onset);
    }
    if let Some(leading) = analysis.suspects.first_mut()
        && let Some(kind) = remembered_kind(precedents, leading.subject.service())
        && is_open(leading.fault_kind)
        && leading.fault_kind != kind
    {
        leading.fault_kind = kind;
        influence.kind_taken = true;
    }
    influence
}

/// How far people's words move a service, within a near tie in either direction.
fn shift(precedents: &[Precedent], service: &str) -> f64 {
    let said: f64 = precedents
        .iter()
        .filter(|precedent| precedent.service == service)
        .map(|precedent| finite(precedent.similarity).clamp(0.0, 1.0) * trust(precedent))
        .sum();
    NEAR_TIE * said.clamp(-1.0, 1.0)
}

/// The kind of fault of the most alike incident in which this service was confirmed as the cause.
fn remembered_kind(precedents: &[Precedent], service: &str) -> Option<FaultKind> {
    precedents
        .iter()
        .filter(|precedent| precedent.service == service && trust(precedent) > 0.0)
        .filter(|precedent| finite(precedent.similarity) >= KIND_SIMILARITY_MIN)
        .filter(|precedent| precedent.fault_kind.is_some_and(|kind| kind != FaultKind::Unknown))
        .max_by(|a, b| a.similarity.total_cmp(&b.similarity))
        .and_then(|precedent| precedent.fault_kind)
}

/// Kinds that say how it shows rather than what it is.
const fn is_open(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Unknown | FaultKind::Latency | FaultKind::CodeError | FaultKind::Exception
    )
}

fn trust(precedent: &Precedent) -> f64 {
    finite(precedent.trust).clamp(-1.0, 1.0)
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Subject, Suspect};

    fn suspect(name: &str, score: f64) -> Suspect {
        Suspect {
            subject: Subject::Service(name.to_owned()),
            fault_kind: FaultKind::Latency,
            score,
            reasons: vec![0],
            against: Vec::new(),
            onset: None,
        }
    }

    fn analysis(suspects: &[(&str, f64)]) -> Analysis {
        let suspects = suspects.iter().map(|(name, score)| suspect(name, *score)).collect();
        Analysis { suspects, ..Analysis::default() }
    }

    fn precedent(service: &str, similarity: f64, trust: f64) -> Precedent {
        let fault_kind = Some(FaultKind::Config);
        Precedent { similarity, service: service.to_owned(), fault_kind, trust }
    }

    fn order(analysis: &Analysis) -> Vec<&str> {
        analysis.suspects.iter().map(|suspect| suspect.subject.service()).collect()
    }

    #[test]
    fn a_confirmed_cause_wins_a_near_tie_and_names_its_kind() {
        let mut told = analysis(&[("a", 0.72), ("b", 0.68), ("c", 0.2)]);
        let influence = apply(&mut told, &[precedent("b", 0.9, 1.0)]);
        assert_eq!(order(&told), ["b", "a", "c"]);
        assert_eq!(influence, Influence { reordered: true, kind_taken: true });
        assert_eq!(told.suspects[0].fault_kind, FaultKind::Config);
        assert_eq!(told.suspects[0].score, 0.68, "no score changes");
    }

    #[test]
    fn a_wrong_cause_loses_a_near_tie() {
        let mut told = analysis(&[("a", 0.72), ("b", 0.68)]);
        let influence = apply(&mut told, &[precedent("a", 0.9, -1.0)]);
        assert_eq!(order(&told), ["b", "a"]);
        assert!(influence.reordered && !influence.kind_taken);
    }

    #[test]
    fn memory_never_beats_telemetry_that_is_clear() {
        let many: Vec<Precedent> = (0..50).map(|_| precedent("b", 1.0, 1.0)).collect();
        let against: Vec<Precedent> = (0..50).map(|_| precedent("a", 1.0, -1.0)).collect();
        let mut told = analysis(&[("a", 0.85), ("b", 0.6)]);
        assert_eq!(apply(&mut told, &[many, against].concat()), Influence::default());
        assert_eq!(order(&told), ["a", "b"]);
    }

    #[test]
    fn memory_makes_no_suspect_out_of_nothing() {
        let confirmed = [precedent("b", 1.0, 1.0), precedent("unheard-of", 1.0, 1.0)];
        let mut faint = analysis(&[("a", 0.29), ("b", 0.28)]);
        assert_eq!(apply(&mut faint, &confirmed), Influence::default());
        assert_eq!(order(&faint), ["a", "b"]);
        let mut unreasoned = analysis(&[("a", 0.5), ("b", 0.49)]);
        unreasoned.suspects[1].reasons.clear();
        assert!(!apply(&mut unreasoned, &confirmed).reordered);
        let mut nothing = Analysis::default();
        assert_eq!(apply(&mut nothing, &confirmed), Influence::default());
        assert!(nothing.suspects.is_empty());
    }

    #[test]
    fn a_kind_that_the_signals_show_is_kept() {
        let mut told = analysis(&[("a", 0.7)]);
        told.suspects[0].fault_kind = FaultKind::Memory;
        assert!(!apply(&mut told, &[precedent("a", 1.0, 1.0)]).kind_taken);
        assert_eq!(told.suspects[0].fault_kind, FaultKind::Memory);
        told.suspects[0].fault_kind = FaultKind::Latency;
        assert!(!apply(&mut told, &[precedent("a", 0.3, 1.0)]).kind_taken, "hardly alike");
    }

    #[test]
    fn nonsense_moves_nothing() {
        let mut told = analysis(&[("a", 0.72), ("b", 0.70)]);
        for (similarity, trust) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0)] {
            assert!(!apply(&mut told, &[precedent("b", similarity, trust)]).reordered);
        }
    }
}
