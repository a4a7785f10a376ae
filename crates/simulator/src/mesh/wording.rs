//! What a generated system writes into its logs: lines that mean nothing, and lines that do.

use super::effects::Failure;
use super::graph::{Runtime, Service};
use crate::random::Random;

/// The customers that a flag is switched on for.
pub(super) const COHORT: &str = "plan-c";
const COHORTS: [(&str, f64); 3] = [("plan-a", 0.45), ("plan-b", 0.85), (COHORT, 1.0)];

/// The cohort of a customer.
pub(super) fn cohort(random: &mut Random) -> &'static str {
    let drawn = random.unit();
    COHORTS.iter().find(|(_, up_to)| drawn < *up_to).map_or("plan-a", |(name, _)| name)
}

/// An exception of a service's own code; `number` tells different ones apart.
pub(super) fn exception(runtime: Runtime, noun: &str, number: usize) -> Failure {
    let (status, field) = match number {
        0 => (500, "total"),
        1 => (500, "tariffZone"),
        2 => (500, "localIndex"),
        _ => (500, "cursor"),
    };
    let (kind, message, stack) = match runtime {
        Runtime::Java => (
            if number == 3 { "java.io.IOException" } else { "java.lang.NullPointerException" },
            format!("Cannot read field \"{field}\" of {noun} because it is null"),
            format!(
                "\tat app.{noun}.Handler.{field}(Handler.java:8{number})\n\tat app.{noun}.Handler.serve(Handler.java:41)\n\tat app.Server.dispatch(Server.java:67)"
            ),
        ),
        Runtime::Go => (
            "runtime error",
            format!(
                "panic: invalid memory address or nil pointer dereference reading {noun}.{field}"
            ),
            format!(
                "goroutine 7{number} [running]:\nmain.(*{noun}Handler).{field}(0x0)\n\t/src/{noun}/handler.go:14{number}\nmain.serve(0xc000)\n\t/src/server.go:88"
            ),
        ),
        Runtime::Node => (
            "TypeError",
            format!("Cannot read properties of undefined (reading '{field}') of {noun}"),
            format!(
                "    at {field} (/app/src/{noun}.js:7{number}:14)\n    at handle (/app/src/server.js:41:9)"
            ),
        ),
        Runtime::Python => (
            "KeyError",
            format!("'{field}' missing in {noun}"),
            format!(
                "Traceback (most recent call last):\n  File \"/app/server.py\", line 41, in handle\n  File \"/app/{noun}.py\", line 7{number}, in {field}"
            ),
        ),
    };
    let mut failure = Failure::new(status, kind, message);
    failure.stack = stack;
    failure
}

/// What a caller says about an answer that it cannot use.
pub(super) fn unusable(callee: &str, noun: &str) -> Failure {
    let message = format!("invalid answer of {callee}: field \"amount\" of {noun} is negative");
    Failure::new(500, "ValidationError", message)
}

/// What a database says when it cannot write.
pub(super) fn disk_full(system: &str, random: &mut Random) -> Failure {
    let block = 24_000 + random.below(900);
    if system == "postgresql" {
        let message =
            format!("ERROR: could not extend file \"base/16384/{block}\": No space left on device");
        Failure::new(500, "DatabaseError", message)
    } else {
        let message = format!(
            "ERROR 1114 (HY000): The table 'entries_{block}' is full: No space left on device"
        );
        Failure::new(500, "DatabaseError", message)
    }
}

/// A line that comes now and then and means nothing.
pub(super) fn background(service: &Service, number: usize, random: &mut Random) -> String {
    let noun = service.noun;
    let (some, more) = (random.below(400), 20 + random.below(900));
    match number % 9 {
        0 => format!("{noun} snapshot exported rows={} in {more} ms", 3_000 + some),
        1 => format!("configuration unchanged, next check in {} s", 30 + some % 30),
        2 => format!("expired {some} idle sessions"),
        3 => format!("compacted {noun} index segments={} took {more} ms", 2 + some % 9),
        4 => format!("heartbeat ok uptime={}s", 10_000 + some * more),
        5 => format!(
            "refreshed {some} {noun} from upstream etag={:08x}",
            random.bits() & 0xFFFF_FFFF
        ),
        6 => format!("scheduled job cleanup-{noun} finished deleted={some}"),
        7 => format!("gc pause {} ms heap {} MiB", 3 + some % 20, 40 + more % 200),
        _ => format!("connection pool stats active={} idle={} waiting=0", some % 4, 16 + some % 4),
    }
}

/// A warning that healthy systems write too.
pub(super) fn warning(service: &Service, number: usize, random: &mut Random) -> String {
    let noun = service.noun;
    let some = random.below(900);
    match number % 5 {
        0 => format!("client closed connection before the response was complete after {some} ms"),
        1 => format!("slow call: listing {noun} took {} ms", 200 + some),
        2 => format!("deprecated field \"legacy_id\" used by client v{}", 1 + some % 4),
        3 => format!("retrying upload of {noun} archive: attempt {} of 5", 1 + some % 3),
        _ => format!("cache entry of {noun} older than {} s served", 60 + some % 60),
    }
}

/// An error that healthy systems write too.
pub(super) fn harmless_error(service: &Service, number: usize, random: &mut Random) -> String {
    let noun = service.noun;
    match number % 3 {
        0 => format!(
            "failed to send usage statistics: deadline exceeded after {} ms",
            2_000 + random.below(900)
        ),
        1 => format!("rejected malformed {noun} id \"{:x}\" of a client", random.bits() & 0xFFFF),
        _ => format!("could not refresh {noun} preview: 404 from archive, skipped"),
    }
}

/// A line of an operation that went well.
pub(super) fn done(service: &Service, method: &str, took_ms: u64, random: &mut Random) -> String {
    let noun = service.noun;
    match method {
        "GET" => format!("served {noun} {:06x} in {took_ms} ms", random.bits() & 0xFF_FFFF),
        "POST" => format!(
            "stored {noun} {:06x} bytes={}",
            random.bits() & 0xFF_FFFF,
            200 + random.below(9_000)
        ),
        _ => format!("processed {noun} job {:08x} attempt=1", random.bits() & 0xFFFF_FFFF),
    }
}
