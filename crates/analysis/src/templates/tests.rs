//! Templates of real-looking messages, and what holds for any text.

use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::{prop_assert, prop_assert_eq};

use super::template_of;

#[test]
fn headers_go_and_variables_are_masked() {
    let check = |message: &str, expected: &str| {
        assert_eq!(template_of(message).text, expected, "{message}")
    };
    check(
        "2026-11-22T03:07:10.123Z ERROR [worker-3] com.shop.Pay: charge of 12.50 failed after 30ms for user 8812",
        "charge of <*> failed after <*>ms for user <*>",
    );
    check("connection to 10.1.2.3:5432 refused", "connection to <*> refused");
    check("GET /api/v1/orders/7781/items took 12ms", "GET /api/v1/orders/<*>/items took <*>ms");
    check(
        "16:42:09.486 INFO  t.c.TripController#115 TraceID: 6f3cbf058c2765548a39ad724905d6a1 [query][Query Trip]",
        "TraceID: <*> [query][Query Trip]",
    );
    check(
        "[before get basic][trips: [Trip(id=8a53, name=a), Trip(id=5c63, name=b)]]",
        "[before get basic][trips: [Trip(<*>)]]",
    );
    check("mail to [email] bounced", "mail to [email] bounced");
    check("error: disk full on /dev/sda1", "disk full on /dev/<*>");
    check(
        "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: check pass; user unknown",
        "check pass; user unknown",
    );
}

#[test]
fn structured_bodies_use_their_message() {
    let check = |message: &str, expected: &str| {
        assert_eq!(template_of(message).text, expected, "{message}")
    };
    check(r#"{"level":"error","msg":"charge 12 failed","user":"x"}"#, "charge <*> failed");
    check(r#"{"b":1,"a":{"c":[1,2]}}"#, "{a, b}");
    check(r#"level=warn msg="slow query" took=12ms err="timeout 5s""#, "slow query | timeout <*>s");
}

#[test]
fn a_stack_trace_keeps_its_exception() {
    let message = "ERROR handler failed for 17\njava.lang.RuntimeException: x\n\tat a.B.c(B.java:1)\nCaused by: java.sql.SQLTimeoutException: y";
    assert_eq!(template_of(message).text, "handler failed for <*> | java.sql.SQLTimeoutException");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_has_one_bounded_template(message in any::<String>()) {
        let template = template_of(&message);
        prop_assert!(template.text.len() <= 512);
        prop_assert_eq!(&template, &template_of(&message));
    }

    #[test]
    fn log_like_text_has_one_bounded_template(message in r#"[\[\](){}"'=,: a-cA-C0-9<*>./_\n-]{0,300}"#) {
        let template = template_of(&message);
        prop_assert!(template.text.len() <= 512);
        prop_assert_eq!(&template, &template_of(&message));
    }

    #[test]
    fn numbers_do_not_change_a_template(number in 0_u64..1_000_000_000) {
        let first = template_of(&format!("request {number} took {number}ms from 10.0.0.1"));
        prop_assert_eq!(first.text, "request <*> took <*>ms from <*>");
    }
}
