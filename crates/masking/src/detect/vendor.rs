//! Keys of services whose formats are published: a fixed prefix, an alphabet and a length.

use std::ops::Range;

use crate::{
    detect::{shape, url},
    finding::Kind,
    line::{Line, is_token, is_word},
};

/// The characters that follow a prefix.
#[derive(Clone, Copy)]
enum Body {
    /// Letters and digits.
    Alnum,
    /// Upper-case letters and digits.
    Upper,
    /// Hexadecimal digits.
    Hex,
    /// base64url: letters, digits, `-`, `_`.
    Token,
    /// base64url in parts joined by dots.
    Dotted,
    /// base64 with `+`, `/` and padding.
    Base64,
    /// The rest of a URL, whose start is masked too.
    Url,
}

/// One known format.
pub(crate) struct Vendor {
    pub(crate) prefix: &'static str,
    kind: Kind,
    body: Body,
    length_min: usize,
}

const fn vendor(prefix: &'static str, kind: Kind, body: Body, length_min: usize) -> Vendor {
    Vendor { prefix, kind, body, length_min }
}

/// Known formats; the length is that of the body at least.
pub(crate) static VENDORS: &[Vendor] = &[
    vendor("AKIA", Kind::AwsAccessKeyId, Body::Upper, 16),
    vendor("ASIA", Kind::AwsAccessKeyId, Body::Upper, 16),
    vendor("ABIA", Kind::AwsAccessKeyId, Body::Upper, 16),
    vendor("ACCA", Kind::AwsAccessKeyId, Body::Upper, 16),
    vendor("IQoJb3JpZ2lu", Kind::AwsSessionToken, Body::Base64, 60),
    vendor("FwoGZXIvYXdz", Kind::AwsSessionToken, Body::Base64, 60),
    vendor("ghp_", Kind::GithubToken, Body::Alnum, 30),
    vendor("gho_", Kind::GithubToken, Body::Alnum, 30),
    vendor("ghu_", Kind::GithubToken, Body::Alnum, 30),
    vendor("ghs_", Kind::GithubToken, Body::Alnum, 30),
    vendor("ghr_", Kind::GithubToken, Body::Alnum, 30),
    vendor("github_pat_", Kind::GithubToken, Body::Token, 22),
    vendor("glpat-", Kind::GitlabToken, Body::Dotted, 16),
    vendor("gldt-", Kind::GitlabToken, Body::Token, 16),
    vendor("glrt-", Kind::GitlabToken, Body::Dotted, 16),
    vendor("glcbt-", Kind::GitlabToken, Body::Token, 16),
    vendor("glptt-", Kind::GitlabToken, Body::Token, 16),
    vendor("glft-", Kind::GitlabToken, Body::Token, 16),
    vendor("glsoat-", Kind::GitlabToken, Body::Token, 16),
    vendor("glimt-", Kind::GitlabToken, Body::Token, 16),
    vendor("glagent-", Kind::GitlabToken, Body::Token, 16),
    vendor("xoxb-", Kind::SlackToken, Body::Token, 16),
    vendor("xoxp-", Kind::SlackToken, Body::Token, 16),
    vendor("xoxa-", Kind::SlackToken, Body::Token, 16),
    vendor("xoxr-", Kind::SlackToken, Body::Token, 16),
    vendor("xoxs-", Kind::SlackToken, Body::Token, 16),
    vendor("xoxo-", Kind::SlackToken, Body::Token, 16),
    vendor("xoxc-", Kind::SlackToken, Body::Token, 16),
    vendor("xoxd-", Kind::SlackToken, Body::Base64, 16),
    vendor("xoxe-", Kind::SlackToken, Body::Token, 16),
    vendor("xoxe.", Kind::SlackToken, Body::Dotted, 16),
    vendor("xapp-", Kind::SlackToken, Body::Token, 16),
    vendor("hooks.slack.com/", Kind::SlackWebhook, Body::Url, 20),
    vendor("discord.com/api/webhooks/", Kind::SlackWebhook, Body::Url, 30),
    vendor("discordapp.com/api/webhooks/", Kind::SlackWebhook, Body::Url, 30),
    vendor("webhook.office.com/webhookb2/", Kind::SlackWebhook, Body::Url, 30),
    vendor("chat.googleapis.com/v1/spaces/", Kind::SlackWebhook, Body::Url, 30),
    vendor("hooks.zapier.com/hooks/", Kind::SlackWebhook, Body::Url, 12),
    vendor("api.telegram.org/bot", Kind::ApiKey, Body::Url, 35),
    vendor("sk-ant-", Kind::AnthropicKey, Body::Token, 20),
    vendor("sk-proj-", Kind::OpenaiKey, Body::Token, 20),
    vendor("sk-svcacct-", Kind::OpenaiKey, Body::Token, 20),
    vendor("sk-admin-", Kind::OpenaiKey, Body::Token, 20),
    vendor("sk-or-v1-", Kind::ApiKey, Body::Hex, 32),
    vendor("sk-", Kind::OpenaiKey, Body::Alnum, 32),
    vendor("sk_live_", Kind::StripeKey, Body::Alnum, 16),
    vendor("sk_test_", Kind::StripeKey, Body::Alnum, 16),
    vendor("rk_live_", Kind::StripeKey, Body::Alnum, 16),
    vendor("rk_test_", Kind::StripeKey, Body::Alnum, 16),
    vendor("sk_prod_", Kind::StripeKey, Body::Alnum, 16),
    vendor("whsec_", Kind::StripeKey, Body::Base64, 20),
    vendor("SG.", Kind::SendgridKey, Body::Dotted, 40),
    vendor("npm_", Kind::NpmToken, Body::Alnum, 30),
    vendor("pypi-", Kind::PypiToken, Body::Token, 50),
    vendor("AIza", Kind::GcpApiKey, Body::Token, 30),
    vendor("ya29.", Kind::GcpOauthToken, Body::Dotted, 20),
    vendor("GOCSPX-", Kind::GcpOauthToken, Body::Token, 20),
    vendor("1//0", Kind::GcpOauthToken, Body::Token, 30),
    vendor("hf_", Kind::ApiKey, Body::Alnum, 30),
    vendor("dop_v1_", Kind::ApiKey, Body::Hex, 40),
    vendor("doo_v1_", Kind::ApiKey, Body::Hex, 40),
    vendor("dor_v1_", Kind::ApiKey, Body::Hex, 40),
    vendor("shpat_", Kind::ApiKey, Body::Alnum, 24),
    vendor("shpss_", Kind::ApiKey, Body::Alnum, 24),
    vendor("shpca_", Kind::ApiKey, Body::Alnum, 24),
    vendor("shppa_", Kind::ApiKey, Body::Alnum, 24),
    vendor("lin_api_", Kind::ApiKey, Body::Alnum, 30),
    vendor("ntn_", Kind::ApiKey, Body::Alnum, 30),
    vendor("secret_", Kind::ApiKey, Body::Alnum, 40),
    vendor("sq0atp-", Kind::ApiKey, Body::Token, 20),
    vendor("sq0csp-", Kind::ApiKey, Body::Token, 30),
    vendor("EAAA", Kind::ApiKey, Body::Token, 56),
    vendor("hvs.", Kind::ApiKey, Body::Token, 20),
    vendor("hvb.", Kind::ApiKey, Body::Token, 20),
    vendor("hvr.", Kind::ApiKey, Body::Token, 20),
    vendor("dapi", Kind::ApiKey, Body::Hex, 32),
    vendor("PMAK-", Kind::ApiKey, Body::Token, 40),
    vendor("glsa_", Kind::ApiKey, Body::Token, 30),
    vendor("glc_", Kind::ApiKey, Body::Base64, 30),
    vendor("NRAK-", Kind::ApiKey, Body::Upper, 20),
    vendor("NRII-", Kind::ApiKey, Body::Token, 20),
    vendor("NRJS-", Kind::ApiKey, Body::Hex, 16),
    vendor("sntrys_", Kind::ApiKey, Body::Base64, 30),
    vendor("sntryu_", Kind::ApiKey, Body::Hex, 30),
    vendor("dckr_pat_", Kind::ApiKey, Body::Token, 20),
    vendor("dckr_oat_", Kind::ApiKey, Body::Token, 20),
    vendor("rubygems_", Kind::ApiKey, Body::Hex, 40),
    vendor("AGE-SECRET-KEY-1", Kind::PrivateKey, Body::Upper, 40),
    vendor("r8_", Kind::ApiKey, Body::Alnum, 30),
    vendor("gsk_", Kind::ApiKey, Body::Alnum, 40),
    vendor("xai-", Kind::ApiKey, Body::Alnum, 40),
    vendor("pplx-", Kind::ApiKey, Body::Alnum, 30),
    vendor("tfp_", Kind::ApiKey, Body::Token, 40),
    vendor("atlasv1.", Kind::ApiKey, Body::Token, 40),
    vendor("figd_", Kind::ApiKey, Body::Token, 30),
    vendor("ATATT3", Kind::ApiKey, Body::Base64, 40),
    vendor("ATBB", Kind::ApiKey, Body::Alnum, 24),
    vendor("ATCTT3", Kind::ApiKey, Body::Base64, 40),
    vendor("sbp_", Kind::ApiKey, Body::Hex, 30),
    vendor("pscale_tkn_", Kind::ApiKey, Body::Dotted, 20),
    vendor("pscale_pw_", Kind::DbPassword, Body::Dotted, 20),
    vendor("pscale_oauth_", Kind::ApiKey, Body::Dotted, 20),
    vendor("fo1_", Kind::ApiKey, Body::Token, 30),
    vendor("AKCp", Kind::ApiKey, Body::Alnum, 60),
    vendor("oy2", Kind::ApiKey, Body::Alnum, 43),
    vendor("EZAK", Kind::ApiKey, Body::Alnum, 50),
    vendor("EZTK", Kind::ApiKey, Body::Alnum, 50),
    vendor("dp.pt.", Kind::ApiKey, Body::Alnum, 30),
    vendor("dp.st.", Kind::ApiKey, Body::Dotted, 30),
    vendor("dp.sa.", Kind::ApiKey, Body::Alnum, 30),
    vendor("tskey-", Kind::ApiKey, Body::Token, 16),
    vendor("key-", Kind::ApiKey, Body::Hex, 32),
    vendor("pul-", Kind::ApiKey, Body::Hex, 40),
    vendor("bkua_", Kind::ApiKey, Body::Hex, 40),
    vendor("CCIPAT_", Kind::ApiKey, Body::Token, 30),
    vendor("dvc_", Kind::ApiKey, Body::Token, 40),
    vendor("cfat_", Kind::ApiKey, Body::Token, 30),
    vendor("crates_io_", Kind::ApiKey, Body::Alnum, 20),
    vendor("SK", Kind::ApiKey, Body::Hex, 32),
    vendor("1e_", Kind::ApiKey, Body::Hex, 60),
];

