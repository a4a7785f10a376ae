//! The panel's TypeScript types, generated from the Rust ones; the test fails when the file in `web/` is stale.

use std::path::PathBuf;

use ts_rs::{Config, TS};

use crate::explore::view::{
    AlertRow, CoverageRow, DocumentRow, DocumentsView, IncidentRow, IncidentsView, LogBucket,
    LogLine, LogsView, Marker, MetricsView, OpenedRow, OverviewView, Pattern, PatternsView,
    SearchHit, SearchView, SeriesView, Served, ServiceEdge, ServiceRow, ServiceState, ServicesView,
    SignalRow, SpanMoment, SpanView, Time, TraceRow, TraceSpan, TraceView, TracesView,
};
use crate::investigate::answer::{
    Answer, Claim, ClaimStatus, Confidence, Hypothesis, HypothesisStatus, Impact, NextStep,
    Receipt, RuledOut, SeenBefore, SeenSign, Step, StepStatus, ToldBy, Unknown, Usage, Verdict,
};
use crate::investigate::assertion::{Assertion, Check, Figure, Measure, Outcome};
use crate::investigate::evidence::{Evidence, EvidenceKind};
use crate::remediate::{Course, Helped, Proposal, ProposalState, RestsOn};
use crate::surfaces::panel::{ExternalLink, PanelOptions};

/// The whole file.
fn generated() -> String {
    let config = Config::new().with_large_int("number");
    let mut file = String::from(
        "// Generated from the Rust types by a test of the server; `UPDATE_WIRE_TYPES=1 cargo test wire_types` writes it anew.\n",
    );
    let mut declare = |declaration: String| {
        file.push_str(&format!("\nexport {declaration}\n"));
    };
    declare(Verdict::decl(&config));
    declare(Confidence::decl(&config));
    declare(ClaimStatus::decl(&config));
    declare(Figure::decl(&config));
    declare(Assertion::decl(&config));
    declare(Outcome::decl(&config));
    declare(Check::decl(&config));
    declare(Measure::decl(&config));
    declare(Claim::decl(&config));
    declare(HypothesisStatus::decl(&config));
    declare(Hypothesis::decl(&config));
    declare(Impact::decl(&config));
    declare(RuledOut::decl(&config));
    declare(NextStep::decl(&config));
    declare(SeenSign::decl(&config));
    declare(SeenBefore::decl(&config));
    declare(Unknown::decl(&config));
    declare(Receipt::decl(&config));
    declare(Usage::decl(&config));
    declare(ToldBy::decl(&config));
    declare(EvidenceKind::decl(&config));
    declare(Evidence::decl(&config));
    declare(StepStatus::decl(&config));
    declare(Step::decl(&config));
    declare(Answer::decl(&config));
    declare(Time::decl(&config));
    declare(LogsView::decl(&config));
    declare(LogBucket::decl(&config));
    declare(LogLine::decl(&config));
    declare(PatternsView::decl(&config));
    declare(Pattern::decl(&config));
    declare(TracesView::decl(&config));
    declare(TraceRow::decl(&config));
    declare(TraceView::decl(&config));
    declare(TraceSpan::decl(&config));
    declare(SpanView::decl(&config));
    declare(SpanMoment::decl(&config));
    declare(MetricsView::decl(&config));
    declare(SeriesView::decl(&config));
    declare(Marker::decl(&config));
    declare(ServicesView::decl(&config));
    declare(ServiceState::decl(&config));
    declare(ServiceRow::decl(&config));
    declare(Served::decl(&config));
    declare(ServiceEdge::decl(&config));
    declare(OverviewView::decl(&config));
    declare(OpenedRow::decl(&config));
    declare(SignalRow::decl(&config));
    declare(AlertRow::decl(&config));
    declare(IncidentRow::decl(&config));
    declare(IncidentsView::decl(&config));
    declare(DocumentsView::decl(&config));
    declare(DocumentRow::decl(&config));
    declare(CoverageRow::decl(&config));
    declare(SearchView::decl(&config));
    declare(SearchHit::decl(&config));
    declare(ExternalLink::decl(&config));
    declare(PanelOptions::decl(&config));
    of_actions(&config).into_iter().for_each(declare);
    file
}

/// What may be done about an outage.
fn of_actions(config: &Config) -> [String; 5] {
    [
        ProposalState::decl(config),
        RestsOn::decl(config),
        Helped::decl(config),
        Course::decl(config),
        Proposal::decl(config),
    ]
}

#[test]
fn the_panels_types_are_those_of_the_server() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("web/src/wire.gen.ts");
    let wanted = generated();
    if std::env::var_os("UPDATE_WIRE_TYPES").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, wanted, "run `UPDATE_WIRE_TYPES=1 cargo test wire_types`");
}
