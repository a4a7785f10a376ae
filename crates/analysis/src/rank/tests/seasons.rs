//! What comes every night at this hour is no news.

use groundcrew_telemetry::{Severity, TimeRange};

use super::scene::{Scene, resource, score};
use crate::templates::template_of;
use crate::{FindingKind, Observations};

const DAY_SECS: i64 = 86_400;

/// Gives the observations the seasons of these many days before, with what `level` says of series and `count` of lines.
fn with_seasons(
    scene: &mut Scene,
    days: &[i64],
    level: impl Fn(i64) -> f64,
    count: impl Fn(i64) -> u64,
) {
    let Observations { window, series, templates_window, .. } = scene.observations.clone();
    for day in days {
        let range = TimeRange::new(
            window.start.plus_secs(-day * DAY_SECS),
            window.end.plus_secs(-day * DAY_SECS),
        );
        scene.observations.seasons.push(range);
        let rows = templates_window.iter().cloned().map(|mut row| {
            row.count = count(*day);
            row
        });
        let rows = rows.filter(|row| row.count > 0).collect();
        scene.observations.templates_seasons.push(rows);
        for mut row in series.clone() {
            row.resource = resource(row.resource.service(), Some("a-pod-of-that-day"), None);
            row.series.points.retain(|point| window.contains(point.time));
            for point in &mut row.series.points {
                point.time = point.time.plus_secs(-day * DAY_SECS);
                point.value = level(*day);
            }
            scene.observations.series_seasons.push(row);
        }
    }
}

fn busy() -> Scene {
    let mut scene = Scene::healthy();
    let pod = resource("mail", Some("mail-1"), None);
    scene.gauge("k8s.pod.cpu.utilization", pod, (0.1, 0.95));
    scene.log("mail", Severity::WARN, "rebuilding the index of letters", (0, 40));
    scene
}

#[test]
fn a_job_of_every_night_is_not_blamed() {
    assert!(score(&busy().rank(), "mail") > 0.4);
    let mut nightly = busy();
    with_seasons(&mut nightly, &[1, 2, 3, 4], |_| 0.93, |_| 41);
    let analysis = nightly.rank();
    assert!(score(&analysis, "mail") < 0.05, "{:#?}", analysis.findings);
}

#[test]
fn a_job_of_every_week_is_not_blamed_although_other_days_are_quiet() {
    let mut weekly = busy();
    let level = |day: i64| if day % 7 == 0 { 0.93 } else { 0.1 };
    with_seasons(
        &mut weekly,
        &[1, 2, 3, 4, 5, 6, 7, 14],
        level,
        |day| {
            if day % 7 == 0 { 41 } else { 0 }
        },
    );
    assert!(score(&weekly.rank(), "mail") < 0.05);
}

#[test]
fn more_than_every_night_is_still_news() {
    let mut scene = busy();
    with_seasons(&mut scene, &[1, 2, 3, 4], |_| 0.4, |_| 5);
    let analysis = scene.rank();
    assert!(score(&analysis, "mail") > 0.3, "{:#?}", analysis.suspects);
    let id = template_of("rebuilding the index of letters").id;
    assert!(analysis.findings.iter().any(|finding| {
        matches!(&finding.kind, FindingKind::TemplateNew { template, .. } | FindingKind::TemplateSpiking { template, .. } if *template == id)
    }));
}

#[test]
fn two_days_are_no_season() {
    let mut scene = busy();
    with_seasons(&mut scene, &[1, 2], |_| 0.93, |_| 41);
    assert!(score(&scene.rank(), "mail") > 0.4);
}
