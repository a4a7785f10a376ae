//! The manifest of the Slack app that a customer installs: what it may read, what it is told, what it offers.

use serde_json::{Value, json};

use super::render::home_prompts;

/// What the app may do: read where it is spoken to, write there, react, and show links to the panel.
pub const SCOPES: [&str; 12] = [
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "chat:write",
    "commands",
    "groups:history",
    "im:history",
    "links:read",
    "links:write",
    "reactions:read",
    "reactions:write",
    "users:read",
];
/// What the app is told.
pub const EVENTS: [&str; 9] = [
    "agent_session_stopped",
    "app_context_changed",
    "app_home_opened",
    "app_mention",
    "link_shared",
    "message.channels",
    "message.groups",
    "message.im",
    "reaction_added",
];
/// Longest name of an app.
pub const NAME_MAX: usize = 35;
const NEW_APP: &str = "https://api.slack.com/apps?new_app=1&manifest_json=";

/// The manifest of an app called `name` (the first [`NAME_MAX`] characters of it). With Socket Mode the server calls
/// Slack; without, Slack calls `request_url`, the server's public address, below which the paths are added.
#[must_use]
pub fn manifest(name: &str, socket_mode: bool, request_url: Option<&str>) -> Value {
    let name: String = name.chars().take(NAME_MAX).collect();
    let base = request_url.filter(|_| !socket_mode).map(|url| url.trim_end_matches('/'));
    let at = |path: &str| base.map(|base| json!(format!("{base}/slack/{path}")));
    let mut command = json!({
        "command": "/groundcrew", "description": "Ask what broke",
        "usage_hint": "why is checkout slow?", "should_escape": false,
    });
    let mut events = json!({"bot_events": EVENTS});
    let mut interactivity = json!({"is_enabled": true});
    for (part, key, path) in [
        (&mut command, "url", "commands"),
        (&mut events, "request_url", "events"),
        (&mut interactivity, "request_url", "interactive"),
    ] {
        if let (Some(fields), Some(url)) = (part.as_object_mut(), at(path)) {
            fields.insert(key.to_owned(), url);
        }
    }
    json!({
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": name,
            "description": "Says what most likely caused an outage, every sentence tied to evidence",
            "background_color": "#1d2733",
        },
        "features": {
            "agent_view": {
                "agent_description": "Ask what broke, what changed and what to do next. Every sentence cites evidence that opens.",
                "suggested_prompts": home_prompts(),
            },
            "app_home": {
                "home_tab_enabled": false, "messages_tab_enabled": true,
                "messages_tab_read_only_enabled": false,
            },
            "bot_user": {"display_name": name, "always_online": true},
            "shortcuts": [{
                "name": "Explain this", "type": "message", "callback_id": "explain",
                "description": "Asks what is behind this message, such as an alert",
            }],
            "slash_commands": [command],
        },
        "oauth_config": {"scopes": {"bot": SCOPES}},
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": false,
            "socket_mode_enabled": socket_mode,
            "token_rotation_enabled": false,
        },
    })
}

/// Lets Slack ask the app about links to the panel at `base`, which it then shows as cards. An address without a name, such
/// as an IP address with a port, changes nothing: Slack knows domains only.
pub fn unfurl(manifest: &mut Value, base: &str) {
    let host = base.split_once("://").map_or(base, |(_, rest)| rest);
    let host = host.split(['/', ':', '?', '#']).next().unwrap_or("").to_ascii_lowercase();
    let is_domain = host.contains('.')
        && !host.starts_with(['.', '-'])
        && host.ends_with(|last: char| last.is_ascii_alphabetic())
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    let features = manifest.get_mut("features").and_then(Value::as_object_mut);
    if let Some(features) = features.filter(|_| is_domain) {
        features.insert("unfurl_domains".to_owned(), json!([host]));
    }
}

/// The page of Slack that makes an app of the manifest: an address to open in a browser.
#[must_use]
pub fn install_url(manifest: &Value) -> String {
    let mut url = NEW_APP.to_owned();
    for byte in manifest.to_string().bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_calls_only_where_it_is_told_to() {
        let socket = manifest("Groundcrew", true, Some("https://not.used.example"));
        let http = manifest("Groundcrew", false, Some("https://groundcrew.example/"));
        assert!(!socket.to_string().contains("https://"), "{socket:#}");
        assert_eq!(socket["settings"]["socket_mode_enabled"], true);
        assert_eq!(http["settings"]["socket_mode_enabled"], false);
        for (pointer, path) in [
            ("/settings/event_subscriptions/request_url", "events"),
            ("/settings/interactivity/request_url", "interactive"),
            ("/features/slash_commands/0/url", "commands"),
        ] {
            let url = format!("https://groundcrew.example/slack/{path}");
            assert_eq!(http.pointer(pointer), Some(&json!(url)));
        }
    }

    #[test]
    fn names_are_as_long_as_slack_takes() {
        let long = manifest(&"é".repeat(80), true, None);
        assert_eq!(long["display_information"]["name"], json!("é".repeat(NAME_MAX)));
        assert_eq!(long["features"]["bot_user"]["display_name"], json!("é".repeat(NAME_MAX)));
    }

    #[test]
    fn only_domains_are_unfurled() {
        let domains = |base: &str| {
            let mut manifest = manifest("g", true, None);
            unfurl(&mut manifest, base);
            manifest["features"]["unfurl_domains"].clone()
        };
        assert_eq!(domains("https://Groundcrew.example:8443/x"), json!(["groundcrew.example"]));
        for none in ["http://127.0.0.1:7717", "http://localhost:7717", "", "https://-a.example"] {
            assert_eq!(domains(none), Value::Null, "{none}");
        }
    }

    #[test]
    fn the_address_holds_the_whole_manifest() {
        let manifest = manifest("Ground & crew ✈", true, None);
        let url = install_url(&manifest);
        let encoded = url.strip_prefix(NEW_APP).unwrap();
        let mut bytes = Vec::new();
        let mut rest = encoded.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'%' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                plain => plain,
            });
        }
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), manifest);
        assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
    }
}
