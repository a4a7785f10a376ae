//! `groundcrew config`: show, check and explain settings.

use anyhow::Result;

use super::arguments::ConfigCommand;
use super::exit::Exit;
use super::print;
use crate::config::{Settings, reference};

/// What can be answered even when the settings are broken.
pub(super) fn without_settings(command: &ConfigCommand) -> Result<Option<Exit>> {
    if !matches!(command, ConfigCommand::Reference) {
        return Ok(None);
    }
    print::out(&reference())?;
    Ok(Some(Exit::Success))
}

pub(super) fn run(settings: &Settings, command: &ConfigCommand) -> Result<Exit> {
    match command {
        ConfigCommand::Show => print::out(&format!("{settings:#?}\n"))?,
        ConfigCommand::Check => {
            settings.check_exposure()?;
            print::out("the settings can be used\n")?;
        }
        ConfigCommand::Reference => print::out(&reference())?,
    }
    Ok(Exit::Success)
}
