//! OTLP over gRPC: the logs, trace and metrics export services, with gzip both ways.
//!
//! An OK answer means everything not counted in `partial_success` is on disk. What cannot be taken now is answered with
//! `RESOURCE_EXHAUSTED` (too much in flight) or `UNAVAILABLE` (no disk space, store trouble) and a `RetryInfo`, without
//! which clients would drop the data. Room is asked for while a message arrives, before it is expanded or decoded.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Response;
use axum::routing::post;
use bytes::Bytes;
use groundcrew_telemetry::Signal;
use tonic::codec::CompressionEncoding;
use tonic::server::Grpc;
use tonic::service::Routes;
use tonic::{Code, Status};

use super::admitted_body::admitted;
use super::otlp_export::{Exported, export, resend_key};
use super::peer::source_of;
use super::raw_codec::RawCodec;
use super::rpc_status::{RpcCode, RpcStatus};
use crate::intake::{Admission, Intake, Refused};
use crate::stages::decode::decode_protobuf;

/// The largest message that is read, compressed or expanded.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Decoding turns a message into about this many times its bytes while it is being worked on.
const WORKING_FACTOR: usize = 2;

const LOGS_EXPORT: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const TRACES_EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const METRICS_EXPORT: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// The receiver's services.
pub fn routes(intake: Intake) -> Routes {
    let services = Router::new()
        .route(LOGS_EXPORT, post(logs))
        .route(TRACES_EXPORT, post(traces))
        .route(METRICS_EXPORT, post(metrics))
        .fallback(unknown)
        .with_state(intake);
    Routes::from(services)
}

async fn logs(intake: State<Intake>, request: Request) -> Response<tonic::body::Body> {
    receive(Signal::Logs, &intake, request).await
}

async fn traces(intake: State<Intake>, request: Request) -> Response<tonic::body::Body> {
    receive(Signal::Traces, &intake, request).await
}

async fn metrics(intake: State<Intake>, request: Request) -> Response<tonic::body::Body> {
    receive(Signal::Metrics, &intake, request).await
}

async fn unknown() -> Response<tonic::body::Body> {
    Status::unimplemented("there is no such service here").into_http()
}

/// Lets tonic speak gRPC; what stands in the message is read by a worker.
async fn receive(signal: Signal, intake: &Intake, request: Request) -> Response<tonic::body::Body> {
    let intake = intake.of(source_of(request.extensions()));
    let (parts, body) = request.into_parts();
    let (body, held) = admitted(body, &intake, WORKING_FACTOR, status);
    let take = tower::service_fn(move |message: tonic::Request<Bytes>| {
        let (intake, admission) = (intake.clone(), held.take());
        async move {
            let exported = take(signal, &intake, admission, message.into_inner()).await?;
            Ok(tonic::Response::new(exported.protobuf(signal)))
        }
    });
    Grpc::new(RawCodec)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .unary(take, Request::from_parts(parts, body))
        .await
}

async fn take(
    signal: Signal,
    intake: &Intake,
    admission: Option<Admission>,
    message: Bytes,
) -> Result<Exported, Status> {
    let Some(mut admission) = admission else {
        return Err(Status::internal("one message at a time"));
    };
    admission.grow_to(message.len() * WORKING_FACTOR).map_err(|refused| status(&refused))?;
    let work = move |intake: &Intake| {
        let decoded = decode_protobuf(signal, &message, intake.now())
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let key = resend_key(signal, &message);
        drop(message);
        export(intake, admission, decoded, Some(key)).map_err(|refused| status(&refused))
    };
    intake.on_worker(work).await.map_err(|refused| status(&refused))?
}

fn status(refused: &Refused) -> Status {
    let rpc = RpcStatus::of_refusal(refused);
    let code = match rpc.code {
        code if code == RpcCode::ResourceExhausted as i32 => Code::ResourceExhausted,
        code if code == RpcCode::Unavailable as i32 => Code::Unavailable,
        _ => Code::Internal,
    };
    Status::with_details(code, rpc.message.clone(), prost::Message::encode_to_vec(&rpc).into())
}
