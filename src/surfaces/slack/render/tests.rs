//! What messages say, that Slack's limits hold, and that another implementation of Slack's types understands them.

use groundcrew_telemetry::Timestamp;
use serde_json::{Value, json};
use slack_morphism::prelude::{
    SlackBlock, SlackChart, SlackModalView, SlackRichTextElement, SlackRichTextInlineElement,
    SlackRichTextListElement, SlackRichTextSection, SlackStreamChunk,
};

use super::super::message::{Message, broken_limits};
use super::*;

const ONSET: &str = "2026-11-29T12:11:01Z";

fn item(id: &str, kind: &str, service: Option<&str>) -> Value {
    json!({"id": id, "kind": kind, "title": "a title", "service": service, "from": ONSET,
        "to": "2026-11-29T12:16:55Z", "query": null, "permalink": format!("/e/ans_1/{id}"),
        "preview": "seen", "score": 0.7, "hash": "00", "series": null})
}

/// An answer as the engine gives it for a shrunken connection pool.
pub(super) fn sample() -> Value {
    let claim = |id: &str, text: &str, cites: &[&str]| json!({"id": id, "text": text, "cites": cites, "status": "verified"});
    let mut lines = item("E4", "log_template", Some("checkout"));
    lines["series"] = json!([5.0, 19.0, 24.0, 21.0, 22.0, 17.0]);
    lines["series_from"] = json!("2026-11-29T12:11:00Z");
    lines["series_to"] = json!("2026-11-29T12:17:00Z");
    json!({
        "answer_id": "ans_1", "incident": "7Q2", "run_id": "run_1",
        "question": "Why can customers not place orders?",
        "verdict": "likely_cause", "confidence": "high",
        "headline": "checkout (config) since 12:11:01: triggered by deploy checkout 2.15.0: read pool settings from one place",
        "headline_cites": ["E7", "E1", "E2"],
        "from": "2026-11-29T12:01:54Z", "to": "2026-11-29T12:16:55Z",
        "impact": {"since": ONSET, "services": ["checkout"]},
        "claims": [
            claim("c1", "checkout itself takes 3.01 s in “POST /orders”, before 8.98 ms.", &["E1"]),
            claim("c2", "Requests of checkout with service.version “2.15.0” fail in 39.6 % of cases (108 of 273), all others in 0 % (0 of 321).", &["E2"]),
            claim("c3", "Of the 2.49 s that “POST /checkout” of gateway takes longer in 197 slow requests, 2.49 s are spent in checkout.", &["E3"]),
            claim("c4", "checkout writes a line it did not write before, 108 times: “POST /orders failed after 3127 ms: HikariPool-1 - Connection is not available, request timed out after 3000ms (total=2, active=2, idle=0, waiting=8)”.", &["E4"]),
            claim("c5", "Deploy deploy-1583 on checkout of 12:10:11 (“deploy checkout 2.15.0: read pool settings from one place”) is the likely trigger.", &["E7"]),
            claim("c6", "It goes on: since 12:15:26 10.4 % of users' requests fail or are slow (52 of 501).", &["E8"]),
        ],
        "hypotheses": [],
        "ruled_out": [{"text": "Flag flag-1576 is unlikely to be the trigger.", "cites": ["E9"]}],
        "next": [{"label": "roll back checkout to 2.14.2", "kind": "runbook",
            "cmd": "kubectl rollout undo deploy/checkout -n shop", "cites": ["E12"]}],
        "seen_before": [{"title": "No orders for 23 minutes after checkout 2.11.0", "document": "d",
            "similarity": 0.71, "fixed_by": "rolled back checkout to 2.10.6", "took": "23m",
            "at": "2026-03-14T09:42:00Z", "cites": ["E11"]}],
        "unknowns": [{"what": "payments sends no traces", "fix": "`groundcrew doctor`"}],
        "evidence": [item("E1", "span", Some("checkout")), item("E2", "span", Some("checkout")),
            item("E3", "trace", Some("checkout")), lines, item("E7", "change", Some("checkout")),
            item("E8", "span", None), item("E9", "change", Some("storefront")),
            item("E11", "incident", None), item("E12", "runbook", None)],
        "receipt": {"log_records": 34_085, "templates": 70, "templates_changed": 3, "spans": 116_462,
            "series": 1_110, "items": 63, "left_out": 542, "bundle_tokens": 7_967},
        "usage": {"model": null, "input_tokens": null, "output_tokens": null, "ms": 470},
        "told_by": "plain", "notice": null,
    })
}

