//! Capsules: what is exported comes to the same conclusion when it is run again, and so do those in `tests/capsules`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew::capsule::{
    CapsuleError, Made, compare, make, pack, read, replay, replay_told, unpack,
};
use groundcrew::investigate::answer::ToldBy;
use groundcrew::investigate::question::Question;
use groundcrew::investigate::{Investigated, RunIds, facts_answer, find_facts};
use groundcrew_llm::Scripted;
use groundcrew_masking::Masker;
use groundcrew_simulator::{Fault, Simulation, SimulationOptions};
use groundcrew_store::{Access, Durability};
use groundcrew_telemetry::{Batch, Timestamp};
use serde_json::{Value, json};

use crate::model_server::{self, LONG, Manner, ModelServer, account};
use crate::shop::Shop;
use crate::support::{Program, hear, hear_until, open_chat, outage_logs, say, text};

const END: i64 = 1_790_000_000;
/// Seed of all that is simulated here.
const SEED: u64 = 3;
/// Customers' requests a second: few, so that what is kept stays small.
const CUSTOMERS_PER_SECOND: f64 = 0.25;
/// How the ids of simulated answers begin.
const OWN_ID: &str = "ans_test-";
/// The largest capsule that is kept among the tests.
const KEPT_BYTES_MAX: usize = 60_000;
/// Set to anything, the capsules among the tests are made anew instead of being compared.
const RENEW: &str = "GROUNDCREW_RENEW_CAPSULES";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/capsules")
}

/// One simulated run, small enough to be kept.
#[derive(Clone, Copy)]
struct Run {
    fault: Option<Fault>,
    logs_only: bool,
}

/// What is kept: with every signal, with lines and changes alone, and with nothing wrong.
const KEPT: [Run; 4] = [
    Run { fault: Some(Fault::PoolExhaustion), logs_only: false },
    Run { fault: Some(Fault::ShippingFlag), logs_only: false },
    Run { fault: Some(Fault::OrdersDbDiskFull), logs_only: true },
    Run { fault: None, logs_only: true },
];

impl Shop {
    /// Lets the simulated shop run with few customers, breaks it and asks.
    fn asked(run: Run) -> (Self, Investigated) {
        let shop = Self::new();
        let (normal, broken) = (Duration::from_secs(7 * 60), Duration::from_secs(3 * 60));
        let start = Timestamp::from_secs(END);
        let options = SimulationOptions { seed: SEED, start, normal, broken, fault: run.fault };
        let simulation = Simulation::new(options).with_requests_per_second(CUSTOMERS_PER_SECOND);
        let words = simulation.truth().map_or("Is anything wrong?", |truth| truth.question);
        for mut step in simulation {
            if run.logs_only {
                step.traces.clear();
                step.metrics.clear();
            }
            shop.feed(step);
        }
        shop.investigator.store.flush().unwrap();
        let mut question =
            Question::new(words, start.plus_secs((normal + broken).as_secs() as i64));
        question.at_given = true;
        question.since = Some(broken);
        // A sample, so that what is kept stays small.
        (question.budget.spans_max, question.budget.series_max) = (250, 200);
        // Always as the same run, so that the same is written each time.
        let name = run.fault.map_or("none", Fault::name);
        let ids =
            RunIds { run_id: format!("run_test-{name}"), answer_id: format!("{OWN_ID}{name}") };
        let facts = find_facts(&shop.investigator, &question, &ids, &|_| {});
        let kept = facts_answer(&shop.investigator, &question, &ids, &facts);
        (shop, kept)
    }

    fn made(run: Run) -> Made {
        let (shop, kept) = Self::asked(run);
        make(&shop.investigator, kept).unwrap()
    }
}

/// The capsules that are kept, with their names.
fn kept() -> Vec<(PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(folder()).unwrap().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "capsule")).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
}

/// Makes the simulated ones anew; those that somebody added stay.
fn renew() {
    for (path, _) in kept() {
        let is_own =
            read(&path).map_or(true, |capsule| capsule.given.answer.answer_id.starts_with(OWN_ID));
        if is_own {
            std::fs::remove_file(path).unwrap();
        }
    }
    for run in KEPT {
        Shop::made(run).packed.write(&folder()).unwrap();
    }
}

