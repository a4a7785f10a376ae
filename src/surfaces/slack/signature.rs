//! Slack's signature over a request: version `v0`, HMAC-SHA256 of the time and the raw body.

use super::super::signature;
use crate::config::Secret;

/// A request older or younger than this, in seconds, may be one that was recorded.
const AGE_SECS_MAX: i64 = 300;

/// Whether `signature` is the secret's over `timestamp` and `body`, and the time is near `now`, in seconds of the epoch.
#[must_use]
pub(super) fn is_signed(
    secret: &Secret,
    (timestamp, signature): (&str, &str),
    body: &[u8],
    now: i64,
) -> bool {
    let Ok(sent) = timestamp.parse::<i64>() else { return false };
    if now.saturating_sub(sent).saturating_abs() > AGE_SECS_MAX {
        return false;
    }
    let parts = [b"v0:", timestamp.as_bytes(), b":", body];
    signature::is_signed(secret, &parts, signature.strip_prefix("v0="))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of Slack's own documentation of signed requests.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const TIME: &str = "1531420618";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

    fn secret() -> Secret {
        Secret::new(SECRET)
    }

    #[test]
    fn a_signature_holds_for_its_secret_time_and_body_alone() {
        let now = 1_531_420_618;
        assert!(is_signed(&secret(), (TIME, SIGNATURE), BODY.as_bytes(), now));
        assert!(
            !is_signed(&Secret::new("8f74"), (TIME, SIGNATURE), BODY.as_bytes(), now),
            "another secret"
        );
        assert!(
            !is_signed(&Secret::default(), (TIME, SIGNATURE), BODY.as_bytes(), now),
            "no secret"
        );
        assert!(
            !is_signed(&secret(), ("1531420619", SIGNATURE), BODY.as_bytes(), now),
            "another time"
        );
        assert!(
            !is_signed(&secret(), (TIME, SIGNATURE), &BODY.as_bytes()[1..], now),
            "another body"
        );
        for wrong in
            ["", "v0=", "v1=a2114d57", SIGNATURE.trim_end_matches('3'), &SIGNATURE.to_uppercase()]
        {
            assert!(!is_signed(&secret(), (TIME, wrong), BODY.as_bytes(), now), "{wrong}");
        }
    }

    #[test]
    fn an_old_request_may_be_a_recorded_one() {
        let signed = |now: i64| is_signed(&secret(), (TIME, SIGNATURE), BODY.as_bytes(), now);
        assert!(signed(1_531_420_618 + 300) && signed(1_531_420_618 - 300));
        assert!(!signed(1_531_420_618 + 301) && !signed(1_531_420_618 - 301));
        assert!(!signed(i64::MIN) && !signed(i64::MAX));
        assert!(!is_signed(&secret(), ("soon", SIGNATURE), b"", 0));
    }
}
