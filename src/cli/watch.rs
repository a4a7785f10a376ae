//! `groundcrew watch`: what fires and what is answered, a line each, as it happens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use clap::Args;
use groundcrew_telemetry::{Clock, SystemClock};

use super::exit::Exit;
use super::print;
use super::stores::{self, moment};
use crate::config::Settings;
use crate::explore;
use crate::explore::view::{AlertRow, IncidentRow, OpenedRow, OverviewView};
use crate::investigate::answer::Verdict;
use crate::investigate::plan::parse_duration;
use crate::text::visible;

const BAD: Style = AnsiColor::Red.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const DIM: Style = Style::new().dimmed();

#[derive(Args, Debug)]
#[command(
    after_help = "Begins with what fires already and what was answered last. Ctrl-C ends it.\n\nExamples:\n  groundcrew watch\n  groundcrew watch --once"
)]
pub(super) struct WatchArguments {
    /// How often to look: 1s, 5s, 1m
    #[arg(long, value_name = "DURATION", default_value = "3s")]
    pub every: String,
    /// Tell how it stands, and end
    #[arg(long)]
    pub once: bool,
}

pub(super) async fn run(settings: Settings, arguments: WatchArguments) -> Result<Exit> {
    let every = parse_duration(&arguments.every)
        .filter(|every| *every >= Duration::from_secs(1))
        .with_context(|| {
        format!("--every `{}` is not a duration such as 5s", arguments.every)
    })?;
    let mut known = Known::default();
    loop {
        let settings = settings.clone();
        // What is read stands as it was when the directory was opened.
        let look = move || {
            let store = stores::open(&settings)?;
            Ok::<_, anyhow::Error>(explore::overview(&store, SystemClock.now())?)
        };
        let view = tokio::task::spawn_blocking(look).await.context("a look died, a bug")??;
        print::out(&known.news(&view).concat())?;
        if arguments.once {
            return Ok(Exit::Success);
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            heard = tokio::signal::ctrl_c() => {
                heard.context("failed to listen for Ctrl-C")?;
                return Ok(Exit::Interrupted);
            }
        }
    }
}

/// What was told.
#[derive(Default)]
struct Known {
    /// Alerts that fire, by name and service.
    firing: BTreeMap<(String, Option<String>), String>,
    /// Incidents that alerts opened: what was found of each, and whether it is over.
    opened: BTreeMap<String, (Option<String>, bool)>,
    /// Answers and what people said of them.
    answers: BTreeSet<(String, Option<String>)>,
}

impl Known {
    /// What is new since the last look, a line each, oldest first.
    fn news(&mut self, view: &OverviewView) -> Vec<String> {
        let mut lines: Vec<(String, String)> = Vec::new();
        for alert in view.alerts.iter().filter(|alert| alert.firing) {
            let key = (alert.name.clone(), alert.service.clone());
            let since = moment(alert.since.0);
            if self.firing.insert(key, since.clone()).as_ref() != Some(&since) {
                lines.push((since, format!("{BAD}fires{BAD:#}   {}", alert_line(alert))));
            }
        }
        let ended = |key: &(String, Option<String>)| {
            let same = |alert: &&AlertRow| (&alert.name, &alert.service) == (&key.0, &key.1);
            let row = view.alerts.iter().find(same);
            let until = row.and_then(|row| row.until).unwrap_or(view.now);
            row.is_none_or(|row| !row.firing).then(|| moment(until.0))
        };
        self.firing.retain(|key, _| match ended(key) {
            Some(until) => {
                let whose = key.1.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
                let told = visible(&format!("{}{whose}", key.0));
                lines.push((until, format!("{GOOD}ended{GOOD:#}   {told}")));
                false
            }
            None => true,
        });
        for row in &view.opened {
            let stands = (row.headline.clone(), row.until.is_some());
            let before = self.opened.insert(row.code.clone(), stands.clone());
            if before.as_ref() != Some(&stands) {
                let at = row.until.unwrap_or(if before.is_none() { row.since } else { view.now });
                lines.push((moment(at.0), opened_line(row)));
            }
        }
        for row in &view.incidents {
            if self.answers.insert((row.code.clone(), row.said.clone())) {
                lines.push((moment(row.at.0), incident_line(row)));
            }
        }
        lines.sort();
        lines.into_iter().map(|(at, line)| format!("{DIM}{at}{DIM:#} {line}\n")).collect()
    }
}

