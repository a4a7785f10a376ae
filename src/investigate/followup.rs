//! Follow-up questions: `and before the deploy?`, `what about payments?`, `show me one failing trace`. What they leave
//! unsaid is taken from the question before, and the answer says so.

use std::time::Duration;

use groundcrew_telemetry::{TimeRange, Timestamp};

use super::answer::Answer;
use super::evidence::EvidenceKind;
use super::question::Question;
use super::spoken::span;

/// Questions of no more words lean on the one before.
const SHORT_WORDS_MAX: usize = 7;
/// A window that ended so long ago is no longer the present.
const STALE_SECS: f64 = 15.0 * 60.0;
/// Longest earlier text that is kept, in bytes.
const CONTEXT_BYTES_MAX: usize = 500;

/// What a conversation is about so far.
#[derive(Clone, PartialEq, Debug)]
pub struct Thread {
    /// What was asked.
    pub text: String,
    /// The time that was examined.
    pub window: TimeRange,
    /// Services that it was about.
    pub services: Vec<String>,
    /// When the trouble began.
    pub onset: Option<Timestamp>,
    /// When the change took effect that the answer spoke of.
    pub changed_at: Option<Timestamp>,
    /// Whether the time was asked for, and not simply the present.
    pub time_given: bool,
    /// Only what was known then.
    pub known_until: Option<Timestamp>,
}

impl Thread {
    /// What a conversation is about after this answer.
    #[must_use]
    pub fn after(question: &Question, answer: &Answer) -> Self {
        let cited =
            answer.headline_cites.iter().chain(answer.claims.iter().flat_map(|claim| &claim.cites));
        let ruled_out = answer.ruled_out.iter().flat_map(|ruled| &ruled.cites);
        let changed_at = cited
            .chain(ruled_out)
            .filter_map(|id| answer.evidence(id))
            .find(|item| item.kind == EvidenceKind::Change)
            .and_then(|item| item.from);
        Self {
            text: question.context.clone().unwrap_or_else(|| question.text.clone()),
            window: TimeRange::new(answer.from, answer.to),
            services: answer.scope.clone(),
            onset: answer.impact.since,
            changed_at,
            time_given: question.at_given && !question.at_carried,
            known_until: question.known_until,
        }
    }

    /// The same before there is an answer: what a running question is about.
    #[must_use]
    pub fn of_question(question: &Question) -> Self {
        let length = question.since.unwrap_or(Duration::from_secs(900));
        let back = -i64::try_from(length.as_nanos()).unwrap_or(i64::MAX);
        Self {
            text: question.text.clone(),
            window: TimeRange::new(question.at.plus_nanos(back), question.at),
            services: question.services.clone(),
            onset: None,
            changed_at: None,
            time_given: question.at_given && !question.at_carried,
            known_until: question.known_until,
        }
    }
}

/// The question, with what it leaves unsaid.
#[must_use]
pub fn resolve(mut question: Question, thread: &Thread) -> Question {
    let words: Vec<String> = question
        .text
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let stale_secs = question.at.secs_since(thread.window.end);
    if words.len() > SHORT_WORDS_MAX && !thread.time_given && stale_secs > STALE_SECS {
        // A whole question, long after one about the present: it is about the present, too.
        return question;
    }
    let says = |options: &[&str]| words.iter().any(|word| options.contains(&word.as_str()));
    if words.len() <= SHORT_WORDS_MAX {
        question.context = Some(super::evidence::clip(&thread.text, CONTEXT_BYTES_MAX).to_owned());
    }
    if question.services.is_empty() {
        question.carried.clone_from(&thread.services);
    }
    question.known_until = question.known_until.or(thread.known_until);
    if question.at_given
        || question.since.is_some()
        || says(&["now", "still", "currently", "today"])
    {
        // It has a time of its own; the present reaches back to where the trouble began.
        if !question.at_given && question.since.is_none() {
            question.since = span(thread.onset.unwrap_or(thread.window.start), question.at);
        }
        return question;
    }
    let length = span(thread.window.start, thread.window.end);
    // The event that `before` and `after` lean on.
    let pivot =
        match says(&["deploy", "deployment", "change", "rollout", "release", "commit", "flag"]) {
            true => thread.changed_at.or(thread.onset),
            false => thread.onset.or(thread.changed_at),
        }
        .unwrap_or(thread.window.start);
    question.at_given = true;
    question.at_carried = !thread.time_given;
    if says(&["before", "earlier", "prior"]) {
        // Half-open: the pivot itself is after.
        question.at = pivot.plus_nanos(-1);
        question.since = length;
        question.understood = Some(format!("before {}", pivot.clock_time()));
    } else if says(&["after", "afterwards"]) {
        question.at = thread.window.end;
        question.since = span(pivot, thread.window.end).or(length);
        question.understood = Some(format!("after {}", pivot.clock_time()));
    } else {
        question.at = thread.window.end.plus_nanos(-1);
        question.since = length;
        question.understood = Some("the same time as before".to_owned());
    }
    question
}

