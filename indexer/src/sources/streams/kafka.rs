//! Reads topics of Kafka as a member of a consumer group.
//!
//! One thread polls, so that the group sees that this member lives; parcels are stored beside it. The group's offset is
//! committed behind what is on disk. While a parcel cannot be stored, what is gathered is bounded and the partitions are
//! paused.

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use tokio::runtime::Handle;

use super::format::Topic;
use super::kafka_group::Group;
use crate::sources::serving::Serving;

/// Longest wait for a message before the rest is seen to.
const POLL: Duration = Duration::from_millis(50);
/// Longest wait for a parcel that is being stored before the partitions are paused.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longest wait for the cluster at the end: the client itself may wait for ever for one that is away. What is on its way is
/// landed before that.
const LEAVE_TIME: Duration = Duration::from_secs(10);
/// Signs of life within a session.
const HEARTBEATS: u32 = 3;
/// Longest wait before a broker that is away is tried again, in milliseconds.
const RECONNECT_MS_MAX: &str = "2000";

/// What is read, and how the cluster is reached.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// Addresses of brokers to begin with, `host:port`, by commas.
    pub brokers: String,
    /// The topics.
    pub topics: Vec<Topic>,
    /// The consumer group: its members share the partitions.
    pub group: String,
    /// Whether a group that is new begins with what comes from now on, and not with the oldest message.
    pub begins_at_end: bool,
    /// User and password, where the cluster wants them.
    pub login: Option<KafkaLogin>,
    /// Whether the cluster is reached over TLS.
    pub tls: bool,
    /// PEM file with the authorities that the brokers' certificates are checked by; empty for the system's.
    pub tls_ca: PathBuf,
    /// After this time without a sign of life a member's partitions go to others.
    pub session: Duration,
}

/// Who we are for the cluster.
#[derive(Clone)]
pub struct KafkaLogin {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for KafkaLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaLogin")
            .field("mechanism", &self.mechanism)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A member of a consumer group.
pub struct KafkaSource {
    consumer: BaseConsumer<Group>,
    topics: Vec<Topic>,
}

impl KafkaSource {
    /// Prepares a member; nothing is connected yet. Call within a runtime.
    ///
    /// # Errors
    /// What is wrong with the options, in words.
    pub fn new(options: KafkaOptions, serving: &Serving) -> Result<Self, String> {
        let config = config_of(&options);
        let group = Group::new(&options, serving.clone(), Handle::current());
        let consumer = BaseConsumer::from_config_and_context(&config, group)
            .map_err(|error| error.to_string())?;
        Ok(Self { consumer, topics: options.topics })
    }

    /// Reads until the shutdown. Blocks. A cluster that is away is waited for.
    ///
    /// # Errors
    /// When the client has failed for good, in words.
    pub fn run(self, serving: &Serving) -> Result<(), String> {
        let names: Vec<&str> = self.topics.iter().map(|topic| &*topic.name).collect();
        self.consumer.subscribe(&names).map_err(|error| error.to_string())?;
        let mut is_paused = false;
        while !serving.is_stopping() {
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => self.group().take(&message),
                Some(Err(error)) => self.group().note(&error),
                None => {}
            }
            if let Some((_, reason)) = self.consumer.client().fatal_error() {
                return Err(reason);
            }
            self.tend(&mut is_paused)?;
        }
        self.leave();
        Ok(())
    }

    /// Leaves the group, which hands all partitions over: what is on its way is waited for and committed.
    fn leave(self) {
        self.group().end();
        let (tell, left) = sync_channel(1);
        let consumer = self.consumer;
        let leaving = move || {
            drop(consumer);
            // Nobody waits any more when it took too long.
            tell.send(()).unwrap_or_default();
        };
        let spawned = thread::Builder::new().name("kafka-leave".to_owned()).spawn(leaving);
        if spawned.is_err() || left.recv_timeout(LEAVE_TIME).is_err() {
            tracing::warn!(
                "the cluster did not let go of this member in time; its partitions go to others when its session is over"
            );
        }
    }

    fn group(&self) -> &Group {
        self.consumer.context()
    }

    /// Notes what is stored, sends off what is gathered, and pauses or resumes.
    fn tend(&self, is_paused: &mut bool) -> Result<(), String> {
        let group = self.group();
        // Where more is gathered than goes into a parcel, there is nothing to do but wait.
        let patience = if group.is_full() && !*is_paused { PATIENCE } else { Duration::ZERO };
        if let Some(offsets) = group.land(patience)
            // When it fails, the next time covers it, or the moment in which the partition goes.
            && let Err(error) = self.consumer.commit(&offsets, CommitMode::Async)
        {
            tracing::debug!(%error, "failed to commit offsets");
        }
        group.send_off();
        let must_pause = group.is_full();
        if must_pause != *is_paused {
            let assigned = self.consumer.assignment().map_err(|error| error.to_string())?;
            let done = if must_pause {
                self.consumer.pause(&assigned)
            } else {
                self.consumer.resume(&assigned)
            };
            done.map_err(|error| error.to_string())?;
            *is_paused = must_pause;
        }
        Ok(())
    }
}

fn config_of(options: &KafkaOptions) -> ClientConfig {
    let mut config = ClientConfig::new();
    let session = options.session.as_millis().to_string();
    let heartbeat = (options.session / HEARTBEATS).as_millis().to_string();
    for (key, value) in [
        ("bootstrap.servers", options.brokers.as_str()),
        ("group.id", &options.group),
        ("client.id", "groundcrew"),
        ("session.timeout.ms", &session),
        ("heartbeat.interval.ms", &heartbeat),
        ("reconnect.backoff.max.ms", RECONNECT_MS_MAX),
        ("auto.offset.reset", if options.begins_at_end { "latest" } else { "earliest" }),
        // Only what is on disk is committed, and only by us.
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("allow.auto.create.topics", "false"),
        ("topic.metadata.refresh.interval.ms", "30000"),
        // What is fetched ahead, and at once.
        ("queued.max.messages.kbytes", "16384"),
        ("fetch.max.bytes", "8388608"),
        ("socket.keepalive.enable", "true"),
    ] {
        config.set(key, value);
    }
    let protocol = match (&options.login, options.tls) {
        (None, false) => "plaintext",
        (None, true) => "ssl",
        (Some(_), false) => "sasl_plaintext",
        (Some(_), true) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let Some(login) = &options.login {
        config.set("sasl.mechanism", &login.mechanism);
        config.set("sasl.username", &login.user);
        config.set("sasl.password", &login.password);
    }
    if !options.tls_ca.as_os_str().is_empty() {
        config.set("ssl.ca.location", options.tls_ca.to_string_lossy());
    }
    config
}
