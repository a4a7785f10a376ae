//! The ports of the server, and the sources beside OTLP that the settings ask for.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use groundcrew_indexer::Intake;
use groundcrew_indexer::sources::fluent::{ForwardOptions, serve_forward};
use groundcrew_indexer::sources::follow::{FollowOptions, follow, mistake};
use groundcrew_indexer::sources::streams::{Format, NatsLogin, NatsOptions, consume_nats};
use groundcrew_indexer::sources::syslog::{serve_stream, serve_udp};
use groundcrew_indexer::sources::{Gate, Serving, Zone, tls_acceptor};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::AppError;
use crate::config::{ConfigError, IntakeSettings, ServerSettings, StreamsBegin};
use crate::surfaces::access::{self, Access};
use crate::surfaces::listen;

/// After this time without a sign of life, a server's partitions of Kafka go to others.
#[cfg(feature = "kafka")]
const KAFKA_SESSION: Duration = Duration::from_secs(45);

/// After this time without a word from a server, NATS delivers a message again.
const NATS_ACK_WAIT: Duration = Duration::from_secs(30);

/// The ports that every server has.
pub struct Listeners {
    /// Panel, chat and API.
    pub http: TcpListener,
    /// OTLP over gRPC.
    pub grpc: TcpListener,
    /// OTLP over HTTP, and what else comes that way.
    pub otlp: TcpListener,
}

impl Listeners {
    /// Takes the ports.
    ///
    /// # Errors
    /// When one cannot be had.
    pub async fn bind(server: &ServerSettings) -> Result<Self, AppError> {
        Ok(Self {
            http: bind(server.listen, "the panel and API", "server.listen").await?,
            grpc: bind(server.otlp_grpc, "OTLP over gRPC", "server.otlp_grpc").await?,
            otlp: bind(server.otlp_http, "OTLP over HTTP", "server.otlp_http").await?,
        })
    }

    /// Serves them, as `tasks` that end by themselves after the shutdown.
    pub fn serve(
        self,
        api: Router,
        (intake, access): (&Intake, &Access),
        shutdown: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) {
        let guarded = |router: Router| {
            router
                .layer(axum::middleware::from_fn_with_state(access.clone(), access::guard_receiver))
        };
        let grpc = guarded(
            groundcrew_indexer::sources::otlp_grpc::routes(intake.clone()).into_axum_router(),
        );
        let otlp = guarded(groundcrew_indexer::sources::http::router(intake.clone()));
        for (listener, router) in [(self.http, api), (self.grpc, grpc), (self.otlp, otlp)] {
            tasks.spawn(listen::serve(listener, router, shutdown.clone()));
        }
    }
}

/// Where sources beside OTLP listen; none where they do not.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceAddresses {
    /// Syslog over UDP.
    pub syslog_udp: Option<SocketAddr>,
    /// Syslog over TCP.
    pub syslog_tcp: Option<SocketAddr>,
    /// Syslog over TLS.
    pub syslog_tls: Option<SocketAddr>,
    /// The forward protocol.
    pub fluent: Option<SocketAddr>,
}

