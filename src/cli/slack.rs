//! `groundcrew slack`: what is needed to install the app in Slack, and whether it works.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use super::arguments::DoctorArguments;
use super::exit::Exit;
use super::{print, slack_doctor};
use crate::config::Settings;
use crate::surfaces::slack::manifest::{NAME_MAX, install_url, manifest, unfurl};

#[derive(Subcommand, Debug)]
#[command(
    after_help = "Examples:\n  groundcrew slack install-url                          a page of Slack that makes the app; open it in a browser\n  \
groundcrew slack manifest > manifest.json             the same, to look at first\n  \
groundcrew slack manifest --request-url https://groundcrew.example   Slack calls the server, instead of Socket Mode"
)]
pub(super) enum SlackCommand {
    /// Print the manifest of the app, as JSON
    Manifest(ManifestArguments),
    /// Print the address of the page where Slack makes an app of the manifest
    InstallUrl(ManifestArguments),
    /// Check tokens, scopes, the connection and the channels, each with its fix
    Doctor(DoctorArguments),
}

#[derive(Args, Debug)]
pub(super) struct ManifestArguments {
    /// What the app is called
    #[arg(long, value_name = "NAME", default_value = "Groundcrew")]
    pub name: String,
    /// The server's public address, for Slack to call; without it Socket Mode, where the server calls Slack
    #[arg(long, value_name = "URL")]
    pub request_url: Option<String>,
    /// The panel's public address: links to it are shown as cards
    #[arg(long, value_name = "URL")]
    pub panel: Option<String>,
}

pub(super) async fn run(settings: Settings, command: SlackCommand) -> Result<Exit> {
    match command {
        SlackCommand::Manifest(arguments) => {
            print::out(&format!("{:#}\n", made(&arguments)?))?;
        }
        SlackCommand::InstallUrl(arguments) => {
            print::out(&format!("{}\n", install_url(&made(&arguments)?)))?;
        }
        SlackCommand::Doctor(arguments) => return slack_doctor::run(&settings, &arguments).await,
    }
    Ok(Exit::Success)
}

fn made(arguments: &ManifestArguments) -> Result<serde_json::Value> {
    let name = arguments.name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX {
        bail!("--name must have 1 to {NAME_MAX} characters, or Slack refuses it");
    }
    if let Some(url) = arguments.request_url.as_deref().filter(|url| !url.starts_with("https://")) {
        bail!("--request-url `{url}` must begin with https://: Slack calls no other address");
    }
    let request_url = arguments.request_url.as_deref();
    let mut manifest = manifest(name, request_url.is_none(), request_url);
    if let Some(panel) = &arguments.panel {
        unfurl(&mut manifest, panel);
    }
    Ok(manifest)
}
