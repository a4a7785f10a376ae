//! Question to plan: what is wanted, which services, which time. Reads the question and the store's coverage, nothing else.

use std::time::Duration;

use groundcrew_telemetry::{TimeRange, Timestamp};

use super::look::{Look, LookFor};
use super::question::{Intent, Plan, Question};
use crate::text::Tainted;

/// The window when neither the question nor an alert says since when.
const WINDOW_DEFAULT: Duration = Duration::from_secs(15 * 60);
/// How far back normal is looked for: a day covers the daily rhythm without making the question slow.
const BASELINE_MAX: Duration = Duration::from_secs(24 * 3600);
/// What comes every night comes a little earlier or later.
const SEASON_SLACK_SECS: i64 = 120;
/// Terms kept of a question.
const TERMS_MAX: usize = 24;

/// What the planner may know about the store.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Known {
    /// Services that ever sent telemetry.
    pub services: Vec<String>,
    /// The time that telemetry covers, all signals together.
    pub covered: Option<TimeRange>,
}

/// Plans the answer to `question`.
#[must_use]
pub fn plan(question: &Question, known: &Known) -> Plan {
    let mut notes = Vec::new();
    let end = window_end(question, known, &mut notes);
    let length =
        question.since.or_else(|| spoken_duration(&question.text)).unwrap_or(WINDOW_DEFAULT);
    let window = TimeRange::new(end.plus_nanos(-nanos(length)), end);
    let baseline = if question.normal.is_empty() {
        vec![TimeRange::new(window.start.plus_nanos(-nanos(BASELINE_MAX)), window.start)]
    } else {
        question.normal.iter().copied().filter(|range| range.start < window.start).collect()
    };
    let seasons = match known.covered {
        Some(covered) if question.normal.is_empty() => seasons(window, covered),
        _ => Vec::new(),
    };
    let context = question.context.as_deref().unwrap_or("");
    let terms = terms(&format!("{}\n{context}", question.text));
    let mentioned = mentioned_services(&question.text, &known.services);
    let services = if !question.services.is_empty() {
        resolve_services(&question.services, &known.services, &mut notes)
    } else if mentioned.is_empty() {
        question.carried.clone()
    } else {
        mentioned.clone()
    };
    let looks = looks(&question.text, &services);
    let asked_about = asked_about(&question.text, &mentioned);
    let intent = match (looks.is_empty(), context.is_empty()) {
        (false, _) => Intent::Lookup,
        // A short question that leans on another asks for the same kind of thing.
        (true, false) => intent(&format!("{}\n{context}", question.text)),
        (true, true) => intent(&question.text),
    };
    let known_until = question.known_until;
    Plan {
        intent,
        window,
        baseline,
        seasons,
        services,
        terms,
        looks,
        asked_about,
        known_until,
        notes,
    }
}

/// Typed queries that the words ask for: one's answer is the item, not an essay about it.
fn looks(text: &str, services: &[String]) -> Vec<Look> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    let says = |options: &[&str]| options.iter().any(|option| words.contains(option));
    let service = services.first().map(|name| Tainted::new(name.clone()));
    let quoted = text.split(['"', '“', '”', '`']).nth(1).filter(|quoted| quoted.len() >= 3);
    let shows = says(&["show", "get", "find", "give", "list", "display", "see", "one"]);
    let mut look = if says(&["trace", "traces"]) && shows {
        let failed = says(&["failing", "failed", "fails", "error", "errors", "broken", "bad"]);
        let words = if failed { "failed" } else { "slow" };
        Look { words: Some(Tainted::new(words.to_owned())), ..Look::new(LookFor::GetTrace) }
    } else if lower.contains("what changed")
        || shows && says(&["deploys", "deployments", "changes", "commits"])
    {
        Look::new(LookFor::WhatChanged)
    } else if lower.contains("service map")
        || lower.contains("who calls")
        || lower.contains("depends on")
    {
        Look::new(LookFor::ServiceMap)
    } else if let (Some(quoted), true) = (quoted, says(&["log", "logs", "line", "lines"])) {
        Look { words: Some(Tainted::new(quoted.to_owned())), ..Look::new(LookFor::SearchLogs) }
    } else {
        return Vec::new();
    };
    look.service = service;
    vec![look]
}

