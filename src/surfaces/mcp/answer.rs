//! An answer as tools give it: all of it but the contents of its evidence, which open by their links.

use rmcp::model::Resource;
use schemars::JsonSchema;
use serde::Serialize;

use super::said::Said;
use super::uri;
use crate::investigate::answer::{
    Answer, ClaimStatus, Confidence, HypothesisStatus, ToldBy, Verdict,
};
use crate::investigate::evidence::{Evidence, shorten};
use crate::investigate::remembered::incident_code;

/// Links to evidence that come with an answer.
const LINKS_MAX: usize = 12;
/// Items of an answer's index of evidence.
const ITEMS_MAX: usize = 60;
/// Longest title in it, in bytes.
const TITLE_BYTES_MAX: usize = 240;

/// The answer.
#[derive(Serialize, JsonSchema)]
pub(super) struct AnswerShape {
    /// Its id.
    answer_id: String,
    /// The incident's code, in full; its beginning is what people say.
    incident: String,
    /// `likely_cause`, `lookup` or `not_enough_evidence`.
    verdict: &'static str,
    /// `low`, `medium` or `high`; null without a conclusion.
    confidence: Option<&'static str>,
    /// The sentence to read first.
    headline: Cited,
    /// Start of the time that was examined.
    from: String,
    /// Its end.
    to: String,
    /// When the trouble began, as far as telemetry shows.
    since: Option<String>,
    /// Services that show it, worst first.
    services: Vec<String>,
    /// Checked sentences, the most important first.
    claims: Vec<ClaimShape>,
    /// Suspects, best first.
    suspects: Vec<SuspectShape>,
    /// What was excluded.
    ruled_out: Vec<Cited>,
    /// What to do next.
    next: Vec<NextShape>,
    /// Past incidents that are like it.
    seen_before: Vec<SeenShape>,
    /// What could not be seen.
    unknowns: Vec<UnknownShape>,
    /// Index of the evidence; contents open by uri.
    evidence: Vec<ItemShape>,
    /// Items that the index leaves out.
    evidence_left_out: usize,
    /// `plain` by rules alone, `model` by a language model whose sentences were checked.
    told_by: &'static str,
    /// What a reader must know first.
    notice: Option<String>,
    /// Path of the panel that shows it.
    panel_path: String,
}

/// A sentence and what it stands on.
#[derive(Serialize, JsonSchema)]
struct Cited {
    /// The sentence.
    text: String,
    /// Ids of evidence.
    cites: Vec<String>,
}

/// A checked sentence.
#[derive(Serialize, JsonSchema)]
struct ClaimShape {
    /// The sentence.
    text: String,
    /// Ids of evidence.
    cites: Vec<String>,
    /// Whether its names and numbers were found in what it cites.
    verified: bool,
}

/// One suspect.
#[derive(Serialize, JsonSchema)]
struct SuspectShape {
    /// Who or what, and how.
    title: String,
    /// `supported`, `possible` or `refuted`.
    status: &'static str,
    /// 0 to 1.
    score: f64,
    /// One sentence.
    why: String,
    /// Evidence for it.
    supporting: Vec<String>,
    /// Evidence against it.
    against: Vec<String>,
}

/// One thing to do.
#[derive(Serialize, JsonSchema)]
struct NextShape {
    /// In words, for a person to decide.
    label: String,
    /// A command to copy, from a runbook.
    command: Option<String>,
    /// Evidence it comes from.
    cites: Vec<String>,
}

/// A past incident.
#[derive(Serialize, JsonSchema)]
struct SeenShape {
    /// What it was.
    title: String,
    /// Its code, where people vouched for it.
    incident: Option<String>,
    /// 0 to 1.
    similarity: Option<f32>,
    /// What caused it.
    cause: Option<String>,
    /// What fixed it.
    fixed_by: Option<String>,
    /// How long it took.
    took: Option<String>,
    /// What differs this time.
    differs: Vec<String>,
    /// Where to read it.
    cites: Vec<String>,
}

/// Something that could not be seen.
#[derive(Serialize, JsonSchema)]
struct UnknownShape {
    /// What is missing.
    what: String,
    /// What would bring it.
    fix: Option<String>,
}

/// One evidence item.
#[derive(Serialize, JsonSchema)]
struct ItemShape {
    /// Its id inside this answer.
    id: String,
    /// What it is.
    kind: &'static str,
    /// What it shows.
    title: String,
    /// Read this resource for its content.
    uri: String,
}

impl AnswerShape {
    /// The shape of an answer.
    pub(super) fn of(answer: &Answer) -> Self {
        let code = code(answer);
        let cited =
            |text: &str, cites: &[String]| Cited { text: text.to_owned(), cites: cites.to_vec() };
        Self {
            answer_id: answer.answer_id.clone(),
            verdict: verdict(answer.verdict),
            confidence: answer.confidence.map(Confidence::name),
            headline: cited(&answer.headline, &answer.headline_cites),
            from: answer.from.to_string(),
            to: answer.to.to_string(),
            since: answer.impact.since.map(|since| since.to_string()),
            services: answer.impact.services.clone(),
            claims: claims(answer),
            suspects: suspects(answer),
            ruled_out: answer.ruled_out.iter().map(|one| cited(&one.text, &one.cites)).collect(),
            next: next(answer),
            seen_before: seen_before(answer),
            unknowns: answer
                .unknowns
                .iter()
                .map(|one| UnknownShape { what: one.what.clone(), fix: one.fix.clone() })
                .collect(),
            evidence: answer.evidence.iter().take(ITEMS_MAX).map(|one| item(&code, one)).collect(),
            evidence_left_out: answer.evidence.len().saturating_sub(ITEMS_MAX),
            told_by: match answer.told_by {
                ToldBy::Plain => "plain",
                ToldBy::Model => "model",
            },
            notice: answer.notice.clone(),
            panel_path: format!("/i/{code}"),
            incident: code,
        }
    }
}