/// Starts what `settings` name, as `tasks` that end by themselves after the shutdown of `serving`.
///
/// # Errors
/// When a port cannot be had, or a setting cannot be used.
pub async fn start(
    settings: &IntakeSettings,
    serving: &Serving,
    tasks: &mut JoinSet<()>,
) -> Result<SourceAddresses, AppError> {
    let mut addresses = SourceAddresses::default();
    let networks = networks(&settings.allow_from)?;
    let plain = Gate { networks: Arc::clone(&networks), tls: None };
    let zone =
        Zone::named(&settings.syslog_zone).map_err(|why| wrong("intake.syslog_zone", why))?;
    if let Some(address) = settings.syslog_udp.0 {
        let setting = "intake.syslog_udp";
        let failed = |source| listen_error(address, "syslog over UDP", setting, source);
        let socket = UdpSocket::bind(address).await.map_err(failed)?;
        addresses.syslog_udp = socket.local_addr().ok();
        tasks.spawn(serve_udp(socket, plain.clone(), zone.clone(), serving.clone()));
    }
    if let Some(address) = settings.syslog_tcp.0 {
        let listener = bind(address, "syslog over TCP", "intake.syslog_tcp").await?;
        addresses.syslog_tcp = listener.local_addr().ok();
        tasks.spawn(serve_stream(listener, plain.clone(), zone.clone(), serving.clone()));
    }
    if let Some(address) = settings.syslog_tls.0 {
        let gate = with_tls(settings, &networks)?;
        let listener = bind(address, "syslog over TLS", "intake.syslog_tls").await?;
        addresses.syslog_tls = listener.local_addr().ok();
        tasks.spawn(serve_stream(listener, gate, zone, serving.clone()));
    }
    if let Some(address) = settings.fluent.0 {
        let gate = if settings.fluent_tls { with_tls(settings, &networks)? } else { plain };
        let shared_key = Arc::from(settings.fluent_shared_key.expose());
        let listener = bind(address, "the forward protocol", "intake.fluent").await?;
        addresses.fluent = listener.local_addr().ok();
        let options = ForwardOptions { gate, shared_key };
        tasks.spawn(serve_forward(listener, options, serving.clone()));
    }
    if !settings.follow.is_empty() {
        follow_files(settings, serving, tasks)?;
    }
    if !settings.kafka_brokers.is_empty() {
        read_kafka(settings, serving, tasks)?;
    }
    if !settings.nats_url.is_empty() {
        let reading = consume_nats(nats_options(settings)?, serving.clone()).await;
        tasks.spawn(reading.map_err(|why| wrong("intake.nats_*", why))?);
    }
    Ok(addresses)
}

/// Reads topics of Kafka, on a thread of its own.
#[cfg(feature = "kafka")]
fn read_kafka(
    settings: &IntakeSettings,
    serving: &Serving,
    tasks: &mut JoinSet<()>,
) -> Result<(), AppError> {
    use groundcrew_indexer::sources::streams::{KafkaLogin, KafkaOptions, KafkaSource, Topic};

    let topics = settings.kafka_topics.iter().filter(|text| !text.is_empty());
    let topics: Vec<Topic> = topics
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .map_err(|why| wrong("intake.kafka_topics", format!("{why}")))?;
    if topics.is_empty() {
        return Err(AppError::Config(ConfigError::Conflict {
            message: "intake.kafka_brokers is set, and no topic is named".to_owned(),
            hint: "set intake.kafka_topics, e.g. [\"otlp_logs\", \"otlp_spans\", \"otlp_metrics\"]"
                .to_owned(),
        }));
    }
    let login = (!settings.kafka_user.is_empty()).then(|| KafkaLogin {
        mechanism: settings.kafka_mechanism.name().to_owned(),
        user: settings.kafka_user.clone(),
        password: settings.kafka_password.expose().to_owned(),
    });
    let options = KafkaOptions {
        brokers: settings.kafka_brokers.clone(),
        topics,
        group: settings.kafka_group.clone(),
        begins_at_end: settings.streams_begin == StreamsBegin::Newest,
        login,
        tls: settings.kafka_tls,
        tls_ca: settings.kafka_tls_ca.clone(),
        session: KAFKA_SESSION,
    };
    let source = KafkaSource::new(options, serving).map_err(|why| {
        wrong(
            "intake.kafka_*",
            format!("{why}; TLS and SCRAM need a build with the feature kafka-tls"),
        )
    })?;
    let serving = serving.clone();
    tasks.spawn_blocking(move || {
        if let Err(error) = source.run(&serving) {
            tracing::error!(%error, "Kafka is not read any more; the next start goes on where it was left");
        }
    });
    Ok(())
}

#[cfg(not(feature = "kafka"))]
fn read_kafka(_: &IntakeSettings, _: &Serving, _: &mut JoinSet<()>) -> Result<(), AppError> {
    Err(AppError::Config(ConfigError::Conflict {
        message: "intake.kafka_brokers is set, and this program was built without Kafka".to_owned(),
        hint: "build it with `cargo build --release --features kafka` (kafka-tls for TLS and SCRAM), or use the container image".to_owned(),
    }))
}

