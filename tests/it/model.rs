//! The model path on good days: told by a model when it keeps to the evidence, and only what holds of it.

use serde_json::json;

use crate::model_server::{
    END, LONG, Manner, ModelServer, account, answer_with, ask, ask_in_words, assert_facts_only,
    faithful,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_faithful_model_tells_it() {
    let (answer, server) = answer_with(Manner::Says(faithful()), LONG).await;
    assert_eq!(answer["told_by"], "model", "{answer:#}");
    assert_eq!(answer["usage"]["model"], "test-model");
    assert_eq!(answer["usage"]["input_tokens"], 321);
    assert_eq!(answer["claims"][0]["status"], "verified");
    assert_eq!(answer["headline"], "The pool of checkout is exhausted");
    assert_eq!(server.bodies().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invented_sentence_is_cut_before_anyone_reads_it() {
    let claims = json!([
        {"text": "checkout writes a line about its pool exhausted", "cites": ["E1"]},
        {"text": "billing-gateway-9 failed 987654 times", "cites": ["E1"]},
    ]);
    let said = account("The pool of checkout is exhausted", &claims);
    let (answer, _) = answer_with(Manner::Says(said), LONG).await;
    assert_eq!(answer["told_by"], "model");
    assert!(!answer.to_string().contains("billing-gateway-9"), "{answer:#}");
    assert!(answer["notice"].as_str().unwrap().contains("did not hold"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_does_not_hold_is_not_used() {
    let claims = json!([
        {"text": "billing-gateway-9 failed 987654 times", "cites": ["E1"]},
        {"text": "see E77", "cites": ["E77"]},
    ]);
    let said = account("The pool of checkout is exhausted", &claims);
    let (answer, _) = answer_with(Manner::Says(said), LONG).await;
    assert_facts_only(&answer, "did not hold");
    assert!(!answer.to_string().contains("987654"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_answers_in_the_language_of_the_question() {
    let claims = json!([
        {"text": "Der Dienst checkout meldet „pool exhausted“", "cites": ["E1"]},
        {"text": "Möglicherweise sind die Verbindungen zur Datenbank erschöpft", "cites": ["E1"]},
    ]);
    let said = account("Der Pool von checkout ist erschöpft", &claims);
    let server = ModelServer::start(Manner::Says(said)).await;
    let answer = ask_in_words("Warum schlägt checkout fehl?", &server.base_url, LONG).await;
    assert_eq!(answer["told_by"], "model", "{answer:#}");
    assert_eq!(answer["headline"], "Der Pool von checkout ist erschöpft");
    assert_eq!(answer["claims"].as_array().unwrap().len(), 2, "{answer:#}");
    assert_eq!(answer["claims"][0]["status"], "verified", "{answer:#}");
    // Words that nobody here can look up are not taken in an answer to an English question.
    let answer = ask(&server.base_url, LONG).await;
    assert_facts_only(&answer, "did not hold");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_of_ones_own_replaces_the_one_that_is_shipped() {
    let server = ModelServer::start(Manner::Says(faithful())).await;
    let base_url = server.base_url.clone();
    let asking = tokio::task::spawn_blocking(move || {
        let shipped = std::fs::read_to_string("prompts/explain.md").unwrap();
        let own = shipped.replace("You tell a person on call", "You tell a colleague at night");
        let program = crate::model_server::program(&base_url, LONG);
        let file = program.file("own/explain.md", own);
        let folder = std::path::Path::new(&file).parent().unwrap().to_str().unwrap().to_owned();
        let at = groundcrew_telemetry::Timestamp::from_secs(END).to_string();
        let program = program.with("GROUNDCREW__LLM__PROMPTS_DIR", &folder);
        program.ok(&["ask", "why is checkout failing?", "--at", &at, "--since", "10m"]);
        let broken = program.file("broken/explain.md", "no front matter");
        let folder = std::path::Path::new(&broken).parent().unwrap().to_str().unwrap().to_owned();
        let program = program.with("GROUNDCREW__LLM__PROMPTS_DIR", &folder);
        program.run(&["ask", "why?", "--at", &at])
    });
    let refused = asking.await.unwrap();
    let told = server.bodies()[0]["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(told.contains("a colleague at night"), "{told}");
    assert_eq!(refused.status.code(), Some(2));
    assert!(crate::support::text(&refused.stderr).contains("broken/explain.md"));
}
