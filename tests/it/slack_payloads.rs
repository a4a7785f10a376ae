//! Every payload that was recorded of Slack or published with its libraries, and what each must be understood as.

use std::path::Path;

use groundcrew::surfaces::slack::inbound::{self, Inbound, Place, Said, conversation_id};
use serde_json::{Value, json};

use crate::support::recorded;

fn read(root: &Path, path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(root.join(path)).unwrap()).unwrap()
}

/// What an event is, in a word and its telling parts.
fn told(what: &Inbound) -> String {
    match what {
        Inbound::Said(said) => {
            let sure = if said.is_for_us { "for us" } else { "perhaps" };
            format!("{sure}: {} in {} {}", said.text, said.place.channel, said.place.thread)
        }
        Inbound::Explain { said, .. } => format!("explain: {}", said.text),
        Inbound::Command { text, .. } => format!("command: {text}"),
        Inbound::Stop(place) => format!("stop: {} {}", place.channel, place.thread),
        Inbound::Thumb { answer_id, is_up, .. } => format!("thumb: {answer_id} {is_up}"),
        Inbound::Decision { proposal, is_approved, .. } => {
            format!("decision: {proposal} {is_approved}")
        }
        Inbound::Wrong(wrong) => format!("wrong: {:?}", wrong.values),
        Inbound::Reaction { message: (channel, ts), is_up } => {
            format!("reaction: {is_up} to {channel} {ts}")
        }
        Inbound::Opened { channel } => format!("opened: {channel}"),
        Inbound::Links(links) => format!("links: {:?}", links.urls),
        Inbound::Nothing(why) => format!("nothing: {why}"),
    }
}

/// Reads a payload by the door it comes through.
fn understood(payload: &Value) -> String {
    let event = if payload.get("command").is_some() {
        inbound::command(payload)
    } else if payload.get("event").is_some() || payload["type"] == "event_callback" {
        inbound::event(payload, "U00FAKEBOT01")
    } else {
        inbound::interactive(payload)
    };
    told(&event.what)
}

