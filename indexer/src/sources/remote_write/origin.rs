//! What a series' labels say: its name, who it is about, and what is left to tell it from others.

use groundcrew_telemetry::{Attributes, MetricKind, Resource};

/// Labels that are about the origin of a series, under their names in OpenTelemetry.
const RESOURCE_LABELS: [(&str, &str); 8] = [
    ("instance", "service.instance.id"),
    ("pod", "k8s.pod.name"),
    ("namespace", "k8s.namespace.name"),
    ("container", "k8s.container.name"),
    ("node", "k8s.node.name"),
    ("service_version", "service.version"),
    ("service_namespace", "service.namespace"),
    ("deployment", "k8s.deployment.name"),
];
/// Jobs that tell about others and not about themselves.
const TELLING_OF_OTHERS: [&str; 4] =
    ["kubelet", "cadvisor", "kube-state-metrics", "kubernetes-cadvisor"];
/// Units that Prometheus writes at the end of a name, and their UCUM codes.
const UNITS: [(&str, &str); 8] = [
    ("seconds", "s"),
    ("milliseconds", "ms"),
    ("bytes", "By"),
    ("ratio", "1"),
    ("percent", "%"),
    ("celsius", "Cel"),
    ("volts", "V"),
    ("joules", "J"),
];
/// Labels of one series; Prometheus warns long before.
const LABELS_MAX: usize = 256;

/// Who and what a series is.
pub(super) struct SeriesOrigin {
    pub(super) name: String,
    pub(super) resource: Resource,
    pub(super) attributes: Attributes,
}

impl SeriesOrigin {
    /// Reads the labels of a series; an error is the reason to reject it.
    pub(super) fn of(labels: Vec<(String, String)>) -> Result<Self, String> {
        if labels.len() > LABELS_MAX {
            return Err(format!("a series has more than {LABELS_MAX} labels"));
        }
        let value = |wanted: &str| {
            let found = labels.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        let name = value("__name__").ok_or("a series has no name")?.to_owned();
        let mut resource = Resource::default();
        let job = value("job").unwrap_or("");
        let workload = value("container").or_else(|| value("deployment"));
        let other = workload.filter(|_| TELLING_OF_OTHERS.contains(&job));
        match value("service_name").or(other) {
            Some(service) => resource.attributes.set("service.name", service),
            // A job is named `namespace/name` where its services have namespaces.
            None => match job.split_once('/') {
                Some((namespace, service)) => {
                    resource.attributes.set("service.namespace", namespace);
                    resource.attributes.set("service.name", service);
                }
                None if !job.is_empty() => resource.attributes.set("service.name", job),
                None => {}
            },
        }
        let mut attributes = Attributes::default();
        for (label, value) in labels {
            if label.is_empty() {
                return Err("a label has no name".to_owned());
            }
            if matches!(label.as_str(), "__name__" | "job" | "service_name") || value.is_empty() {
                continue;
            }
            match RESOURCE_LABELS.iter().find(|(name, _)| *name == label) {
                Some((_, known)) => resource.attributes.set(known, value),
                None if attributes.get(&label).is_some() => {
                    return Err(format!("a series has the label {label} twice"));
                }
                None => attributes.0.push((label, value.into())),
            }
        }
        Ok(Self { name, resource, attributes })
    }
}

/// How the points of a series relate: by what its metadata says (a number of version 2, else 0), then by its name.
pub(super) fn kind_of(name: &str, declared: i32) -> MetricKind {
    const COUNTER: i32 = 1;
    const GAUGE: i32 = 2;
    const GAUGE_HISTOGRAM: i32 = 4;
    let grows = ["_total", "_sum", "_count", "_bucket"].iter().any(|end| name.ends_with(end));
    match declared {
        COUNTER => MetricKind::CumulativeSum,
        GAUGE | GAUGE_HISTOGRAM => MetricKind::Gauge,
        _ if grows => MetricKind::CumulativeSum,
        _ => MetricKind::Gauge,
    }
}

/// The unit, as declared or by the end of the name; `""` when neither says.
pub(super) fn unit_of(name: &str, declared: &str) -> String {
    let code = |word: &str| UNITS.iter().find(|(name, _)| *name == word).map(|(_, code)| *code);
    if name.ends_with("_count") || name.ends_with("_bucket") {
        return "1".to_owned();
    }
    if !declared.is_empty() {
        return code(declared).unwrap_or(declared).to_owned();
    }
    let measured = ["_total", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let last = measured.rsplit_once('_').map_or("", |(_, last)| last);
    code(last).unwrap_or("").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(pairs: &[(&str, &str)]) -> Result<SeriesOrigin, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        SeriesOrigin::of(pairs.iter().map(own).collect())
    }

    #[test]
    fn job_and_instance_are_the_service_and_its_instance() {
        let up = origin(&[
            ("__name__", "up"),
            ("instance", "h:9090"),
            ("job", "prod/cart"),
            ("le", "1"),
        ]);
        let up = up.unwrap();
        assert_eq!((up.name.as_str(), up.resource.service()), ("up", "cart"));
        assert_eq!(up.resource.attributes.str("service.namespace"), Some("prod"));
        assert_eq!(up.resource.attributes.str("service.instance.id"), Some("h:9090"));
        assert_eq!(up.attributes, [("le", "1")].into_iter().collect());
        let cpu = origin(&[
            ("__name__", "c"),
            ("container", "cart"),
            ("job", "kubelet"),
            ("pod", "cart-1"),
        ]);
        let cpu = cpu.unwrap().resource;
        assert_eq!((cpu.service(), cpu.pod()), ("cart", Some("cart-1")));
    }

    #[test]
    fn series_without_a_name_or_with_a_label_twice_are_rejected() {
        assert!(origin(&[("job", "x")]).is_err());
        assert!(origin(&[("__name__", "x"), ("a", "1"), ("a", "2")]).is_err());
        assert!(origin(&[("__name__", "x"), ("", "1")]).is_err());
    }

    #[test]
    fn names_tell_kind_and_unit_where_nothing_else_does() {
        assert_eq!(kind_of("http_requests_total", 0), MetricKind::CumulativeSum);
        assert_eq!(kind_of("up", 0), MetricKind::Gauge);
        assert_eq!(kind_of("odd_total", 2), MetricKind::Gauge);
        assert_eq!(unit_of("process_cpu_seconds_total", ""), "s");
        assert_eq!(unit_of("go_memstats_heap_bytes", ""), "By");
        assert_eq!(unit_of("latency_seconds_bucket", ""), "1");
        assert_eq!(unit_of("latency", "seconds"), "s");
        assert_eq!(unit_of("up", ""), "");
    }
}