/// Who is asked about in `why not the database?`, `could it be payments?` or `what about payments?`
fn asked_about(text: &str, mentioned: &[String]) -> Option<String> {
    let lower = text.to_lowercase();
    let asks = [
        "why not",
        "why isn't it",
        "why is it not",
        "could it be",
        "can it be",
        "is it not",
        "isn't it",
    ];
    let asked = asks.iter().find_map(|ask| lower.split_once(ask));
    let asks_how = ["what about", "how about"].iter().any(|ask| lower.contains(ask));
    if let Some(service) = mentioned.first().filter(|_| asked.is_some() || asks_how) {
        return Some(service.clone());
    }
    let (_, rest) = asked?;
    rest.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.'))
        .find(|word| word.len() >= 2 && !STOP_WORDS.contains(word))
        .map(str::to_owned)
}

/// The same clock time on each of the last seven days and on the same weekday of three more weeks.
fn seasons(window: TimeRange, covered: TimeRange) -> Vec<TimeRange> {
    let back = |days: i64| {
        let shift = -days * 86_400;
        TimeRange::new(
            window.start.plus_secs(shift - SEASON_SLACK_SECS),
            window.end.plus_secs(shift + SEASON_SLACK_SECS),
        )
    };
    // A window of days has no time of day.
    let days =
        if window.secs() > 6.0 * 3600.0 { &[][..] } else { &[1, 2, 3, 4, 5, 6, 7, 14, 21, 28] };
    days.iter().map(|days| back(*days)).filter(|range| covered.start <= range.start).collect()
}

/// The end of the window: the given time, else now, else where the telemetry ends when that is long past.
fn window_end(question: &Question, known: &Known, notes: &mut Vec<String>) -> Timestamp {
    // One tick later, because ranges are half-open and a record stamped exactly now belongs to the window.
    let asked = question.at.plus_nanos(1);
    let Some(covered) = known.covered else { return asked };
    let stale_by = asked.nanos_since(covered.end);
    if question.at_given || stale_by <= nanos(WINDOW_DEFAULT) {
        return asked;
    }
    notes.push(format!(
        "the newest telemetry is from {}, so the time before that was examined; choose another with --at",
        covered.end.whole_secs()
    ));
    covered.end
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Whether the words ask for facts rather than for a cause.
fn intent(text: &str) -> Intent {
    const CAUSE: [&str; 22] = [
        "why",
        "cause",
        "caused",
        "causes",
        "causing",
        "root",
        "wrong",
        "broken",
        "broke",
        "failing",
        "fails",
        "fail",
        "slow",
        "down",
        "issue",
        "problem",
        "investigate",
        "diagnose",
        "explain",
        "unhealthy",
        "trouble",
        "crash",
    ];
    const LOOKUP: [&str; 14] = [
        "show",
        "list",
        "how many",
        "count",
        "which",
        "what is the",
        "summarize",
        "summarise",
        "summary",
        "find",
        "get",
        "display",
        "is there",
        "are there",
    ];
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    let has_word = |word: &&str| words.contains(word);
    if CAUSE.iter().any(has_word) {
        return Intent::Cause;
    }
    let asks = LOOKUP
        .iter()
        .any(|phrase| if phrase.contains(' ') { lower.contains(phrase) } else { has_word(phrase) });
    if asks { Intent::Lookup } else { Intent::Cause }
}

/// Reads `last 20 minutes`, `past 2 hours`, `30m`, `in the last hour`.
fn spoken_duration(text: &str) -> Option<Duration> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(char::is_whitespace)
        .map(|word| word.trim_matches(|c: char| c.is_ascii_punctuation()))
        .collect();
    for (position, word) in words.iter().enumerate() {
        if !matches!(*word, "last" | "past" | "since") {
            continue;
        }
        let Some(next) = words.get(position + 1) else { continue };
        let after = words.get(position + 2).copied().unwrap_or("");
        let spoken = match next.parse::<u64>().ok().or_else(|| number_word(next)) {
            Some(number) => seconds_per(after).map(|unit| number.saturating_mul(unit)),
            None => compact_seconds(next).or_else(|| seconds_per(next)),
        };
        // A week is the longest that "last ..." can sensibly mean for an outage.
        if let Some(seconds) = spoken.filter(|seconds| (1..=7 * 86_400).contains(seconds)) {
            return Some(Duration::from_secs(seconds));
        }
    }
    None
}

/// Small numbers as people and alert texts write them.
fn number_word(word: &str) -> Option<u64> {
    const WORDS: [(&str, u64); 12] = [
        ("one", 1),
        ("two", 2),
        ("three", 3),
        ("four", 4),
        ("five", 5),
        ("six", 6),
        ("ten", 10),
        ("twelve", 12),
        ("fifteen", 15),
        ("twenty", 20),
        ("thirty", 30),
        ("sixty", 60),
    ];
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, number)| *number)
}

