//! Slack on its worse days, and what people do in the middle of an answer.

use groundcrew_telemetry::{Clock, SystemClock};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::model_server::{Manner, ModelServer};
use crate::slack::{callback, mention, reply, serve, served, with_outage};
use crate::slack_server::{BOT_TOKEN, Instead, SECRET, SlackServer};
use crate::support::{PATIENCE, Program, Server, text};

const THREAD: &str = "1790000100.000100";

fn ask(ts: &str) -> Value {
    mention("C1", ts, "why is checkout failing?")
}

/// A server whose model says nothing, so that an answer takes as long as nobody stops it.
async fn with_slow_model() -> (Program, Server, SlackServer, ModelServer) {
    let (program, slack) = (with_outage(), SlackServer::start());
    let model = ModelServer::start(Manner::Hangs).await;
    let settings = [
        ("OPENAI_BASE_URL", model.base_url.as_str()),
        ("GROUNDCREW__LLM__FIRST_TOKEN_SECS", "600"),
        ("GROUNDCREW__LLM__TOTAL_SECS", "600"),
    ];
    let server = serve(&program, &slack, &settings);
    slack.connected().await;
    (program, server, slack, model)
}

#[tokio::test]
async fn stop_in_words_by_button_and_by_slacks_own_sign_ends_what_runs() {
    let (_program, _server, slack, model) = with_slow_model().await;
    let ways: [(&str, Value); 3] = [
        ("events_api", callback(reply("C1", "1790000101.000100", "1790000101.000200", "Stop!"))),
        (
            "interactive",
            json!({"type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U1"}, "channel": {"id": "C1"},
                "container": {"message_ts": "1790000102.000200", "channel_id": "C1", "thread_ts": "1790000102.000100"},
                "actions": [{"action_id": "stop", "action_ts": "1.1"}]}),
        ),
        (
            "events_api",
            callback(
                json!({"type": "agent_session_stopped", "channel": "C1", "thread_ts": "1790000103.000100",
                "streaming_message_ts": [], "user": "U1", "event_ts": "1.2"}),
            ),
        ),
    ];
    for (turn, (kind, payload)) in ways.into_iter().enumerate() {
        let thread = format!("179000010{}.000100", turn + 1);
        slack.event(ask(&thread)).await;
        model.asked().await;
        // The facts are shown while the model is waited for.
        slack
            .until("the facts", |slack| {
                slack
                    .in_thread("C1", &thread)
                    .into_iter()
                    .find(|posted| posted.says().contains("checkout"))
            })
            .await;
        slack.deliver(kind, payload).await;
        let told = slack.told("C1", &thread, "topped").await;
        assert!(told.says().contains("pool exhausted"), "what was found stands: {told:#?}");
        assert_eq!(slack.in_thread("C1", &thread).len(), 1);
    }
}

#[tokio::test]
async fn what_is_said_while_it_runs_steers_it() {
    let (_program, server, slack, model) = with_slow_model().await;
    slack.event(ask(THREAD)).await;
    model.asked().await;
    slack.event(reply("C1", THREAD, "1790000101.000100", "only look at checkout")).await;
    slack.told("C1", THREAD, "Replaced by the next question").await;
    slack
        .until("a second message", |slack| (slack.in_thread("C1", THREAD).len() == 2).then_some(()))
        .await;
    let run = |slack: &SlackServer| {
        let second =
            slack.in_thread("C1", THREAD).into_iter().rfind(|posted| !posted.is_streaming)?;
        let run =
            second.metadata["event_payload"]["run_id"].as_str()?.strip_prefix("run_")?.to_owned();
        (slack.in_thread("C1", THREAD).iter().all(|posted| !posted.is_streaming)).then_some(run)
    };
    let run = slack.until("the second answer", run).await;
    let url = server.url(&format!("/v1/answers/ans_{run}"));
    let answer: Value =
        crate::support::client().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["question"], "only look at checkout");
    assert!(answer["understood"].as_str().unwrap().contains("steered"), "{answer:#}");
}

#[tokio::test]
async fn a_stop_that_another_server_hears_stops_it_too() {
    let (first, second, slack) = (with_outage(), with_outage(), SlackServer::start());
    let model = ModelServer::start(Manner::Hangs).await;
    let shared = first.file("shared/state.db", "");
    let settings = [
        ("GROUNDCREW__SLACK__SHARED_STATE", shared.as_str()),
        ("OPENAI_BASE_URL", model.base_url.as_str()),
        ("GROUNDCREW__LLM__FIRST_TOKEN_SECS", "600"),
        ("GROUNDCREW__LLM__TOTAL_SECS", "600"),
    ];
    let _servers = (serve(&first, &slack, &settings), serve(&second, &slack, &settings));
    slack.until("two sockets", |slack| (slack.sockets() == 2).then_some(())).await;
    slack.event(ask(THREAD)).await;
    model.asked().await;
    slack.prefer(1);
    slack.event(json!({"type": "agent_session_stopped", "channel": "C1", "thread_ts": THREAD, "event_ts": "1.2"})).await;
    slack.told("C1", THREAD, "topped").await;
}

