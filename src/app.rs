//! The composition root: builds every part from the settings, starts the listeners, and owns the shutdown.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use groundcrew_indexer::sources::messages::Mappings;
use groundcrew_indexer::{Intake, IntakeSettings, sources};
use groundcrew_llm::{
    Embedder, LanguageModel, LlmError, LlmSettings, LocalEmbedder, OpenAiCompatible,
    OpenAiEmbedder, Prompt,
};
use groundcrew_masking::Masker;
use groundcrew_store::{
    Access as StoreAccess, DocumentIndex, QdrantSettings, QdrantVectors, StateDb, Store,
    StoreError, StoreOptions,
};
use groundcrew_telemetry::{Clock, SystemClock};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{ConfigError, EmbeddingSettings, Settings};
use crate::desk::Desk;
use crate::investigate::{Investigator, LazyEmbedder, ModelLimits, Tools};
use crate::neighbours::neighbours;
use crate::remediate::Remediation;
use crate::session::{Sessions, SessionsOptions};
use crate::sources::{Listeners, SourceAddresses};
use crate::surfaces::access::Access;
use crate::surfaces::hooks::HooksOptions;
use crate::surfaces::http::{self, Api};
use crate::surfaces::mcp::Mcp;
use crate::surfaces::panel::PanelOptions;
use crate::surfaces::slack::{Slack, SlackOptions};
use crate::surfaces::ws;
use crate::upkeep::{Rhythm, look_after, upkeep, use_bucket};

/// The prompt that tells an answer, as shipped.
const EXPLAIN_PROMPT: &str = include_str!("../prompts/explain.md");
/// File in the data directory that says where the server of this directory listens.
const SERVER_FILE: &str = "server.json";
/// Time for runs to end after the shutdown began.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A part that could not be built.
#[derive(Debug, Error)]
pub enum AppError {
    /// The settings do not allow it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The model or a prompt is unusable.
    #[error(transparent)]
    Llm(#[from] LlmError),
    /// A prompt of one's own could not be read.
    #[error(
        "failed to use the prompt {path}: {source}\nhint: it has the form of prompts/explain.md; leave llm.prompts_dir empty for the one that is shipped"
    )]
    Prompt {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A port could not be had.
    #[error(
        "failed to listen on {address} for {purpose}: {source}\nhint: another program may have it; choose another with {setting}"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What for.
        purpose: &'static str,
        /// The setting that changes it.
        setting: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The mappings of messages cannot be used.
    #[error(
        "failed to use the mappings {path}: {message}\nhint: leave hooks.mappings empty for none"
    )]
    Mappings {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The server's own file could not be written.
    #[error("failed to write {path}: {source}")]
    ServerFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Opens the store of the settings.
///
/// # Errors
/// When another process writes to it, or it is of a newer version.
pub fn open_store(settings: &Settings, access: StoreAccess) -> Result<Arc<Store>, AppError> {
    let store = Store::open(store_options(settings, access))?;
    use_bucket(&store, settings)?;
    use_vector_server(store.documents(), settings)?;
    Ok(Arc::new(store))
}

/// Opens the store of the settings for reading, beside a server that may run, with a state that may be written.
///
/// # Errors
/// When there is no data directory, or it is of a newer version.
pub fn open_store_beside(settings: &Settings) -> Result<Arc<Store>, AppError> {
    let store = Store::open_beside(store_options(settings, StoreAccess::ReadOnly))?;
    use_bucket(&store, settings)?;
    use_vector_server(store.documents(), settings)?;
    Ok(Arc::new(store))
}

/// Opens the documents of the settings for writing, without the rest of the store: a running server may hold that.
///
/// # Errors
/// When the store cannot be made, or the vector server's settings are unusable.
pub fn open_documents(settings: &Settings) -> Result<DocumentIndex, AppError> {
    let documents = Store::open_documents(store_options(settings, StoreAccess::ReadWrite))?;
    use_vector_server(&documents, settings)?;
    Ok(documents)
}

fn store_options(settings: &Settings, access: StoreAccess) -> StoreOptions {
    StoreOptions {
        dir: settings.data.dir.clone(),
        access,
        memory_bytes_max: settings.data.memory_mib_max.max(1) * 1024 * 1024,
    }
}

fn use_vector_server(documents: &DocumentIndex, settings: &Settings) -> Result<(), AppError> {
    let qdrant = &settings.documents.qdrant;
    if !qdrant.url.is_empty() {
        let key = qdrant.api_key.expose();
        documents.use_qdrant(QdrantVectors::new(&QdrantSettings {
            url: qdrant.url.clone(),
            collection: qdrant.collection.clone(),
            api_key: Some(key.to_owned()).filter(|key| !key.is_empty()),
        })?);
    }
    Ok(())
}

/// Opens the state of the settings for writing, without the rest of the store: a running server may hold that, and the
/// state's database is made for several writers.
///
/// # Errors
/// When there is no data directory, or its state is damaged or of a newer version.
pub fn open_state(settings: &Settings) -> Result<StateDb, AppError> {
    Ok(StateDb::open(
        &settings.data.dir.join(groundcrew_store::state::FILE),
        StoreAccess::ReadWrite,
    )?)
}

/// Builds what answers questions over `store`.
///
/// # Errors
/// When the model's settings are unusable.
pub fn build_investigator(
    settings: &Settings,
    store: Arc<Store>,
) -> Result<Arc<Investigator>, AppError> {
    // The tokenizer takes a while to load; by the time a bundle is packed it is there.
    std::thread::spawn(|| groundcrew_llm::count_tokens("."));
    Ok(Arc::new(Investigator {
        store,
        masker: Arc::new(Masker::new()),
        embedder: Arc::new(lazy_embedder(&settings.embedding)),
        model: build_model(settings)?,
        prompt: prompt(settings)?,
        limits: limits(&settings.llm),
        neighbours: neighbours(&settings.mcp.servers),
        processors: Arc::default(),
    }))
}

/// What a model needs to tell an answer, without a store.
pub struct Teller {
    /// The model.
    pub model: Arc<dyn LanguageModel>,
    masker: Masker,
    prompt: Prompt,
    limits: ModelLimits,
}

impl Teller {
    /// What a telling works with.
    #[must_use]
    pub const fn tools(&self) -> Tools<'_> {
        Tools { masker: &self.masker, prompt: &self.prompt, limits: &self.limits }
    }
}

