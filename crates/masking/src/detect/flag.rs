//! Passwords given to commands as short flags: `mysql -psecret`, `docker login -p secret`, `curl -u user:secret`.

use std::ops::Range;

use crate::{detect::shape, finding::Kind, line::Line};

/// A command that takes a password by a short flag.
struct Command {
    words: &'static [&'static str],
    flag: u8,
    attached: bool,
}

const COMMANDS: &[Command] = &[
    Command {
        words: &["mysql", "mariadb", "sshpass", "7z", "zip", "unzip", "rar"],
        flag: b'p',
        attached: true,
    },
    Command {
        words: &[
            "login",
            "mongo",
            "mongosh",
            "mongodump",
            "mongorestore",
            "mongoexport",
            "mongoimport",
            "sshpass",
            "registry",
            "skopeo",
            "cqlsh",
            "influx",
            "plink",
            "az",
            "cf",
            "oc",
            "adduser",
            "artifactory",
            "ipmitool",
            "clickhouse",
        ],
        flag: b'p',
        attached: false,
    },
    Command {
        words: &["sqlcmd", "bcp", "osql", "isql", "unzip", "ipmitool", "keytool", "wsadmin"],
        flag: b'P',
        attached: false,
    },
    Command { words: &["sqlcmd", "bcp", "unzip"], flag: b'P', attached: true },
    Command { words: &["redis-cli", "keydb-cli", "valkey-cli"], flag: b'a', attached: false },
    Command {
        words: &["ldapsearch", "ldapadd", "ldapmodify", "ldapwhoami", "ldapdelete", "ldappasswd"],
        flag: b'w',
        attached: false,
    },
];

/// ` -p`, ` -P`, ` -a `, ` -w ` after a command that takes a password there.
pub(crate) fn short(line: &mut Line<'_>, flag: Range<usize>) {
    let letter_at = flag.start + 2;
    let letter = line.at(letter_at);
    let after = letter_at + 1;
    let attached = line.at(after) > b' ';
    let context = line.context_before(flag.start);
    let known = COMMANDS.iter().any(|command| {
        command.flag == letter
            && command.attached == attached
            && context.split(is_word_break).any(|word| {
                command.words.iter().any(|name| {
                    word == *name
                        || word.strip_prefix(name).is_some_and(|rest| {
                            matches!(
                                rest,
                                "dump"
                                    | "admin"
                                    | "check"
                                    | "import"
                                    | "show"
                                    | "-dump"
                                    | "-admin"
                                    | "-client"
                            )
                        })
                })
            })
    });
    if !known {
        return;
    }
    let start = if attached { after } else { line.skip_spaces(after) };
    let Some(range) = argument(line, start) else { return };
    let text = line.slice(range.clone());
    let other_option = attached && (text.starts_with("ort") || text.starts_with("rotocol"))
        || text.starts_with('-');
    let port = !attached && text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() < 6;
    if !other_option && !port && text.len() >= 3 && !shape::is_placeholder(text) {
        line.found(range, Kind::Password);
    }
}

fn is_word_break(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '/' | '"' | '\'' | '`' | '[' | ',' | '$' | '(' | '=')
}

/// Commands whose `-u` is a user with a password; that of others is a user, a group or an access rule.
const HTTP_CLIENTS: &[&str] = &[
    "curl",
    "http",
    "https",
    "xh",
    "wget",
    "lftp",
    "ab",
    "hey",
    "siege",
    "influx",
    "svn",
    "smbclient",
    "rclone",
    "nuclei",
];

/// ` -u user:password`, ` --user user:password`, ` --proxy-user=user:password`.
pub(crate) fn user(line: &mut Line<'_>, flag: Range<usize>) {
    let end = line.run_at_most(flag.end, 12, |byte| byte.is_ascii_alphabetic() || byte == b'-');
    let after = line.run_at_most(end, 3, |byte| byte == b' ' || byte == b'=');
    let long = line.at(flag.start + 2) == b'-';
    let start = if long { after } else { line.skip_spaces(flag.end) };
    let client = line
        .context_at_most(flag.start, 256)
        .split(is_word_break)
        .any(|word| HTTP_CLIENTS.contains(&word));
    if !long && !client {
        return;
    }
    let Some(range) = argument(line, start) else { return };
    let text = line.slice(range.clone());
    let Some(colon) = text.find(':') else { return };
    let password = text.get(colon + 1..).unwrap_or("");
    let named = text.get(..colon).is_some_and(|name| !name.is_empty() && !name.contains('/'));
    let ids = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let group =
        password.bytes().all(|byte| byte.is_ascii_lowercase()) && text.starts_with(password);
    if named
        && !ids
        && !group
        && !password.is_empty()
        && !shape::is_placeholder(password)
        && !password.starts_with("//")
    {
        line.found(range.start + colon + 1..range.end, Kind::Password);
    }
}

/// One argument of a command line, without its quotes.
fn argument(line: &mut Line<'_>, start: usize) -> Option<Range<usize>> {
    let quote = line.at(start);
    if matches!(quote, b'"' | b'\'') {
        let end = line.run_at_most(start + 1, 256, |byte| byte != quote && byte != b'\n');
        return (line.at(end) == quote && end > start + 1).then_some(start + 1..end);
    }
    let end = line.run(start, |byte| {
        byte > b' ' && !matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b';' | b'|')
    });
    (end > start).then_some(start..end)
}
