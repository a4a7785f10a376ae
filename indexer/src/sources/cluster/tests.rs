//! Whole texts of our own writing in the shapes that kubectl and its neighbours print.

use groundcrew_telemetry::{ClusterObject, ClusterSnapshot, Timestamp};
use proptest::prelude::*;

use super::{looks_like, read_snapshot};

fn read(text: &str) -> ClusterSnapshot {
    let now = Timestamp::parse("2026-03-04T10:00:00Z").unwrap();
    read_snapshot("saved.txt", text, now)
}

fn states(snapshot: &ClusterSnapshot) -> Vec<(String, &str, Option<bool>)> {
    let state =
        |object: &ClusterObject| format!("{}/{}/{}", object.kind, object.namespace, object.name);
    snapshot
        .objects
        .iter()
        .map(|object| (state(object), object.status.as_str(), object.healthy))
        .collect()
}

fn check(text: &str, expected: &[(&str, &str, Option<bool>)]) {
    let snapshot = read(text);
    let expected: Vec<_> =
        expected.iter().map(|(id, status, ok)| ((*id).to_owned(), *status, *ok)).collect();
    assert_eq!(states(&snapshot), expected, "{text}");
}

#[test]
fn pods_in_a_wide_table() {
    let text = "\
$ kubectl get pods -n shop -o wide
NAME       READY   STATUS             RESTARTS          AGE     IP            NODE       NOMINATED NODE   READINESS GATES
api-1      1/1     Running            0                 3h12m   10.1.0.7      worker-2   <none>           <none>
api-2      0/1     CrashLoopBackOff   214 (2m5s ago)    3h12m   10.1.0.8      worker-1   <none>           <none>
cache-0    0/1     Running            0                 9d      10.1.0.9      worker-1   <none>           <none>
job-x      0/1     Completed          0                 9d      <none>        worker-1   <none>           <none>
new-1      0/1     Pending            0                 4s      <none>        <none>     <none>           <none>
";
    check(
        text,
        &[
            ("Pod/shop/api-1", "Running", Some(true)),
            ("Pod/shop/api-2", "CrashLoopBackOff", Some(false)),
            ("Pod/shop/cache-0", "Running", Some(false)),
            ("Pod/shop/job-x", "Completed", Some(true)),
            ("Pod/shop/new-1", "Pending", Some(false)),
        ],
    );
    let snapshot = read(text);
    assert_eq!(snapshot.objects[1].restarts, 214);
    assert_eq!(snapshot.objects[1].related, ["Node/worker-1"]);
    assert!(snapshot.objects[1].lines[0].starts_with("api-2      0/1     CrashLoopBackOff"));
}

#[test]
fn rows_that_grep_left_without_headings() {
    check(
        "$ kubectl get -A --show-labels -o wide pod | grep api\n\
         shop    api-2    0/1   CrashLoopBackOff   214 (2m5s ago)   3h   10.1.0.8   worker-1   <none>   <none>   app=api\n\
         shop    api-3    1/1   Running            0                3h   10.1.0.9   worker-1   <none>   <none>   app=api\n",
        &[
            ("Pod/shop/api-2", "CrashLoopBackOff", Some(false)),
            ("Pod/shop/api-3", "Running", Some(true)),
        ],
    );
}

#[test]
fn custom_columns_without_headings() {
    check(
        "$ kubectl get pods -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,READY:.status.containerStatuses[*].ready,STATUS:.status.phase --no-headers\n\
         shop   api-1   true,false   Running\nshop   api-2   <none>   Pending\n",
        &[("Pod/shop/api-1", "Running", Some(false)), ("Pod/shop/api-2", "Pending", Some(false))],
    );
}

#[test]
fn everything_at_once() {
    check(
        "$ kubectl get all -n shop\n\
         NAME          READY   STATUS    RESTARTS   AGE\n\
         pod/api-1     1/1     Running   0          3h\n\n\
         NAME          TYPE           CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE\n\
         service/api   LoadBalancer   10.0.0.1     <pending>     80/TCP    3h\n\n\
         NAME                  READY   UP-TO-DATE   AVAILABLE   AGE\n\
         deployment.apps/api   1/3     3            1           3h\n\n\
         NAME                   DESIRED   CURRENT   READY   AGE\n\
         replicaset.apps/api-5  3         3         1       3h\n",
        &[
            ("Pod/shop/api-1", "Running", Some(true)),
            ("Service/shop/api", "", Some(false)),
            ("Deployment/shop/api", "1/3", Some(false)),
            ("ReplicaSet/shop/api-5", "1", Some(false)),
        ],
    );
}