/// Builds what tells an answer, or `None` without a model.
///
/// # Errors
/// When the model's settings are unusable.
pub fn build_teller(settings: &Settings) -> Result<Option<Teller>, AppError> {
    let Some(model) = build_model(settings)? else { return Ok(None) };
    let prompt = prompt(settings)?;
    Ok(Some(Teller { model, masker: Masker::new(), prompt, limits: limits(&settings.llm) }))
}

/// The prompt that tells answers: one's own where there is one.
fn prompt(settings: &Settings) -> Result<Prompt, AppError> {
    let folder = &settings.llm.prompts_dir;
    if folder.as_os_str().is_empty() {
        return Ok(EXPLAIN_PROMPT.parse()?);
    }
    let path = folder.join("explain.md");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(AppError::Prompt { path, source: source.into() }),
    };
    text.parse().map_err(|source: LlmError| AppError::Prompt { path, source: source.into() })
}

fn limits(settings: &crate::config::LlmSettings) -> ModelLimits {
    ModelLimits {
        context_tokens: settings.context_tokens,
        queries_max: settings.queries_max,
        tokens_max: settings.tokens_max,
        time_max: settings.timeouts().1,
        input_price: settings.input_price,
        output_price: settings.output_price,
        cost_max: settings.cost_max,
    }
}

fn lazy_embedder(settings: &EmbeddingSettings) -> LazyEmbedder {
    let settings = settings.clone();
    LazyEmbedder::new(move || load_embedder(&settings))
}

