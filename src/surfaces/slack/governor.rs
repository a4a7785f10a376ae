//! How fast Slack may be spoken to. Pure: the clock is an argument, so every rule can be tested.
//!
//! Streams are scarce: all of a workspace share some twenty beginnings and a hundred pieces a minute, and a stream dies
//! after five minutes. So what is said goes from a stream, to one message that is edited, to the final answer alone.

use std::collections::BTreeMap;
use std::time::Duration;

/// A piece of a stream, at most this often.
const STREAM_GAP: Duration = Duration::from_millis(700);
/// An edit of a message, at most this often.
const EDIT_GAP: Duration = Duration::from_secs(3);
/// New text that is worth a piece of its own, in characters.
const CHARS_WORTH: usize = 256;
/// Streams are closed before Slack does it, and edited from then on.
const STREAM_LIFE: Duration = Duration::from_secs(240);
/// Messages into one channel.
const POST_GAP: Duration = Duration::from_secs(1);
/// Pieces that must be left for a new stream to be worth beginning.
const PIECES_MIN: f64 = 4.0;
/// Edits that must be left for a message to be worth editing on the way.
const EDITS_MIN: f64 = 2.0;
/// Channels whose last message is remembered; a second makes all of them free again.
const CHANNELS_MAX: usize = 1_000;
const MINUTE: f64 = 60.0;

/// What is limited.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Call {
    /// `chat.startStream`.
    Start,
    /// `chat.appendStream`.
    Append,
    /// `chat.stopStream`.
    Stop,
    /// `chat.update`.
    Update,
    /// `chat.postMessage`.
    Post,
}

/// How an answer is told while it is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// As a stream.
    Stream,
    /// As one message that is edited.
    Edit,
    /// The end alone.
    Final,
}

/// Tokens that come back with time. In any minute at most `burst + per_minute` are taken.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    burst: f64,
    per_minute: f64,
    tokens: f64,
    at: Duration,
}

impl Bucket {
    /// A full bucket that gives at most `limit` in any minute, `burst` of them at once.
    const fn new(limit: f64, burst: f64) -> Self {
        Self { burst, per_minute: limit - burst, tokens: burst, at: Duration::ZERO }
    }

    fn tokens(&self, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        (self.tokens + passed * self.per_minute / MINUTE).min(self.burst)
    }

    /// Takes one, or says how long until there is one.
    fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let tokens = self.tokens(now);
        if tokens < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - tokens) * MINUTE / self.per_minute);
            return Err(wait.max(Duration::from_millis(1)));
        }
        (self.tokens, self.at) = (tokens - 1.0, self.at.max(now));
        Ok(())
    }
}

/// The limits of one workspace.
#[derive(Clone, Debug)]
pub struct Governor {
    starts: Bucket,
    appends: Bucket,
    stops: Bucket,
    updates: Bucket,
    /// When each channel may have the next message.
    channels: BTreeMap<String, Duration>,
    /// Until when Slack said to wait.
    blocked: BTreeMap<Call, Duration>,
}

impl Default for Governor {
    fn default() -> Self {
        Self {
            starts: Bucket::new(20.0, 8.0),
            appends: Bucket::new(90.0, 30.0),
            stops: Bucket::new(20.0, 8.0),
            updates: Bucket::new(50.0, 15.0),
            channels: BTreeMap::new(),
            blocked: BTreeMap::new(),
        }
    }
}

impl Governor {
    /// How an answer that begins now is best told.
    #[must_use]
    pub fn begin(&self, now: Duration) -> How {
        let is_free = |call: Call| self.blocked.get(&call).is_none_or(|until| *until <= now);
        let streams = [Call::Start, Call::Append, Call::Stop].into_iter().all(is_free);
        let has_room = self.starts.tokens(now) >= 1.0
            && self.stops.tokens(now) >= 1.0
            && self.appends.tokens(now) >= PIECES_MIN;
        if streams && has_room {
            return How::Stream;
        }
        let edits = is_free(Call::Update) && self.updates.tokens(now) >= EDITS_MIN;
        if edits { How::Edit } else { How::Final }
    }

