//! Admits telemetry by bytes, over all protocols together, and fairly between the machines that send it.
//!
//! While there is plenty of room everybody is let in. In the upper half a sender has an equal share of the room: one that
//! floods is refused before it can fill what the others need, and a little is always kept for one that was not heard
//! before. Who says beforehand how much is coming waits for room a while before any of it is read, those of one sender in
//! the order in which they asked: many that each have half of what they need would all be refused, and what they sent was
//! read for nothing. Work is shared in the same way: one sender has at most half of the workers. And no more of them decode
//! and mask at once than there are processors, and one more that is not the same sender's ([`crate::processors`]): more
//! would store nothing sooner, and questions would wait.

use std::net::{IpAddr, Ipv6Addr};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use tokio::sync::{Mutex as Line, Notify, Semaphore};

/// A sender counts as one that wants room for so long after it last asked.
const HEARD_FOR: Duration = Duration::from_secs(5);
/// How often senders that fell silent are forgotten.
const FORGET_EVERY: Duration = Duration::from_millis(250);
/// Senders told apart at a time; those beyond it share one place.
const SOURCES_MAX: usize = 4_096;
/// How long somebody waits for room at most: what is refused later than this, its sender may have given up.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// This part of the room is kept for senders that were not heard before.
const KEPT_FOR_NEW: usize = 16;

/// Who sends, as far as fairness goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Source {
    /// Nobody in particular: what does not come over the network, or from more machines than are told apart.
    #[default]
    Unnamed,
    /// A machine: its address, of which only the network part counts with IPv6.
    Peer(IpAddr),
}

impl Source {
    /// The machine behind an address.
    #[must_use]
    pub fn peer(address: IpAddr) -> Self {
        Self::Peer(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) >> 64 << 64)),
        })
    }
}

/// The room for telemetry in flight.
#[derive(Debug)]
pub(crate) struct Room {
    bytes_max: usize,
    share: Share,
    state: Mutex<State>,
    /// Wakes who waits for room.
    freed: Notify,
}

#[derive(Debug)]
struct State {
    in_flight: usize,
    senders: FxHashMap<Source, Sender>,
    forgot_at: Instant,
}

#[derive(Debug)]
struct Sender {
    in_flight: usize,
    heard_at: Instant,
    lanes: Lanes,
}

/// What one sender may have at a time.
#[derive(Clone, Copy, Debug)]
struct Share {
    workers: usize,
    processors: usize,
}

/// The workers and processors of one sender, and the line of those that wait for room.
#[derive(Clone, Debug)]
pub(crate) struct Lanes {
    pub(crate) workers: Arc<Semaphore>,
    pub(crate) processors: Arc<Semaphore>,
    line: Arc<Line<()>>,
}

impl Lanes {
    fn of(share: Share) -> Self {
        let Share { workers, processors } = share;
        Self {
            workers: Arc::new(Semaphore::new(workers)),
            processors: Arc::new(Semaphore::new(processors)),
            line: Arc::default(),
        }
    }
}

