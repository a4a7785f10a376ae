//! What a member of a consumer group holds: its partitions, what is gathered of them, and the parcel that is being stored.
//!
//! A partition that goes to another member takes nothing along: the parcel that is on its way is waited for and committed,
//! and what was only gathered is read again by whoever has the partition next.

use std::mem;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use groundcrew_store::{StreamName, StreamPart};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message as KafkaMessage};
use rdkafka::{Offset, TopicPartitionList};
use rustc_hash::FxHashMap;
use tokio::runtime::Handle;

use super::format::Topic;
use super::kafka::KafkaOptions;
use super::parcel::{Message, PARCEL_BYTES, Parcel, Troubles};
use crate::intake::Accepted;
use crate::sources::serving::Serving;

/// Messages of one parcel at most, and so of one append.
const PARCEL_MESSAGES: usize = 10_000;
/// What is gathered is stored after this time although it is little.
const LINGER: Duration = Duration::from_millis(200);
/// Longest wait for the cluster while partitions change hands.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a parcel whose partitions go to another member.
const LAST_PARCEL: Duration = Duration::from_secs(30);

/// How long committing is tried before partitions go, and how often.
const COMMIT_TIME: Duration = Duration::from_secs(3);
const COMMIT_AGAIN: Duration = Duration::from_millis(200);

/// Topic and number of a partition.
type Partition = (Arc<str>, i32);

/// The side of a member that is called back.
pub(super) struct Group {
    name: String,
    topics: Vec<Topic>,
    serving: Serving,
    runtime: Handle,
    troubles: Arc<Troubles>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    assigned: FxHashMap<Partition, Assigned>,
    gathered: Gathered,
    on_its_way: Option<Sent>,
}

struct Assigned {
    topic: Topic,
    stream: StreamName,
    /// Messages below this number are stored here.
    stored: u64,
    /// The number behind the last message that was read since the partition came, and stored.
    read: u64,
    /// The last such number that the group knows.
    committed: u64,
}

/// Messages that were read and are not on their way yet.
#[derive(Default)]
struct Gathered {
    partitions: FxHashMap<Partition, Run>,
    messages: usize,
    bytes: usize,
    since: Option<Instant>,
}

/// Messages of one partition, one after the other.
struct Run {
    first: u64,
    next: u64,
    payloads: Vec<(u64, Bytes)>,
}

/// A parcel that is being stored.
struct Sent {
    stored: Receiver<Option<Accepted>>,
    /// The number behind the last message of each partition.
    upto: Vec<(Partition, u64)>,
}

