//! `groundcrew cost`: what was charged, by group and day, per request and per incident.

use anstyle::Style;
use anyhow::{Result, anyhow};
use clap::Args;
use groundcrew_telemetry::{Clock, SystemClock, Timestamp};

use super::arguments::DoctorOutput;
use super::exit::Exit;
use super::{print, stores};
use crate::config::Settings;
use crate::finops::{
    Amounts, CostAsked, CostGroup, CostView, DayCost, IncidentCost, UnitCost, cost_of,
};
use crate::investigate::format::count;
use crate::investigate::plan::parse_duration;
use crate::text::visible;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
/// Longest bar, in columns.
const BAR_COLUMNS: usize = 40;
/// Days that are drawn; of a longer time the last.
const DAYS_MAX: usize = 45;

#[derive(Args, Debug)]
#[command(
    after_help = "Billing comes in with `groundcrew ingest EXPORT.csv`: exports in the FOCUS format, also .gz. Exit code 1 when nothing is charged.\n\n\
Examples:\n  groundcrew cost\n  groundcrew cost checkout --since 7d\n  groundcrew cost --by tag:team --tag environment=prod\n  \
groundcrew cost --incident 7Q2"
)]
pub(super) struct CostArguments {
    /// A service that charges are tagged with, or a product of the provider
    #[arg(value_name = "SERVICE")]
    pub service: Option<String>,
    /// Charges with this tag
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub tag: Option<String>,
    /// Charges of resources whose name or id holds this
    #[arg(long, value_name = "TEXT")]
    pub resource: Option<String>,
    /// How far back: 12h, 7d [default: 30d]
    #[arg(long, value_name = "DURATION")]
    pub since: Option<String>,
    /// Up to this time (RFC 3339) [default: the newest charge]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Group by service, category, account, region, resource, charge or tag:KEY
    #[arg(long, value_name = "WHAT")]
    pub by: Option<String>,
    /// What this incident cost: the code beside an answer's headline
    #[arg(short, long, value_name = "CODE")]
    pub incident: Option<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = DoctorOutput::Text)]
    pub output: DoctorOutput,
}

pub(super) fn run(settings: &Settings, arguments: CostArguments) -> Result<Exit> {
    let store = stores::open(settings)?;
    let to = arguments.at.unwrap_or_default();
    let from = match &arguments.since {
        None => String::new(),
        Some(since) => {
            let length = parse_duration(since)
                .and_then(|length| i64::try_from(length.as_nanos()).ok())
                .ok_or_else(|| anyhow!("--since `{since}` is not a duration such as 12h or 7d"))?;
            let newest = store.state().charge_coverage()?.map(|known| known.range.end);
            let end = match to.as_str() {
                "" => newest.unwrap_or_else(|| SystemClock.now()),
                text => Timestamp::parse(text).ok_or_else(|| {
                    anyhow!("--at `{text}` is not an RFC 3339 time such as 2026-11-22T00:00:00Z")
                })?,
            };
            end.plus_nanos(-length).to_string()
        }
    };
    let asked = CostAsked {
        service: arguments.service.unwrap_or_default(),
        tag: arguments.tag.unwrap_or_default(),
        resource: arguments.resource.unwrap_or_default(),
        from,
        to,
        by: arguments.by.unwrap_or_default(),
        incident: arguments.incident.unwrap_or_default(),
    };
    let view = cost_of(&store, &asked, SystemClock.now())?;
    match arguments.output {
        DoctorOutput::Json => print::out(&format!("{}\n", serde_json::to_string(&view)?))?,
        DoctorOutput::Text => {
            print::out(&page(&view))?;
            view.notes.iter().for_each(|note| print::note(visible(note)));
        }
    }
    Ok(if view.charges == 0 { Exit::NotEnoughEvidence } else { Exit::Success })
}

