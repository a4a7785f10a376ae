//! Reading hostile bytes, and masking on the way out.

use std::sync::Arc;

use groundcrew_masking::Masker;
use groundcrew_telemetry::{
    Attributes, Resource, Span, SpanId, SpanKind, SpanRow, SpanStatus, Timestamp, TraceId,
};
use proptest::collection::vec;
use proptest::prelude::{any, prop_assert, proptest};

use super::file::{content_of, framed};
use super::*;
use crate::investigate::evidence::Gap;
use crate::investigate::plan::{Known, plan};
use crate::investigate::source::Source;
use crate::investigate::{answer_from, conclude};

/// A capsule of a question to which nothing was found.
fn empty() -> Capsule {
    let question = Question::new("why is checkout slow?", Timestamp::from_secs(1_790_000_000));
    let plan = plan(&question, &Known::default());
    let gathered = Arc::new(Gathered::default());
    let ids = RunIds { run_id: "run_1".to_owned(), answer_id: "ans_1".to_owned() };
    let seen =
        Seen { plan, gathered: Arc::clone(&gathered), services: vec!["checkout".to_owned()] };
    let source = Source::Slices(gathered);
    let facts = conclude(&source, &question, (&ids, seen), &|_| {});
    let given = answer_from(&source, &question, &ids, &facts);
    Capsule {
        groundcrew: "0.1.0".to_owned(),
        prompt: "explain v2".to_owned(),
        question,
        plan: facts.plan,
        services: facts.known,
        gathered: facts.gathered,
        given: given.into(),
        again: None,
        withheld: 0,
    }
}

fn span(name: &str) -> SpanRow {
    let start = Timestamp::from_secs(1_789_999_990);
    let span = Span {
        trace_id: TraceId([7; 16]),
        span_id: SpanId([7; 8]),
        parent_span_id: None,
        name: name.to_owned(),
        kind: SpanKind::Server,
        start,
        end: start.plus_secs(1),
        status: SpanStatus::default(),
        attributes: [("password", "hunter2-Zq8TvXw3")].into_iter().collect::<Attributes>(),
        events: Vec::new(),
    };
    SpanRow { resource: Arc::new(Resource::service_named("checkout")), span }
}

#[test]
fn a_capsule_comes_back_as_it_was() {
    let mut capsule = empty();
    let seen = &mut Arc::make_mut(&mut capsule.gathered).observations;
    seen.spans = vec![span("GET /a"), span("GET /b")];
    seen.spans.iter_mut().for_each(|row| row.span.attributes = Attributes::default());
    let packed = pack(capsule.clone(), &Masker::new()).unwrap();
    assert_eq!(unpack(packed.bytes()).unwrap(), capsule);
    assert_eq!(replay(&capsule).answer, capsule.given.answer);
}

#[test]
fn secrets_are_masked_once_more_wherever_they_stand() {
    const SECRET: &str = "password=hunter2-Zq8TvXw3";
    let mut capsule = empty();
    let gathered = Arc::make_mut(&mut capsule.gathered);
    gathered.observations.spans = vec![span(SECRET)];
    gathered.gaps.push(Gap::unfixable(SECRET));
    capsule.question.text = SECRET.to_owned();
    capsule.given.answer.headline = SECRET.to_owned();
    let packed = pack(capsule, &Masker::new()).unwrap();
    let content = content_of(packed.bytes()).unwrap();
    assert!(!content.windows(7).any(|bytes| bytes == b"hunter2"));
    assert!(content.windows(9).any(|bytes| bytes == b"password="), "and the rest is left");
}

#[test]
fn what_cannot_be_masked_is_left_out_and_counted() {
    // Longer than any text the masker examines.
    let endless = "x".repeat(65 << 20);
    let mut capsule = empty();
    let gathered = Arc::make_mut(&mut capsule.gathered);
    gathered.observations.spans = vec![span("kept"), span(&endless)];
    gathered.gaps = vec![Gap::unfixable("kept"), Gap::unfixable(endless)];
    let capsule = unpack(pack(capsule, &Masker::new()).unwrap().bytes()).unwrap();
    assert_eq!(capsule.withheld, 2);
    assert_eq!(capsule.gathered.observations.spans.len(), 1);
    let gaps = capsule.gathered.gaps.iter().map(|gap| gap.what.as_str()).collect::<Vec<_>>();
    assert_eq!(gaps, ["kept", "[withheld]"]);
}

#[test]
fn a_length_that_is_not_there_is_not_believed() {
    let mut bytes = pack(empty(), &Masker::new()).unwrap().bytes().to_vec();
    for at in [12, 20] {
        let whole = bytes.clone();
        bytes[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(unpack(&bytes), Err(CapsuleError::TooBig { .. })));
        bytes = whole;
    }
    assert!(matches!(unpack(b""), Err(CapsuleError::NotACapsule)));
    assert!(matches!(unpack(b"GCCAP"), Err(CapsuleError::Cut)));
    assert!(matches!(unpack(b"PK\x03\x04 a zip file"), Err(CapsuleError::NotACapsule)));
}

proptest! {
    #[test]
    fn no_bytes_take_the_reader_down(bytes in vec(any::<u8>(), 0..400)) {
        prop_assert!(unpack(&bytes).is_err());
        prop_assert!(unpack(&[b"GCCAPSUL\x01\0\0\0", bytes.as_slice()].concat()).is_err());
        // As somebody would write it who knows the form.
        prop_assert!(unpack(&framed(&bytes).unwrap()).is_err());
    }

    #[test]
    fn content_that_somebody_changed_is_read_or_refused(at in any::<usize>(), byte in any::<u8>()) {
        let packed = pack(empty(), &Masker::new()).unwrap();
        let mut content = content_of(packed.bytes()).unwrap();
        let length = content.len();
        content[at % length] = byte;
        if let Ok(capsule) = unpack(&framed(&content).unwrap()) {
            let _outcome = replay(&capsule);
        }
    }
}
