//! What was found where: kinds of personal data and secrets, and how overlapping finds become one.

use std::ops::Range;

/// One masked span of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Byte range within the text, on character boundaries.
    pub range: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a finding is. Ordered from the least to the most specific: where finds overlap the later kind names the span.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $variant,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant,)*];

            /// The word written in place of the text, and used in results.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$variant => $name,)* }
            }
        }
    };
}

kinds! {
    /// A text that could not be examined, as a whole.
    Unreadable = "withheld",
    /// A person's name.
    Person = "person",
    /// A street address.
    StreetAddress = "street_address",
    /// A date of birth.
    DateOfBirth = "date_of_birth",
    /// A telephone number.
    Phone = "phone",
    /// A public IPv4 address.
    Ipv4 = "ipv4",
    /// A public IPv6 address.
    Ipv6 = "ipv6",
    /// An e-mail address.
    Email = "email",
    /// Number of a passport, driving licence or national register.
    NationalId = "national_id",
    /// US social security number.
    UsSsn = "us_ssn",
    /// Payment card number.
    CreditCard = "credit_card",
    /// Card verification code.
    Cvv = "cvv",
    /// One-time code.
    Otp = "otp",
    /// International bank account number.
    Iban = "iban",
    /// A secret known by its name or context.
    GenericSecret = "generic_secret",
    /// A session identifier or cookie.
    SessionCookie = "session_cookie",
    /// A password.
    Password = "password",
    /// A password inside a URL or connection string.
    DbPassword = "db_password",
    /// `user:password` in base64.
    BasicAuth = "basic_auth",
    /// Token of an authorization header.
    BearerToken = "bearer_token",
    /// AWS secret access key.
    AwsSecretKey = "aws_secret_key",
    /// AWS session token.
    AwsSessionToken = "aws_session_token",
    /// Key of an Azure storage account or message bus.
    AzureStorageKey = "azure_storage_key",
    /// Signature that makes a URL usable by anyone who has it.
    AzureSasSig = "azure_sas_sig",
    /// Key of a service whose key format is known.
    ApiKey = "api_key",
    /// JSON web token.
    Jwt = "jwt",
    /// AWS access key id.
    AwsAccessKeyId = "aws_access_key_id",
    /// Google API key.
    GcpApiKey = "gcp_api_key",
    /// Google OAuth token.
    GcpOauthToken = "gcp_oauth_token",
    /// GitHub token.
    GithubToken = "github_token",
    /// GitLab token.
    GitlabToken = "gitlab_token",
    /// Slack token.
    SlackToken = "slack_token",
    /// URL through which anyone can post to a chat.
    SlackWebhook = "slack_webhook",
    /// OpenAI key.
    OpenaiKey = "openai_key",
    /// Anthropic key.
    AnthropicKey = "anthropic_key",
    /// Stripe key.
    StripeKey = "stripe_key",
    /// SendGrid key.
    SendgridKey = "sendgrid_key",
    /// npm token.
    NpmToken = "npm_token",
    /// PyPI token.
    PypiToken = "pypi_token",
    /// Private key block.
    PrivateKey = "private_key",
}

/// Sorts findings and joins those that overlap into one of the more specific kind.
pub(crate) fn merge(mut findings: Vec<Finding>) -> Vec<Finding> {
    if findings.len() < 2 {
        return findings;
    }
    findings.sort_by_key(|finding| (finding.range.start, finding.range.end));
    let mut merged: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        match merged.last_mut() {
            Some(last) if finding.range.start < last.range.end => {
                last.range.end = last.range.end.max(finding.range.end);
                last.kind = last.kind.max(finding.kind);
            }
            _ => merged.push(finding),
        }
    }
    merged
}
