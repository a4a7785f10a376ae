//! Messages of senders as they send them: the fields are theirs, the stories are ours.

use groundcrew_telemetry::{AlertStatus, ChangeKind};

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

const NOW: &str = "2026-11-22T03:12:00Z";

fn read_as(source: &str, headers: &[(&str, &str)], body: &str) -> Result<Message, String> {
    let headers =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let posted = Posted { source, headers: &headers, body: body.as_bytes(), now: at(NOW) };
    read_message(&posted, &Mappings::default())
}

fn read(body: &str) -> Message {
    read_as("test", &[], body).unwrap()
}

fn pagerduty(event: &str, status: &str) -> String {
    format!(
        r#"{{"event":{{"id":"01","event_type":"{event}","resource_type":"incident","occurred_at":"2026-11-22T03:20:00Z","agent":null,"client":null,
        "data":{{"id":"Q1","type":"incident","html_url":"https://pd.example/incidents/Q1","number":7,"status":"{status}","title":"checkout is down",
        "created_at":"2026-11-22T03:10:00Z","service":{{"id":"S","summary":"checkout"}},"priority":null,"urgency":"high","incident_key":null}}}}}}"#
    )
}

#[test]
fn pagerduty_incidents_begin_and_end_as_one_alert() {
    let begun = &read(&pagerduty("incident.triggered", "triggered")).alerts[0];
    assert_eq!(
        (begun.name.as_str(), begun.service.as_deref()),
        ("checkout is down", Some("checkout"))
    );
    assert_eq!((begun.severity.as_str(), begun.status), ("high", AlertStatus::Firing));
    assert_eq!((begun.starts_at, begun.ends_at), (at("2026-11-22T03:10:00Z"), None));
    let ended = &read(&pagerduty("incident.resolved", "resolved")).alerts[0];
    assert_eq!(ended.fingerprint, begun.fingerprint);
    assert_eq!(ended.ends_at, Some(at("2026-11-22T03:20:00Z")));
    for nothing in ["incident.annotated", "service.updated", "pagey.ping"] {
        let message = read(&pagerduty(nothing, "triggered"));
        assert!(message.alerts.is_empty() && message.passed_over.is_some(), "{nothing}");
    }
}

fn github(event: &str) -> String {
    format!(
        r#"{{"repository":{{"name":"checkout","full_name":"shop/checkout","default_branch":"main","pushed_at":1795316400}},"sender":{{"login":"ana"}},{event}}}"#
    )
}

