//! Accepts the connections of senders that speak no HTTP: so many at a time, from known networks, with or without TLS.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::serving::Serving;

/// Connections of one listener; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 1_000;
/// Time for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that is silent for so long is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Who may send, and how.
#[derive(Clone, Default)]
pub struct Gate {
    /// Networks to take telemetry from; empty for all.
    pub networks: Arc<[IpNet]>,
    /// TLS, where the listener speaks it.
    pub tls: Option<TlsAcceptor>,
}

impl Gate {
    /// Whether telemetry is taken from `peer`.
    #[must_use]
    pub fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&peer))
    }
}

/// TLS as a server with the certificate chain and key of these PEM files. With `client_ca`, senders must show a
/// certificate that one of its authorities signed.
///
/// # Errors
/// What is wrong with the files, in words.
pub fn tls_acceptor(
    certificate: &Path,
    key: &Path,
    client_ca: Option<&Path>,
) -> Result<TlsAcceptor, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(path)? {
                roots.add(authority).map_err(|error| format!("{}: {error}", path.display()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| format!("{}: {error}", path.display()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
    let config = builder
        .with_single_cert(certificates(certificate)?, private)
        .map_err(|error| format!("{}: {error}", certificate.display()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(&error))?;
    if found.is_empty() {
        return Err(wrong(&"holds no certificate"));
    }
    Ok(found)
}

/// A connection, with or without TLS.
pub(super) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// Hands every connection to `handle` until the shutdown, then waits for those that are open to end.
pub(super) async fn accept<H, F>(listener: TcpListener, gate: Gate, serving: Serving, handle: H)
where
    H: Fn(Box<dyn Connection>, SocketAddr) -> F,
    F: Future<Output = ()> + Send + 'static,
    H: Clone + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = TaskTracker::new();
    loop {
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let Some((Ok(permit), accepted)) = serving.unless_stopped(next).await else { break };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Mostly too many open files: give others time to close theirs.
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if !gate.admits(peer.ip()) {
            tracing::warn!(%peer, "refused a sender outside of intake.allow_from");
            continue;
        }
        let (gate, serving, handle) = (gate.clone(), serving.clone(), handle.clone());
        connections.spawn(async move {
            match serving.unless_stopped(opened(stream, &gate)).await {
                Some(Ok(connection)) => handle(connection, peer).await,
                Some(Err(error)) => tracing::debug!(%peer, %error, "a connection was not opened"),
                None => {}
            }
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn opened(stream: TcpStream, gate: &Gate) -> io::Result<Box<dyn Connection>> {
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    if let Err(error) = socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive) {
        tracing::debug!(%error, "failed to set keepalive");
    }
    match &gate.tls {
        None => Ok(Box::new(stream)),
        Some(tls) => {
            let opened = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await;
            Ok(Box::new(opened.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??))
        }
    }
}
