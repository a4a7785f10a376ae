//! The same work for many items, on several threads.

use crate::LlmError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does `work` for each of `items` on up to `threads` threads; the results are in the order of the items.
///
/// Threads take the next item when they are done with one, so that items may be of any size. One item, or one thread, is
/// worked on right here.
pub(super) fn each<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Result<Vec<R>, LlmError> {
    let threads = threads.min(items.len());
    if threads <= 1 {
        return Ok(items.iter().map(work).collect());
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(position) else { return done };
            done.push((position, work(item)));
        }
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
        running.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let mut done = Vec::with_capacity(items.len());
    for part in parts {
        let died = |_| LlmError::Embedding { detail: "a thread died, which is a bug".to_owned() };
        done.extend(part.map_err(died)?);
    }
    done.sort_by_key(|(position, _)| *position);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..1_000).collect();
        for threads in [0, 1, 2, 7, 2_000] {
            let squares = each(&items, threads, |item| item * item).unwrap();
            assert!(squares.iter().zip(&items).all(|(square, item)| *square == item * item));
            assert_eq!(squares.len(), items.len());
        }
        assert!(each(&[] as &[u8], 4, |_| ()).unwrap().is_empty());
    }
}
