//! The client of a Qdrant server: publish, search, retire.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{
    CountPointsBuilder, CreateAliasBuilder, CreateCollectionBuilder,
    CreateFieldIndexCollectionBuilder, Distance, FieldType, PayloadIncludeSelector,
    QueryPointsBuilder, ScoredPoint, SearchParamsBuilder, UpsertPointsBuilder, VectorParamsBuilder,
};
use qdrant_client::{Qdrant, QdrantError};
use tokio::runtime::Runtime;

use super::super::generation::{FINGERPRINT_CHARACTERS, Generation};
use super::super::vector_store::{VectorQuery, VectorStore};
use super::points::{CHUNK, DATE, KIND, SERVICE, SEVERITY, TEAM, filter_of, points_of};
use crate::StoreError;

/// Points in one request: about half a megabyte.
const BATCH_POINTS: usize = 256;
/// Up to so many points are compared one by one, as the embedded store does; beyond, the server's graph is used.
const EXACT_POINTS_MAX: u64 = 100_000;
/// How many neighbours the graph keeps in view; this many give a recall above .98.
const GRAPH_CANDIDATES: u64 = 256;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Times a request is sent at most when the server cannot be reached.
const ATTEMPTS_MAX: u32 = 3;
const RETRY_WAIT: Duration = Duration::from_millis(100);
const OWNER_CHARACTERS: usize = 8;
/// Characters of a server's own words that are kept.
const DETAIL_CHARACTERS_MAX: usize = 200;

/// How to reach a Qdrant server.
#[derive(Clone)]
pub struct QdrantSettings {
    /// Its gRPC address, such as `http://localhost:6334`.
    pub url: String,
    /// The beginning of our collections' names, and the alias of the one that serves.
    pub collection: String,
    /// Its key; none where it asks for none.
    pub api_key: Option<String>,
}

impl std::fmt::Debug for QdrantSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("QdrantSettings")
            .field("collection", &self.collection)
            .finish_non_exhaustive()
    }
}

/// Vectors on a Qdrant server.
pub struct QdrantVectors {
    client: Qdrant,
    collection: String,
    /// Stands for the data directory, so that two of them can use one server.
    owner: String,
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
}

impl std::fmt::Debug for QdrantVectors {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "QdrantVectors({})", self.collection)
    }
}

impl QdrantVectors {
    /// Prepares a client; nothing is sent yet.
    ///
    /// # Errors
    /// When the address or the collection's name is unusable.
    pub fn new(settings: &QdrantSettings) -> Result<Self, StoreError> {
        let is_name = |name: &str| {
            let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            !name.is_empty() && name.len() <= 100 && name.chars().all(usual)
        };
        if !is_name(&settings.collection) {
            let detail = "its name must be made of letters, digits, - and _";
            return Err(failed("name a collection", detail));
        }
        let mut config = Qdrant::from_url(&settings.url)
            .timeout(REQUEST_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .skip_compatibility_check();
        if let Some(key) = &settings.api_key {
            config.set_api_key(key);
        }
        let client = config.build().map_err(refused("read the address"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("qdrant")
            .enable_all()
            .build()
            .map_err(|error| failed("start a thread", &error.to_string()))?;
        let collection = settings.collection.clone();
        Ok(Self { client, collection, owner: owner_of(Path::new("")), runtime: Some(runtime) })
    }

    /// The same server for the index in the directory `root`.
    pub(in super::super) fn owned_by(mut self, root: &Path) -> Self {
        let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        self.owner = owner_of(&root);
        self
    }

    /// Removes every collection of ours, and with the last one the alias.
    pub(in super::super) fn clear(&self) -> Result<(), StoreError> {
        self.wait(self.remove_all_but(None))
    }

    /// The name of a generation's collection.
    fn collection_of(&self, generation: &Generation) -> String {
        let Generation { number, catalog, .. } = generation;
        format!("{}{number}-{}", self.prefix(), catalog.fingerprint)
    }

    /// What the names of all collections of ours begin with.
    fn prefix(&self) -> String {
        format!("{}-{}-", self.collection, self.owner)
    }

    /// Waits for `work` on a thread of its own, because waiting is forbidden on one that drives an async runtime.
    fn wait<T: Send>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let Some(runtime) = &self.runtime else {
            return Err(failed("answer", "it is being shut down"));
        };
        let joined = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(work)).join());
        joined.unwrap_or_else(|_| Err(failed("answer", "a thread died, which is a bug")))
    }

    async fn fill(&self, generation: &Generation, collection: &str) -> Result<(), StoreError> {
        let catalog = &generation.catalog;
        let dimensions = u64::from(catalog.dimensions);
        if self.exists(collection).await? {
            // Half of an earlier attempt at the same generation.
            self.client.delete_collection(collection).await.map_err(refused("start anew"))?;
        }
        let vectors = VectorParamsBuilder::new(dimensions, Distance::Cosine);
        let create = CreateCollectionBuilder::new(collection).vectors_config(vectors);
        self.client.create_collection(create).await.map_err(refused("create a collection"))?;
        for (field, kind) in [
            (KIND, FieldType::Keyword),
            (SERVICE, FieldType::Keyword),
            (TEAM, FieldType::Keyword),
            (SEVERITY, FieldType::Keyword),
            (DATE, FieldType::Integer),
        ] {
            let index = CreateFieldIndexCollectionBuilder::new(collection, field, kind).wait(true);
            self.client.create_field_index(index).await.map_err(refused("index a field"))?;
        }
        let vectors = generation.vectors()?;
        let chunks = vectors.len();
        let mut sent = 0;
        for begin in (0..chunks).step_by(BATCH_POINTS) {
            let points = points_of(catalog, vectors, begin..(begin + BATCH_POINTS).min(chunks));
            sent += points.len() as u64;
            if !points.is_empty() {
                let batch = UpsertPointsBuilder::new(collection, points).wait(true);
                let send = || self.client.upsert_points(batch.clone());
                retry(send).await.map_err(refused("store vectors"))?;
            }
        }
        let count = CountPointsBuilder::new(collection).exact(true);
        let held = self.client.count(count).await.map_err(refused("count vectors"))?;
        let held = held.result.map_or(0, |result| result.count);
        if held != sent {
            return Err(failed("store vectors", &format!("it has {held} of {sent}")));
        }
        let alias = CreateAliasBuilder::new(collection, &self.collection);
        self.client.create_alias(alias).await.map_err(refused("move the alias"))?;
        Ok(())
    }

