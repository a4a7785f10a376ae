//! A small Qdrant server for tests: the real protocol over a real socket, collections and aliases in memory, exact search.
//!
//! What it does follows the real server: an upsert replaces points of the same id, vectors of another length and unknown
//! collections are refused, removing a collection removes its aliases, and cosines are those of the vectors themselves.
//! It can be told to fail after some requests, to ask for a key, and to lose points.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use qdrant_client::qdrant::collections_server::{Collections, CollectionsServer};
use qdrant_client::qdrant::points_server::{Points, PointsServer};
use qdrant_client::qdrant::{self as wire, alias_operations::Action, point_id::PointIdOptions};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

type Reply<T> = Result<Response<T>, Status>;

/// What is stored, and how the server misbehaves.
#[derive(Default)]
struct State {
    collections: BTreeMap<String, Collection>,
    aliases: BTreeMap<String, String>,
    /// Upserts that still succeed; `None` for all.
    upserts_left: Option<usize>,
    /// Requests that are answered with "unavailable" before the next one succeeds.
    stumbles: usize,
    api_key: Option<String>,
    /// Whether upserts are accepted and forgotten.
    forgets: bool,
}

#[derive(Default)]
struct Collection {
    dimensions: usize,
    points: HashMap<PointIdOptions, (Vec<f32>, HashMap<String, wire::Value>)>,
}

/// A server that is running; it ends with its runtime.
pub(super) struct TestServer {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl TestServer {
    pub(super) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let service = Service(Arc::clone(&state));
        runtime.spawn(async move {
            let incoming = async_stream(listener);
            let router = tonic::transport::Server::builder()
                .add_service(CollectionsServer::new(service.clone()))
                .add_service(PointsServer::new(service));
            router.serve_with_incoming(incoming).await.unwrap();
        });
        Self { url, state, runtime: Some(runtime) }
    }

    /// Lets so many more upserts succeed.
    pub(super) fn fail_after_upserts(&self, upserts: Option<usize>) {
        self.state.lock().unwrap().upserts_left = upserts;
    }

    pub(super) fn stumble(&self, times: usize) {
        self.state.lock().unwrap().stumbles = times;
    }

    pub(super) fn ask_for_key(&self, key: &str) {
        self.state.lock().unwrap().api_key = Some(key.to_owned());
    }

    pub(super) fn forget_points(&self) {
        self.state.lock().unwrap().forgets = true;
    }

    /// Goes away for good, connections and all.
    pub(super) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(std::time::Duration::from_secs(5));
        }
    }

    pub(super) fn collections(&self) -> Vec<(String, usize)> {
        let state = self.state.lock().unwrap();
        state.collections.iter().map(|(name, held)| (name.clone(), held.points.len())).collect()
    }

    pub(super) fn alias(&self, name: &str) -> Option<String> {
        self.state.lock().unwrap().aliases.get(name).cloned()
    }

    /// The names of all fields in payloads.
    pub(super) fn fields(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let points = state.collections.values().flat_map(|held| held.points.values());
        let mut fields: Vec<String> =
            points.flat_map(|(_, payload)| payload.keys().cloned()).collect();
        fields.sort();
        fields.dedup();
        fields
    }
}

/// The connections of `listener`.
fn async_stream(
    listener: TcpListener,
) -> impl tokio_stream::Stream<Item = std::io::Result<tokio::net::TcpStream>> {
    tokio_stream::wrappers::TcpListenerStream::new(listener)
}

#[derive(Clone)]
struct Service(Arc<Mutex<State>>);

impl Service {
    /// Lets the request in, or not, and does `work` with what is stored.
    fn with<T, R>(
        &self,
        request: Request<T>,
        work: impl FnOnce(&mut State, T) -> Result<R, Status>,
    ) -> Reply<R> {
        let mut state = self.0.lock().unwrap();
        let given = request.metadata().get("api-key").and_then(|key| key.to_str().ok());
        if state.api_key.is_some() && state.api_key.as_deref() != given {
            return Err(Status::unauthenticated(
                "Must provide an API key or an Authorization bearer token",
            ));
        }
        if state.stumbles > 0 {
            state.stumbles -= 1;
            return Err(Status::unavailable("the server is starting"));
        }
        work(&mut state, request.into_inner()).map(Response::new)
    }
}