#[test]
fn kept_capsules_come_to_the_same_conclusion() {
    if std::env::var_os(RENEW).is_some() {
        renew();
    }
    let kept = kept();
    assert!(kept.len() >= 3, "there are capsules in {}", folder().display());
    let mut changed = String::new();
    for (path, bytes) in kept {
        assert!(bytes.len() <= KEPT_BYTES_MAX, "{} has {} bytes", path.display(), bytes.len());
        let capsule = unpack(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let comparison = compare(capsule.expected(), &replay(&capsule));
        if !comparison.is_same_conclusion() {
            changed.push_str(&format!("{}: {:#?}\n", path.display(), comparison));
        }
    }
    assert!(changed.is_empty(), "see tests/capsules/README.md\n{changed}");
}

#[test]
fn the_same_investigation_is_the_same_file_and_replays_to_the_letter() {
    let run = KEPT[2];
    let (shop, asked) = Shop::asked(run);
    let made = make(&shop.investigator, asked).unwrap();
    assert_eq!(made.comparison.differences, [], "the stores say what they said");
    assert_eq!(made.withheld, 0);
    assert_eq!(Shop::made(run).packed, made.packed);
    let directory = tempfile::tempdir().unwrap();
    let path = made.packed.write(directory.path()).unwrap();
    assert_eq!(made.packed.write(directory.path()).unwrap(), path, "the same file again");
    let name = path.file_name().unwrap().to_string_lossy();
    assert!(name.starts_with("groundcrew-") && name.ends_with(".capsule"), "{name}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "for its owner alone");
    }
    let capsule = read(&path).unwrap();
    let now = replay(&capsule);
    assert_eq!(
        now.answer.claims, capsule.given.answer.claims,
        "measured again to the same figures"
    );
    assert_eq!(now.answer.evidence, capsule.given.answer.evidence);
    assert_eq!(now.answer.receipt, capsule.given.answer.receipt);
    let told = pack(capsule, &shop.investigator.masker).unwrap();
    assert_eq!(told, made.packed, "read and written again it is the same");
}

#[test]
fn damage_anywhere_is_told() {
    let (_, whole) = kept().into_iter().min_by_key(|(_, bytes)| bytes.len()).unwrap();
    assert!(unpack(&whole).is_ok());
    let everywhere = (0..80).chain((80..whole.len()).step_by(17));
    for at in everywhere {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        let error = unpack(&bytes).unwrap_err().to_string();
        assert!(error.contains("\nhint: "), "byte {at}: {error}");
        let cut = unpack(&whole[..at]).unwrap_err();
        assert!(at == 0 || matches!(cut, CapsuleError::Cut), "length {at}: {cut}");
    }
    let longer = [whole.as_slice(), b"x"].concat();
    assert!(matches!(unpack(&longer), Err(CapsuleError::Damaged(_))));
    let mut newer = whole;
    newer[8] += 1;
    assert!(matches!(unpack(&newer), Err(CapsuleError::Newer { found: 2 })));
}

#[test]
fn replay_says_what_differs_and_exits_so() {
    let program = Program::new();
    let (path, bytes) = kept().into_iter().next().unwrap();
    let same = program.run(&["replay", &path.to_string_lossy()]);
    assert_eq!(same.status.code(), Some(0), "{}{}", text(&same.stdout), text(&same.stderr));
    assert!(text(&same.stdout).contains("  same"), "{}", text(&same.stdout));
    let mut capsule = unpack(&bytes).unwrap();
    capsule.given.answer.hypotheses[0].fault_kind = "gremlins\u{1b}[31m".to_owned();
    capsule.given.answer.claims[0].text = "it was the gremlins".to_owned();
    capsule.again = None;
    let other = pack(capsule, &Masker::new()).unwrap();
    let other = program.file("other.capsule", other.bytes());
    let differs = program.run(&["replay", &path.to_string_lossy(), &other]);
    let told = text(&differs.stdout);
    assert_eq!(differs.status.code(), Some(1), "{told}");
    assert!(told.contains("DIFFERS") && told.contains("gremlins‹U+001B›"), "{told}");
    assert!(told.contains("- claim: it was the gremlins"), "{told}");
    let json = text(&program.run(&["replay", "-o", "json", &other]).stdout);
    let reports: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(reports[0]["same_conclusion"], false, "{json}");
    assert_eq!(reports[0]["made_by"]["groundcrew"], env!("CARGO_PKG_VERSION"));
    let renewed = program.run(&["replay", "--renew", &other]);
    let line = text(&renewed.stderr);
    let renewed = line.lines().find_map(|line| line.strip_prefix("renewed as ")).unwrap();
    assert!(!Path::new(&other).exists(), "it took its place");
    assert_eq!(program.run(&["replay", renewed]).status.code(), Some(0));
    let foreign = program.file("notes.txt", "no capsule");
    let error = program.run(&["replay", &foreign, &path.to_string_lossy()]);
    assert_eq!(error.status.code(), Some(2));
    let told = text(&error.stderr);
    assert!(told.contains("it is no capsule") && told.contains("groundcrew export"), "{told}");
    assert!(text(&error.stdout).contains("  same"), "the others are run all the same");
}

#[tokio::test]
async fn a_conversation_is_exported_beside_its_server_and_replays_the_same() {
    let program = Program::new();
    program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(END))]);
    let server = program.serve();
    let mut socket = open_chat(&server, None).await.unwrap();
    say(&mut socket, "hello", None, json!({"client": {"name": "test"}})).await;
    hear(&mut socket, "welcome").await;
    let at = Timestamp::from_secs(END).to_string();
    let scope = json!({"at": at, "since": "10m", "services": ["checkout"]});
    let asked = json!({"text": "why is checkout failing?", "ask_id": "ask-1", "scope": scope});
    say(&mut socket, "ask", Some("conv-1"), asked).await;
    let frames = hear_until(&mut socket, "run.finished").await;
    let answer = &frames.iter().rfind(|frame| frame["t"] == "answer").unwrap()["d"]["answer"];
    let code = answer["incident"].as_str().unwrap();
    let json = program.ok(&["export", code, "--out", "capsules", "-o", "json"]);
    let made: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(made["same"], true, "{made:#}");
    assert_eq!(made["answer_id"], answer["answer_id"]);
    let path = program.home.path().join(made["file"].as_str().unwrap());
    let capsule = read(&path).unwrap();
    assert_eq!(capsule.question.services, ["checkout"]);
    assert_eq!(capsule.question.since, Some(Duration::from_secs(600)));
    assert!(capsule.gathered.lines.iter().any(|line| line.record.body.contains("pool exhausted")));
    drop(server);
    std::fs::remove_dir_all(program.data()).unwrap();
    let replayed = program.ok(&["replay", &path.to_string_lossy()]);
    assert!(replayed.contains("  same  likely cause: checkout"), "offline: {replayed}");
}

