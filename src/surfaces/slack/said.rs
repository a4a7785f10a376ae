//! What people wrote in Slack, as plain words: its markup undone, mentions of us taken away. The result is untrusted.

use serde_json::Value;

/// Longest text that is read of a message, in bytes.
const TEXT_BYTES_MAX: usize = 12_000;
/// Blocks and attachments are read so deep.
const DEPTH_MAX: usize = 8;

/// The words of a message: its text, or what its blocks and attachments say where it has none.
#[must_use]
pub fn words(message: &Value) -> String {
    let text = message.get("text").and_then(Value::as_str).unwrap_or("").trim();
    let mut lines = vec![plain(text)];
    let mut found = Vec::new();
    // The blocks of what people write say the same as its text.
    if text.is_empty() {
        gather(message.get("blocks").unwrap_or(&Value::Null), 0, &mut found);
    }
    gather(message.get("attachments").unwrap_or(&Value::Null), 0, &mut found);
    for line in found {
        let line = plain(&line).trim().to_owned();
        if !lines.iter().any(|known| known.contains(&line)) {
            lines.push(line);
        }
    }
    let said = lines.join("\n");
    clipped(said.trim()).to_owned()
}

/// The texts in blocks and attachments, in reading order.
fn gather(value: &Value, depth: usize, found: &mut Vec<String>) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Array(items) => {
            let inline = items.iter().all(is_inline);
            if inline && !items.is_empty() {
                found.push(items.iter().map(inline_text).collect());
                return;
            }
            items.iter().for_each(|item| gather(item, depth + 1, found));
        }
        Value::Object(fields) => {
            for name in ["pretext", "title", "text", "value", "fields", "elements", "blocks"] {
                match fields.get(name) {
                    Some(Value::String(text)) => found.push(text.clone()),
                    Some(inner) => gather(inner, depth + 1, found),
                    None => {}
                }
            }
        }
        _ => {}
    }
}

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or("")
}

/// Whether it is a piece of a line of rich text.
fn is_inline(value: &Value) -> bool {
    let kinds = ["user", "channel", "link", "emoji", "usergroup", "broadcast", "date", "color"];
    kinds.contains(&kind(value))
        || (kind(value) == "text" && value.get("text").is_some_and(Value::is_string))
}

fn inline_text(value: &Value) -> String {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    match kind(value) {
        "user" => format!("<@{}>", text("user_id")),
        "link" if text("text").is_empty() => text("url"),
        "emoji" => String::new(),
        _ => text("text"),
    }
}

/// Undoes Slack's markup: `<@U1|ana>` is `@ana`, `<https://a|b>` is `b`, `&lt;` is `<`.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(&unescaped(before));
        match after.split_once('>') {
            Some((inside, behind)) => {
                plain.push_str(&unescaped(&reference(inside)));
                rest = behind;
            }
            None => {
                plain.push('<');
                rest = after;
            }
        }
    }
    plain.push_str(&unescaped(rest));
    plain
}

fn reference(inside: &str) -> String {
    let (target, label) =
        inside.split_once('|').map_or((inside, ""), |(target, label)| (target, label));
    match (target.chars().next(), label) {
        (Some('@'), "") => target.to_owned(),
        (Some('@'), label) => format!("@{label}"),
        (Some('#'), "") => target.to_owned(),
        (Some('#'), label) => format!("#{label}"),
        (Some('!'), "") => target.replacen('!', "@", 1),
        (_, "") => target.to_owned(),
        (_, label) => label.to_owned(),
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Whether the text mentions this user.
#[must_use]
pub fn mentions(text: &str, user: &str) -> bool {
    !user.is_empty()
        && (text.contains(&format!("<@{user}>")) || text.contains(&format!("<@{user}|")))
}

/// Whether the text begins with the mention of somebody: it is said to them.
#[must_use]
pub fn is_addressed(text: &str) -> bool {
    text.trim_start().starts_with("<@")
}

/// The text without mentions of `user`.
#[must_use]
pub fn without_mentions(text: &str, user: &str) -> String {
    if user.is_empty() {
        return text.to_owned();
    }
    let mention = format!("<@{user}");
    let mut rest = text;
    let mut kept = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once(&mention) {
        kept.push_str(before);
        // `<@U01>` is not a mention of `U0`.
        if after.starts_with(['>', '|']) {
            rest = after.split_once('>').map_or("", |(_, behind)| behind);
        } else {
            kept.push_str(&mention);
            rest = after;
        }
    }
    kept.push_str(rest);
    kept.trim().to_owned()
}

/// The beginning of a text, cut between characters.
#[must_use]
pub fn clipped(text: &str) -> &str {
    crate::investigate::evidence::clip(text, TEXT_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn markup_is_undone() {
        for (said, meant) in [
            ("why is <#C1|shop> slow?", "why is #shop slow?"),
            ("ask <@U2|ana> &amp; <@U3>", "ask @ana & @U3"),
            ("see <https://a.example/x|the board>", "see the board"),
            ("<https://a.example/x>", "https://a.example/x"),
            ("<!here> p99 &gt; 3 s &lt;b&gt;", "@here p99 > 3 s <b>"),
            ("&amp;lt;", "&lt;"),
            ("1 < 2", "1 < 2"),
        ] {
            assert_eq!(plain(said), meant, "{said}");
        }
    }

    #[test]
    fn our_name_is_no_part_of_the_question() {
        assert_eq!(without_mentions("<@U0> why?", "U0"), "why?");
        assert_eq!(without_mentions("<@U0|gc> ask <@U1> why <@U0>?", "U0"), "ask <@U1> why ?");
        assert_eq!(without_mentions("<@U01> why?", "U0"), "<@U01> why?");
        assert!(
            mentions("hey <@U0|gc>", "U0") && !mentions("hey <@U01>", "U0") && !mentions("<@>", "")
        );
    }

    #[test]
    fn what_alerts_say_is_found_in_blocks_and_attachments() {
        let alert = json!({"text": "", "attachments": [{"title": "CheckoutFails", "text": "5xx at 38 %",
            "fields": [{"title": "service", "value": "checkout"}]}]});
        assert_eq!(words(&alert), "CheckoutFails\n5xx at 38 %\nservice\ncheckout");
        let rich = json!({"text": "", "blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section",
            "elements": [{"type": "user", "user_id": "U0"}, {"type": "text", "text": " why is checkout slow?"}]}]}]});
        assert_eq!(words(&rich), "@U0 why is checkout slow?");
        let section = json!({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "disk full on db-1"}}]});
        assert_eq!(words(&section), "disk full on db-1");
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in ".{0,200}", user in "[<@>|U0-9]{0,6}") {
            let bare = without_mentions(&text, &user);
            prop_assert!(bare.len() <= text.len());
            let read = words(&json!({"text": text, "blocks": text}));
            prop_assert!(read.len() <= TEXT_BYTES_MAX);
        }
    }
}
