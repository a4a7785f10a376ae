//! A bucket: S3, Google Cloud Storage, Azure, anything that speaks S3, or a directory. Sole user of the `object_store`
//! crate.

use std::future::Future;
use std::time::Duration;

use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use tokio::runtime::Runtime;
use url::Url;

use crate::StoreError;

/// Characters of a bucket's own words that are kept.
const DETAIL_CHARACTERS_MAX: usize = 200;
/// So much may be sent or fetched in the time that one request has; more has more time.
const BYTES_PER_TIMEOUT: u64 = 16 << 20;

/// How to reach a bucket.
#[derive(Clone)]
pub struct BucketSettings {
    /// `s3://bucket/prefix`, `gs://...`, `az://...` or `file:///directory`.
    pub url: String,
    /// What the kind of bucket wants to know further, by the names of the `object_store` crate: credentials, region,
    /// endpoint.
    pub options: Vec<(String, String)>,
    /// The longest wait for a request.
    pub timeout: Duration,
    /// The most bytes of fetched files that are kept on the local disk.
    pub cache_bytes_max: u64,
}

impl std::fmt::Debug for BucketSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BucketSettings").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A bucket.
pub struct Bucket {
    store: Box<dyn ObjectStore>,
    root: Path,
    pub(super) timeout: Duration,
    pub(super) cache_bytes_max: u64,
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bucket({})", self.root)
    }
}

impl Bucket {
    /// Prepares a client; nothing is sent yet.
    ///
    /// # Errors
    /// When the address or an option is unusable.
    pub fn new(settings: &BucketSettings) -> Result<Self, StoreError> {
        let unusable = |error: String| failed("use the address", &error);
        let url = Url::parse(&settings.url).map_err(|error| unusable(error.to_string()))?;
        let options = settings.options.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let (mut store, root) = object_store::parse_url_opts(&url, options)
            .map_err(|error| unusable(error.to_string()))?;
        if url.scheme() == "file" {
            // The local copy goes once this one is written, so it has to survive a power cut.
            store = Box::new(LocalFileSystem::new().with_fsync(true));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("bucket")
            .enable_all()
            .build()
            .map_err(|error| failed("start a thread", &error.to_string()))?;
        let BucketSettings { timeout, cache_bytes_max, .. } = *settings;
        Ok(Self { store, root, timeout, cache_bytes_max, runtime: Some(runtime) })
    }

    /// Puts an object, replacing one of the same key.
    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let path = self.path(key)?;
        let length = bytes.len() as u64;
        self.wait("store a file", length, self.store.put(&path, PutPayload::from(bytes))).map(drop)
    }

    /// The content of an object; `None` when there is none, or when it is not `length` bytes long.
    pub(crate) fn get(&self, key: &str, length: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(key)?;
        self.wait("fetch a file", length, async {
            let found = match self.store.get(&path).await {
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                other => other?,
            };
            if found.meta.size != length {
                return Ok(None);
            }
            found.bytes().await.map(|bytes| Some(bytes.to_vec()))
        })
    }

    /// Deletes an object; one that is not there is deleted already.
    pub(crate) fn delete(&self, key: &str) -> Result<(), StoreError> {
        let path = self.path(key)?;
        self.wait("delete a file", 0, async {
            match self.store.delete(&path).await {
                Err(object_store::Error::NotFound { .. }) => Ok(()),
                other => other,
            }
        })
    }

    fn path(&self, key: &str) -> Result<Path, StoreError> {
        let whole = format!("{}/{key}", self.root);
        Path::parse(whole).map_err(|error| failed("name a file", &error.to_string()))
    }

    /// Waits for `work` on a thread of its own, because waiting is forbidden on one that drives an async runtime.
    fn wait<T: Send>(
        &self,
        action: &'static str,
        bytes: u64,
        work: impl Future<Output = object_store::Result<T>> + Send,
    ) -> Result<T, StoreError> {
        let Some(runtime) = &self.runtime else {
            return Err(failed(action, "it is being shut down"));
        };
        let shares = u32::try_from(bytes / BYTES_PER_TIMEOUT).unwrap_or(u32::MAX).saturating_add(1);
        let timeout = self.timeout.saturating_mul(shares);
        let timed = async { tokio::time::timeout(timeout, work).await };
        let joined = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(timed)).join());
        match joined {
            Ok(Ok(done)) => done.map_err(|error| failed(action, &error.to_string())),
            Ok(Err(_)) => Err(failed(action, &format!("no answer within {} s", timeout.as_secs()))),
            Err(_) => Err(failed(action, "a thread died, which is a bug")),
        }
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // Dropping a runtime waits for it, which is forbidden on a thread that drives another.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn failed(action: &'static str, detail: &str) -> StoreError {
    let detail = detail.split_whitespace().collect::<Vec<&str>>().join(" ");
    StoreError::Bucket { action, detail: detail.chars().take(DETAIL_CHARACTERS_MAX).collect() }
}
