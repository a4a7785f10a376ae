//! Which machine sent a request.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::Extensions;

use crate::admission::Source;

/// The sender, where the listener noted it.
pub(super) fn source_of(extensions: &Extensions) -> Source {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(Source::Unnamed, |peer| Source::peer(peer.0.ip()))
}