/// Checks the format of the vendor at `index` whose prefix occurs at `prefix`.
pub(crate) fn at(line: &mut Line<'_>, prefix: Range<usize>, index: usize) {
    let Some(vendor) = VENDORS.get(index) else { return };
    if matches!(vendor.body, Body::Url) {
        return webhook(line, prefix, vendor);
    }
    let exact_case = line.slice(prefix.clone()) == vendor.prefix;
    let before = line.before(prefix.start);
    let escaped_newline =
        matches!(before, b'n' | b't' | b'r') && line.at(prefix.start.wrapping_sub(2)) == b'\\';
    if !exact_case
        || (is_word(before) && before != b'_' && !escaped_newline)
        || before == b'-' && vendor.prefix.len() < 4
    {
        return;
    }
    let end = body_end(line, prefix.end, vendor.body);
    let body = line.slice(prefix.end..end);
    if body.len() < vendor.length_min || is_masked_body(body) {
        return;
    }
    let counts = shape::Counts::of(body);
    let only_words = counts.digits == 0 && (counts.upper == 0 || counts.lower == 0);
    if !only_words {
        line.found(prefix.start..end, vendor.kind);
    }
}

fn is_masked_body(body: &str) -> bool {
    body.bytes().all(|byte| matches!(byte, b'x' | b'X' | b'0' | b'-' | b'_' | b'.'))
}

