// Traces for tests.
import type { TraceSpan, TraceView } from "../wire.gen";

export function traceOf(spans: Partial<TraceSpan>[]): TraceView {
  const whole = spans.map((span, index): TraceSpan => ({
    id: index.toString(16).padStart(16, "a"), parent: null, depth: 0, service: "gateway", operation: "GET /", kind: "server", start_us: 0, us: 10, own_us: 5, failed: false, critical: [], ...span,
  }));
  const us = whole.reduce((end, span) => Math.max(end, span.start_us + span.us), 0);
  return { id: "4bf92f3577b34da6a3ce929d0e0e4736", start: "2026-11-22T03:07:10.301250Z", us, spans: whole, left_out: 0 };
}
