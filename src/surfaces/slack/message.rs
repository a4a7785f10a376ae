//! A message as Slack takes it, and the one place that knows what Slack takes: every limit as a row of a table.

use serde_json::Value;

/// One message as Slack takes it: text for notifications and screen readers, blocks for the eye.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Message {
    /// The fallback, in Slack's markup, escaped. To be sent with `parse: none`.
    pub text: String,
    /// The blocks, Block Kit.
    pub blocks: Vec<Value>,
}

/// Most characters of a message that a reader sees, beside its chart and its buttons: a rule of this house, not of Slack.
pub const VISIBLE_MAX: usize = 900;
/// Most blocks of a message.
pub const BLOCKS_MAX: usize = 50;
/// Most charts of a message.
pub const CHARTS_MAX: usize = 2;
/// Most characters of all `markdown` blocks of a message together.
pub const MARKDOWN_MAX: usize = 12_000;
/// Most characters of all data tables of a message together.
pub const TABLES_MAX: usize = 20_000;
/// Most characters of a message's blocks as JSON; Slack does not document it, and refuses a little more than this.
pub const WHOLE_MAX: usize = 13_000;
/// Most characters of the fallback text that this house sends.
pub const FALLBACK_MAX: usize = 300;

/// One limit: how long a string, or how many items of a list, may be inside objects of one type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    /// Its name, as public tables of Slack's limits spell it.
    pub name: &'static str,
    /// The `type` of the objects it is for.
    pub of: &'static str,
    /// Where in them: keys, `*` for every item of a list.
    pub path: &'static [&'static str],
    /// The most there may be: UTF-16 units of a string, items of a list.
    pub most: usize,
}

/// The longest chunk of a stream's task, title or text.
pub const TASK_TEXT_MAX: usize = 256;

const fn limit(
    name: &'static str,
    of: &'static str,
    path: &'static [&'static str],
    most: usize,
) -> Limit {
    Limit { name, of, path, most }
}

/// What is allowed inside blocks, chunks and modals.
#[rustfmt::skip]
pub const LIMITS: &[Limit] = &[
    limit("text.max_length", "plain_text", &["text"], 3000),
    limit("text.max_length", "mrkdwn", &["text"], 3000),
    limit("section.text.max_length", "section", &["text", "text"], 3000),
    limit("section.fields.max_items", "section", &["fields"], 10),
    limit("section.fields.item_max_length", "section", &["fields", "*", "text"], 2000),
    limit("header.text.max_length", "header", &["text", "text"], 150),
    limit("markdown.text.max_length", "markdown", &["text"], MARKDOWN_MAX),
    limit("context.elements.max_items", "context", &["elements"], 10),
    limit("context_actions.elements.max_items", "context_actions", &["elements"], 5),
    limit("actions.elements.max_items", "actions", &["elements"], 25),
    limit("action_id.max_length", "button", &["action_id"], 255),
    limit("button.text.max_length", "button", &["text", "text"], 75),
    limit("button.value.max_length", "button", &["value"], 2000),
    limit("button.url.max_length", "button", &["url"], 3000),
    limit("button.accessibility_label.max_length", "button", &["accessibility_label"], 75),
    limit("feedback_button.text.max_length", "feedback_buttons", &["positive_button", "text", "text"], 75),
    limit("feedback_button.text.max_length", "feedback_buttons", &["negative_button", "text", "text"], 75),
    limit("feedback_button.value.max_length", "feedback_buttons", &["positive_button", "value"], 2000),
    limit("feedback_button.value.max_length", "feedback_buttons", &["negative_button", "value"], 2000),
    limit("feedback_button.accessibility_label.max_length", "feedback_buttons", &["positive_button", "accessibility_label"], 75),
    limit("feedback_button.accessibility_label.max_length", "feedback_buttons", &["negative_button", "accessibility_label"], 75),
    limit("table.rows.max_items", "table", &["rows"], 100),
    limit("table.columns.max_items", "table", &["rows", "*"], 20),
    limit("data_table.rows.max_items", "data_table", &["rows"], 201),
    limit("data_table.columns.max_items", "data_table", &["rows", "*"], 20),
    limit("plan.tasks.max_items", "plan", &["tasks"], 50),
    limit("card.title.max_length", "card", &["title", "text"], 150),
    limit("card.body.max_length", "card", &["body", "text"], 200),
    limit("data_visualization.title.max_length", "data_visualization", &["title"], 50),
    limit("data_visualization.series.max_items", "data_visualization", &["chart", "series"], 12),
    limit("data_visualization.series_name.max_length", "data_visualization", &["chart", "series", "*", "name"], 20),
    limit("data_visualization.data.max_items", "data_visualization", &["chart", "series", "*", "data"], 20),
    limit("data_visualization.point_label.max_length", "data_visualization", &["chart", "series", "*", "data", "*", "label"], 20),
    limit("data_visualization.categories.max_items", "data_visualization", &["chart", "axis_config", "categories"], 20),
    limit("data_visualization.category_label.max_length", "data_visualization", &["chart", "axis_config", "categories", "*"], 20),
    limit("data_visualization.axis_label.max_length", "data_visualization", &["chart", "axis_config", "x_label"], 50),
    limit("data_visualization.axis_label.max_length", "data_visualization", &["chart", "axis_config", "y_label"], 50),
    limit("task_update.title", "task_update", &["title"], TASK_TEXT_MAX),
    limit("task_update.details", "task_update", &["details"], TASK_TEXT_MAX),
    limit("task_update.output", "task_update", &["output"], TASK_TEXT_MAX),
    limit("plan_update.title", "plan_update", &["title"], TASK_TEXT_MAX),
    limit("view.blocks.max_items", "modal", &["blocks"], 100),
    limit("view.title.max_length", "modal", &["title", "text"], 24),
    limit("view.submit.max_length", "modal", &["submit", "text"], 24),
    limit("view.close.max_length", "modal", &["close", "text"], 24),
    limit("view.callback_id.max_length", "modal", &["callback_id"], 255),
    limit("view.private_metadata.max_length", "modal", &["private_metadata"], 3000),
    limit("input.label.max_length", "input", &["label", "text"], 2000),
    limit("select.options.max_items", "static_select", &["options"], 100),
    limit("option.text.max_length", "static_select", &["options", "*", "text", "text"], 75),
    limit("option.value.max_length", "static_select", &["options", "*", "value"], 150),
    limit("select.placeholder.max_length", "static_select", &["placeholder", "text"], 150),
    limit("plain_text_input.placeholder.max_length", "plain_text_input", &["placeholder", "text"], 150),
];

