//! Alerts that rule files define: Prometheus' own, and its operator's `PrometheusRule` objects.

use std::path::Path;

use serde::Deserialize;
use serde_yaml_ng::Value as Yaml;

/// Larger files are no rules.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A rule that alerts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct AlertRule {
    pub(super) name: String,
    /// The line it is defined in.
    pub(super) line: u32,
    /// Where it says to look.
    pub(super) runbook: Option<String>,
    pub(super) service: Option<String>,
}

/// The alerts that a YAML file defines; none when it is about something else or cannot be read.
pub(super) fn alerts_of(path: &Path) -> Vec<AlertRule> {
    let is_small = std::fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() <= FILE_BYTES_MAX);
    match std::fs::read_to_string(path) {
        Ok(text) if is_small => alerts_in(&text),
        _ => Vec::new(),
    }
}

fn alerts_in(text: &str) -> Vec<AlertRule> {
    let mut alerts = Vec::new();
    if !text.contains("alert:") {
        return alerts;
    }
    for document in serde_yaml_ng::Deserializer::from_str(text) {
        // Templates of other programs are YAML only once they are filled in.
        let Ok(document) = Yaml::deserialize(document) else { break };
        let spec = document.get("spec").unwrap_or(&document);
        let groups = spec.get("groups").and_then(Yaml::as_sequence).map_or(&[][..], Vec::as_slice);
        for group in groups {
            let rules = group.get("rules").and_then(Yaml::as_sequence);
            alerts.extend(rules.into_iter().flatten().filter_map(|rule| alert(rule, text)));
        }
    }
    alerts
}

fn alert(rule: &Yaml, text: &str) -> Option<AlertRule> {
    let name = rule.get("alert")?.as_str()?.to_owned();
    let word = |map: &str, key: &str| {
        let word = rule.get(map)?.get(key)?.as_str()?.trim().to_owned();
        // A template is filled in when the alert goes off.
        (!word.is_empty() && !word.contains("{{")).then_some(word)
    };
    let runbook = ["runbook_url", "runbook", "runbook_link"];
    let mut lines = (1..).zip(text.lines());
    let defined = lines.find(|(_, line)| {
        let defined = line.trim_start().trim_start_matches("- ").trim_start();
        let value =
            defined.strip_prefix("alert:").map(|value| value.trim().trim_matches(['"', '\'']));
        value == Some(name.as_str())
    });
    Some(AlertRule {
        line: defined.map_or(1, |(line, _)| line),
        runbook: runbook.iter().find_map(|key| word("annotations", key)),
        service: ["service", "app", "job"].iter().find_map(|key| word("labels", key)),
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_rule_files_are_read() {
        let text = "\
groups:
  - name: shop
    rules:
      - record: job:x
        expr: up
      - alert: OrdersFailing
        expr: up == 0
        labels: {service: checkout, severity: page}
        annotations:
          runbook_url: https://wiki.test/orders-failing
---
kind: PrometheusRule
spec:
  groups:
    - rules:
        - alert: \"DiskFull\"
          expr: up
";
        let alerts = alerts_in(text);
        assert_eq!(alerts.len(), 2);
        assert_eq!((alerts[0].name.as_str(), alerts[0].line), ("OrdersFailing", 6));
        assert_eq!(alerts[0].service.as_deref(), Some("checkout"));
        assert_eq!(alerts[0].runbook.as_deref(), Some("https://wiki.test/orders-failing"));
        assert_eq!((alerts[1].line, &alerts[1].runbook), (16, &None));
    }

    #[test]
    fn other_yaml_defines_no_alerts() {
        for text in
            ["", "alert: x", "groups: 7\nalert:", "{{ alert: }}", "groups: [{rules: [{alert: 7}]}]"]
        {
            assert_eq!(alerts_in(text), [], "{text}");
        }
    }
}
