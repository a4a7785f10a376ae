//! OTLP over gRPC: the logs, trace and metrics export services, with gzip both ways.
//!
//! An OK answer means everything not counted in `partial_success` is on disk. What cannot be taken now is answered with
//! `RESOURCE_EXHAUSTED` (too much in flight) or `UNAVAILABLE` (no disk space, store trouble) and a `RetryInfo`, without
//! which clients would drop the data.

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

use super::otlp_export::{Exported, export};
use super::rpc_status::{RpcCode, RpcStatus};
use crate::intake::{Intake, Refused};
use crate::stages::decode::{
    Decoded, logs_from_protobuf, metrics_from_protobuf, spans_from_protobuf,
};

/// The largest message that is read, compressed or expanded.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// The receiver's services.
pub fn routes(intake: Intake) -> Routes {
    let receiver = Receiver { intake };
    let logs = LogsServiceServer::new(receiver.clone())
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    let traces = TraceServiceServer::new(receiver.clone())
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    let metrics = MetricsServiceServer::new(receiver)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    Routes::new(logs).add_service(traces).add_service(metrics)
}

#[derive(Clone)]
struct Receiver {
    intake: Intake,
}

impl Receiver {
    async fn take<R: Message + 'static>(
        &self,
        request: Request<R>,
        decode: impl FnOnce(R, &Intake) -> Decoded + Send + 'static,
    ) -> Result<Exported, Status> {
        let request = request.into_inner();
        // The message is in memory already, its texts are moved on, and structures come on top.
        let admission = self.intake.admit(request.encoded_len() * 2).map_err(|r| status(&r))?;
        let work = move |intake: &Intake| {
            let decoded = decode(request, intake);
            export(intake, admission, decoded)
        };
        let exported = self.intake.on_worker(work).await.map_err(|refused| status(&refused))?;
        exported.map_err(|refused| status(&refused))
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let decode = |request, intake: &Intake| logs_from_protobuf(request, intake.now());
        Ok(Response::new(self.take(request, decode).await?.logs_response()))
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let decode = |request, _: &Intake| spans_from_protobuf(request);
        Ok(Response::new(self.take(request, decode).await?.trace_response()))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let decode = |request, _: &Intake| metrics_from_protobuf(request);
        Ok(Response::new(self.take(request, decode).await?.metrics_response()))
    }
}

fn status(refused: &Refused) -> Status {
    let rpc = RpcStatus::of_refusal(refused);
    let code = match rpc.code {
        code if code == RpcCode::ResourceExhausted as i32 => Code::ResourceExhausted,
        code if code == RpcCode::Unavailable as i32 => Code::Unavailable,
        _ => Code::Internal,
    };
    Status::with_details(code, rpc.message.clone(), rpc.encode_to_vec().into())
}
