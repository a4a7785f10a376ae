//! What is typed into the chat: a question, or a command that begins with a slash.

use crate::investigate::plan::parse_duration;

/// Every command with what follows it and what it does.
pub(super) const COMMANDS: [(&str, &str, &str); 11] = [
    ("/help", "", "what can be typed here"),
    ("/since", "30m", "how far back the next questions look; `off` for the usual"),
    ("/service", "NAME ...", "which services they look at; `off` for all"),
    ("/context", "", "what the conversation is about, and what the last answer took"),
    ("/last", "", "the last answer again"),
    ("/evidence", "", "its evidence, a line each"),
    ("/show", "E3", "one item of it in full"),
    ("/feedback", "right|wrong [WORDS]", "say whether its cause was the cause"),
    ("/export", "[DIR]", "write it with everything it was made from into one file"),
    ("/clear", "", "begin another conversation"),
    ("/exit", "", "leave; so does Ctrl-D"),
];

/// One line, understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Typed {
    Nothing,
    Question(String),
    Help,
    Since(Option<String>),
    Service(Vec<String>),
    Context,
    Last,
    Evidence,
    Show(String),
    Feedback { is_right: bool, words: Option<String> },
    Export(Option<String>),
    Clear,
    Exit,
}

/// Reads a line; the error says what could be typed instead.
pub(super) fn read(line: &str) -> Result<Typed, String> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(Typed::Nothing);
    }
    if !line.starts_with('/') {
        return Ok(Typed::Question(line.to_owned()));
    }
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let words: Vec<String> = rest.split_whitespace().map(str::to_owned).collect();
    let given = || Some(rest.to_owned()).filter(|rest| !rest.is_empty());
    match name {
        "/help" | "/?" => Ok(Typed::Help),
        "/since" if matches!(rest, "" | "off") => Ok(Typed::Since(None)),
        "/since" if parse_duration(rest).is_some() => Ok(Typed::Since(given())),
        "/since" => Err(format!("`{rest}` is not a duration such as 90s, 30m or 2h")),
        "/service" if matches!(rest, "" | "off") => Ok(Typed::Service(Vec::new())),
        "/service" => Ok(Typed::Service(words)),
        "/context" => Ok(Typed::Context),
        "/last" => Ok(Typed::Last),
        "/evidence" => Ok(Typed::Evidence),
        "/show" => given().map(Typed::Show).ok_or_else(|| "which item? /show E3".to_owned()),
        "/feedback" => feedback(rest),
        "/export" => Ok(Typed::Export(given())),
        "/clear" => Ok(Typed::Clear),
        "/exit" | "/quit" => Ok(Typed::Exit),
        _ => Err(unknown(name)),
    }
}

fn feedback(rest: &str) -> Result<Typed, String> {
    let (opinion, words) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let words = Some(words.trim().to_owned()).filter(|words| !words.is_empty());
    match opinion {
        "right" => Ok(Typed::Feedback { is_right: true, words }),
        "wrong" => Ok(Typed::Feedback { is_right: false, words }),
        _ => Err("say `/feedback right` or `/feedback wrong`, and why if you like".to_owned()),
    }
}

fn unknown(name: &str) -> String {
    let alike = |known: &str| known.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    let nearest = COMMANDS.iter().map(|(known, _, _)| *known).max_by_key(|known| alike(known));
    match nearest.filter(|known| alike(known) > 2) {
        Some(known) => format!("there is no {name}; did you mean {known}?"),
        None => format!("there is no {name}; /help shows what there is"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        for (line, typed) in [
            ("  ", Typed::Nothing),
            ("why is /checkout slow?", Typed::Question("why is /checkout slow?".to_owned())),
            ("/since 30m", Typed::Since(Some("30m".to_owned()))),
            ("/since off", Typed::Since(None)),
            ("/service a  b", Typed::Service(vec!["a".to_owned(), "b".to_owned()])),
            ("/show e3 ", Typed::Show("e3".to_owned())),
            (
                "/feedback wrong it was DNS",
                Typed::Feedback { is_right: false, words: Some("it was DNS".to_owned()) },
            ),
            ("/quit", Typed::Exit),
        ] {
            assert_eq!(read(line).as_ref(), Ok(&typed), "{line}");
        }
        for (line, told) in [
            ("/since yesterday", "is not a duration"),
            ("/show", "/show E3"),
            ("/feedback", "/feedback right"),
            ("/evidense", "did you mean /evidence?"),
            ("/xyz", "/help"),
        ] {
            assert!(read(line).unwrap_err().contains(told), "{line}");
        }
        for (name, _, _) in COMMANDS {
            assert!(read(&format!("{name} E1")) != Err(unknown(name)), "{name} is understood");
        }
    }
}
