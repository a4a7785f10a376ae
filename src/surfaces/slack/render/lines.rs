//! Lines of a message: cut at word ends, made to fit by leaving out what matters least, and turned into rich text.

use groundcrew_telemetry::Timestamp;
use serde_json::{Value, json};

use super::super::escape::plain;
use super::super::message::length;
use crate::investigate::format::time;
use crate::text::{Stretch, is_unsafe, stretches};

/// Longest command that is shown. A longer one is left to the panel: nobody may copy half of a command.
const COMMAND_MAX: usize = 240;
/// How much of a line must remain for it to be worth reading, in per cent.
const WORTH_READING: usize = 60;
/// Times further away than this are told with their day.
const DAY_NEAR_SECS: f64 = 18.0 * 3_600.0;
const ELLIPSIS: char = '…';

/// A stretch of a line.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Piece {
    /// Words.
    Plain(String),
    /// What to read first.
    Bold(String),
    /// What was recorded, verbatim.
    Code(String),
    /// A way into the panel, or only its name where nobody said where the panel is.
    Link { text: String, url: Option<String> },
    /// A time in words that Slack fills in by the reader's own clock, and what to show where it cannot.
    Clock { format: &'static str, at: Timestamp, fallback: String },
}

impl Piece {
    fn text(&self) -> String {
        match self {
            Self::Plain(text) | Self::Bold(text) | Self::Code(text) | Self::Link { text, .. } => {
                text.clone()
            }
            Self::Clock { fallback, .. } => fallback.clone(),
        }
    }

    fn length(&self) -> usize {
        match self {
            Self::Clock { format, fallback, .. } => length(format).max(length(fallback)),
            other => length(&other.text()),
        }
    }

    fn element(&self) -> Value {
        match self {
            Self::Plain(text) => json!({"type": "text", "text": text}),
            Self::Bold(text) => json!({"type": "text", "text": text, "style": {"bold": true}}),
            Self::Code(text) => json!({"type": "text", "text": text, "style": {"code": true}}),
            Self::Link { text, url: Some(url) } => {
                json!({"type": "link", "url": url, "text": text})
            }
            Self::Link { text, url: None } => json!({"type": "text", "text": text}),
            Self::Clock { format, at, fallback } => json!({
                "type": "date", "timestamp": at.nanos().div_euclid(1_000_000_000),
                "format": format, "fallback": fallback,
            }),
        }
    }
}

/// How others' words are shown inside a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Voice {
    /// What stands in quotation marks was recorded, and is shown as code.
    Recorded,
    /// Quotation marks stay: they hold a title. Backquotes hold a command.
    Titles,
    /// All of it is to be read first.
    Loud,
}

/// One line of a message.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    /// What goes first when there is no room: the highest. 0 always stays.
    pub rank: u8,
    /// Whether it is an item of a list.
    pub is_item: bool,
    /// What may be cut.
    pub words: Vec<Piece>,
    /// What may not: citations.
    pub cites: Vec<Piece>,
    /// A command below it.
    pub command: Option<String>,
    /// Most characters of its words.
    pub room: usize,
}

impl Line {
    pub(super) fn new(rank: u8, room: usize) -> Self {
        Self { rank, is_item: false, words: Vec::new(), cites: Vec::new(), command: None, room }
    }

    /// Our own words.
    #[must_use]
    pub(super) fn say(mut self, words: &str) -> Self {
        self.words.push(Piece::Plain(words.to_owned()));
        self
    }

    #[must_use]
    pub(super) fn loudly(mut self, words: &str) -> Self {
        self.words.push(Piece::Bold(words.to_owned()));
        self
    }

    /// Since when, by the reader's clock; with the day when that is not `now`'s.
    #[must_use]
    pub(super) fn since(mut self, at: Timestamp, now: Timestamp) -> Self {
        let exact = time(at);
        let is_near = now.secs_since(at).abs() < DAY_NEAR_SECS;
        let clock = exact.get(11..16).filter(|_| is_near).unwrap_or(&exact);
        let fallback = format!("Since {clock} UTC");
        let format = if is_near {
            "Since {time} your time"
        } else {
            "Since {date_short_pretty}, {time} your time"
        };
        self.words.push(Piece::Clock { format, at, fallback });
        self
    }

    /// Words that others may have written.
    #[must_use]
    pub(super) fn quote(mut self, text: &str, voice: Voice) -> Self {
        match voice {
            Voice::Recorded => {
                for stretch in stretches(text) {
                    match stretch {
                        Stretch::Said(said) => self.words.push(Piece::Plain(spaced(said))),
                        Stretch::Quoted(inside) | Stretch::Open(inside) => {
                            self.words.push(Piece::Code(plain(inside)));
                        }
                    }
                }
            }
            Voice::Titles => {
                let is_paired = text.matches('`').count().is_multiple_of(2);
                for (number, part) in text.split('`').enumerate() {
                    self.words.push(match (is_paired, number % 2) {
                        (true, 1) => Piece::Code(plain(part)),
                        _ => Piece::Plain(spaced(part)),
                    });
                }
            }
            Voice::Loud => self.words.push(Piece::Bold(plain(text))),
        }
        self
    }