fn held<'s>(state: &'s mut State, name: &str) -> Result<&'s mut Collection, Status> {
    let name = state.aliases.get(name).cloned().unwrap_or_else(|| name.to_owned());
    let missing = || Status::not_found(format!("Not found: Collection `{name}` doesn't exist!"));
    state.collections.get_mut(&name).ok_or_else(missing)
}

fn create(state: &mut State, request: wire::CreateCollection) -> Result<bool, Status> {
    let config = request.vectors_config.and_then(|config| config.config);
    let Some(wire::vectors_config::Config::Params(params)) = config else {
        return Err(Status::invalid_argument("Wrong input: no vectors"));
    };
    if params.distance != i32::from(wire::Distance::Cosine) || params.size == 0 {
        return Err(Status::invalid_argument("Wrong input: not what this server knows"));
    }
    if state.collections.contains_key(&request.collection_name) {
        let told = format!("Wrong input: Collection `{}` already exists!", request.collection_name);
        return Err(Status::already_exists(told));
    }
    let collection = Collection { dimensions: params.size as usize, ..Collection::default() };
    state.collections.insert(request.collection_name, collection);
    Ok(true)
}

fn change_aliases(state: &mut State, request: wire::ChangeAliases) -> Result<bool, Status> {
    for operation in request.actions {
        let Some(Action::CreateAlias(create)) = operation.action else {
            return Err(Status::unimplemented("only creating an alias"));
        };
        if !state.collections.contains_key(&create.collection_name) {
            return Err(Status::not_found("Not found: Collection doesn't exist!"));
        }
        if state.collections.contains_key(&create.alias_name) {
            return Err(Status::already_exists("Wrong input: a collection has that name"));
        }
        state.aliases.insert(create.alias_name, create.collection_name);
    }
    Ok(true)
}

fn upsert(state: &mut State, request: wire::UpsertPoints) -> Result<(), Status> {
    if let Some(left) = &mut state.upserts_left {
        *left = left.checked_sub(1).ok_or_else(|| Status::unavailable("going away"))?;
    }
    let forgets = state.forgets;
    let collection = held(state, &request.collection_name)?;
    for point in request.points {
        let id = point.id.and_then(|id| id.point_id_options);
        let id = id.ok_or_else(|| Status::invalid_argument("Empty ID is not allowed"))?;
        if let PointIdOptions::Uuid(uuid) = &id {
            let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
            let is_uuid = groups == [8, 4, 4, 4, 12]
                && uuid.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
            if !is_uuid {
                return Err(Status::invalid_argument(format!("Unable to parse UUID: {uuid}")));
            }
        }
        let vector = vector_of(point.vectors)?;
        if vector.len() != collection.dimensions {
            let (expected, got) = (collection.dimensions, vector.len());
            let told =
                format!("Wrong input: Vector dimension error: expected dim: {expected}, got {got}");
            return Err(Status::invalid_argument(told));
        }
        if !forgets {
            collection.points.insert(id, (vector, point.payload));
        }
    }
    Ok(())
}

#[expect(deprecated, reason = "the client still sends plain vectors in the old field")]
fn vector_of(vectors: Option<wire::Vectors>) -> Result<Vec<f32>, Status> {
    let missing = || Status::invalid_argument("Expected some vectors");
    let options = vectors.and_then(|vectors| vectors.vectors_options).ok_or_else(missing)?;
    let wire::vectors::VectorsOptions::Vector(vector) = options else { return Err(missing()) };
    match vector.vector {
        Some(wire::vector::Vector::Dense(dense)) => Ok(dense.data),
        None => Ok(vector.data),
        Some(_) => Err(missing()),
    }
}