impl Group {
    pub(super) fn new(options: &KafkaOptions, serving: Serving, runtime: Handle) -> Self {
        let source = format!("Kafka, group {}", options.group);
        let troubles = Arc::new(Troubles::new(source, serving.intake.clone()));
        Self {
            name: options.group.clone(),
            topics: options.topics.clone(),
            serving,
            runtime,
            troubles,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is wrong with the cluster, or with a topic.
    pub(super) fn note(&self, error: &KafkaError) {
        self.troubles.say(&format!("the cluster is waited for: {error}"));
    }

    /// Gathers a message.
    pub(super) fn take(&self, message: &BorrowedMessage<'_>) {
        let state = &mut *self.lock();
        let key: Partition = (Arc::from(message.topic()), message.partition());
        let Ok(number) = u64::try_from(message.offset()) else { return };
        // What was under way when the partition went away is the next member's.
        if !state.assigned.contains_key(&key) {
            return;
        }
        let gathered = &mut state.gathered;
        let begun = || Run { first: number, next: number, payloads: Vec::new() };
        let run = gathered.partitions.entry(key).or_insert_with(begun);
        run.next = number + 1;
        gathered.since.get_or_insert_with(Instant::now);
        gathered.messages += 1;
        if let Some(payload) = message.payload() {
            gathered.bytes += payload.len();
            run.payloads.push((number, Bytes::copy_from_slice(payload)));
        }
    }

    /// Whether as much is gathered as goes into a parcel.
    pub(super) fn is_full(&self) -> bool {
        self.lock().gathered.is_full()
    }

    /// Sends off what is gathered, if it is due and nothing else is on its way.
    pub(super) fn send_off(&self) {
        let state = &mut *self.lock();
        if state.on_its_way.is_some() || !state.gathered.is_due() {
            return;
        }
        let gathered = mem::take(&mut state.gathered);
        let mut parcel = Parcel::default();
        let mut upto = Vec::new();
        for (key, run) in gathered.partitions {
            let Some(assigned) = state.assigned.get(&key) else { continue };
            // What is below is there: read again after a kill, or before a parcel landed that took long.
            let first = run.first.max(assigned.stored);
            let new = run.payloads.into_iter().filter(|(number, _)| *number >= first);
            let messages = parcel.messages.len();
            parcel
                .messages
                .extend(new.map(|(_, payload)| Message { topic: assigned.topic.clone(), payload }));
            if parcel.messages.len() > messages {
                parcel.parts.push(StreamPart::run(assigned.stream.clone(), first..run.next));
            }
            upto.push((key, run.next));
        }
        let (tell, stored) = sync_channel(1);
        let (serving, troubles) = (self.serving.clone(), Arc::clone(&self.troubles));
        self.runtime.spawn(async move {
            let outcome = if parcel.parts.is_empty() {
                Some(Accepted::default())
            } else {
                parcel.store(&serving, &troubles).await
            };
            if tell.send(outcome).is_err() {
                tracing::debug!("the source ended before a parcel was stored");
            }
        });
        state.on_its_way = Some(Sent { stored, upto });
    }

    /// Waits so long for the parcel that is on its way. When it is stored, what to commit.
    pub(super) fn land(&self, patience: Duration) -> Option<TopicPartitionList> {
        // Not held while waiting, and nobody else takes it: all calls come from the thread that polls.
        let sent = self.lock().on_its_way.take()?;
        let outcome = match sent.stored.recv_timeout(patience) {
            Err(RecvTimeoutError::Timeout) => {
                self.lock().on_its_way = Some(sent);
                return None;
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Ok(outcome) => outcome,
        };
        // Not stored: the time is up, and whoever reads next begins before it.
        outcome?;
        let state = &mut *self.lock();
        let mut offsets = TopicPartitionList::new();
        for (key, next) in sent.upto {
            let Some(assigned) = state.assigned.get_mut(&key) else { continue };
            assigned.stored = assigned.stored.max(next);
            assigned.read = next;
            add(&mut offsets, &key, next);
        }
        Some(offsets)
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) {
        let cluster = consumer.client().fetch_cluster_id(ASK_TIMEOUT).unwrap_or_default();
        for element in partitions.elements() {
            let (name, number) = (element.topic(), element.partition());
            let Some(topic) = self.topics.iter().find(|topic| &*topic.name == name) else {
                continue;
            };
            let stream =
                StreamName::of(&["kafka", &cluster, &self.name, name, &number.to_string()]);
            let stored = self.stored(consumer, &stream, (name, number));
            let assigned = Assigned { topic: topic.clone(), stream, stored, read: 0, committed: 0 };
            self.lock().assigned.insert((Arc::clone(&topic.name), number), assigned);
        }
    }

    /// Up to where a partition is stored here.
    fn stored(
        &self,
        consumer: &BaseConsumer<Self>,
        stream: &StreamName,
        (topic, partition): (&str, i32),
    ) -> u64 {
        let store = self.serving.intake.store();
        let Some(stored) = store.stream_position(stream) else { return 0 };
        let end = consumer.fetch_watermarks(topic, partition, ASK_TIMEOUT);
        let is_anew = end.is_ok_and(|(_, end)| u64::try_from(end).is_ok_and(|end| end < stored));
        if !is_anew {
            return stored;
        }
        tracing::warn!(
            topic,
            partition,
            "the topic ends before what was read of it, so it was made anew; it is read as the group's offset says"
        );
        store.forget_stream(stream);
        0
    }

    /// Waits for the parcel that is on its way, before all partitions go.
    pub(super) fn end(&self) {
        let landed = self.land(LAST_PARCEL);
        tracing::debug!(?landed, "this member leaves its group");
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) {
        let landed = self.land(LAST_PARCEL);
        tracing::debug!(?landed, "partitions go to others");
        let mut offsets = TopicPartitionList::new();
        let mut state = self.lock();
        for element in partitions.elements() {
            let key: Partition = (Arc::from(element.topic()), element.partition());
            state.gathered.drop_partition(&key);
            let Some(assigned) = state.assigned.remove(&key) else { continue };
            if assigned.read > assigned.committed {
                add(&mut offsets, &key, assigned.read);
            }
        }
        drop(state);
        if offsets.count() > 0 {
            commit(consumer, &offsets);
        }
    }
}

fn add(offsets: &mut TopicPartitionList, (topic, partition): &Partition, next: u64) {
    let offset = Offset::Offset(i64::try_from(next).unwrap_or(i64::MAX));
    if let Err(error) = offsets.add_partition_offset(topic, *partition, offset) {
        tracing::debug!(%error, "an offset cannot be committed");
    }
}

/// Commits before partitions go. While the group settles who has what, it may refuse for a moment.
fn commit(consumer: &BaseConsumer<Group>, offsets: &TopicPartitionList) {
    let begun = Instant::now();
    while let Err(error) = consumer.commit(offsets, CommitMode::Sync) {
        tracing::debug!(%error, "failed to commit offsets of partitions that go to others");
        if begun.elapsed() >= COMMIT_TIME {
            return;
        }
        std::thread::sleep(COMMIT_AGAIN);
    }
}

impl Gathered {
    fn is_full(&self) -> bool {
        self.bytes >= PARCEL_BYTES || self.messages >= PARCEL_MESSAGES
    }

    fn is_due(&self) -> bool {
        self.is_full() || self.since.is_some_and(|since| since.elapsed() >= LINGER)
    }

    fn drop_partition(&mut self, key: &Partition) {
        let Some(run) = self.partitions.remove(key) else { return };
        self.bytes -= run.payloads.iter().map(|(_, payload)| payload.len()).sum::<usize>();
        let read = usize::try_from(run.next - run.first).unwrap_or(usize::MAX);
        self.messages = self.messages.saturating_sub(read);
        if self.partitions.is_empty() {
            *self = Self::default();
        }
    }
}

impl ClientContext for Group {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.troubles.say(&format!("the cluster is waited for: {error}: {reason}"));
    }
}

impl ConsumerContext for Group {
    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!(%error, "the group did not take offsets");
            return;
        }
        let state = &mut *self.lock();
        for element in offsets.elements() {
            let key: Partition = (Arc::from(element.topic()), element.partition());
            let next = element.offset().to_raw().and_then(|offset| u64::try_from(offset).ok());
            if let (Some(assigned), Some(next), Ok(())) =
                (state.assigned.get_mut(&key), next, element.error())
            {
                assigned.committed = assigned.committed.max(next);
            }
        }
    }

    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => self.assign(consumer, partitions),
            Rebalance::Revoke(partitions) => self.revoke(consumer, partitions),
            Rebalance::Error(error) => self.note(error),
        }
    }
}
