//! `groundcrew trace`: one trace as a waterfall.

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use clap::Args;

use super::arguments::DoctorOutput;
use super::exit::Exit;
use super::terminal::{Terminal, clipped, width};
use super::{print, stores};
use crate::config::Settings;
use crate::explore;
use crate::explore::view::{TraceSpan, TraceView};
use crate::text::visible;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const BAD: Style = AnsiColor::Red.on_default();
/// Columns of a span's duration.
const TIME_COLUMNS: usize = 10;
/// Fewest columns of the picture.
const PICTURE_COLUMNS_MIN: usize = 20;

#[derive(Args, Debug)]
#[command(
    after_help = "█ is time in which the whole request waited for the span, ░ other time of it, ✗ a span that failed.\n\n\
Examples:\n  groundcrew trace 0af7651916cd43dd8448eb211c80319c"
)]
pub(super) struct TraceArguments {
    /// The trace's id, 32 hexadecimal digits
    #[arg(value_name = "ID")]
    pub id: String,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = DoctorOutput::Text)]
    pub output: DoctorOutput,
}

pub(super) fn run(
    settings: &Settings,
    arguments: &TraceArguments,
    terminal: &Terminal,
) -> Result<Exit> {
    let store = stores::open(settings)?;
    let view = explore::trace(&store, &arguments.id)?;
    match arguments.output {
        DoctorOutput::Json => print::out(&format!("{}\n", serde_json::to_string(&view)?))?,
        DoctorOutput::Text => print::out(&waterfall(&view, terminal.columns()))?,
    }
    Ok(Exit::Success)
}

/// The trace in so many columns: who does what, how long it takes, and when as a bar.
fn waterfall(view: &TraceView, columns: usize) -> String {
    let failed = view.spans.iter().filter(|span| span.failed).count();
    let mut page = format!(
        "{BOLD}{}{BOLD:#}  {}, {} spans, {failed} failed, from {}\n",
        view.id,
        duration(view.us),
        view.spans.len() as u64 + view.left_out,
        stores::moment(view.start.0)
    );
    let labels: Vec<String> = view.spans.iter().map(label).collect();
    let longest = labels.iter().map(|label| width(label)).max().unwrap_or(0);
    let room = columns.saturating_sub(TIME_COLUMNS + 4);
    let names = longest.min(room.saturating_sub(PICTURE_COLUMNS_MIN).max(room / 2));
    let picture = room.saturating_sub(names).max(PICTURE_COLUMNS_MIN);
    for (span, label) in view.spans.iter().zip(labels) {
        let label = clipped(&label, names);
        let pad = " ".repeat(names.saturating_sub(width(&label)));
        let (style, mark) = if span.failed { (BAD, " ✗") } else { (Style::new(), "") };
        page.push_str(&format!(
            "{style}{label}{style:#}{pad} {DIM}{:>TIME_COLUMNS$}{DIM:#} {style}{}{mark}{style:#}\n",
            duration(span.us),
            bar(span, view.us, picture).trim_end()
        ));
    }
    if view.left_out > 0 {
        page.push_str(&format!("{DIM}and {} more spans in the panel{DIM:#}\n", view.left_out));
    }
    page
}

fn label(span: &TraceSpan) -> String {
    let indent = "  ".repeat(span.depth as usize);
    visible(&format!("{indent}{} {}", span.service, span.operation)).replace('\n', " ")
}

/// Where the span lies in the trace. Every span is seen, however short.
fn bar(span: &TraceSpan, whole_us: i64, columns: usize) -> String {
    let whole = whole_us.max(1) as f64;
    let column = |us: i64| ((us.max(0) as f64 / whole) * columns as f64).floor() as usize;
    let start = column(span.start_us).min(columns.saturating_sub(1));
    let end = column(span.start_us + span.us).clamp(start + 1, columns.max(start + 1));
    let waited_for = |at: usize| {
        span.critical.iter().any(|(from, to)| {
            let last = column(*to).max(column(*from) + 1);
            (column(*from)..last).contains(&at)
        })
    };
    let cell = |at: usize| match at {
        at if at < start || at >= end => ' ',
        at if waited_for(at) => '█',
        _ => '░',
    };
    (0..columns).map(cell).collect()
}

fn duration(us: i64) -> String {
    let ms = us as f64 / 1_000.0;
    match us {
        ..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{ms:.1} ms"),
        _ => format!("{:.2} s", ms / 1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start_us: i64, us: i64, critical: &[(i64, i64)]) -> TraceSpan {
        TraceSpan {
            id: "1".to_owned(),
            parent: None,
            depth: 0,
            service: "shop".to_owned(),
            operation: "GET /".to_owned(),
            kind: "server".to_owned(),
            start_us,
            us,
            own_us: us,
            failed: false,
            critical: critical.to_vec(),
        }
    }

    #[test]
    fn a_bar_lies_where_the_span_does_and_is_never_empty() {
        assert_eq!(bar(&span(0, 100, &[(0, 50)]), 100, 10), "█████░░░░░");
        assert_eq!(bar(&span(50, 20, &[]), 100, 10), "     ░░   ");
        assert_eq!(bar(&span(100, 0, &[]), 100, 10), "         ░");
        assert_eq!(bar(&span(0, 0, &[(0, 0)]), 0, 4), "█   ");
        proptest::proptest!(|(start in -5_i64..200, us in -5_i64..500, columns in 1_usize..80)| {
            let bar = bar(&span(start, us, &[]), 100, columns);
            proptest::prop_assert!(bar.contains('░'));
            proptest::prop_assert_eq!(bar.chars().count(), columns);
        });
    }
}
