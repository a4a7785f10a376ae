//! A real Prometheus scrapes the simulated shop while it breaks; its alert, straight or by a real Alertmanager, opens an
//! incident.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use groundcrew_simulator::{Fault, STEP_SECONDS, Simulation, SimulationOptions};
use groundcrew_telemetry::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, metric, number_data_point};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::peers::{Peer, free_port, given, start};
use crate::support::{Program, Server, overview};

/// Virtual time between two scrapes.
const STEPS_PER_SCRAPE: i64 = 60 / STEP_SECONDS;
/// How long the shop is well, and then broken.
const NORMAL: Duration = Duration::from_secs(600);
const BROKEN: Duration = Duration::from_secs(1_800);
/// Customers a second; a debug build has to keep up with a minute in a fraction of a second.
const CUSTOMERS_PER_SECOND: f64 = 0.5;

/// The shop as Prometheus sees it: every scrape a minute later, and well until it is let break.
struct Exposed {
    simulation: Mutex<(Simulation, String)>,
    may_break: AtomicBool,
    scrapes: AtomicU64,
}

impl Exposed {
    async fn serve(fault: Fault) -> (Arc<Self>, SocketAddr) {
        let start = Timestamp::from_secs(1_790_000_000);
        let fault = Some(fault);
        let options = SimulationOptions { seed: 7, start, normal: NORMAL, broken: BROKEN, fault };
        let simulation = Simulation::new(options).with_requests_per_second(CUSTOMERS_PER_SECOND);
        let exposed = Arc::new(Self {
            simulation: Mutex::new((simulation, String::new())),
            may_break: AtomicBool::new(false),
            scrapes: AtomicU64::new(0),
        });
        let router = Router::new().route("/metrics", get(scrape)).with_state(Arc::clone(&exposed));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (exposed, address)
    }
}

async fn scrape(State(exposed): State<Arc<Exposed>>) -> String {
    let scrapes = exposed.scrapes.fetch_add(1, Ordering::Relaxed);
    let mut simulation = exposed.simulation.lock().unwrap();
    // The deploy that breaks it comes shortly before.
    let well = NORMAL.as_secs() / 60 - 3;
    if scrapes < well || exposed.may_break.load(Ordering::Relaxed) {
        for _ in 0..STEPS_PER_SCRAPE {
            if let Some(step) = simulation.0.next() {
                simulation.1 = step.metrics.iter().map(exposition).collect();
            }
        }
    }
    simulation.1.clone()
}

/// Measurements in the text format of Prometheus.
fn exposition(request: &ExportMetricsServiceRequest) -> String {
    let mut text = String::new();
    for of_pod in &request.resource_metrics {
        let resource = of_pod.resource.as_ref().map(|one| &one.attributes[..]).unwrap_or_default();
        let named = |key: &str| {
            let found = resource.iter().find(|attribute| attribute.key == key);
            found.map(value_of).unwrap_or_default()
        };
        let of = format!("service=\"{}\",pod=\"{}\"", named("service.name"), named("k8s.pod.name"));
        for metric in of_pod.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
            let name = metric.name.replace('.', "_");
            let (name, points) = match metric.data.as_ref() {
                Some(metric::Data::Gauge(gauge)) => (name, &gauge.data_points),
                Some(metric::Data::Sum(sum)) => (format!("{name}_total"), &sum.data_points),
                _ => continue,
            };
            for point in points {
                let labels: String = point
                    .attributes
                    .iter()
                    .map(|one| format!(",{}=\"{}\"", one.key.replace('.', "_"), value_of(one)))
                    .collect();
                writeln!(text, "{name}{{{of}{labels}}} {}", number(point)).unwrap();
            }
        }
    }
    text
}

fn value_of(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn number(point: &NumberDataPoint) -> f64 {
    match point.value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        None => f64::NAN,
    }
}

