//! Times that a question speaks of: `since 03:07`, `at 14:30`, `between 03:00 and 03:20`, `what did we know at 03:12?`

use std::time::Duration;

use groundcrew_telemetry::Timestamp;

use super::format::moment;
use super::question::Question;

/// Something that happened at a time is looked for so long before and after.
const AROUND_SECS: i64 = 15 * 60;
/// A spoken `since` lies no further back than this.
const SINCE_MAX_SECS: f64 = 24.0 * 3600.0;

/// The question, with the times of its words where none were given with it.
#[must_use]
pub fn with_spoken_times(mut question: Question) -> Question {
    let clocks = clocks(&question.text, question.at);
    let after =
        |word: &str| clocks.iter().find(|clock| clock.before == word).map(|clock| clock.time);
    let between = clocks.windows(2).find_map(|pair| match pair {
        [from, to] if matches!(from.before.as_str(), "between" | "from") => {
            Some((from.time, to.time))
        }
        _ => None,
    });
    if let (Some((from, to)), false) = (between.filter(|(from, to)| from < to), question.at_given) {
        question.at = to;
        question.at_given = true;
        question.since = span(from, to);
        return question;
    }
    let knows = speaks_of_knowing(&question.text);
    let until = ["until", "of", "by"].into_iter().find_map(after);
    if let (Some(until), false) = (until.or(after("at").filter(|_| knows)), question.at_given) {
        question.at = until;
        question.at_given = true;
        question.known_until = Some(until).filter(|_| knows);
    }
    if let (Some(moment), false) = (after("at"), question.at_given) {
        // What broke then shows from then on.
        let now = question.at;
        question.at = moment.plus_secs(AROUND_SECS).min(now);
        question.at_given = true;
        let start = moment.plus_secs(-AROUND_SECS);
        question.since = question.since.or_else(|| span(start, question.at));
    }
    if let (Some(since), None) = (after("since"), question.since) {
        question.since = span(since, question.at);
    }
    question
}

/// The time from one moment to another; `None` where it is not worth a window.
pub(super) fn span(from: Timestamp, to: Timestamp) -> Option<Duration> {
    let secs = to.secs_since(from);
    (1.0..=SINCE_MAX_SECS).contains(&secs).then(|| Duration::from_secs_f64(secs))
}

/// Whether it asks what was known then, and not what is known now of then.
fn speaks_of_knowing(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.contains("as of ")
        || lower
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| matches!(word, "know" | "knew" | "known"))
}

struct Clock {
    /// The word before it.
    before: String,
    time: Timestamp,
}

/// Clock times of a text with the word before each. A date and a time apart count as one.
fn clocks(text: &str, until: Timestamp) -> Vec<Clock> {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .collect();
    let mut clocks = Vec::new();
    for (position, word) in words.iter().enumerate() {
        let looks_like_time = word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit());
        if !looks_like_time {
            continue;
        }
        let before = |back: usize| position.checked_sub(back).and_then(|at| words.get(at)).copied();
        let is_date = |word: &&str| word.len() == 10 && word.matches('-').count() == 2;
        let (time, lead) = match before(1).filter(is_date) {
            Some(date) => (moment(&format!("{date} {word}"), until), before(2)),
            None => (moment(word, until), before(1)),
        };
        if let (Some(time), Some(lead)) = (time.filter(|time| *time <= until), lead) {
            clocks.push(Clock { before: lead.to_lowercase(), time });
        } else if let Some(time) = time.filter(|time| *time <= until) {
            clocks.push(Clock { before: String::new(), time });
        }
    }
    // `between A and B`: the word before B says nothing.
    clocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Question {
        let now = Timestamp::parse("2026-11-22T03:30:00Z").unwrap();
        with_spoken_times(Question::new(text, now))
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn times_are_read_as_they_are_said() {
        let question = read("what did we know at 03:12?");
        assert_eq!(question.at, at("2026-11-22T03:12:00Z"));
        assert_eq!(question.known_until, Some(question.at));
        let question = read("why is checkout failing since 03:07:10");
        assert_eq!(question.since, Some(Duration::from_secs(22 * 60 + 50)));
        assert!(!question.at_given && question.known_until.is_none());
        let question = read("errors between 02:50 and 03:10, please");
        assert_eq!(
            (question.at, question.since),
            (at("2026-11-22T03:10:00Z"), Some(Duration::from_secs(1_200)))
        );
        let question = read("what broke at 2026-11-20 14:00?");
        assert_eq!(question.at, at("2026-11-20T14:15:00Z"));
        assert_eq!(question.since, Some(Duration::from_secs(1_800)), "before it and after it");
        let last_such = read("what broke at 23:50?").at;
        assert_eq!(last_such, at("2026-11-22T00:05:00Z"));
        let not_ahead = read("what broke at 03:25?").at;
        assert_eq!(not_ahead, at("2026-11-22T03:30:00Z"));
        assert_eq!(read("errors until 03:00").at, at("2026-11-22T03:00:00Z"));
    }

    #[test]
    fn other_words_leave_the_times_alone() {
        for text in [
            "",
            "why?",
            "port 10:99 is open at 1:2:3:4",
            "since yesterday",
            "at 99:99",
            "ratio 3:1",
        ] {
            let question = read(text);
            assert_eq!((question.at_given, question.since), (false, None), "{text}");
        }
    }

    #[test]
    fn what_is_given_is_not_overruled() {
        let mut given = Question::new("why since 03:00, at 02:00?", at("2026-11-22T03:30:00Z"));
        given.at_given = true;
        given.since = Some(Duration::from_secs(60));
        assert_eq!(with_spoken_times(given.clone()), given);
    }
}
