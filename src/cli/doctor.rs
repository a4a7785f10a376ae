//! `groundcrew doctor`: what is configured, what is reachable, what is missing, each with its fix.

use std::time::Duration;

use anyhow::Result;
use groundcrew_store::{Access, Coverage, KeptSignal, SignalCoverage, Store};
use groundcrew_telemetry::{Clock, SystemClock, Timestamp};
use serde::Serialize;

use super::arguments::{DoctorArguments, DoctorOutput};
use super::exit::Exit;
use super::print;
use crate::app::{self, Addresses};
use crate::config::{DurabilitySetting, Settings};
use crate::investigate::format::{count, period, quantity};
use crate::neighbours::neighbours;
use crate::surfaces::panel;
use crate::text::visible;
use crate::upkeep::upkeep;

/// Longest wait for something to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// Below this much free space the store will soon refuse telemetry.
const FREE_BYTES_MIN: u64 = 1 << 30;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Ok,
    Warning,
    Problem,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    name: &'static str,
    status: Status,
    detail: String,
    fix: Option<String>,
}

pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, status: Status::Ok, detail: detail.into(), fix: None }
}

pub(super) fn warning(
    name: &'static str,
    detail: impl Into<String>,
    fix: impl Into<String>,
) -> Check {
    Check { name, status: Status::Warning, detail: detail.into(), fix: Some(fix.into()) }
}

pub(super) fn problem(
    name: &'static str,
    detail: impl Into<String>,
    fix: impl Into<String>,
) -> Check {
    Check { name, status: Status::Problem, detail: detail.into(), fix: Some(fix.into()) }
}

pub(super) async fn run(settings: Settings, arguments: DoctorArguments) -> Result<Exit> {
    let mut checks = vec![exposure(&settings), directory(&settings)];
    checks.extend(store(&settings));
    checks.push(durability(&settings));
    checks.extend(server(&settings).await);
    checks.push(embedding(&settings));
    checks.push(model(&settings).await);
    checks.extend(servers(&settings).await);
    checks.push(panel_check());
    report(&checks, arguments.output)
}

/// Prints what was found; there being a problem is the exit code.
pub(super) fn report(checks: &[Check], output: DoctorOutput) -> Result<Exit> {
    match output {
        DoctorOutput::Json => print::out(&format!("{}\n", serde_json::to_string_pretty(checks)?))?,
        DoctorOutput::Text => checks.iter().try_for_each(|check| print::out(&line(check)))?,
    }
    let healthy = checks.iter().all(|check| check.status != Status::Problem);
    Ok(if healthy { Exit::Success } else { Exit::NotEnoughEvidence })
}

/// Servers that a model may ask, where some are configured.
async fn servers(settings: &Settings) -> Vec<Check> {
    let Some(neighbours) = neighbours(&settings.mcp.servers) else { return Vec::new() };
    let offer = (neighbours.offer)().await;
    let mut checks: Vec<Check> = settings
        .mcp
        .servers
        .iter()
        .map(|server| {
            let tools = offer.tools.iter().filter(|tool| tool.server == server.name);
            (server, tools.count())
        })
        .filter(|(_, tools)| *tools > 0)
        .map(|(server, tools)| ok("server to ask", format!("{}, {tools} tools", server.name)))
        .collect();
    checks.extend(
        offer
            .gaps
            .into_iter()
            .map(|gap| warning("server to ask", gap.what, gap.fix.unwrap_or_default())),
    );
    checks
}

fn line(check: &Check) -> String {
    let mark = match check.status {
        Status::Ok => "✔",
        Status::Warning => "⚠",
        Status::Problem => "✖",
    };
    let fix =
        check.fix.as_deref().map(|fix| format!("\n    → {}", visible(fix))).unwrap_or_default();
    format!("{mark} {}: {}{fix}\n", check.name, visible(&check.detail))
}

fn exposure(settings: &Settings) -> Check {
    match settings.check_exposure() {
        Ok(()) if settings.is_loopback_only() => ok("settings", "loopback only"),
        Ok(()) => ok("settings", "open to others, with a token"),
        Err(error) => problem("settings", error.to_string(), "set server.token_file"),
    }
}

