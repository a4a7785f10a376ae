//! What a question reaches back to that is no longer kept or cannot be reached, said as gaps.

use groundcrew_store::{Dropped, Limit, Unreachable};

use super::super::evidence::Gap;
use super::super::format;
use super::super::question::Plan;

/// Something that was dropped and is asked about.
pub(super) struct DroppedGap {
    /// Logs, traces, metrics or changes.
    pub(super) signal: &'static str,
    /// Whether it lies in the time of the trouble, not only in what is compared with it.
    pub(super) is_in_window: bool,
    /// The same in words.
    pub(super) gap: Gap,
}

/// The gaps that retention leaves in the time that a plan looks at.
pub(super) fn gaps(dropped: &Dropped, plan: &Plan) -> Vec<DroppedGap> {
    let kinds = [
        ("logs", "log lines", "retention.logs", dropped.logs),
        ("traces", "traces", "retention.traces", dropped.traces),
        ("metrics", "metrics", "retention.metrics", dropped.metrics),
        ("changes", "changes and alerts", "retention.changes", dropped.changes),
    ];
    let asked = kinds.into_iter().filter_map(|(signal, name, setting, until)| {
        let until = until.filter(|dropped| plan.whole().start < dropped.until)?;
        let is_in_window = plan.window.start < until.until;
        // Lines of earlier times are compared by their counts, which are kept longer.
        let are_counted = signal == "logs"
            && dropped.rollups.is_none_or(|counts| counts.until <= plan.whole().start);
        if are_counted && !is_in_window {
            return None;
        }
        let effect = match (are_counted, is_in_window) {
            (true, _) => "; their counts are still there",
            (false, true) => "",
            (false, false) => "; what was usual before is judged without them",
        };
        let what = format!("{}{effect}", format::dropped(name, until));
        let fix = match until.limit {
            Limit::Age(_) => format!("set {setting} higher to keep more from now on"),
            Limit::Bytes(_) => "set retention.bytes_max higher to keep more from now on".to_owned(),
        };
        Some(DroppedGap { signal, is_in_window, gap: Gap::new(what, fix) })
    });
    asked.collect()
}

/// The gap that a bucket leaves which has what is old and cannot be read.
pub(super) fn unreachable(unreachable: Option<Unreachable>, plan: &Plan) -> Option<Gap> {
    let Unreachable { until, reason } =
        unreachable.filter(|unreachable| plan.whole().start < unreachable.until)?;
    Some(Gap::new(
        format!(
            "logs, traces and metrics up to {} lie in a bucket that cannot be read now: {reason}",
            until.whole_secs()
        ),
        "check cold.url and that the bucket can be reached, then ask again",
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use groundcrew_store::DroppedUntil;
    use groundcrew_telemetry::{TimeRange, Timestamp};

    use super::*;

    fn until(seconds: i64) -> Option<DroppedUntil> {
        let limit = Limit::Age(Duration::from_secs(14 * 86_400));
        Some(DroppedUntil { until: Timestamp::from_secs(seconds), limit })
    }

    fn said(dropped: Dropped) -> Vec<String> {
        let range = |from, to| TimeRange::new(Timestamp::from_secs(from), Timestamp::from_secs(to));
        let plan = Plan {
            window: range(2_000, 2_600),
            baseline: vec![range(1_000, 2_000)],
            ..crate::investigate::plan::plan(&Default::default(), &Default::default())
        };
        gaps(&dropped, &plan).into_iter().map(|dropped| dropped.gap.what).collect()
    }

    #[test]
    fn only_what_is_asked_about_is_said() {
        assert!(
            said(Dropped { logs: until(900), traces: until(1_000), ..Default::default() })
                .is_empty()
        );
        assert!(said(Dropped { logs: until(1_500), ..Default::default() }).is_empty());
        let in_window = Dropped { logs: until(2_100), ..Default::default() };
        assert_eq!(
            said(in_window),
            [
                "log lines are kept for 14 d; those up to 1970-01-01T00:35:00Z were dropped; their counts are still there"
            ]
        );
        let with_counts = Dropped { rollups: until(1_500), ..in_window };
        assert!(said(with_counts)[0].ends_with("were dropped"));
        let before = said(Dropped { traces: until(1_500), ..Default::default() });
        assert!(before[0].ends_with("what was usual before is judged without them"));
    }
}
