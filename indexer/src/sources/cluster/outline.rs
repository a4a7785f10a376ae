//! The indented outline that YAML, pretty-printed JSON and `kubectl describe` share: who stands below whom, line by line.
//!
//! It is no YAML parser: facts come from a real one. It says which source lines carry them.

/// Lines after which an outline is cut.
const NODES_MAX: usize = 400_000;

/// One key, list item or bare text on a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Node<'a> {
    /// The line's number in the text, from 0.
    pub(super) line: usize,
    /// The key as written; `""` for bare text, `"-"` for a list item.
    pub(super) key: &'a str,
    /// What stands after the key, or the bare text.
    pub(super) value: &'a str,
    /// The node above, by index.
    pub(super) parent: Option<usize>,
    /// How far it is indented, in half columns, so that a list item lies below a key of the same column.
    depth: usize,
}

/// Reads `text` into nodes in the order of lines.
pub(super) fn outline(text: &str) -> Vec<Node<'_>> {
    let mut nodes: Vec<Node<'_>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for (line, raw) in text.lines().enumerate() {
        if nodes.len() >= NODES_MAX {
            break;
        }
        let content = raw.trim_start();
        let mut column = raw.len() - content.len();
        let mut content = content.trim_end();
        let only_brackets = content.chars().all(|c| matches!(c, '{' | '}' | '[' | ']' | ','));
        if content.is_empty()
            || (only_brackets && content != "{" && content != "{},")
            || content == "---"
        {
            continue;
        }
        while let Some(rest) = content.strip_prefix("- ")
            && nodes.len() < NODES_MAX
        {
            push(
                &mut nodes,
                &mut open,
                Node { line, key: "-", value: "", parent: None, depth: 2 * column + 1 },
            );
            let inner = rest.trim_start();
            column += content.len() - inner.len();
            content = inner;
        }
        let (key, value) = if content == "{" { ("-", "") } else { split_key(content) };
        push(&mut nodes, &mut open, Node { line, key, value, parent: None, depth: 2 * column });
    }
    nodes
}

fn push<'a>(nodes: &mut Vec<Node<'a>>, open: &mut Vec<usize>, mut node: Node<'a>) {
    while let Some(last) = open.last().copied() {
        if nodes.get(last).is_some_and(|above| above.depth < node.depth) {
            node.parent = Some(last);
            break;
        }
        open.pop();
    }
    open.push(nodes.len());
    nodes.push(node);
}

/// `key: value`, `"key": value,` or bare text. A gap of two spaces before the colon means a table row, not a key.
fn split_key(content: &str) -> (&str, &str) {
    if let Some(rest) = content.strip_prefix('"')
        && let Some((key, after)) = rest.split_once('"')
        && let Some(value) = after.trim_start().strip_prefix(':')
    {
        let value = value.trim().trim_end_matches(',');
        return (key, if matches!(value, "{" | "[") { "" } else { value });
    }
    let (key, value) = match content.split_once(": ") {
        Some((key, value)) => (key, value),
        None => match content.strip_suffix(':') {
            Some(key) => (key, ""),
            None => return ("", content),
        },
    };
    let plain = !key.is_empty() && key.len() <= 80 && !key.contains("  ") && !key.contains('\t');
    if plain { (key.trim_matches('"'), value.trim()) } else { ("", content) }
}

/// A key without case, spaces and punctuation, so that `Exit Code` and `exitCode` are the same.
pub(super) fn plain_key(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Indices of the nodes right below `parent` (of the top nodes for `None`).
pub(super) fn children<'a>(
    nodes: &'a [Node<'a>],
    parent: Option<usize>,
) -> impl Iterator<Item = (usize, &'a Node<'a>)> {
    let from = parent.map_or(0, |index| index + 1);
    let floor = parent.and_then(|index| nodes.get(index)).map(|node| node.depth);
    nodes
        .iter()
        .enumerate()
        .skip(from)
        .take_while(move |(_, node)| floor.is_none_or(|floor| node.depth > floor))
        .filter(move |(_, node)| node.parent == parent)
}

/// The index after the last node below `index`.
pub(super) fn end_of(nodes: &[Node<'_>], index: usize) -> usize {
    let floor = nodes.get(index).map_or(0, |node| node.depth);
    let below = nodes.iter().skip(index + 1).take_while(|node| node.depth > floor);
    (index + 1 + below.count()).min(nodes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(nodes: &[Node<'_>], mut index: usize) -> String {
        let mut keys = vec![nodes[index].key];
        while let Some(parent) = nodes[index].parent {
            keys.push(nodes[parent].key);
            index = parent;
        }
        keys.reverse();
        keys.join("/")
    }

    #[test]
    fn list_items_at_the_column_of_their_key() {
        let nodes = outline(
            "spec:\n  env:\n  - valueFrom:\n      secretKeyRef:\n        name: a\n    name: X\n  node: n\n",
        );
        let last_name = nodes.iter().rposition(|node| node.key == "name").unwrap();
        assert_eq!(path(&nodes, last_name), "spec/env/-/name");
        let first_name = nodes.iter().position(|node| node.key == "name").unwrap();
        assert_eq!(path(&nodes, first_name), "spec/env/-/valueFrom/secretKeyRef/name");
        let node = nodes.iter().position(|node| node.key == "node").unwrap();
        assert_eq!(path(&nodes, node), "spec/node");
    }

    #[test]
    fn descriptions_and_json() {
        let nodes = outline(
            "Containers:\n  web:\n    State:       Waiting\n      Reason:    Error\n  Ready  False\n",
        );
        let reason = nodes.iter().position(|node| node.key == "Reason").unwrap();
        assert_eq!(path(&nodes, reason), "Containers/web/State/Reason");
        assert_eq!(nodes.last().map(|node| (node.key, node.value)), Some(("", "Ready  False")));
        let nodes = outline("{\n  \"status\": {\n    \"phase\": \"Failed\",\n  }\n}");
        let phase = nodes.iter().find(|node| node.key == "phase").unwrap();
        assert_eq!(phase.value, "\"Failed\"");
    }

    #[test]
    fn children_stop_at_the_end_of_their_parent() {
        let nodes = outline("a:\n  b: 1\n  c: 2\nd:\n  e: 3\n");
        let keys = |parent| children(&nodes, parent).map(|(_, node)| node.key).collect::<Vec<_>>();
        assert_eq!(keys(None), ["a", "d"]);
        assert_eq!(keys(Some(0)), ["b", "c"]);
    }

    proptest! {
        #[test]
        fn parents_come_before_their_children(text in "([ ]{0,4}|- |[a-c\"]: |\\PC{0,5}|\n){0,60}") {
            let nodes = outline(&text);
            for (index, node) in nodes.iter().enumerate() {
                prop_assert!(node.parent.is_none_or(|parent| parent < index));
            }
        }
    }
}
