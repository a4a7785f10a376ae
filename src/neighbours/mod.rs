//! Other systems as this one asks them: servers of the Model Context Protocol that are configured, reading tools only.
//!
//! They are found and asked when a model tells an answer (`crate::investigate::neighbours`), never before, and each has
//! so long. What they say of themselves and answer is theirs; nothing of it is followed.

mod arguments;
mod connection;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::config::McpServer;
use crate::investigate::evidence::Gap;
use crate::investigate::neighbours::{Call, Neighbours, Offer, Unanswered};
use connection::Connection;

/// The doors to the servers of the settings; `None` without any.
#[must_use]
pub fn neighbours(servers: &[McpServer]) -> Option<Neighbours> {
    if servers.is_empty() {
        return None;
    }
    let known = servers.iter().map(|server| (server.name.clone(), Connection::new(server.clone())));
    let known: Arc<BTreeMap<String, Connection>> = Arc::new(known.collect());
    let asked = Arc::clone(&known);
    Some(Neighbours {
        offer: Arc::new(move || {
            let known = Arc::clone(&known);
            Box::pin(async move { offer(&known).await })
        }),
        ask: Arc::new(move |call| {
            let asked = Arc::clone(&asked);
            Box::pin(async move { ask(&asked, call).await })
        }),
    })
}

/// What every server offers; those that do not say in time are gaps.
async fn offer(known: &BTreeMap<String, Connection>) -> Offer {
    let mut offer = Offer::default();
    let all = join_all(known.values().map(Connection::tools)).await;
    for (name, tools) in known.keys().zip(all) {
        match tools {
            Ok(tools) if tools.is_empty() => offer.gaps.push(Gap::new(
                format!("{name} could not be asked: it has no tools that say they only read"),
                "name those that may be asked as tools in its mcp.servers table",
            )),
            Ok(tools) => offer.tools.extend(tools),
            Err(why) => {
                tracing::info!(server = name, why, "a server cannot be asked");
                offer.gaps.push(Gap::new(
                    format!("{name} could not be asked: it does not answer"),
                    "check mcp.servers in the settings, and that it runs",
                ));
            }
        }
    }
    offer
}

async fn ask(known: &BTreeMap<String, Connection>, call: Call) -> Result<String, Unanswered> {
    match known.get(&call.server) {
        Some(connection) => connection.ask(call).await,
        None => Err(Unanswered::wrong("there is no such server")),
    }
}