#[test]
fn other_kinds_in_tables() {
    check(
        "$ kubectl get nodes\nNAME   STATUS                     ROLES    AGE   VERSION\nn1     Ready                      <none>   9d    v1.31.0\nn2     NotReady                   <none>   9d    v1.31.0\nn3     Ready,SchedulingDisabled   <none>   9d    v1.31.0\n",
        &[
            ("Node//n1", "Ready", Some(true)),
            ("Node//n2", "NotReady", Some(false)),
            ("Node//n3", "Ready,SchedulingDisabled", Some(false)),
        ],
    );
    check(
        "$ kubectl get endpoints -n shop\nNAME   ENDPOINTS       AGE\napi    <none>          3h\nweb    10.1.0.7:8080   3h\n",
        &[("Endpoints/shop/api", "", Some(false)), ("Endpoints/shop/web", "", Some(true))],
    );
    check(
        "$ kubectl get hpa\nNAME   REFERENCE        TARGETS         MINPODS   MAXPODS   REPLICAS   AGE\napi    Deployment/api   <unknown>/80%   2         10        2          3h\n",
        &[("HorizontalPodAutoscaler//api", "", Some(false))],
    );
    check(
        "$ kubectl get pvc -n shop\nNAME   STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   AGE\ndata   Pending                                      fast           28d\n",
        &[("PersistentVolumeClaim/shop/data", "Pending", Some(false))],
    );
}

#[test]
fn other_tools_with_a_status_column() {
    check(
        "$ argocd app list\nNAME         CLUSTER      NAMESPACE  PROJECT  STATUS     HEALTH    SYNCPOLICY\nargocd/api   in-cluster   shop       default  OutOfSync  Degraded  Auto\n",
        &[("Application/shop/api", "OutOfSync", Some(false))],
    );
    check(
        "$ helm list -n shop\nNAME\tNAMESPACE\tREVISION\tUPDATED\tSTATUS\tCHART\napi \tshop     \t3       \t2026-03-04 09:00:00\tfailed\tapi-1.2.0\n",
        &[("Release/shop/api", "failed", Some(false))],
    );
    check(
        "$ flux get kustomizations -A\nNAMESPACE  NAME   REVISION   SUSPENDED  READY  MESSAGE\nflux       apps   main@1     False      False  build failed: missing file\n",
        &[("Kustomization/flux/apps", "False", Some(false))],
    );
    check(
        "$ kafka-consumer-groups.sh --describe --group g\nGROUP  TOPIC  PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG\ng      t      0          10              500             490\n",
        &[],
    );
}

const DESCRIBED_POD: &str = "\
$ kubectl describe pod api-2 -n shop
Name:             api-2
Namespace:        shop
Service Account:  api
Node:             worker-1/10.0.0.3
Labels:           app=api
                  pod-template-hash=5f
Status:           Running
Controlled By:    ReplicaSet/api-5f
Containers:
  api:
    Container ID:  containerd://aa
    Image:         registry.example/api:4
    State:          Waiting
      Reason:       CrashLoopBackOff
    Last State:     Terminated
      Reason:       OOMKilled
      Exit Code:    137
      Finished:     Wed, 04 Mar 2026 09:58:00 +0000
    Ready:          False
    Restart Count:  7
    Limits:
      memory:  128Mi
    Environment:
      DB_HOST:  <set to the key 'host' in secret 'db'>  Optional: false
    Mounts:
      /var/run/secrets/kubernetes.io/serviceaccount from kube-api-access-x (ro)
Conditions:
  Type              Status
  Ready             False
  PodScheduled      True
Volumes:
  settings:
    Type:      ConfigMap (a volume populated by a ConfigMap)
    Name:      api-settings
Events:
  Type     Reason   Age                From     Message
  ----     ------   ----               ----     -------
  Warning  BackOff  2m (x31 over 12m)  kubelet  Back-off restarting failed container api
";

#[test]
fn a_described_pod() {
    check(DESCRIBED_POD, &[("Pod/shop/api-2", "CrashLoopBackOff", Some(false))]);
    let snapshot = read(DESCRIBED_POD);
    let pod = &snapshot.objects[0];
    assert_eq!(pod.restarts, 7);
    assert_eq!(pod.labels, ["app=api", "pod-template-hash=5f"]);
    assert_eq!(
        pod.related,
        [
            "ServiceAccount/api",
            "Node/worker-1",
            "ReplicaSet/api-5f",
            "Secret/db",
            "ConfigMap/api-settings"
        ]
    );
    for telling in
        ["      Exit Code:    137", "      memory:  128Mi", "      Reason:       OOMKilled"]
    {
        assert!(pod.lines.iter().any(|line| line == telling), "{telling} in {:#?}", pod.lines);
    }
    assert!(
        !pod.lines
            .iter()
            .any(|line| line.contains("containerd://") || line.contains("kube-api-access"))
    );
    let [event] = snapshot.events.as_slice() else { panic!("{:?}", snapshot.events) };
    assert_eq!(
        (event.object.as_str(), event.namespace.as_str(), event.count),
        ("Pod/api-2", "shop", 31)
    );
    assert_eq!(event.time, snapshot.time.plus_secs(-120));
}

