//! Strips what loggers put before the message: time, level, host, process and thread, logger.

use groundcrew_telemetry::Severity;

/// Header parts that are tried before giving up.
const PARTS_MAX: usize = 12;
/// Longest bracketed part, such as a thread's or a request's name.
const BRACKET_BYTES_MAX: usize = 512;
/// Longest tag after a single letter as level.
const TAG_BYTES_MAX: usize = 48;
/// Words before the time that name where a line comes from.
const SOURCE_WORDS_MAX: usize = 4;

/// The line without its header.
pub(super) fn strip_header(line: &[u8]) -> &[u8] {
    let mut header = Header { rest: line, committed: line, ..Header::default() };
    header.skip_source();
    for _ in 0..PARTS_MAX {
        header.skip_separators();
        if header.rest.is_empty() || !header.take_part() {
            break;
        }
    }
    let message = trim_start(header.committed);
    // A line that is all header is its own message.
    if message.is_empty() { line } else { message }
}

#[derive(Clone, Copy, Default)]
struct Header<'a> {
    /// What is still to be looked at.
    rest: &'a [u8],
    /// The line from the end of the last part that is certainly header.
    committed: &'a [u8],
    timed: bool,
    leveled: bool,
    /// The last part was a date or a time of day in digits alone.
    compact: bool,
    /// The level was a single letter.
    lettered: bool,
    /// Parts taken on trust since the last certain one.
    unknown: usize,
}

impl<'a> Header<'a> {
    fn skip_separators(&mut self) {
        while let Some((first, after)) = self.rest.split_first() {
            let is_separator = matches!(first, b' ' | b'\t' | b'|')
                || (matches!(first, b'-' | b',') && after.first() == Some(&b' '));
            if !is_separator {
                return;
            }
            self.rest = after;
        }
    }

    /// Takes the next part; `false` when what follows is the message.
    fn take_part(&mut self) -> bool {
        if let Some(length) = self.time_here() {
            let word = self.rest.get(..length).unwrap_or_default();
            self.compact = is_compact(word);
            self.timed = true;
            // Digits alone may be the message's first number; a certain part after them tells.
            if word.iter().all(u8::is_ascii_digit) && !self.compact {
                self.rest = self.rest.get(length..).unwrap_or_default();
                return true;
            }
            return self.commit(length);
        }
        if let Some(length) = self.level_here() {
            self.leveled = true;
            return self.commit(length);
        }
        if self.rest.first() == Some(&b'[') {
            return self.take_bracket();
        }
        if let Some(length) = self.logger_length() {
            // A request's ids may stand between the logger and the message.
            return self.commit(length) && self.rest.starts_with(b" [");
        }
        self.take_unknown()
    }

    /// `app.log.1 2026-11-22 ...`, `1042 node-7 2026-11-22 ...`: where the line comes from, before its time.
    /// Only words that would be masked for their digits: an event's name may stand there too.
    fn skip_source(&mut self) {
        let mut rest = self.rest;
        for _ in 0..=SOURCE_WORDS_MAX {
            let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let taken = rest.len() < self.rest.len();
            if taken && is_full_time(word) {
                self.rest = rest;
                self.committed = rest;
                return;
            }
            let named = word.iter().any(u8::is_ascii_digit)
                && word.iter().all(|byte| {
                    byte.is_ascii_alphanumeric()
                        || matches!(byte, b'.' | b'_' | b'-' | b':' | b'/' | b'@')
                });
            if !named {
                return;
            }
            rest = trim_start(after);
        }
    }

    /// The length of a time that begins here. Digits alone are one only where dates stand: before the level, and in
    /// pairs when they are short.
    fn time_here(&self) -> Option<usize> {
        let length = time_length(self.rest)?;
        let (word, after) = self.rest.split_at_checked(length)?;
        if !word.iter().all(u8::is_ascii_digit) {
            return Some(length);
        }
        let paired = self.compact || time_length(trim_start(after)).is_some();
        (!self.leveled && (paired || !is_compact(word))).then_some(length)
    }

    /// The length of a level that begins here.
    fn level_here(&mut self) -> Option<usize> {
        if let Some(length) = level_length(self.rest) {
            return Some(length);
        }
        // `D PowerMonitor: ...`
        let lettered = self.timed
            && !self.leveled
            && matches!(self.rest, [b'V' | b'D' | b'I' | b'W' | b'E' | b'F', b' ', ..])
            && tag_length(self.rest.get(2..)?).is_some();
        self.lettered |= lettered;
        lettered.then_some(1)
    }

    fn commit(&mut self, length: usize) -> bool {
        self.rest = self.rest.get(length..).unwrap_or_default();
        self.committed = self.rest;
        self.unknown = 0;
        true
    }