fn directory(settings: &Settings) -> Check {
    let path = &settings.data.dir;
    if !path.exists() {
        return warning(
            "data directory",
            format!("{} does not exist yet", path.display()),
            "groundcrew ingest FILE, groundcrew serve or groundcrew demo makes it",
        );
    }
    match rustix::fs::statvfs(path) {
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            let detail = format!("{}, {} GiB free", path.display(), free >> 30);
            if free < FREE_BYTES_MIN {
                return problem(
                    "data directory",
                    detail,
                    "free some space: telemetry is refused when the disk is full",
                );
            }
            ok("data directory", detail)
        }
        Err(error) => problem(
            "data directory",
            format!("{}: {error}", path.display()),
            "check its permissions",
        ),
    }
}

fn store(settings: &Settings) -> Vec<Check> {
    if !settings.data.dir.exists() {
        return Vec::new();
    }
    let store = match app::open_store(settings, Access::ReadOnly) {
        Ok(store) => store,
        Err(error) => {
            return vec![problem(
                "store",
                error.to_string(),
                "restore it from a backup, or choose another --data-dir",
            )];
        }
    };
    let mut checks = match store.coverage() {
        Ok(coverage) => coverage_checks(&coverage, SystemClock.now()),
        Err(error) => vec![problem("store", error.to_string(), "restore it from a backup")],
    };
    checks.extend(keeping(&store, settings));
    checks.push(match store.documents().counts() {
        Ok(counts) if counts.documents == 0 => {
            warning("documents", "no runbooks or past incidents", "groundcrew index ./runbooks")
        }
        Ok(counts) if counts.vectors == 0 => warning(
            "documents",
            format!("{} documents, searched by words alone", counts.documents),
            "fetch the embedding model with `make model`, then index again",
        ),
        Ok(counts) => ok(
            "documents",
            format!("{} documents, {} passages with vectors", counts.documents, counts.vectors),
        ),
        Err(error) => problem("documents", error.to_string(), "groundcrew index ./runbooks"),
    });
    checks
}

fn coverage_checks(coverage: &Coverage, now: Timestamp) -> Vec<Check> {
    let mut checks = vec![
        signal("logs", &coverage.logs, now),
        signal("traces", &coverage.spans, now),
        signal("metrics", &coverage.points, now),
    ];
    checks.extend(
        coverage
            .warnings
            .iter()
            .map(|text| warning("store", text.clone(), "see docs/OPERATING.md")),
    );
    checks
}

fn signal(name: &'static str, coverage: &SignalCoverage, now: Timestamp) -> Check {
    let Some(range) = coverage.range else {
        return warning(
            name,
            "none were ever sent",
            "point an OTLP exporter at port 4317 or 4318, or `groundcrew ingest` a file",
        );
    };
    let detail = format!("{} records, {range}", count(coverage.count));
    if now.secs_since(range.end) > 3_600.0 {
        return warning(
            name,
            format!("{detail}; silent for over an hour"),
            "check the exporter, or ask with --at",
        );
    }
    ok(name, detail)
}

fn durability(settings: &Settings) -> Check {
    let durability = settings.data.durability;
    let detail = format!("{}: {}", durability.name(), durability.meaning());
    match durability {
        DurabilitySetting::Fsync => ok("durability", detail),
        DurabilitySetting::Os => warning("durability", detail, "set data.durability to \"fsync\""),
    }
}