const TABLE: &[(&str, &str, &str)] = &[
    (
        "events-agent/events_say_stream.org_app_mention_event_body.json",
        "",
        "for us: Hi there! in C111 1595926230.009600",
    ),
    (
        "events-agent/events_assistant.user_message_event_body.json",
        "",
        "for us: When Slack was released? in D111 1726133698.626339",
    ),
    (
        "events-agent/events_assistant.user_message_event_body_with_action_token.json",
        "",
        "for us: When Slack was released? in D111 1726133698.626339",
    ),
    (
        "events-agent/events_assistant.channel_user_message_event_body.json",
        "",
        "perhaps: When Slack was released? in C111 1726133698.626339",
    ),
    (
        "events-agent/events_assistant.message_changed_event_body.json",
        "",
        "nothing: not something newly written",
    ),
    ("events-agent/events_assistant.thread_started_event_body.json", "", "opened: D111"),
    (
        "events-agent/events_assistant.thread_context_changed_event_body.json",
        "",
        "nothing: what somebody looks at",
    ),
    ("events-agent/block_actions.body.json", "", "nothing: not one of our buttons"),
    ("events-agent/payload_utils.slash_command_body.json", "", "nothing: not our command"),
    ("recorded/slack.json", "/mention", "for us: Hey in C00FAKECHAN1 1767224888.280449"),
    ("recorded/slack.json", "/followUp", "perhaps: Hi in C00FAKECHAN1 1767224888.280449"),
    (
        "recorded/channel-mention.slack.json",
        "/mention",
        "for us: Can you see the name of this channel: #C00FAKECHAN2? in C00FAKECHAN1 1773327463.619929",
    ),
    ("recorded/channel.slack.json", "/mention", "for us: Hey in C00FAKECHAN1 1771287144.743569"),
    ("recorded/channel.slack.json", "/channel_post_action", "nothing: not one of our buttons"),
    ("recorded/dm.slack.json", "/mention", "for us: Hey in C00FAKECHAN1 1767376988.871629"),
    ("recorded/dm.slack.json", "/dmRequest", "perhaps: DM me in C00FAKECHAN1 1767376988.871629"),
    ("recorded/dm.slack.json", "/dmMessage", "for us: Hey! in D0A5319PS02 1767377001.319859"),
    (
        "recorded/actions-reactions.slack.json",
        "/mention",
        "for us: Test in C00FAKECHAN1 1767326125.870439",
    ),
    ("recorded/actions-reactions.slack.json", "/action", "nothing: not one of our buttons"),
    (
        "recorded/actions-reactions.slack.json",
        "/staticSelectAction",
        "nothing: not one of our buttons",
    ),
    (
        "recorded/actions-reactions.slack.json",
        "/radioButtonsAction",
        "nothing: not one of our buttons",
    ),
    (
        "recorded/actions-reactions.slack.json",
        "/reaction",
        "reaction: true to C00FAKECHAN1 1767326126.896109",
    ),
    (
        "recorded/slack-multi-workspace.team2.json",
        "/mention",
        "for us: hello from team 2 in C0B5FGHJKLM 1770677100.789012",
    ),
    (
        "recorded/modals.slack-private-metadata.json",
        "/mention",
        "for us: test in C0A9D9RTBMF 1771116676.529969",
    ),
    ("recorded/modals.slack-private-metadata.json", "/action", "nothing: not one of our buttons"),
    (
        "recorded/modals.slack-private-metadata.json",
        "/viewSubmission",
        "nothing: not one of our components",
    ),
    ("recorded/slash-commands.slack.json", "/slashCommand", "nothing: not our command"),
    ("recorded/slash-commands.slack.json", "/slashCommandWithArgs", "nothing: not our command"),
    ("recorded/slash-commands.slack.json", "/viewSubmission", "nothing: not one of our components"),
    (
        "recorded/streaming.slack.json",
        "/aiMention",
        "for us: AI What is love? in C00FAKECHAN1 1767406613.568609",
    ),
    (
        "recorded/streaming.slack.json",
        "/followUp",
        "perhaps: Who are you? in C00FAKECHAN1 1767406613.568609",
    ),
    (
        "recorded/streaming.slack.json",
        "/aiMentionWithFile",
        "for us: [AI] I don't really understand this explanation. in ",
    ),
    ("recorded/streaming.slack.json", "/promptMessage", "nothing: written by a bot"),
    ("recorded/streaming.slack.json", "/buttonAction", "nothing: not one of our buttons"),
    (
        "recorded/streaming.slack.json",
        "/threadFollowUp",
        "perhaps: ping? in C08REALCHAN1 1775407823.782829",
    ),
    ("events/AppMentionPayload.json", "", "nothing: nobody, nowhere or never"),
    ("events/MessagePayload.json", "", "nothing: nobody, nowhere or never"),
    ("events/MessageBotPayload.json", "", "nothing: not something newly written"),
    ("events/AppRateLimitedPayload.json", "", "nothing: an event we do not use"),
    ("events/AppUninstalledPayload.json", "", "nothing: an event we do not use"),
    ("events/MemberJoinedChannelPayload.json", "", "nothing: an event we do not use"),
    ("events/ReactionRemovedPayload.json", "", "nothing: an event we do not use"),
    (
        "interactive-components/MessageShortcutPayload.json",
        "",
        "nothing: not one of our components",
    ),
    ("interactive-components/BlockActionPayload.json", "", "nothing: not one of our buttons"),
    ("views/ViewSubmissionPayload.json", "", "nothing: not one of our components"),
    ("views/ViewClosedPayload.json", "", "nothing: not one of our components"),
    ("block-kit/message_changed.json", "", "nothing: not something newly written"),
    ("block-kit/message_changed_by_bot.json", "", "nothing: not something newly written"),
];

