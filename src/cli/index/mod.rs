//! `groundcrew index`: runbooks and past incidents into the document index.

use std::io::IsTerminal;

use anyhow::Result;
use groundcrew_indexer::docs::{IndexProgress, VectorCounts, index_directory};
use groundcrew_masking::Masker;
use groundcrew_store::Access;
use indicatif::{ProgressBar, ProgressStyle};

use super::arguments::IndexArguments;
use super::exit::Exit;
use super::print;
use crate::app;
use crate::config::Settings;
use crate::text::visible;

pub(super) fn run(settings: &Settings, arguments: &IndexArguments) -> Result<Exit> {
    let store = app::open_store(settings, Access::ReadWrite)?;
    let embedder = match app::load_embedder(&settings.embedding) {
        Ok(embedder) => Some(embedder),
        Err(error) => {
            print::note(format!("indexing for search by words alone: {error}"));
            None
        }
    };
    let bar =
        if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}") {
        bar.set_style(style);
    }
    let documents = store.documents();
    let masker = Masker::new();
    let summary = index_directory(
        &arguments.directory,
        documents,
        &masker,
        embedder.as_deref(),
        &|progress| {
            let (what, done, all) = match progress {
                IndexProgress::Reading { done, all } => ("reading", done, all),
                IndexProgress::Embedding { done, all } => ("embedding", done, all),
                IndexProgress::Writing => ("writing", 1, 1),
            };
            bar.set_message(what);
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        },
    );
    bar.finish_and_clear();
    let summary = summary?;
    let how = match summary.vectors {
        Some(VectorCounts { embedded, cached }) => {
            format!("by words and meaning ({embedded} embedded now, {cached} known from before)")
        }
        None => "by words alone".to_owned(),
    };
    print::note(format!(
        "indexed {} documents, {} passages, searchable {how}",
        summary.documents, summary.chunks
    ));
    for warning in &summary.warnings {
        let place = format!("{}:{}", warning.path.display(), warning.line);
        print::note(visible(&format!("warning: {place}: {}", warning.reason)));
    }
    for (path, reason) in &summary.skipped {
        print::note(visible(&format!("skipped {}: {reason}", path.display())));
    }
    Ok(if summary.documents == 0 { Exit::NotEnoughEvidence } else { Exit::Success })
}
