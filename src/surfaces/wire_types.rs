//! The panel's TypeScript types, generated from the Rust ones; the test fails when the file in `web/` is stale.

use std::path::PathBuf;

use ts_rs::{Config, TS};

use crate::investigate::answer::{
    Answer, Claim, ClaimStatus, Confidence, Hypothesis, HypothesisStatus, Impact, NextStep,
    Receipt, RuledOut, SeenBefore, SeenSign, Step, StepStatus, ToldBy, Unknown, Usage, Verdict,
};
use crate::investigate::assertion::{Assertion, Check, Figure, Measure, Outcome};
use crate::investigate::evidence::{Evidence, EvidenceKind};

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
    file
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
