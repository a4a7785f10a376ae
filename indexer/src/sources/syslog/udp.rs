//! Syslog over UDP, where nobody can be asked to wait: what finds no room is counted, and the count is said.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::record::decode_syslog;
use crate::intake::Intake;
use crate::sources::Zone;
use crate::sources::serving::Serving;
use crate::sources::sockets::Gate;

/// The largest datagram there is.
const DATAGRAM_BYTES_MAX: usize = 64 * 1024;
/// What the kernel is asked to hold while we are busy.
const KERNEL_BYTES: usize = 4 << 20;
/// Datagrams that wait to be stored; further ones are refused.
const WAITING_MAX: usize = 16 * 1024;
/// Datagrams that are stored together.
const PARCEL_MAX: usize = 4 * 1024;
/// How long the first of them waits for others.
const LINGER: Duration = Duration::from_millis(200);
/// How often it is said that datagrams were refused.
const SAY_EVERY: Duration = Duration::from_secs(10);

type Datagram = (Vec<u8>, SocketAddr);

/// Takes messages from `socket` until the shutdown. Times without zone are in `zone`.
pub async fn serve_udp(socket: UdpSocket, gate: Gate, zone: Zone, serving: Serving) {
    if let Err(error) = socket2::SockRef::from(&socket).set_recv_buffer_size(KERNEL_BYTES) {
        tracing::debug!(%error, "the kernel keeps its own size of buffer");
    }
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let storing = tokio::spawn(store(receiver, zone, serving.clone()));
    serving.unless_stopped(receive(&socket, &gate, &sender)).await;
    // What the kernel has already is still taken.
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    while let Ok((length, peer)) = socket.try_recv_from(&mut buffer) {
        let datagram = buffer.get(..length).unwrap_or_default().to_vec();
        if !gate.admits(peer.ip()) || sender.try_send((datagram, peer)).is_ok() {
            continue;
        }
        break;
    }
    drop(sender);
    if storing.await.is_err() {
        tracing::error!("the task that stores syslog datagrams died");
    }
}

/// Receives for good.
async fn receive(socket: &UdpSocket, gate: &Gate, sender: &mpsc::Sender<Datagram>) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let mut refused = 0_u64;
    let mut say_at = Instant::now();
    loop {
        let (length, peer) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                // An ICMP answer to something else; the socket goes on.
                tracing::debug!(%error, "failed to receive a datagram");
                continue;
            }
        };
        let datagram = buffer.get(..length).unwrap_or_default().to_vec();
        if !gate.admits(peer.ip()) || sender.try_send((datagram, peer)).is_err() {
            refused += 1;
        }
        if refused > 0 && Instant::now() >= say_at {
            tracing::warn!(
                refused,
                "syslog datagrams were refused: no room, or a sender outside of intake.allow_from"
            );
            (refused, say_at) = (0, Instant::now() + SAY_EVERY);
        }
    }
}

async fn store(mut receiver: mpsc::Receiver<Datagram>, zone: Zone, serving: Serving) {
    while let Some(first) = receiver.recv().await {
        let mut parcel = vec![first];
        let due = Instant::now() + LINGER;
        while parcel.len() < PARCEL_MAX
            && let Ok(Some(datagram)) = timeout_at(due, receiver.recv()).await
        {
            parcel.push(datagram);
        }
        let bytes = parcel.iter().map(|(datagram, _)| datagram.len()).sum::<usize>();
        let (count, zone) = (parcel.len(), zone.clone());
        let decode = Arc::new(move |intake: &Intake| {
            let each = parcel.iter().map(|(datagram, peer)| {
                let from = Some(peer.ip()).filter(|ip| !ip.to_canonical().is_loopback());
                (datagram.as_slice(), from)
            });
            decode_syslog(each, intake.now(), &zone)
        });
        if let Err(error) = serving.deliver(2 * bytes, decode).await {
            tracing::warn!(%error, messages = count, "syslog messages were not stored");
        }
    }
}
