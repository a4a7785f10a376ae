//! Where telemetry is read once more after it was gathered, to measure what a sentence asserts and to look further: in
//! the stores, or, where there are none, in what was gathered before. A replay of a capsule has only the latter.

use std::sync::Arc;

use groundcrew_store::{
    DocumentChunk, DocumentQuery, Found, LogQuery, MetricQuery, SpanQuery, Store, StoreError,
    TemplateQuery, sample_spans,
};
use groundcrew_telemetry::{
    ChangeEvent, ClusterSnapshot, LogRow, SeriesRow, SpanRow, TemplateRow, TimeRange, Timestamp,
};

use super::context::LazyEmbedder;
use super::material::{Gathered, Passage, RememberedSource};

/// Where to read. Cheap to clone.
#[derive(Clone)]
pub enum Source {
    /// In the stores.
    Stores {
        /// Where everything is.
        store: Arc<Store>,
        /// For searching documents by meaning.
        embedder: Arc<LazyEmbedder>,
    },
    /// In what was gathered for one plan. What is not in it may exist all the same.
    Slices(Arc<Gathered>),
}

/// Why something could not be read, in words.
type Unread = String;

fn told(error: StoreError) -> Unread {
    error.to_string()
}

impl Source {
    /// Whether what is not found here does not exist, as far as anybody knows.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        matches!(self, Self::Stores { .. })
    }

    /// Log templates with their counts.
    ///
    /// # Errors
    /// In words, when they cannot be read.
    pub fn log_templates(&self, query: &TemplateQuery) -> Result<Vec<TemplateRow>, Unread> {
        match self {
            Self::Stores { store, .. } => store.log_templates(query).map_err(told),
            Self::Slices(gathered) => Ok(templates_in(gathered, query)),
        }
    }

    /// Single log lines.
    ///
    /// # Errors
    /// In words, when they cannot be read; without stores, where patterns of lines were gathered and few lines, when
    /// none is found.
    pub fn search_logs(&self, query: &LogQuery) -> Result<Vec<LogRow>, Unread> {
        match self {
            Self::Stores { store, .. } => store.search_logs(query).map_err(told),
            Self::Slices(gathered) => lines_in(gathered, query).ok_or_else(|| {
                "of single log lines the capsule holds only the newest of suspected services; log_patterns shows all patterns"
                    .to_owned()
            }),
        }
    }

    /// Spans, sampled by whole traces beyond the query's limit.
    ///
    /// # Errors
    /// In words, when they cannot be read.
    pub fn spans(&self, query: &SpanQuery) -> Result<Found<SpanRow>, Unread> {
        match self {
            Self::Stores { store, .. } => store.spans(query).map_err(told),
            Self::Slices(gathered) => Ok(spans_in(gathered, query)),
        }
    }

    /// Spans of old traces that stayed because they failed or were slow, beside the even share that [`Self::spans`] shows.
    ///
    /// # Errors
    /// In words, when they cannot be read.
    pub fn spans_standing_out(&self, query: &SpanQuery) -> Result<Vec<SpanRow>, Unread> {
        match self {
            Self::Stores { store, .. } => store.spans_standing_out(query).map_err(told),
            // What was gathered is an even share.
            Self::Slices(_) => Ok(Vec::new()),
        }
    }

    /// Metric series.
    ///
    /// # Errors
    /// In words, when they cannot be read.
    pub fn metrics(&self, query: &MetricQuery) -> Result<Vec<SeriesRow>, Unread> {
        match self {
            Self::Stores { store, .. } => store.metrics(query).map_err(told),
            Self::Slices(gathered) => Ok(series_in(gathered, query)),
        }
    }

    /// Changes that took effect in the range, oldest first.
    ///
    /// # Errors
    /// In words, when they cannot be read.
    pub fn changes(&self, range: TimeRange) -> Result<Vec<ChangeEvent>, Unread> {
        match self {
            Self::Stores { store, .. } => store.changes(range).map_err(told),
            Self::Slices(gathered) => {
                let changes = gathered.observations.changes.iter();
                Ok(changes.filter(|change| range.contains(change.time)).cloned().collect())
            }
        }
    }

    /// Views of the cluster up to a time, oldest first; without stores one of everything as it was last seen.
    ///
    /// # Errors
    /// In words, when they cannot be read.
    pub fn cluster(&self, until: Timestamp) -> Result<Vec<ClusterSnapshot>, Unread> {
        match self {
            Self::Stores { store, .. } => {
                store.cluster(TimeRange::new(Timestamp::MIN, until)).map_err(told)
            }
            Self::Slices(gathered) => Ok(vec![ClusterSnapshot {
                time: gathered.observations.window.end,
                title: "as last seen".to_owned(),
                text: String::new(),
                objects: gathered.observations.objects.clone(),
                events: gathered.observations.cluster_events.clone(),
            }]),
        }
    }

    /// Pieces of documents that a query finds, best first; without stores all that were gathered.
    ///
    /// # Errors
    /// In words, when they cannot be searched.
    pub fn documents(&self, query: &DocumentQuery) -> Result<Vec<DocumentChunk>, Unread> {
        match self {
            Self::Stores { store, .. } => {
                let hits = store.documents().search(query).map_err(told)?;
                Ok(hits.into_iter().map(|hit| hit.chunk).collect())
            }
            Self::Slices(gathered) => {
                Ok(passages_in(gathered).map(|passage| passage.chunk.clone()).collect())
            }
        }
    }
}

