//! Titles that are underlined, as in reStructuredText and in plain text.

use super::lines::{Line, rule};
use super::parsed::{Heading, LEVEL_MAX};

/// The ways in which titles of a text are underlined; the one that occurs first is the highest rank.
#[derive(Debug, Default)]
pub(super) struct Titles {
    styles: Vec<(char, bool)>,
}

impl Titles {
    /// The heading that begins at line `at`, and how many lines it has.
    pub(super) fn heading_at(&mut self, lines: &[Line<'_>], at: usize) -> Option<(Heading, usize)> {
        let before = at.checked_sub(1).and_then(|before| lines.get(before));
        if before.is_some_and(|before| !before.is_blank() && rule(before.text, 3).is_none()) {
            return None;
        }
        let first = lines.get(at)?;
        let second = lines.get(at + 1)?;
        if let Some(over) = rule(first.text, 3) {
            let under = lines.get(at + 2)?;
            let is_title = !second.is_blank()
                && rule(second.text, 1).is_none()
                && under.text.len() == first.text.len()
                && rule(under.text, 3) == Some(over);
            return is_title.then(|| (self.heading(second.text, (over, true)), 3));
        }
        let under = rule(second.text, 3)?;
        let is_long = second.text.len() >= 4 || second.text.len() >= first.text.chars().count();
        let is_title = !first.is_blank() && first.indent() == 0 && is_long;
        is_title.then(|| (self.heading(first.text, (under, false)), 2))
    }

    fn heading(&mut self, text: &str, style: (char, bool)) -> Heading {
        let known = self.styles.iter().position(|known| *known == style);
        let rank = known.unwrap_or_else(|| {
            self.styles.push(style);
            self.styles.len() - 1
        });
        let level = u8::try_from(rank + 1).unwrap_or(LEVEL_MAX).min(LEVEL_MAX);
        Heading { level, text: text.trim().to_owned() }
    }
}
