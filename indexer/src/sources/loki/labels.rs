//! A stream's labels: how they are written, and who wrote the stream by them.

use groundcrew_telemetry::{Attributes, Resource, Severity};

use crate::stages::decode::severity_of_field;

/// Labels that say how bad a stream's lines are.
pub(super) const SEVERITY_LABELS: [&str; 4] =
    ["level", "detected_level", "severity", "severity_text"];
/// Labels that name the service outright, the most telling first.
const SERVICE_LABELS: [&str; 4] =
    ["service_name", "service.name", "service", "app_kubernetes_io_name"];
/// Labels by which a service can be guessed, the best guess first; what a line says itself is better.
const WORKLOAD_LABELS: [&str; 11] = [
    "app",
    "application",
    "k8s_deployment_name",
    "container",
    "container_name",
    "k8s_container_name",
    "compose_service",
    "unit",
    "systemd_unit",
    "job",
    "component",
];
/// Labels that have a name of their own in OpenTelemetry.
const NAMES: [(&str, &str); 18] = [
    ("service_name", "service.name"),
    ("service_namespace", "service.namespace"),
    ("service_version", "service.version"),
    ("service_instance_id", "service.instance.id"),
    ("instance", "service.instance.id"),
    ("pod", "k8s.pod.name"),
    ("pod_name", "k8s.pod.name"),
    ("k8s_pod_name", "k8s.pod.name"),
    ("namespace", "k8s.namespace.name"),
    ("k8s_namespace_name", "k8s.namespace.name"),
    ("container", "k8s.container.name"),
    ("container_name", "k8s.container.name"),
    ("k8s_container_name", "k8s.container.name"),
    ("node", "k8s.node.name"),
    ("node_name", "k8s.node.name"),
    ("k8s_node_name", "k8s.node.name"),
    ("host", "host.name"),
    ("hostname", "host.name"),
];
/// Labels of one stream; Loki's own default limit is 15.
const LABELS_MAX: usize = 256;
/// What the labels of one stream may take, as they are written.
pub(super) const LABEL_BYTES_MAX: usize = 64 * 1024;
pub(super) const TOO_LONG: &str = "the labels of a stream are longer than 64 KiB";

/// Who wrote a stream, by its labels.
pub(super) struct StreamOrigin {
    pub(super) resource: Resource,
    /// Whether a label names the service outright.
    pub(super) service_given: bool,
    pub(super) severity: Option<Severity>,
}

impl StreamOrigin {
    /// Reads the origin of a stream with these labels.
    pub(super) fn of(labels: Vec<(String, String)>) -> Self {
        let named = |names: &[&str]| {
            let found =
                names.iter().find_map(|name| labels.iter().find(|(label, _)| label == name));
            // What Loki itself writes where it knows no better.
            found
                .map(|(_, value)| value.as_str())
                .filter(|value| !value.starts_with("unknown_service"))
        };
        let given = named(&SERVICE_LABELS).filter(|name| !name.is_empty());
        let service = given.or_else(|| named(&WORKLOAD_LABELS)).map(workload_name);
        let service = service.map(str::to_owned);
        let service_given = given.is_some();
        let severity = named(&SEVERITY_LABELS).and_then(severity_of_field);
        let mut attributes = Attributes::default();
        for (label, value) in labels {
            if severity.is_some() && SEVERITY_LABELS.contains(&label.as_str()) {
                continue;
            }
            let known = NAMES.iter().find(|(name, _)| *name == label).map(|(_, known)| *known);
            attributes.set(known.unwrap_or(&label), value);
        }
        if let Some(service) = service.filter(|name| !name.is_empty()) {
            attributes.set("service.name", service);
        }
        Self { resource: Resource { attributes }, service_given, severity }
    }
}

/// `shop/cart` (a namespace in front) and `cart.service` (a unit) are `cart`.
fn workload_name(label: &str) -> &str {
    let name = label.rsplit('/').next().unwrap_or(label);
    name.strip_suffix(".service").unwrap_or(name)
}