#[test]
fn other_kinds_described() {
    check(
        "$ kubectl describe deployment api -n shop\nName:       api\nNamespace:  shop\nReplicas:   3 desired | 3 updated | 3 total | 1 available | 2 unavailable\nStrategyType:  RollingUpdate\nConditions:\n  Type         Status  Reason\n  ----         ------  ------\n  Available    False   MinimumReplicasUnavailable\n  Progressing  True    ReplicaSetUpdated\n",
        &[("Deployment/shop/api", "", Some(false))],
    );
    check(
        "$ kubectl describe svc api -n shop\nName:       api\nNamespace:  shop\nSelector:   app=apy\nType:       ClusterIP\nEndpoints:  <none>\n",
        &[("Service/shop/api", "no endpoints", Some(false))],
    );
    check(
        "$ kubectl describe quota -n shop\nName:       compute\nNamespace:  shop\nResource    Used  Hard\n--------    ----  ----\nlimits.cpu  4     4\npods        3     10\n",
        &[("ResourceQuota/shop/compute", "limits.cpu used up", Some(false))],
    );
    check(
        "$ kubectl describe node n1\nName:    n1\nTaints:  node.kubernetes.io/disk-pressure:NoSchedule\nConditions:\n  Type            Status  LastHeartbeatTime  LastTransitionTime  Reason                    Message\n  ----            ------  -----------------  ------------------  ------                    -------\n  DiskPressure    True    Wed, 04 Mar 2026   Wed, 04 Mar 2026    KubeletHasDiskPressure    kubelet has disk pressure\n  Ready           True    Wed, 04 Mar 2026   Wed, 04 Mar 2026    KubeletReady              ready\n",
        &[("Node//n1", "", Some(false))],
    );
}

#[test]
fn a_short_hand_written_description() {
    let text = "$ kubectl describe Pod/shop/mail-1\nName: mail-1\nNamespace: shop\nContainers:\n  mail:\n    State: Waiting (CrashLoopBackOff)\n    Last State: Terminated (Reason: Error, Exit Code: 2)\n    Env:\n      RELAY_URL: (not set)\n";
    check(text, &[("Pod/shop/mail-1", "CrashLoopBackOff", Some(false))]);
    assert!(read(text).objects[0].lines.iter().any(|line| line.contains("RELAY_URL")));
}

#[test]
fn what_grep_left_of_a_description() {
    let text = "$ kubectl describe deployment api -n shop | grep -A 2 'Replicas:'\nReplicas:      2 desired | 2 updated | 2 total | 2 available | 0 unavailable\nStrategyType:  RollingUpdate\n";
    check(text, &[("Deployment/shop/api", "", Some(true))]);
}

const DOCUMENTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  namespace: shop
spec:
  replicas: 2
  template:
    metadata:
      labels: {app: api}
    spec:
      containers:
      - name: api
        image: api:4
        envFrom:
        - configMapRef:
            name: api-settings
        readinessProbe:
          httpGet:
            path: /healthy
            port: 8081
status:
  availableReplicas: 1
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: guard
  namespace: shop
spec:
  podSelector:
    matchLabels:
      app: api
  ingress:
  - from:
    - podSelector:
        matchLabels:
          role: front