fn page(view: &CostView) -> String {
    let mut page = String::new();
    if let Some(cost) = &view.incident {
        page.push_str(&incident(cost));
    }
    if view.charges == 0 {
        return page;
    }
    page.push_str(&format!(
        "{BOLD}{}{BOLD:#}  {DIM}{} charges from {} to {}{DIM:#}\n",
        amounts(&view.total),
        count(view.charges),
        visible(&view.from),
        visible(&view.to)
    ));
    page.push_str(&format!("{DIM}{}{DIM:#}\n", visible(&view.what)));
    view.units.iter().for_each(|one| page.push_str(&unit(one)));
    page.push_str(&groups(&view.groups, view.groups_left_out));
    for total in &view.total {
        page.push_str(&bars(&view.days, &total.currency));
    }
    page
}

fn amounts(total: &[Amounts]) -> String {
    let told = total.iter().map(|one| {
        let (currency, effective) = (visible(&one.currency), &one.effective);
        if one.billed == one.effective {
            format!("{effective} {currency}")
        } else {
            format!("{effective} {currency} (billed {})", one.billed)
        }
    });
    told.collect::<Vec<String>>().join(", ")
}

fn unit(unit: &UnitCost) -> String {
    format!(
        "  {} {} per request: {} requests to {}, {} failed\n  {DIM}{}{DIM:#}\n",
        unit.per_request,
        visible(&unit.currency),
        count(unit.requests),
        visible(&unit.services.join(", ")),
        count(unit.failed),
        visible(&unit.rests_on)
    )
}

fn groups(groups: &[CostGroup], left_out: u64) -> String {
    let mut lines = String::new();
    for group in groups {
        lines.push_str(&format!(
            "  {}  {}  {DIM}{}{DIM:#}\n",
            visible(&group.name),
            amounts(&group.total),
            count(group.charges)
        ));
    }
    if left_out > 0 {
        lines.push_str(&format!("  {DIM}and {} more{DIM:#}\n", count(left_out)));
    }
    lines
}

/// A bar a day, as long as its effective cost.
fn bars(days: &[DayCost], currency: &str) -> String {
    let days: Vec<&DayCost> = days.iter().filter(|day| day.currency == currency).collect();
    let days = days.get(days.len().saturating_sub(DAYS_MAX)..).unwrap_or_default();
    // A bar shows a proportion; the amount beside it is exact.
    let height = |day: &DayCost| day.effective.parse::<f64>().unwrap_or_default().max(0.0);
    let highest = days.iter().map(|day| height(day)).fold(0.0, f64::max);
    let mut lines = String::new();
    for day in days {
        let share = if highest > 0.0 { height(day) / highest } else { 0.0 };
        let bar = "█".repeat((share * BAR_COLUMNS as f64).round() as usize);
        lines.push_str(&format!(
            "  {} {bar:<BAR_COLUMNS$} {} {}\n",
            day.day,
            day.effective,
            visible(currency)
        ));
    }
    lines
}

fn incident(cost: &IncidentCost) -> String {
    let mut lines = format!(
        "{BOLD}incident {}{BOLD:#}  {DIM}{}, {} to {}{DIM:#}\n",
        visible(&cost.incident),
        visible(&cost.services.join(", ")),
        visible(&cost.from),
        visible(&cost.to)
    );
    for money in &cost.money {
        let usual = match (&money.usual, &money.excess) {
            (Some(usual), Some(excess)) => format!(", usually {usual}: {excess} more than usual"),
            _ => String::new(),
        };
        let failed = match &money.on_failed_requests {
            Some(failed) => format!("; {failed} of it on requests that failed"),
            None => String::new(),
        };
        let currency = visible(&money.currency);
        lines.push_str(&format!("  {} {currency} spent{usual}{failed}\n", money.spent));
    }
    if let (Some(requests), Some(failed)) = (cost.requests, cost.failed) {
        lines.push_str(&format!("  {} of {} requests failed\n", count(failed), count(requests)));
    }
    for missing in &cost.missing {
        lines.push_str(&format!("  {DIM}missing: {}{DIM:#}\n", visible(missing)));
    }
    lines
}
