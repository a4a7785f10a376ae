//! Reads a stream of NATS JetStream by a durable consumer that several ingesters share.
//!
//! Each pulls its own messages of the consumer, so what one ingester stores of the stream has gaps: which messages are
//! stored is known one by one, down to the first that the server may deliver again. A message is acknowledged when it is
//! on disk; while it waits for that, the server is told that it is being worked on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer};
use async_nats::jetstream::{self, AckKind};
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use futures_util::StreamExt;
use futures_util::future::join_all;
use groundcrew_store::{StreamName, StreamPart};
use rustc_hash::FxHashSet;

use super::format::{Format, Topic};
use super::parcel::{Message, PARCEL_BYTES, Parcel, Troubles};
use crate::sources::serving::Serving;

/// Messages that are pulled at once.
const PULL_MESSAGES: usize = 500;
/// Messages that may be on their way to all ingesters together.
const ACK_PENDING_MAX: i64 = 5_000;
/// Room for the subject of a message.
const SUBJECT_BYTES: usize = 64 << 10;
/// How long a pull waits for messages.
const PULL_WAIT: Duration = Duration::from_millis(500);
/// Longest wait for an answer of the server.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is asked what it will not deliver again.
const SETTLED_EVERY: Duration = Duration::from_secs(10);
/// Wait before the server is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What is read, and how the server is reached.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    /// Addresses of servers, `nats://host:4222` or `tls://host:4222`, by commas.
    pub url: String,
    /// The stream.
    pub stream: String,
    /// The durable consumer; it is made where there is none.
    pub consumer: String,
    /// The subjects to read, with `*` and `>`; empty for all of the stream.
    pub subject: String,
    /// What messages hold; `None` goes by the name of their subject.
    pub format: Option<Format>,
    /// Whether a consumer that is made begins with what comes from now on, and not with the oldest message.
    pub begins_at_end: bool,
    /// Who we are, where the server wants to know.
    pub login: Option<NatsLogin>,
    /// PEM file with the authorities that the server's certificate is checked by; empty for the system's.
    pub tls_ca: PathBuf,
    /// After this time without a word the server delivers a message again, of a consumer that is made.
    pub ack_wait: Duration,
}

/// Who we are for the server.
#[derive(Clone)]
pub enum NatsLogin {
    /// A user and a password.
    User(String, String),
    /// A token.
    Token(String),
    /// What a file of credentials holds: a JWT and the seed of its key.
    Credentials(String),
}

impl std::fmt::Debug for NatsLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::User(..) => "User",
            Self::Token(_) => "Token",
            Self::Credentials(_) => "Credentials",
        })
    }
}

/// Reads until the shutdown. A server that is away, or has no such stream yet, is waited for.
///
/// # Errors
/// What is wrong with the options, in words.
pub async fn consume_nats(
    options: NatsOptions,
    serving: Serving,
) -> Result<impl Future<Output = ()> + Send + 'static, String> {
    let source = format!("NATS, stream {}", options.stream);
    let troubles = Arc::new(Troubles::new(source, serving.intake.clone()));
    let client = connect(&options, &troubles).await?;
    let reader = Reader { options, client, serving, troubles };
    Ok(async move {
        while !reader.serving.is_stopping() {
            let Some(read) = reader.serving.unless_stopped(reader.consumer()).await else { break };
            let ended = match read {
                Ok(consumer) => reader.read(&consumer).await,
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                reader.troubles.say(&format!("the server is waited for: {error}"));
                let pause = tokio::time::sleep(AGAIN);
                reader.serving.unless_stopped(pause).await;
            }
        }
    })
}

/// Connects as soon as there is a server, and again whenever it was away.
async fn connect(options: &NatsOptions, troubles: &Arc<Troubles>) -> Result<Client, String> {
    let troubles = Arc::clone(troubles);
    let mut connection = ConnectOptions::new()
        .name("groundcrew")
        .retry_on_initial_connect()
        .request_timeout(Some(ASK_TIMEOUT))
        .event_callback(move |event| {
            let troubles = Arc::clone(&troubles);
            async move {
                match event {
                    Event::Disconnected | Event::ServerError(_) | Event::ClientError(_) => {
                        troubles.say(&format!("the server is waited for: {event}"));
                    }
                    other => tracing::debug!(event = %other, "NATS"),
                }
            }
        });
    connection = match options.login.clone() {
        None => connection,
        Some(NatsLogin::User(user, password)) => connection.user_and_password(user, password),
        Some(NatsLogin::Token(token)) => connection.token(token),
        Some(NatsLogin::Credentials(text)) => connection
            .credentials(&text)
            .map_err(|_| "the credentials are not those of a user of NATS".to_owned())?,
    };
    if !options.tls_ca.as_os_str().is_empty() {
        connection = connection.add_root_certificates(options.tls_ca.clone());
    }
    let servers: Result<Vec<ServerAddr>, _> =
        options.url.split(',').map(|address| address.trim().parse()).collect();
    // Not quoted: it may hold a password.
    let servers = servers.map_err(|_| "no address such as nats://localhost:4222".to_owned())?;
    connection.connect(servers).await.map_err(|error| error.to_string())
}