#[test]
fn every_recorded_payload_is_understood() {
    let Some(root) = recorded("payloads/slack") else { return };
    for (path, pointer, expected) in TABLE {
        let file = read(&root, path);
        let understood = understood(file.pointer(pointer).unwrap());
        assert!(understood.starts_with(expected), "{path}{pointer}: {understood}");
    }
    // None of those that ask something is missing from the table.
    for folder in ["events-agent", "recorded", "events", "interactive-components", "views"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap().flatten() {
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            assert!(TABLE.iter().any(|(path, ..)| *path == name), "{name} is not in the table");
        }
    }
}

#[test]
fn ours_are_understood_by_their_names() {
    let stop = json!({"type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U1"}, "container": {"message_ts": "2.1",
        "channel_id": "C1", "thread_ts": "1.1"}, "actions": [{"action_id": "stop", "action_ts": "3.1"}]});
    assert_eq!(understood(&stop), "stop: C1 1.1");
    let stopped = json!({"event": {"type": "agent_session_stopped", "channel": "C0", "thread_ts": "1782234671.392669",
        "streaming_message_ts": ["1782234987.693923"], "user": "U1", "event_ts": "1783536983.783769"}});
    assert_eq!(understood(&stopped), "stop: C0 1782234671.392669");
    let command =
        json!({"command": "/groundcrew", "text": "why is &lt;b&gt; slow?", "trigger_id": "1"});
    assert_eq!(understood(&command), "command: why is <b> slow?");
    let links = json!({"event": {"type": "link_shared", "channel": "C1", "message_ts": "1.1", "links": [{"url": "https://gc.example/i/7Q2"}]}});
    assert_eq!(understood(&links), r#"links: ["https://gc.example/i/7Q2"]"#);
    let down = json!({"event": {"type": "reaction_added", "reaction": "-1::skin-tone-3", "item": {"channel": "C1", "ts": "1.1"}}});
    assert_eq!(understood(&down), "reaction: false to C1 1.1");
    let theirs = json!({"event": {"type": "reaction_added", "reaction": "+1", "item_user": "U2", "item": {"channel": "C1", "ts": "1.1"}}});
    assert_eq!(understood(&theirs), "nothing: a reaction to somebody else");
}

#[test]
fn nothing_that_is_no_payload_breaks_it() {
    for payload in [
        json!(null),
        json!([]),
        json!(7),
        json!("x"),
        json!({}),
        json!({"event": []}),
        json!({"event": {}}),
        json!({"event": {"type": 5}}),
        json!({"actions": {}}),
        json!({"type": "block_actions", "actions": []}),
        json!({"type": "message_action", "callback_id": "explain"}),
        json!({"type": "view_submission", "view": {"callback_id": "wrong", "state": []}}),
        json!({"command": null}),
        json!({"event": {"type": "link_shared", "links": {}}}),
    ] {
        understood(&payload);
    }
    let explained =
        inbound::interactive(&json!({"type": "message_action", "callback_id": "explain"}));
    assert!(explained.names.is_empty(), "what has no id is not taken for another that has none");
    let Inbound::Explain { said, .. } = explained.what else { panic!() };
    assert_eq!(
        said,
        Said {
            is_for_us: true,
            place: Place::default(),
            ts: String::new(),
            user: String::new(),
            text: String::new()
        }
    );
}

#[test]
fn a_thread_is_a_conversation_whatever_it_is_called() {
    let place = |team: &str, channel: &str, thread: &str| Place {
        team: team.to_owned(),
        channel: channel.to_owned(),
        thread: thread.to_owned(),
    };
    assert_eq!(
        conversation_id(&place("T1", "C1", "1767326125.870439")),
        "slack_T1_C1_1767326125-870439"
    );
    let odd = [
        place("T", &"C".repeat(80), "1"),
        place("T/..", "C", "1"),
        place("T é", "C", "1"),
        place("", "", ""),
    ];
    for place in odd {
        let id = conversation_id(&place);
        let fits = (1..=64).contains(&id.len());
        assert!(
            fits && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')),
            "{id}"
        );
    }
    assert_ne!(
        conversation_id(&place("T1", "C/1", "2")),
        conversation_id(&place("T1", "C", "/12"))
    );
}
