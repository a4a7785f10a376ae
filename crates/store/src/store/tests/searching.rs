//! Searches find exactly what a plain look at every record finds.

use groundcrew_telemetry::{LogRecord, Severity, SpanId, TemplateId, TimeRange, Timestamp, Value};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

use super::fixtures::{
    TINY, any_logs, at, bodies, log_batch, open, record, rich_record, trace, writer,
};
use crate::{Access, Durability, Expression, LogQuery, Store};

fn filled(records: Vec<LogRecord>) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    store.append(vec![log_batch("cart", records)], Durability::Synced).unwrap();
    (dir, store)
}

/// The query's answer before and after sealing, which must be the same.
fn both(store: &Store, query: &LogQuery) -> Vec<String> {
    let before = bodies(&store.search_logs(query).unwrap());
    store.flush().unwrap();
    assert_eq!(bodies(&store.search_logs(query).unwrap()), before);
    before
}

fn terms(words: &[&str]) -> LogQuery {
    LogQuery { text: Expression::words(words), ..any_logs() }
}

#[test]
fn terms_are_whole_tokens_in_any_case_and_all_must_occur() {
    let mut with_attribute = record(4, "nothing here");
    with_attribute.attributes.set("order", "Order-4711.eu");
    let (_dir, store) = filled(vec![
        record(1, "Connection refused by redis-cart:6379"),
        record(2, "connection refusedly odd"),
        record(3, "refused CONNECTION"),
        with_attribute,
    ]);
    assert_eq!(
        both(&store, &terms(&["connection", "REFUSED"])),
        ["Connection refused by redis-cart:6379", "refused CONNECTION"]
    );
    assert_eq!(
        both(&store, &terms(&["redis-cart:6379"])),
        ["Connection refused by redis-cart:6379"]
    );
    assert_eq!(both(&store, &terms(&["cart", "6379"])), ["Connection refused by redis-cart:6379"]);
    assert_eq!(both(&store, &terms(&["order-4711.EU"])), ["nothing here"]);
    assert_eq!(both(&store, &terms(&["4711"])), ["nothing here"]);
    assert_eq!(both(&store, &terms(&["order"])), ["nothing here"]);
    assert_eq!(both(&store, &terms(&["red"])), Vec::<String>::new());
    assert_eq!(both(&store, &terms(&[":"])), ["Connection refused by redis-cart:6379"]);
}

#[test]
fn ids_are_found_as_filters_and_as_terms() {
    let (_dir, store) = filled((0..5000).map(rich_record).collect());
    let by_filter = LogQuery { trace_id: Some(trace(400)), ..any_logs() };
    assert_eq!(both(&store, &by_filter), ["request 1200 took 3600 ms"]);
    assert_eq!(
        both(&store, &terms(&[&trace(400).to_string().to_uppercase()])),
        ["request 1200 took 3600 ms"]
    );
    let span = SpanId(1201_u64.to_be_bytes()).to_string();
    assert_eq!(both(&store, &terms(&[&span])), ["request 1200 took 3600 ms"]);
    assert_eq!(both(&store, &terms(&["4999"])), ["request 4999 took 14997 ms"]);
    assert_eq!(both(&store, &terms(&["inner-word"])).len(), 5000);
}

#[test]
fn the_limit_keeps_the_newest_or_the_oldest() {
    let (_dir, store) =
        filled((0..5000).map(|number| record(number, &format!("line {number}"))).collect());
    let newest = LogQuery { newest_first: true, limit: 3, ..any_logs() };
    assert_eq!(both(&store, &newest), ["line 4999", "line 4998", "line 4997"]);
    let oldest = LogQuery { limit: 2, ..any_logs() };
    assert_eq!(both(&store, &oldest), ["line 0", "line 1"]);
    assert!(both(&store, &LogQuery { limit: 0, ..any_logs() }).is_empty());
    let range = TimeRange::new(at(100), at(102));
    assert_eq!(both(&store, &LogQuery { range, ..any_logs() }), ["line 100", "line 101"]);
    assert!(
        both(&store, &LogQuery { range: TimeRange::new(at(5), at(5)), ..any_logs() }).is_empty()
    );
}

#[test]
fn services_and_severity_and_template_narrow_the_search() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    for number in 0..6000_i64 {
        let mut one = record(number, &format!("line {number}"));
        one.severity = if number % 1000 == 5 { Severity::ERROR } else { Severity::INFO };
        one.template = (number % 2 == 0).then_some(TemplateId(number as u64 / 2000));
        store
            .append(vec![log_batch(&format!("s{}", number / 100), vec![one])], Durability::OnFlush)
            .unwrap();
    }
    let errors = LogQuery { severity_min: Some(Severity::ERROR), ..any_logs() };
    assert_eq!(both(&store, &errors).len(), 6);
    let services = vec!["s3".to_owned(), "s59".to_owned(), "absent".to_owned()];
    let of_services = both(&store, &LogQuery { services, ..any_logs() });
    assert_eq!(of_services.len(), 200);
    assert_eq!(of_services.first().map(String::as_str), Some("line 300"));
    assert_eq!(both(&store, &LogQuery { template: Some(TemplateId(2)), ..any_logs() }).len(), 1000);
    assert_eq!(both(&store, &LogQuery { template: Some(TemplateId(0)), ..any_logs() }).len(), 4000);
}

