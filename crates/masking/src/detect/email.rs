//! E-mail addresses, at their at-sign (or `%40`).

use crate::{detect::url, finding::Kind, line::Line};

/// Endings that look like a top-level domain and are unit types, file types or package versions.
const NO_DOMAINS: &[&str] = &[
    "service",
    "socket",
    "target",
    "timer",
    "mount",
    "slice",
    "scope",
    "device",
    "swap",
    "automount",
    "js",
    "mjs",
    "cjs",
    "jsx",
    "tsx",
    "json",
    "yaml",
    "yml",
    "toml",
    "conf",
    "log",
    "txt",
    "java",
    "html",
    "php",
    "css",
    "dll",
    "exe",
    "jar",
    "png",
    "jpg",
    "jpeg",
    "svg",
    "gif",
    "webp",
    "go",
    "kt",
    "cpp",
    "rb",
    "lock",
    "tar",
    "gz",
    "zip",
    "sock",
];

/// Checks the text around the at-sign that occupies `at_sign..after`.
pub(crate) fn at(line: &mut Line<'_>, at_sign: usize, after: usize) {
    let domain_end = line.run_at_most(after, 255, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') || byte >= 0x80
    });
    let domain = line.slice(after..domain_end).trim_end_matches(['.', '-']);
    let Some((host, top)) = domain.rsplit_once('.') else { return };
    let top_holds =
        top.len() >= 2 && top.chars().all(char::is_alphabetic) || top.starts_with("xn--");
    let host_holds = !host.is_empty() && !host.starts_with(['.', '-']) && !host.contains("..");
    let in_cluster = ["cluster.local", ".internal", ".localdomain", ".svc"]
        .iter()
        .any(|ending| domain.ends_with(ending));
    let numeric_host = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let script = NO_DOMAINS.iter().any(|ending| ending.eq_ignore_ascii_case(top))
        && !domain.contains("example.");
    if !top_holds || !host_holds || script || in_cluster || numeric_host && host.contains('.') {
        return;
    }
    let end = after + domain.len();
    let local_start = local_start(line, at_sign);
    if local_start == at_sign || url::in_user_part(line, at_sign) {
        return;
    }
    let local = line.slice(local_start..at_sign);
    let clone_address = matches!(local, "git" | "hg") && matches!(line.at(end), b':' | b'/');
    if !clone_address {
        line.found(local_start..end, Kind::Email);
    }
}

fn local_start(line: &mut Line<'_>, at_sign: usize) -> usize {
    let accepted = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'~' | b'!' | b'$')
            || byte >= 0x80
    };
    let mut start = line.run_back(at_sign, 64, accepted);
    loop {
        let here = line.at(start);
        let stray_quote =
            here == b'\'' || matches!(here, b'.' | b'-' | b'+' | b'%' | b'~' | b'!' | b'$');
        let escaped_break = line.before(start) == b'\\' && matches!(here, b'n' | b't' | b'r');
        if start >= at_sign || !(stray_quote || escaped_break) {
            break;
        }
        start += 1;
    }
    let local = line.slice(start..at_sign);
    match local.rfind('\'') {
        Some(quote) if quote > 1 || !local.starts_with(['o', 'O', 'd', 'D', 'l', 'L']) => {
            start + quote + 1
        }
        _ => start,
    }
}
