//! Writes what a reader would see of an HTML page, and where it may be cut.

use super::super::parsed::{Block, Heading};

/// Elements of which nothing is shown.
const HIDDEN: &[&str] =
    &["script", "style", "template", "iframe", "noscript", "noembed", "noframes", "svg", "object"];
/// Elements around a page, not of it.
const MENUS: &[&str] = &["nav", "footer", "aside", "form"];
/// Elements that stand on lines of their own.
const OWN_LINES: &[&str] = &[
    "address",
    "article",
    "blockquote",
    "body",
    "caption",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "header",
    "hr",
    "main",
    "p",
    "section",
    "summary",
];
/// Elements that hold lines: not parted by blank ones inside.
const CONTAINERS: &[&str] = &["ul", "ol", "dl", "table"];

/// Open lists and tables that are kept in mind. Deeper ones change nothing a reader would see, and looking through all of
/// them would make the time of a hostile page grow with its square.
const NESTED_MAX: usize = 256;

/// What was written.
pub(super) struct Written {
    pub(super) body: String,
    /// The line of the page that each line of `body` begins on.
    pub(super) lines: Vec<u32>,
    pub(super) blocks: Vec<Block>,
    pub(super) title: String,
    pub(super) meta: Vec<(String, String)>,
    /// Whether the end came inside of something that is left out.
    pub(super) is_cut_off: bool,
}

/// Writes a page, token by token.
pub(super) struct PageWriter {
    written: Written,
    leave_out_menus: bool,
    /// The element of which nothing is shown, and how many of its name are open.
    hidden: Option<(String, usize)>,
    /// Open lists and tables.
    containers: Vec<String>,
    in_title: bool,
    heading: Option<u8>,
    pre: bool,
    /// Where the open table or preformatted text began.
    whole: Option<usize>,
    /// White space that is written before the next text, if any comes.
    space: Space,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Space {
    None,
    Blank,
    Line,
    Gap,
}

impl PageWriter {
    pub(super) fn new(leave_out_menus: bool) -> Self {
        Self {
            written: Written {
                body: String::new(),
                lines: Vec::new(),
                blocks: Vec::new(),
                title: String::new(),
                meta: Vec::new(),
                is_cut_off: false,
            },
            leave_out_menus,
            hidden: None,
            containers: Vec::new(),
            in_title: false,
            heading: None,
            pre: false,
            whole: None,
            space: Space::Gap,
        }
    }

    pub(super) fn meta(&mut self, name: &str, value: &str) {
        self.written.meta.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn start(&mut self, name: &str, line: u32) {
        let is_hidden = HIDDEN.contains(&name) || (self.leave_out_menus && MENUS.contains(&name));
        if let Some((hidden, open)) = &mut self.hidden {
            *open += usize::from(hidden == name);
            return;
        }
        if is_hidden {
            self.hidden = Some((name.to_owned(), 1));
            self.separate(Space::Blank);
            return;
        }
        match name {
            "title" => self.in_title = self.written.title.is_empty(),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.start_heading(name, line),
            "pre" => {
                self.part();
                self.write("```\n", line);
                self.whole = Some(self.whole.unwrap_or(self.written.body.len() - 4));
                self.pre = true;
            }
            "li" => self.start_item(line),
            "tr" | "br" => self.separate(Space::Line),
            "td" | "th" if self.space < Space::Line => {
                self.space = Space::None;
                self.push(" | ", line);
            }
            "code" | "kbd" | "samp" | "tt" if !self.pre => self.write("`", line),
            _ if CONTAINERS.contains(&name) => self.start_container(name),
            _ if OWN_LINES.contains(&name) => self.part(),
            _ => {}
        }
    }

    pub(super) fn end(&mut self, name: &str, line: u32) {
        if let Some((hidden, open)) = &mut self.hidden {
            *open -= usize::from(hidden == name);
            if *open == 0 {
                self.hidden = None;
            }
            return;
        }
        match name {
            "title" => self.in_title = false,
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.end_heading();
                self.separate(Space::Gap);
            }
            "pre" if self.pre => {
                self.pre = false;
                let ends_line = self.written.body.ends_with('\n');
                self.push(if ends_line { "```" } else { "\n```" }, line);
                self.end_whole();
                self.part();
            }
            "code" | "kbd" | "samp" | "tt" if !self.pre => self.push("`", line),
            _ if CONTAINERS.contains(&name) => self.end_container(name),
            _ if OWN_LINES.contains(&name) => self.part(),
            _ => {}
        }
    }

    pub(super) fn text(&mut self, text: &str, line: u32) {
        if self.hidden.is_some() {
            return;
        }
        if self.in_title {
            self.written.title.push_str(text);
            return;
        }
        let mut line = line;
        if self.pre {
            for part in text.split_inclusive('\n') {
                self.push(part, line);
                line = line.saturating_add(1);
            }
            return;
        }
        for part in text.split_inclusive(char::is_whitespace) {
            let word = part.trim_end();
            if !word.is_empty() {
                self.write(word, line);
            }
            if word.len() < part.len() {
                self.separate(Space::Blank);
            }
            line = line.saturating_add(u32::from(part.ends_with('\n')));
        }
    }