#[test]
fn counts_say_which_blocks_have_errors_of_a_service() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    // Every block has errors of the noisy service; the other one has two, in one minute.
    let of_quiet = [3 * 4096 + 1017, 3 * 4096 + 1018];
    let (mut noisy, mut quiet) = (Vec::new(), Vec::new());
    for number in 0..8 * 4096_i64 {
        let mut one = record(number, "line");
        let is_quiet = number % 2 == 1 || of_quiet.contains(&number);
        let is_error = of_quiet.contains(&number) || !is_quiet && number % 64 == 0;
        one.severity = if is_error { Severity::ERROR } else { Severity::INFO };
        if is_quiet { &mut quiet } else { &mut noisy }.push(one);
    }
    let batches = vec![log_batch("noisy", noisy), log_batch("quiet", quiet)];
    store.append(batches, Durability::OnFlush).unwrap();
    store.flush().unwrap();
    let services = vec!["quiet".to_owned()];
    let query = LogQuery { severity_min: Some(Severity::ERROR), services, ..any_logs() };
    let mut steps = 0;
    let found = store.search_logs_while(&query, &mut || {
        steps += 1;
        true
    });
    let times: Vec<Timestamp> = found.unwrap().rows.iter().map(|row| row.record.time).collect();
    assert_eq!(times, of_quiet.map(at));
    assert_eq!(steps, 2, "the split and one block");
}

#[test]
fn matches_are_counted_whatever_the_limit() {
    let lines = |numbers: std::ops::Range<i64>| -> Vec<LogRecord> {
        let words = ["lost parcel 17-4", "found parcel 17-4", "lost parcel 18"];
        numbers.zip(words.into_iter().cycle()).map(|(n, words)| record(n, words)).collect()
    };
    let (_dir, store) = filled(lines(0..3_000));
    store.flush().unwrap();
    store.append(vec![log_batch("post", lines(3_000..3_030))], Durability::OnFlush).unwrap();
    for (text, expected) in [("lost parcel", 2_020), ("17-4 lost", 1_010), ("17-4", 2_020)] {
        let text = Expression::words(text.split(' '));
        let query = LogQuery { text, limit: 7, newest_first: true, ..any_logs() };
        let mut counted = Vec::new();
        let found = store
            .search_and_count_logs(&query, &mut || true, &mut |time, _| counted.push(time))
            .unwrap();
        assert_eq!(found.rows, store.search_logs(&query).unwrap());
        assert_eq!((found.rows.len(), found.searched_to), (7, None));
        assert_eq!(counted.len(), expected);
        let mut visited = Vec::new();
        let visit = &mut |row: groundcrew_telemetry::LogRow| visited.push(row.record.time);
        assert!(store.visit_logs(&query, &mut || true, visit).unwrap());
        counted.sort_unstable();
        visited.sort_unstable();
        assert_eq!(counted, visited);
    }
}

fn any_record() -> impl Strategy<Value = LogRecord> {
    let word = prop_oneof![
        Just("alpha"),
        Just("Beta"),
        Just("gamma-1.x"),
        Just("ÄRGER"),
        Just("10.0.0.1"),
        Just("->")
    ];
    (
        0_i64..300,
        0_u8..25,
        vec(word, 0..5),
        option::of(0_u64..3),
        option::of(0_u64..4),
        any::<bool>(),
    )
        .prop_map(|(seconds, severity, words, template, trace_number, in_attribute)| {
            let text = words.join(" ");
            let mut one = record(seconds, if in_attribute { "empty" } else { &text });
            if in_attribute {
                one.attributes.set("note", text.as_str());
                one.attributes.set("list", Value::List(vec![Value::from("delta")]));
            }
            one.severity = Severity(severity);
            one.template = template.map(TemplateId);
            one.trace_id = trace_number.map(trace);
            one
        })
}

fn any_query() -> impl Strategy<Value = LogQuery> {
    let term = prop_oneof![
        Just("alpha"),
        Just("BETA"),
        Just("gamma"),
        Just("gamma-1.x"),
        Just("ärger"),
        Just("0"),
        Just("10.0.0.1"),
        Just("->"),
        Just("delta"),
        Just("none")
    ];
    let services = vec(prop_oneof![Just("a".to_owned()), Just("b".to_owned())], 0..2);
    (
        0_i64..300,
        0_i64..300,
        vec(term, 0..3),
        services,
        option::of(0_u8..25),
        option::of(0_u64..3),
        option::of(0_u64..4),
        any::<bool>(),
        0_usize..50,
    )
        .prop_map(
            |(
                start,
                length,
                terms,
                services,
                severity,
                template,
                trace_number,
                newest_first,
                limit,
            )| LogQuery {
                range: TimeRange::new(at(start), at(start + length)),
                services,
                severity_min: severity.map(Severity),
                text: Expression::words(terms),
                trace_id: trace_number.map(trace),
                template: template.map(TemplateId),
                newest_first,
                limit,
            },
        )
}

