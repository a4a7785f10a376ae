//! The bucket that has old splits.

use serde::Deserialize;

use super::Secret;

/// The bucket that has old splits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColdSettings {
    /// `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` or `file:///directory`; empty for none.
    pub url: String,
    /// After how long splits move there.
    pub after: String,
    /// Fetched files that are kept on the local disk, in MiB.
    pub cache_mib: u64,
    /// Longest wait for a request.
    pub timeout_secs: u64,
    /// Address of a server that speaks S3, where it is not Amazon's.
    pub endpoint: String,
    /// Region of the bucket.
    pub region: String,
    /// Key for S3; empty where the machine has a role of its own.
    pub access_key_id: String,
    /// The secret that belongs to it.
    pub secret_access_key: Secret,
    /// File that holds the secret.
    pub secret_access_key_file: std::path::PathBuf,
    /// Token of a key that is temporary.
    pub session_token: Secret,
    /// File with the key of a Google service account.
    pub google_credentials: String,
    /// Azure storage account.
    pub azure_account: String,
    /// Key for it.
    pub azure_key: Secret,
}

impl ColdSettings {
    /// What the kind of bucket is told, by the names that its client knows.
    #[must_use]
    pub fn options(&self) -> Vec<(String, String)> {
        let of_kind: &[(&str, &str)] = match self.url.split_once(':').map_or("", |(kind, _)| kind) {
            "s3" | "s3a" => &[
                ("endpoint", &self.endpoint),
                ("region", &self.region),
                ("access_key_id", &self.access_key_id),
                ("secret_access_key", self.secret_access_key.expose()),
                ("session_token", self.session_token.expose()),
                // Said by the address, where there is one at all.
                ("aws_allow_http", if self.endpoint.starts_with("http:") { "true" } else { "" }),
            ],
            "gs" => &[("service_account_path", &self.google_credentials)],
            "az" | "azure" | "abfs" | "abfss" => {
                &[("account_name", &self.azure_account), ("account_key", self.azure_key.expose())]
            }
            _ => &[],
        };
        let given = of_kind.iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}