fn alert_line(alert: &AlertRow) -> String {
    let whose = alert.service.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
    let times = if alert.count > 1 { format!(" ×{}", alert.count) } else { String::new() };
    let text = if alert.text.is_empty() { String::new() } else { format!(": {}", alert.text) };
    let told = format!("{}{whose} {}{times}{text}", alert.name, alert.severity);
    visible(&told).replace('\n', " ")
}

fn opened_line(row: &OpenedRow) -> String {
    let state = if row.until.is_some() { "over" } else { "goes on" };
    let sure = row.confidence.map(|sure| format!(" ({})", sure.name())).unwrap_or_default();
    let what = row.headline.as_deref().unwrap_or(&row.title);
    visible(&format!("incident {} {state}{sure}: {what}", row.code)).replace('\n', " ")
}

fn incident_line(row: &IncidentRow) -> String {
    let what = match row.verdict {
        Verdict::LikelyCause => "likely cause",
        Verdict::Lookup => "found",
        Verdict::NotEnoughEvidence => "not enough evidence",
    };
    let sure = row.confidence.map(|sure| format!(" ({})", sure.name())).unwrap_or_default();
    let said = row.said.as_deref().map(|said| format!(", {said}")).unwrap_or_default();
    let told = format!("answer  {} {what}{sure}{said}: {}", row.code, row.title);
    visible(&told).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use groundcrew_telemetry::Timestamp;

    use super::*;
    use crate::explore::view::Time;

    fn view(alerts: Vec<AlertRow>, incidents: Vec<IncidentRow>) -> OverviewView {
        let at = Time(Timestamp::from_secs(1_790_000_000));
        OverviewView {
            now: at,
            from: at,
            to: at,
            alerts,
            opened: Vec::new(),
            incidents,
            changes: Vec::new(),
            unwell: Vec::new(),
            services: 0,
            signals: Vec::new(),
        }
    }

    fn alert(firing: bool) -> AlertRow {
        AlertRow {
            name: "Errors\u{1b}[2J".to_owned(),
            severity: "critical".to_owned(),
            service: Some("checkout".to_owned()),
            firing,
            since: Time(Timestamp::from_secs(1_789_999_000)),
            until: (!firing).then_some(Time(Timestamp::from_secs(1_789_999_900))),
            count: 2,
            text: "two\nlines".to_owned(),
        }
    }

    #[test]
    fn an_incident_is_told_when_it_opens_when_it_is_explained_and_when_it_is_over() {
        let mut known = Known::default();
        let mut row = OpenedRow {
            code: "7Q2".to_owned(),
            title: "Errors".to_owned(),
            headline: None,
            confidence: None,
            since: Time(Timestamp::from_secs(1_789_999_000)),
            until: None,
            firing: 1,
            alerts: 1,
            services: Vec::new(),
        };
        let mut told = |row: &OpenedRow| {
            known.news(&OverviewView { opened: vec![row.clone()], ..view(Vec::new(), Vec::new()) })
        };
        assert!(told(&row)[0].contains("incident 7Q2 goes on: Errors"));
        assert!(told(&row).is_empty());
        row.headline = Some("the pool".to_owned());
        assert!(told(&row)[0].contains("incident 7Q2 goes on: the pool"));
        row.until = Some(Time(Timestamp::from_secs(1_789_999_900)));
        assert!(told(&row)[0].contains("incident 7Q2 over: the pool"));
    }

    #[test]
    fn everything_is_told_once() {
        let mut known = Known::default();
        let told = known.news(&view(vec![alert(true)], Vec::new()));
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("Errors‹U+001B›[2J checkout critical ×2: two lines"), "{told:?}");
        assert!(known.news(&view(vec![alert(true)], Vec::new())).is_empty());
        let mut row = IncidentRow {
            code: "7Q2".to_owned(),
            title: "checkout".to_owned(),
            question: String::new(),
            at: Time(Timestamp::from_secs(1_789_999_500)),
            verdict: Verdict::LikelyCause,
            confidence: None,
            services: Vec::new(),
            said: None,
        };
        let told = known.news(&view(vec![alert(false)], vec![row.clone()]));
        assert!(told[0].contains("answer  7Q2 likely cause: checkout"), "{told:?}");
        assert!(told[1].contains("ended"), "{told:?}");
        row.said = Some("confirmed".to_owned());
        assert_eq!(known.news(&view(vec![alert(false)], vec![row])).len(), 1);
        assert!(known.news(&view(Vec::new(), Vec::new())).is_empty());
    }
}
