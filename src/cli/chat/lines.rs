//! Reads lines from a person, with history and completion, or from a pipe.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Editor, Helper};

use super::command::COMMANDS;

/// Lines of history that are kept.
const HISTORY_MAX: usize = 2_000;
/// The history, in the data directory.
const HISTORY_FILE: &str = "chat_history";

/// What came instead of a line, or the line.
pub(super) enum Line {
    /// A line.
    Typed(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the end of what is piped in.
    End,
}

/// Where lines come from.
pub(super) struct Lines {
    editor: Editor<Commands, FileHistory>,
    history: Option<PathBuf>,
}

impl Lines {
    /// Opens them; the history lies in `directory`, if that is there.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        let config = Config::builder()
            .max_history_size(HISTORY_MAX)
            .and_then(|config| config.history_ignore_dups(true))
            .context("failed to set the line editor up")?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .build();
        let mut editor = Editor::with_config(config).context("failed to start the line editor")?;
        editor.set_helper(Some(Commands));
        let history = directory.is_dir().then(|| directory.join(HISTORY_FILE));
        if let Some(history) = &history
            && let Err(error) = editor.load_history(history)
        {
            tracing::debug!(%error, "there is no history yet");
        }
        Ok(Self { editor, history })
    }

    /// The next line. Blocks.
    pub(super) fn next(&mut self, prompt: &str) -> Result<Line> {
        match self.editor.readline(prompt) {
            Ok(line) => {
                self.remember(&line);
                Ok(Line::Typed(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Line::Interrupted),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(error) => Err(error).context("failed to read a line"),
        }
    }

    /// Writes it down at once, so that a crash loses nothing.
    fn remember(&mut self, line: &str) {
        let written = self.editor.add_history_entry(line).and_then(|is_new| match &self.history {
            Some(history) if is_new => self.editor.append_history(history),
            _ => Ok(()),
        });
        if let Err(error) = written {
            tracing::info!(%error, "the history could not be written");
        }
    }
}

/// Completes the names of commands.
struct Commands;

impl Completer for Commands {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..position).unwrap_or_default();
        let names = COMMANDS.iter().map(|(name, _, _)| (*name).to_owned());
        let fitting = names.filter(|name| typed.starts_with('/') && name.starts_with(typed));
        Ok((0, fitting.collect()))
    }
}

impl Hinter for Commands {
    type Hint = String;
}

impl Highlighter for Commands {}
impl Validator for Commands {}
impl Helper for Commands {}
