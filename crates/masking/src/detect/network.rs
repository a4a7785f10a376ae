//! Public IP addresses. Private, loopback and link-local ones belong to nobody and stay, they are needed to find faults.

use crate::{
    finding::Kind,
    line::{Line, is_word},
};

/// Words after which four dotted numbers are a version or an object id.
const NUMBERED_THINGS: &[&str] = &[
    "version",
    "versions",
    "ver",
    "v",
    "release",
    "build",
    "firmware",
    "driver",
    "chart",
    "sdk",
    "assembly",
    "oid",
    "revision",
    "rev",
    "agent_version",
    "bios",
    "section",
    "clause",
    "upgrade",
    "upgraded",
    "model",
    "software",
    "app",
    "package",
    "plugin",
    "kernel",
];

/// Capitalised words after which four small numbers are an address all the same.
const ADDRESSED_THINGS: &[&str] = &[
    "client", "host", "peer", "ip", "address", "addr", "from", "remote", "server", "source", "src",
    "dst", "to", "get", "ipv4", "for", "by", "user",
];

/// Four dotted numbers that start at `start`.
pub(crate) fn ipv4(line: &mut Line<'_>, start: usize) {
    let before = line.before(start);
    let in_path = before == b'/' && line.before(start - 1).is_ascii_alphanumeric();
    if is_word(before) || matches!(before, b'.' | b'-' | b'\\') {
        return;
    }
    let Some((end, octets)) = dotted_octets(line, start) else { return };
    let after = line.at(end);
    let continues = after == b'.' && is_word(line.at(end + 1))
        || is_word(after) && !line.bytes().get(end..).is_some_and(|rest| rest.starts_with(b"_"))
        || after == b'-' && line.at(end + 1).is_ascii_alphabetic();
    if continues
        || in_path && after != b':'
        || !is_public_v4(octets)
        || is_version(line, start, octets)
    {
        return;
    }
    line.found(start..end, Kind::Ipv4);
}

fn dotted_octets(line: &mut Line<'_>, start: usize) -> Option<(usize, [u8; 4])> {
    let mut octets = [0u8; 4];
    let mut at = start;
    for (index, octet) in octets.iter_mut().enumerate() {
        let end = line.run_at_most(at, 4, |byte| byte.is_ascii_digit());
        *octet = line.slice(at..end).parse().ok()?;
        at = end;
        if index < 3 {
            if line.at(at) != b'.' {
                return None;
            }
            at += 1;
        }
    }
    Some((at, octets))
}

fn is_public_v4(octets: [u8; 4]) -> bool {
    let address = std::net::Ipv4Addr::from(octets);
    let carrier_grade = octets.first() == Some(&100)
        && octets.get(1).is_some_and(|second| (64..128).contains(second));
    let unroutable = octets.first().is_some_and(|&first| first == 0 || first >= 224);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || carrier_grade
        || unroutable)
}

fn is_version(line: &mut Line<'_>, start: usize, octets: [u8; 4]) -> bool {
    let context = line.context_before(start);
    let word = context.trim_end_matches([' ', '=', ':', '"', '\'', '(', '\\']);
    let last = word.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or("");
    let lower = last.to_ascii_lowercase();
    let small = octets.iter().all(|&octet| octet < 64);
    let product = small
        && context.ends_with(' ')
        && last.starts_with(|c: char| c.is_ascii_uppercase())
        && !ADDRESSED_THINGS.contains(&lower.as_str());
    let upgrade = small
        && ["upgrad", "version", "release", "bump"]
            .iter()
            .any(|word| context.to_ascii_lowercase().contains(word));
    product
        || upgrade
        || NUMBERED_THINGS.contains(&lower.as_str())
        || lower.ends_with("_version")
        || lower.ends_with("version")
}

/// A global IPv6 address (`2000::/3`) whose first group starts at `start`.
pub(crate) fn ipv6(line: &mut Line<'_>, start: usize) {
    let before = line.before(start);
    if !matches!(line.at(start), b'2' | b'3')
        || is_word(before)
        || matches!(before, b'.' | b':' | b'-')
    {
        return;
    }
    let first_end = line.run_at_most(start, 5, |byte| byte.is_ascii_hexdigit());
    if first_end - start != 4 || line.at(first_end) != b':' {
        return;
    }
    let mut at = first_end;
    let mut groups = 1;
    let mut shortened = false;
    while line.at(at) == b':' && groups < 8 {
        let double = line.at(at + 1) == b':';
        if double && shortened {
            break;
        }
        let group_start = at + 1 + usize::from(double);
        let group_end = line.run_at_most(group_start, 5, |byte| byte.is_ascii_hexdigit());
        let length = group_end - group_start;
        if length > 4
            || length == 0 && !double
            || is_word(line.at(group_end)) && length > 0 && !line.at(group_end).is_ascii_hexdigit()
        {
            break;
        }
        shortened |= double;
        at = group_end;
        groups += usize::from(length > 0);
    }
    if groups == 8 || shortened && !is_word(line.at(at)) {
        line.found(start..at, Kind::Ipv6);
    }
}
