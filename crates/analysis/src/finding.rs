//! Findings: one thing that is different from normal, with the figures that show it.

use groundcrew_telemetry::{Severity, TemplateId, Timestamp, TraceId};

/// One thing that is different from normal.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// What is different, with the figures before and after.
    pub kind: FindingKind,
    /// The service it was seen on: for edges the caller; `""` for what belongs to no service, such as a node.
    pub service: String,
    /// The pod it was seen on, where it is not all of them.
    pub pod: Option<String>,
    /// Since when, as exactly as can be told.
    pub since: Option<Timestamp>,
    /// How far from normal, in units of the baseline's own noise (a robust z); 0 where that has no meaning.
    pub strength: f64,
}

/// How trouble goes on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Course {
    /// It is over.
    Transient,
    /// It goes on as it began.
    Failing,
    /// It gets worse.
    Degrading,
}

/// What is different, with the figures before (baseline) and after (window).
#[derive(Clone, PartialEq, Debug)]
pub enum FindingKind {
    /// More of the service's requests fail for reasons of its own; ratios 0 to 1.
    ServiceErrors {
        /// Share of requests that failed in the baseline.
        before: f64,
        /// Share of requests that failed in the window.
        after: f64,
        /// Requests that failed in the window.
        failed: u64,
        /// Requests in the window.
        total: u64,
        /// A trace that shows it.
        example: Option<TraceId>,
    },
    /// The service itself is slower: time that it does not spend waiting on others.
    ServiceLatency {
        /// The operation, when it is one and not all.
        operation: Option<String>,
        /// Median self time in the baseline.
        before_ms: f64,
        /// Median self time in the window, or the high percentile that moved.
        after_ms: f64,
        /// A trace that shows it.
        example: Option<TraceId>,
    },
    /// The way between two services is slower: the caller's span minus the callee's span.
    EdgeLatency {
        /// Who is called.
        callee: String,
        /// Wire time in the baseline.
        before_ms: f64,
        /// Wire time in the window.
        after_ms: f64,
        /// A trace that shows it.
        example: Option<TraceId>,
    },
    /// More calls between two services fail; ratios 0 to 1.
    EdgeErrors {
        /// Who is called.
        callee: String,
        /// Share of calls that failed in the baseline.
        before: f64,
        /// Share of calls that failed in the window.
        after: f64,
        /// Calls that failed in the window.
        failed: u64,
        /// Calls in the window.
        total: u64,
        /// A trace that shows it.
        example: Option<TraceId>,
    },
    /// A service calls another more or less often than it did, request for request.
    CallsChanged {
        /// Who is called.
        callee: String,
        /// Calls per minute in the baseline, scaled to the window's number of requests.
        before_per_min: f64,
        /// Calls per minute in the window.
        after_per_min: f64,
    },
    /// A service repeats more of its calls to another after they failed.
    Retries {
        /// Who is called.
        callee: String,
        /// Repetitions per call that was wanted, in the baseline.
        before: f64,
        /// Repetitions per call that was wanted, in the window.
        after: f64,
        /// Repetitions in the window.
        repeated: u64,
        /// Most tries of one call in the window.
        tries_max: u32,
        /// A trace that shows it.
        example: Option<TraceId>,
    },
    /// A service gets more or fewer requests than it did.
    LoadChanged {
        /// Requests per minute in the baseline.
        before_per_min: f64,
        /// Requests per minute in the window.
        after_per_min: f64,
    },
    /// A log line that the baseline does not have.
    TemplateNew {
        /// Which template.
        template: TemplateId,
        /// Its text.
        text: String,
        /// The worst severity it came with.
        severity: Severity,
        /// Lines in the window.
        count: u64,
        /// One line, verbatim.
        exemplar: String,
        /// A trace in which it was written, one that went badly where there is one.
        example: Option<TraceId>,
    },
    /// A log line that comes much more often.
    TemplateSpiking {
        /// Which template.
        template: TemplateId,
        /// Its text.
        text: String,
        /// The worst severity it came with.
        severity: Severity,
        /// Lines in the window.
        count: u64,
        /// One line, verbatim.
        exemplar: String,
        /// A trace in which it was written, one that went badly where there is one.
        example: Option<TraceId>,
        /// Lines per minute in the baseline, scaled to the window's number of requests where spans count them.
        before_per_min: f64,
        /// Lines per minute in the window.
        after_per_min: f64,
    },
    /// A log line that no longer comes, or much less often.
    TemplateGone {
        /// Which template.
        template: TemplateId,
        /// Its text.
        text: String,
        /// The worst severity it came with.
        severity: Severity,
        /// One line, verbatim, from the baseline.
        exemplar: String,
        /// Lines per minute in the baseline, scaled to the window's number of requests where spans count them.
        before_per_min: f64,
        /// Lines per minute in the window.
        after_per_min: f64,
    },
    /// The service leaves the way between two log lines that always came together.
    PathLeft {
        /// The template of the line that is missed.
        template: TemplateId,
        /// Its text.
        text: String,
        /// The worst severity it came with.
        severity: Severity,
        /// One such line, verbatim.
        exemplar: String,
        /// How often it is missed in the window.
        missed: u64,
        /// How often it should have come.
        due: u64,
    },
    /// The bad requests of a service have an attribute's value in common that the good ones lack.
    Cohort {
        /// The attribute, of the resource or of a span of the service.
        attribute: String,
        /// Its value.
        value: String,
        /// Bad is slow here, and not failed.
        is_slow: bool,
        /// Bad requests with the value.
        bad_inside: u64,
        /// Requests with the value.
        inside: u64,
        /// Bad requests without it.
        bad_outside: u64,
        /// Requests without it.
        outside: u64,
        /// A trace that shows it.
        example: Option<TraceId>,
    },
    /// Of the time that users wait longer, a large part is spent in the service: critical paths of slow traces against
    /// normal ones.
    PathGrew {
        /// The service where the requests enter.
        entry: String,
        /// Which operation of it.
        operation: String,
        /// How much longer slow requests take than normal ones, in the mean.
        longer_ms: f64,
        /// How much of that is spent in the finding's service.
        part_ms: f64,
        /// Slow requests in the window.
        slow: u64,
        /// A trace that shows it.
        example: Option<TraceId>,
    },
    /// How the trouble goes on, at the place where requests enter.
    Course {
        /// The verdict.
        course: Course,
        /// Requests that fail or are slow since the finding's time.
        bad: u64,
        /// Requests since then.
        all: u64,
        /// Share of bad requests in the first half of the trouble.
        first_share: f64,
        /// Share of bad requests when it was worst.
        peak_share: f64,
    },
    /// A metric left its baseline.
    MetricShift {
        /// The metric's name.
        metric: String,
        /// Its unit, `""` when unknown.
        unit: String,
        /// Median in the baseline.
        before: f64,
        /// The level in the window.
        after: f64,
        /// The node it was measured on, when it is a node's.
        node: Option<String>,
    },
    /// A resource with a limit is nearly used up.
    Saturated {
        /// The metric of what is used, or of what is left.
        metric: String,
        /// The metric of the limit.
        limit: String,
        /// The share in use in the baseline, 0 to 1.
        before: f64,
        /// The share in use in the window.
        after: f64,
        /// The limit's level, in `unit`.
        of: f64,
        /// The unit of both, `""` when unknown.
        unit: String,
        /// The node it was measured on, when it is a node's.
        node: Option<String>,
    },
    /// A cluster object is not as it should be.
    ObjectUnhealthy {
        /// `Kind/namespace/name`, the namespace left out where there is none.
        object: String,
        /// Its status word.
        status: String,
        /// The lines that explain it, verbatim.
        lines: Vec<String>,
    },
    /// The cluster warned about an object.
    ClusterWarning {
        /// `Kind/name`.
        object: String,
        /// The event's reason.
        reason: String,
        /// Its message.
        message: String,
        /// How often.
        count: u32,
    },
    /// A change took effect shortly before, or stands out for other reasons.
    ChangeNear {
        /// Its id, else its title.
        change: String,
        /// Seconds from the change to the onset; negative when the change came after.
        seconds_before: f64,
    },
}
