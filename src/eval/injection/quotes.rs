//! Quotations in our sentences: what stands between “ and ” and verbatim in a cited item is the evidence's text, not ours.

use crate::investigate::answer::Answer;
use crate::text::{Stretch, stretches};

/// A sentence in pieces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Piece<'a> {
    /// Our words.
    Said(&'a str),
    /// Words of a cited item.
    Quoted(&'a str),
    /// In quotation marks, but in no cited item.
    Unfounded(&'a str),
}

/// Takes a sentence apart.
pub(super) fn pieces<'t>(text: &'t str, cites: &[String], answer: &Answer) -> Vec<Piece<'t>> {
    stretches(text)
        .map(|stretch| match stretch {
            // What is not closed is not told apart by who reads it.
            Stretch::Said(words) | Stretch::Open(words) => Piece::Said(words),
            Stretch::Quoted(words) if stands(words, cites, answer) => Piece::Quoted(words),
            Stretch::Quoted(words) => Piece::Unfounded(words),
        })
        .collect()
}

/// Whether the words stand verbatim in one of the cited items.
fn stands(words: &str, cites: &[String], answer: &Answer) -> bool {
    // A quotation that was cut says so.
    let words = words.trim_end_matches('…').trim();
    cites.iter().filter_map(|id| answer.evidence(id)).any(|item| {
        // A sentence is one line; the item may have the same words on several.
        let (words, stretched) =
            (one_line(words), [&item.title, &item.preview].map(|text| one_line(text)));
        stretched.iter().any(|text| text.contains(&words))
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

/// The sentence without what it quotes.
pub(super) fn without_quotations(text: &str, cites: &[String], answer: &Answer) -> String {
    pieces(text, cites, answer)
        .into_iter()
        .map(|piece| match piece {
            Piece::Said(words) => words.to_owned(),
            Piece::Quoted(_) => "“…”".to_owned(),
            Piece::Unfounded(words) => format!("“{words}”"),
        })
        .collect()
}
