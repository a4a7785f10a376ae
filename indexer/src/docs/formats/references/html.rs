//! Links and anchors of HTML.

use super::super::html::{Token, attribute, tokens};
use super::References;
use super::markdown::names;

pub(super) fn references(body: &str) -> References {
    let mut found = References::default();
    let walked = tokens(body, &mut |token, line| {
        let Token::Start(tag) = token else { return };
        let key = match &*tag.name {
            "a" => "href",
            "img" => "src",
            _ => return,
        };
        if let Some(address) = attribute(tag, key) {
            found.address(line, address);
        }
    });
    if walked.is_err() {
        return References::default();
    }
    References { anchors: names(body), ..found }
}
