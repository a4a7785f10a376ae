//! Addresses of resources: `runbook://{id}`, `incident://{code}`, `evidence://{code}/{id}`, `service://{name}`.

/// What an address names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Named {
    /// A runbook, or another document, by its id in the index.
    Document(String),
    /// An incident, by its code.
    Incident(String),
    /// An item of an answer.
    Evidence {
        /// The incident's code, or the answer's id.
        code: String,
        /// The item.
        id: String,
    },
    /// A service.
    Service(String),
}

/// The address of a document.
pub(super) fn document(id: &str) -> String {
    format!("runbook://{}", encoded(id))
}

/// The address of an incident.
pub(super) fn incident(code: &str) -> String {
    format!("incident://{}", encoded(code))
}

/// The address of an evidence item.
pub(super) fn evidence(code: &str, id: &str) -> String {
    format!("evidence://{}/{}", encoded(code), encoded(id))
}

/// The address of a service.
pub(super) fn service(name: &str) -> String {
    format!("service://{}", encoded(name))
}

/// Reads an address; `None` when it is none of ours.
pub(super) fn read(uri: &str) -> Option<Named> {
    let (scheme, rest) = uri.split_once("://")?;
    // Clients that normalise addresses may add a slash.
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    match scheme.to_ascii_lowercase().as_str() {
        "runbook" => decoded(rest).map(Named::Document),
        "incident" => decoded(rest).map(Named::Incident),
        "service" => decoded(rest).map(Named::Service),
        "evidence" => {
            let (code, id) = rest.split_once('/')?;
            Some(Named::Evidence { code: decoded(code)?, id: decoded(id)? })
        }
        _ => None,
    }
}

fn encoded(text: &str) -> String {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// `None` when there is nothing, or it is no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let value = 16 * digit(rest.next()?)? + digit(rest.next()?)?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for name in
            ["checkout", "runbooks/pool exhausted.md", "ünï/çode?x=1#y%", "../../etc", "a b"]
        {
            assert_eq!(read(&document(name)), Some(Named::Document(name.to_owned())));
            assert_eq!(read(&service(name)), Some(Named::Service(name.to_owned())));
            let item = Named::Evidence { code: name.to_owned(), id: "E3".to_owned() };
            assert_eq!(read(&evidence(name, "E3")), Some(item));
        }
        assert_eq!(read("INCIDENT://7Q2/"), Some(Named::Incident("7Q2".to_owned())));
        for wrong in [
            "",
            "incident://",
            "file:///etc/passwd",
            "evidence://7Q2",
            "service://%G1",
            "runbook://%",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