/// Types of objects whose `text` must not be empty.
const NEVER_EMPTY: [&str; 3] = ["plain_text", "mrkdwn", "text"];

/// How long Slack takes a text to be.
#[must_use]
pub fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// What of a message Slack would refuse, and what this house would; nothing for a message that may be sent.
#[must_use]
pub fn broken_limits(message: &Message) -> Vec<String> {
    let mut broken = broken_inside(&message.blocks);
    let of_type = |wanted: &str| {
        message.blocks.iter().filter(|block| type_of(block) == wanted).collect::<Vec<_>>()
    };
    let markdown = of_type("markdown").into_iter().filter_map(|block| block.get("text")?.as_str());
    let tables = of_type("data_table").into_iter().map(visible_in).sum();
    let whole: usize = message.blocks.iter().map(|block| length(&block.to_string())).sum();
    for (what, found, most) in [
        ("message.blocks", message.blocks.len(), BLOCKS_MAX),
        ("message.data_visualizations", of_type("data_visualization").len(), CHARTS_MAX),
        ("message.markdown", markdown.map(length).sum(), MARKDOWN_MAX),
        ("message.data_tables", tables, TABLES_MAX),
        ("message.whole", whole, WHOLE_MAX),
        ("message.visible", visible_length(&message.blocks), VISIBLE_MAX),
        ("message.text", length(&message.text), FALLBACK_MAX),
    ] {
        if found > most {
            broken.push(format!("{what}: {found} of {most}"));
        }
    }
    if message.text.is_empty() {
        broken.push("message.text: empty".to_owned());
    }
    broken
}

/// What of blocks, chunks or modals breaks a limit of [`LIMITS`].
#[must_use]
pub fn broken_inside(values: &[Value]) -> Vec<String> {
    let mut broken = Vec::new();
    for value in values {
        broken_in(value, &mut broken);
    }
    broken
}

fn broken_in(value: &Value, broken: &mut Vec<String>) {
    let object_type = type_of(value);
    for limit in LIMITS.iter().filter(|limit| limit.of == object_type) {
        measure(value, limit.path, &mut |found| {
            if found > limit.most {
                broken.push(format!("{}: {found} of {}", limit.name, limit.most));
            }
        });
    }
    if NEVER_EMPTY.contains(&object_type) && value.get("text").and_then(Value::as_str) == Some("") {
        broken.push(format!("{object_type}: empty text"));
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| broken_in(item, broken)),
        Value::Object(fields) => fields.values().for_each(|field| broken_in(field, broken)),
        _ => {}
    }
}

/// Calls `found` with the size of everything that lies at `path`.
fn measure(value: &Value, path: &[&str], found: &mut impl FnMut(usize)) {
    match path.split_first() {
        Some((&"*", rest)) => {
            value.as_array().into_iter().flatten().for_each(|item| measure(item, rest, found));
        }
        Some((key, rest)) => {
            if let Some(field) = value.get(key) {
                measure(field, rest, found);
            }
        }
        None => match value {
            Value::String(text) => found(length(text)),
            Value::Array(items) => found(items.len()),
            _ => {}
        },
    }
}

fn type_of(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or("")
}