impl Room {
    /// A room of so many bytes, worked on by so many workers on so many processors.
    pub(crate) fn new(bytes_max: usize, workers: usize, processors: usize) -> Self {
        let state =
            State { in_flight: 0, senders: FxHashMap::default(), forgot_at: Instant::now() };
        let share = Share { workers: workers.div_ceil(2).max(1), processors: processors.max(1) };
        Self { bytes_max, share, state: Mutex::new(state), freed: Notify::new() }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    /// Takes room for `bytes` of `source`; `None` when there is none for it now. Gives whom to give it back for.
    pub(crate) fn take(&self, source: Source, bytes: usize) -> Option<Source> {
        let mut state = self.lock();
        let source = state.hear(source, self.share);
        let own = state.senders.get(&source).map_or(0, |sender| sender.in_flight);
        let (total, own) = (state.in_flight.saturating_add(bytes), own.saturating_add(bytes));
        let share = (self.bytes_max - self.bytes_max / KEPT_FOR_NEW) / state.senders.len().max(1);
        let is_fair = total <= self.bytes_max / 2 || own <= share;
        // A lone request larger than the bound still passes: nothing else is in flight, and its source bounds it.
        if !(total <= self.bytes_max && is_fair || state.in_flight == 0) {
            return None;
        }
        state.in_flight = total;
        if let Some(sender) = state.senders.get_mut(&source) {
            sender.in_flight = own;
        }
        Some(source)
    }

    /// As [`Self::take`], but waits for room up to [`WAIT_MAX`], behind others of `source`.
    pub(crate) async fn take_in_turn(&self, source: Source, bytes: usize) -> Option<Source> {
        let lanes = self.lanes(source);
        if let Ok(_first) = lanes.line.try_lock()
            && let Some(source) = self.take(source, bytes)
        {
            return Some(source);
        }
        let in_turn = async {
            let _first = lanes.line.lock().await;
            loop {
                let mut freed = pin!(self.freed.notified());
                // From here on nothing that is given back is missed.
                freed.as_mut().enable();
                if let Some(source) = self.take(source, bytes) {
                    return source;
                }
                freed.await;
            }
        };
        tokio::time::timeout(WAIT_MAX, in_turn).await.ok()
    }

    /// Gives room back.
    pub(crate) fn give_back(&self, source: Source, bytes: usize) {
        let mut state = self.lock();
        state.in_flight = state.in_flight.saturating_sub(bytes);
        if let Some(sender) = state.senders.get_mut(&source) {
            sender.in_flight = sender.in_flight.saturating_sub(bytes);
        }
        drop(state);
        self.freed.notify_waiters();
    }

    /// The workers and processors that `source` may have.
    pub(crate) fn lanes(&self, source: Source) -> Lanes {
        let mut state = self.lock();
        let source = state.hear(source, self.share);
        let lanes = state.senders.get(&source).map(|sender| sender.lanes.clone());
        lanes.unwrap_or_else(|| Lanes::of(self.share))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notes that `source` wants something; gives its name, which is shared when there are too many.
    fn hear(&mut self, source: Source, share: Share) -> Source {
        let now = Instant::now();
        if now.duration_since(self.forgot_at) > FORGET_EVERY {
            self.forgot_at = now;
            self.senders.retain(|_, sender| {
                sender.in_flight > 0
                    || Arc::strong_count(&sender.lanes.workers) > 1
                    || now.duration_since(sender.heard_at) < HEARD_FOR
            });
        }
        let is_told_apart = self.senders.contains_key(&source) || self.senders.len() < SOURCES_MAX;
        let source = if is_told_apart { source } else { Source::Unnamed };
        let sender = self.senders.entry(source).or_insert_with(|| Sender {
            in_flight: 0,
            heard_at: now,
            lanes: Lanes::of(share),
        });
        sender.heard_at = now;
        source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u32) -> Source {
        Source::peer(IpAddr::V4(number.into()))
    }

    #[test]
    fn a_lone_sender_has_nearly_all_the_room() {
        let room = Room::new(1_600, 8, 2);
        assert!(room.take(peer(1), 1_500).is_some());
        assert!(room.take(peer(1), 1).is_none());
        room.give_back(peer(1), 1_500);
        assert!(room.take(peer(1), 9_999).is_some(), "alone, a request may exceed the room");
    }

    #[test]
    fn a_flood_leaves_room_for_others_and_shrinks_to_its_share() {
        let room = Room::new(1_600, 8, 2);
        while room.take(peer(1), 10).is_some() {}
        assert_eq!(room.in_flight(), 1_500);
        // The others find room at once, and the flooding one is over its share from now on.
        assert!(room.take(peer(2), 100).is_some());
        room.give_back(peer(1), 500);
        assert!(room.take(peer(1), 10).is_none(), "its share is half now");
        assert!(room.take(peer(2), 400).is_some());
        room.give_back(peer(1), 400);
        assert!(room.take(peer(1), 10).is_some(), "and that it has");
    }

    /// What `waiting` comes to if that is known by now.
    async fn so_far<T>(waiting: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(Duration::from_millis(20), waiting).await.ok()
    }

    #[tokio::test]
    async fn room_is_waited_for_in_turn() {
        let room = Room::new(1_600, 8, 2);
        room.take(peer(1), 1_500).unwrap();
        let mut large = pin!(room.take_in_turn(peer(1), 600));
        let mut small = pin!(room.take_in_turn(peer(1), 100));
        assert!(so_far(large.as_mut()).await.is_none());
        assert!(so_far(small.as_mut()).await.is_none());
        room.give_back(peer(1), 500);
        assert!(so_far(small.as_mut()).await.is_none(), "it would fit, but is behind a large one");
        assert!(room.take_in_turn(peer(2), 100).await.is_some(), "others do not wait for that");
        room.give_back(peer(1), 1_000);
        room.give_back(peer(2), 100);
        assert!(so_far(large).await.unwrap().is_some());
        assert!(so_far(small).await.unwrap().is_some());
        assert_eq!(room.in_flight(), 700);
    }

    #[tokio::test]
    async fn who_waits_for_room_in_vain_is_told_and_leaves_the_line() {
        let room = Room::new(1_600, 8, 2);
        room.take(peer(1), 1_500).unwrap();
        let (first, second) =
            tokio::join!(room.take_in_turn(peer(1), 900), room.take_in_turn(peer(1), 900));
        assert!(first.is_none() && second.is_none());
        room.give_back(peer(1), 1_500);
        assert!(so_far(room.take_in_turn(peer(1), 900)).await.unwrap().is_some());
    }

    #[test]
    fn shares_count_only_when_room_is_scarce() {
        let room = Room::new(16_000, 8, 2);
        (0..100).for_each(|number| assert!(room.take(peer(number), 10).is_some()));
        assert!(room.take(peer(1), 5_000).is_some(), "a large request of one of many");
        assert!(room.take(peer(1), 5_000).is_none());
    }

    #[test]
    fn more_senders_than_are_told_apart_share_a_place() {
        let room = Room::new(1 << 30, 8, 2);
        (0..SOURCES_MAX as u32 + 500).for_each(|number| {
            assert!(room.take(peer(number), 1).is_some());
        });
        assert!(room.lock().senders.len() <= SOURCES_MAX + 1);
        let shared = room.take(peer(1 << 20), 7).unwrap();
        assert_eq!(shared, Source::Unnamed);
        room.give_back(shared, 7);
        assert_eq!(room.in_flight(), SOURCES_MAX + 500);
    }

    #[test]
    fn an_address_of_a_network_stands_for_it() {
        let of = |text: &str| Source::peer(text.parse().unwrap());
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8::1"));
    }
}
