//! `groundcrew slack doctor`: whether Slack lets the app in, listen and speak, and what to do where it does not.

use anyhow::Result;
use serde_json::{Value, json};

use super::arguments::DoctorArguments;
use super::doctor::{Check, ok, problem, report, warning};
use super::exit::Exit;
use crate::config::{Settings, SlackMode};
use crate::surfaces::slack::api::{Api, ApiError, Meaning};

/// What the bot token must be good for, and what is lost without it.
const SCOPES: [(&str, &str); 12] = [
    ("app_mentions:read", "mentions are not heard"),
    ("chat:write", "nothing can be answered"),
    ("assistant:write", "no status and no suggested prompts are shown"),
    ("channels:history", "what follows in a thread of a channel is not heard"),
    ("groups:history", "what follows in a thread of a private channel is not heard"),
    ("im:history", "direct messages are not heard"),
    ("commands", "/groundcrew and the message shortcut do nothing"),
    ("reactions:read", "thumbs as reactions do not count"),
    ("reactions:write", "no sign shows that a question was heard"),
    ("links:read", "links to the panel are not unfolded"),
    ("links:write", "links to the panel are not unfolded"),
    ("users:read", "people's names are not known"),
];
/// Without these there is no talking; without the others something is missing.
const NEEDED: [&str; 2] = ["app_mentions:read", "chat:write"];
const REINSTALL: &str =
    "add it under OAuth & Permissions, Bot Token Scopes, and reinstall the app to the workspace";

pub(super) async fn run(settings: &Settings, arguments: &DoctorArguments) -> Result<Exit> {
    let checks = match settings.slack.mode() {
        Ok(None) => vec![problem(
            "settings",
            "Slack is not set up",
            "make an app (`groundcrew slack install-url`), then set slack.bot_token_file and slack.app_token_file",
        )],
        Ok(Some(mode)) => all(settings, mode).await,
        Err(error) => {
            vec![problem("settings", error.to_string(), "see `groundcrew config reference`")]
        }
    };
    report(&checks, arguments.output)
}

async fn all(settings: &Settings, mode: SlackMode) -> Vec<Check> {
    let slack = &settings.slack;
    let api = Api::new(&slack.api_url, slack.bot_token.clone(), slack.app_token.clone());
    let mut checks = vec![ok(
        "settings",
        match mode {
            SlackMode::Socket => "Socket Mode",
            SlackMode::Http => "HTTP mode",
        },
    )];
    match api.call_for_scopes("auth.test", &json!({})).await {
        Ok((reply, scopes)) => {
            let named =
                |name: &str| reply.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
            checks.push(ok("bot token", format!("{} in {}", named("user"), named("team"))));
            checks.extend(scope_checks(scopes.as_deref()));
        }
        Err(error) => checks.push(refused("bot token", &error, "slack.bot_token")),
    }
    checks.push(match mode {
        SlackMode::Socket => connection(&api).await,
        SlackMode::Http => addresses(&settings.server.public_url),
    });
    for channel in &slack.channels {
        checks.push(channel_check(&api, channel).await);
    }
    checks.push(if settings.server.public_url.is_empty() {
        warning(
            "links",
            "nobody said where people reach the panel; messages have no links",
            "set server.public_url, for example https://groundcrew.example",
        )
    } else {
        ok("links", format!("to {}", settings.server.public_url))
    });
    checks
}

fn refused(name: &'static str, error: &ApiError, setting: &str) -> Check {
    let fix = match error.meaning {
        Meaning::Credentials => {
            format!("copy the token again from the app's settings at api.slack.com into {setting}")
        }
        Meaning::Later | Meaning::Wait(_) => {
            "check that this machine reaches slack.com over HTTPS, then try again".to_owned()
        }
        _ => format!("check {setting} and the app's settings at api.slack.com"),
    };
    problem(name, error.to_string(), fix)
}

fn scope_checks(scopes: Option<&str>) -> Vec<Check> {
    let Some(scopes) = scopes else {
        return vec![warning("scopes", "Slack did not say which the token has", "nothing to do")];
    };
    let given: Vec<&str> = scopes.split(',').map(str::trim).collect();
    let missing = SCOPES.iter().filter(|(scope, _)| !given.contains(scope));
    let mut checks: Vec<Check> = missing
        .map(|(scope, lost)| {
            let make = if NEEDED.contains(scope) { problem } else { warning };
            make("scopes", format!("{scope} is missing: {lost}"), REINSTALL.to_owned())
        })
        .collect();
    if checks.is_empty() {
        checks.push(ok("scopes", "all that are used"));
    }
    checks
}

async fn connection(api: &Api) -> Check {
    match api.open_connection().await {
        Ok(_) => ok("app token", "Socket Mode may connect"),
        Err(error) if matches!(error.meaning, Meaning::NotOffered | Meaning::Refused) => problem(
            "app token",
            error.to_string(),
            "switch Socket Mode on in the app's settings, and give the app-level token the scope connections:write",
        ),
        Err(error) => refused("app token", &error, "slack.app_token"),
    }
}

fn addresses(public_url: &str) -> Check {
    if public_url.starts_with("https://") {
        let base = public_url.trim_end_matches('/');
        return ok(
            "addresses",
            format!(
                "{base}/slack/events, {base}/slack/interactive and {base}/slack/commands must be the app's request URLs"
            ),
        );
    }
    problem(
        "addresses",
        "HTTP mode needs an address that Slack reaches over HTTPS",
        "set server.public_url to it, or use Socket Mode (slack.app_token)",
    )
}

async fn channel_check(api: &Api, channel: &str) -> Check {
    let is = |reply: &Value, name: &str| {
        reply.pointer(&format!("/channel/{name}")).and_then(Value::as_bool).unwrap_or(false)
    };
    match api.ask("conversations.info", &[("channel", channel)]).await {
        Ok(reply) if is(&reply, "is_archived") => problem(
            "channels",
            format!("{channel} is archived"),
            "take it out of slack.channels, or unarchive it",
        ),
        Ok(reply) if !is(&reply, "is_member") => problem(
            "channels",
            format!("the app is not in {channel}"),
            "in that channel, write: /invite @groundcrew",
        ),
        Ok(_) => ok("channels", format!("{channel} is open to the app")),
        Err(error) if error.meaning == Meaning::NotOffered => warning(
            "channels",
            format!("{channel} cannot be looked at: {}", error.code),
            "add the scopes channels:read and groups:read to have this checked; posting works without",
        ),
        Err(error) if error.meaning == Meaning::Closed => problem(
            "channels",
            format!("{channel}: {}", error.code),
            "slack.channels has ids such as C0123456789; a private channel must have invited the app",
        ),
        Err(error) => refused("channels", &error, "slack.channels"),
    }
}
