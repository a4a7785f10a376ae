//! `groundcrew index`: runbooks and past incidents into the document index, once or as they change, or a check of them.

mod check;
mod watch;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use groundcrew_indexer::docs::{
    DocumentSource, IndexProgress, IndexSummary, VectorCounts, index_directory,
};
use groundcrew_llm::Embedder;
use groundcrew_masking::Masker;
use groundcrew_store::DocumentIndex;
use indicatif::{ProgressBar, ProgressStyle};

use super::arguments::IndexArguments;
use super::exit::Exit;
use super::print;
use crate::app;
use crate::config::Settings;
use crate::text::visible;

pub(super) use watch::run as watch;

pub(super) fn run(settings: &Settings, arguments: &IndexArguments) -> Result<Exit> {
    let reader = Reader::new(settings);
    if arguments.check {
        return check::run(settings, &reader, arguments);
    }
    let documents = app::open_documents(settings)?;
    let embedder = embedder(settings);
    let mut count = 0;
    for directory in &arguments.directories {
        let summary = index(&documents, &reader, embedder.as_deref(), directory)?;
        print_summary(&summary);
        count += summary.documents;
    }
    Ok(if count == 0 { Exit::NotEnoughEvidence } else { Exit::Success })
}

/// How files are read, as the settings have it.
#[derive(Clone)]
struct Reader {
    /// This program, which reads PDF files in a process of their own.
    program: Option<PathBuf>,
    permalink_hosts: Vec<String>,
}

impl Reader {
    fn new(settings: &Settings) -> Self {
        Self {
            program: std::env::current_exe().ok(),
            permalink_hosts: settings.documents.permalink_hosts.clone(),
        }
    }

    fn source<'s>(&'s self, path: &'s Path) -> DocumentSource<'s> {
        let pdf_reader = self.program.as_deref();
        DocumentSource { path, pdf_reader, permalink_hosts: &self.permalink_hosts }
    }
}

fn embedder(settings: &Settings) -> Option<Box<dyn Embedder>> {
    match app::load_embedder(&settings.embedding) {
        Ok(embedder) => Some(embedder),
        Err(error) => {
            print::note(format!("indexing for search by words alone: {error}"));
            None
        }
    }
}

/// Indexes one directory, with a bar where somebody looks.
fn index(
    documents: &DocumentIndex,
    reader: &Reader,
    embedder: Option<&dyn Embedder>,
    directory: &Path,
) -> Result<IndexSummary> {
    let bar =
        if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}") {
        bar.set_style(style);
    }
    let source = reader.source(directory);
    let summary = index_directory(source, documents, &Masker::new(), embedder, &|progress| {
        let (what, done, all) = match progress {
            IndexProgress::Reading { done, all } => ("reading", done, all),
            IndexProgress::Embedding { done, all } => ("embedding", done, all),
            IndexProgress::Writing => ("writing", 1, 1),
        };
        bar.set_message(what);
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    summary.with_context(|| {
        format!(
            "{} was not indexed; what was indexed before is still searched",
            directory.display()
        )
    })
}

fn print_summary(summary: &IndexSummary) {
    let how = match summary.vectors {
        Some(VectorCounts { embedded: 0, cached: 0 }) => "by words and meaning".to_owned(),
        Some(VectorCounts { embedded, cached }) => {
            format!("by words and meaning ({embedded} embedded now, {cached} known from before)")
        }
        None => "by words alone".to_owned(),
    };
    let kept = summary.chunks.saturating_sub(summary.chunks_new);
    let unchanged = if kept == 0 { String::new() } else { format!(" ({kept} unchanged)") };
    print::note(format!(
        "indexed {} documents, {} passages{unchanged}, searchable {how}",
        summary.documents, summary.chunks
    ));
    print_problems(summary);
}

fn print_problems(summary: &IndexSummary) {
    for warning in &summary.warnings {
        let place = format!("{}:{}", warning.path.display(), warning.line);
        print::note(visible(&format!("warning: {place}: {}", warning.reason)));
    }
    for (path, reason) in &summary.skipped {
        print::note(visible(&format!("skipped {}: {reason}", path.display())));
    }
}