/// The plain way: every record, every word.
fn expected(records: &[(String, LogRecord)], query: &LogQuery) -> Vec<Timestamp> {
    let mut times: Vec<Timestamp> = records
        .iter()
        .filter(|(service, one)| {
            let mut text = one.body.clone();
            one.attributes.iter().for_each(|(_, value)| text.push_str(&format!(" {value} ")));
            let text = text.to_lowercase();
            let has_word = |term: &str| {
                let words = text.split(|c: char| !c.is_alphanumeric() && !"_-.".contains(c));
                term == "->" && text.contains("->")
                    || words.into_iter().any(|word| {
                        word == term || word.split(['_', '-', '.']).any(|part| part == term)
                    })
            };
            query.range.contains(one.time)
                && (query.services.is_empty() || query.services.contains(service))
                && query.severity_min.is_none_or(|least| one.severity >= least)
                && query.trace_id.is_none_or(|id| one.trace_id == Some(id))
                && query.template.is_none_or(|id| one.template.unwrap_or(TemplateId(0)) == id)
                && query
                    .text
                    .text()
                    .split(' ')
                    .filter(|term| !term.is_empty())
                    .all(|term| has_word(&term.to_lowercase()))
        })
        .map(|(_, one)| one.time)
        .collect();
    times.sort();
    if query.newest_first {
        times.reverse();
    }
    times.truncate(query.limit);
    times
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_search_finds_what_a_plain_look_finds(
        portions in vec((prop_oneof![Just("a".to_owned()), Just("b".to_owned())], vec(any_record(), 0..60), any::<bool>()), 1..8),
        queries in vec(any_query(), 1..8),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), Access::ReadWrite, TINY);
        let mut all = Vec::new();
        for (service, records, flush) in portions {
            all.extend(records.iter().map(|one| (service.clone(), one.clone())));
            store.append(vec![log_batch(&service, records)], Durability::OnFlush).unwrap();
            if flush {
                store.flush().unwrap();
            }
        }
        for query in &queries {
            let found: Vec<Timestamp> =
                store.search_logs(query).unwrap().iter().map(|row| row.record.time).collect();
            assert_eq!(found, expected(&all, query), "{query:?}");
        }
    }
}

/// Expressions over the words that records are made of.
fn any_expression() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        Just("alpha"),
        Just("bet*"),
        Just("*mma-*"),
        Just("\"alpha beta\""),
        Just("\"10.0\""),
        Just("/[Bb]eta|ÄR/"),
        Just("note:*alpha*"),
        Just("note:beta"),
        Just("list:delta"),
        Just("level:warn+"),
        Just("service:a"),
        Just("none"),
    ];
    (vec((one, any::<bool>(), any::<bool>()), 1..5)).prop_map(|parts| {
        let mut text = String::new();
        for (one, is_not, is_or) in parts {
            text.push_str(if is_or && !text.is_empty() { " OR " } else { " " });
            text.push_str(if is_not { "-" } else { "" });
            text.push_str(one);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn an_expression_finds_in_splits_what_it_finds_in_memory(
        records in vec(any_record(), 0..3000),
        expressions in vec(any_expression(), 1..6),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path(), Access::ReadWrite, usize::MAX);
        store.append(vec![log_batch("a", records)], Durability::OnFlush).unwrap();
        let asked = |text: &String| {
            LogQuery { text: Expression::parse(text).unwrap(), ..any_logs() }
        };
        let found = |query: &LogQuery| bodies(&store.search_logs(query).unwrap());
        let before: Vec<_> = expressions.iter().map(|text| found(&asked(text))).collect();
        store.flush().unwrap();
        for (text, before) in expressions.iter().zip(before) {
            assert_eq!(found(&asked(text)), before, "{text}");
        }
    }
}

#[test]
fn splits_beyond_the_limit_are_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let store = writer(dir.path());
    for split in 0..20 {
        let lines = (0..10).map(|line| record(split * 100 + line, &format!("{split} {line}")));
        store.append(vec![log_batch("cart", lines.collect())], Durability::OnFlush).unwrap();
        store.flush().unwrap();
    }
    for (newest_first, expected) in [(false, ["0 0", "1 4"]), (true, ["19 9", "18 5"])] {
        let mut steps = 0;
        let query = LogQuery { limit: 15, newest_first, ..any_logs() };
        let found = store.search_logs_while(&query, &mut || {
            steps += 1;
            true
        });
        let found = bodies(&found.unwrap().rows);
        assert_eq!([&found[0], &found[14]], expected);
        assert_eq!(steps, 4, "two splits with a block each");
    }
}
