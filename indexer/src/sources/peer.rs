//! Which machine sent a request.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::Extensions;
use axum::http::request::Parts;

use crate::admission::Source;
use crate::intake::Intake;

/// The intake as the sender of a request meets it, with its share of room.
pub(super) struct Door(pub(super) Intake);

impl FromRequestParts<Intake> for Door {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, intake: &Intake) -> Result<Self, Infallible> {
        Ok(Self(intake.of(source_of(&parts.extensions))))
    }
}

/// The sender, where the listener noted it.
pub(super) fn source_of(extensions: &Extensions) -> Source {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(Source::Unnamed, |peer| Source::peer(peer.0.ip()))
}
