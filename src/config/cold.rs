//! The bucket that has old splits.

use serde::Deserialize;

use super::{Environment, Secret};

/// What a platform tells a process of the role that it gave it, as Kubernetes does on Amazon and Azure: names of files
/// and addresses where credentials are had. The client knows them by the same names in small letters.
const ROLE: [&str; 11] = [
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
];

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
    /// File with Google's credentials, of a service account or of a person; empty where the machine has a role.
    pub google_credentials: String,
    /// Address of Google's storage, where it is not the usual one.
    pub google_endpoint: String,
    /// Azure storage account.
    pub azure_account: String,
    /// Key for it; empty where the machine has a role.
    pub azure_key: Secret,
    /// File that holds the key.
    pub azure_key_file: std::path::PathBuf,
    /// Address of the account, where it is not in Azure's public cloud.
    pub azure_endpoint: String,
    /// The role of the process, as its platform tells it.
    #[serde(skip)]
    pub role: Vec<(String, String)>,
}

impl ColdSettings {
    /// What the kind of bucket is told, by the names that its client knows.
    #[must_use]
    pub fn options(&self) -> Vec<(String, String)> {
        let truth = |is_so: bool| if is_so { "true" } else { "" };
        let kind = self.url.split_once(':').map_or("", |(kind, _)| kind);
        let of_kind: &[(&str, &str)] = match kind {
            "s3" | "s3a" => &[
                ("endpoint", &self.endpoint),
                ("region", &self.region),
                ("access_key_id", &self.access_key_id),
                ("secret_access_key", self.secret_access_key.expose()),
                ("session_token", self.session_token.expose()),
                // Said by the address, where there is one at all.
                ("aws_allow_http", truth(self.endpoint.starts_with("http:"))),
            ],
            "gs" => &[
                ("google_application_credentials", &self.google_credentials),
                ("google_base_url", &self.google_endpoint),
            ],
            "az" | "azure" | "abfs" | "abfss" => &[
                ("account_name", &self.azure_account),
                ("account_key", self.azure_key.expose()),
                ("azure_endpoint", &self.azure_endpoint),
                ("azure_allow_http", truth(self.azure_endpoint.starts_with("http:"))),
            ],
            _ => &[],
        };
        let given = of_kind.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        // A client leaves out what is another's.
        given.chain(self.role.iter().cloned()).filter(|(_, value)| !value.is_empty()).collect()
    }

    /// Takes the role of the process from its environment.
    pub(super) fn take_role(&mut self, environment: &Environment) {
        let told =
            |name: &&str| Some((name.to_ascii_lowercase(), environment.get(name)?.to_owned()));
        self.role = ROLE.iter().filter_map(told).collect();
    }
}

#[cfg(test)]
mod tests {
    use groundcrew_store::{Access, Store, StoreOptions};

    use super::*;
    use crate::config::load;
    use crate::upkeep::use_bucket;

    #[test]
    fn a_persons_credentials_of_google_are_taken() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let told =
            r#"{"type":"authorized_user","client_id":"a","client_secret":"b","refresh_token":"c"}"#;
        std::fs::write(file.path(), told).unwrap();
        let path = file.path().to_str().unwrap();
        let environment = Environment::from([
            ("GROUNDCREW__COLD__URL", "gs://bucket"),
            ("GOOGLE_APPLICATION_CREDENTIALS", path),
        ]);
        let settings = load(&environment, None, &[]).unwrap();
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(StoreOptions {
            dir: data.path().to_owned(),
            access: Access::ReadWrite,
            memory_bytes_max: 1 << 20,
        });
        use_bucket(&store.unwrap(), &settings).unwrap();
    }

    #[test]
    fn each_kind_of_bucket_is_told_what_is_its_own_and_the_role_of_the_process() {
        let of = |url: &str| {
            let environment = Environment::from([
                ("GROUNDCREW__COLD__URL", url),
                ("AWS_REGION", "eu-central-1"),
                ("AWS_ROLE_ARN", "arn:aws:iam::1:role/reader"),
                ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token"),
                ("GOOGLE_APPLICATION_CREDENTIALS", "/run/google.json"),
                ("AZURE_STORAGE_ACCOUNT_NAME", "acme"),
                ("AZURE_STORAGE_ENDPOINT", "http://localhost:1/acme"),
                ("AZURE_CLIENT_ID", ""),
                ("AZURE_TENANT_ID", "tenant"),
            ]);
            let options = load(&environment, None, &[]).unwrap().cold.options();
            options.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        let role = [
            "aws_role_arn=arn:aws:iam::1:role/reader",
            "aws_web_identity_token_file=/var/run/token",
            "azure_tenant_id=tenant",
        ];
        for (url, own) in [
            ("s3://bucket/prefix", &["region=eu-central-1"][..]),
            ("gs://bucket", &["google_application_credentials=/run/google.json"]),
            (
                "az://container",
                &[
                    "account_name=acme",
                    "azure_endpoint=http://localhost:1/acme",
                    "azure_allow_http=true",
                ],
            ),
            ("file:///mnt", &[]),
        ] {
            assert_eq!(of(url), [own, &role].concat(), "{url}");
        }
    }
}
