//! The one chart of a message: the first cited item that has a course to show.

use groundcrew_telemetry::Timestamp;
use serde_json::{Number, Value, json};

use super::super::escape::plain;
use super::lines::shortened;
use crate::investigate::answer::Answer;
use crate::investigate::assertion::Measure;
use crate::investigate::evidence::{Evidence, EvidenceKind};

/// Most points that Slack draws.
const POINTS_MAX: usize = 20;
/// Fewer points have no course.
const POINTS_MIN: usize = 3;
/// Longest title and axis label.
const TITLE_MAX: usize = 50;
/// Longest name of a line in the chart.
const NAME_MAX: usize = 20;
/// Steps of nothing shown before the first line of its kind.
const QUIET_STEPS_MAX: usize = 10;

/// A course with its times.
struct Course {
    values: Vec<f64>,
    from: Timestamp,
    step_secs: f64,
    is_counted: bool,
}

/// The chart of what is cited first and can be drawn; nothing where nothing can.
pub(super) fn chart(answer: &Answer) -> Option<Value> {
    let claimed = answer.claims.iter().flat_map(|claim| &claim.cites);
    let drawn = answer
        .headline_cites
        .iter()
        .chain(claimed)
        .filter_map(|id| answer.evidence(id))
        .find_map(|item| Some((item, Course::of(item, answer.from)?)));
    let (item, course) = drawn?;
    draw(item, &course.folded())
}

impl Course {
    /// The course of an item, if it has one worth drawing. `since` is when the time that was looked at begins.
    fn of(item: &Evidence, since: Timestamp) -> Option<Self> {
        let values = item.series.clone()?;
        let (from, to) = (item.series_from?, item.series_to?);
        let moves = values.iter().any(|value| Some(value) != values.first());
        let is_drawable =
            values.len() >= POINTS_MIN && values.iter().all(|value| value.is_finite());
        let step_secs = to.secs_since(from) / values.len() as f64;
        if !is_drawable || !moves || step_secs < 1.0 {
            return None;
        }
        let is_counted = item.kind == EvidenceKind::LogTemplate;
        let course = Self { values, from, step_secs, is_counted };
        Some(if is_counted { course.with_quiet_before(since) } else { course })
    }

    /// Before the first line there were none: that is seen, as far as anybody looked.
    fn with_quiet_before(mut self, since: Timestamp) -> Self {
        let quiet = (self.from.secs_since(since) / self.step_secs).floor().max(0.0) as usize;
        let steps = quiet.min(QUIET_STEPS_MAX);
        self.values.splice(0..0, std::iter::repeat_n(0.0, steps));
        self.from = self.at(-(steps as f64));
        self
    }

    /// At most as many points as Slack draws: counts are added up, others averaged.
    fn folded(mut self) -> Self {
        let fold = self.values.len().div_ceil(POINTS_MAX).max(1);
        let is_counted = self.is_counted;
        let divisor = |part: &[f64]| if is_counted { 1.0 } else { part.len() as f64 };
        let parts = self.values.chunks(fold);
        self.values = parts.map(|part| part.iter().sum::<f64>() / divisor(part)).collect();
        self.step_secs *= fold as f64;
        self
    }

    fn at(&self, steps: f64) -> Timestamp {
        self.from.plus_nanos((steps * self.step_secs * 1e9) as i64)
    }

    /// `12:11`, with seconds or with the day where that tells points apart.
    fn labels(&self) -> Option<Vec<String>> {
        let span_secs = self.step_secs * self.values.len() as f64;
        let part = match self.step_secs {
            _ if span_secs > 20.0 * 3_600.0 => 5..16,
            step if step < 60.0 => 11..19,
            _ => 11..16,
        };
        let label = |number: usize| {
            let exact = self.at(number as f64).to_string();
            exact.get(part.clone()).map(|label| label.replace('T', " "))
        };
        let labels: Vec<String> = (0..self.values.len()).map(label).collect::<Option<_>>()?;
        // Slack tells points apart by their labels.
        labels.windows(2).all(|pair| pair.first() != pair.last()).then_some(labels)
    }
}

fn draw(item: &Evidence, course: &Course) -> Option<Value> {
    let labels = course.labels()?;
    let (what, unit) = match &item.measure {
        Some(Measure::Series { metric, .. }) => (metric.as_str(), "average".to_owned()),
        _ if course.is_counted => ("lines", format!("lines in {}", span(course.step_secs))),
        _ => ("value", "average".to_owned()),
    };
    let whose = item.service.as_deref().map(|service| format!(" of {service}")).unwrap_or_default();
    let named = |text: &str, most: usize| shortened(&plain(text), most).filter(|t| !t.is_empty());
    let title = named(&format!("{}: {what}{whose}", item.id), TITLE_MAX)?;
    let name = named(what, NAME_MAX)?;
    let points = labels
        .iter()
        .zip(&course.values)
        .map(|(label, value)| Some(json!({"label": label, "value": number(*value)?})))
        .collect::<Option<Vec<Value>>>()?;
    Some(json!({
        "type": "data_visualization",
        "title": title,
        "chart": {
            "type": "line",
            "series": [{"name": name, "data": points}],
            "axis_config": {"categories": labels, "x_label": "UTC", "y_label": unit},
        },
    }))
}

/// `1 min`, `30 s`.
fn span(secs: f64) -> String {
    if secs < 60.0 { format!("{secs:.0} s") } else { format!("{:.0} min", secs / 60.0) }
}

/// Whole where it is whole, else with three digits behind the point.
fn number(value: f64) -> Option<Number> {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return Some(Number::from(value as i64));
    }
    Number::from_f64((value * 1_000.0).round() / 1_000.0)
}