struct Reader {
    options: NatsOptions,
    client: Client,
    serving: Serving,
    troubles: Arc<Troubles>,
}

/// What is known of a stream: its name here, and below which number nothing comes again.
struct Known {
    stream: StreamName,
    settled: u64,
    asked_at: Instant,
    /// How often the server must hear that messages are being worked on.
    progress_every: Duration,
}

impl Reader {
    async fn consumer(&self) -> Result<PullConsumer, async_nats::Error> {
        let options = &self.options;
        let stream = jetstream::new(self.client.clone()).get_stream(&options.stream).await?;
        let config = Config {
            durable_name: Some(options.consumer.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: options.ack_wait,
            max_ack_pending: ACK_PENDING_MAX,
            filter_subject: options.subject.clone(),
            deliver_policy: if options.begins_at_end {
                DeliverPolicy::New
            } else {
                DeliverPolicy::All
            },
            ..Config::default()
        };
        Ok(stream.get_or_create_consumer(&options.consumer, config).await?)
    }

    /// Reads until the shutdown, or until the server fails.
    async fn read(&self, consumer: &PullConsumer) -> Result<(), async_nats::Error> {
        let info = consumer.cached_info();
        // A stream that is made anew numbers its messages anew, and its consumer is made anew with it.
        let made = info.created.unix_timestamp_nanos().to_string();
        let mut known = Known {
            stream: StreamName::of(&["nats", &info.stream_name, &info.name, &made]),
            settled: info.ack_floor.stream_sequence + 1,
            asked_at: Instant::now(),
            progress_every: info.config.ack_wait.max(Duration::from_secs(3)) / 3,
        };
        while !self.serving.is_stopping() {
            if known.asked_at.elapsed() > SETTLED_EVERY {
                known.settled = consumer.get_info().await?.ack_floor.stream_sequence + 1;
                known.asked_at = Instant::now();
            }
            // The largest message fits with its subject: one that does not would stop the stream.
            let bytes_max = PARCEL_BYTES.max(self.client.server_info().max_payload + SUBJECT_BYTES);
            let mut pulled = consumer
                .batch()
                .max_messages(PULL_MESSAGES)
                .max_bytes(bytes_max)
                .expires(PULL_WAIT)
                .messages()
                .await?;
            let mut messages = Vec::new();
            let mut failed = None;
            while let Some(next) = pulled.next().await {
                match next {
                    Ok(message) => messages.push(message),
                    Err(error) => failed = Some(error),
                }
            }
            self.store(&known, messages).await;
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Stores what is not stored yet and acknowledges all of it. At the end of the time after a shutdown the messages are
    /// handed back.
    async fn store(&self, known: &Known, messages: Vec<jetstream::Message>) {
        if messages.is_empty() {
            return;
        }
        let parcel = self.parcel(known, &messages);
        let is_stored = parcel.parts.is_empty() || {
            let storing = parcel.store(&self.serving, &self.troubles);
            tokio::pin!(storing);
            loop {
                tokio::select! {
                    stored = &mut storing => break stored.is_some(),
                    () = tokio::time::sleep(known.progress_every) => {
                        answer_all(&messages, AckKind::Progress).await;
                    }
                }
            }
        };
        if is_stored {
            // One whose acknowledgement is lost comes again and is known.
            let answers = join_all(messages.iter().map(|message| message.double_ack())).await;
            let lost = answers.iter().filter(|answer| answer.is_err()).count();
            tracing::debug!(acknowledged = answers.len() - lost, lost, "NATS");
        } else {
            answer_all(&messages, AckKind::Nak(None)).await;
        }
    }

    fn parcel(&self, known: &Known, messages: &[jetstream::Message]) -> Parcel {
        let store = self.serving.intake.store();
        let mut numbers: FxHashSet<u64> = FxHashSet::default();
        let mut parcel = Parcel::default();
        for message in messages {
            // One without a number is no message of a stream; it is acknowledged and left out.
            let Ok(info) = message.info() else { continue };
            let number = info.stream_sequence;
            if store.holds_message(&known.stream, number) || !numbers.insert(number) {
                continue;
            }
            let subject = message.subject.as_str();
            let format = self.options.format.unwrap_or_else(|| Format::of_name(subject));
            let topic = Topic { name: Arc::from(subject), format };
            parcel.messages.push(Message { topic, payload: message.payload.clone() });
        }
        if !numbers.is_empty() {
            parcel.parts.push(StreamPart {
                stream: known.stream.clone(),
                messages: numbers.into_iter().map(|number| number..number + 1).collect(),
                settled: known.settled,
            });
        }
        parcel
    }
}

async fn answer_all(messages: &[jetstream::Message], answer: AckKind) {
    for message in messages {
        if let Err(error) = message.ack_with(answer).await {
            tracing::debug!(%error, "failed to answer a message");
        }
    }
}