/// The incident's code in full: a shorter one may come to name several.
pub(super) fn code(answer: &Answer) -> String {
    incident_code(&answer.answer_id)
}

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::LikelyCause => "likely_cause",
        Verdict::Lookup => "lookup",
        Verdict::NotEnoughEvidence => "not_enough_evidence",
    }
}

fn claims(answer: &Answer) -> Vec<ClaimShape> {
    let claims = answer.claims.iter().map(|claim| ClaimShape {
        text: claim.text.clone(),
        cites: claim.cites.clone(),
        verified: claim.status == ClaimStatus::Verified,
    });
    claims.collect()
}

fn suspects(answer: &Answer) -> Vec<SuspectShape> {
    let suspects = answer.hypotheses.iter().map(|one| SuspectShape {
        title: one.title.clone(),
        status: match one.status {
            HypothesisStatus::Supported => "supported",
            HypothesisStatus::Possible => "possible",
            HypothesisStatus::Refuted => "refuted",
        },
        score: one.score,
        why: one.why.clone(),
        supporting: one.supporting.clone(),
        against: one.against.clone(),
    });
    suspects.collect()
}

fn next(answer: &Answer) -> Vec<NextShape> {
    let steps = answer.next.iter().map(|step| NextShape {
        label: step.label.clone(),
        command: step.cmd.clone(),
        cites: step.cites.clone(),
    });
    steps.collect()
}

fn seen_before(answer: &Answer) -> Vec<SeenShape> {
    let seen = answer.seen_before.iter().map(|seen| SeenShape {
        title: seen.title.clone(),
        incident: seen.incident.clone(),
        similarity: seen.similarity,
        cause: seen.cause.clone(),
        fixed_by: seen.fixed_by.clone(),
        took: seen.took.clone(),
        differs: seen.differs.iter().map(|sign| sign.text.clone()).collect(),
        cites: seen.cites.clone(),
    });
    seen.collect()
}

fn item(code: &str, item: &Evidence) -> ItemShape {
    ItemShape {
        id: item.id.clone(),
        kind: item.kind.label(),
        title: shorten(&item.title, TITLE_BYTES_MAX),
        uri: uri::evidence(code, &item.id),
    }
}

/// The answer as a result: who reads text alone has the sentences, the suspects and what to do.
pub(super) fn said(answer: &Answer) -> Said {
    Said::new(&AnswerShape::of(answer), summary(answer), &lines(answer)).linking(links(answer))
}

/// What it came to, in our own words.
pub(super) fn summary(answer: &Answer) -> String {
    let verdict = match answer.verdict {
        Verdict::LikelyCause => "A likely cause was found",
        Verdict::Lookup => "The facts that were asked for were found",
        Verdict::NotEnoughEvidence => "There is not enough evidence for a conclusion",
    };
    let confidence = answer
        .confidence
        .map(|confidence| format!(", confidence {}", confidence.name()))
        .unwrap_or_default();
    format!("{verdict}{confidence}. Incident {}. Cite evidence by its ids.", code(answer))
}

/// Its sentences, each with what it cites.
pub(super) fn lines(answer: &Answer) -> Vec<String> {
    let cited = |text: &str, cites: &[String]| match cites {
        [] => text.to_owned(),
        cites => format!("{text} [{}]", cites.join(", ")),
    };
    let mut lines = vec![cited(&answer.headline, &answer.headline_cites)];
    lines.extend(answer.notice.iter().map(|notice| format!("Notice: {notice}")));
    lines.extend(answer.understood.iter().map(|understood| format!("Read as: {understood}")));
    lines.extend(answer.claims.iter().map(|one| format!("- {}", cited(&one.text, &one.cites))));
    lines.extend(suspects(answer).iter().map(|one| {
        let ids = if one.status == "refuted" { &one.against } else { &one.supporting };
        cited(
            &format!("Suspect ({}, {:.2}): {}: {}", one.status, one.score, one.title, one.why),
            ids,
        )
    }));
    let ruled_out = answer.ruled_out.iter();
    lines.extend(ruled_out.map(|one| format!("Ruled out: {}", cited(&one.text, &one.cites))));
    lines.extend(answer.seen_before.iter().map(|seen| {
        let fix = seen.fixed_by.as_deref().map(|fix| format!(", fixed by: {fix}"));
        cited(&format!("Seen before: {}{}", seen.title, fix.unwrap_or_default()), &seen.cites)
    }));
    lines.extend(answer.next.iter().map(|one| format!("Next: {}", cited(&one.label, &one.cites))));
    lines.extend(answer.unknowns.iter().map(|one| format!("Could not see: {}", one.what)));
    lines
}

/// Links to the incident and to what its sentences cite.
pub(super) fn links(answer: &Answer) -> Vec<Resource> {
    let code = code(answer);
    let claims = answer.claims.iter().flat_map(|claim| &claim.cites);
    let cited: Vec<&String> = answer.headline_cites.iter().chain(claims).collect();
    let incident = Resource::new(uri::incident(&code), format!("incident {code}"))
        .with_mime_type("application/json");
    let items = answer.evidence.iter().filter(|item| cited.contains(&&item.id)).take(LINKS_MAX);
    let items = items.map(|item| {
        Resource::new(uri::evidence(&code, &item.id), format!("{} {}", item.id, item.kind.label()))
            .with_mime_type("application/json")
    });
    std::iter::once(incident).chain(items).collect()
}