#[test]
fn github_says_what_changed_and_what_did_not() {
    let push = |reference: &str| {
        github(&format!(
            r#""ref":"{reference}","commits":[{{"id":"c0ffee","message":"smaller pool\n\nsaves memory","timestamp":"2026-11-01T00:00:00Z",
            "author":{{"name":"Bo"}},"added":[],"removed":[],"modified":["pool.yaml"]}}]"#
        ))
    };
    let commit = &read(&push("refs/heads/main")).changes[0];
    assert_eq!((commit.kind, commit.title.as_str()), (ChangeKind::Commit, "smaller pool"));
    assert_eq!(
        (commit.files.as_slice(), commit.diff.as_str()),
        (&["pool.yaml".to_owned()][..], "saves memory")
    );
    assert_eq!(commit.time, Timestamp::from_secs(1_795_316_400), "it acts from the push on");
    assert!(read(&push("refs/heads/wip")).changes.is_empty());
    assert!(read(&push("refs/tags/v1")).passed_over.is_some());

    let status = |state: &str| {
        read(&github(&format!(
            r#""deployment_status":{{"state":"{state}","updated_at":"2026-11-22T03:05:00Z","target_url":""}},
            "deployment":{{"id":9,"sha":"c0ffee00c0ffee00","ref":"v2.31","environment":"production","creator":{{"login":"bot"}}}}"#
        )))
    };
    let deploy = &status("success").changes[0];
    assert_eq!(
        (deploy.kind, deploy.title.as_str()),
        (ChangeKind::Deploy, "deploy checkout v2.31 to production")
    );
    assert_eq!(
        (deploy.service.as_deref(), deploy.to.as_deref()),
        (Some("checkout"), Some("v2.31"))
    );
    assert_eq!(deploy.commits, ["c0ffee00c0ffee00"]);
    assert_eq!(status("failure").changes[0].kind, ChangeKind::Other);
    assert!(status("in_progress").changes.is_empty());

    let run = |name: &str, conclusion: &str| {
        let event = format!(
            r#""workflow_run":{{"id":5,"name":"{name}","conclusion":{conclusion},"head_sha":"c0ffee","updated_at":"{NOW}"}}"#
        );
        read(&github(&event)).changes
    };
    assert_eq!(run("Deploy to production", r#""success""#)[0].kind, ChangeKind::Deploy);
    assert!(run("Unit tests", r#""success""#).is_empty());
    assert!(run("Deploy", "null").is_empty());
    let ping =
        read_as("github", &[("x-github-event", "ping")], r#"{"zen":"Keep it logically awesome."}"#);
    assert!(ping.unwrap().passed_over.is_some());
}

#[test]
fn github_posts_a_form_unless_it_is_told_otherwise() {
    let json = github(
        r#""action":"published","release":{"tag_name":"v2","name":"Winter","published_at":"2026-11-22T03:00:00Z"}"#,
    );
    let form: String =
        form_urlencoded::Serializer::new(String::new()).append_pair("payload", &json).finish();
    let release = &read(&form).changes[0];
    assert_eq!(
        (release.title.as_str(), release.to.as_deref()),
        ("release checkout v2: Winter", Some("v2"))
    );
}

#[test]
fn cloud_events_are_read_in_both_modes() {
    let structured = r#"{"specversion":"1.0","type":"dev.cdevents.service.deployed.0.1.1","source":"/cd","id":"e1","time":"2026-11-22T03:05:00Z",
        "data":{"subject":{"id":"shop/checkout","type":"service","content":{"environment":{"id":"prod"},"artifactId":"pkg:oci/checkout@sha256:1?tag=2.31"}}}}"#;
    let deploy = &read(structured).changes[0];
    assert_eq!((deploy.kind, deploy.service.as_deref()), (ChangeKind::Deploy, Some("checkout")));
    assert_eq!((deploy.id.as_str(), deploy.time), ("e1", at("2026-11-22T03:05:00Z")));
    let headers = [
        ("ce-type", "com.flags.toggled"),
        ("ce-id", "e2"),
        ("ce-subject", "checkout"),
        ("ce-time", "2026-11-22T03:06:00Z"),
    ];
    let flag = &read_as("flags", &headers, r#"{"message":"new-cart is on","to":true}"#)
        .unwrap()
        .changes[0];
    assert_eq!(
        (flag.kind, flag.title.as_str(), flag.id.as_str()),
        (ChangeKind::Flag, "new-cart is on", "e2")
    );
    let empty = read_as("flags", &headers, "").unwrap();
    assert_eq!(empty.changes[0].service.as_deref(), Some("checkout"));
    let incident = |what: &str| {
        let event = format!(
            r#"{{"specversion":"1.0","type":"dev.cdevents.incident.{what}.0.1.0","source":"/m","id":"{what}","subject":"inc-1","data":{{"description":"slow"}}}}"#
        );
        read(&event).alerts.remove(0)
    };
    assert_eq!(incident("detected").status, AlertStatus::Firing);
    assert_eq!(incident("resolved").status, AlertStatus::Resolved);
    assert_eq!(incident("detected").fingerprint, incident("resolved").fingerprint);
    let wrapped = r#"[{"specversion":"1.0","type":"x.y","source":"/m","id":"3","data":{"labels":{"alertname":"A"},"startsAt":"2026-11-22T03:05:00Z"}}]"#;
    assert_eq!(read(wrapped).alerts[0].name, "A");
    assert!(
        read(r#"{"specversion":"1.0","type":"mail.opened","source":"/m","id":"4"}"#)
            .passed_over
            .is_some()
    );
}

#[test]
fn a_mapping_reads_what_nobody_knows() {
    let mappings = Mappings::parse(
        r#"[argocd]
        kind = "deploy"
        each = "/apps"
        when = { "/phase" = ["Succeeded", "Failed"] }
        service = ["/missing", "/meta/name"]
        to = "/revisions/1"
        time = "/finished"
        actor = "argocd"
        [probe]
        kind = "alert"
        title = "/check"
        status = "/state"
        resolved = ["up"]
        "#,
    )
    .unwrap();
    let read = |source: &str, body: &str| {
        let headers = BTreeMap::new();
        read_message(
            &Posted { source, headers: &headers, body: body.as_bytes(), now: at(NOW) },
            &mappings,
        )
    };
    let body = r#"{"apps":[{"phase":"Succeeded","meta":{"name":"cart"},"revisions":["a","b"],"finished":1795316400},{"phase":"Running"}]}"#;
    let deploys = read("argocd", body).unwrap();
    assert_eq!(deploys.changes.len(), 1);
    let deploy = &deploys.changes[0];
    assert_eq!((deploy.title.as_str(), deploy.actor.as_deref()), ("deploy cart b", Some("argocd")));
    assert_eq!(deploy.time, Timestamp::from_secs(1_795_316_400));
    let down = read("probe", r#"{"check":"login page","state":"down"}"#).unwrap().alerts.remove(0);
    let up = read("probe", r#"{"check":"login page","state":"UP"}"#).unwrap().alerts.remove(0);
    assert_eq!((down.status, up.status), (AlertStatus::Firing, AlertStatus::Resolved));
    assert_eq!(down.fingerprint, up.fingerprint);
    assert!(read("argocd", r#"{"apps":3}"#).unwrap_err().contains("/apps"));
    assert!(Mappings::parse("[a]\nkind = \"nonsense\"").unwrap_err().contains("[a] kind"));
    assert!(
        Mappings::parse("[a]\nkind = \"alert\"\nservce = \"/s\"").unwrap_err().contains("servce")
    );
}

proptest::proptest! {
    #[test]
    fn no_body_and_no_header_breaks_the_reader(body: Vec<u8>, header in "[ -~]{0,20}", name in 0usize..3) {
        let name = ["x-github-event", "ce-type", "ce-time"][name].to_owned();
        let headers = BTreeMap::from([(name, header)]);
        let posted = Posted { source: "s", headers: &headers, body: &body, now: at(NOW) };
        read_message(&posted, &Mappings::default()).ok();
    }
}
