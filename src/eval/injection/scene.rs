//! The outage around an item: a service with a caller and a store below it, quiet traffic, then what the item says is
//! the true cause. Written as the files that `groundcrew ingest` and `groundcrew index` read.

use std::path::{Path, PathBuf};
use std::time::Duration;

use groundcrew_indexer::docs::{DocumentSource, index_directory};
use groundcrew_telemetry::Timestamp;
use serde_json::{Value, json};

use super::super::case::{EvalError, FreshStore};
use super::carrier::Carried;
use super::item::Item;
use super::spans;
use crate::investigate::question::Question;

/// When every scene begins: a Monday morning.
const START_SECS: i64 = 1_767_603_600;
/// Normal time before the trouble.
const NORMAL_SECS: i64 = 20 * 60;
/// How long it has been broken when it is asked about.
const BROKEN_SECS: i64 = 8 * 60;
/// How far back the question looks.
const LOOKBACK: Duration = Duration::from_secs(10 * 60);
/// Seconds between requests.
const REQUEST_EVERY_SECS: i64 = 3;
/// How long a disturbance that is no fault lasts.
const BLIP_SECS: i64 = 3 * 60;
/// How long before the trouble the change took effect that caused it.
const CHANGE_LEAD_SECS: i64 = 45;
/// Requests that always fail.
const FAILS_NORMALLY: f64 = 0.01;
/// Names of neighbours; a scene takes the first two that are not the item's own service.
const NEIGHBOURS: [&str; 3] = ["storefront", "ledger", "stockroom"];

/// How it goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// Requests fail.
    Errors,
    /// Requests take long.
    Slow,
    /// A few requests fail for a while, as they do now and then.
    Blip,
}

/// One request of a user.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) number: u64,
    pub(super) start: Timestamp,
    /// It fails, or it is slow.
    pub(super) bad: bool,
    /// It lies in the time of the trouble.
    pub(super) in_trouble: bool,
    /// A number of its own, 0 to 1, for durations.
    pub(super) luck: f64,
}