#[tokio::test]
async fn where_streams_are_not_offered_one_message_is_edited() {
    let (_program, _server, slack) = served().await;
    slack.instead("chat.startStream", 100, Instead::Error("unknown_method"));
    slack.instead("agents.sessions.setStatus", 100, Instead::Error("unknown_method"));
    for turn in 1..=2 {
        let thread = format!("179000010{turn}.000100");
        slack.event(ask(&thread)).await;
        slack.told("C1", &thread, "pool exhausted").await;
        assert_eq!(slack.in_thread("C1", &thread).len(), 1);
    }
    assert_eq!(slack.calls("chat.startStream").len(), 1, "it is not asked for again");
    slack.until("the older status", |slack| slack.calls("assistant.threads.setStatus").pop()).await;
    assert_eq!(slack.calls("agents.sessions.setStatus").len(), 1);
}

#[tokio::test]
async fn a_stream_that_ends_early_becomes_an_edited_message() {
    let (_program, _server, slack, model) = with_slow_model().await;
    slack.event(ask(THREAD)).await;
    model.asked().await;
    slack.end_streams();
    slack.event(reply("C1", THREAD, "1790000101.000100", "stop")).await;
    let told = slack.told("C1", THREAD, "topped").await;
    assert!(told.says().contains("pool exhausted"));
    assert_eq!(slack.in_thread("C1", THREAD).len(), 1, "the same message");
    assert!(!slack.calls("chat.update").is_empty());
}

#[tokio::test]
async fn an_answer_gets_there_through_limits_errors_and_lost_replies() {
    let bad_days: [&[(&str, usize, Instead)]; 7] = [
        &[("chat.startStream", 1, Instead::LoseReply), ("reactions.remove", 1, Instead::Limit(1))],
        &[("chat.startStream", 1, Instead::Limit(1)), ("chat.update", 2, Instead::Limit(1))],
        &[("chat.stopStream", 1, Instead::Limit(1)), ("chat.appendStream", 5, Instead::Limit(1))],
        &[
            ("chat.stopStream", 1, Instead::Status(503)),
            ("chat.appendStream", 5, Instead::Status(500)),
        ],
        &[
            ("chat.stopStream", 9, Instead::Error("internal_error")),
            ("chat.update", 1, Instead::LoseReply),
        ],
        &[
            ("chat.startStream", 9, Instead::Error("missing_scope")),
            ("chat.postMessage", 1, Instead::LoseReply),
        ],
        &[
            ("chat.stopStream", 1, Instead::Error("msg_blocks_too_long")),
            ("chat.update", 1, Instead::Error("msg_blocks_too_long")),
        ],
    ];
    for day in bad_days {
        let (_program, _server, slack) = served().await;
        for (method, times, does) in day {
            slack.instead(method, *times, does.clone());
        }
        slack.event(ask(THREAD)).await;
        // Without its blocks the headline is what is left.
        slack.told("C1", THREAD, "checkout").await;
        let whole = |slack: &SlackServer| {
            let told = slack.in_thread("C1", THREAD);
            let says = told.iter().any(|posted| {
                !posted.text.contains("Looking")
                    && posted.metadata["event_type"] == "groundcrew_answer"
            });
            let is_over = slack.calls("reactions.remove").iter().any(|call| call.outcome == "ok");
            (is_over && says).then_some(told)
        };
        let told = slack.until("the answer", whole).await;
        let answers = told.iter().filter(|posted| !posted.is_streaming).count();
        assert_eq!(answers, 1, "told once: {told:#?}");
    }
}

#[tokio::test]
async fn many_questions_at_a_time_keep_within_slacks_limits() {
    let program = with_outage();
    let slack = SlackServer::start();
    slack.enforce_tiers();
    let _server = serve(&program, &slack, &[("GROUNDCREW__SERVER__QUESTIONS_MAX", "16")]);
    slack.connected().await;
    for turn in 10..30 {
        let event = mention(
            &format!("C{}", turn % 5),
            &format!("17900001{turn}.000100"),
            "why is checkout failing?",
        );
        slack.event(event).await;
    }
    for turn in 10..30 {
        slack
            .told(&format!("C{}", turn % 5), &format!("17900001{turn}.000100"), "pool exhausted")
            .await;
    }
    for method in [
        "chat.startStream",
        "chat.appendStream",
        "chat.stopStream",
        "chat.update",
        "chat.postMessage",
    ] {
        let limited = slack.calls(method).into_iter().filter(|call| call.outcome == "ratelimited");
        assert_eq!(limited.count(), 0, "{method} never went over its limit");
    }
}

