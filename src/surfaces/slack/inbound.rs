//! What Slack sends, read leniently: about a dozen fields matter, and whatever else is there, missing, empty or null does
//! not. Nothing is an error: what asks nothing of us is [`Inbound::Nothing`], with the reason.

use serde_json::Value;

use super::said;
use crate::investigate::context::PRIVATE;

/// A thread in a channel.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Place {
    /// The workspace; empty when Slack did not say.
    pub team: String,
    /// The channel, group or direct conversation.
    pub channel: String,
    /// The time stamp of the thread's first message.
    pub thread: String,
}

/// Something a person wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// The thread it belongs to; one it may begin.
    pub place: Place,
    /// The message's own time stamp.
    pub ts: String,
    /// Who wrote it.
    pub user: String,
    /// The words, untrusted, without our own mention.
    pub text: String,
    /// Whether it is surely for us: a mention, or a direct message. Otherwise only where we were asked before.
    pub is_for_us: bool,
}

/// What Slack's event asks of us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inbound {
    /// Somebody wrote something.
    Said(Said),
    /// The message shortcut: explain that message.
    Explain {
        /// The message, with its words.
        said: Said,
        /// Where a reply may go when the channel is closed to us.
        response_url: String,
    },
    /// The slash command.
    Command {
        /// Workspace and channel; no thread.
        place: Place,
        /// Who.
        user: String,
        /// The words after it.
        text: String,
        /// Where a reply may go when the channel is closed to us.
        response_url: String,
    },
    /// Stop what runs in this thread.
    Stop(Place),
    /// A thumb under an answer.
    Thumb {
        /// Where.
        place: Place,
        /// Who.
        user: String,
        /// The answer.
        answer_id: String,
        /// Up or down.
        is_up: bool,
        /// Opens a modal, for three seconds.
        trigger: String,
    },
    /// What somebody says is wrong with an answer.
    Wrong(Wrong),
    /// Somebody's word on a proposal.
    Decision {
        /// Where.
        place: Place,
        /// Who.
        user: String,
        /// The proposal.
        proposal: String,
        /// The hash of the plan that they were shown.
        hash: String,
        /// Approved or declined.
        is_approved: bool,
    },
    /// A thumb as a reaction to a message.
    Reaction {
        /// The message: channel and time stamp.
        message: (String, String),
        /// Up or down.
        is_up: bool,
    },
    /// Somebody looks at our conversation.
    Opened {
        /// The direct conversation.
        channel: String,
    },
    /// Somebody posted links.
    Links(Links),
    /// Nothing is to be done, because of this.
    Nothing(&'static str),
}

/// The submitted modal.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wrong {
    /// Who.
    pub user: String,
    /// What we gave along.
    pub metadata: String,
    /// Its values: block and action id, and what was chosen or written.
    pub values: Vec<(String, String)>,
}

/// Links in a message, or in one that is being written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Links {
    /// The channel; `COMPOSER` while it is being written.
    pub channel: String,
    /// The message.
    pub ts: String,
    /// How a message that is being written is named: id and source.
    pub unfurl: (String, String),
    /// The addresses.
    pub urls: Vec<String>,
}

/// An event, and the names by which it is known when it is sent again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its names; empty for one that need not be told apart.
    pub names: Vec<String>,
    /// What it asks.
    pub what: Inbound,
}

fn nothing(why: &'static str) -> Event {
    Event { names: Vec::new(), what: Inbound::Nothing(why) }
}

/// The name of a thing of which Slack tells the parts; none when the first of them is missing.
fn named(kind: &str, parts: &[&str]) -> Vec<String> {
    match parts.first() {
        Some(first) if !first.is_empty() => vec![format!("{kind}:{}", parts.join(":"))],
        _ => Vec::new(),
    }
}

/// The text at a path such as `/team/id`; empty where there is none.
fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("").trim()
}

/// The first of the paths that holds some text.
fn first(value: &Value, paths: &[&str]) -> String {
    let found = paths.iter().map(|path| text(value, path)).find(|text| !text.is_empty());
    found.unwrap_or("").to_owned()
}

/// Reads the payload of the Events API. `me` is our own user, for payloads that do not say whom they are for.
#[must_use]
pub fn event(payload: &Value, me: &str) -> Event {
    let Some(event) = payload.get("event").filter(|event| event.is_object()) else {
        return nothing("no event");
    };
    let team = first(
        payload,
        &["/team_id", "/event/team", "/context_team_id", "/authorizations/0/team_id"],
    );
    let bot = first(payload, &["/authorizations/0/user_id"]);
    let bot = if bot.is_empty() || !is_bot(payload) { me } else { &bot };
    let what = match text(event, "/type") {
        "app_mention" => message(event, team, (bot, me), true),
        "message" => message(event, team, (bot, me), false),
        "agent_session_stopped" => Inbound::Stop(Place {
            team,
            channel: first(event, &["/channel", "/channel_id"]),
            thread: text(event, "/thread_ts").to_owned(),
        }),
        "reaction_added" => reaction(event, (bot, me)),
        "app_home_opened" if matches!(text(event, "/tab"), "messages" | "") => {
            opened(text(event, "/channel"))
        }
        "assistant_thread_started" => opened(text(event, "/assistant_thread/channel_id")),
        "link_shared" => links(event),
        "app_home_opened" => Inbound::Nothing("another tab"),
        "app_context_changed" | "assistant_thread_context_changed" => {
            Inbound::Nothing("what somebody looks at")
        }
        _ => Inbound::Nothing("an event we do not use"),
    };
    let mut names = Vec::new();
    if !text(payload, "/event_id").is_empty() {
        names.push(format!("event:{}", text(payload, "/event_id")));
    }
    names.extend(own_name(event, &what));
    Event { names, what }
}

