//! `groundcrew completions` and `groundcrew man`: made from the arguments themselves.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::arguments::Arguments;
use super::exit::Exit;
use super::print;

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  groundcrew completions bash > ~/.local/share/bash-completion/completions/groundcrew\n  \
groundcrew completions zsh > \"${fpath[1]}/_groundcrew\"\n  groundcrew completions fish > ~/.config/fish/completions/groundcrew.fish"
)]
pub(super) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  groundcrew man | man -l -\n  groundcrew man ~/.local/share/man/man1"
)]
pub(super) struct ManArguments {
    /// Write a page for every command there, instead of printing the first
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

pub(super) fn completions(arguments: &CompletionsArguments) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "groundcrew", &mut script);
    print::out(&String::from_utf8(script)?)?;
    Ok(Exit::Success)
}

pub(super) fn man(arguments: &ManArguments) -> Result<Exit> {
    let command = Arguments::command();
    match &arguments.directory {
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .and_then(|()| clap_mangen::generate_to(command, directory))
                .with_context(|| format!("failed to write to {}", directory.display()))?;
            print::note(format!("the pages are in {}", directory.display()));
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            print::out(&String::from_utf8(page)?)?;
        }
    }
    Ok(Exit::Success)
}
