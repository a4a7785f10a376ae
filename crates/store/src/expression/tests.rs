//! Expressions are read as they are meant, hold for what they say, and stay within bounds.

use groundcrew_telemetry::{Attributes, LogRecord, Severity, TraceId, Value};
use proptest::prelude::{ProptestConfig, any, proptest};

use super::{EXPRESSION_BYTES_MAX, Expression};

fn refused() -> LogRecord {
    let attributes = [
        ("http.status", Value::Int(503)),
        ("took_ms", Value::Double(12.5)),
        ("user", Value::Str("Ana".to_owned())),
        ("path", Value::Str("/api/orders/17".to_owned())),
        ("tags", Value::List(vec![Value::Str("canary".to_owned()), Value::Int(7)])),
        ("retry", Value::Bool(true)),
    ];
    LogRecord {
        body: "Connection refused by redis-cart:6379 while (re)loading pool \"main\"".to_owned(),
        severity: Severity::ERROR,
        trace_id: TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736"),
        attributes: Attributes(
            attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ),
        ..LogRecord::default()
    }
}

fn admits(text: &str) -> bool {
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    expression.admits("cart", &refused())
}

#[test]
fn what_is_said_of_a_record_holds() {
    for text in [
        "",
        "connection REFUSED",
        "redis-cart:6379",
        "connection AND refused",
        "nothing OR refused",
        "(nothing OR refused) pool",
        "-nothing",
        "NOT nothing",
        "NOT (nothing OR never)",
        "\"refused by redis\"",
        "\"Connection refused\" -\"refused pool\"",
        "conn*",
        "*fused*",
        "*dis-cart:63*",
        "/ref[u]sed by \\S+:\\d+/",
        "/(?i)CONNECTION/ pool",
        "http.status:503",
        "http.status:>=500 http.status:<504",
        "http.status:500..599",
        "took_ms:>12",
        "user:ana",
        "user:*",
        "user:/^A/",
        "path:/api/*",
        "path:*orders*",
        "tags:canary",
        "retry:true",
        "body:*refused*",
        "level:error",
        "level:warn+",
        "severity:>=warn",
        "service:cart",
        "service:ca*",
        "trace:4bf92f3577b34da6a3ce929d0e0e4736",
        "4BF92F3577B34DA6A3CE929D0E0E4736",
        "(re)loading",
        "refused: by",
        "cart:6379",
        "\"\\\"main\\\"\"",
        "\"AND\" OR refused",
    ] {
        assert!(admits(text), "{text}");
    }
}

#[test]
fn what_is_not_so_does_not_hold() {
    for text in [
        "connect",
        "connection AND nothing",
        "connection nothing",
        "-refused",
        "NOT conn*",
        "\"by refused\"",
        "\"onnection refused\"",
        "/Refused/",
        "http.status:500",
        "http.status:>503",
        "took_ms:20..30",
        "user:an",
        "user:-ana",
        "missing:*",
        "path:/orders*",
        "level:warn",
        "level:fatal+",
        "service:car",
        "retry:false",
        "(refused nothing) OR (cart never)",
    ] {
        assert!(!admits(text), "{text}");
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (text, at, word) in [
        ("a (b c", 7, "without its `)`"),
        ("a b)", 4, "without its `(`"),
        ("say \"hello", 5, "without its end"),
        ("/(unclosed/", 1, "regular expression"),
        ("/(a{1000}){1000}/", 1, "regular expression"),
        ("say level:loud", 5, "level:"),
        ("trace:12", 1, "trace"),
        ("a OR", 5, ""),
        ("NOT", 4, ""),
    ] {
        match Expression::parse(text) {
            Ok(_) => assert!(word.is_empty(), "{text} was read"),
            Err(error) => {
                assert_eq!(error.at, at, "{text}: {error}");
                assert!(error.to_string().contains(word), "{text}: {error}");
                assert!(error.to_string().contains("hint: "), "{error}");
            }
        }
    }
}

#[test]
fn bombs_are_refused() {
    let deep = format!("{}a{}", "(".repeat(2000), ")".repeat(2000));
    let negated = "NOT ".repeat(900) + "a";
    let many = "a ".repeat(500);
    let long = "a".repeat(EXPRESSION_BYTES_MAX + 1);
    for text in [deep, negated, many, long] {
        assert!(Expression::parse(&text).is_err(), "{} bytes", text.len());
    }
    assert!(admits("-/(x+)+$/"), "a regular expression takes linear time");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        drop(Expression::parse(&text));
    }

    #[test]
    fn any_marks_are_read_or_refused(text in "[-a\"/()*:.<>=\\\\ANDORT 0-9é]{0,60}") {
        drop(Expression::parse(&text));
    }

    #[test]
    fn words_ask_for_what_they_are(words in proptest::collection::vec("[a-z]{1,5}", 0..5)) {
        let read = Expression::parse(&words.join(" ")).unwrap();
        let record = LogRecord { body: words.join(", "), ..LogRecord::default() };
        assert!(read.admits("", &record));
    }
}