fn is_bot(payload: &Value) -> bool {
    payload.pointer("/authorizations/0/is_bot").and_then(Value::as_bool).unwrap_or(true)
}

/// The name by which the thing itself is known, whatever event tells it: a mention comes as a mention and as a message.
fn own_name(event: &Value, what: &Inbound) -> Option<String> {
    match what {
        Inbound::Said(said) => Some(format!("message:{}:{}", said.place.channel, said.ts)),
        Inbound::Reaction { message: (channel, ts), is_up } => {
            let user = text(event, "/user");
            Some(format!("reaction:{channel}:{ts}:{user}:{is_up}:{}", text(event, "/event_ts")))
        }
        Inbound::Links(links) => {
            Some(format!("links:{}:{}:{}", links.channel, links.ts, links.unfurl.0))
        }
        Inbound::Stop(place) => {
            Some(format!("stop:{}:{}:{}", place.channel, place.thread, text(event, "/event_ts")))
        }
        _ => None,
    }
}

fn message(event: &Value, team: String, (bot, me): (&str, &str), mention: bool) -> Inbound {
    let (user, channel, ts) = (text(event, "/user"), text(event, "/channel"), text(event, "/ts"));
    if !text(event, "/bot_id").is_empty() || user == me || user == bot {
        return Inbound::Nothing("written by a bot");
    }
    let ours = ["", "file_share", "thread_broadcast", "me_message"];
    let is_hidden = event.get("hidden").and_then(Value::as_bool).unwrap_or(false);
    if !ours.contains(&text(event, "/subtype")) || is_hidden {
        return Inbound::Nothing("not something newly written");
    }
    if user.is_empty() || channel.is_empty() || ts.is_empty() {
        return Inbound::Nothing("nobody, nowhere or never");
    }
    let raw = text(event, "/text");
    let thread = text(event, "/thread_ts");
    let is_direct = text(event, "/channel_type") == "im" || channel.starts_with('D');
    let is_mention = mention || said::mentions(raw, bot) || said::mentions(raw, me);
    if !is_direct && !is_mention && thread.is_empty() {
        return Inbound::Nothing("not in a thread, and not for us");
    }
    if !is_direct && !is_mention && said::is_addressed(raw) {
        return Inbound::Nothing("said to somebody else");
    }
    let mut bare = event.clone();
    if let Some(written) = bare.get_mut("text") {
        *written = said::without_mentions(&said::without_mentions(raw, bot), me).into();
    }
    let words = said::words(&bare);
    // A message of nothing but our mention has that in its blocks.
    let words = words.trim_start_matches(&format!("@{bot}")).trim().to_owned();
    let thread = if thread.is_empty() { ts } else { thread };
    Inbound::Said(Said {
        place: Place { team, channel: channel.to_owned(), thread: thread.to_owned() },
        ts: ts.to_owned(),
        user: user.to_owned(),
        text: words,
        is_for_us: is_direct || is_mention,
    })
}

fn reaction(event: &Value, (bot, me): (&str, &str)) -> Inbound {
    let author = text(event, "/item_user");
    if !author.is_empty() && author != bot && author != me {
        return Inbound::Nothing("a reaction to somebody else");
    }
    let name = text(event, "/reaction").split("::").next().unwrap_or("");
    let is_up = match name {
        "+1" | "thumbsup" => true,
        "-1" | "thumbsdown" => false,
        _ => return Inbound::Nothing("a reaction that says nothing"),
    };
    let message = (text(event, "/item/channel").to_owned(), text(event, "/item/ts").to_owned());
    Inbound::Reaction { message, is_up }
}

fn opened(channel: &str) -> Inbound {
    if channel.is_empty() {
        return Inbound::Nothing("no conversation");
    }
    Inbound::Opened { channel: channel.to_owned() }
}

fn links(event: &Value) -> Inbound {
    let posted = event.get("links").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let urls = posted.iter().map(|link| text(link, "/url").to_owned());
    Inbound::Links(Links {
        channel: text(event, "/channel").to_owned(),
        ts: text(event, "/message_ts").to_owned(),
        unfurl: (text(event, "/unfurl_id").to_owned(), text(event, "/source").to_owned()),
        urls: urls.filter(|url| !url.is_empty()).collect(),
    })
}