fn panel() -> Links {
    Links { base: Some("https://groundcrew.example".to_owned()) }
}

fn of(value: Value) -> Answer {
    serde_json::from_value(value).unwrap()
}

/// The text of the blocks as a reader sees it, by way of another implementation's types.
pub(super) fn read(message: &Message) -> String {
    let blocks: Vec<SlackBlock> = serde_json::from_value(json!(message.blocks)).unwrap();
    let read = |block: SlackBlock| match block {
        SlackBlock::RichText(rich) => rich.elements.iter().map(read_element).collect(),
        SlackBlock::DataVisualization(drawn) => {
            let SlackChart::Line(line) = &drawn.chart else { panic!("we draw lines") };
            for data in &line.series {
                let points = data.data.iter().map(|point| &point.label);
                assert!(points.eq(&line.axis_config.categories), "one point for each label");
            }
            format!("[chart {}]\n", drawn.title)
        }
        SlackBlock::Actions(_) => "[buttons]\n".to_owned(),
        SlackBlock::ContextActions(_) => "[right? wrong?]\n".to_owned(),
        SlackBlock::Context(context) => {
            let found = serde_json::to_value(context).unwrap();
            format!("{}\n", found["elements"][0]["text"].as_str().unwrap())
        }
        other => panic!("{other:?} is nothing that we send"),
    };
    blocks.into_iter().map(read).collect()
}

fn read_element(element: &SlackRichTextElement) -> String {
    match element {
        SlackRichTextElement::Section(inside) => format!("{}\n", read_section(inside)),
        SlackRichTextElement::List(list) => {
            let items = list.elements.iter().map(|SlackRichTextListElement::Section(item)| item);
            items.map(|item| format!("• {}\n", read_section(item))).collect()
        }
        SlackRichTextElement::Preformatted(code) => {
            format!("    {}\n", read_section(&SlackRichTextSection::new(code.elements.clone())))
        }
        other => panic!("{other:?} is nothing that we send"),
    }
}

fn read_section(section: &SlackRichTextSection) -> String {
    let shown = |element: &SlackRichTextInlineElement| match element {
        SlackRichTextInlineElement::Text(text) => text.text.clone(),
        SlackRichTextInlineElement::Link(link) => link.text.clone().unwrap(),
        SlackRichTextInlineElement::Date(date) => date.fallback.clone().unwrap(),
        other => panic!("{other:?} is nothing that we send"),
    };
    section.elements.iter().map(shown).collect()
}

#[test]
fn an_answer_reads_well_at_three_in_the_morning() {
    let message = answer(&of(sample()), &panel());
    assert_eq!(broken_limits(&message), Vec::<String>::new());
    assert_eq!(
        read(&message),
        "●●● Likely cause, high confidence: checkout (config) since 12:11:01: triggered by deploy checkout 2.15.0: read pool settings from one place [E7] [E1] [E2]\n\
         Since 12:11 UTC, hits checkout. It goes on: since 12:15:26 10.4 % of users' requests fail or are slow (52 of 501). [E8]\n\
         • checkout itself takes 3.01 s in POST /orders, before 8.98 ms. [E1]\n\
         • Requests of checkout with service.version 2.15.0 fail in 39.6 % of cases (108 of 273), all others in 0 % (0 of 321). [E2]\n\
         Changed: Deploy deploy-1583 on checkout of 12:10:11 is the likely trigger. [E7]\n\
         Seen before 2026-03-14, fixed by: rolled back checkout to 2.10.6 (took 23m) [E11]\n\
         Next: roll back checkout to 2.14.2 [E12]\n    kubectl rollout undo deploy/checkout -n shop\n\
         Could not see: payments sends no traces → groundcrew doctor\n\
         [chart E4: lines of checkout]\n[buttons]\n[right? wrong?]\n\
         0.5 s · facts only · times in UTC · 7Q2\n"
    );
}

#[test]
fn without_an_address_nothing_is_linked() {
    let message = answer(&of(sample()), &Links::default());
    assert!(read(&message).contains("[E7]"));
    let all = json!(message.blocks).to_string();
    assert!(!all.contains("\"link\"") && !all.contains("http"), "{all}");
    assert!(!all.contains("Evidence ("), "a button that leads nowhere is not shown");
}

