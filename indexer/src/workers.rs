//! The threads that the write path works on.
//!
//! They are others than those that find answers, and give way to them: on a machine that is busy with telemetry a person would
//! wait twice as long. Telemetry waits in its queue instead, and is refused when that is full.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, spawn_blocking};

/// How far they give way: a thread of theirs gets a tenth of the time that one gets which does not, where both want to run.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Threads for blocking work, started as they are needed.
#[derive(Debug, Default)]
pub(crate) struct Workers(OnceLock<Option<Runtime>>);

impl Workers {
    /// Runs `work` on one of at most `threads_max` threads, a number that only the first call gives.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        threads_max: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        match self.0.get_or_init(|| start(threads_max)) {
            Some(runtime) => runtime.spawn_blocking(work),
            // It works beside everything else, too.
            None => spawn_blocking(work),
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // Whoever waits for the work has waited; what nobody waits for must not hold up the end.
        if let Some(runtime) = self.0.take().flatten() {
            runtime.shutdown_background();
        }
    }
}

fn start(threads_max: usize) -> Option<Runtime> {
    let started = Builder::new_current_thread()
        .thread_name("intake")
        .max_blocking_threads(threads_max.max(1))
        .on_thread_start(give_way)
        .build();
    started.inspect_err(|error| tracing::warn!(%error, "the write path has no own threads")).ok()
}

/// Of the calling thread; elsewhere than on Linux it would be the whole process.
fn give_way() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        let lowered =
            getpriority_process(None).and_then(|own| setpriority_process(None, own + NICENESS));
        if let Err(error) = lowered {
            tracing::debug!(%error, "a thread of the write path keeps its priority");
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[tokio::test]
    async fn they_give_way_and_others_do_not() {
        let workers = Workers::default();
        let own = || getpriority_process(None).unwrap();
        let before = own();
        let theirs = workers.run(2, own).await.unwrap();
        assert_eq!(theirs, (before + NICENESS).min(19));
        assert_eq!(spawn_blocking(own).await.unwrap(), before);
        assert_eq!(own(), before);
    }

    #[tokio::test]
    async fn they_end_where_no_thread_may_wait() {
        let workers = Workers::default();
        assert_eq!(workers.run(1, || 7).await.unwrap(), 7);
        drop(workers);
        // One that died says so to who waits for it.
        let workers = Workers::default();
        assert!(workers.run(1, || panic!("as it should")).await.is_err());
        assert_eq!(workers.run(1, || 8).await.unwrap(), 8);
    }
}