fn seconds_per(unit: &str) -> Option<u64> {
    match unit {
        "s" | "sec" | "secs" | "second" | "seconds" => Some(1),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60),
        "h" | "hour" | "hours" | "hr" | "hrs" => Some(3_600),
        "d" | "day" | "days" => Some(86_400),
        _ => None,
    }
}

/// Reads `90s`, `15m`, `2h`, `1d`.
fn compact_seconds(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    Some(number.parse::<u64>().ok()?.saturating_mul(seconds_per(unit)?))
}

/// Reads a duration as the command line and the protocol take it: `90s`, `15m`, `2h`, `1d`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    compact_seconds(&text.trim().to_lowercase()).map(Duration::from_secs)
}

/// Words that carry no search value in questions about outages.
const STOP_WORDS: [&str; 68] = [
    "the", "and", "for", "are", "was", "were", "why", "what", "when", "where", "who", "how",
    "which", "with", "from", "that", "this", "these", "those", "has", "have", "had", "does", "did",
    "not", "can", "could", "would", "should", "you", "your", "our", "out", "any", "all", "its",
    "it", "is", "in", "on", "of", "to", "do", "we", "me", "my", "be", "by", "at", "an", "or", "if",
    "so", "please", "tell", "show", "give", "there", "been", "being", "about", "into", "last",
    "past", "root", "cause", "issue", "problem",
];

/// The searchable words of a question, identifiers first, each once.
fn terms(text: &str) -> Vec<String> {
    let mut terms: Vec<String> = Vec::new();
    for raw in text.split(|c: char| {
        c.is_whitespace() || matches!(c, ',' | ';' | '?' | '!' | '"' | '\'' | '(' | ')' | '`')
    }) {
        let word = raw.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let too_short = word.chars().count() < 3 && word.is_ascii();
        if too_short || STOP_WORDS.contains(&word.as_str()) || terms.contains(&word) {
            continue;
        }
        terms.push(word);
        if terms.len() >= 4 * TERMS_MAX {
            break;
        }
    }
    // An identifier says more than a word: digits, dashes, dots and underscores come first, order kept otherwise.
    terms.sort_by_key(|term| {
        !term.chars().any(|c| c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | '/'))
    });
    terms.truncate(TERMS_MAX);
    terms
}