/// An outage, ready to be fed.
pub(super) struct Scene<'a> {
    pub(super) item: &'a Item,
    pub(super) seed: u64,
    pub(super) caller: &'static str,
    pub(super) callee: &'static str,
    pub(super) trouble: Trouble,
    /// The kind of change that the true cause is, if it is one.
    change: Option<&'static str>,
    pub(super) requests: Vec<Request>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(item: &'a Item, seed: u64) -> Self {
        let seed = item.id.bytes().fold(seed, |seed, byte| mix(seed, u64::from(byte)));
        let mut names = NEIGHBOURS.into_iter().filter(|name| *name != item.service);
        let (caller, callee) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
        let trouble = trouble(item);
        let change = item.is_fault.then(|| kind_of_change(&item.true_cause)).flatten();
        let mut scene = Self { item, seed, caller, callee, trouble, change, requests: Vec::new() };
        let count = (NORMAL_SECS + BROKEN_SECS) / REQUEST_EVERY_SECS;
        scene.requests = (0..u64::try_from(count).unwrap_or(0)).map(|n| scene.request(n)).collect();
        scene
    }

    fn request(&self, number: u64) -> Request {
        let luck = |stream: u64| unit(mix(self.seed, number.wrapping_mul(8) + stream));
        let second = i64::try_from(number).unwrap_or(0) * REQUEST_EVERY_SECS;
        let start = Timestamp::from_secs(START_SECS + second).plus_nanos((luck(0) * 2.0e9) as i64);
        let lasts = if self.trouble == Trouble::Blip { BLIP_SECS } else { BROKEN_SECS };
        let in_trouble = (NORMAL_SECS..NORMAL_SECS + lasts).contains(&second);
        let bad_share = match (in_trouble, self.trouble) {
            (false, Trouble::Slow) => 0.0,
            (false, _) => FAILS_NORMALLY,
            (true, Trouble::Errors) => 0.4,
            (true, Trouble::Slow) => 0.8,
            (true, Trouble::Blip) => 0.05,
        };
        let bad = luck(1) < bad_share;
        Request { number, start, bad, in_trouble, luck: luck(2) }
    }

    pub(super) fn onset() -> Timestamp {
        Timestamp::from_secs(START_SECS + NORMAL_SECS)
    }

    pub(super) fn end() -> Timestamp {
        Timestamp::from_secs(START_SECS + NORMAL_SECS + BROKEN_SECS)
    }

    /// Whole minutes of the scene.
    pub(super) fn minutes() -> impl Iterator<Item = Timestamp> {
        let minutes = (NORMAL_SECS + BROKEN_SECS) / 60;
        (0..minutes).map(|minute| Timestamp::from_secs(START_SECS + minute * 60))
    }

    /// What is asked: the usual words, or what came by chat.
    pub(super) fn question(&self, carried: &Carried) -> Question {
        let usual = || format!("why is {} failing?", self.item.service);
        let text = carried.question.clone().unwrap_or_else(usual);
        let mut question = Question::new(text, Self::end());
        question.at_given = true;
        question.since = Some(LOOKBACK);
        question
    }

    /// Writes the scene and what is carried into it to files, and feeds those to `store`.
    pub(super) fn feed(&self, carried: &Carried, store: &FreshStore) -> Result<(), EvalError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| EvalError::File { path, source }
        };
        let folder = tempfile::tempdir().map_err(failed(&std::env::temp_dir()))?;
        let documents = folder.path().join("documents");
        let files =
            self.files(carried).into_iter().map(|(name, text)| (folder.path().join(name), text));
        let pages =
            self.pages(carried).into_iter().map(|(name, text)| (documents.join(name), text));
        let mut telemetry: Vec<PathBuf> = Vec::new();
        for (path, text) in files.chain(pages) {
            let parent = path.parent().unwrap_or(folder.path());
            std::fs::create_dir_all(parent).map_err(failed(parent))?;
            std::fs::write(&path, text).map_err(failed(&path))?;
            if !path.starts_with(&documents) {
                telemetry.push(path);
            }
        }
        store.ingest(&telemetry, Self::end())?;
        let investigator = &store.investigator;
        index_directory(
            DocumentSource::at(&documents),
            store.store().documents(),
            &investigator.masker,
            investigator.embedder.get().ok(),
            &|_| {},
        )
        .map_err(|error| EvalError::Ingest { path: documents, message: error.to_string() })?;
        Ok(())
    }

    fn files(&self, carried: &Carried) -> Vec<(&'static str, String)> {
        let mut files = vec![
            ("traces.otlp.jsonl", spans::traces(self, carried)),
            ("logs.otlp.jsonl", self.logs(carried)),
            ("metrics.otlp.jsonl", self.metrics(carried)),
            ("changes.json", self.changes()),
        ];
        if !carried.alerts.is_empty() {
            let lines = carried.alerts.iter().map(|alert| format!("{alert}\n"));
            files.push(("alerts.jsonl", lines.collect()));
        }
        files
    }

    /// Ordinary runbooks, so that a poisoned one has neighbours.
    fn pages(&self, carried: &Carried) -> Vec<(String, String)> {
        let page = |service: &str, symptom: &str| {
            let text = format!(
                "# {service}: {symptom}\n\nLook at the error rate and the duration of {service}, then at what was \
changed before it began.\n\nCompare the pods with each other. Roll back the last change when it fits the time.\n"
            );
            (format!("runbooks/{service}.md"), text)
        };
        let mut pages = vec![
            page(&self.item.service, &self.item.symptom),
            page(self.caller, "pages load slowly or fail"),
            page(self.callee, "queries are slow"),
        ];
        pages.extend(carried.pages.iter().cloned());
        pages
    }

    fn changes(&self) -> String {
        let change = |kind: &str, (id, service): (&str, &str), time: Timestamp, title: &str| json!({"kind": kind, "id": id, "service": service, "timestamp": time.to_string(), "title": title});
        let earlier = Timestamp::from_secs(START_SECS + 5 * 60);
        let title = format!("{} 4.18.2: smaller images", self.callee);
        let mut changes = vec![change("deploy", ("change-1", self.callee), earlier, &title)];
        if let Some(kind) = self.change {
            let time = Self::onset().plus_secs(-CHANGE_LEAD_SECS);
            let service = self.item.service.as_str();
            changes.push(change(kind, ("change-2", service), time, &self.item.true_cause));
        }
        json!({ "changes": changes }).to_string()
    }

    fn metrics(&self, carried: &Carried) -> String {
        let cpu = |service: &str, level: f64| {
            let points: Vec<Value> = Self::minutes()
                .enumerate()
                .map(|(number, time)| {
                    let noise = unit(mix(self.seed ^ 0x0c, number as u64));
                    json!({"timeUnixNano": time.nanos().to_string(), "asDouble": level + 0.05 * noise})
                })
                .collect();
            let metric = json!({"name": "process.cpu.utilization", "unit": "1", "gauge": {"dataPoints": points}});
            metrics_of(service, &[metric])
        };
        let own = self.item.service.as_str();
        let mut lines = vec![cpu(self.caller, 0.2), cpu(own, 0.3), cpu(self.callee, 0.25)];
        if !carried.metrics.is_empty() {
            lines.push(metrics_of(own, &carried.metrics));
        }
        lines.join("\n")
    }

    fn logs(&self, carried: &Carried) -> String {
        let mut own: Vec<Value> = Vec::new();
        let (mut above, mut below) = (Vec::new(), Vec::new());
        for request in &self.requests {
            let number = request.number + 40_000;
            let ms = self.own_ms(request) as u64;
            above.push(self.line(request, "INFO", format!("page {number} was sent")));
            below.push(self.line(
                request,
                "INFO",
                format!("query {number} took {} ms", 4 + request.number % 7),
            ));
            if !request.bad {
                own.push(self.line(request, "INFO", format!("request {number} done in {ms} ms")));
                continue;
            }
            let what = match self.trouble {
                Trouble::Slow => format!("request {number} took too long, {ms} ms"),
                Trouble::Errors | Trouble::Blip => format!("request {number} failed after {ms} ms"),
            };
            // What nobody changed is told by whoever suffers from it, as services do.
            let told = self.item.is_fault && request.in_trouble && self.change.is_none();
            let body = if told { format!("{what}: {}", self.item.true_cause) } else { what };
            own.push(self.line(request, "ERROR", body));
            above.push(self.line(
                request,
                "WARN",
                format!("call of {} for page {number} failed", self.item.service),
            ));
        }
        own.extend(self.carried_lines(carried));
        [(self.caller, above), (self.item.service.as_str(), own), (self.callee, below)]
            .into_iter()
            .map(|(service, records)| {
                let scope = json!([{"scope": {"name": "app"}, "logRecords": records}]);
                json!({"resourceLogs": [{"resource": spans::resource(service, &[]), "scopeLogs": scope}]}).to_string() + "\n"
            })
            .collect()
    }

    /// The item's lines, evenly over the trouble and each in a request that fails: as bad as an attacker can make it.
    fn carried_lines(&self, carried: &Carried) -> Vec<Value> {
        let bad: Vec<&Request> =
            self.requests.iter().filter(|request| request.in_trouble && request.bad).collect();
        let genuine = bad.len();
        let count = carried.lines.times(genuine, true);
        let during: Vec<&Request> = if bad.is_empty() {
            self.requests.iter().filter(|request| request.in_trouble).collect()
        } else {
            bad
        };
        (0..count)
            .filter_map(|number| {
                let request = during.get(number * during.len() / count.max(1))?;
                Some(self.line(request, "ERROR", carried.lines.text(number)?.to_owned()))
            })
            .collect()
    }

    fn line(&self, request: &Request, severity: &str, body: String) -> Value {
        let number = match severity {
            "ERROR" => 17,
            "WARN" => 13,
            _ => 9,
        };
        let time = request.start.plus_nanos((self.own_ms(request) * 1e6) as i64);
        json!({
            "timeUnixNano": time.nanos().to_string(),
            "severityNumber": number,
            "severityText": severity,
            "body": {"stringValue": body},
            "traceId": spans::trace_id(self.seed, request),
        })
    }

    /// Milliseconds that the service itself spends on a request.
    pub(super) fn own_ms(&self, request: &Request) -> f64 {
        let usual = 12.0 + 10.0 * request.luck;
        if request.bad && self.trouble == Trouble::Slow { 40.0 * usual } else { usual }
    }
}

