//! Whole runs of generated systems, as whoever receives them sees them.

use std::collections::BTreeSet;
use std::time::Duration;

use groundcrew_telemetry::Timestamp;

use super::{Mesh, MeshFault, MeshOptions, MeshPlan};
use crate::Step;

const NORMAL_SECONDS: u64 = 600;

fn options(seed: u64, services: usize, plan: MeshPlan) -> MeshOptions {
    let start = Timestamp::from_secs(1_750_000_000);
    MeshOptions { seed, services, start, normal: Duration::from_secs(NORMAL_SECONDS), plan }
}

fn spans(steps: &[Step]) -> usize {
    let groups =
        steps.iter().flat_map(|step| &step.traces).flat_map(|request| &request.resource_spans);
    groups.flat_map(|group| &group.scope_spans).map(|scope| scope.spans.len()).sum()
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| -> Vec<Step> {
        Mesh::new(options(seed, 8, MeshPlan::One(MeshFault::PoolExhausted))).collect()
    };
    let first = run(3);
    assert_eq!(first, run(3));
    assert_ne!(first, run(4));
}

#[test]
fn every_fault_is_noticed_at_an_entry_and_pages_with_its_truth() {
    let mut missed = Vec::new();
    for size in [8, 50] {
        for (number, fault) in MeshFault::ALL.into_iter().enumerate() {
            let mesh = Mesh::new(options(100 + number as u64, size, MeshPlan::One(fault)));
            let [truth] = mesh.truths() else { panic!("{fault:?}: {:?}", mesh.truths()) };
            let truth = truth.clone();
            assert!(
                !truth.accepted.is_empty() && truth.accepted.iter().all(|name| !name.is_empty()),
                "{fault:?} {truth:?}"
            );
            assert_eq!(truth.change.is_some(), fault.is_change(), "{fault:?}");
            let mut mesh = mesh;
            let steps: Vec<Step> = mesh.by_ref().collect();
            let last = steps.last().unwrap();
            if !mesh.is_noticed() {
                missed.push(format!(
                    "{size} {fault:?}: nobody noticed; {:?} {truth:?}",
                    last.alert.as_ref().map(|alert| &alert.text)
                ));
            }
            let alert = last.alert.as_ref().unwrap();
            assert!(alert.starts_at > truth.since);
            assert!(alert.service.as_ref().is_some_and(|name| name.ends_with("-edge")));
            if let Some(id) = &truth.change {
                let changes: Vec<_> = steps.iter().flat_map(|step| &step.changes).collect();
                let change = changes.iter().find(|change| change.id == *id).unwrap();
                assert!(truth.accepted.contains(change.service.as_ref().unwrap()));
                assert!((0.0..60.0).contains(&truth.since.secs_since(change.time)));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn a_healthy_system_pages_by_jitter_and_has_decoys() {
    let mut decoys = 0;
    for seed in 0..6 {
        let mut mesh = Mesh::new(options(seed, 8, MeshPlan::Healthy));
        assert!(mesh.truths().is_empty());
        let steps: Vec<Step> = mesh.by_ref().collect();
        let last = steps.last().unwrap();
        assert!(last.alert.is_some() && !mesh.is_noticed());
        decoys += steps.iter().map(|step| step.changes.len()).sum::<usize>();
    }
    assert!(decoys > 12, "{decoys}");
}

#[test]
fn every_system_has_a_place_for_every_fault() {
    for seed in 0..40 {
        for fault in MeshFault::ALL {
            let mesh = Mesh::new(options(seed, 8, MeshPlan::One(fault)));
            let names = mesh.truths().iter().flat_map(|truth| &truth.accepted);
            assert!(names.clone().count() > 0, "{seed} {fault:?}");
            assert!(names.clone().all(|name| !name.is_empty()), "{seed} {fault:?}");
        }
    }
}

#[test]
fn two_faults_strike_two_services() {
    let plan = MeshPlan::Two(MeshFault::CpuHog, MeshFault::ExceptionDeploy);
    let mesh = Mesh::new(options(9, 50, plan));
    let names: BTreeSet<&String> = mesh.truths().iter().flat_map(|truth| &truth.accepted).collect();
    assert_eq!(names.len(), 2);
}

#[test]
fn three_hundred_services_stay_within_bounds() {
    let mesh = Mesh::new(MeshOptions {
        normal: Duration::from_secs(1_800),
        ..options(5, 300, MeshPlan::One(MeshFault::NodePressure))
    });
    assert_eq!(mesh.services().len(), 300);
    let (mut count, mut lines) = (0, 0);
    for step in mesh {
        count += spans(std::slice::from_ref(&step));
        lines += step
            .logs
            .iter()
            .flat_map(|request| &request.resource_logs)
            .flat_map(|group| &group.scope_logs)
            .map(|scope| scope.log_records.len())
            .sum::<usize>();
    }
    assert!((80_000..400_000).contains(&count), "{count} spans");
    assert!((5_000..200_000).contains(&lines), "{lines} lines");
}
