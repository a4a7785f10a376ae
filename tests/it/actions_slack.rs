//! A word on a proposal in Slack: the button's user is the approver, and a click that comes again does nothing.

use serde_json::{Value, json};

use crate::actions_bench::{Receiver, offered, program};
use crate::slack::serve;
use crate::slack_server::SlackServer;

fn pressed(proposal: &Value, action: &str, at: &str) -> Value {
    let value =
        format!("{}:{}", proposal["id"].as_str().unwrap(), proposal["hash"].as_str().unwrap());
    json!({"type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U1"}, "channel": {"id": "C1"},
        "container": {"type": "message", "message_ts": "1790000100.000200", "channel_id": "C1", "thread_ts": "1790000100.000100"},
        "actions": [{"type": "button", "action_id": action, "value": value, "action_ts": at}]})
}

#[tokio::test]
async fn a_click_is_one_approval_however_often_it_comes() {
    let (receiver, slack) = (Receiver::start(), SlackServer::start());
    let program = program(&receiver);
    let server = serve(&program, &slack, &[]);
    slack.connected().await;
    let proposal = offered(&server, &program, "ans_1").await;
    let mut edited = proposal.clone();
    edited["hash"] = json!("00");
    slack.deliver("interactive", pressed(&edited, "approve", "1.0")).await;
    let said = slack.until("why not", |slack| slack.calls("chat.postEphemeral").pop()).await;
    assert!(said.body["text"].as_str().unwrap().contains("Nothing was done"), "{:#}", said.body);
    assert_eq!(receiver.orders().len(), 0);

    slack.deliver("interactive", pressed(&proposal, "approve", "1.1")).await;
    let told = slack.told("C1", "1790000100.000100", "recycler answered 200").await;
    assert!(told.text.contains("approved by <@U1>"), "{}", told.text);
    let order = receiver.orders().remove(0).1;
    assert_eq!(order["approved_by"], "U1 (Slack)");
    // The same click again, and another one.
    slack.deliver("interactive", pressed(&proposal, "approve", "1.1")).await;
    slack.deliver("interactive", pressed(&proposal, "approve", "1.2")).await;
    slack.deliver("interactive", pressed(&proposal, "decline", "1.3")).await;
    let refusals = |slack: &SlackServer| {
        let said = slack.calls("chat.postEphemeral");
        (said.len() >= 3).then_some(said)
    };
    let said = slack.until("that it is decided", refusals).await;
    assert!(
        said[1..].iter().all(|call| call.body.to_string().contains("approved by")),
        "{said:#?}"
    );
    assert_eq!(receiver.orders().len(), 1);
    // What was measured is told where it was approved.
    slack.told("C1", "1790000100.000100", "Whether it helped is not known").await;
}