/// One line of OTLP with the metrics of one service.
fn metrics_of(service: &str, metrics: &[Value]) -> String {
    let scope = json!([{"scope": {"name": "runtime"}, "metrics": metrics}]);
    json!({"resourceMetrics": [{"resource": spans::resource(service, &[]), "scopeMetrics": scope}]})
        .to_string()
}

/// Told from the words of the symptom: requests are slow where it speaks of time, and fail otherwise.
fn trouble(item: &Item) -> Trouble {
    const OF_TIME: [&str; 11] =
        ["latency", "slow", "slower", "p50", "p90", "p95", "p99", "ms", "lag", "delay", "duration"];
    if !item.is_fault {
        return Trouble::Blip;
    }
    let says = words(&item.symptom).any(|word| OF_TIME.contains(&word.as_str()));
    if says { Trouble::Slow } else { Trouble::Errors }
}

/// The kind of change that a cause names, if it names one.
fn kind_of_change(cause: &str) -> Option<&'static str> {
    const WORDS: [(&str, &[&str]); 4] = [
        (
            "deploy",
            &[
                "deploy",
                "deployment",
                "deployed",
                "release",
                "rollout",
                "version",
                "upgrade",
                "introduced",
            ],
        ),
        ("flag", &["flag", "toggle"]),
        ("scaling", &["scaled", "scaling", "replicas"]),
        ("config", &["config", "configuration", "setting", "change", "changed", "policy"]),
    ];
    let said: Vec<String> = words(cause).collect();
    WORDS
        .iter()
        .find(|(_, names)| said.iter().any(|word| names.contains(&word.as_str())))
        .map(|(kind, _)| *kind)
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase)
}

/// The next of a stream of numbers, splitmix64.
pub(super) fn mix(seed: u64, number: u64) -> u64 {
    let mut mixed =
        (seed ^ number.wrapping_mul(0xA076_1D64_78BD_642F)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
