//! Cuts a stream into syslog messages: by counted octets or at line ends, told apart anew for every message (RFC 6587).

/// The longest message; of a longer one the beginning is kept.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// Digits of a count of octets.
const COUNT_DIGITS_MAX: usize = 8;

/// Cuts what is pushed into messages.
#[derive(Default)]
pub(super) struct Framer {
    buffer: Vec<u8>,
    /// Where the next message begins in the buffer.
    at: usize,
    skipping: Skipping,
}

/// What is still to be let go of a message that was too long.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Skipping {
    #[default]
    Nothing,
    Octets(usize),
    Line,
}

/// How the next message is framed.
enum Frame {
    /// So many bytes of header, then so many of message.
    Counted(usize, usize),
    Line,
    /// What has come does not tell yet.
    Unknown,
}

impl Framer {
    /// Adds bytes as they came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a message has begun and not ended.
    pub(super) fn has_rest(&self) -> bool {
        self.rest().iter().any(|byte| !is_end(*byte))
    }

    /// The next whole message.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            self.skip()?;
            self.at += self.rest().iter().take_while(|byte| is_end(**byte)).count();
            match frame_of(self.rest()) {
                Frame::Unknown => return None,
                Frame::Counted(header, length) => {
                    let kept = length.min(MESSAGE_BYTES_MAX);
                    let message = self.rest().get(header..header + kept)?.to_vec();
                    self.at += header + kept;
                    if length > kept {
                        self.skipping = Skipping::Octets(length - kept);
                    }
                    return Some(message);
                }
                Frame::Line => {
                    let message = self.line()?;
                    if !message.is_empty() {
                        return Some(message);
                    }
                }
            }
        }
    }

    /// What is left when the stream has ended: a message without its end.
    pub(super) fn last(&mut self) -> Option<Vec<u8>> {
        if self.skipping != Skipping::Nothing {
            return None;
        }
        let rest = std::mem::take(&mut self.buffer);
        let rest = rest.get(std::mem::take(&mut self.at)..)?;
        let header = match frame_of(rest) {
            Frame::Counted(header, _) => header,
            Frame::Line | Frame::Unknown => 0,
        };
        let message = rest.get(header..)?.trim_ascii();
        (!message.is_empty()).then(|| message.to_vec())
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Lets go what is to be let go; `None` when more of it is to come.
    fn skip(&mut self) -> Option<()> {
        match self.skipping {
            Skipping::Nothing => return Some(()),
            Skipping::Octets(left) => {
                let gone = left.min(self.rest().len());
                self.at += gone;
                self.skipping = Skipping::Octets(left - gone);
                if gone < left {
                    return None;
                }
            }
            Skipping::Line => {
                let end = self.rest().iter().position(|byte| is_line_end(*byte));
                self.at += end.unwrap_or(self.rest().len());
                end?;
            }
        }
        self.skipping = Skipping::Nothing;
        Some(())
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let rest = self.rest();
        let end = rest.iter().take(MESSAGE_BYTES_MAX).position(|byte| is_line_end(*byte));
        match end {
            Some(end) => {
                let line = rest.get(..end)?.trim_ascii_end().to_vec();
                self.at += end + 1;
                Some(line)
            }
            None if rest.len() >= MESSAGE_BYTES_MAX => {
                let line = rest.get(..MESSAGE_BYTES_MAX)?.to_vec();
                self.at += MESSAGE_BYTES_MAX;
                self.skipping = Skipping::Line;
                Some(line)
            }
            None => None,
        }
    }
}

/// Messages without a count end in a line feed, or in NUL as some libraries write.
fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | 0)
}

fn is_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0)
}

/// A count stands before `<`; a message that begins with digits of its own does not have one there.
fn frame_of(rest: &[u8]) -> Frame {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > COUNT_DIGITS_MAX || rest.first() == Some(&b'0') {
        return Frame::Line;
    }
    match (digits, rest.get(digits), rest.get(digits + 1)) {
        (0, None, _) => Frame::Unknown,
        (0, Some(_), _) => Frame::Line,
        (_, None, _) | (_, Some(b' '), None) => Frame::Unknown,
        (_, Some(b' '), Some(b'<')) => {
            let count = rest.get(..digits).and_then(|text| std::str::from_utf8(text).ok());
            match count.and_then(|text| text.parse().ok()) {
                Some(count) => Frame::Counted(digits + 1, count),
                None => Frame::Line,
            }
        }
        _ => Frame::Line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(stream: &[u8], step: usize) -> Vec<String> {
        let mut framer = Framer::default();
        let mut messages = Vec::new();
        for chunk in stream.chunks(step) {
            framer.push(chunk);
            while let Some(message) = framer.next() {
                messages.push(message);
            }
        }
        messages.extend(framer.last());
        messages.iter().map(|message| String::from_utf8_lossy(message).into_owned()).collect()
    }

    #[test]
    fn both_framings_are_told_apart_message_by_message() {
        let stream =
            b"9 <13>a b c<13>one\n<13>two\r\n\n12 <13>with\nend5 <1>xy7 monkeys\n<13>nul\0<13>last";
        let expected = [
            "<13>a b c",
            "<13>one",
            "<13>two",
            "<13>with\nend",
            "<1>xy",
            "7 monkeys",
            "<13>nul",
            "<13>last",
        ];
        for step in [1, 2, 3, 7, 1_000] {
            assert_eq!(cut(stream, step), expected, "in steps of {step}");
        }
    }

    #[test]
    fn of_a_message_that_is_too_long_the_beginning_is_kept() {
        let long = "x".repeat(3 * MESSAGE_BYTES_MAX);
        let stream = format!("<13>{long}\n<13>next\n{} <13>{long}<13>after\n", long.len() + 4);
        let messages = cut(stream.as_bytes(), 10_000);
        assert_eq!(messages.len(), 4);
        assert_eq!(messages[0].len(), MESSAGE_BYTES_MAX);
        assert_eq!(messages[1], "<13>next");
        assert_eq!(messages[2].len(), MESSAGE_BYTES_MAX);
        assert_eq!(messages[3], "<13>after");
    }
}
