//! From real folders to findings.

use std::fs;
use std::path::Path;

use groundcrew_telemetry::Timestamp;

use super::super::DocumentSource;
use super::{CheckReport, FindingKind, KnownNames, check};

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn report(root: &Path, known: &KnownNames) -> CheckReport {
    let now = Timestamp::parse("2026-11-22T00:00:00Z").unwrap();
    check(&[DocumentSource::at(root)], known, now).unwrap()
}

fn found(report: &CheckReport) -> Vec<(FindingKind, String, u32)> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    report.findings.iter().map(|found| (found.kind, name(&found.path), found.line)).collect()
}

#[test]
fn every_kind_of_mistake_is_found_once() {
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        "runbooks/pool.md",
        "---\nalerts: [PoolEmpty]\nid: RB1\nreview_by: 2026-01-01\n---\n# Pool\n\n[a](disk.md#fix) [b](gone.md)\n[c](disk.md#gone) [d](#fix)\n\n\
         [e](https://x.test/gone) [f](../guide.rst)\n\n## Fix\n",
    );
    put(root.path(), "runbooks/disk.md", "---\nid: RB1\n---\n# Disk\n\n## Fix\n");
    put(root.path(), "runbooks/lonely.md", "---\nservices: [nobody]\n---\n# Lonely\n");
    put(root.path(), "runbooks/broken.md", "---\ntitle: [x\nalerts: [y]\n---\n# PoolEmpty\n");
    put(
        root.path(),
        "guide.rst",
        "Guide\n=====\n\n:ref:`nowhere`, :ref:`guide`, `x <runbooks/pool.md>`_\n",
    );
    put(
        root.path(),
        "rules.yaml",
        "groups:\n- rules:\n  - alert: PoolEmpty\n    labels: {service: checkout}\n  - alert: DiskFull\n  \
         - alert: Elsewhere\n    annotations: {runbook_url: https://wiki.test/x}\n",
    );
    let report = report(root.path(), &KnownNames::default());
    let expected = [
        (FindingKind::AlertWithoutRunbook, "rules.yaml", 5),
        (FindingKind::DeadLink, "pool.md", 8),
        (FindingKind::DeadAnchor, "guide.rst", 4),
        (FindingKind::DeadAnchor, "pool.md", 9),
        (FindingKind::OrphanRunbook, "lonely.md", 0),
        (FindingKind::DuplicateId, "pool.md", 1),
        (FindingKind::StalePage, "pool.md", 1),
        (FindingKind::Unreadable, "broken.md", 3),
    ];
    let expected: Vec<_> =
        expected.map(|(kind, path, line)| (kind, path.to_owned(), line)).into_iter().collect();
    assert_eq!(found(&report), expected);
    assert_eq!((report.pages, report.alerts), (5, 3));
}

#[test]
fn alerts_and_services_of_the_store_count() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "runbooks/orders-failing.md", "# Orders\n");
    put(root.path(), "runbooks/cart.md", "---\nservice: cart\n---\n# Cart\n");
    let known = KnownNames {
        alerts: vec![
            ("OrdersFailing".to_owned(), None),
            ("NoPage".to_owned(), Some("gone.md".to_owned())),
        ],
        services: vec!["cart".to_owned()],
    };
    let report = report(root.path(), &known);
    assert_eq!(found(&report), [(FindingKind::AlertWithoutRunbook, String::new(), 0)]);
    assert!(report.findings[0].what.starts_with("NoPage: its runbook gone.md"));
}

#[test]
fn what_sites_leave_off_is_no_dead_link() {
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        "docs/a.md",
        "[1](b) [2](b.html) [3](sub/) [4](/docs/b.md) [5](b.md#L3) [6](a%20b.md) [7](sub#deep)\n",
    );
    put(root.path(), "docs/b.md", "# B\n");
    put(root.path(), "docs/a b.md", "# A B\n");
    put(root.path(), "docs/sub/README.md", "# Sub\n\n## Deep\n");
    assert_eq!(found(&report(root.path(), &KnownNames::default())), []);
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let missing = Path::new("/nowhere/at/all");
    let now = Timestamp::parse("2026-11-22T00:00:00Z").unwrap();
    let error = check(&[DocumentSource::at(missing)], &KnownNames::default(), now).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all"));
}
