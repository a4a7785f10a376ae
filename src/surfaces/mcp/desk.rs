//! What tools and resources are answered from.

use std::sync::Arc;

use groundcrew_telemetry::Timestamp;
use tokio::sync::Semaphore;

use super::said::Wrong;
use crate::investigate::Investigator;
use crate::session::Sessions;

/// Views that are made at the same time: each may hold some hundred thousand records.
const VIEWS_MAX: usize = 2;

/// Gives the conversations to ask in, over stores as they are now; in words why not.
pub type Open = Arc<dyn Fn() -> Result<Sessions, String> + Send + Sync>;

/// The conversations and stores of this server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Desk {
    open: Open,
    room: Arc<Semaphore>,
}

impl Desk {
    pub(super) fn new(open: Open) -> Self {
        Self { open, room: Arc::new(Semaphore::new(VIEWS_MAX)) }
    }

    /// The conversations.
    pub(super) async fn sessions(&self) -> Result<Sessions, Wrong> {
        let open = Arc::clone(&self.open);
        let opened = tokio::task::spawn_blocking(move || open()).await;
        let message = match opened {
            Ok(Ok(sessions)) => return Ok(sessions),
            Ok(Err(message)) => message,
            Err(_) => "the stores could not be opened".to_owned(),
        };
        Err(Wrong::new(message, "the person who runs it should run `groundcrew doctor`"))
    }

    /// Reads off the runtime, when there is room.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Investigator, Timestamp) -> Result<T, Wrong> + Send + 'static,
    ) -> Result<T, Wrong> {
        let sessions = self.sessions().await?;
        // It is never closed; without a permit one reads all the same.
        let room = Arc::clone(&self.room).acquire_owned().await.ok();
        let work = move || {
            let read = work(sessions.investigator(), sessions.now());
            drop(room);
            read
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a view died");
            Err(Wrong::new("the view could not be made, which is a bug", "see the server's log"))
        })
    }
}