/// Lower-cased letters and digits only, so that `order service`, `order-service` and `OrderService` are one.
fn squash(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Known services that the text names, longest names first so that a part does not hide the whole.
fn mentioned_services(text: &str, known: &[String]) -> Vec<String> {
    let words: Vec<String> = text
        .split(|c: char| {
            c.is_whitespace()
                || matches!(c, ',' | ';' | '?' | '!' | '"' | '\'' | '(' | ')' | '`' | ':')
        })
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(squash)
        .collect();
    let squashed_text = words.concat();
    let mut found: Vec<&String> = known
        .iter()
        .filter(|service| {
            let name = squash(service);
            if name.len() < 3 {
                return false;
            }
            let short =
                name.strip_suffix("service").filter(|short| short.len() >= 4).unwrap_or(&name);
            words.iter().any(|word| *word == name || word == short)
                || (name.len() >= 6 && squashed_text.contains(&name))
        })
        .collect();
    found.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    found.into_iter().cloned().collect()
}

/// Spells asked-for services as the telemetry does; unknown ones are kept and noted.
fn resolve_services(asked: &[String], known: &[String], notes: &mut Vec<String>) -> Vec<String> {
    asked
        .iter()
        .map(|name| {
            if let Some(service) = known.iter().find(|service| squash(service) == squash(name)) {
                return service.clone();
            }
            notes.push(format!("no telemetry of a service called `{name}` was found"));
            name.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let services =
            ["checkout", "acme-order-service", "payments", "ui"].map(str::to_owned).to_vec();
        let covered =
            TimeRange::new(Timestamp::from_secs(1_000_000), Timestamp::from_secs(1_010_000));
        Known { services, covered: Some(covered) }
    }

    fn planned(text: &str) -> Plan {
        plan(&Question::new(text, Timestamp::from_secs(1_010_000)), &known())
    }

    #[test]
    fn a_question_of_cause_is_told_from_one_of_facts() {
        assert_eq!(planned("why is checkout slow?").intent, Intent::Cause);
        assert_eq!(planned("show me the errors of checkout").intent, Intent::Lookup);
        assert_eq!(planned("how many pods restarted").intent, Intent::Lookup);
        assert_eq!(planned("checkout 5xx").intent, Intent::Cause);
    }

    #[test]
    fn services_are_found_however_they_are_spelled() {
        assert_eq!(planned("why is Checkout slow?").services, ["checkout"]);
        assert_eq!(planned("what about the acme order service?").services, ["acme-order-service"]);
        assert_eq!(planned("is acmeorder fine").services, ["acme-order-service"]);
        assert!(
            planned("why build it").services.is_empty(),
            "short names are not found inside words"
        );
    }

    #[test]
    fn what_is_asked_for_in_so_many_words_is_looked_up() {
        let planned_look = |text: &str| planned(text).looks.first().map(|look| look.told());
        for (text, told) in [
            ("show me one failing trace of checkout", "get_trace service=checkout words=failed"),
            ("find a slow trace", "get_trace words=slow"),
            ("what changed?", "what_changed"),
            ("who calls payments", "service_map service=payments"),
            (
                "show the lines with \"pool timed out\" in the logs",
                "search_logs words=pool timed out",
            ),
        ] {
            assert_eq!(planned_look(text).as_deref(), Some(told));
            assert_eq!(planned(text).intent, Intent::Lookup);
        }
        assert_eq!(planned_look("why is the trace of checkout slow?"), None);
    }

    #[test]
    fn a_question_back_names_its_suspect() {
        assert_eq!(planned("why not payments?").asked_about.as_deref(), Some("payments"));
        assert_eq!(planned("Why not the database?").asked_about.as_deref(), Some("database"));
        assert_eq!(planned("what about payments?").asked_about.as_deref(), Some("payments"));
        assert_eq!(planned("what about the retries?").asked_about, None);
        assert_eq!(planned("why is checkout slow?").asked_about, None);
    }

    #[test]
    fn a_follow_up_keeps_the_scope_unless_it_names_another() {
        let mut question = Question::new("and before?", Timestamp::from_secs(1_010_000));
        question.carried = vec!["checkout".to_owned()];
        question.context = Some("show me the errors".to_owned());
        let carried = plan(&question, &known());
        assert_eq!(
            (carried.services, carried.intent),
            (vec!["checkout".to_owned()], Intent::Lookup)
        );
        question.text = "what about payments?".to_owned();
        assert_eq!(plan(&question, &known()).services, ["payments"]);
    }

    #[test]
    fn spoken_times_set_the_window() {
        assert_eq!(planned("errors in the last 20 minutes?").window.secs(), 1_200.0);
        assert_eq!(planned("what broke in the past hour").window.secs(), 3_600.0);
        assert_eq!(planned("last 90s").window.secs(), 90.0);
        assert_eq!(planned("It failed in the last 5 minutes.").window.secs(), 300.0);
        assert_eq!(planned("(slow for the last two minutes!)").window.secs(), 120.0);
        assert_eq!(planned("in the last 99999999999 days").window.secs(), 900.0);
    }

    #[test]
    fn seasons_are_the_same_clock_time_as_far_back_as_there_is_telemetry() {
        let mut known = known();
        let question = Question::new("what broke?", Timestamp::from_secs(1_010_000));
        known.covered =
            Some(TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(1_010_000)));
        let planned = plan(&question, &known);
        let days: Vec<f64> = planned
            .seasons
            .iter()
            .map(|season| (planned.window.end.secs_since(season.end) / 86_400.0).round())
            .collect();
        // Telemetry goes back eleven days and a half.
        assert_eq!(days, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        let mut given = question.clone();
        given.normal = vec![TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(600_000))];
        assert!(plan(&given, &known).seasons.is_empty());
    }

    #[test]
    fn a_stale_store_moves_the_clock_and_says_so() {
        let mut question = Question::new("why?", Timestamp::from_secs(9_000_000));
        let moved = plan(&question, &known());
        assert_eq!(moved.window.end, Timestamp::from_secs(1_010_000));
        assert_eq!(moved.notes.len(), 1);
        question.at_given = true;
        assert_eq!(
            plan(&question, &known()).window.end,
            Timestamp::from_secs(9_000_000).plus_nanos(1)
        );
    }

    #[test]
    fn any_script_and_size_is_planned() {
        for text in ["", "为什么结账很慢？", "🙂", &"a ".repeat(50_000)] {
            let plan = planned(text);
            assert!(plan.terms.len() <= TERMS_MAX);
        }
        assert_eq!(planned("为什么结账很慢").terms, ["为什么结账很慢"]);
    }
}