    /// `[main]`, `[req-12 ... -]`, `[QuorumPeer[myid=1]/0:0:2181]`: parts with an id in them.
    fn take_bracket(&mut self) -> bool {
        let Some(end) = bracket_end(self.rest) else { return false };
        let inner = self.rest.get(1..end).unwrap_or_default();
        if level_length(inner) == Some(inner.len()) {
            self.leveled = true;
            return self.commit(end + 1);
        }
        if is_date_text(inner) {
            self.timed = true;
            return self.commit(end + 1);
        }
        let ids = inner.split(|byte| *byte == b' ').all(|part| {
            matches!(part, b"" | b"-" | b"main") || part.iter().any(u8::is_ascii_digit)
        });
        if (self.timed || self.leveled)
            && !inner.is_empty()
            && (ids || self.logger_follows(end + 1))
        {
            return self.commit(end + 1);
        }
        false
    }

    /// Whether a logger's name stands after the bracket: then the bracket is a thread's name, whatever its words.
    fn logger_follows(&self, length: usize) -> bool {
        let rest = trim_start(self.rest.get(length..).unwrap_or_default());
        let after = Header { rest, committed: rest, unknown: 0, ..*self };
        after.logger_length().is_some()
    }

    /// `org.app.Class:`, `a.b.Class#12`, `pkg.mod [`: a dotted name where a logger stands. Names of exceptions stay.
    fn logger_length(&self) -> Option<usize> {
        if !(self.timed || self.leveled) {
            return None;
        }
        if self.lettered {
            return tag_length(self.rest);
        }
        let end = self.rest.iter().position(|byte| {
            !(byte.is_ascii_alphanumeric()
                || matches!(byte, b'.' | b'_' | b'$' | b'#' | b'@' | b'/' | b'-'))
        })?;
        let (name, after) = self.rest.split_at(end);
        let dotted = name.iter().any(|byte| matches!(byte, b'.' | b'#' | b'@'));
        let starts_well = name.first().is_some_and(u8::is_ascii_alphabetic);
        let exception = name.ends_with(b"Exception") || name.ends_with(b"Error");
        if !dotted || !starts_well || exception || name.starts_with(b"/") || name.contains(&b'/') {
            return None;
        }
        let named_like_code = name.contains(&b'#')
            || name
                .split(|byte| *byte == b'.')
                .any(|part| part.first().is_some_and(u8::is_ascii_uppercase));
        match after {
            [b':', b' ', ..] => Some(end + 1),
            [b' ', b'-', b' ', ..] => Some(end + 2),
            [b' ', b'[', ..] => Some(end),
            [b' ', ..] if named_like_code => Some(end),
            _ => None,
        }
    }

    /// Host, process, pid or facility between the time and the level or the colon that ends a syslog header.
    fn take_unknown(&mut self) -> bool {
        if !self.timed || self.leveled || self.unknown >= 4 {
            // Before any time only a number or a dash may stand, as an epoch or a line number.
            return false;
        }
        let end = self
            .rest
            .iter()
            .position(|byte| matches!(byte, b' ' | b'|'))
            .unwrap_or(self.rest.len());
        let (word, after) = self.rest.split_at(end);
        let piped = after.first() == Some(&b'|');
        if piped || word.ends_with(b"]:") && word.contains(&b'[') {
            self.commit(end);
            // A syslog header ends at its colon; between pipes more may follow.
            return piped;
        }
        let plausible = word.iter().any(u8::is_ascii_digit)
            || word.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
            || (self.unknown == 0 && process_follows(after));
        if !plausible {
            return false;
        }
        self.unknown += 1;
        self.rest = after;
        true
    }
}

/// Whether `name[pid]:` or `name:` comes next: then the word before was a host.
fn process_follows(after: &[u8]) -> bool {
    let next = trim_start(after);
    let word = next.split(|byte| *byte == b' ').next().unwrap_or_default();
    word.ends_with(b"]:")
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    loop {
        rest = match rest {
            [b' ' | b'\t' | b'|', after @ ..] | [b'-' | b':', b' ', after @ ..] => after,
            _ => return rest,
        };
    }
}

fn bracket_end(rest: &[u8]) -> Option<usize> {
    let mut depth = 0_u32;
    for (position, byte) in rest.iter().take(BRACKET_BYTES_MAX).enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(position);
                }
            }
            _ => {}
        }
    }
    None
}

/// The length of a level word, with a colon or closing bracket after it.
fn level_length(rest: &[u8]) -> Option<usize> {
    let end = rest
        .iter()
        .take(14)
        .position(|byte| !byte.is_ascii_alphabetic())
        .unwrap_or(rest.len().min(14));
    let word = std::str::from_utf8(rest.get(..end)?).ok()?;
    // Lower-case words such as `error` begin sentences; a header's level is upper-case, or stands before a colon or bracket.
    let upper = word.bytes().all(|byte| byte.is_ascii_uppercase());
    let marked = matches!(rest.get(end), Some(b']' | b':' | b'|' | b'\t') | None)
        || matches!(rest.get(end..), Some([b' ', b' ', ..]));
    if word.len() < 3 || !(upper || marked) || Severity::from_text(word).is_none() {
        return None;
    }
    match rest.get(end) {
        Some(b':') => Some(end + 1),
        Some(b' ' | b'\t' | b'|' | b']') | None => Some(end),
        _ => None,
    }
}

