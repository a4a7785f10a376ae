//! Settings of the sources beside OTLP: what is listened on, who may send, which files are followed.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::{ConfigError, Secret};

/// Sources beside OTLP; all are off unless set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntakeSettings {
    /// Syslog over UDP.
    pub syslog_udp: OptionalAddress,
    /// Syslog over TCP.
    pub syslog_tcp: OptionalAddress,
    /// Syslog over TLS.
    pub syslog_tls: OptionalAddress,
    /// Zone of syslog times that name none: a name such as `Europe/Berlin`; empty for UTC.
    pub syslog_zone: String,
    /// The forward protocol of Fluentd and Fluent Bit.
    pub fluent: OptionalAddress,
    /// Whether that is over TLS.
    pub fluent_tls: bool,
    /// Key that its senders must know; empty for none.
    pub fluent_shared_key: Secret,
    /// File that holds it.
    pub fluent_shared_key_file: PathBuf,
    /// PEM file with our certificate and those that lead to an authority.
    pub tls_cert: PathBuf,
    /// PEM file with its key.
    pub tls_key: PathBuf,
    /// PEM file with the authorities of senders' certificates; empty when senders need none.
    pub tls_client_ca: PathBuf,
    /// Networks to take telemetry from, such as `10.0.0.0/8`; empty for all.
    pub allow_from: Vec<String>,
    /// Files to follow, as paths or patterns such as `/var/log/app/*.log`.
    pub follow: Vec<String>,
    /// Brokers of Kafka to begin with; empty for no Kafka.
    pub kafka_brokers: String,
    /// Topics to read, with what their messages hold.
    pub kafka_topics: Vec<String>,
    /// The consumer group.
    pub kafka_group: String,
    /// User for Kafka; empty for none.
    pub kafka_user: String,
    /// Password of that user.
    pub kafka_password: Secret,
    /// File that holds it.
    pub kafka_password_file: PathBuf,
    /// How the password is shown.
    pub kafka_mechanism: KafkaMechanism,
    /// Whether Kafka is reached over TLS.
    pub kafka_tls: bool,
    /// PEM file with the authorities of the brokers' certificates; empty for the system's.
    pub kafka_tls_ca: PathBuf,
    /// Servers of NATS; empty for no NATS.
    pub nats_url: String,
    /// The stream of JetStream to read.
    pub nats_stream: String,
    /// The durable consumer.
    pub nats_consumer: String,
    /// Subjects to read; empty for the whole stream.
    pub nats_subject: String,
    /// What messages hold; empty goes by the subject's name.
    pub nats_format: String,
    /// User for NATS; empty for none.
    pub nats_user: String,
    /// Password of that user, or the token.
    pub nats_password: Secret,
    /// File that holds it.
    pub nats_password_file: PathBuf,
    /// Credentials for NATS: a JWT and the seed of its key.
    pub nats_credentials: Secret,
    /// File that holds them.
    pub nats_credentials_file: PathBuf,
    /// PEM file with the authorities of the servers' certificates; empty for the system's.
    pub nats_tls_ca: PathBuf,
    /// Where a consumer group or consumer that is new begins.
    pub streams_begin: StreamsBegin,
}

/// How a password is shown to Kafka.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum KafkaMechanism {
    /// As it is.
    #[serde(rename = "PLAIN")]
    Plain,
    /// By proof, with SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// By proof, with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl KafkaMechanism {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Where reading a stream begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamsBegin {
    /// With the oldest message that there is.
    Oldest,
    /// With what comes from now on.
    Newest,
}

/// An address, or none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct OptionalAddress(pub Option<SocketAddr>);

impl TryFrom<String> for OptionalAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address = text.parse().map_err(|_| {
            format!("`{text}` is not an address such as 127.0.0.1:5514; leave it empty for none")
        })?;
        Ok(Self(Some(address)))
    }
}

impl IntakeSettings {
    /// Refuses settings that would let strangers send.
    ///
    /// These protocols carry no token: off loopback their senders are known by their network, by a certificate, or by the
    /// shared key.
    ///
    /// # Errors
    /// When an address is not loopback and nothing of that is set.
    pub(super) fn check_exposure(&self) -> Result<(), ConfigError> {
        let certificates = !self.tls_client_ca.as_os_str().is_empty();
        let known = [
            ("intake.syslog_udp", self.syslog_udp, false),
            ("intake.syslog_tcp", self.syslog_tcp, false),
            ("intake.syslog_tls", self.syslog_tls, certificates),
            (
                "intake.fluent",
                self.fluent,
                !self.fluent_shared_key.is_empty() || (self.fluent_tls && certificates),
            ),
        ];
        for (setting, address, known) in known {
            let open = address.0.is_some_and(|address| !address.ip().is_loopback());
            if open && !known && self.allow_from.is_empty() {
                return Err(ConfigError::Conflict {
                    message: format!("{setting} is open to others, and nothing says who may send"),
                    hint: "set intake.allow_from to the senders' networks (or intake.tls_client_ca, or intake.fluent_shared_key_file), or listen on 127.0.0.1".to_owned(),
                });
            }
        }
        Ok(())
    }
}