fn nats_options(settings: &IntakeSettings) -> Result<NatsOptions, AppError> {
    if settings.nats_stream.is_empty() {
        return Err(AppError::Config(ConfigError::Conflict {
            message: "intake.nats_url is set, and no stream is named".to_owned(),
            hint: "set intake.nats_stream".to_owned(),
        }));
    }
    let format = match settings.nats_format.as_str() {
        "" => None,
        word => Some(Format::named(word).ok_or_else(|| {
            wrong("intake.nats_format", format!("`{word}` is not logs, traces, metrics or lines"))
        })?),
    };
    let password = || settings.nats_password.expose().to_owned();
    let login = if !settings.nats_credentials.is_empty() {
        Some(NatsLogin::Credentials(settings.nats_credentials.expose().to_owned()))
    } else if !settings.nats_user.is_empty() {
        Some(NatsLogin::User(settings.nats_user.clone(), password()))
    } else {
        (!settings.nats_password.is_empty()).then(|| NatsLogin::Token(password()))
    };
    Ok(NatsOptions {
        url: settings.nats_url.clone(),
        stream: settings.nats_stream.clone(),
        consumer: settings.nats_consumer.clone(),
        subject: settings.nats_subject.clone(),
        format,
        begins_at_end: settings.streams_begin == StreamsBegin::Newest,
        login,
        tls_ca: settings.nats_tls_ca.clone(),
        ack_wait: NATS_ACK_WAIT,
    })
}

/// Follows the files of the settings, on a thread of its own.
fn follow_files(
    settings: &IntakeSettings,
    serving: &Serving,
    tasks: &mut JoinSet<()>,
) -> Result<(), AppError> {
    if let Some(why) = settings.follow.iter().find_map(|pattern| mistake(pattern)) {
        return Err(wrong("intake.follow", why));
    }
    let options = FollowOptions { patterns: settings.follow.clone(), service: None };
    let serving = serving.clone();
    tasks.spawn_blocking(move || {
        let ended = follow(serving.intake(), &options, &|| serving.is_stopping(), &|_| {});
        if let Err(error) = ended {
            tracing::error!(%error, "files are not followed any more; the next start goes on where they were left");
        }
    });
    Ok(())
}

type Networks = Arc<[groundcrew_indexer::sources::IpNet]>;

fn networks(texts: &[String]) -> Result<Networks, AppError> {
    let parse = |text: &String| {
        let network = text.parse().or_else(|error| text.parse().map(one).map_err(|_| error));
        network.map_err(|error| wrong("intake.allow_from", format!("`{text}`: {error}")))
    };
    // A list from the environment that is empty holds one empty text.
    texts.iter().filter(|text| !text.is_empty()).map(parse).collect()
}

/// The network of a single address.
fn one(address: std::net::IpAddr) -> groundcrew_indexer::sources::IpNet {
    address.into()
}

fn with_tls(settings: &IntakeSettings, networks: &Networks) -> Result<Gate, AppError> {
    let client_ca = Some(settings.tls_client_ca.as_path()).filter(|path| !is_empty(path));
    if is_empty(&settings.tls_cert) || is_empty(&settings.tls_key) {
        return Err(AppError::Config(ConfigError::Conflict {
            message: "a receiver over TLS needs a certificate".to_owned(),
            hint: "set intake.tls_cert and intake.tls_key to PEM files".to_owned(),
        }));
    }
    let tls = tls_acceptor(&settings.tls_cert, &settings.tls_key, client_ca)
        .map_err(|why| wrong("intake.tls_cert, tls_key or tls_client_ca", why))?;
    Ok(Gate { networks: Arc::clone(networks), tls: Some(tls) })
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

fn wrong(place: &str, message: String) -> AppError {
    AppError::Config(ConfigError::Invalid { place: place.to_owned(), message })
}

/// Listens on a TCP port.
///
/// # Errors
/// When it cannot be had; the error names `setting`.
pub async fn bind(
    address: SocketAddr,
    purpose: &'static str,
    setting: &'static str,
) -> Result<TcpListener, AppError> {
    let failed = |source| listen_error(address, purpose, setting, source);
    TcpListener::bind(address).await.map_err(failed)
}

fn listen_error(
    address: SocketAddr,
    purpose: &'static str,
    setting: &'static str,
    source: io::Error,
) -> AppError {
    AppError::Listen { address, purpose, setting, source }
}
