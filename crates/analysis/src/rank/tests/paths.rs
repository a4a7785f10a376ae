//! Where the time goes that users wait longer.

use super::scene::{Plan, Scene, first};
use crate::{Analysis, FindingKind};

/// Service, how much longer, and the part of it, in milliseconds.
fn grown(analysis: &Analysis) -> Option<(String, f64, f64)> {
    analysis.findings.iter().find_map(|finding| match &finding.kind {
        FindingKind::PathGrew { longer_ms, part_ms, .. } => {
            Some((finding.service.clone(), *longer_ms, *part_ms))
        }
        _ => None,
    })
}

#[test]
fn the_longer_wait_is_in_the_service_that_takes_it() {
    let analysis = Scene::new(|_| Plan { stock_ms: 205.0, ..Plan::default() }).rank();
    let (service, longer, part) = grown(&analysis).unwrap();
    assert_eq!((first(&analysis), service.as_str()), ("stock", "stock"));
    assert!((150.0..260.0).contains(&longer), "{longer}");
    assert!(part > 0.9 * longer, "{part} of {longer}");
}

#[test]
fn a_second_call_counts_as_often_as_it_is_made() {
    let plan = |_| Plan { stock_calls: 12, stock_ms: 20.0, ..Plan::default() };
    let analysis = Scene::new(plan).rank();
    let (service, longer, part) = grown(&analysis).unwrap();
    // Twelve calls of 20 ms, where there was one of 5.
    assert_eq!(service, "stock");
    assert!((200.0..=longer).contains(&part), "{part} of {longer}");
}

#[test]
fn nothing_is_said_when_nothing_takes_longer() {
    assert_eq!(grown(&Scene::healthy().rank()), None);
    assert_eq!(grown(&Scene::new(|_| Plan { stock_fails: true, ..Plan::default() }).rank()), None);
}