#[test]
fn an_export_names_what_it_cannot_do() {
    let program = Program::new();
    let missing = program.run(&["export", "7Q2"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("there is no data directory"));
    program.ok(&["ingest", &program.file("l.otlp.jsonl", outage_logs(END))]);
    let unknown = program.run(&["export", "7Q2"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("there is no incident or answer"));
    let at = Timestamp::from_secs(END).to_string();
    let asked = program.ok(&["ask", "why?", "--at", &at, "--since", "10m", "-o", "json"]);
    let mut answer: Value = serde_json::from_str(&asked).unwrap();
    let id = answer["answer_id"].as_str().unwrap().to_owned();
    let begun: String = id.chars().take(12).collect();
    assert!(program.ok(&["export", &begun]).contains(".capsule"), "by the beginning of its id");
    // An answer of an earlier version.
    answer["answer_id"] = json!("ans_old");
    let state = program.data().join(groundcrew_store::state::FILE);
    let state = groundcrew_store::StateDb::open(&state, Access::ReadWrite).unwrap();
    state.put_answer("ans_old", "c", Timestamp::from_secs(END), &answer.to_string()).unwrap();
    let old = program.run(&["export", "ans_old"]);
    assert_eq!(old.status.code(), Some(2));
    assert!(text(&old.stderr).contains("stored by an earlier version"), "{}", text(&old.stderr));
}

#[test]
fn data_that_changed_meanwhile_are_told_and_both_answers_kept() {
    let (shop, kept) = Shop::asked(KEPT[2]);
    let code = kept.answer.incident.clone();
    let at = kept.asked.as_ref().unwrap().question.at;
    let change = groundcrew_telemetry::ChangeEvent {
        kind: groundcrew_telemetry::ChangeKind::Deploy,
        time: at.plus_secs(-190),
        id: "late-1".to_owned(),
        service: Some("orders-db".to_owned()),
        title: "told an hour later".to_owned(),
        actor: None,
        from: None,
        to: None,
        commits: Vec::new(),
        files: Vec::new(),
        diff: String::new(),
        link: None,
    };
    shop.intake.submit(vec![Batch::Changes(vec![change])], Durability::OnFlush).unwrap();
    let made = make(&shop.investigator, kept.clone()).unwrap();
    assert!(!made.comparison.differences.is_empty());
    assert!(made.packed.name().starts_with(&format!("groundcrew-{code}-")));
    let capsule = unpack(made.packed.bytes()).unwrap();
    assert_eq!(capsule.given.answer, kept.answer);
    let again = capsule.again.as_ref().unwrap();
    assert_ne!(again.answer.evidence, kept.answer.evidence);
    assert_eq!(compare(capsule.expected(), &replay(&capsule)).differences, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_said_is_judged_again_and_another_may_tell_it() {
    let claims = json!([
        {"text": "checkout writes a line about its pool exhausted", "cites": ["E1"]},
        {"text": "billing-gateway-9 failed 987654 times", "cites": ["E1"]},
    ]);
    let said = account("The pool of checkout is exhausted", &claims);
    let server = ModelServer::start(Manner::Says(said)).await;
    let base_url = server.base_url.clone();
    let run = tokio::task::spawn_blocking(move || {
        let program = model_server::program(&base_url, LONG);
        let at = Timestamp::from_secs(END).to_string();
        let asked =
            ["ask", "why is checkout failing?", "--at", &at, "--since", "10m", "-o", "json"];
        let answer: Value = serde_json::from_str(&program.ok(&asked)).unwrap();
        let path = program.ok(&["export", answer["incident"].as_str().unwrap()]);
        let path = program.home.path().join(path.trim());
        let replayed = program.ok(&["replay", &path.to_string_lossy()]);
        let asked_for = server.bodies().len();
        let told = program.run(&["replay", "--model", "another", &path.to_string_lossy()]);
        assert!(told.status.success(), "{}", text(&told.stderr));
        assert_eq!(server.bodies().len(), asked_for + 1, "asked with --model alone");
        assert_eq!(server.bodies().last().unwrap()["model"], "another");
        let bytes = std::fs::read(&path).unwrap();
        (replayed, text(&told.stdout), unpack(&bytes).unwrap())
    });
    let (replayed, told, capsule) = run.await.unwrap();
    assert_eq!(capsule.given.answer.told_by, ToldBy::Model);
    let exchange = &capsule.given.record.exchanges[0];
    assert!(exchange.reply.contains("987654") && !exchange.sent.is_empty(), "every word is kept");
    assert!(replayed.contains("  same  "), "{replayed}");
    assert!(told.contains("  same"), "{told}");
    // What the first one made of it would not be taken from a model that is judged today.
    let mut stricter = capsule;
    stricter.given.answer.claims[0].text = "billing-gateway-9 failed 987654 times".to_owned();
    let comparison = compare(stricter.expected(), &replay(&stricter));
    let gone = comparison.differences.iter().find(|one| one.what == "claim" && one.now.is_none());
    assert!(gone.is_some(), "{comparison:#?}");
}

#[tokio::test]
async fn a_model_that_looks_further_gets_what_the_capsule_holds() {
    let (shop, asked) = Shop::asked(KEPT[0]);
    let capsule = unpack(make(&shop.investigator, asked).unwrap().packed.bytes()).unwrap();
    let look = |query: &str, service: &str| json!({"query": query, "service": service});
    let looks = json!([
        look("get_trace", "checkout"),
        look("query_metric", "checkout"),
        look("search_logs", "catalog")
    ]);
    let first = json!({"headline": "", "claims": [], "look": looks}).to_string();
    let claim = &capsule.given.answer.claims[0];
    let claims = json!([{"text": claim.text, "cites": claim.cites}]);
    let model = Scripted::new([first, account("", &claims)]);
    let now = replay_told(&capsule, &model, shop.investigator.tools()).await;
    let asked = model.asked();
    let told = &asked[1].turns[0].user;
    assert!(told.contains("get_trace service=checkout:\n[E"), "a trace: {told}");
    assert!(told.contains("needs the name of a metric; there are "), "names: {told}");
    assert!(told.contains("the capsule holds only the newest"), "and what is not there: {told}");
    assert_eq!(now.answer.told_by, ToldBy::Model, "{:?}", now.answer.notice);
    assert!(now.answer.evidence.len() > capsule.given.answer.evidence.len());
}