/// The length of a tag and its colon, as in `PowerMonitor: ` or `netd    : `.
fn tag_length(rest: &[u8]) -> Option<usize> {
    let end = rest.iter().take(TAG_BYTES_MAX).position(|byte| matches!(byte, b' ' | b':'))?;
    let padding = rest.get(end..)?.iter().take_while(|byte| **byte == b' ').count();
    let is_tag = end > 0 && rest.get(end + padding) == Some(&b':');
    is_tag.then_some(end + padding + 1)
}

/// The length of a date, a time of day or both, however written.
fn time_length(rest: &[u8]) -> Option<usize> {
    let first = rest.first()?;
    if first.is_ascii_alphabetic() {
        let word = rest.get(..3)?;
        let named = is_date_name(word) && matches!(rest.get(3), Some(b' ' | b','));
        // klog: `I0612 10:11:12.123456`.
        let klog = matches!(first, b'I' | b'W' | b'E' | b'F')
            && rest.get(1..5).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
            && rest.get(5) == Some(&b' ');
        return if named { Some(3).filter(|_| date_follows(rest)) } else { klog.then_some(5) };
    }
    if !first.is_ascii_digit() {
        return None;
    }
    let end = rest
        .iter()
        .position(|byte| {
            !(byte.is_ascii_digit()
                || matches!(byte, b'-' | b'/' | b':' | b'.' | b',' | b'T' | b'Z' | b'+' | b'_'))
        })
        .unwrap_or(rest.len());
    let mut word = rest.get(..end)?;
    while word.last().is_some_and(|byte| matches!(byte, b':' | b',' | b'.')) {
        word = word.get(..word.len() - 1)?;
    }
    let month_day =
        matches!(word, [b'0' | b'1', b'0'..=b'9', b'-' | b'/', b'0'..=b'3', b'0'..=b'9'])
            && matches!(rest.get(5..), Some([b' ', b'0'..=b'2', b'0'..=b'9', b':', ..]));
    (month_day || is_time_word(word)).then_some(word.len())
}

/// A date or an epoch, told from other numbers by itself.
fn is_full_time(word: &[u8]) -> bool {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let dashes = word.iter().filter(|byte| matches!(byte, b'-' | b'/')).count();
    let epoch = digits == word.len() && matches!(digits, 10 | 13) && word.starts_with(b"1");
    epoch || digits >= 8 && dashes >= 2 && time_length(word) == Some(word.len())
}

/// A date or a time of day in digits alone: `081109`, `203615`, `20081109`.
fn is_compact(word: &[u8]) -> bool {
    matches!(word.len(), 6 | 8) && word.iter().all(u8::is_ascii_digit)
}

/// Names of days and months, numbers, clocks and zones, and nothing else.
fn is_date_text(text: &[u8]) -> bool {
    let mut digits = 0_usize;
    for word in text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        let numbers = word.iter().filter(|byte| byte.is_ascii_digit()).count();
        let zone = word.len() <= 5 && word.iter().all(u8::is_ascii_uppercase);
        let clean = word.iter().all(|byte| {
            byte.is_ascii_digit()
                || matches!(byte, b':' | b'.' | b',' | b'-' | b'/' | b'+' | b'T' | b'Z')
        });
        let is_part = is_date_name(word) || zone || (numbers > 0 && clean) || is_access_time(word);
        if !is_part {
            return false;
        }
        digits += numbers;
    }
    digits >= 6
}

/// `10/Oct/2000:13:55:36`.
fn is_access_time(word: &[u8]) -> bool {
    word.split(|byte| matches!(byte, b'/' | b':'))
        .all(|part| is_date_name(part) || (!part.is_empty() && part.iter().all(u8::is_ascii_digit)))
}

/// `Mon`, `Jan` and the like.
pub(super) fn is_date_name(word: &[u8]) -> bool {
    const NAMES: [&[u8]; 19] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun",
    ];
    word.len() == 3 && NAMES.contains(&word)
}

/// After a name of a month or day come digits or another such name.
fn date_follows(rest: &[u8]) -> bool {
    let after = trim_start(rest.get(4..).unwrap_or_default());
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 || (after.len() > 4 && after.get(3) == Some(&b' '))
}

fn is_time_word(word: &[u8]) -> bool {
    let (mut digits, mut colons, mut dashes, mut dots) = (0_usize, 0_usize, 0_usize, 0_usize);
    for byte in word {
        match byte {
            b'0'..=b'9' => digits += 1,
            b':' => colons += 1,
            b'-' | b'/' => dashes += 1,
            b'.' => dots += 1,
            _ => {}
        }
    }
    let bare = digits == word.len();
    let recent = matches!(word, [b'1' | b'2', ..]);
    let epoch =
        (10..=19).contains(&digits) && (bare || dots == 1 && colons + dashes == 0) && recent;
    let date = dashes >= 2 && (6..=30).contains(&digits);
    let clock = colons >= 2 && (5..=30).contains(&digits) && dots <= 1;
    let dotted_date = dots == 2 && colons + dashes == 0 && digits == 8 && recent;
    let compact = bare && digits == 6 || bare && digits == 8 && recent;
    epoch || date || clock || dotted_date || compact
}