/// The characters of the blocks that a reader sees, without buttons and charts.
#[must_use]
pub fn visible_length(blocks: &[Value]) -> usize {
    blocks.iter().map(visible_in).sum()
}

fn visible_in(value: &Value) -> usize {
    match type_of(value) {
        "actions" | "context_actions" | "data_visualization" => return 0,
        // A date is seen as its format with a time of day in it, or as its fallback.
        "date" => {
            return ["format", "fallback"]
                .iter()
                .filter_map(|key| value.get(key)?.as_str())
                .map(length)
                .max()
                .unwrap_or(0);
        }
        _ => {}
    }
    match value {
        Value::Array(items) => items.iter().map(visible_in).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, field)| match field {
                Value::String(text) if key == "text" => length(text),
                Value::String(_) => 0,
                other => visible_in(other),
            })
            .sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    /// Facts of PyPI's `slackblocks` 3.0.0, which are generated there from its registry of Slack's limits. Written by
    /// reading its module `slackblocks/_limits.py`, where each line `# NAME` is followed by `CONSTANT = NUMBER`, and
    /// printing `NAME<tab>NUMBER` for the names of `LIMITS` and those of a whole message.
    const TABLE: &str = include_str!("../../../tests/data/slack-limits.tsv");
    /// Limits that the table does not have: of streams, whose documentation gives them.
    const BEYOND_THE_TABLE: [&str; 4] =
        ["task_update.title", "task_update.details", "task_update.output", "plan_update.title"];

    #[test]
    fn our_limits_are_those_of_another_implementation() {
        let theirs: BTreeMap<&str, usize> = TABLE
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('\t'))
            .map(|(name, most)| (name, most.parse().unwrap()))
            .collect();
        for limit in LIMITS.iter().filter(|limit| !BEYOND_THE_TABLE.contains(&limit.name)) {
            assert_eq!(theirs.get(limit.name), Some(&limit.most), "{}", limit.name);
        }
        for (name, most) in [
            ("message.blocks.max_items", BLOCKS_MAX),
            ("message.data_visualizations.max_items", CHARTS_MAX),
            ("markdown.total_text.max_length", MARKDOWN_MAX),
            ("data_table.total_content.max_length", TABLES_MAX),
        ] {
            assert_eq!(theirs.get(name), Some(&most), "{name}");
        }
    }

    #[test]
    fn every_limit_is_noticed_when_it_is_broken_and_only_then() {
        for limit in LIMITS {
            for (size, is_broken) in [(limit.most, false), (limit.most + 1, true)] {
                let is_list = limit.name.ends_with("max_items");
                let leaf = if is_list { json!(vec![0; size]) } else { json!("x".repeat(size)) };
                let mut value = limit.path.iter().rev().fold(leaf, |inner, key| match *key {
                    "*" => json!([inner]),
                    key => json!({key: inner}),
                });
                value["type"] = json!(limit.of);
                let broken = broken_inside(&[value]);
                let is_told = broken.iter().any(|told| told.starts_with(limit.name));
                assert_eq!(is_told, is_broken, "{} with {size}: {broken:?}", limit.name);
            }
        }
    }

    #[test]
    fn what_holds_for_a_whole_message_is_noticed() {
        let section = |size: usize| json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(size)}});
        let of = |text: &str, blocks: Vec<Value>| {
            broken_limits(&Message { text: text.to_owned(), blocks })
        };
        assert_eq!(of("t", vec![section(VISIBLE_MAX)]), Vec::<String>::new());
        assert_eq!(of("t", vec![section(VISIBLE_MAX + 1)]), ["message.visible: 901 of 900"]);
        assert_eq!(of("", vec![section(1)]), ["message.text: empty"]);
        assert_eq!(of("t", vec![json!({"type": "divider"}); 51]), ["message.blocks: 51 of 50"]);
        let chart = json!({"type": "data_visualization", "title": "t"});
        assert_eq!(of("t", vec![chart; 3]), ["message.data_visualizations: 3 of 2"]);
        assert_eq!(of("t", vec![section(0)]), ["mrkdwn: empty text"]);
        let markdown = json!({"type": "markdown", "text": "x".repeat(7_000)});
        let broken = of("t", vec![markdown; 2]).join("\n");
        assert!(
            broken.contains("message.markdown") && broken.contains("message.whole"),
            "{broken}"
        );
    }

    #[test]
    fn buttons_and_charts_are_not_counted_as_text() {
        let blocks = [
            json!({"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Evidence"}}]}),
            json!({"type": "data_visualization", "title": "errors"}),
            json!({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
                {"type": "text", "text": "four"}, {"type": "link", "url": "https://x", "text": "[E1]"},
                {"type": "date", "timestamp": 1, "format": "{time}", "fallback": "03:07 UTC"}]}]}),
        ];
        assert_eq!(visible_length(&blocks), 4 + 4 + 9);
    }
}