    #[must_use]
    pub(super) fn citing(mut self, cites: Vec<Piece>) -> Self {
        self.cites = cites;
        self
    }

    #[must_use]
    pub(super) fn item(mut self) -> Self {
        self.is_item = true;
        self
    }

    /// A command to copy, if all of it can be shown as it is: nothing hidden in it, one line, not too long.
    #[must_use]
    pub(super) fn command(mut self, command: Option<&str>) -> Self {
        let is_plain = |command: &&str| {
            let is_whole = !command.is_empty() && length(command) <= COMMAND_MAX;
            let calls = ["<!", "<@", "<#"].iter().any(|mark| command.contains(mark));
            let is_link = command.contains("<http") || command.contains("<mailto");
            let acts = command.chars().any(|c| is_unsafe(c) || c.is_control());
            is_whole && !calls && !is_link && !acts
        };
        self.command = command.map(str::trim).filter(is_plain).map(str::to_owned);
        self
    }

    /// Characters a reader sees, the line's end among them.
    fn length(&self) -> usize {
        let words: usize = self.words.iter().map(Piece::length).sum();
        let cites: usize = self.cites.iter().map(|cite| cite.length() + 1).sum();
        words + cites + self.command.as_deref().map_or(0, length) + 1
    }

    /// Cuts the words to `room` at the end of a word.
    fn cut(&mut self, room: usize) {
        let mut left = room;
        let mut kept = Vec::new();
        for piece in std::mem::take(&mut self.words) {
            let size = piece.length();
            if size <= left {
                left -= size;
                kept.push(piece);
                continue;
            }
            match piece {
                Piece::Plain(text) => kept.extend(shortened(&text, left).map(Piece::Plain)),
                Piece::Bold(text) => kept.extend(shortened(&text, left).map(Piece::Bold)),
                Piece::Code(text) => kept.extend(shortened(&text, left).map(Piece::Code)),
                Piece::Link { .. } | Piece::Clock { .. } => {}
            }
            break;
        }
        self.words = kept;
    }

    /// Cuts the words so that the line fits into `left`, unless too little of them would remain.
    fn shrink_to(&mut self, left: usize) {
        let over = self.length().saturating_sub(left);
        let words: usize = self.words.iter().map(Piece::length).sum();
        let room = words.saturating_sub(over);
        if over > 0 && (room * 100 >= words * WORTH_READING || self.rank == 0) {
            self.cut(room);
        }
    }

    fn elements(&self) -> Vec<Value> {
        let mut elements: Vec<Value> = Vec::new();
        let words = self.words.iter().filter(|piece| length(&piece.text()) > 0);
        elements.extend(words.map(Piece::element));
        for cite in &self.cites {
            elements.push(json!({"type": "text", "text": " "}));
            elements.push(cite.element());
        }
        elements
    }
}

/// As [`plain`], with the spaces at its ends, which part it from its neighbours.
fn spaced(text: &str) -> String {
    let inner = plain(text);
    let space = |is: bool| if is { " " } else { "" };
    if inner.is_empty() {
        return space(text.contains(' ')).to_owned();
    }
    let (before, after) =
        (text.starts_with(char::is_whitespace), text.ends_with(char::is_whitespace));
    format!("{}{inner}{}", space(before), space(after))
}

/// The text cut to `room` at the end of a word, with a sign that it goes on; `None` where not even that fits.
pub(super) fn shortened(text: &str, room: usize) -> Option<String> {
    if length(text) <= room {
        return Some(text.to_owned());
    }
    let room = room.checked_sub(1)?;
    let mut end = 0;
    let mut size = 0;
    for (at, character) in text.char_indices() {
        size += character.len_utf16();
        if size > room {
            break;
        }
        end = at + character.len_utf8();
    }
    let cut = text.get(..end).unwrap_or("");
    let is_word_end = text.get(end..).is_some_and(|rest| rest.starts_with(' '));
    // A word that takes most of the room is cut inside: better than nothing of it.
    let word_end = cut.rfind(' ').filter(|at| !is_word_end && *at * 3 > cut.len());
    let whole = word_end.and_then(|at| cut.get(..at)).unwrap_or(cut);
    Some(format!("{}{ELLIPSIS}", whole.trim_end_matches([' ', ',', ':', ';', '('])))
}

/// The lines that fit into `room` characters together, in their order: first those that always stay, then the others as
/// they matter. One that does not fit whole is cut to what is left, if that is worth reading.
pub(super) fn fit(mut lines: Vec<Line>, room: usize) -> Vec<Line> {
    lines.iter_mut().for_each(|line| line.cut(line.room));
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|at| lines.get(*at).map_or(u8::MAX, |line| line.rank));
    let mut left = room;
    let mut stays = vec![false; lines.len()];
    for at in order {
        let (Some(line), Some(stays)) = (lines.get_mut(at), stays.get_mut(at)) else { continue };
        line.shrink_to(left);
        let size = line.length();
        *stays = size <= left || line.rank == 0;
        if *stays {
            left = left.saturating_sub(size);
        }
    }
    lines.into_iter().zip(stays).filter_map(|(line, stays)| stays.then_some(line)).collect()
}