/// The configured embedder: behind an API where a model is named, else the one that runs here.
///
/// # Errors
/// When its settings are unusable, or its weights are missing or not the pinned ones.
pub fn load_embedder(settings: &EmbeddingSettings) -> Result<Box<dyn Embedder>, LlmError> {
    if settings.model.is_empty() {
        return Ok(Box::new(LocalEmbedder::load(&settings.model_dir)?));
    }
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Ok(Box::new(OpenAiEmbedder::new(&groundcrew_llm::EmbeddingSettings {
        base_url: given(&settings.base_url),
        api_key: given(settings.api_key.expose()),
        model: settings.model.clone(),
        dimensions: Some(settings.dimensions).filter(|dimensions| *dimensions > 0),
        timeout: Duration::from_secs(settings.timeout_secs.max(1)),
    })?))
}

/// The configured language model, if one is.
///
/// # Errors
/// When its settings are unusable.
pub fn build_model(settings: &Settings) -> Result<Option<Arc<dyn LanguageModel>>, AppError> {
    let llm = &settings.llm;
    if !llm.is_configured() {
        return Ok(None);
    }
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (first_token_timeout, total_timeout) = llm.timeouts();
    let model = OpenAiCompatible::new(LlmSettings {
        base_url: given(&llm.base_url),
        api_key: given(llm.api_key.expose()),
        model: llm.model.clone(),
        first_token_timeout,
        total_timeout,
    })?;
    Ok(Some(Arc::new(model)))
}

/// Where a running server listens; also the content of its file in the data directory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Addresses {
    /// Panel, chat and API.
    pub http: SocketAddr,
    /// OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
    /// OTLP over HTTP.
    pub otlp_http: SocketAddr,
    /// What is listened on besides.
    #[serde(default)]
    pub sources: SourceAddresses,
}

