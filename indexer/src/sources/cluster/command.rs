//! What a saved command line asked for, so that its output can be read: kinds, names, namespace, columns.

use super::kinds;

/// What the command does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Verb {
    /// Lists objects.
    Get,
    /// Describes objects at length.
    Describe,
    /// Lists events.
    Events,
    /// Prints log lines.
    Logs,
    /// Anything else.
    #[default]
    Other,
}

/// A command line, taken apart.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Command {
    /// The program's name; empty when no command line was given.
    pub(super) tool: String,
    /// What it does.
    pub(super) verb: Verb,
    /// Kinds it names, in canonical spelling.
    pub(super) kinds: Vec<String>,
    /// Objects it names.
    pub(super) names: Vec<String>,
    /// The namespace it asks for, or `""`.
    pub(super) namespace: String,
    /// Whether rows begin with a namespace.
    pub(super) all_namespaces: bool,
    /// Headings of custom columns; empty when it has none.
    pub(super) columns: Vec<String>,
}

impl Command {
    /// Takes `line` apart; a leading `$ ` is ignored.
    pub(super) fn parse(line: &str) -> Self {
        let words = split_words(line.trim().trim_start_matches("$ "));
        let mut command = Self::default();
        let mut words = words.into_iter().skip_while(|word| word == "sudo" || word.contains('='));
        let program = words.next().unwrap_or_default();
        command.tool = program.rsplit('/').next().unwrap_or_default().to_owned();

        let mut positional = Vec::new();
        while let Some(word) = words.next() {
            if matches!(word.as_str(), "|" | ";" | "&&" | "||" | ">" | ">>") {
                break;
            }
            if !word.starts_with('-') {
                positional.push(word);
                continue;
            }
            let (flag, joined) =
                word.split_once('=').map_or((word.as_str(), None), |(f, v)| (f, Some(v)));
            let value = match joined {
                Some(value) => value.to_owned(),
                None if takes_value(flag) => words.next().unwrap_or_default(),
                None => String::new(),
            };
            command.take_flag(flag, &value);
        }
        command.take_positional(&positional);
        command
    }

    /// Guesses from a file's name, such as `get-pods.txt`, what it holds.
    pub(super) fn from_title(title: &str) -> Self {
        let file = title.rsplit('/').next().unwrap_or(title);
        let words = file.split(|c: char| !c.is_ascii_alphanumeric());
        let kind = words.filter(|word| word.len() >= 3).find_map(kinds::known);
        Self { kinds: kind.map(str::to_owned).into_iter().collect(), ..Self::default() }
    }

    /// The kind it asks for, when it asks for exactly one.
    pub(super) fn only_kind(&self) -> Option<&str> {
        match self.kinds.as_slice() {
            [kind] if kind != "All" => Some(kind),
            _ => None,
        }
    }

    fn take_flag(&mut self, flag: &str, value: &str) {
        match flag {
            "-n" | "--namespace" => value.clone_into(&mut self.namespace),
            "-A" | "--all-namespaces" => self.all_namespaces = true,
            "-o" | "--output" => {
                if let Some(columns) = value.strip_prefix("custom-columns=") {
                    self.columns = columns
                        .split(',')
                        .filter_map(|column| column.split(':').next())
                        .map(|heading| heading.trim().to_ascii_uppercase())
                        .collect();
                }
            }
            _ => {}
        }
    }

    fn take_positional(&mut self, positional: &[String]) {
        let mut words = positional.iter().map(String::as_str);
        let is_kubectl = matches!(self.tool.as_str(), "kubectl" | "oc" | "k" | "flux");
        let verb = if is_kubectl { words.next().unwrap_or_default() } else { "" };
        self.verb = match verb {
            "get" => Verb::Get,
            "describe" => Verb::Describe,
            "events" => Verb::Events,
            "logs" => Verb::Logs,
            _ => Verb::Other,
        };
        match self.tool.as_str() {
            "argocd" => self.kinds.push("Application".to_owned()),
            "helm" => self.kinds.push("Release".to_owned()),
            _ if matches!(self.verb, Verb::Get | Verb::Describe) => self.take_objects(words),
            "kubectl" | "oc" | "k" | "flux" => {}
            _ => self.kinds.extend(words.next().and_then(kinds::known).map(str::to_owned)),
        }
        if self.verb == Verb::Get && self.only_kind() == Some("Event") {
            self.verb = Verb::Events;
        }
    }