fn query(state: &mut State, request: wire::QueryPoints) -> Result<Vec<wire::ScoredPoint>, Status> {
    let collection = held(state, &request.collection_name)?;
    let wanted = request.query.and_then(|query| query.variant);
    let Some(wire::query::Variant::Nearest(input)) = wanted else {
        return Err(Status::unimplemented("only the nearest"));
    };
    let Some(wire::vector_input::Variant::Dense(asked)) = input.variant else {
        return Err(Status::unimplemented("only dense vectors"));
    };
    if asked.data.len() != collection.dimensions {
        return Err(Status::invalid_argument("Wrong input: Vector dimension error"));
    }
    let mut found: Vec<wire::ScoredPoint> = Vec::new();
    for (id, (vector, payload)) in &collection.points {
        if passes(request.filter.as_ref(), payload)? {
            found.push(wire::ScoredPoint {
                id: Some(wire::PointId { point_id_options: Some(id.clone()) }),
                payload: payload.clone(),
                score: cosine(vector, &asked.data),
                ..wire::ScoredPoint::default()
            });
        }
    }
    found.sort_by(|one, other| other.score.total_cmp(&one.score));
    found.truncate(request.limit.unwrap_or(10) as usize);
    Ok(found)
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let product =
        |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(x, y)| x * y).sum::<f32>();
    product(one, other) / (product(one, one) * product(other, other)).sqrt()
}

