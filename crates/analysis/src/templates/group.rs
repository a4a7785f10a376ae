//! Groups the templates that one log statement wrote: the second step of mining, over distinct templates, not over lines.
//!
//! The first step masks what a single line shows to be a variable. Names made of plain words, as of users, show only
//! beside other lines: all else equal, the word differs again and again. Groups are a function of the set of templates;
//! the order in which they come makes no difference, and a template's own id never changes.

use groundcrew_telemetry::TemplateId;
use rustc_hash::{FxHashMap, FxHashSet};

use super::hash::mix;
use super::skeleton::{Kind, Skeleton, Token};

/// Distinct words at one position, all else equal, that make it a variable. Two or three are alternatives that somebody
/// wrote out (master, replica, witness).
const WORDS_MIN: usize = 4;
/// The same where a name is announced, as in "for user NAME".
const NAMES_MIN: usize = 2;
/// Words that stay when a position becomes a variable: what a statement is known by.
const WORDS_LEFT_MIN: usize = 2;
/// States at one position that make it an alternative (paused, resumed), however many words there are.
const STATES_MIN: usize = 2;
/// Rounds; each variable that one finds may bring templates together for the next.
const ROUNDS_MAX: usize = 6;

/// Collects templates, then groups them.
#[derive(Debug, Default)]
pub struct TemplateGroups {
    skeletons: FxHashMap<TemplateId, Skeleton>,
}

impl TemplateGroups {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a template; the same one again changes nothing.
    pub fn add(&mut self, id: TemplateId, text: &str) {
        self.skeletons.entry(id).or_insert_with(|| Skeleton::of(text));
    }

    /// Groups what was added.
    #[must_use]
    pub fn finish(self) -> TemplateGrouping {
        let mut classes = Classes::default();
        for (id, skeleton) in self.skeletons {
            add_class(&mut classes, Class { skeleton, members: vec![id] });
        }
        for _ in 0..ROUNDS_MAX {
            let patterns = variable_patterns(&classes);
            if patterns.is_empty() {
                break;
            }
            classes = opened(classes, &patterns);
        }
        let groups = classes
            .into_iter()
            .flat_map(|(hash, class)| class.members.into_iter().map(move |id| (id, hash)))
            .map(|(member, hash)| (member, TemplateId(hash)))
            .collect();
        TemplateGrouping { groups }
    }
}

/// Which group each template belongs to.
#[derive(Debug, Default)]
pub struct TemplateGrouping {
    groups: FxHashMap<TemplateId, TemplateId>,
}

impl TemplateGrouping {
    /// The group of a template; one that was never added is a group of its own.
    #[must_use]
    pub fn group_of(&self, template: TemplateId) -> TemplateId {
        self.groups.get(&template).copied().unwrap_or(template)
    }
}

/// Templates by their skeleton's hash.
type Classes = FxHashMap<u64, Class>;

/// Templates with the same skeleton.
struct Class {
    skeleton: Skeleton,
    members: Vec<TemplateId>,
}

fn add_class(classes: &mut Classes, class: Class) {
    match classes.get_mut(&class.skeleton.hash()) {
        Some(known) => known.members.extend(class.members),
        None => {
            classes.insert(class.skeleton.hash(), class);
        }
    }
}

/// A skeleton with one position left open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Opening {
    /// Hash of everything but the open position, and of where that is.
    pattern: u64,
    /// What stands there.
    hash: u64,
    kind: Kind,
    position: usize,
    place: Place,
}

/// What the rest of the skeleton says about the open position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// No word stands before it: the word there names the event.
    First,
    /// A name is announced.
    Name,
    Other,
}

/// The patterns that stand for several skeletons which differ in a variable only.
fn variable_patterns(classes: &Classes) -> FxHashSet<u64> {
    let mut openings: Vec<Opening> =
        classes.values().flat_map(|class| openings_of(&class.skeleton)).collect();
    openings.sort_unstable();
    openings
        .chunk_by(|one, next| one.pattern == next.pattern)
        .filter(|openings| is_variable(openings))
        .filter_map(|openings| openings.first().map(|opening| opening.pattern))
        .collect()
}

/// Whether what stands at one open position, each thing once, is a variable.
fn is_variable(openings: &[Opening]) -> bool {
    let Some(first) = openings.first() else { return false };
    let count = |kind: fn(Kind) -> bool| openings.iter().filter(|one| kind(one.kind)).count();
    let variables = count(|kind| kind == Kind::Variable);
    let states = count(|kind| kind == Kind::State);
    let words = openings.len() - variables;
    match first.place {
        Place::First => false,
        // A number was seen there already: a word in its place is a value too, unless it tells a state.
        _ if variables > 0 => words > 0 && states == 0,
        _ if states >= STATES_MIN => false,
        Place::Name => words >= NAMES_MIN,
        Place::Other => words >= WORDS_MIN,
    }
}

fn openings_of(skeleton: &Skeleton) -> impl Iterator<Item = Opening> {
    let tokens = skeleton.tokens.as_slice();
    let words = tokens.iter().filter(|token| token.is_word()).count();
    let is_open = move |token: &Token| {
        let left = words - usize::from(token.is_word());
        !matches!(token.kind, Kind::Mark(_)) && left >= WORDS_LEFT_MIN
    };
    tokens.iter().enumerate().filter(move |(_, token)| is_open(token)).map(|(position, token)| {
        let others = tokens.iter().enumerate().filter(|(other, _)| *other != position);
        let seed = mix(tokens.len() as u64, position as u64);
        Opening {
            pattern: others.fold(seed, |state, (_, other)| mix(state, other.hash)),
            hash: token.hash,
            kind: token.kind,
            position,
            place: place(tokens.get(..position).unwrap_or_default()),
        }
    })
}

fn place(before: &[Token]) -> Place {
    match before {
        [.., preposition, noun]
            if (preposition.kind, noun.kind) == (Kind::Preposition, Kind::Named) =>
        {
            Place::Name
        }
        _ if before.iter().any(|token| token.is_word()) => Place::Other,
        _ => Place::First,
    }
}

/// The classes with the positions that `patterns` leave open made variable; those that are then alike are one.
fn opened(classes: Classes, patterns: &FxHashSet<u64>) -> Classes {
    let mut merged = Classes::default();
    for mut class in classes.into_values() {
        let mut open = vec![false; class.skeleton.tokens.len()];
        for opening in openings_of(&class.skeleton) {
            if let Some(open) = open.get_mut(opening.position) {
                *open = patterns.contains(&opening.pattern);
            }
        }
        class.skeleton.open(&open);
        add_class(&mut merged, class);
    }
    merged
}