#[test]
fn no_evidence_is_a_full_answer_with_what_to_do() {
    let mut value = sample();
    value["verdict"] = json!("not_enough_evidence");
    value["confidence"] = Value::Null;
    value["headline"] =
        json!("Not enough evidence for a cause; catalog logs failures since 12:17:09");
    value["headline_cites"] = json!(["E4"]);
    value["impact"] = json!({"since": null, "services": []});
    for list in ["next", "seen_before", "unknowns"] {
        value[list] = json!([]);
    }
    value["claims"].as_array_mut().unwrap().truncate(1);
    assert_eq!(
        read(&answer(&of(value), &panel())),
        "○ Not enough evidence for a cause; catalog logs failures since 12:17:09 [E4]\n\
         • checkout itself takes 3.01 s in POST /orders, before 8.98 ms. [E1]\n\
         Changed: nothing that fits; 1 change was tested [E9]\n\
         Check next: ask about one service or another time, such as “checkout since 02:50”\n\
         Looked at 2026-11-29 12:01 to 12:16 UTC: 34,085 log records, 116,462 spans, 1,110 series.\n\
         [chart E4: lines of checkout]\n[buttons]\n[right? wrong?]\n\
         0.5 s · facts only · times in UTC · 7Q2\n"
    );
}

#[test]
fn what_a_model_told_says_so_and_what_it_cost() {
    let mut value = sample();
    value["told_by"] = json!("model");
    value["usage"]["model"] = json!("gpt-5-mini");
    value["usage"]["cost"] = json!(0.0123);
    let read_of = |value: &Value| read(&answer(&of(value.clone()), &panel()));
    assert!(
        read_of(&value)
            .ends_with("0.5 s · told by gpt-5-mini, checked · cost 0.0123 · times in UTC · 7Q2\n")
    );
    value["told_by"] = json!("plain");
    value["notice"] = json!("The model did not answer in time.");
    let read = read_of(&value);
    assert!(read.contains("Note: The model did not answer in time."), "{read}");
    assert!(read.contains("facts only, gpt-5-mini did not help"), "{read}");
}

#[test]
fn an_incident_is_red_while_it_fires_and_green_when_it_is_over() {
    let found = of(sample());
    let since = Timestamp::parse(ONSET).unwrap();
    let firing = Standing {
        code: "7Q2",
        title: "OrdersFailing: more than 5 % of orders fail",
        since,
        until: None,
        firing: 3,
        ended: 1,
        answer: None,
    };
    let begun = incident(&firing, &panel());
    assert_eq!(
        read(&begun),
        "🔴 7Q2 OrdersFailing: more than 5 % of orders fail\nSince 12:11 UTC · 3 alerts firing, 1 ended\nLooking into it.\n"
    );
    let known = incident(&Standing { answer: Some(&found), ..firing }, &panel());
    assert_eq!(broken_limits(&known), Vec::<String>::new());
    assert!(read(&known).contains("Likely cause, high confidence"), "{}", read(&known));
    let until = Some(since.plus_secs(12 * 60));
    let over = Standing { until, firing: 0, ended: 4, answer: Some(&found), ..firing };
    let over = incident(&over, &panel());
    let told = read(&over);
    assert!(told.starts_with("🟢 7Q2 OrdersFailing"), "{told}");
    assert!(told.contains("Over after 12 min, 4 alerts."), "{told}");
    assert!(over.text.starts_with("Over: 7Q2 OrdersFailing"), "{}", over.text);
}

#[test]
fn what_was_proven_is_kept_when_somebody_stops_it() {
    let kept = read(&stopped(Some(&of(sample())), &panel()));
    assert!(kept.starts_with("■ Stopped. Proven so far:\n●●● Likely cause"), "{kept}");
    assert_eq!(read(&stopped(None, &panel())), "■ Stopped, before anything was proven.\n");
}

fn steps() -> Vec<Step> {
    let step = |id: &str, title: &str, status, detail: Option<&str>| Step {
        id: id.to_owned(),
        title: title.to_owned(),
        status,
        detail: detail.map(str::to_owned),
        ms: None,
    };
    vec![
        step("plan", "Read the question", StepStatus::Complete, Some("all services & 15 min")),
        step("retrieve", "Collect evidence", StepStatus::Error, Some("traces: *unreadable*")),
        step("suspects", "Weigh suspects", StepStatus::InProgress, None),
    ]
}

#[test]
fn work_is_seen_step_by_step_and_can_be_stopped() {
    let message = working("why is <!here> slow?", &steps());
    assert_eq!(
        read(&message),
        "Looking into: why is <\u{2060}!here> slow?\n✓ Read the question: all services & 15 min\n✗ Collect evidence: traces: *unreadable*\n◐ Weigh suspects\n[buttons]\n"
    );
    assert_eq!(message.blocks[1]["elements"][0]["action_id"], "stop");
    assert_eq!(message.text, "Looking into: why is &lt;\u{2060}!here&gt; slow?");
}