#[tokio::test]
async fn where_nothing_can_be_posted_the_asker_is_told_where_to_read_it() {
    let (_program, _server, slack) = served().await;
    slack.event(mention("C0CLOSED", THREAD, "why is checkout failing?")).await;
    let told = slack
        .until("a direct message", |slack| {
            slack.messages().into_iter().find(|posted| posted.channel == "U1")
        })
        .await;
    assert!(
        told.text.contains("https://gc.example/i/") && told.text.contains("not_in_channel"),
        "{told:#?}"
    );
    assert!(!told.says().contains("pool exhausted"), "what it says stays where it was asked");
}

#[tokio::test]
async fn what_is_owed_when_the_server_dies_is_given_after_its_next_start() {
    let (program, server, slack, model) = with_slow_model().await;
    slack.event(ask(THREAD)).await;
    model.asked().await;
    slack.until("a message", |slack| slack.in_thread("C1", THREAD).pop()).await;
    // Time for the debt to be written down; nothing tells when.
    slack.until("steps", |slack| slack.calls("chat.appendStream").pop()).await;
    drop(server);
    slack.end_streams();
    let _again = serve(&program, &slack, &[]);
    slack.told("C1", THREAD, "restarted").await;
    slack.event(reply("C1", THREAD, "1790000101.000100", "why is checkout failing?")).await;
    slack.told("C1", THREAD, "pool exhausted").await;
}

#[tokio::test]
async fn hostile_words_stay_words() {
    let (_program, _server, slack) = served().await;
    let hostile = "why? &lt;!channel&gt; <!here> <@U2> <https://evil.example|click> *bold* `x` \u{202e}gpj \u{1b}[31m {\"type\":\"section\"}";
    slack.event(mention("C1", THREAD, hostile)).await;
    slack.until("an answer", |slack| slack.calls("reactions.remove").pop()).await;
    assert_eq!(slack.messages().len(), 1);
    let says = slack.messages()[0].says();
    for markup in ["<!", "<@", "<https://evil", "\u{202e}", "\\u001b"] {
        assert!(!says.contains(markup), "{markup}: {says}");
    }
    slack.event(mention("C1", "1790000109.000100", "")).await;
    slack.told("C1", "1790000109.000100", "Ask me").await;
}

#[tokio::test]
async fn links_of_ours_unfold_where_they_may_be_read() {
    let (_program, _server, slack) = served().await;
    slack.event(ask(THREAD)).await;
    let told = slack.told("C1", THREAD, "pool exhausted").await;
    slack.until("the end", |slack| slack.calls("reactions.remove").pop()).await;
    let url = format!(
        "https://gc.example/i/{}",
        told.metadata["event_payload"]["incident"].as_str().unwrap()
    );
    let shared = |channel: &str| json!({"type": "link_shared", "channel": channel, "user": "U1", "message_ts": "9.1", "links": [{"domain": "gc.example", "url": url}, {"url": "https://gc.example.evil.example/i/AAA"}]});
    for (channel, is_shown) in [("C1", true), ("C2", false)] {
        slack.event(shared(channel)).await;
        let unfolded = slack
            .until("a card", |slack| {
                slack.calls("chat.unfurl").into_iter().find(|call| call.body["channel"] == channel)
            })
            .await;
        let cards = unfolded.body["unfurls"].as_object().unwrap();
        assert_eq!(cards.keys().collect::<Vec<_>>(), [&url]);
        assert_eq!(cards[&url].to_string().contains("checkout"), is_shown, "{unfolded:?}");
    }
}

fn signed(secret: &str, time: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{time}:{body}").as_bytes());
    let digits: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v0={digits}")
}

