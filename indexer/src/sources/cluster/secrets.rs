//! Values of Kubernetes secrets are taken out of a manifest before anything else looks at it.
//!
//! They are base64, which no detector of secrets can tell from other text; here the kind of the object says what they are.

use std::collections::BTreeSet;

use super::outline;

/// Stands in for a secret's value.
const WITHHELD: &str = "[kubernetes_secret]";

/// `text` with the values of `data` and `stringData` of every object of kind `Secret` replaced.
pub(super) fn withhold(text: &str) -> String {
    if !text.contains("Secret") {
        return text.to_owned();
    }
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let mut offset = 0;
    for document in documents(text) {
        withhold_in(document, offset, &mut lines);
        offset += document.matches('\n').count();
    }
    lines.join("\n")
}

/// Parts between `---` lines, so that the nodes of one object are seen together; newlines stay with the parts.
fn documents(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let mut rest = text;
    while let Some(position) = rest.find("\n---") {
        let (document, after) = rest.split_at_checked(position + 1).unwrap_or((rest, ""));
        documents.push(document);
        rest = after;
    }
    documents.push(rest);
    documents
}

fn withhold_in(document: &str, offset: usize, lines: &mut [String]) {
    let nodes = outline::outline(document);
    let secret_objects: BTreeSet<Option<usize>> = nodes
        .iter()
        .filter(|node| node.key == "kind" && node.value.trim_matches(['"', ',', '\'']) == "Secret")
        .map(|node| node.parent)
        .collect();
    for (index, node) in nodes.iter().enumerate() {
        if matches!(node.key, "data" | "stringData") && secret_objects.contains(&node.parent) {
            let end = nodes
                .get(outline::end_of(&nodes, index))
                .map_or_else(|| document.lines().count(), |later| later.line);
            withhold_lines(node.line + offset, end + offset, lines);
        }
    }
    if document.lines().count() <= 2
        && document.contains("\"Secret\"")
        && document.contains("data\"")
    {
        for line in lines.iter_mut().skip(offset).take(2) {
            WITHHELD.clone_into(line);
        }
    }
}

/// Replaces what follows the key on the lines from `first`, whose key is kept, to `end`.
fn withhold_lines(first: usize, end: usize, lines: &mut [String]) {
    for (number, line) in lines.iter_mut().enumerate().take(end).skip(first) {
        let key_end = line.find(':').map(|position| position + 1);
        let key = key_end.and_then(|end| line.get(..end)).unwrap_or("").to_owned();
        let indent = line.len() - line.trim_start().len();
        let value_is_empty = line.trim().len() == key.trim().len();
        if number == first && (value_is_empty || line.trim_end().ends_with('{')) {
            continue;
        }
        if line.trim().is_empty() || line.trim_start().starts_with(['}', ']']) {
            continue;
        }
        let comma = if line.trim_end().ends_with(',') { "," } else { "" };
        *line = if key.is_empty() {
            format!("{}{WITHHELD}", " ".repeat(indent))
        } else {
            format!("{key} \"{WITHHELD}\"{comma}")
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn yaml_values_go_and_the_rest_stays() {
        let text = "apiVersion: v1\nkind: ConfigMap\ndata:\n  level: info\n---\napiVersion: v1\ndata:\n  password: aHVudGVyMg==\n  script: |\n    hunter2\nkind: Secret\nmetadata:\n  name: db\n";
        let safe = withhold(text);
        assert!(!safe.contains("aHVudGVyMg") && !safe.contains("hunter2"), "{safe}");
        assert!(
            safe.contains("level: info") && safe.contains("name: db") && safe.contains("password:")
        );
        assert_eq!(safe.lines().count(), text.lines().count());
    }

    #[test]
    fn lists_and_json() {
        let list = "apiVersion: v1\nitems:\n- apiVersion: v1\n  data:\n    key: c2VjcmV0\n  kind: Secret\n- apiVersion: v1\n  data:\n    key: plain\n  kind: ConfigMap\nkind: List\n";
        let safe = withhold(list);
        assert!(!safe.contains("c2VjcmV0") && safe.contains("key: plain"), "{safe}");
        let json = "{\n  \"kind\": \"Secret\",\n  \"data\": {\n    \"key\": \"c2VjcmV0\"\n  },\n  \"metadata\": {\"name\": \"a\"}\n}";
        let safe = withhold(json);
        assert!(!safe.contains("c2VjcmV0") && safe.contains("metadata"), "{safe}");
        assert!(
            !withhold("{\"kind\":\"Secret\",\"data\":{\"key\":\"c2VjcmV0\"}}").contains("c2VjcmV0")
        );
    }

    proptest! {
        #[test]
        fn other_text_is_left_alone(text in "[a-z :\n-]{0,200}") {
            prop_assert_eq!(withhold(&text), text);
        }
    }
}
