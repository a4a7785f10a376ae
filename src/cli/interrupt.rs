//! Ctrl-C: the first asks for an end that keeps what is proven, the second is the end.

use tokio_util::sync::{CancellationToken, DropGuard};

/// What Ctrl-C has said since it was listened to.
pub(super) struct Interrupts {
    /// Cancelled by the first.
    pub stop: CancellationToken,
    /// Cancelled by the second.
    pub now: CancellationToken,
    /// Ends the listening.
    _listening: DropGuard,
}

impl Interrupts {
    /// Listens from now on, until it is dropped.
    pub(super) fn listen() -> Self {
        let [stop, now, gone] = std::array::from_fn(|_| CancellationToken::new());
        let heard = (stop.clone(), now.clone());
        let listening = gone.clone().drop_guard();
        tokio::spawn(gone.run_until_cancelled_owned(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if heard.0.is_cancelled() {
                    heard.1.cancel();
                }
                heard.0.cancel();
            }
        }));
        Self { stop, now, _listening: listening }
    }

    /// Whether there was one.
    pub(super) fn happened(&self) -> bool {
        self.stop.is_cancelled()
    }
}