    /// Takes leave for a call.
    ///
    /// # Errors
    /// How long to wait before asking again.
    pub fn take(&mut self, call: Call, channel: &str, now: Duration) -> Result<(), Duration> {
        if let Some(until) = self.blocked.get(&call) {
            if *until > now {
                return Err(*until - now);
            }
            self.blocked.remove(&call);
        }
        let posts = matches!(call, Call::Post | Call::Start);
        if let Some(free_at) = self.channels.get(channel).filter(|free_at| posts && **free_at > now)
        {
            return Err(*free_at - now);
        }
        match call {
            Call::Start => self.starts.take(now)?,
            Call::Append => self.appends.take(now)?,
            Call::Stop => self.stops.take(now)?,
            Call::Update => self.updates.take(now)?,
            Call::Post => {}
        }
        if posts {
            if self.channels.len() >= CHANNELS_MAX {
                self.channels.retain(|_, free_at| *free_at > now);
            }
            self.channels.insert(channel.to_owned(), now + POST_GAP);
        }
        Ok(())
    }

    /// Slack said to wait.
    pub fn refused(&mut self, call: Call, retry_after: Duration, now: Duration) {
        let until = self.blocked.entry(call).or_default();
        *until = (*until).max(now + retry_after);
    }
}

/// When the message of one answer is due to say more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    how: How,
    opened: Duration,
    spoke: Duration,
    step_changed: bool,
    chars: usize,
}

impl Pace {
    /// The message was begun now.
    #[must_use]
    pub const fn new(how: How, now: Duration) -> Self {
        Self { how, opened: now, spoke: now, step_changed: false, chars: 0 }
    }

    /// How it is told.
    #[must_use]
    pub const fn how(&self) -> How {
        self.how
    }

    /// It is told in a lesser way from now on.
    pub const fn degrade(&mut self, how: How) {
        self.how = how;
    }

    /// There is more to say: a step changed, or so much text came.
    pub const fn more(&mut self, step_changed: bool, chars: usize) {
        self.step_changed |= step_changed;
        self.chars = self.chars.saturating_add(chars);
    }

    /// Everything was said now.
    pub const fn said(&mut self, now: Duration) {
        (self.spoke, self.step_changed, self.chars) = (now, false, 0);
    }

    /// It is tried again later, with what is said by then.
    pub fn put_off(&mut self, now: Duration) {
        self.spoke = self.spoke.max(now);
    }

    /// Whether a stream is so old that it is better closed.
    #[must_use]
    pub fn is_old(&self, now: Duration) -> bool {
        self.how == How::Stream && now.saturating_sub(self.opened) >= STREAM_LIFE
    }

