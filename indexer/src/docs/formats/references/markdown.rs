//! Links and anchors of Markdown. Anchors of headings are made as code hosts make them.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

use super::super::html::{Token, attribute, tokens};
use super::References;

pub(super) fn references(body: &str) -> References {
    let options = Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES;
    let mut found = References::default();
    let mut slugs = Slugs::default();
    let mut heading: Option<(Option<String>, String)> = None;
    let mut html = String::new();
    let mut place = (0, 1_u32);
    for (event, range) in Parser::new_ext(body, options).into_offset_iter() {
        match event {
            Event::Start(
                Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. },
            ) if !matches!(link_type, LinkType::Autolink | LinkType::Email) => {
                let between = body.get(place.0..range.start).unwrap_or_default();
                let lines = u32::try_from(between.matches('\n').count()).unwrap_or(u32::MAX);
                place = (place.0.max(range.start), place.1.saturating_add(lines));
                found.address(place.1, &dest_url);
            }
            Event::Start(Tag::Heading { id, .. }) => {
                heading = Some((id.map(|id| id.to_string()), String::new()));
            }
            Event::End(TagEnd::Heading(_)) => {
                let Some((id, text)) = heading.take() else { continue };
                found.anchors.push(id.unwrap_or_else(|| slugs.of(&text)));
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, heading)) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::Html(text) | Event::InlineHtml(text) => html.push_str(&text),
            _ => {}
        }
    }
    found.anchors.extend(names(&html));
    found
}

/// The `id` and `name` attributes of HTML.
pub(super) fn names(html: &str) -> Vec<String> {
    let mut names = Vec::new();
    let walked = tokens(html, &mut |token, _| {
        if let Token::Start(tag) = token {
            let id = attribute(tag, "id");
            let name = attribute(tag, "name").filter(|_| &*tag.name == "a");
            names.extend(id.or(name).map(str::to_owned));
        }
    });
    // What is no HTML names nothing.
    if walked.is_err() { Vec::new() } else { names }
}

/// Anchors of headings; the second of one name gets a number.
#[derive(Default)]
struct Slugs {
    used: BTreeMap<String, usize>,
}

impl Slugs {
    fn of(&mut self, heading: &str) -> String {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let slug: String = heading
            .trim()
            .to_lowercase()
            .chars()
            .filter(kept)
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let count = self.used.entry(slug.clone()).or_default();
        let numbered = if *count == 0 { slug } else { format!("{slug}-{count}") };
        *count += 1;
        numbered
    }
}
