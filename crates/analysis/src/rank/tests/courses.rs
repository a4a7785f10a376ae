//! Over, steady or getting worse.

use super::scene::{Plan, Scene};
use crate::{Course, FindingKind};

/// The course of fifty requests, of which `is_bad` says which are slow.
fn course(is_bad: impl Fn(usize) -> bool) -> Option<Course> {
    let slow = |number: usize| if is_bad(number) { 400.0 } else { 5.0 };
    let analysis = Scene::new(|number| Plan { stock_ms: slow(number), ..Plan::default() }).rank();
    match &analysis.findings.get(analysis.course?)?.kind {
        FindingKind::Course { course, .. } => Some(*course),
        _ => None,
    }
}

#[test]
fn trouble_that_ended_is_over() {
    assert_eq!(course(|number| number < 25), Some(Course::Transient));
    // The very last requests are bad again: nothing went well after them.
    assert_eq!(course(|number| number < 25 || number == 49), Some(Course::Failing));
}

#[test]
fn trouble_that_goes_on_is_failing() {
    assert_eq!(course(|_| true), Some(Course::Failing));
    assert_eq!(course(|number| number % 2 == 0), Some(Course::Failing));
}

#[test]
fn trouble_that_spreads_is_degrading() {
    let spreading = |number: usize| number % 10 < if number < 25 { 2 } else { 9 };
    assert_eq!(course(spreading), Some(Course::Degrading));
}

#[test]
fn a_healthy_system_has_no_course() {
    assert_eq!(course(|_| false), None);
}