impl Addresses {
    /// Reads where the server of this data directory listens, or last listened.
    #[must_use]
    pub fn of_directory(directory: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(directory.join(SERVER_FILE)).ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// A server that runs.
pub struct Running {
    /// Where it listens.
    pub addresses: Addresses,
    /// What writes telemetry.
    pub intake: Intake,
    /// The conversations.
    pub sessions: Sessions,
    shutdown: CancellationToken,
    ready: Arc<AtomicBool>,
    tasks: JoinSet<()>,
    store: Arc<Store>,
    directory: PathBuf,
}

/// Starts everything that the settings ask for.
///
/// # Errors
/// When a part cannot be built or a port cannot be had.
pub async fn start(settings: &Settings) -> Result<Running, AppError> {
    settings.check_exposure()?;
    settings.slack.mode()?;
    let upkeep = upkeep(settings)?;
    let store = open_store(settings, StoreAccess::ReadWrite)?;
    let investigator = build_investigator(settings, Arc::clone(&store))?;
    let durability = settings.data.durability;
    tracing::info!(durability = durability.name(), "{}", durability.meaning());
    let intake = Intake::beside_questions(
        Arc::clone(&store),
        Arc::clone(&investigator.masker),
        intake_settings(durability),
        Arc::clone(&investigator.processors),
    );
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let shutdown = CancellationToken::new();
    let ready = Arc::new(AtomicBool::new(true));
    let sessions = Sessions::new(SessionsOptions {
        investigator,
        clock: Arc::clone(&clock),
        questions_max: settings.server.questions_max,
        shutdown: shutdown.clone(),
    });
    let actions = Remediation::new(Arc::clone(&store), clock, settings);
    let serving = sources::Serving::new(intake.clone(), shutdown.clone());
    let mut tasks = JoinSet::new();
    let server = &settings.server;
    let access = Access::new(server.token.clone(), server.allowed_origins.clone());
    let listeners = Listeners::bind(server).await?;
    let addresses = Addresses {
        http: local(&listeners.http, server.listen),
        otlp_grpc: local(&listeners.grpc, server.otlp_grpc),
        otlp_http: local(&listeners.otlp, server.otlp_http),
        sources: crate::sources::start(&settings.intake, &serving, &mut tasks).await?,
    };
    let chat =
        ws::Chat { sessions: sessions.clone(), access: access.clone(), shutdown: shutdown.clone() };
    let panel = PanelOptions::new(&settings.panel.links, &settings.panel.frame_ancestors)?;
    let panel = Arc::new(panel.with_actions(actions.is_configured()));
    let desk = Desk::open(sessions.clone())?;
    let hooks = (&settings.hooks, load_mappings(&settings.hooks.mappings)?);
    let hooks = HooksOptions::new(hooks, &intake, &desk, &access);
    let slack = build_slack(settings, (&sessions, &desk, &actions), &shutdown)?;
    let mcp = Mcp::of(&sessions).proposing(settings);
    let (ready_now, actions_too) = (Arc::clone(&ready), actions.clone());
    let slack_too = slack.clone();
    let api = Api {
        chat,
        ready: ready_now,
        durability,
        panel,
        slack: slack_too,
        actions: actions_too,
        mcp,
    };
    listeners.serve(http::router(api, hooks), (&intake, &access), &shutdown, &mut tasks);
    tasks.spawn(desk.run(shutdown.clone()));
    tasks.spawn(actions.run(shutdown.clone()));
    tasks.spawn(look_after(
        Arc::clone(&store),
        Rhythm { seal_after_secs: settings.data.seal_after_secs, upkeep },
        shutdown.clone(),
    ));
    if let Some(slack) = slack {
        tasks.spawn(slack.run());
    }
    let directory = settings.data.dir.clone();
    write_server_file(&directory, &addresses)?;
    Ok(Running { addresses, intake, sessions, shutdown, ready, tasks, store, directory })
}

fn intake_settings(durability: crate::config::DurabilitySetting) -> IntakeSettings {
    IntakeSettings {
        durability: durability.of_appends(),
        ..IntakeSettings::within(groundcrew_store::available_memory_bytes())
    }
}

fn local(listener: &TcpListener, wanted: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(wanted)
}

/// Slack, where it is set up.
fn build_slack(
    settings: &Settings,
    (sessions, desk, actions): (&Sessions, &Desk, &Remediation),
    shutdown: &CancellationToken,
) -> Result<Option<Slack>, AppError> {
    let Some(mode) = settings.slack.mode()? else { return Ok(None) };
    let shared = &settings.slack.shared_state;
    let shared = match shared.as_os_str().is_empty() {
        true => None,
        false => Some(Arc::new(StateDb::open(shared, StoreAccess::ReadWrite)?)),
    };
    Ok(Some(Slack::new(SlackOptions {
        settings: settings.slack.clone(),
        mode,
        public_url: settings.server.public_url.clone(),
        sessions: sessions.clone(),
        desk: desk.clone(),
        actions: actions.clone(),
        shared,
        shutdown: shutdown.clone(),
    })))
}

impl Running {
    /// Ends in order: no new work, runs and connections end, memory is sealed.
    pub async fn stop(mut self) {
        self.ready.store(false, Ordering::Relaxed);
        self.shutdown.cancel();
        if tokio::time::timeout(DRAIN_TIMEOUT, self.sessions.drained()).await.is_err() {
            tracing::warn!("questions were still being answered at the end of the drain time");
        }
        while self.tasks.join_next().await.is_some() {}
        let path = self.directory.join(SERVER_FILE);
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::debug!(%error, "failed to remove the server's file");
        }
        let store = Arc::clone(&self.store);
        match tokio::task::spawn_blocking(move || store.flush()).await {
            Ok(Ok(())) => {}
            // What was acknowledged stands in the write-ahead log and is read again at the next start.
            Ok(Err(error)) => tracing::warn!(%error, "failed to seal memory at shutdown"),
            Err(error) => tracing::error!(%error, "the task that seals memory died"),
        }
    }
}

/// How messages of further sources are read.
///
/// # Errors
/// When the file cannot be read or says nothing that can be followed.
pub fn load_mappings(path: &Path) -> Result<Mappings, AppError> {
    if path.as_os_str().is_empty() {
        return Ok(Mappings::default());
    }
    let wrong = |message: String| AppError::Mappings { path: path.to_owned(), message };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Mappings::parse(&text).map_err(wrong)
}

fn write_server_file(directory: &Path, addresses: &Addresses) -> Result<(), AppError> {
    let path = directory.join(SERVER_FILE);
    let text = serde_json::to_string(addresses).unwrap_or_default();
    std::fs::write(&path, text).map_err(|source| AppError::ServerFile { path, source })
}
