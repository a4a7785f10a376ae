//! Whether an object given as YAML or JSON is well; without a `status` nobody can tell.

use std::collections::BTreeSet;

use groundcrew_telemetry::Timestamp;
use serde_json::Value;

use super::conditions;
use super::describe_health::{Judged, quantity};
use super::manifest::text_at;
use super::manifest_facts;
use super::telling::Trouble;
use super::verdict::{self, Verdict};

/// A container that ended with an error so long ago no longer speaks against its pod.
const LAST_ERROR_SECONDS_RECENT: f64 = 3_600.0;

/// Judges one object of `kind`.
pub(super) fn judge(kind: &str, value: &Value, now: Timestamp) -> Judged {
    let mut judging =
        Judging { verdict: Verdict::default(), troubles: BTreeSet::new(), status: String::new() };
    judging.phase(value);
    for status in manifest_facts::container_statuses(value) {
        judging.container(status, now);
    }
    let finished = matches!(judging.status.as_str(), "Succeeded" | "Completed");
    if !finished {
        judging.conditions(value);
    }
    judging.replicas(kind, value);
    judging.special(kind, value);
    Judged {
        status: judging.status,
        healthy: judging.verdict.healthy(),
        troubles: judging.troubles,
    }
}

struct Judging {
    verdict: Verdict,
    troubles: BTreeSet<Trouble>,
    status: String,
}

impl Judging {
    fn bad(&mut self, word: &str) {
        let first = self.verdict.healthy() != Some(false);
        self.verdict.add_bad(true);
        self.troubles.extend(Trouble::of_word(word));
        if first && !word.is_empty() {
            word.clone_into(&mut self.status);
        }
    }

    fn phase(&mut self, value: &Value) {
        let pointers =
            ["/status/phase", "/status/health/status", "/status/sync/status", "/status/state"];
        for pointer in pointers {
            let Some(word) = text_at(value, pointer) else { continue };
            if self.status.is_empty() {
                word.clone_into(&mut self.status);
            }
            self.verdict.add(verdict::of_status(word, None));
            self.troubles.extend(Trouble::of_word(word));
        }
        if let Some(reason) =
            text_at(value, "/status/reason").filter(|reason| verdict::is_bad_word(reason))
        {
            self.bad(reason);
            reason.clone_into(&mut self.status);
        }
    }

    fn container(&mut self, status: &Value, now: Timestamp) {
        if let Some(reason) = text_at(status, "/state/waiting/reason") {
            self.troubles.extend(Trouble::of_word(reason));
            if verdict::is_bad_word(reason) {
                self.verdict = Verdict::default();
                self.bad(reason);
            }
        }
        if let Some(ended) = status.pointer("/state/terminated").filter(|ended| ended_badly(ended))
        {
            self.bad(text_at(ended, "/reason").unwrap_or("Error"));
        }
        if let Some(ended) =
            status.pointer("/lastState/terminated").filter(|ended| ended_badly(ended))
        {
            let finished = text_at(ended, "/finishedAt").and_then(Timestamp::parse);
            let recent =
                finished.is_none_or(|time| now.secs_since(time) <= LAST_ERROR_SECONDS_RECENT);
            if recent || self.verdict.healthy() == Some(false) {
                self.verdict.add_bad(true);
                self.troubles.extend(text_at(ended, "/reason").and_then(Trouble::of_word));
            }
        }
        let ready = status.get("ready").and_then(Value::as_bool);
        if ready == Some(false) && status.pointer("/state/running").is_some() {
            self.verdict.add_bad(true);
            self.troubles.insert(Trouble::NotReady);
        }
    }

    fn conditions(&mut self, value: &Value) {
        for condition in
            value.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten()
        {
            let field = |pointer| text_at(condition, pointer).unwrap_or("");
            let sign = conditions::sign(field("/type"), field("/status"), field("/reason"));
            if sign == Some(false) && field("/type") == "PodScheduled" {
                self.troubles.insert(Trouble::Scheduling);
            }
            if sign == Some(false) && self.status.is_empty() {
                let word =
                    if field("/reason").is_empty() { field("/type") } else { field("/reason") };
                word.clone_into(&mut self.status);
            }
            self.verdict.add(sign);
        }
    }

    fn replicas(&mut self, kind: &str, value: &Value) {
        let number = |pointer: &str| value.pointer(pointer).and_then(Value::as_u64);
        if value
            .get("status")
            .is_none_or(|status| status.as_object().is_none_or(serde_json::Map::is_empty))
        {
            return;
        }
        let counts = match kind {
            "Deployment" => {
                Some((number("/spec/replicas").unwrap_or(1), number("/status/availableReplicas")))
            }
            "StatefulSet" | "ReplicaSet" | "ReplicationController" => {
                Some((number("/spec/replicas").unwrap_or(1), number("/status/readyReplicas")))
            }
            "DaemonSet" => number("/status/desiredNumberScheduled")
                .map(|desired| (desired, number("/status/numberReady"))),
            _ => None,
        };
        let Some((desired, there)) = counts.filter(|(desired, _)| *desired > 0) else { return };
        let there = there.unwrap_or(0);
        self.verdict.add(Some(there >= desired));
        if self.status.is_empty() || there < desired {
            self.status = format!("{there}/{desired} ready");
        }
    }

    fn special(&mut self, kind: &str, value: &Value) {
        match kind {
            "Job" => {
                let number =
                    |pointer: &str| value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
                if number("/status/failed") > 0 && number("/status/succeeded") == 0 {
                    self.bad("Failed");
                }
                self.verdict.add((number("/status/succeeded") > 0).then_some(true));
            }
            "Node"
                if value.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true) =>
            {
                self.bad("SchedulingDisabled");
            }
            "Endpoints" => self.endpoints(value),
            "ResourceQuota" => self.quota(value),
            "Service" if text_at(value, "/spec/type") == Some("LoadBalancer") => {
                let pending = value.pointer("/status/loadBalancer").is_some_and(|balancer| {
                    balancer.as_object().is_some_and(serde_json::Map::is_empty)
                });
                if pending {
                    self.bad("load balancer pending");
                }
            }
            _ => {}
        }
    }

    fn endpoints(&mut self, value: &Value) {
        let subsets = value.get("subsets").and_then(Value::as_array);
        let has_ready = subsets.is_some_and(|subsets| {
            subsets.iter().any(|subset| {
                subset
                    .get("addresses")
                    .and_then(Value::as_array)
                    .is_some_and(|list| !list.is_empty())
            })
        });
        if has_ready { self.verdict.add(Some(true)) } else { self.bad("no endpoints") }
    }

    fn quota(&mut self, value: &Value) {
        let Some(hard) = value.pointer("/status/hard").and_then(Value::as_object) else { return };
        for (resource, limit) in hard {
            let used = value.pointer("/status/used").and_then(|used| used.get(resource));
            let numbers = (used.and_then(amount), amount(limit));
            let (Some(used), Some(limit)) = numbers else { continue };
            if used >= limit {
                self.bad(&format!("{resource} used up"));
            } else {
                self.verdict.add(Some(true));
            }
        }
    }
}

fn amount(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str().and_then(quantity))
}

fn ended_badly(ended: &Value) -> bool {
    let code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or(0);
    code != 0 || text_at(ended, "/reason").is_some_and(verdict::is_bad_word)
}
