//! What a few letters may mean: a service, an incident, a trace, a metric, a document.

use groundcrew_store::{DocumentQuery, MetricQuery, Store};
use groundcrew_telemetry::{TimeRange, Timestamp, TraceId};

use super::overview::listed_incidents;
use super::view::{SearchHit, SearchView};
use super::when::{Asked, ExploreError, given};

/// Hits of one kind.
const KIND_MAX: usize = 6;
/// Series whose names are looked through.
const SERIES_MAX: usize = 20_000;
/// How far back metrics are known by name.
const METRICS_SECS: i64 = 3_600;

/// Places that `asked.q` may mean.
///
/// # Errors
/// When the stores cannot be read.
pub fn search(store: &Store, asked: &Asked, now: Timestamp) -> Result<SearchView, ExploreError> {
    let Some(words) = given(&asked.q) else { return Ok(SearchView { hits: Vec::new() }) };
    let lower = words.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&lower);
    let mut hits = Vec::new();
    if let Some(trace) = TraceId::from_hex(words) {
        hits.push(hit("trace", &trace.to_string(), "", format!("/trace/{trace}")));
    }
    let coverage = store.coverage()?;
    let services = coverage.services.iter().filter(|service| has(service)).take(KIND_MAX);
    hits.extend(
        services.map(|name| hit("service", name, "", format!("/services?focus={}", encoded(name)))),
    );
    let incidents = listed_incidents(store.state())?.incidents;
    let named =
        incidents.iter().filter(|row| has(&row.code) || has(&row.title) || has(&row.question));
    hits.extend(named.take(KIND_MAX).map(|row| {
        let title = format!("{} {}", row.code, row.title);
        hit("incident", &title, &row.question, format!("/i/{}", encoded(&row.code)))
    }));
    hits.extend(metric_hits(store, &has, now)?);
    let text = words.to_owned();
    let query = DocumentQuery { text, limit: KIND_MAX, ..DocumentQuery::default() };
    // Letters that begin no word find no document; that is no failure of the search.
    for found in store.documents().search(&query).unwrap_or_default() {
        let chunk = found.chunk;
        let kind = if chunk.kind.name() == "runbook" { "runbook" } else { "document" };
        let path = format!("/runbooks?q={}&doc={}", encoded(words), encoded(&chunk.document));
        hits.push(hit(kind, &chunk.title, &chunk.heading_path.join(" › "), path));
    }
    Ok(SearchView { hits })
}

fn metric_hits(
    store: &Store,
    has: &dyn Fn(&str) -> bool,
    now: Timestamp,
) -> Result<Vec<SearchHit>, ExploreError> {
    let newest = super::when::newest(store)?.map_or(now, |newest| newest.min(now));
    let rows = store.metrics(&MetricQuery {
        range: TimeRange::last_secs(newest, METRICS_SECS),
        services: Vec::new(),
        name: None,
        series_max: SERIES_MAX,
    })?;
    let mut names: Vec<&str> =
        rows.iter().map(|row| row.series.name.as_str()).filter(|name| has(name)).collect();
    names.sort_unstable();
    names.dedup();
    let hits = names.into_iter().take(KIND_MAX);
    Ok(hits
        .map(|name| hit("metric", name, "", format!("/metrics?name={}", encoded(name))))
        .collect())
}

fn hit(kind: &str, title: &str, detail: &str, path: String) -> SearchHit {
    SearchHit { kind: kind.to_owned(), title: title.to_owned(), detail: detail.to_owned(), path }
}

/// A value as it stands in an address.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