    /// When to look again: to say what is due, or to close the stream. `None` while there is nothing to do.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        let worth = self.step_changed || self.chars >= CHARS_WORTH;
        match self.how {
            How::Stream if worth => Some((self.spoke + STREAM_GAP).min(self.opened + STREAM_LIFE)),
            How::Stream => Some(self.opened + STREAM_LIFE),
            How::Edit if worth || self.chars > 0 => Some(self.spoke + EDIT_GAP),
            How::Edit | How::Final => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Tries `call` every so many milliseconds and keeps when it was let through.
    fn let_through(call: Call, every: &[u16]) -> Vec<Duration> {
        let (mut governor, mut now, mut through) = (Governor::default(), secs(0), Vec::new());
        for (number, millis) in every.iter().enumerate() {
            now += Duration::from_millis(u64::from(*millis));
            if governor.take(call, &format!("C{number}"), now).is_ok() {
                through.push(now);
            }
        }
        through
    }

    fn most_in_a_minute(times: &[Duration]) -> usize {
        let in_minute = |from: &Duration| {
            times.iter().filter(|time| **time >= *from && **time < *from + secs(60)).count()
        };
        times.iter().map(in_minute).max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn no_minute_has_more_than_its_share(every in prop::collection::vec(0_u16..900, 1..600)) {
            for (call, limit) in [(Call::Append, 90), (Call::Start, 20), (Call::Stop, 20), (Call::Update, 50)] {
                prop_assert!(most_in_a_minute(&let_through(call, &every)) <= limit, "{call:?}");
            }
        }

        #[test]
        fn who_waits_as_told_is_let_through(calls in prop::collection::vec((0_u8..5, 0_u8..3, 0_u16..2_000), 1..200)) {
            let (mut governor, mut now) = (Governor::default(), secs(0));
            for (call, channel, millis) in calls {
                now += Duration::from_millis(u64::from(millis));
                let call = [Call::Start, Call::Append, Call::Stop, Call::Update, Call::Post][usize::from(call)];
                let channel = format!("C{channel}");
                for _ in 0..3 {
                    match governor.take(call, &channel, now) {
                        Ok(()) => break,
                        Err(wait) => {
                            prop_assert!(wait > Duration::ZERO && wait <= secs(8), "{wait:?}");
                            now += wait;
                        }
                    }
                }
                // Another call of the same kind may be due at once, but this one got through.
            }
        }

        #[test]
        fn what_slack_blocks_stays_blocked_until_then(retry in 1_u64..120, asked in prop::collection::vec(0_u64..200, 1..20)) {
            let mut governor = Governor::default();
            governor.refused(Call::Start, secs(retry), secs(0));
            let mut asked = asked;
            asked.sort_unstable();
            for at in asked {
                let let_in = governor.clone().take(Call::Start, "C1", secs(at)).is_ok();
                prop_assert_eq!(let_in, at >= retry);
            }
        }

        #[test]
        fn a_stream_speaks_neither_too_often_nor_never(pieces in prop::collection::vec((any::<bool>(), 0_usize..400, 0_u64..500), 1..80)) {
            let (mut pace, mut now, mut spoken) = (Pace::new(How::Stream, secs(0)), secs(0), vec![secs(0)]);
            for (step, chars, millis) in pieces {
                now += Duration::from_millis(millis);
                pace.more(step, chars);
                if pace.next().is_some_and(|due| due <= now) {
                    pace.said(now);
                    spoken.push(now);
                }
            }
            prop_assert!(spoken.windows(2).all(|pair| pair[1] - pair[0] >= STREAM_GAP));
            pace.more(true, 0);
            prop_assert!(pace.next().is_some_and(|due| due <= now + STREAM_GAP));
        }
    }

    #[test]
    fn answers_are_told_in_lesser_ways_as_room_runs_out() {
        let mut governor = Governor::default();
        assert_eq!(governor.begin(secs(0)), How::Stream);
        while governor.take(Call::Append, "C1", secs(0)).is_ok() {}
        assert_eq!(governor.begin(secs(0)), How::Edit, "no pieces are left");
        while governor.take(Call::Update, "C1", secs(0)).is_ok() {}
        assert_eq!(governor.begin(secs(0)), How::Final, "nor edits");
        assert_eq!(governor.begin(secs(60)), How::Stream, "they come back");
        governor.refused(Call::Start, secs(30), secs(60));
        assert_eq!(governor.begin(secs(61)), How::Edit);
        governor.refused(Call::Update, secs(30), secs(60));
        assert_eq!(governor.begin(secs(61)), How::Final);
        assert_eq!(governor.begin(secs(90)), How::Stream);
    }

    #[test]
    fn a_channel_gets_one_message_a_second_and_others_do_not_wait_for_it() {
        let mut governor = Governor::default();
        assert_eq!(governor.take(Call::Post, "C1", secs(0)), Ok(()));
        assert_eq!(governor.take(Call::Start, "C1", secs(0)), Err(secs(1)));
        assert_eq!(governor.take(Call::Post, "C2", secs(0)), Ok(()));
        assert_eq!(governor.take(Call::Post, "C1", secs(1)), Ok(()));
    }

    #[test]
    fn an_old_stream_is_closed_and_edited_from_then_on() {
        let mut pace = Pace::new(How::Stream, secs(5));
        assert_eq!((pace.next(), pace.is_old(secs(244))), (Some(secs(245)), false));
        assert!(pace.is_old(secs(245)));
        pace.degrade(How::Edit);
        assert_eq!(pace.next(), None);
        pace.more(false, 1);
        assert_eq!(pace.next(), Some(secs(8)), "an edit may follow three seconds after the last");
    }
}
