//! `groundcrew vectors`: where the vectors of documents are compared.

use anyhow::{Context, Result};
use groundcrew_store::VectorHome;

use super::arguments::{VectorPlace, VectorsCommand};
use super::exit::Exit;
use super::print;
use crate::app;
use crate::config::Settings;

pub(super) fn run(settings: &Settings, command: &VectorsCommand) -> Result<Exit> {
    let VectorsCommand::Move { to } = command;
    let home = match to {
        VectorPlace::Embedded => VectorHome::Embedded,
        VectorPlace::Qdrant => VectorHome::Qdrant,
    };
    let documents = app::open_documents(settings)?;
    let moved = documents.move_vectors(home);
    let count = moved.with_context(|| match documents.vector_home() {
        Ok(now) => format!("vectors are compared in: {}", now.name()),
        Err(_) => "failed to move the vectors".to_owned(),
    })?;
    print::note(format!("{count} vectors are compared in: {}", home.name()));
    Ok(Exit::Success)
}
