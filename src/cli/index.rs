//! `groundcrew index`: runbooks and past incidents into the document index.

use std::io::IsTerminal;

use anyhow::Result;
use groundcrew_indexer::docs::index_directory;
use groundcrew_llm::LocalEmbedder;
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
    let embedder = match LocalEmbedder::load(&settings.embedding.model_dir) {
        Ok(embedder) => Some(embedder),
        Err(error) => {
            print::note(format!("indexing for search by words alone: {error}"));
            None
        }
    };
    let bar =
        if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} passages") {
        bar.set_style(style);
    }
    let summary = index_directory(
        &arguments.directory,
        &store,
        &Masker::new(),
        embedder.as_ref(),
        &|progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        },
    );
    bar.finish_and_clear();
    let summary = summary?;
    let how = if summary.embedded { "by words and meaning" } else { "by words alone" };
    print::note(format!(
        "indexed {} documents, {} passages, searchable {how}",
        summary.documents, summary.chunks
    ));
    for warning in &summary.warnings {
        print::note(format!("warning: {}", visible(warning)));
    }
    for (path, reason) in &summary.skipped {
        print::note(visible(&format!("skipped {path}: {reason}")));
    }
    Ok(if summary.documents == 0 { Exit::NotEnoughEvidence } else { Exit::Success })
}