/// Whether the first page tells of a firing alert of that name within two minutes.
async fn hears(server: &Server, name: &str) -> bool {
    for _ in 0..240 {
        let view = overview(server).await;
        let alerts = view["alerts"].as_array().unwrap();
        if alerts.iter().any(|alert| alert["name"] == name && alert["firing"] == true) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    false
}

/// Prometheus with what it scrapes, and where its alerts go: to us, or to an Alertmanager that tells us.
struct Alerting {
    folder: PathBuf,
    at: PathBuf,
}

impl Alerting {
    fn file(&self, name: &str, text: String) -> String {
        std::fs::write(self.at.join(name), text).unwrap();
        self.at.join(name).display().to_string()
    }

    fn alertmanager(&self, ours: SocketAddr, port: u16) -> Peer {
        let receiver = self.file("alertmanager.yml", format!("route: {{receiver: us, group_wait: 1s}}\nreceivers: [{{name: us, webhook_configs: [{{url: 'http://{ours}/hooks/alertmanager'}}]}}]"));
        start(
            &self.folder.join("prometheus-alertmanager"),
            &[
                format!("--config.file={receiver}"),
                format!("--storage.path={}", self.at.join("am").display()),
                format!("--web.listen-address=127.0.0.1:{port}"),
                "--cluster.listen-address=".to_owned(),
            ],
        )
    }

    fn prometheus(&self, shop: SocketAddr, alerts_to: &str) -> Peer {
        // All connections of the pool are in use, on any of a service's pods, for a while.
        let used = "db_client_connection_count{db_client_connection_state=\"used\"} / on (pod) group_left () db_client_connection_max";
        let rules = self.file("rules.yml", format!("groups: [{{name: shop, rules: [{{alert: PoolExhausted, expr: 'max by (service) ({used}) > 0.9', for: 1s, labels: {{severity: critical}}, annotations: {{summary: '{{{{ $labels.service }}}} has no database connection left'}}}}]}}]"));
        let config = self.file("prometheus.yml", format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 400ms}}\nrule_files: ['{rules}']\n\
             scrape_configs: [{{job_name: shop, honor_labels: true, static_configs: [{{targets: ['{shop}']}}]}}]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alerts_to}']}}]}}]}}"
        ));
        start(
            &self.folder.join("prometheus"),
            &[
                format!("--config.file={config}"),
                format!("--storage.tsdb.path={}", self.at.join("tsdb").display()),
                format!("--web.listen-address=127.0.0.1:{}", free_port()),
                // It finds its targets only seconds after it sends for the first time.
                "--rules.alert.resend-delay=1s".to_owned(),
            ],
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_that_scrapes_the_breaking_shop_opens_an_incident_of_its_service() {
    let Some(folder) = given("GROUNDCREW_TEST_ALERTING") else { return };
    // Debian's Alertmanager reads its templates from where its package puts them, and only from there.
    let has_templates = Path::new("/usr/share/prometheus/alertmanager/default.tmpl").exists();
    if !has_templates {
        eprintln!("skipped: prometheus-alertmanager is not installed; Prometheus alone is heard");
    }
    for by_alertmanager in [false, true].into_iter().take(1 + usize::from(has_templates)) {
        let program = Program::new();
        let server = program.serve();
        let at = program.data().join("alerting");
        std::fs::create_dir_all(&at).unwrap();
        let alerting = Alerting { folder: folder.clone(), at };
        let (shop, shop_address) = Exposed::serve(Fault::PoolExhaustion).await;
        let port = free_port();
        let alertmanager = by_alertmanager.then(|| alerting.alertmanager(server.http(), port));
        let target =
            if by_alertmanager { format!("127.0.0.1:{port}") } else { server.http().to_string() };
        let prometheus = alerting.prometheus(shop_address, &target);
        while shop.scrapes.load(Ordering::Relaxed) < NORMAL.as_secs() / 60 + 10 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let before = overview(&server).await;
        assert_eq!(before["alerts"], Value::Array(Vec::new()), "nothing fires while it is well");
        shop.may_break.store(true, Ordering::Relaxed);
        let how = format!("by an Alertmanager: {by_alertmanager}");
        assert!(hears(&server, "PoolExhausted").await, "{how}");
        let page = overview(&server).await;
        let alert = &page["alerts"][0];
        assert_eq!(alert["service"], "checkout", "{how}: {page:#}");
        let title = page["opened"][0]["title"].as_str().unwrap_or_else(|| panic!("{page:#}"));
        assert!(title.contains("checkout has no database connection left"), "{how}: {title}");
        drop((prometheus, alertmanager));
    }
}
