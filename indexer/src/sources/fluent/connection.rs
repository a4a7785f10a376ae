//! Connections of senders that speak the forward protocol.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmp::encode::{write_bin, write_map_len, write_str};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::handshake::Handshake;
use super::message::{Forwarded, decode_forward};
use super::msgpack::{Extent, read};
use crate::intake::Intake;
use crate::sources::serving::Serving;
use crate::sources::sockets::{Connection, Gate, accept};

/// The longest message.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// The longest word of the handshake.
const PING_BYTES_MAX: usize = 8 * 1024;
const READ_BYTES: usize = 64 * 1024;
/// A connection on which nothing comes for so long is closed; senders open another.
const IDLE_MAX: Duration = Duration::from_secs(12 * 3_600);
/// Time for the rest of a message that has begun, and for each word of the handshake.
const PARTIAL_MAX: Duration = Duration::from_secs(60);
/// Time for a sender to take an acknowledgement.
const WRITE_MAX: Duration = Duration::from_secs(10);

/// How messages are taken.
#[derive(Clone, Default)]
pub struct ForwardOptions {
    /// Who may send, and how.
    pub gate: Gate,
    /// The key that senders must know; empty for none.
    pub shared_key: Arc<str>,
}

/// Takes messages from the connections of `listener` until the shutdown.
pub async fn serve_forward(listener: TcpListener, options: ForwardOptions, serving: Serving) {
    let (shared, key) = (serving.clone(), options.shared_key);
    accept(listener, options.gate, serving, move |connection, peer| {
        let (serving, key) = (shared.clone(), Arc::clone(&key));
        async move {
            if let Err(error) = take(connection, peer, &key, &serving).await {
                tracing::warn!(%peer, %error, "a connection of the forward protocol ended");
            }
        }
    })
    .await;
}

async fn take(
    connection: Box<dyn Connection>,
    peer: SocketAddr,
    key: &str,
    serving: &Serving,
) -> io::Result<()> {
    let mut stream = Messages { connection, buffer: Vec::new() };
    if !key.is_empty() {
        let greeting = greet(&mut stream, key);
        if !serving.unless_stopped(greeting).await.unwrap_or(Ok(false))? {
            return Ok(());
        }
    }
    loop {
        let next = serving.unless_stopped(stream.next(MESSAGE_BYTES_MAX, IDLE_MAX)).await;
        let Some(message) = next.transpose()?.flatten() else { return Ok(()) };
        let stored = store(message, serving).await?;
        if let Some(reasons) = stored.rejected.message() {
            tracing::warn!(%peer, "entries of a forwarded message were not taken: {reasons}");
        }
        if let Some(chunk) = stored.chunk {
            stream.say(&acknowledgement(&chunk)).await?;
        }
    }
}

/// Stores a message; when this returns `Ok` it is on disk. Its batches are gone from what is returned.
async fn store(message: Vec<u8>, serving: &Serving) -> io::Result<Forwarded> {
    let bytes = 2 * message.len();
    let told = Arc::new(Mutex::new(Ok(Forwarded::default())));
    let told_by_worker = Arc::clone(&told);
    let decode = Arc::new(move |intake: &Intake| {
        let mut decoded = decode_forward(&message, intake.now());
        let batches = decoded.as_mut().map(|f| std::mem::take(&mut f.batches)).unwrap_or_default();
        *told_by_worker.lock().unwrap_or_else(PoisonError::into_inner) = decoded;
        batches
    });
    serving.deliver(bytes, decode).await.map_err(io::Error::other)?;
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut *told, Ok(Forwarded::default()))
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn acknowledgement(chunk: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory does not fail.
    drop(write_map_len(&mut out, 1));
    drop(write_str(&mut out, "ack"));
    match std::str::from_utf8(chunk) {
        Ok(text) => drop(write_str(&mut out, text)),
        Err(_) => drop(write_bin(&mut out, chunk)),
    }
    out
}

/// Lets a sender in that knows the key.
async fn greet(stream: &mut Messages, key: &str) -> io::Result<bool> {
    let handshake = Handshake::new(key, *uuid::Uuid::new_v4().as_bytes());
    stream.say(&handshake.helo()).await?;
    let Some(ping) = stream.next(PING_BYTES_MAX, PARTIAL_MAX).await? else { return Ok(false) };
    let (known, pong) = match read(&ping) {
        Ok((ping, _)) => handshake.pong(&ping),
        Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    };
    stream.say(&pong).await?;
    if known {
        return Ok(true);
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "the sender does not know the shared key"))
}

/// A connection, cut into messages.
struct Messages {
    connection: Box<dyn Connection>,
    buffer: Vec<u8>,
}

impl Messages {
    /// The next whole message; `None` at the end or when nothing comes.
    async fn next(&mut self, bytes_max: usize, idle: Duration) -> io::Result<Option<Vec<u8>>> {
        let mut extent = Extent::default();
        loop {
            let found = extent
                .find(&self.buffer, bytes_max)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if let Some(length) = found {
                let rest = self.buffer.split_off(length);
                return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
            }
            let patience = if self.buffer.is_empty() { idle } else { PARTIAL_MAX };
            let length = self.buffer.len();
            self.buffer.resize(length + READ_BYTES, 0);
            let space = self.buffer.get_mut(length..).unwrap_or_default();
            let read = timeout(patience, self.connection.read(space)).await;
            let count = match &read {
                Ok(Ok(count)) => *count,
                _ => 0,
            };
            self.buffer.truncate(length + count);
            match read {
                Err(_) => return Ok(None),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(0)) => return Ok(None),
                Ok(Ok(_)) => {}
            }
        }
    }

    async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let saying = async {
            self.connection.write_all(bytes).await?;
            self.connection.flush().await
        };
        timeout(WRITE_MAX, saying).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}