    pub(super) fn finish(mut self) -> Written {
        self.end_heading();
        self.end_whole();
        let body = &mut self.written.body;
        if !body.is_empty() && !body.ends_with('\n') {
            body.push('\n');
        }
        self.written.is_cut_off = self.hidden.is_some();
        self.written.title = self.written.title.split_whitespace().collect::<Vec<_>>().join(" ");
        self.written.lines.truncate(self.written.body.lines().count());
        self.written
    }

    fn start_heading(&mut self, name: &str, line: u32) {
        // Nobody closes everything, and a heading is in no list.
        self.end_heading();
        self.containers.clear();
        self.whole = None;
        self.separate(Space::Gap);
        let level = name.bytes().last().map_or(1, |digit| digit.saturating_sub(b'0')).max(1);
        self.write(&format!("{} ", "#".repeat(level.into())), line);
        self.heading = Some(level);
        if let Some(block) = self.written.blocks.last_mut() {
            block.heading = Some(Heading { level, text: String::new() });
        }
    }

    fn end_heading(&mut self) {
        let block = self.written.blocks.last_mut().filter(|_| self.heading.is_some());
        if let Some(heading) = block.and_then(|block| block.heading.as_mut()) {
            heading.text = heading.text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        self.heading = None;
    }

    fn start_item(&mut self, line: u32) {
        self.separate(Space::Line);
        let lists = self.containers.iter().filter(|open| *open != "table").count();
        let indent = "  ".repeat(lists.clamp(1, 8) - 1);
        self.write(&format!("{indent}- "), line);
        let mark = indent.len() + 2;
        let start = self.written.body.len().saturating_sub(mark);
        if let Some(block) = self.written.blocks.last_mut() {
            block.cuts.push(start);
        }
    }

    fn start_container(&mut self, name: &str) {
        self.part();
        if name == "table" && self.containers.is_empty() {
            self.whole = Some(usize::MAX);
        } else if name != "table" {
            // A table that holds lists is a way to lay out a page.
            self.whole = None;
        }
        if self.containers.len() < NESTED_MAX {
            self.containers.push(name.to_owned());
        }
    }

    fn end_container(&mut self, name: &str) {
        if let Some(at) = self.containers.iter().rposition(|open| open == name) {
            self.containers.truncate(at);
        }
        if self.containers.is_empty() {
            self.end_whole();
        }
        self.part();
    }

    /// Ends what must stay whole, and says so to its block.
    fn end_whole(&mut self) {
        let end = self.written.body.len();
        let whole = self.whole.take().filter(|start| *start < end);
        if let (Some(start), Some(block)) = (whole, self.written.blocks.last_mut()) {
            block.whole.push(start.max(block.range.start)..end);
        }
    }

    /// Parts what follows from what was: by a blank line, inside a list or table by a line.
    fn part(&mut self) {
        let is_inside = !self.containers.is_empty();
        self.separate(if is_inside { Space::Line } else { Space::Gap });
    }

    fn separate(&mut self, space: Space) {
        self.space = self.space.max(space);
    }

    /// Writes text after the white space that is due.
    fn write(&mut self, text: &str, line: u32) {
        let space = std::mem::replace(&mut self.space, Space::None);
        let is_start = self.written.body.is_empty();
        match space {
            Space::Blank if !is_start && !self.written.body.ends_with([' ', '\n']) => {
                self.push(" ", line);
            }
            Space::Line if !is_start => self.push("\n", line),
            Space::Gap if !is_start => self.push("\n\n", line),
            _ => {}
        }
        let start = self.written.body.len();
        if space == Space::Gap || self.written.blocks.is_empty() {
            self.written.blocks.push(Block::plain(start..start));
        }
        if self.whole == Some(usize::MAX) {
            self.whole = Some(start);
        }
        self.push(text, line);
    }

    fn push(&mut self, text: &str, line: u32) {
        for c in text.chars() {
            let body = &mut self.written.body;
            if body.is_empty() || body.ends_with('\n') {
                self.written.lines.push(line);
            }
            body.push(c);
        }
        if self.heading.is_some()
            && let Some(heading) =
                self.written.blocks.last_mut().and_then(|block| block.heading.as_mut())
        {
            heading.text.push_str(&text.replace('`', ""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_in_mind_of_open_elements_is_bounded() {
        let mut page = PageWriter::new(true);
        (0..100_000).for_each(|_| page.start("ul", 1));
        assert_eq!(page.containers.len(), NESTED_MAX);
        (0..1_000).for_each(|_| page.start("nav", 1));
        page.start("aside", 1);
        assert_eq!(page.hidden, Some(("nav".to_owned(), 1_000)));
        (0..1_000).for_each(|_| page.end("nav", 1));
        assert_eq!(page.hidden, None);
    }
}
