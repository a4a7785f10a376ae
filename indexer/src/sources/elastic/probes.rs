//! What shippers ask before they send: who is there, which licence, whether templates and policies are in place.
//!
//! The answers say that everything is there already, so that shippers start. What they put nevertheless (templates,
//! policies, pipelines) is acknowledged and has no effect: there is nothing here that it could change.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::Json;
use axum::routing::{MethodFilter, MethodRouter, get, on};
use serde_json::{Value, json};

/// Newer than any shipper, for some refuse to send to what is older than themselves.
const VERSION: &str = "9.99.0";

pub(super) fn router() -> Router {
    let acknowledged = async || Json(json!({ "acknowledged": true }));
    Router::new()
        .route("/", root_route())
        .route("/_license", get(async || license()))
        .route("/_xpack", get(async || xpack()))
        .route("/_nodes", get(async |headers: HeaderMap| nodes(&headers)))
        .route("/_nodes/{*what}", get(async |headers: HeaderMap| nodes(&headers)))
        .route("/_cluster/health", get(async || health()))
        .route("/_cluster/health/{index}", get(async || health()))
        .route("/_ilm/policy/{name}", named(policy).put(acknowledged))
        .route("/_index_template/{name}", named(template).put(acknowledged).post(acknowledged))
        .route("/_template/{name}", named(old_template).put(acknowledged).post(acknowledged))
        .route("/_component_template/{name}", named(component).put(acknowledged).post(acknowledged))
        .route("/_data_stream/{name}", named(data_stream).put(acknowledged))
        .route("/_ingest/pipeline/{name}", named(pipeline).put(acknowledged))
        .route("/_alias/{name}", named(alias))
        .route("/{index}", on(MethodFilter::HEAD, async || ()).put(acknowledged))
}

/// Who is there.
pub(super) fn root_route() -> MethodRouter {
    get(async || root())
}

/// A route that tells of what its path names.
fn named(tell: fn(&str) -> Json<Value>) -> MethodRouter {
    get(async move |Path(name): Path<String>| tell(&name))
}

fn root() -> Json<Value> {
    Json(json!({
        "name": "groundcrew", "cluster_name": "groundcrew", "cluster_uuid": "groundcrew",
        "version": {
            "number": VERSION, "build_flavor": "default", "build_type": "tar", "build_hash": "0",
            "build_date": "2026-01-01T00:00:00Z", "build_snapshot": false, "lucene_version": "10.0.0",
            "minimum_wire_compatibility_version": "8.0.0", "minimum_index_compatibility_version": "8.0.0",
        },
        "tagline": "Groundcrew takes what Elasticsearch's shippers send",
    }))
}

fn license() -> Json<Value> {
    Json(
        json!({ "license": { "uid": "groundcrew", "type": "basic", "mode": "basic", "status": "active" } }),
    )
}

fn xpack() -> Json<Value> {
    let on = json!({ "available": true, "enabled": true });
    Json(json!({
        "build": { "hash": "0", "date": "2026-01-01T00:00:00Z" },
        "license": { "uid": "groundcrew", "type": "basic", "mode": "basic", "status": "active" },
        "features": { "ilm": on, "monitoring": { "available": false, "enabled": false } },
    }))
}

/// The one node there is, under the name by which the asker found it.
fn nodes(headers: &HeaderMap) -> Json<Value> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let http = json!({ "bound_address": [host], "publish_address": host });
    let node = json!({
        "name": "groundcrew", "version": VERSION, "roles": ["data", "ingest", "master"], "http": http,
    });
    Json(json!({
        "_nodes": { "total": 1, "successful": 1, "failed": 0 },
        "cluster_name": "groundcrew", "nodes": { "groundcrew": node },
    }))
}

fn health() -> Json<Value> {
    Json(json!({
        "cluster_name": "groundcrew", "status": "green", "timed_out": false,
        "number_of_nodes": 1, "number_of_data_nodes": 1, "active_primary_shards": 0, "active_shards": 0,
        "relocating_shards": 0, "initializing_shards": 0, "unassigned_shards": 0,
        "delayed_unassigned_shards": 0, "number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0, "active_shards_percent_as_number": 100.0,
    }))
}

fn policy(name: &str) -> Json<Value> {
    let policy = json!({ "phases": {} });
    let told = json!({ "version": 1, "modified_date": "2026-01-01T00:00:00Z", "policy": policy });
    Json(json!({ name: told }))
}

fn template(name: &str) -> Json<Value> {
    let template = json!({ "index_patterns": ["*"], "composed_of": [], "priority": 0 });
    Json(json!({ "index_templates": [{ "name": name, "index_template": template }] }))
}

fn old_template(name: &str) -> Json<Value> {
    let template = json!({ "order": 0, "index_patterns": ["*"], "settings": {}, "mappings": {}, "aliases": {} });
    Json(json!({ name: template }))
}

fn component(name: &str) -> Json<Value> {
    let template = json!({ "template": {} });
    Json(json!({ "component_templates": [{ "name": name, "component_template": template }] }))
}

fn data_stream(name: &str) -> Json<Value> {
    let stream = json!({
        "name": name, "timestamp_field": { "name": "@timestamp" }, "indices": [], "generation": 1,
        "status": "GREEN", "template": "groundcrew",
    });
    Json(json!({ "data_streams": [stream] }))
}

fn pipeline(name: &str) -> Json<Value> {
    let told = json!({ "description": "not applied here", "processors": [] });
    Json(json!({ name: told }))
}

fn alias(name: &str) -> Json<Value> {
    let aliases = json!({ "aliases": { name: { "is_write_index": true } } });
    Json(json!({ name: aliases }))
}