async fn post(
    server: &Server,
    path: &str,
    body: &str,
    (time, signature): (&str, &str),
) -> (u16, String) {
    let response = crate::support::client()
        .post(server.url(path))
        .header("host", "gc.example")
        .header("x-slack-request-timestamp", time)
        .header("x-slack-signature", signature)
        .timeout(PATIENCE)
        .body(body.to_owned())
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn signed_requests_are_taken_and_no_others() {
    let (program, slack) = (with_outage(), SlackServer::start());
    let api = slack.url("/api");
    let server = program.serve_with(&[
        ("GROUNDCREW__SLACK__BOT_TOKEN", BOT_TOKEN),
        ("GROUNDCREW__SLACK__SIGNING_SECRET", SECRET),
        ("GROUNDCREW__SLACK__API_URL", &api),
        ("GROUNDCREW__SERVER__TOKEN", "for everybody else"),
    ]);
    let now = SystemClock.now().nanos() / 1_000_000_000;
    let (time, old) = (now.to_string(), (now - 301).to_string());
    let body = callback(ask(THREAD)).to_string();
    for (time, signature) in [
        (&time, signed("another secret", &time, &body)),
        (&time, signed(SECRET, &time, "{}")),
        (&old, signed(SECRET, &old, &body)),
        (&time, String::new()),
        (&"soon".to_owned(), signed(SECRET, "soon", &body)),
    ] {
        assert_eq!(post(&server, "/slack/events", &body, (time, &signature)).await.0, 401);
    }
    let sent = async |path: &str, body: &str| {
        post(&server, path, body, (&time, &signed(SECRET, &time, body))).await
    };
    let challenge = json!({"type": "url_verification", "challenge": "3eZbrw1a"}).to_string();
    assert_eq!(sent("/slack/events", &challenge).await, (200, "3eZbrw1a".to_owned()));
    assert_eq!(sent("/slack/events", "{").await.0, 400);
    // Twice, as when the first reply was lost.
    assert_eq!(sent("/slack/events", &body).await, (200, String::new()));
    assert_eq!(sent("/slack/events", &body).await, (200, String::new()));
    slack.told("C1", THREAD, "pool exhausted").await;
    let command = "command=%2Fgroundcrew&text=why+is+checkout+failing%3F&user_id=U1&channel_id=C2&team_id=T1&trigger_id=1.1&response_url=";
    assert_eq!(sent("/slack/commands", command).await, (200, String::new()));
    let root = slack
        .until("the command's question", |slack| {
            slack.messages().into_iter().find(|posted| posted.channel == "C2")
        })
        .await;
    slack.told("C2", &root.ts, "pool exhausted").await;
    let pressed = json!({"type": "block_actions", "user": {"id": "U1"}, "channel": {"id": "C1"}, "container": {"message_ts": "1.1"},
        "actions": [{"action_id": "feedback", "value": "ans_0:+", "action_ts": "1.1"}]});
    let form: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &pressed.to_string())
        .finish();
    assert_eq!(sent("/slack/interactive", &form).await.0, 200);
    let said = slack.until("a word back", |slack| slack.calls("chat.postEphemeral").pop()).await;
    assert!(said.body["text"].as_str().unwrap().contains("could not be noted"));
    assert_eq!(slack.in_thread("C1", THREAD).len(), 1);
    assert_eq!(slack.socket_counts().0, 0, "HTTP mode opens no socket");
}

#[test]
fn tokens_that_do_not_go_together_are_refused_at_the_start() {
    let program = Program::new().with("GROUNDCREW__SLACK__BOT_TOKEN", "xoxb-1");
    let output = program.run(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("slack.app_token_file") && said.contains("hint"), "{said}");
}

#[tokio::test]
async fn a_bad_token_takes_nothing_else_down() {
    let (program, slack) = (with_outage(), SlackServer::start());
    let server = serve(&program, &slack, &[("GROUNDCREW__SLACK__BOT_TOKEN", "xoxb-revoked")]);
    slack.until("it was tried", |slack| slack.calls("auth.test").pop()).await;
    let ready = crate::support::client().get(server.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    assert_eq!(server.signal("TERM").code(), Some(0));
}

#[test]
fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let slack = SlackServer::start();
    let mut program = Program::new().with("GROUNDCREW__SLACK__CHANNELS", "C1,C0CLOSED1");
    let unset = program.run(&["slack", "doctor"]);
    assert_eq!(unset.status.code(), Some(1));
    assert!(text(&unset.stdout).contains("slack.bot_token_file"));
    for (name, value) in slack.settings() {
        program = program.with(name, &value);
    }
    let found = program.run(&["slack", "doctor"]);
    let said = text(&found.stdout);
    for expected in [
        "groundcrew in Local",
        "all that are used",
        "Socket Mode may connect",
        "C1 is open",
        "/invite @groundcrew",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let program = program.with("GROUNDCREW__SLACK__APP_TOKEN", "xapp-other");
    slack.instead("auth.test", 1, Instead::Error("token_revoked"));
    let said = text(&program.run(&["slack", "doctor"]).stdout);
    assert!(
        said.contains("token_revoked")
            && said.contains("invalid_auth")
            && said.contains("copy the token again"),
        "{said}"
    );
}