---
not: [valid
---
apiVersion: v1
kind: Pod
metadata:
  name: api-1
  namespace: shop
status:
  phase: Running
  containerStatuses:
  - name: api
    ready: false
    restartCount: 3
    image: api:4
    imageID: sha256:abc
    state:
      waiting:
        reason: ImagePullBackOff
        message: Back-off pulling image
";

#[test]
fn yaml_objects_with_and_without_status() {
    let text = DOCUMENTS;
    check(
        text,
        &[
            ("Deployment/shop/api", "1/2 ready", Some(false)),
            ("NetworkPolicy/shop/guard", "", None),
            ("Pod/shop/api-1", "ImagePullBackOff", Some(false)),
        ],
    );
    let snapshot = read(text);
    assert_eq!(snapshot.objects[0].labels, ["app=api"]);
    assert_eq!(snapshot.objects[0].related, ["ConfigMap/api-settings"]);
    assert!(snapshot.objects[0].lines.iter().any(|line| line.trim() == "port: 8081"));
    assert!(snapshot.objects[1].lines.iter().any(|line| line.trim() == "role: front"));
    assert_eq!(snapshot.objects[2].restarts, 3);
    assert!(snapshot.objects[2].lines.iter().any(|line| line.trim() == "reason: ImagePullBackOff"));
}

#[test]
fn lists_in_yaml_and_json_with_events() {
    let yaml = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: PersistentVolumeClaim\n  metadata:\n    name: data\n    namespace: shop\n  status:\n    phase: Pending\n- apiVersion: v1\n  kind: Event\n  involvedObject:\n    kind: Pod\n    name: api-1\n    namespace: shop\n  reason: FailedScheduling\n  message: 0/3 nodes are available\n  type: Warning\n  count: 4\n  lastTimestamp: \"2026-03-04T09:59:00Z\"\nkind: List\n";
    let check_list = |text: &str| {
        check(text, &[("PersistentVolumeClaim/shop/data", "Pending", Some(false))]);
        let snapshot = read(text);
        assert!(snapshot.objects[0].lines.iter().any(|line| line.contains("Pending")), "{text}");
        let [event] = snapshot.events.as_slice() else { panic!("{:?}", snapshot.events) };
        assert_eq!(
            (event.object.as_str(), event.reason.as_str(), event.count),
            ("Pod/api-1", "FailedScheduling", 4)
        );
        assert_eq!(event.time, snapshot.time.plus_secs(-60));
    };
    check_list(yaml);
    let value: serde_json::Value = serde_yaml_ng::from_str(yaml).unwrap();
    check_list(&serde_json::to_string_pretty(&value).unwrap());
    check_list(&value.to_string());
}

#[test]
fn secrets_never_show_their_values() {
    let snapshot = read(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  password: aHVudGVyMg==\n",
    );
    assert!(!format!("{snapshot:?}").contains("aHVudGVyMg"));
    assert_eq!(snapshot.objects.len(), 1);
}

#[test]
fn files_are_told_apart() {
    let pods = "NAME   READY   STATUS   RESTARTS   AGE\nweb    1/1     Running   0   3d\n";
    for (name, text, expected) in [
        ("a.txt", "$ kubectl get pods\nNo resources found\n", true),
        ("a.txt", "$ list kafka clusters\nkafka\n", true),
        ("a.txt", pods, true),
        ("a.txt", DESCRIBED_POD, true),
        (
            "events.txt",
            "LAST SEEN  TYPE     REASON     MESSAGE\n09:12  Warning  BackOff  x\n",
            true,
        ),
        ("a.yaml", "apiVersion: v1\nkind: Pod\n", true),
        ("a.json", "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}", true),
        ("values.yaml", "replicas: 2\n", false),
        ("alert.json", "{\"status\": \"firing\", \"alerts\": []}", false),
        ("logs.otlp.jsonl", "{\"resourceLogs\":[]}", false),
        ("app.log", "2026-03-04 10:00:00 ERROR NAME STATUS\n", false),
        ("runbook.md", "$ kubectl get pods\n", false),
        ("empty.txt", "", false),
    ] {
        assert_eq!(looks_like(name, text), expected, "{name}: {text}");
    }
    let log = format!("$ kubectl logs api-1\n{}", "2026-03-04T10:00:00Z hello\n".repeat(30));
    assert!(!looks_like("a.txt", &log));
}

#[test]
fn brackets_without_end_cost_no_time() {
    let text = format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {}", "[".repeat(100_000));
    check(&text, &[]);
}

#[test]
fn a_message_instead_of_a_table_is_no_object() {
    check(
        "$ kubectl get pods -n shop\nError from server (Forbidden): pods is forbidden: User \"x\" cannot list\n",
        &[],
    );
    check("$ kubectl get pods -n shop\nNo resources found in shop namespace.\n", &[]);
}

#[test]
fn the_developers_own_cases_are_read() {
    let root =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/peer_cases");
    let Ok(cases) = std::fs::read_dir(root) else {
        println!("skipped: no cases beside the repository");
        return;
    };
    let mut objects = 0;
    for case in cases.flatten() {
        let Ok(files) = std::fs::read_dir(case.path().join("evidence")) else { continue };
        for file in files.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let Ok(text) = std::fs::read_to_string(file.path()) else { continue };
            if name.ends_with(".txt") && text.starts_with("$ ") {
                assert!(looks_like(&name, &text), "{name}");
            }
            if looks_like(&name, &text) {
                objects += read_snapshot(&name, &text, Timestamp::from_secs(0)).objects.len();
            }
        }
    }
    assert!(objects > 0);
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "(\\$ kubectl (get|describe) [a-z/-]{0,8}\n|NAME|  |   |STATUS|Name: |Events:\n|kind: |apiVersion: v1\n|- |---\n|\\{|\"a\": |[a-z]{0,4}|\\PC{0,4}|\n){0,60}") {
        looks_like("x.txt", &text);
        let snapshot = read(&text);
        for object in &snapshot.objects {
            prop_assert!(object.lines.len() <= super::telling::LINES_MAX);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(text in "\\PC{0,300}") {
        looks_like("x.yaml", &text);
        read(&text);
    }
}
