//! Runs a typed query: arguments are checked against what exists, results are items like any others.

use std::collections::BTreeMap;

use groundcrew_store::{
    DocumentFilter, DocumentQuery, Expression, LogQuery, MetricQuery, SpanQuery, TemplateQuery,
};
use groundcrew_telemetry::{SpanRow, TimeRange, Timestamp, TraceId};

use super::super::evidence::{Candidate, EvidenceKind};
use super::super::format::{count, milliseconds, moment, percent, time};
use super::super::look::{Look, LookFor};
use super::super::material::Passage;
use super::super::question::Plan;
use super::super::source::Source;
use crate::text::Tainted;

use super::{changes, cluster, documents, logs, metrics, trace_view};

/// Items that one query brings at most.
const ITEMS_MAX: usize = 8;
/// Lines that a search brings.
const LINES_MAX: usize = 20;
/// Spans that are read to find a trace or to draw the map.
const SPANS_MAX: usize = 20_000;
/// Longest words that are searched for, in bytes.
const WORDS_BYTES_MAX: usize = 200;
/// Names listed when one does not exist.
const NAMES_MAX: usize = 20;
/// How far back one can look: as far as an incident's traces reach.
const LOOKBACK_SECS: i64 = 30 * 86_400;

/// What queries are run on.
#[derive(Clone, Copy)]
pub struct Stores<'a> {
    /// Where to read.
    pub source: &'a Source,
    /// What is looked at; nothing after its end is read.
    pub plan: &'a Plan,
    /// Services that exist.
    pub services: &'a [String],
}

/// Runs the query.
///
/// # Errors
/// In words, when an argument is missing or names something that does not exist, or when nothing was found.
pub fn look(stores: Stores<'_>, look: &Look) -> Result<Vec<Candidate>, String> {
    let asked =
        Asked { stores, look, service: service(stores, look)?, range: range(stores, look)? };
    let mut found = match look.query {
        LookFor::SearchLogs => asked.lines()?,
        LookFor::LogPatterns => asked.patterns()?,
        LookFor::GetTrace => asked.trace()?,
        LookFor::QueryMetric => asked.metric()?,
        LookFor::ServiceMap => asked.map()?,
        LookFor::WhatChanged => asked.changes()?,
        LookFor::SearchDocuments => asked.documents()?,
        LookFor::ClusterState => asked.objects()?,
        // Another system's to answer, not the stores'.
        LookFor::AskServer => return Err("there is nobody to ask".to_owned()),
    };
    found.truncate(ITEMS_MAX);
    if found.is_empty() {
        return Err(format!(
            "nothing found between {} and {}",
            time(asked.range.start),
            time(asked.range.end)
        ));
    }
    Ok(found)
}

/// The service as it is spelled here.
fn service(stores: Stores<'_>, look: &Look) -> Result<Option<String>, String> {
    let Some(asked) = look.service.as_ref().filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    asked.resolve(stores.services).map(|known| Some(known.to_owned())).ok_or_else(|| {
        let known: Vec<&str> = stores.services.iter().map(String::as_str).take(NAMES_MAX).collect();
        format!("there is no such service; there are {}", known.join(", "))
    })
}

/// The time asked for, within what may be looked at; the examined time with its past when none is given.
fn range(stores: Stores<'_>, look: &Look) -> Result<TimeRange, String> {
    let whole = stores.plan.whole();
    let earliest = whole.end.plus_secs(-LOOKBACK_SECS);
    let read = |given: &Option<Tainted<String>>, default: Timestamp| match given {
        Some(text) if !text.is_empty() => {
            text.parse(|text| moment(text, whole.end)).ok_or_else(|| {
                "from and to are times such as 03:07:10 or 2026-11-22T03:07:10Z".to_owned()
            })
        }
        _ => Ok(default),
    };
    let default_start = match look.query {
        LookFor::WhatChanged | LookFor::ClusterState | LookFor::SearchDocuments => whole.start,
        _ => stores.plan.window.start,
    };
    let start = read(&look.from, default_start)?.max(earliest);
    let end = read(&look.to, whole.end)?.min(whole.end);
    if start >= end {
        return Err(
            "from must lie before to, and neither after the time that is examined".to_owned()
        );
    }
    Ok(TimeRange::new(start, end))
}

struct Asked<'a> {
    stores: Stores<'a>,
    look: &'a Look,
    service: Option<String>,
    range: TimeRange,
}