/// The lines as one block of rich text; nothing for no lines.
pub(super) fn block(lines: &[Line]) -> Option<Value> {
    let mut elements: Vec<Value> = Vec::new();
    let mut section: Vec<Value> = Vec::new();
    let mut list: Vec<Value> = Vec::new();
    for line in lines {
        let line_elements = line.elements();
        if line_elements.is_empty() {
            continue;
        }
        if line.is_item {
            close_section(&mut elements, &mut section);
            list.push(json!({"type": "rich_text_section", "elements": line_elements}));
            continue;
        }
        close_list(&mut elements, &mut list);
        if !section.is_empty() {
            section.push(json!({"type": "text", "text": "\n"}));
        }
        section.extend(line_elements);
        if let Some(command) = &line.command {
            close_section(&mut elements, &mut section);
            let text = json!([{"type": "text", "text": command}]);
            elements.push(json!({"type": "rich_text_preformatted", "elements": text}));
        }
    }
    close_section(&mut elements, &mut section);
    close_list(&mut elements, &mut list);
    (!elements.is_empty()).then(|| json!({"type": "rich_text", "elements": elements}))
}

fn close_section(elements: &mut Vec<Value>, section: &mut Vec<Value>) {
    if !section.is_empty() {
        let inside = std::mem::take(section);
        elements.push(json!({"type": "rich_text_section", "elements": inside}));
    }
}

fn close_list(elements: &mut Vec<Value>, list: &mut Vec<Value>) {
    if !list.is_empty() {
        let inside = std::mem::take(list);
        elements.push(json!({"type": "rich_text_list", "style": "bullet", "elements": inside}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|line| line.words.iter().map(Piece::text).collect()).collect()
    }

    #[test]
    fn text_is_cut_at_the_end_of_a_word() {
        for (room, cut) in [
            (21, Some("one two, three, fifth")),
            (20, Some("one two, three…")),
            (16, Some("one two, three…")),
            (9, Some("one two…")),
            (3, Some("on…")),
            (1, Some("…")),
            (0, None),
        ] {
            assert_eq!(shortened("one two, three, fifth", room).as_deref(), cut, "{room}");
        }
        assert_eq!(shortened("🔥🔥🔥", 4).as_deref(), Some("🔥…"));
    }

    #[test]
    fn citations_are_never_cut() {
        let cites = vec![Piece::Link { text: "[E1]".to_owned(), url: None }];
        let line = Line::new(1, 10).say("some words too many").citing(cites.clone());
        let fitted = fit(vec![line], 100);
        assert_eq!(text(&fitted), ["some…"]);
        assert_eq!(fitted.first().unwrap().cites, cites);
    }

    #[test]
    fn what_matters_least_goes_first() {
        let line =
            |rank: u8| Line::new(rank, 40).say(&format!("line {rank} has some words to say"));
        let kept = |room: usize| {
            fit(vec![line(0), line(3), line(1), line(2)], room)
                .iter()
                .map(|line| line.rank)
                .collect::<Vec<u8>>()
        };
        assert_eq!(kept(200), [0, 3, 1, 2]);
        assert_eq!(kept(100), [0, 1, 2]);
        assert_eq!(kept(40), [0]);
        assert_eq!(kept(10), [0], "cut, but there");
    }

    #[test]
    fn what_does_not_fit_whole_is_cut_to_what_is_left_or_left_out() {
        let line = |rank: u8, words: &str| Line::new(rank, 99).say(words);
        let told = |room: usize| {
            text(&fit(
                vec![line(1, "one two three four five"), line(0, "first"), line(2, "sixth")],
                room,
            ))
        };
        assert_eq!(told(40), ["one two three four five", "first", "sixth"]);
        assert_eq!(told(26), ["one two three four…", "first"]);
        assert_eq!(told(18), ["first", "sixth"], "too little would remain of the long one");
    }

    #[test]
    fn a_command_is_shown_whole_or_not_at_all() {
        let command = |text: &str| Line::new(1, 40).command(Some(text)).command;
        let rollback = "kubectl rollout undo deploy/checkout -n shop > out.log";
        assert_eq!(command(rollback).as_deref(), Some(rollback));
        for bad in [
            "",
            "a\nb",
            "echo \u{202e}x",
            "echo <!channel>",
            "open <https://evil.example>",
            &"x".repeat(241),
        ] {
            assert_eq!(command(bad), None, "{bad}");
        }
    }

    #[test]
    fn recorded_words_are_code_and_titles_keep_their_marks() {
        let line = |voice| Line::new(1, 99).quote("writes “a *b* <@U1>” twice", voice).words;
        assert_eq!(
            line(Voice::Recorded),
            [
                Piece::Plain("writes ".to_owned()),
                Piece::Code("a *b* <\u{2060}@\u{2060}U1>".to_owned()),
                Piece::Plain(" twice".to_owned())
            ]
        );
        assert_eq!(line(Voice::Titles).len(), 1);
    }
}