/// Reads labels as Prometheus writes them: `{app="cart", path="a\"b"}`.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn parse_labels(text: &str) -> Result<Vec<(String, String)>, String> {
    if text.len() > LABEL_BYTES_MAX {
        return Err(TOO_LONG.to_owned());
    }
    let mut rest = text.trim();
    rest = rest.strip_prefix('{').ok_or("labels do not begin with a brace")?;
    rest = rest.strip_suffix('}').ok_or("labels do not end with a brace")?.trim();
    let mut labels = Vec::new();
    while !rest.is_empty() {
        if labels.len() >= LABELS_MAX {
            return Err(format!("more than {LABELS_MAX} labels"));
        }
        let (name, after) = rest.split_once('=').ok_or("a label has no value")?;
        let name = name.trim();
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '/');
        if name.is_empty() || !name.chars().all(is_name) {
            return Err("a label has no proper name".to_owned());
        }
        let (value, after) = quoted(after.trim_start())?;
        labels.push((name.to_owned(), value));
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if rest.is_empty() => {}
            None => return Err("labels are not set apart by commas".to_owned()),
        }
    }
    Ok(labels)
}

/// Reads one text in quotes or backticks; gives it and what follows.
fn quoted(text: &str) -> Result<(String, &str), String> {
    const OPEN: &str = "a label's value is not closed";
    if let Some(rest) = text.strip_prefix('`') {
        let (value, rest) = rest.split_once('`').ok_or(OPEN)?;
        return Ok((value.to_owned(), rest));
    }
    let rest = text.strip_prefix('"').ok_or("a label's value is not in quotes")?;
    let mut value = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next().ok_or(OPEN)? {
            '"' => return Ok((value, chars.as_str())),
            '\\' => {
                let escaped = match chars.next().ok_or(OPEN)? {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'v' => '\u{b}',
                    'x' => hex(&mut chars, 2)?,
                    'u' => hex(&mut chars, 4)?,
                    'U' => hex(&mut chars, 8)?,
                    same @ ('"' | '\\' | '\'') => same,
                    other => return Err(format!("a label's value holds the escape \\{other}")),
                };
                value.push(escaped);
            }
            other => value.push(other),
        }
    }
}

fn hex(chars: &mut std::str::Chars<'_>, digits: usize) -> Result<char, String> {
    let text: String = chars.by_ref().take(digits).collect();
    let code = u32::from_str_radix(&text, 16).ok().filter(|_| text.len() == digits);
    code.and_then(char::from_u32).ok_or_else(|| format!("a label's value holds the escape {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
        parse_labels(text)
    }

    #[test]
    fn labels_are_read_with_their_quoting() {
        let read = pairs(r#"{ app="cart", path="a\\b\"}\n", raw=`x"y\`, é="\u00e9",}"#).unwrap();
        let expected = [("app", "cart"), ("path", "a\\b\"}\n"), ("raw", "x\"y\\"), ("é", "é")];
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(read, expected);
        assert!(pairs("{}").unwrap().is_empty());
    }

    #[test]
    fn labels_that_are_none_are_an_error() {
        let wrong = [
            "",
            "{",
            "app=\"cart\"",
            "{app}",
            "{app=cart}",
            "{app=\"cart}",
            "{=\"x\"}",
            r#"{a="\q"}"#,
            r#"{a="\u12"}"#,
            r#"{a="b" c="d"}"#,
            r#"{a="\ud800"}"#,
            "{a=`b}",
        ];
        for text in wrong {
            assert!(pairs(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_service_is_the_best_label_that_there_is() {
        let service = |text: &str| {
            let origin = StreamOrigin::of(parse_labels(text).unwrap());
            (origin.resource.service().to_owned(), origin.service_given)
        };
        let cases = [
            (r#"{service_name="cart", job="x/y"}"#, "cart", true),
            (r#"{service_name="unknown_service", app="cart"}"#, "cart", false),
            (r#"{job="prod/cart", container="c"}"#, "c", false),
            (r#"{job="prod/cart"}"#, "cart", false),
            (r#"{unit="nginx.service", job="systemd-journal"}"#, "nginx", false),
            (r#"{host="n1"}"#, "n1", false),
            ("{}", "", false),
        ];
        for (labels, name, given) in cases {
            assert_eq!(service(labels), (name.to_owned(), given), "{labels}");
        }
    }

    #[test]
    fn labels_get_the_names_of_opentelemetry() {
        let labels = r#"{pod="cart-1", namespace="prod", level="warn", env="eu"}"#;
        let origin = StreamOrigin::of(parse_labels(labels).unwrap());
        assert_eq!(origin.severity, Some(Severity::WARN));
        assert_eq!(origin.resource.pod(), Some("cart-1"));
        assert_eq!(origin.resource.namespace(), Some("prod"));
        assert_eq!(origin.resource.attributes.str("env"), Some("eu"));
        assert_eq!(origin.resource.attributes.str("level"), None);
    }
}
