//! One request to one address of the settings, once. Nothing that telemetry, a page or a model says has a part in where
//! it goes: no proxy, no redirect, and the connection goes to the address that the name had when it was looked up.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::Url;
use reqwest::redirect::Policy;
use serde::Serialize;
use thiserror::Error;

use crate::config::Webhook;

/// Time to find and reach the receiver; nothing has been sent by then.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);

/// What is posted.
#[derive(Serialize)]
pub(super) struct Order<'a> {
    /// The proposal.
    pub(super) proposal: &'a str,
    /// The plan, to the letter: the receiver can reckon the hash from it.
    pub(super) plan: &'a str,
    /// Its hash: BLAKE3, hex.
    pub(super) hash: &'a str,
    /// Who approved it.
    pub(super) approved_by: &'a str,
    /// When, RFC 3339.
    pub(super) approved_at: String,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum Unsent {
    /// Nothing has left.
    #[error("nothing was sent: {0}")]
    Before(String),
    /// It may have arrived.
    #[error("{0}")]
    Maybe(String),
}

/// Posts an order. The status, whatever it is, is an answer.
pub(super) async fn post(webhook: &Webhook, order: &Order<'_>) -> Result<u16, Unsent> {
    let before = |why: String| Unsent::Before(why);
    let url = webhook
        .address()
        .ok_or_else(|| before("the webhook's address is none that is called".to_owned()))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let pinned = looked_up(&url).await.map_err(before)?;
    let client = reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .retry(reqwest::retry::never())
        .connect_timeout(REACH_TIMEOUT)
        .timeout(webhook.timeout())
        .resolve_to_addrs(&host, &[pinned])
        .build()
        .map_err(|error| before(error.to_string()))?;
    let mut request = client.post(url).header("idempotency-key", order.proposal).json(order);
    if !webhook.token.is_empty() {
        request = request.bearer_auth(webhook.token.expose());
    }
    let request = request.build().map_err(|error| before(error.without_url().to_string()))?;
    tracing::info!(proposal = order.proposal, host, address = %pinned.ip(), "an approved action is sent");
    match client.execute(request).await {
        Ok(response) => Ok(response.status().as_u16()),
        Err(error) if error.is_connect() => {
            Err(before(format!("{host} could not be reached: {}", cause_of(error))))
        }
        Err(error) if error.is_timeout() => {
            Err(Unsent::Maybe(format!("{host} did not answer within {} s", webhook.timeout_secs)))
        }
        Err(error) => {
            Err(Unsent::Maybe(format!("the connection to {host} broke: {}", cause_of(error))))
        }
    }
}

/// The innermost reason, without the address, whose query may hold a secret.
fn cause_of(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The address to connect to. A name of somewhere else that leads to this machine or to one's own link is refused: such
/// addresses belong to what listens there for nobody else, a cloud's metadata service among them.
async fn looked_up(url: &Url) -> Result<SocketAddr, String> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let found = tokio::time::timeout(REACH_TIMEOUT, tokio::net::lookup_host((host.as_str(), port)))
        .await
        .map_err(|_| format!("{host} was not looked up in time"))?
        .map_err(|error| format!("{host} could not be looked up: {error}"))?;
    let is_named_here =
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let mut refused = None;
    for address in found {
        if is_fit(address.ip(), is_named_here) {
            return Ok(address);
        }
        refused = Some(address.ip());
    }
    Err(match refused {
        Some(ip) => format!("{host} leads to {ip}, which is not called"),
        None => format!("{host} has no address"),
    })
}

fn is_fit(ip: IpAddr, is_named_here: bool) -> bool {
    let ip = match ip {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    };
    if ip.is_loopback() {
        return is_named_here;
    }
    let is_own_link = match ip {
        IpAddr::V4(four) => four.is_link_local() || four.is_broadcast(),
        IpAddr::V6(six) => six.is_unicast_link_local(),
    };
    !is_own_link && !ip.is_unspecified() && !ip.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_elsewhere_do_not_lead_here() {
        let fit = |text: &str, here| is_fit(text.parse().unwrap(), here);
        assert!(fit("10.1.2.3", false) && fit("2001:db8::7", false) && fit("127.0.0.1", true));
        for bad in [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!fit(bad, false), "{bad}");
        }
    }
}