    fn take_objects<'a>(&mut self, mut words: impl Iterator<Item = &'a str>) {
        let Some(first) = words.next() else { return };
        if first.contains('/') {
            for word in std::iter::once(first).chain(words) {
                self.take_prefixed(word);
            }
            return;
        }
        self.kinds = first.split(',').filter(|word| !word.is_empty()).map(kinds::named).collect();
        self.names = words.map(str::to_owned).collect();
    }

    /// `pod/web-1`, or `Pod/shop/web-1` with the namespace between.
    fn take_prefixed(&mut self, word: &str) {
        let Some((kind, rest)) = kinds::split_prefix(word) else { return };
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
        let name = match rest.split_once('/') {
            Some((namespace, name)) => {
                namespace.clone_into(&mut self.namespace);
                name
            }
            None => rest,
        };
        self.names.push(name.to_owned());
    }
}

/// Whether the flag's value is the next word.
fn takes_value(flag: &str) -> bool {
    matches!(
        flag,
        "-n" | "--namespace"
            | "-o"
            | "--output"
            | "-l"
            | "--selector"
            | "--field-selector"
            | "-c"
            | "--container"
            | "--context"
            | "--kubeconfig"
            | "--cluster"
            | "--sort-by"
            | "-f"
            | "--filename"
            | "--since"
            | "--tail"
            | "-L"
            | "--label-columns"
            | "--for"
            | "--types"
    )
}

/// Splits as a shell would: at spaces, quotes keep words together.
fn split_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, space) if space.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(letter),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kind_name_and_namespace() {
        let command = Command::parse("$ kubectl describe pod web-1 -n shop | grep -A 2 'State:'");
        assert_eq!(command.verb, Verb::Describe);
        assert_eq!((command.only_kind(), command.namespace.as_str()), (Some("Pod"), "shop"));
        assert_eq!(command.names, ["web-1"]);
    }

    #[test]
    fn prefixed_names_may_carry_the_namespace() {
        let command = Command::parse("kubectl describe Pod/shop/web-1");
        assert_eq!(command.namespace, "shop");
        assert_eq!(command.names, ["web-1"]);
        let command = Command::parse("kubectl get deploy/web svc/web --namespace=shop");
        assert_eq!(command.kinds, ["Deployment", "Service"]);
        assert_eq!(command.only_kind(), None);
    }

    #[test]
    fn custom_columns_give_the_headings() {
        let command = Command::parse(
            "kubectl get pods -A --field-selector=status.phase!=Running -o 'custom-columns=NS:.metadata.namespace,NAME:.metadata.name' --no-headers",
        );
        assert_eq!(command.columns, ["NS", "NAME"]);
        assert!(command.all_namespaces);
        assert!(command.names.is_empty());
    }

    #[test]
    fn other_tools() {
        assert_eq!(Command::parse("$ argocd app list").only_kind(), Some("Application"));
        assert_eq!(Command::parse("$ kubectl get events -n shop").verb, Verb::Events);
        assert_eq!(Command::parse("$ flux get ks -A").only_kind(), Some("Kustomization"));
        assert_eq!(Command::parse("$ list topics {\"cluster\": \"k\"}").verb, Verb::Other);
        assert_eq!(Command::from_title("evidence/get-pods.txt").only_kind(), Some("Pod"));
    }

    proptest! {
        #[test]
        fn any_line_is_taken_apart(line in "\\PC{0,200}") {
            Command::parse(&line);
            Command::from_title(&line);
        }
    }
}