impl Asked<'_> {
    fn services(&self) -> Vec<String> {
        self.service.iter().cloned().collect()
    }

    fn words(&self) -> String {
        self.look
            .words
            .as_ref()
            .map(|words| words.search_words(WORDS_BYTES_MAX))
            .unwrap_or_default()
    }

    fn key(&self) -> String {
        format!("look:{}:{}:{}", self.look.told(), self.range.start, self.range.end)
    }

    fn lines(&self) -> Result<Vec<Candidate>, String> {
        // A model's words are words, whatever marks are among them.
        let text = Expression::words(self.words().split_whitespace());
        if text.is_empty() && self.service.is_none() {
            return Err("search_logs needs words or a service".to_owned());
        }
        let query = LogQuery {
            services: self.services(),
            text,
            newest_first: true,
            limit: LINES_MAX,
            ..LogQuery::within(self.range)
        };
        let rows = self.stores.source.search_logs(&query)?;
        let (Some(newest), Some(oldest)) = (rows.first(), rows.last()) else {
            return Ok(Vec::new());
        };
        let range = TimeRange::new(oldest.record.time, newest.record.time.plus_nanos(1));
        let lines: Vec<String> = rows.iter().rev().map(logs::line).collect();
        let whose = self.service.as_deref().map(|name| format!(" of {name}")).unwrap_or_default();
        let mut item = Candidate::new(
            EvidenceKind::Log,
            format!("the newest {} lines{whose} that were asked for", rows.len()),
            self.key(),
        );
        item.service.clone_from(&self.service);
        item.range = Some(range);
        item.query = Some(self.look.told());
        item.text = lines.join("\n");
        Ok(vec![item])
    }

    fn patterns(&self) -> Result<Vec<Candidate>, String> {
        let query = TemplateQuery { range: self.range, services: self.services() };
        let rows = self.stores.source.log_templates(&query)?;
        Ok(logs::template_candidates(&rows, self.stores.plan))
    }

    fn trace(&self) -> Result<Vec<Candidate>, String> {
        if let Some(id) = self.look.id.as_ref().filter(|id| !id.is_empty()) {
            let trace_id = id
                .parse(TraceId::from_hex)
                .ok_or_else(|| "the id of a trace has 32 hexadecimal digits".to_owned())?;
            let range = TimeRange::new(Timestamp::MIN, self.stores.plan.window.end);
            let rows = self.spans(range, Vec::new(), Some(trace_id))?;
            return Ok(trace_view::candidate(&rows).into_iter().collect());
        }
        let mut rows = self.spans(self.range, self.services(), None)?;
        rows.extend(self.stores.source.spans_standing_out(&SpanQuery {
            range: self.range,
            services: self.services(),
            trace_id: None,
            limit: SPANS_MAX,
        })?);
        let wants_failed = self.words().contains("fail") || self.words().contains("error");
        let shown = trace_view::telling(&rows, wants_failed);
        let Some(trace_id) = shown else {
            return Err(
                if wants_failed { "no trace failed" } else { "there are no traces" }.to_owned()
            );
        };
        let rows = self.spans(self.range, Vec::new(), Some(trace_id))?;
        Ok(trace_view::candidate(&rows).into_iter().collect())
    }

    fn spans(
        &self,
        range: TimeRange,
        services: Vec<String>,
        trace_id: Option<TraceId>,
    ) -> Result<Vec<SpanRow>, String> {
        let query = SpanQuery { range, services, trace_id, limit: SPANS_MAX };
        let found = self.stores.source.spans(&query)?;
        Ok(found.rows)
    }

    fn metric(&self) -> Result<Vec<Candidate>, String> {
        let query = |name: Option<String>| MetricQuery {
            range: TimeRange::new(
                self.stores.plan.whole().start.min(self.range.start),
                self.range.end,
            ),
            services: self.services(),
            name,
            series_max: 2_000,
        };
        let read = |name| self.stores.source.metrics(&query(name));
        let mut names: Vec<String> = read(None)?.into_iter().map(|row| row.series.name).collect();
        names.dedup();
        let Some(name) = self.look.name.as_ref().and_then(|name| name.resolve(&names)) else {
            let known: Vec<&str> = names.iter().map(String::as_str).take(NAMES_MAX).collect();
            return Err(format!(
                "query_metric needs the name of a metric; there are {}",
                known.join(", ")
            ));
        };
        Ok(read(Some(name.to_owned()))?.iter().filter_map(metrics::candidate).collect())
    }

    fn map(&self) -> Result<Vec<Candidate>, String> {
        let rows = self.spans(self.range, Vec::new(), None)?;
        let owners: BTreeMap<_, &str> = rows
            .iter()
            .map(|row| ((row.span.trace_id, row.span.span_id), row.resource.service()))
            .collect();
        let mut edges: BTreeMap<(&str, &str), (u64, u64, f64)> = BTreeMap::new();
        for row in &rows {
            let parent = row.span.parent_span_id.map(|parent| (row.span.trace_id, parent));
            let Some(caller) = parent.and_then(|parent| owners.get(&parent)) else { continue };
            let callee = row.resource.service();
            let is_wanted =
                self.service.as_deref().is_none_or(|name| name == *caller || name == callee);
            if *caller == callee || !is_wanted {
                continue;
            }
            let edge = edges.entry((caller, callee)).or_default();
            edge.0 += 1;
            edge.1 += u64::from(row.span.is_error());
            edge.2 += row.span.duration_nanos() as f64 / 1e6;
        }
        if edges.is_empty() {
            return Ok(Vec::new());
        }
        let lines: Vec<String> = edges
            .iter()
            .map(|((caller, callee), (calls, failed, total))| {
                format!(
                    "{caller} calls {callee}: {} calls, {} failed, {} in the mean",
                    count(*calls),
                    percent(*failed as f64 / (*calls).max(1) as f64),
                    milliseconds(total / (*calls).max(1) as f64)
                )
            })
            .collect();
        let mut item = Candidate::new(
            EvidenceKind::Span,
            format!("{} calls between services", lines.len()),
            self.key(),
        );
        item.service.clone_from(&self.service);
        item.range = Some(self.range);
        item.query = Some(self.look.told());
        Ok(vec![item.saying(&lines.join("\n"))])
    }

    fn changes(&self) -> Result<Vec<Candidate>, String> {
        let found = self.stores.source.changes(self.range)?;
        let wanted = found.iter().rev().filter(|change| {
            self.service.is_none() || change.service.is_none() || change.service == self.service
        });
        Ok(wanted.map(|change| changes::change_candidate(change, self.stores.plan)).collect())
    }

    fn documents(&self) -> Result<Vec<Candidate>, String> {
        if self.words().is_empty() {
            return Err("search_documents needs words".to_owned());
        }
        let words = self.words();
        let passages = match self.stores.source {
            Source::Stores { store, embedder } => {
                let vector = documents::meaning_of(store, embedder, &words);
                let vector = vector.and_then(Result::ok).flatten();
                let filter = DocumentFilter::default();
                let query = DocumentQuery { text: words, vector, filter, limit: ITEMS_MAX };
                documents::find(store, &query, &mut Vec::new())
            }
            // There is no index to search, but there are few: those that hold a word of the search.
            Source::Slices(gathered) => {
                let holds = |text: &str| {
                    let text = text.to_lowercase();
                    words.split_whitespace().any(|word| text.contains(word))
                };
                let passages = gathered.passages.iter();
                passages.filter(|passage| holds(&passage.chunk.text)).cloned().collect()
            }
        };
        let known = |passage: &&Passage| self.stores.plan.knows(passage.chunk.date);
        let helpful = passages.iter().filter(known).filter(|passage| passage.helps());
        Ok(helpful.map(documents::candidate).collect())
    }

    fn objects(&self) -> Result<Vec<Candidate>, String> {
        let snapshots = self.stores.source.cluster(self.range.end)?;
        let named = self.look.name.as_ref().map(|name| name.search_words(WORDS_BYTES_MAX));
        let service = || self.service.as_ref().map(|name| name.to_lowercase());
        let wanted = named.or_else(service).unwrap_or_default();
        let objects = if self.stores.source.is_whole() {
            cluster::latest(&snapshots)
        } else {
            snapshots.into_iter().flat_map(|snapshot| snapshot.objects).collect()
        };
        let named = objects
            .iter()
            .filter(|object| cluster::object_name(object).to_lowercase().contains(&wanted));
        let mut items: Vec<Candidate> = named.map(cluster::object_candidate).collect();
        items.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.key.cmp(&b.key)));
        Ok(items)
    }
}
