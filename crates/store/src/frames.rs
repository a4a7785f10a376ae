//! A sequence of checked records in a file that only grows: the write-ahead log and the template texts.
//!
//! A frame is a mark, the length of its payload, a CRC-32 over length and payload, and the payload. The mark lets a
//! reader find the next whole frame behind a damaged one, so that one bad byte costs one record and not the rest.

use std::ops::Range;

use crate::bytes::u32_at;

/// Begins every frame.
const MARK: [u8; 4] = [0xF7, b'g', b'c', 0x1A];
/// Bytes before the payload.
pub(crate) const FRAME_HEAD_BYTES: usize = 12;

/// What stands before `payload` in a frame; `None` when it is too long for one.
pub(crate) fn frame_head(payload: &[u8]) -> Option<[u8; FRAME_HEAD_BYTES]> {
    let length = u32::try_from(payload.len()).ok()?.to_le_bytes();
    let checksum = checksum(length, payload).to_le_bytes();
    let mut head = [0; FRAME_HEAD_BYTES];
    let parts = MARK.iter().chain(&length).chain(&checksum);
    head.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
    Some(head)
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

/// What a file of frames holds.
#[derive(Debug, Default)]
pub(crate) struct Frames<'b> {
    /// The payloads of the whole frames, in order.
    pub(crate) payloads: Vec<&'b [u8]>,
    /// Where the last whole frame ends.
    pub(crate) end: usize,
    /// Ranges between whole frames that hold none.
    pub(crate) damaged: Vec<Range<usize>>,
    /// What is behind the last whole frame: an append that was cut short, or damage to the last one.
    pub(crate) tail: Tail,
}

/// What is behind the last whole frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Tail {
    /// Nothing.
    #[default]
    Clean,
    /// The beginning of a frame: the append did not finish, so it was not acknowledged.
    CutShort,
    /// As many bytes as a frame says it has, but not the ones that were written.
    Damaged,
}

/// Reads the frames of `bytes` from `start` on.
pub(crate) fn read_frames(bytes: &[u8], start: usize) -> Frames<'_> {
    let mut frames = Frames { end: start.min(bytes.len()), ..Frames::default() };
    let mut at = frames.end;
    while at < bytes.len() {
        if let Some((payload, next)) = frame_at(bytes, at) {
            if at > frames.end {
                frames.damaged.push(frames.end..at);
            }
            frames.payloads.push(payload);
            frames.end = next;
            at = next;
        } else {
            at = next_mark(bytes, at + 1);
        }
    }
    frames.tail = tail(bytes, frames.end);
    frames
}

fn frame_at(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    if bytes.get(at..at + MARK.len())? != MARK {
        return None;
    }
    let length = u32_at(bytes, at + 4)?;
    let start = at + FRAME_HEAD_BYTES;
    let end = start.checked_add(length as usize)?;
    let payload = bytes.get(start..end)?;
    (checksum(length.to_le_bytes(), payload) == u32_at(bytes, at + 8)?).then_some((payload, end))
}

fn next_mark(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    memchr::memmem::find(rest, &MARK).map_or(bytes.len(), |offset| from + offset)
}

fn tail(bytes: &[u8], end: usize) -> Tail {
    if end >= bytes.len() {
        return Tail::Clean;
    }
    let starts_with_mark = bytes.get(end..end + MARK.len()) == Some(MARK.as_slice());
    let Some(length) = u32_at(bytes, end + 4) else { return Tail::CutShort };
    let is_whole = bytes.len() - end >= FRAME_HEAD_BYTES + length as usize;
    let is_cut = starts_with_mark && !is_whole && !is_misread(bytes, end);
    if is_cut { Tail::CutShort } else { Tail::Damaged }
}

/// Whether the last frame is all there, and only its length says otherwise.
fn is_misread(bytes: &[u8], at: usize) -> bool {
    let Some(payload) = bytes.get(at + FRAME_HEAD_BYTES..) else { return false };
    let Ok(length) = u32::try_from(payload.len()) else { return false };
    u32_at(bytes, at + 8) == Some(checksum(length.to_le_bytes(), payload))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::*;

    fn file_of(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut file = Vec::new();
        for payload in payloads {
            file.extend_from_slice(&frame_head(payload).unwrap());
            file.extend_from_slice(payload);
        }
        file
    }

    #[test]
    fn one_bad_byte_costs_one_frame() {
        let payloads: Vec<Vec<u8>> = (0..5).map(|number| vec![number; 40]).collect();
        let whole = file_of(&payloads);
        let frame_bytes = whole.len() / 5;
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x40;
            let frames = read_frames(&bytes, 0);
            let hit = at / frame_bytes;
            let expected: Vec<&[u8]> = payloads
                .iter()
                .enumerate()
                .filter(|(n, _)| *n != hit)
                .map(|(_, p)| p.as_slice())
                .collect();
            assert_eq!(frames.payloads, expected, "byte {at}");
            if hit < 4 {
                let start = hit * frame_bytes;
                assert_eq!(frames.damaged, vec![start..start + frame_bytes; 1]);
            } else {
                assert_eq!(frames.tail, Tail::Damaged, "byte {at}");
            }
        }
    }

    #[test]
    fn a_cut_file_keeps_its_whole_frames() {
        let payloads: Vec<Vec<u8>> = (0..3).map(|number| vec![number; 20]).collect();
        let whole = file_of(&payloads);
        for length in 0..whole.len() {
            let frames = read_frames(&whole[..length], 0);
            assert_eq!(frames.payloads.len(), length / 32);
            assert!(frames.damaged.is_empty());
            assert_eq!(frames.tail == Tail::Clean, length % 32 == 0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..400), start in 0usize..500) {
            read_frames(&bytes, start);
        }

        #[test]
        fn frames_come_back(payloads in vec(vec(any::<u8>(), 0..60), 0..12)) {
            let file = file_of(&payloads);
            let frames = read_frames(&file, 0);
            assert_eq!(frames.payloads, payloads.iter().map(Vec::as_slice).collect::<Vec<_>>());
            assert_eq!((frames.tail, frames.end), (Tail::Clean, file.len()));
        }
    }
}