fn passes(
    filter: Option<&wire::Filter>,
    payload: &HashMap<String, wire::Value>,
) -> Result<bool, Status> {
    let Some(filter) = filter else { return Ok(true) };
    if !filter.should.is_empty() || !filter.must_not.is_empty() || filter.min_should.is_some() {
        return Err(Status::unimplemented("only conditions that must hold"));
    }
    for condition in &filter.must {
        let Some(wire::condition::ConditionOneOf::Field(field)) = &condition.condition_one_of
        else {
            return Err(Status::unimplemented("only conditions on fields"));
        };
        let values = values_of(payload.get(&field.key));
        let holds = if let Some(range) = &field.range {
            values.iter().any(|value| in_range(range, value))
        } else {
            let wanted = field.r#match.as_ref().and_then(|wanted| wanted.match_value.as_ref());
            let Some(wire::r#match::MatchValue::Keywords(wanted)) = wanted else {
                return Err(Status::unimplemented("only any of some words"));
            };
            values.iter().any(|value| match &value.kind {
                Some(wire::value::Kind::StringValue(text)) => wanted.strings.contains(text),
                _ => false,
            })
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A condition on a list holds when it holds for one of its items.
fn values_of(value: Option<&wire::Value>) -> Vec<wire::Value> {
    match value {
        Some(wire::Value { kind: Some(wire::value::Kind::ListValue(list)) }) => list.values.clone(),
        other => other.cloned().into_iter().collect(),
    }
}

fn in_range(range: &wire::Range, value: &wire::Value) -> bool {
    let Some(wire::value::Kind::IntegerValue(number)) = value.kind else { return false };
    let number = number as f64;
    range.gte.is_none_or(|bound| number >= bound) && range.lt.is_none_or(|bound| number < bound)
}

fn done(result: bool) -> wire::CollectionOperationResponse {
    wire::CollectionOperationResponse { result, time: 0.0 }
}

fn stored() -> wire::PointsOperationResponse {
    let status = i32::from(wire::UpdateStatus::Completed);
    let result = wire::UpdateResult { operation_id: Some(1), status };
    wire::PointsOperationResponse { result: Some(result), time: 0.0, usage: None }
}

/// Implements a service: `$rest` as written, and "unimplemented" for each `$method`.
macro_rules! service {
    ($service:ident; $($method:ident($request:ident) -> $response:ident),* $(,)?; $($rest:tt)*) => {
        #[tonic::async_trait]
        impl $service for Service {
            $($rest)*
            $(async fn $method(&self, _: Request<wire::$request>) -> Reply<wire::$response> {
                Err(Status::unimplemented(stringify!($method)))
            })*
        }
    };
}

service! {
    Collections;
    get(GetCollectionInfoRequest) -> GetCollectionInfoResponse,
    update(UpdateCollection) -> CollectionOperationResponse,
    list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse,
    list_aliases(ListAliasesRequest) -> ListAliasesResponse,
    collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse,
    update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse,
    create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse,
    delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse,
    list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse;
    async fn create(&self, request: Request<wire::CreateCollection>) -> Reply<wire::CollectionOperationResponse> {
        self.with(request, |state, request| create(state, request).map(done))
    }
    async fn delete(&self, request: Request<wire::DeleteCollection>) -> Reply<wire::CollectionOperationResponse> {
        self.with(request, |state, request| {
            let removed = state.collections.remove(&request.collection_name).is_some();
            state.aliases.retain(|_, collection| *collection != request.collection_name);
            Ok(done(removed))
        })
    }
    async fn update_aliases(&self, request: Request<wire::ChangeAliases>) -> Reply<wire::CollectionOperationResponse> {
        self.with(request, |state, request| change_aliases(state, request).map(done))
    }
    async fn list(&self, request: Request<wire::ListCollectionsRequest>) -> Reply<wire::ListCollectionsResponse> {
        self.with(request, |state, _| {
            let names = state.collections.keys();
            let collections = names.map(|name| wire::CollectionDescription { name: name.clone() }).collect();
            Ok(wire::ListCollectionsResponse { collections, time: 0.0 })
        })
    }
    async fn collection_exists(&self, request: Request<wire::CollectionExistsRequest>) -> Reply<wire::CollectionExistsResponse> {
        self.with(request, |state, request| {
            let exists = held(state, &request.collection_name).is_ok();
            Ok(wire::CollectionExistsResponse { result: Some(wire::CollectionExists { exists }), time: 0.0 })
        })
    }
}

service! {
    Points;
    delete(DeletePoints) -> PointsOperationResponse,
    get(GetPoints) -> GetResponse,
    update_vectors(UpdatePointVectors) -> PointsOperationResponse,
    delete_vectors(DeletePointVectors) -> PointsOperationResponse,
    set_payload(SetPayloadPoints) -> PointsOperationResponse,
    overwrite_payload(SetPayloadPoints) -> PointsOperationResponse,
    delete_payload(DeletePayloadPoints) -> PointsOperationResponse,
    clear_payload(ClearPayloadPoints) -> PointsOperationResponse,
    delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse,
    create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse,
    delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse,
    search(SearchPoints) -> SearchResponse,
    search_batch(SearchBatchPoints) -> SearchBatchResponse,
    search_groups(SearchPointGroups) -> SearchGroupsResponse,
    scroll(ScrollPoints) -> ScrollResponse,
    recommend(RecommendPoints) -> RecommendResponse,
    recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse,
    recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse,
    discover(DiscoverPoints) -> DiscoverResponse,
    discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse,
    update_batch(UpdateBatchPoints) -> UpdateBatchResponse,
    query_batch(QueryBatchPoints) -> QueryBatchResponse,
    query_groups(QueryPointGroups) -> QueryGroupsResponse,
    facet(FacetCounts) -> FacetResponse,
    search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse,
    search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse;
    async fn upsert(&self, request: Request<wire::UpsertPoints>) -> Reply<wire::PointsOperationResponse> {
        self.with(request, |state, request| upsert(state, request).map(|()| stored()))
    }
    async fn create_field_index(&self, request: Request<wire::CreateFieldIndexCollection>) -> Reply<wire::PointsOperationResponse> {
        self.with(request, |state, request| held(state, &request.collection_name).map(|_| stored()))
    }
    async fn count(&self, request: Request<wire::CountPoints>) -> Reply<wire::CountResponse> {
        self.with(request, |state, request| {
            let count = held(state, &request.collection_name)?.points.len() as u64;
            Ok(wire::CountResponse { result: Some(wire::CountResult { count }), time: 0.0, usage: None })
        })
    }
    async fn query(&self, request: Request<wire::QueryPoints>) -> Reply<wire::QueryResponse> {
        self.with(request, |state, request| {
            Ok(wire::QueryResponse { result: query(state, request)?, time: 0.0, usage: None })
        })
    }
}
