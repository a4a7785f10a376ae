//! Syslog over TCP and TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout, timeout_at};

use super::framing::Framer;
use super::record::decode_syslog;
use crate::intake::Intake;
use crate::sources::Zone;
use crate::sources::serving::Serving;
use crate::sources::sockets::{Connection, Gate, accept};

/// Bytes asked for at a time.
const READ_BYTES: usize = 64 * 1024;
/// What is collected before it goes on.
const PARCEL_BYTES: usize = 1 << 20;
/// How long the first message of a parcel waits for others.
const LINGER: Duration = Duration::from_millis(200);
/// A connection on which nothing comes for so long is closed. Quiet senders are common, and lose a message by that.
const IDLE_MAX: Duration = Duration::from_secs(12 * 3_600);
/// Time for a message that has begun to end.
const PARTIAL_MAX: Duration = Duration::from_secs(60);

/// Takes messages from the connections of `listener` until the shutdown. Times without zone are in `zone`.
pub async fn serve_stream(listener: TcpListener, gate: Gate, zone: Zone, serving: Serving) {
    let shared = serving.clone();
    accept(listener, gate, serving, move |connection, peer| {
        take(connection, peer, zone.clone(), shared.clone())
    })
    .await;
}

/// Why reading paused.
enum Pause {
    /// The parcel is full, or has waited long enough.
    Deliver,
    /// The connection is at its end, or the server is.
    End,
}

async fn take(mut connection: Box<dyn Connection>, peer: SocketAddr, zone: Zone, serving: Serving) {
    let mut framer = Framer::default();
    let from = Some(peer.ip()).filter(|ip| !ip.to_canonical().is_loopback());
    loop {
        let mut parcel = Parcel::default();
        let reading = collect(&mut connection, &mut framer, &mut parcel);
        let pause = serving.unless_stopped(reading).await.unwrap_or(Pause::End);
        let ended = matches!(pause, Pause::End);
        if ended {
            parcel.extend(framer.last());
        }
        parcel.deliver(from, &zone, &serving).await;
        if ended {
            return;
        }
    }
}

async fn collect(
    connection: &mut Box<dyn Connection>,
    framer: &mut Framer,
    parcel: &mut Parcel,
) -> Pause {
    let mut buffer = vec![0; READ_BYTES];
    let mut due = None;
    loop {
        let read = match due {
            Some(due) => match timeout_at(due, connection.read(&mut buffer)).await {
                Ok(read) => read,
                Err(_) => return Pause::Deliver,
            },
            None => {
                let patience = if framer.has_rest() { PARTIAL_MAX } else { IDLE_MAX };
                match timeout(patience, connection.read(&mut buffer)).await {
                    Ok(read) => read,
                    Err(_) => return Pause::End,
                }
            }
        };
        let count = match read {
            Ok(0) | Err(_) => return Pause::End,
            Ok(count) => count,
        };
        framer.push(buffer.get(..count).unwrap_or_default());
        parcel.extend(std::iter::from_fn(|| framer.next()));
        if parcel.bytes >= PARCEL_BYTES {
            return Pause::Deliver;
        }
        if parcel.bytes > 0 && due.is_none() {
            due = Some(Instant::now() + LINGER);
        }
    }
}

/// Messages that go on together.
#[derive(Default)]
struct Parcel {
    messages: Vec<Vec<u8>>,
    bytes: usize,
}

impl Parcel {
    fn extend(&mut self, messages: impl IntoIterator<Item = Vec<u8>>) {
        for message in messages {
            self.bytes += message.len();
            self.messages.push(message);
        }
    }

    async fn deliver(self, from: Option<IpAddr>, zone: &Zone, serving: &Serving) {
        let (messages, zone) = (self.messages, zone.clone());
        if messages.is_empty() {
            return;
        }
        let count = messages.len();
        let decode = Arc::new(move |intake: &Intake| {
            let each = messages.iter().map(|message| (message.as_slice(), from));
            decode_syslog(each, intake.now(), &zone)
        });
        if let Err(error) = serving.deliver(2 * self.bytes, decode).await {
            tracing::warn!(%error, messages = count, "syslog messages were not stored");
        }
    }
}
