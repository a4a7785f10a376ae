"""Sends a few log records, spans and metric points with the official OpenTelemetry SDK: TRANSPORT ENDPOINT."""

import logging
import sys

from opentelemetry import metrics, trace
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

transport, endpoint = sys.argv[1:3]
if transport == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    exporters = [kind(endpoint=endpoint, insecure=True) for kind in (OTLPLogExporter, OTLPSpanExporter, OTLPMetricExporter)]
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporters = [
        OTLPLogExporter(endpoint=f"{endpoint}/v1/logs", compression=Compression.Gzip),
        OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", compression=Compression.Gzip),
        OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics"),
    ]

resource = Resource.create({"service.name": "python-shop", "k8s.pod.name": f"python-shop-{transport}"})
logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(exporters[0]))
logger = logging.getLogger("shop")
logger.addHandler(LoggingHandler(logger_provider=logs))

traces = TracerProvider(resource=resource)
traces.add_span_processor(BatchSpanProcessor(exporters[1]))
tracer = traces.get_tracer("shop")

meters = MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(exporters[2])])
orders = meters.get_meter("shop").create_counter("orders", unit="{order}")
waits = meters.get_meter("shop").create_histogram("wait", unit="s")

with tracer.start_as_current_span("checkout", kind=trace.SpanKind.SERVER):
    with tracer.start_as_current_span("pay", kind=trace.SpanKind.CLIENT) as span:
        span.set_status(trace.StatusCode.ERROR, "declined")
        logger.error("gadget7 over %s could not be paid", transport)
orders.add(3, {"kind": "gadget"})
waits.record(0.25)

ended = [traces.force_flush(), logs.force_flush(), meters.force_flush()]
for provider in (traces, logs, meters):
    provider.shutdown()
sys.exit(0 if all(result is not False for result in ended) else 1)
