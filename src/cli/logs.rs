//! `groundcrew logs`: log records by words, service, severity and trace.

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use clap::Args;
use groundcrew_store::Coverage;
use groundcrew_telemetry::{Clock, SystemClock, Timestamp};

use super::arguments::Output;
use super::exit::Exit;
use super::stores::{self, WhenArguments, moment};
use super::{print, render};
use crate::config::Settings;
use crate::explore::view::{LogLine, LogsView, ValuesView};
use crate::explore::{self, Asked};
use crate::investigate::format::{count, dropped as dropped_until};
use crate::text::visible;

const DIM: Style = Style::new().dimmed();
/// The place of errors and worse in a bucket's counts.
const ERRORS_FROM: usize = 5;
/// Characters of the longest bar, and of a value.
const BAR_WIDTH: u64 = 40;
const VALUE_WIDTH_MAX: usize = 48;

#[derive(Args, Debug)]
#[command(
    after_help = "Oldest first; exit code 1 when there are none.\n\nExamples:\n  groundcrew logs --service checkout --severity error\n  \
groundcrew logs pool exhausted --since 2h\n  groundcrew logs '\"connection refused\" -redis http.status:>=500'\n  \
groundcrew logs 'service:shop (timeout OR /took \\d{{4,}} ms/)' --by user.id\n  groundcrew logs --trace 0af7651916cd43dd8448eb211c80319c -o jsonl | jq .body"
)]
pub(super) struct LogsArguments {
    /// What the records must hold: words, "a phrase", begin*, /expression/, field:value; AND, OR, NOT and brackets
    #[arg(value_name = "QUERY")]
    pub words: Vec<String>,
    /// Of this service
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// At least this severe: trace, debug, info, warn, error, fatal
    #[arg(long, value_name = "LEVEL")]
    pub severity: Option<String>,
    /// Of this trace
    #[arg(long, value_name = "ID")]
    pub trace: Option<String>,
    /// Count the values of this field (an attribute, service or level) instead
    #[arg(long, value_name = "FIELD")]
    pub by: Option<String>,
    #[command(flatten)]
    pub when: WhenArguments,
    /// The newest so many
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 200)]
    pub limit: usize,
    /// How to print them
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

pub(super) fn run(settings: &Settings, arguments: LogsArguments) -> Result<Exit> {
    let store = stores::open(settings)?;
    let asked = Asked {
        service: arguments.service.unwrap_or_default(),
        level: arguments.severity.unwrap_or_default(),
        q: arguments.words.join(" "),
        trace: arguments.trace.unwrap_or_default(),
        field: arguments.by.unwrap_or_default(),
        limit: Some(arguments.limit),
        ..Asked::default()
    };
    let asked = arguments.when.of(&store, asked)?;
    if !asked.field.is_empty() {
        return counted(&explore::values(&store, &asked, SystemClock.now())?, arguments.output);
    }
    let view = explore::logs(&store, &asked, SystemClock.now())?;
    match arguments.output {
        Output::Json => print::out(&format!("{}\n", serde_json::to_string(&view)?))?,
        Output::Jsonl => {
            let lines = view.lines.iter().rev().map(serde_json::to_string);
            print::out(&lines.map(|line| line.map(|l| l + "\n")).collect::<Result<String, _>>()?)?;
        }
        Output::Text | Output::Md => {
            print::out(&view.lines.iter().rev().map(line).collect::<String>())?;
            print::note(told(&view));
            if let Some(missing) = missing(&store.coverage()?, view.from.0) {
                print::note(missing);
            }
        }
    }
    Ok(if view.lines.is_empty() { Exit::NotEnoughEvidence } else { Exit::Success })
}

/// The values of a field, as bars.
fn counted(view: &ValuesView, output: Output) -> Result<Exit> {
    if matches!(output, Output::Json | Output::Jsonl) {
        print::out(&format!("{}\n", serde_json::to_string(view)?))?;
    } else {
        let most = view.values.first().map_or(1, |value| value.count).max(1);
        let width = view.values.iter().map(|value| visible(&value.value).chars().count()).max();
        let width = width.unwrap_or_default().min(VALUE_WIDTH_MAX);
        let rows = view.values.iter().map(|value| {
            let bar =
                "█".repeat(usize::try_from(value.count * BAR_WIDTH / most).unwrap_or(1).max(1));
            let text: String = visible(&value.value).chars().take(VALUE_WIDTH_MAX).collect();
            format!("{text:<width$}  {:>9}  {DIM}{bar}{DIM:#}\n", count(value.count))
        });
        print::out(&rows.collect::<String>())?;
        let at_least = if view.complete { "" } else { "at least " };
        let mut told = format!(
            "{at_least}{} of {} records have {}",
            count(view.holding),
            count(view.records),
            visible(&view.field)
        );
        if view.others > 0 {
            told.push_str(&format!("; {} with other values", count(view.others)));
        }
        if let Some(of) = view.numbers {
            told.push_str(&format!(
                "\nmin {}  p50 {}  p90 {}  p99 {}  max {}",
                of.min, of.p50, of.p90, of.p99, of.max
            ));
        }
        print::note(told);
    }
    Ok(if view.values.is_empty() { Exit::NotEnoughEvidence } else { Exit::Success })
}

fn line(line: &LogLine) -> String {
    let style = match line.level.as_str() {
        "ERROR" | "FATAL" => AnsiColor::Red.on_default(),
        "WARN" => AnsiColor::Yellow.on_default(),
        _ => Style::new(),
    };
    let body = visible(&line.body);
    // One record is one line, whatever it holds.
    let body = body.trim_end().replace('\n', "⏎ ");
    format!(
        "{DIM}{}{DIM:#} {style}{:<5}{style:#} {} {body}\n",
        moment(line.time.0),
        line.level,
        visible(&line.service)
    )
}

/// What is no longer kept or cannot be reached of the time from `from` on.
fn missing(coverage: &Coverage, from: Timestamp) -> Option<String> {
    let dropped = coverage.dropped.logs.filter(|dropped| from < dropped.until);
    let unreachable = coverage.unreachable.as_ref().filter(|elsewhere| from < elsewhere.until);
    let told = [
        dropped.map(|until| dropped_until("log lines", until)),
        unreachable.map(|elsewhere| {
            format!("older ones lie in a bucket that cannot be read now: {}", elsewhere.reason)
        }),
    ];
    let told: Vec<String> = told.into_iter().flatten().collect();
    (!told.is_empty()).then(|| visible(&told.join("; ")))
}

/// How many there are, and when.
fn told(view: &LogsView) -> String {
    let total: u64 = view.buckets.iter().flat_map(|bucket| bucket.counts).sum();
    let of = |from: usize| -> Vec<f64> {
        let sums = view.buckets.iter().map(|bucket| bucket.counts.iter().skip(from).sum::<u64>());
        sums.map(|sum| sum as f64).collect()
    };
    let (all, errors) = (of(0), of(ERRORS_FROM));
    let at_least = if view.complete { "" } else { "at least " };
    let mut told = format!(
        "{at_least}{} records from {} to {}  {}",
        count(total),
        moment(view.from.0),
        moment(view.to.0),
        render::sparkline(&all)
    );
    if errors.iter().any(|count| *count > 0.0) {
        let sum: f64 = errors.iter().sum();
        told.push_str(&format!("  errors {} {}", count(sum as u64), render::sparkline(&errors)));
    }
    if let Some(next) = view.next {
        told.push_str(&format!("\nolder ones: --at {}", next.0));
    }
    told
}
