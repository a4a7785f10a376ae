//! What sources share that have no way to be told "send again later": they hand over what they hold and wait while the
//! intake is busy, so that a sender is slowed down instead of losing something.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use groundcrew_store::{Durability, StreamPart};
use groundcrew_telemetry::Batch;
use tokio_util::sync::CancellationToken;

use crate::intake::{Accepted, Intake, RefusalReason, Refused, Submission};

/// Time for sources to hand over what they hold after the shutdown began.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Tries of work that a thread died of.
const INTERRUPTED_MAX: u32 = 3;

/// Makes batches of what a source holds; called again when the intake was busy.
pub(super) type Decode = Arc<dyn Fn(&Intake) -> Vec<Batch> + Send + Sync>;

/// What a running source needs: the door, and when to stop. Clones share it.
#[derive(Clone)]
pub struct Serving {
    pub(super) intake: Intake,
    pub(super) shutdown: CancellationToken,
    /// Cancelled when the time to hand over is up.
    pub(super) over: CancellationToken,
}

impl Serving {
    /// Serves `intake` until `shutdown`. Call within a runtime.
    #[must_use]
    pub fn new(intake: Intake, shutdown: CancellationToken) -> Self {
        let over = CancellationToken::new();
        let (begun, ended) = (shutdown.clone(), over.clone());
        tokio::spawn(async move {
            begun.cancelled().await;
            tokio::time::sleep(DRAIN_TIMEOUT).await;
            ended.cancel();
        });
        Self { intake, shutdown, over }
    }

    /// The door.
    #[must_use]
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// Stores what `decode` makes of something that holds `bytes`, and returns once it is on disk. Waits while the intake
    /// is busy or the disk is full; then it is decoded again, so that nothing is held twice in between.
    ///
    /// # Errors
    /// When trying again is of no use, or the time after a shutdown is up.
    pub(super) async fn deliver(&self, bytes: usize, decode: Decode) -> Result<Accepted, Refused> {
        self.deliver_parts(bytes, decode, &[]).await
    }

    /// As [`Serving::deliver`], of messages of streams: which they are is remembered together with what they hold.
    ///
    /// # Errors
    /// As [`Serving::deliver`].
    pub(super) async fn deliver_parts(
        &self,
        bytes: usize,
        decode: Decode,
        parts: &[StreamPart],
    ) -> Result<Accepted, Refused> {
        let mut interrupted = 0;
        loop {
            let outcome = match self.intake.admit(bytes) {
                Ok(admission) => {
                    let (decode, stream_parts) = (Arc::clone(&decode), parts.to_vec());
                    let work = move |intake: &Intake| {
                        intake.take(Submission {
                            admission,
                            batches: decode(intake),
                            durability: Durability::Synced,
                            resend_key: None,
                            stream_parts,
                        })
                    };
                    self.intake.on_worker(work).await.and_then(|stored| stored)
                }
                Err(refused) => Err(refused),
            };
            let refused = match outcome {
                Ok(accepted) => return Ok(accepted),
                Err(refused) => refused,
            };
            let Some(wait) = refused.retry_after else { return Err(refused) };
            interrupted += u32::from(matches!(refused.reason, RefusalReason::Interrupted));
            if interrupted >= INTERRUPTED_MAX {
                return Err(refused);
            }
            tokio::select! {
                () = tokio::time::sleep(wait.min(WAIT_MAX)) => {}
                () = self.over.cancelled() => return Err(refused),
            }
        }
    }

    /// The outcome of `work`, or `None` when the shutdown comes first.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.shutdown.run_until_cancelled(work).await
    }
}
