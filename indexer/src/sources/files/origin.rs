//! Who wrote a log file, as far as its path tells.

use std::path::Path;

use groundcrew_telemetry::{Attributes, Resource};

/// The resource for lines that name no service themselves: `service` when a person gave it, else by the path.
///
/// Knows the layouts of Kubernetes nodes (`pods/NAMESPACE_POD_UID/CONTAINER/0.log`,
/// `containers/POD_NAMESPACE_CONTAINER-ID.log`); elsewhere the service is the file's name without what rotation and
/// compression added, or its folder's name where nothing but a number is left.
pub(in crate::sources) fn resource_of(path: &Path, service: Option<&str>) -> Resource {
    let mut attributes = pod_attributes(path).unwrap_or_default();
    let name = match service {
        Some(service) => Some(service.to_owned()),
        None if attributes.0.is_empty() => name_of(path),
        None => attributes.str("k8s.container.name").map(str::to_owned),
    };
    if let Some(name) = name {
        attributes.set("service.name", name);
    }
    Resource { attributes }
}

fn name_of(path: &Path) -> Option<String> {
    let stem = stem(file_name(path)?);
    if stem.chars().any(char::is_alphabetic) {
        return Some(stem.to_owned());
    }
    let folder = path.parent().and_then(file_name).filter(|name| !name.is_empty());
    Some(folder.unwrap_or(stem).to_owned())
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// `payment.log.2026-01-02.3.gz` is `payment`.
pub(in crate::sources) fn stem(name: &str) -> &str {
    const ENDINGS: [&str; 9] = ["gz", "zst", "log", "txt", "json", "jsonl", "ndjson", "out", "err"];
    let mut stem = name;
    while let Some((front, ending)) = stem.rsplit_once(['.', '-']) {
        let rotated = !ending.is_empty()
            && ending.chars().all(|c| c.is_ascii_digit() || matches!(c, '_' | ':' | 'T'));
        if front.is_empty() || !(rotated || ENDINGS.contains(&ending)) {
            break;
        }
        stem = front;
    }
    stem
}

/// What the path of a container's log says of its pod, where it is one.
pub(in crate::sources) fn pod_attributes(path: &Path) -> Option<Attributes> {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        [.., "pods", pod, container, _] => {
            let mut names = pod.splitn(3, '_');
            let (namespace, pod) = (names.next()?, names.next()?);
            Some(pod_names(namespace, pod, container))
        }
        [.., "containers", file] => {
            let mut names = file.strip_suffix(".log")?.splitn(3, '_');
            let (pod, namespace) = (names.next()?, names.next()?);
            let (container, _id) = names.next()?.rsplit_once('-')?;
            Some(pod_names(namespace, pod, container))
        }
        _ => None,
    }
}

fn pod_names(namespace: &str, pod: &str, container: &str) -> Attributes {
    [("k8s.namespace.name", namespace), ("k8s.pod.name", pod), ("k8s.container.name", container)]
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_service_by_the_path() {
        let cases = [
            ("/var/log/payment.log", "payment"),
            ("payment-service.log.2.gz", "payment-service"),
            ("payment.log-20260102.zst", "payment"),
            ("checkout-v2.txt", "checkout-v2"),
            ("shop/0.log", "shop"),
            ("/var/log/pods/prod_cart-7d9_8f1b/server/0.log", "server"),
            ("/var/log/containers/cart-7d9_prod_server-0a1b2c.log", "server"),
        ];
        for (path, expected) in cases {
            assert_eq!(resource_of(Path::new(path), None).service(), expected, "{path}");
        }
        let given =
            resource_of(Path::new("/var/log/pods/prod_cart-7d9_8f1b/server/0.log"), Some("x"));
        assert_eq!((given.service(), given.pod()), ("x", Some("cart-7d9")));
    }
}