    async fn exists(&self, collection: &str) -> Result<bool, StoreError> {
        let ask = || self.client.collection_exists(collection);
        retry(ask).await.map_err(refused("look for a collection"))
    }

    async fn search(
        &self,
        generation: &Generation,
        query: &VectorQuery<'_>,
    ) -> Result<Vec<(usize, f32)>, StoreError> {
        let exact = generation.catalog.vectors <= EXACT_POINTS_MAX;
        let params = SearchParamsBuilder::default().exact(exact).hnsw_ef(GRAPH_CANDIDATES);
        let mut search = QueryPointsBuilder::new(self.collection_of(generation))
            .query(query.vector.to_vec())
            .limit(query.limit as u64)
            .params(params)
            .with_payload(PayloadIncludeSelector { fields: vec![CHUNK.to_owned()] });
        if let Some(filter) = filter_of(query) {
            search = search.filter(filter);
        }
        let ask = || self.client.query(search.clone());
        let found = retry(ask).await.map_err(refused("search"))?;
        found.result.iter().map(position_and_cosine).collect()
    }

    async fn remove_all_but(&self, kept: Option<&str>) -> Result<(), StoreError> {
        let listed = self.client.list_collections().await.map_err(refused("list collections"))?;
        for collection in listed.collections {
            let name = collection.name.as_str();
            if self.is_ours(name) && Some(name) != kept {
                self.client
                    .delete_collection(name)
                    .await
                    .map_err(refused("remove a collection"))?;
            }
        }
        Ok(())
    }

    /// Whether the collection is one of a generation: ours, a number, a fingerprint.
    fn is_ours(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.prefix());
        let parts = rest.and_then(|rest| rest.split_once('-'));
        parts.is_some_and(|(number, fingerprint)| {
            number.parse::<u64>().is_ok()
                && fingerprint.len() == FINGERPRINT_CHARACTERS
                && fingerprint.chars().all(|c| c.is_ascii_hexdigit())
        })
    }
}

impl VectorStore for QdrantVectors {
    fn nearest(
        &self,
        generation: &Generation,
        query: &VectorQuery<'_>,
    ) -> Result<Vec<(usize, f32)>, StoreError> {
        if query.limit == 0 || generation.catalog.vectors == 0 {
            return Ok(Vec::new());
        }
        let mut found = self.wait(self.search(generation, query))?;
        // Of equally near ones the first, as in the embedded store.
        found.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        Ok(found)
    }

    fn publish(&self, generation: &Generation) -> Result<(), StoreError> {
        if generation.catalog.vectors == 0 {
            return Ok(());
        }
        let collection = self.collection_of(generation);
        self.wait(self.fill(generation, &collection))
    }

    fn retire_others(&self, serving: &Generation) -> Result<(), StoreError> {
        let collection = self.collection_of(serving);
        self.wait(self.remove_all_but(Some(&collection)))
    }
}

impl Drop for QdrantVectors {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waits for nothing, so that it may be dropped anywhere.
            runtime.shutdown_background();
        }
    }
}

fn owner_of(root: &Path) -> String {
    let hash = blake3::hash(root.as_os_str().as_encoded_bytes());
    hash.to_hex().chars().take(OWNER_CHARACTERS).collect()
}

fn position_and_cosine(point: &ScoredPoint) -> Result<(usize, f32), StoreError> {
    match point.payload.get(CHUNK).and_then(|value| value.kind.as_ref()) {
        Some(Kind::IntegerValue(position)) => {
            let position = usize::try_from(*position);
            position.map(|position| (position, point.score)).map_err(|_| nameless())
        }
        _ => Err(nameless()),
    }
}

fn nameless() -> StoreError {
    failed("search", "a point does not say which passage it is")
}

/// Sends a request again while the server cannot be reached; all of ours may be sent twice.
async fn retry<T, F: Future<Output = Result<T, QdrantError>>>(
    send: impl Fn() -> F,
) -> Result<T, QdrantError> {
    let mut attempt = 1;
    loop {
        match send().await {
            Err(error) if attempt < ATTEMPTS_MAX && is_unreachable(&error) => {
                tokio::time::sleep(RETRY_WAIT * attempt).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

/// Whether it is about the connection; the code of a status as a word, because its type belongs to another crate.
fn is_unreachable(error: &QdrantError) -> bool {
    match error {
        QdrantError::ResponseError { status } => format!("{:?}", status.code()) == "Unavailable",
        _ => false,
    }
}

fn refused(action: &'static str) -> impl FnOnce(QdrantError) -> StoreError {
    move |error| {
        let told = match error {
            // Its own text shows the metadata too, of which nobody knows what it holds.
            QdrantError::ResponseError { status } => status.message().to_owned(),
            QdrantError::ResourceExhaustedError { status, .. } => status.message().to_owned(),
            other => other.to_string(),
        };
        failed(action, &told)
    }
}

fn failed(action: &'static str, told: &str) -> StoreError {
    let detail = told
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(DETAIL_CHARACTERS_MAX)
        .collect();
    StoreError::VectorServer { action, detail }
}