/// Every passage that was gathered: those that may help, then those of past incidents.
fn passages_in(gathered: &Gathered) -> impl Iterator<Item = &Passage> {
    let remembered = gathered.memory.iter().filter_map(|one| match &one.source {
        RememberedSource::Document { passage, .. } => Some(passage.as_ref()),
        RememberedSource::Record(_) => None,
    });
    gathered.passages.iter().chain(remembered)
}

fn admits(services: &[String], service: &str) -> bool {
    services.is_empty() || services.iter().any(|wanted| wanted == service)
}

/// Templates of the window or the baseline as they were counted; of any other range cut by the minute.
fn templates_in(gathered: &Gathered, query: &TemplateQuery) -> Vec<TemplateRow> {
    let seen = &gathered.observations;
    let of_services = |row: &&TemplateRow| admits(&query.services, &row.service);
    if query.range == seen.window {
        return seen.templates_window.iter().filter(of_services).cloned().collect();
    }
    if let Some(position) = seen.baseline.iter().position(|range| *range == query.range) {
        // Several ranges of a baseline were added up, so that the first has the counts of all.
        let rows = seen.templates_baseline.iter().filter(|_| position == 0);
        return rows.filter(of_services).cloned().collect();
    }
    let both = [&seen.templates_window, &seen.templates_baseline];
    let rows = both.into_iter().flatten().filter(of_services);
    rows.filter_map(|row| cut_template(row, query.range)).collect()
}

fn cut_template(row: &TemplateRow, range: TimeRange) -> Option<TemplateRow> {
    let inside = |minute: i64| range.start.minute() <= minute && minute <= range.end.minute();
    let mut cut = row.clone();
    cut.minutes.retain(|(minute, _)| inside(*minute));
    cut.count = cut.minutes.iter().map(|(_, count)| u64::from(*count)).sum();
    cut.first = cut.first.max(range.start);
    cut.last = cut.last.min(range.end);
    (cut.count > 0).then_some(cut)
}

/// Lines as the store would find them, newest first or not, or `None` where there are none: there may have been.
fn lines_in(gathered: &Gathered, query: &LogQuery) -> Option<Vec<LogRow>> {
    let holds = |row: &LogRow| query.text.admits(row.resource.service(), &row.record);
    let mut rows: Vec<&LogRow> = gathered
        .lines
        .iter()
        .filter(|row| query.range.contains(row.record.time))
        .filter(|row| admits(&query.services, row.resource.service()))
        .filter(|row| query.severity_min.is_none_or(|least| row.record.severity >= least))
        .filter(|row| query.template.is_none_or(|wanted| row.record.template == Some(wanted)))
        .filter(|row| query.trace_id.is_none_or(|wanted| row.record.trace_id == Some(wanted)))
        .filter(|row| holds(row))
        .collect();
    // They were gathered newest first, and those of one moment stay in that order.
    if !query.newest_first {
        rows.reverse();
    }
    rows.truncate(query.limit);
    (!rows.is_empty()).then(|| rows.into_iter().cloned().collect())
}

fn spans_in(gathered: &Gathered, query: &SpanQuery) -> Found<SpanRow> {
    let rows = &gathered.observations.spans;
    let wanted = rows.iter().filter(|row| {
        query.range.contains(row.span.start)
            && query.trace_id.is_none_or(|trace| row.span.trace_id == trace)
            && admits(&query.services, row.resource.service())
    });
    let mut found = sample_spans(wanted, query.limit);
    if query.trace_id.is_none() {
        // What was gathered may be a sample itself.
        let share = rows.len() as f64 / gathered.receipt.spans.max(rows.len() as u64).max(1) as f64;
        found.matched = (found.matched as f64 / share.max(f64::MIN_POSITIVE)).round() as u64;
    }
    found
}

fn series_in(gathered: &Gathered, query: &MetricQuery) -> Vec<SeriesRow> {
    let wanted = gathered.observations.series.iter().filter(|row| {
        query.name.as_deref().is_none_or(|name| row.series.name == name)
            && admits(&query.services, row.resource.service())
    });
    let cut = wanted.filter_map(|row| {
        let mut row = row.clone();
        row.series.points.retain(|point| query.range.contains(point.time));
        (!row.series.points.is_empty()).then_some(row)
    });
    cut.take(query.series_max).collect()
}