/// How much is on disk, how far it goes back and how long it is kept.
fn keeping(store: &Store, settings: &Settings) -> Vec<Check> {
    let limits = match upkeep(settings) {
        Ok(upkeep) => upkeep.retention,
        Err(error) => return vec![problem("retention", error.to_string(), "correct the setting")],
    };
    let kept = store.kept(&limits);
    let until = |limit: Option<Duration>| {
        limit.map_or("kept".to_owned(), |limit| format!("kept for {}", period(limit.as_secs())))
    };
    let on_disk = |name: &str, signal: &KeptSignal, limit: Option<Duration>| {
        let since = signal.range.map(|range| format!(" since {}", range.start.whole_secs()));
        format!(
            "{name} {}{}, {}",
            quantity(signal.bytes as f64, "By"),
            since.unwrap_or_default(),
            until(limit)
        )
    };
    let mut parts = vec![
        on_disk("logs", &kept.logs, limits.logs),
        on_disk("counts alone", &kept.rollups, limits.rollups),
        on_disk("traces", &kept.traces, limits.traces),
        on_disk("metrics", &kept.metrics, limits.metrics),
    ];
    if let Some(range) = kept.sampled.range {
        let until = range.end.whole_secs();
        parts.push(format!("of traces up to {until} failed and slow ones and an even share"));
    }
    let oldest = kept.oldest_change.map(|oldest| format!(" since {}", oldest.whole_secs()));
    parts.push(format!("changes{}, {}", oldest.unwrap_or_default(), until(limits.changes)));
    if kept.cold.splits > 0 {
        parts.push(format!("in the bucket {}", quantity(kept.cold.bytes as f64, "By")));
    }
    if let Some(bytes_max) = limits.bytes_max {
        parts.push(format!("all at most {}", quantity(bytes_max as f64, "By")));
    }
    let mut checks = vec![ok("retention", parts.join("; "))];
    checks.extend(kept.held.map(|held| {
        warning("retention", held, "check the machine's clock; docs/OPERATING.md, Retention")
    }));
    checks
}

/// Whether a server runs, and what it says of itself.
async fn server(settings: &Settings) -> Vec<Check> {
    let Some(addresses) = Addresses::of_directory(&settings.data.dir) else {
        return vec![warning("server", "none runs on this data directory", "groundcrew serve")];
    };
    let url = format!("http://{}/readyz", addresses.http);
    let mut request = reqwest::Client::new().get(&url).timeout(PROBE_TIMEOUT);
    if !settings.server.token.is_empty() {
        request = request.bearer_auth(settings.server.token.expose());
    }
    let Ok(response) = request.send().await else {
        return vec![warning("server", "the last one did not stop in order", "groundcrew serve")];
    };
    let status = response.status();
    if !status.is_success() {
        let detail = format!("{url} answers {status}");
        return vec![problem("server", detail, "see the server's log")];
    }
    let said = response.text().await.unwrap_or_default();
    let lines = said.lines().filter_map(|line| line.strip_prefix("warning: "));
    let warnings = lines.map(|line| warning("server", line, "see docs/OPERATING.md"));
    let ready = ok("server", format!("ready on http://{}", addresses.http));
    std::iter::once(ready).chain(warnings).collect()
}

fn embedding(settings: &Settings) -> Check {
    match app::load_embedder(&settings.embedding) {
        Ok(embedder) => ok("embedding model", embedder.identity().to_owned()),
        Err(error) => warning(
            "embedding model",
            error.to_string(),
            "make model (search by words works without it)",
        ),
    }
}

async fn model(settings: &Settings) -> Check {
    let llm = &settings.llm;
    if !llm.is_configured() {
        return warning(
            "language model",
            "none is configured; answers are facts only",
            "export OPENAI_API_KEY=..., or set llm.base_url to an OpenAI-compatible server",
        );
    }
    let base = if llm.base_url.is_empty() {
        "https://api.openai.com/v1"
    } else {
        llm.base_url.trim_end_matches('/')
    };
    let mut request = reqwest::Client::new().get(format!("{base}/models")).timeout(PROBE_TIMEOUT);
    if !llm.api_key.is_empty() {
        request = request.bearer_auth(llm.api_key.expose());
    }
    match request.send().await {
        Ok(response) if response.status().is_success() => {
            ok("language model", format!("{} at {base}", llm.model))
        }
        Ok(response) => problem(
            "language model",
            format!("{base} answers {}", response.status()),
            "check llm.api_key and llm.base_url",
        ),
        Err(error) => problem(
            "language model",
            format!("{base} cannot be reached: {}", error.without_url()),
            "check llm.base_url; answers stay facts only meanwhile",
        ),
    }
}

fn panel_check() -> Check {
    if panel::is_built() {
        return ok("panel", "built in");
    }
    warning("panel", "this binary was built without it", "make web && cargo build --release")
}