fn body_end(line: &mut Line<'_>, start: usize, body: Body) -> usize {
    let end = match body {
        Body::Alnum => line.run(start, |byte| byte.is_ascii_alphanumeric()),
        Body::Upper => line.run(start, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
        Body::Hex => line.run(start, |byte| byte.is_ascii_hexdigit()),
        Body::Token => line.run(start, is_token),
        Body::Dotted => line.run(start, |byte| is_token(byte) || byte == b'.'),
        Body::Base64 | Body::Url => {
            line.run(start, |byte| is_token(byte) || matches!(byte, b'+' | b'/' | b'=' | b'%'))
        }
    };
    if end > start && line.before(end) == b'.' { end - 1 } else { end }
}

/// A URL that is itself the secret: masked from its scheme to its end.
fn webhook(line: &mut Line<'_>, prefix: Range<usize>, vendor: &Vendor) {
    let end = line.run(prefix.end, url::is_url_byte);
    if end - prefix.end < vendor.length_min {
        return;
    }
    let start = line
        .run_back(prefix.start, 64, |byte| is_token(byte) || matches!(byte, b'.' | b':' | b'/'));
    let start = match line.slice(start..prefix.start).find("http") {
        Some(offset) => start + offset,
        None => prefix.start,
    };
    let end = line.run_back(end, 4, |byte| matches!(byte, b'.' | b',' | b')' | b';'));
    line.found(start..end, vendor.kind);
}