/// Reads the payload of interactive components: buttons, the shortcut, the modal.
#[must_use]
pub fn interactive(payload: &Value) -> Event {
    match text(payload, "/type") {
        "block_actions" => actions(payload),
        "message_action" if text(payload, "/callback_id") == "explain" => explain(payload),
        "view_submission" if text(payload, "/view/callback_id") == "wrong" => {
            let wrong = Wrong {
                user: text(payload, "/user/id").to_owned(),
                metadata: text(payload, "/view/private_metadata").to_owned(),
                values: values(payload.pointer("/view/state/values").unwrap_or(&Value::Null)),
            };
            let names = named("view", &[text(payload, "/view/id"), text(payload, "/view/hash")]);
            Event { names, what: Inbound::Wrong(wrong) }
        }
        _ => nothing("not one of our components"),
    }
}

fn actions(payload: &Value) -> Event {
    let Some(action) = payload.pointer("/actions/0") else { return nothing("no action") };
    let ts = first(payload, &["/container/message_ts", "/message/ts"]);
    let thread = first(payload, &["/container/thread_ts", "/message/thread_ts"]);
    let place = Place {
        team: first(payload, &["/team/id", "/user/team_id"]),
        channel: first(payload, &["/channel/id", "/container/channel_id"]),
        thread: if thread.is_empty() { ts.clone() } else { thread },
    };
    let user = text(payload, "/user/id").to_owned();
    let value = first(action, &["/value", "/selected_option/value"]);
    let names =
        named("action", &[text(action, "/action_ts"), &place.channel, ts.as_str(), user.as_str()]);
    let what = match text(action, "/action_id") {
        "stop" => Inbound::Stop(place),
        decision @ ("approve" | "decline") => match value.split_once(':') {
            Some((proposal, hash)) => Inbound::Decision {
                place,
                user,
                proposal: proposal.to_owned(),
                hash: hash.to_owned(),
                is_approved: decision == "approve",
            },
            None => return nothing("a word on nothing"),
        },
        "feedback" => match value.rsplit_once(':') {
            Some((answer_id, sign @ ("+" | "-"))) => Inbound::Thumb {
                place,
                user,
                answer_id: answer_id.to_owned(),
                is_up: sign == "+",
                trigger: text(payload, "/trigger_id").to_owned(),
            },
            _ => return nothing("feedback on nothing"),
        },
        _ => return nothing("not one of our buttons"),
    };
    Event { names, what }
}

fn explain(payload: &Value) -> Event {
    let message = payload.get("message").unwrap_or(&Value::Null);
    let ts = first(payload, &["/message/ts", "/message_ts"]);
    let thread = text(message, "/thread_ts");
    let place = Place {
        team: first(payload, &["/team/id", "/user/team_id"]),
        channel: text(payload, "/channel/id").to_owned(),
        thread: if thread.is_empty() { ts.clone() } else { thread.to_owned() },
    };
    let said = Said {
        place,
        ts,
        user: text(payload, "/user/id").to_owned(),
        text: said::words(message),
        is_for_us: true,
    };
    let names = named("shortcut", &[&first(payload, &["/trigger_id", "/action_ts"])]);
    let response_url = text(payload, "/response_url").to_owned();
    Event { names, what: Inbound::Explain { said, response_url } }
}

/// Everything that was chosen or written in a modal.
fn values(state: &Value) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for (block, actions) in state.as_object().into_iter().flatten() {
        for (action, given) in actions.as_object().into_iter().flatten() {
            let value = first(given, &["/value", "/selected_option/value"]);
            if !value.is_empty() {
                values.push((format!("{block}.{action}"), value));
            }
        }
    }
    values
}

/// Reads a slash command: a flat object of texts.
#[must_use]
pub fn command(payload: &Value) -> Event {
    if text(payload, "/command") != "/groundcrew" {
        return nothing("not our command");
    }
    let what = Inbound::Command {
        place: Place {
            team: text(payload, "/team_id").to_owned(),
            channel: text(payload, "/channel_id").to_owned(),
            thread: String::new(),
        },
        user: text(payload, "/user_id").to_owned(),
        text: said::clipped(&said::plain(text(payload, "/text"))).to_owned(),
        response_url: text(payload, "/response_url").to_owned(),
    };
    Event { names: named("command", &[text(payload, "/trigger_id")]), what }
}

/// The conversation that a thread is, as sessions name it.
#[must_use]
pub fn conversation_id(place: &Place) -> String {
    let readable =
        format!("{PRIVATE}{}_{}_{}", place.team, place.channel, place.thread.replace('.', "-"));
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if readable.len() <= 64 && readable.bytes().all(is_id) {
        return readable;
    }
    let hash =
        blake3::hash(format!("{}\0{}\0{}", place.team, place.channel, place.thread).as_bytes());
    format!("{PRIVATE}{}", hash.to_hex().get(..40).unwrap_or_default())
}