/// The running question, steered: what is said now narrows it.
#[must_use]
pub fn steer(running: &Question, said: Question) -> Question {
    let mut steered = resolve(said, &Thread::of_question(running));
    steered.context = Some(running.text.clone());
    steered.understood = Some("the question before, steered".to_owned());
    steered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_790_000_000 + secs)
    }

    fn thread() -> Thread {
        Thread {
            text: "why is checkout failing?".to_owned(),
            window: TimeRange::new(at(0), at(900)),
            services: vec!["checkout".to_owned()],
            onset: Some(at(300)),
            changed_at: Some(at(250)),
            time_given: false,
            known_until: None,
        }
    }

    fn follow(text: &str) -> Question {
        resolve(Question::new(text, at(2_000)), &thread())
    }

    #[test]
    fn what_is_unsaid_comes_from_the_question_before() {
        let same = follow("show me one failing trace");
        assert_eq!((same.at, same.since), (at(900).plus_nanos(-1), Some(Duration::from_secs(900))));
        assert_eq!(same.carried, ["checkout"]);
        assert_eq!(same.context.as_deref(), Some("why is checkout failing?"));
        let before = follow("and before the deploy?");
        assert_eq!(
            (before.at, before.since),
            (at(250).plus_nanos(-1), Some(Duration::from_secs(900)))
        );
        assert_eq!(follow("what was it like earlier?").at, at(300).plus_nanos(-1));
        let after = follow("and after the deploy?");
        assert_eq!((after.at, after.since), (at(900), Some(Duration::from_secs(650))));
    }

    #[test]
    fn a_whole_question_long_after_is_about_the_present() {
        let text = "why does nobody get through the payment step of the shop?";
        let asked = Question::new(text, at(2_000));
        assert_eq!(resolve(asked.clone(), &thread()), asked);
        let soon = resolve(Question::new(text, at(950)), &thread());
        assert_eq!((soon.at, soon.at_given), (at(900).plus_nanos(-1), true));
        let asked_for = Thread { time_given: true, ..thread() };
        assert_eq!(
            resolve(asked, &asked_for).at,
            at(900).plus_nanos(-1),
            "that time was asked for"
        );
    }

    #[test]
    fn a_time_of_its_own_stays() {
        let now = follow("is it still failing now?");
        assert_eq!(
            (now.at, now.since, now.at_given),
            (at(2_000), Some(Duration::from_secs(1_700)), false)
        );
        let mut given = Question::new("why?", at(5));
        given.at_given = true;
        assert_eq!(resolve(given, &thread()).at, at(5));
    }

    #[test]
    fn steering_keeps_the_running_question() {
        let running = Question::new("why is checkout failing?", at(900));
        let steered = steer(&running, Question::new("only look at payments", at(950)));
        assert_eq!(steered.context.as_deref(), Some("why is checkout failing?"));
    }
}
