//! Names of Kubernetes kinds, from any of the words a command line uses for them.

/// A kind and the lower-case words that mean it.
const KINDS: &[(&str, &[&str])] = &[
    ("Pod", &["po", "pod", "pods"]),
    ("Deployment", &["deploy", "deployment", "deployments"]),
    ("StatefulSet", &["sts", "statefulset", "statefulsets"]),
    ("DaemonSet", &["ds", "daemonset", "daemonsets"]),
    ("ReplicaSet", &["rs", "replicaset", "replicasets"]),
    ("ReplicationController", &["rc", "replicationcontroller", "replicationcontrollers"]),
    ("Job", &["job", "jobs"]),
    ("CronJob", &["cj", "cronjob", "cronjobs"]),
    ("Service", &["svc", "service", "services"]),
    ("Endpoints", &["ep", "endpoint", "endpoints"]),
    ("EndpointSlice", &["endpointslice", "endpointslices"]),
    ("Ingress", &["ing", "ingress", "ingresses"]),
    ("IngressClass", &["ingressclass", "ingressclasses"]),
    ("NetworkPolicy", &["netpol", "networkpolicy", "networkpolicies"]),
    ("ConfigMap", &["cm", "configmap", "configmaps"]),
    ("Secret", &["secret", "secrets"]),
    ("ServiceAccount", &["sa", "serviceaccount", "serviceaccounts"]),
    ("Node", &["no", "node", "nodes"]),
    ("Namespace", &["ns", "namespace", "namespaces"]),
    ("PersistentVolume", &["pv", "persistentvolume", "persistentvolumes"]),
    ("PersistentVolumeClaim", &["pvc", "persistentvolumeclaim", "persistentvolumeclaims"]),
    ("StorageClass", &["sc", "storageclass", "storageclasses"]),
    ("HorizontalPodAutoscaler", &["hpa", "horizontalpodautoscaler", "horizontalpodautoscalers"]),
    ("VerticalPodAutoscaler", &["vpa", "verticalpodautoscaler", "verticalpodautoscalers"]),
    ("PodDisruptionBudget", &["pdb", "poddisruptionbudget", "poddisruptionbudgets"]),
    ("ResourceQuota", &["quota", "resourcequota", "resourcequotas"]),
    ("LimitRange", &["limits", "limitrange", "limitranges"]),
    ("Event", &["ev", "event", "events"]),
    ("Role", &["role", "roles"]),
    ("RoleBinding", &["rolebinding", "rolebindings"]),
    ("ClusterRole", &["clusterrole", "clusterroles"]),
    ("ClusterRoleBinding", &["clusterrolebinding", "clusterrolebindings"]),
    ("CustomResourceDefinition", &["crd", "crds", "customresourcedefinition"]),
    ("PriorityClass", &["pc", "priorityclass", "priorityclasses"]),
    ("Certificate", &["certificate", "certificates"]),
    ("Application", &["app", "apps", "application", "applications"]),
    ("Kustomization", &["ks", "kustomization", "kustomizations"]),
    ("HelmRelease", &["hr", "helmrelease", "helmreleases"]),
    ("GitRepository", &["gitrepository", "gitrepositories"]),
];

/// The kind that `word` names, `deployments.apps` included; `None` for a word that is not in the table.
pub(super) fn known(word: &str) -> Option<&'static str> {
    let bare = word.split('.').next().unwrap_or(word);
    let lower = bare.to_ascii_lowercase();
    KINDS.iter().find(|(_, words)| words.contains(&lower.as_str())).map(|(kind, _)| *kind)
}

/// The kind that `word` names. A word that is not in the table is most likely a custom resource and keeps its own name.
pub(super) fn named(word: &str) -> String {
    if let Some(kind) = known(word) {
        return kind.to_owned();
    }
    let bare = word.split('.').next().unwrap_or(word);
    let mut letters = bare.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// Splits `pod/web-1`, `deployment.apps/web` or `Pod/shop/web-1` into kind and the rest.
pub(super) fn split_prefix(text: &str) -> Option<(String, &str)> {
    let (prefix, rest) = text.split_once('/')?;
    let plain = prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    (plain && !prefix.is_empty() && !rest.is_empty()).then(|| (named(prefix), rest))
}

/// Whether objects of this kind run pods.
pub(super) fn runs_pods(kind: &str) -> bool {
    matches!(
        kind,
        "Pod"
            | "Deployment"
            | "StatefulSet"
            | "DaemonSet"
            | "ReplicaSet"
            | "ReplicationController"
            | "Job"
            | "CronJob"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_and_groups_name_one_kind() {
        for word in ["po", "Pod", "pods", "PODS"] {
            assert_eq!(named(word), "Pod");
        }
        assert_eq!(named("deployments.apps"), "Deployment");
        assert_eq!(named("kafkatopics.kafka.strimzi.io"), "Kafkatopics");
        assert_eq!(named(""), "");
    }

    #[test]
    fn prefixes_are_split_once() {
        assert_eq!(split_prefix("pod/web-1"), Some(("Pod".to_owned(), "web-1")));
        assert_eq!(split_prefix("Pod/shop/web-1"), Some(("Pod".to_owned(), "shop/web-1")));
        assert_eq!(split_prefix("a b/c"), None);
        assert_eq!(split_prefix("/x"), None);
    }
}