#[test]
fn a_plan_is_chunks_that_others_understand() {
    let chunks: Vec<SlackStreamChunk> =
        serde_json::from_value(json!(plan("Why is it slow?", &steps()))).unwrap();
    assert_eq!(chunks.len(), 4);
    assert!(
        matches!(&chunks[0], SlackStreamChunk::PlanUpdate { title } if title == "Why is it slow?")
    );
    let outputs: Vec<Option<&str>> = chunks
        .iter()
        .filter_map(|chunk| match chunk {
            SlackStreamChunk::TaskUpdate { output, .. } => Some(output.as_deref()),
            _ => None,
        })
        .collect();
    let told = [Some("all services &amp; 15 min"), Some("traces: ∗unreadable∗"), None];
    assert_eq!(outputs, told);
}

#[test]
fn an_error_says_what_to_try() {
    let message = failed("the store cannot be read", "run `groundcrew doctor`");
    assert_eq!(read(&message), "✗ the store cannot be read\nTry: run groundcrew doctor\n");
    assert!(!json!(failed("broken", "").blocks).to_string().contains("Try"));
}

#[test]
fn the_question_after_a_thumbs_down_is_a_modal() {
    let view = wrong_view("ans_1", "{\"channel\":\"C1\"}");
    let modal: SlackModalView = serde_json::from_value(view.clone()).unwrap();
    assert_eq!(modal.private_metadata.as_deref(), Some("{\"channel\":\"C1\"}"));
    assert_eq!(view["callback_id"], "wrong");
    assert!(!modal.blocks.iter().any(|block| matches!(block, SlackBlock::Unknown(_))));
    // Every reason is one that feedback takes.
    let options = view["blocks"][0]["element"]["options"].as_array().unwrap().clone();
    let values: Vec<&str> = options.iter().filter_map(|option| option["value"].as_str()).collect();
    assert_eq!(values, ["wrong_cause", "wrong_evidence", "missing", "too_long", "other"]);
    for unusable in ["", &"x".repeat(3_001)] {
        assert_eq!(wrong_view("ans_1", unusable)["private_metadata"], "ans_1");
    }
}

#[test]
fn there_are_four_prompts_to_begin_with() {
    let prompts = home_prompts();
    assert_eq!(prompts.len(), 4);
    assert!(
        prompts.iter().all(|prompt| prompt["title"].is_string() && prompt["message"].is_string())
    );
}

#[test]
fn the_chart_shows_the_course_of_what_is_cited() {
    let message = answer(&of(sample()), &panel());
    let drawn = message.blocks.iter().find(|block| block["type"] == "data_visualization").unwrap();
    assert_eq!(drawn["title"], "E4: lines of checkout");
    let labels = drawn["chart"]["axis_config"]["categories"].as_array().unwrap();
    // Nine minutes that were looked at and had none of these lines, then the six that had.
    assert_eq!((labels.len(), &labels[0], &labels[9]), (15, &json!("12:02"), &json!("12:11")));
    let values: Vec<i64> = drawn["chart"]["series"][0]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["value"].as_i64().unwrap())
        .collect();
    assert_eq!(values, [0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 19, 24, 21, 22, 17]);
}

#[test]
fn long_courses_are_folded_and_flat_or_short_ones_are_not_drawn() {
    let with = |kind: &str, values: Vec<f64>| {
        let mut value = sample();
        value["evidence"][3]["kind"] = json!(kind);
        value["evidence"][3]["series"] = json!(values);
        value["evidence"][3]["series_from"] = json!("2026-11-29T11:17:00Z");
        value["evidence"][3]["measure"] = json!({"of": "series", "service": "checkout", "pod": null, "metric": "jvm.memory.used.of.the.heap"});
        let message = answer(&of(value), &panel());
        message.blocks.into_iter().find(|block| block["type"] == "data_visualization")
    };
    let metric = with("metric", (0..60).map(f64::from).collect()).unwrap();
    let points = metric["chart"]["series"][0]["data"].as_array().unwrap().clone();
    assert_eq!(
        (points.len(), &points[0]["value"], &points[19]["label"]),
        (20, &json!(1), &json!("12:14"))
    );
    let counted = with("log_template", (0..60).map(f64::from).collect()).unwrap();
    assert_eq!(counted["chart"]["series"][0]["data"][0]["value"], 3, "counts are added up");
    for none in [vec![], vec![1.0, 2.0], vec![4.0; 30], vec![1.0; 1]] {
        assert_eq!(with("metric", none), None);
    }
}
