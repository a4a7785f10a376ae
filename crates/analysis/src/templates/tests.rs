//! Templates of real-looking messages, and what holds for any text.

use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::{prop_assert, prop_assert_eq};

use super::{TemplateGroups, Templates, template_of};

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
fn headers_of_many_loggers_go() {
    let check = |message: &str, expected: &str| {
        assert_eq!(template_of(message).text, expected, "{message}")
    };
    check("11-22 03:07:10.811  1702  2395 D PowerMonitor: lock 7 taken", "lock <*> taken");
    check("11-22 03:07:10.811  1702  2395 I net     : link 7 up", "link <*> up");
    check("22/11/26 03:07:10 INFO storage.Blocks: block 9 stored", "block <*> stored");
    check("261122 030710 148 INFO store.Blocks: block 9 stored", "block <*> stored");
    check("2026-11-22 03:07:10, Info                  pay 3 started", "pay <*> started");
    check("web.log.1 2026-11-22 03:07:10 31 INFO web.wsgi [req-1a2b - -] call 3", "call <*>");
    check("web.log.1 2026-11-22 03:07:10 31 INFO web.wsgi [-] call 3", "call <*>");
    check("[11.22 03:07:10] mail.exe - call 3 closed", "call <*> closed");
    check("web-1  | 2026-11-22T03:07:10Z INFO main: call 3", "main: call <*>");
}

#[test]
fn what_only_looks_like_a_header_stays() {
    let check = |message: &str, expected: &str| {
        assert_eq!(template_of(message).text, expected, "{message}")
    };
    check("162000 items were skipped", "<*> items were skipped");
    check("1401390016 items were skipped", "<*> items were skipped");
    check("ERROR 162000 items were skipped", "<*> items were skipped");
    check("job 12 started at 2026-11-22 03:07:10 by cron", "job <*> started at <*> by cron");
    check("payment.failed 2026-11-22T03:07:10Z user 3", "payment.failed <*> user <*>");
    check("2026-11-22 03:07:10 I am here", "I am here");
    check("Nov 22 03:07:10 Connection refused: 10.0.0.1", "Connection refused: <*>");
    check("2026-11-22 03:07:10 INFO [query][7] ok", "[query][<*>] ok");
}

#[test]
fn how_long_a_list_is_or_where_a_line_was_cut_makes_no_template() {
    let items = |count: usize| {
        let list: Vec<String> =
            (0..count).map(|number| format!("item_{}", number * 7919)).collect();
        template_of(&format!("dropped {}", list.join(" "))).text
    };
    assert_eq!(items(1), "dropped item_<*>");
    (2..200).for_each(|count| assert_eq!(items(count), items(1), "{count}"));
    assert_eq!(template_of("took <1 sec").text, template_of("took 12 sec").text);
    assert_eq!(template_of("at Sun Nov  7 10:00:01 2026").text, "at <*>");
}

/// How many groups the messages are in.
fn groups(messages: &[&str]) -> usize {
    let mut templates = Templates::new();
    let mut groups = TemplateGroups::new();
    let mut ids = Vec::new();
    for message in messages {
        let id = templates.id_of(message);
        groups.add(id, templates.text());
        ids.push(id);
    }
    let grouping = groups.finish();
    ids.iter().map(|id| grouping.group_of(*id)).collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn a_word_that_differs_again_and_again_is_a_variable() {
    let greek = ["alpha", "beta", "gamma", "delta", "epsilon"];
    let of = |count: usize| -> Vec<String> {
        greek.iter().take(count).map(|name| format!("charge for {name} was declined")).collect()
    };
    let count = |lines: &[String]| groups(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(count(&of(5)), 1);
    assert_eq!(count(&of(3)), 3, "three are alternatives");
    assert_eq!(groups(&["session opened for user ana", "session opened for user bo"]), 1);
    assert_eq!(groups(&["peer 10.0.0.1 is gone now", "peer alpha is gone now"]), 1);
}

#[test]
fn two_variables_of_words_are_found_one_after_the_other() {
    let mut lines = Vec::new();
    for from in ["lima", "oslo", "rome", "bonn"] {
        for to in ["cairo", "delhi", "paris", "quito"] {
            lines.push(format!("moved shard from {from} to {to} in time"));
        }
    }
    assert_eq!(groups(&lines.iter().map(String::as_str).collect::<Vec<_>>()), 1);
}

#[test]
fn states_and_first_words_are_never_variables() {
    assert_eq!(
        groups(&[
            "vm 1 was paused now",
            "vm 1 was resumed now",
            "vm 2 was started now",
            "vm 3 was stopped now"
        ]),
        4
    );
    assert_eq!(groups(&["peer 10.0.0.1 is gone", "peer failed is gone"]), 2);
    assert_eq!(
        groups(&[
            "minTimeout set to 1",
            "maxTimeout set to 2",
            "tickTime set to 3",
            "retries set to 4"
        ]),
        4
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

    #[test]
    fn groups_do_not_depend_on_order(
        mut messages in proptest::collection::vec("(open|close|set) (for user )?(ana|bo|cy|di|[0-9]{1,3}|/a/b) (now|at) [a-d]{1,2}", 1..40),
        turn in 0_usize..40,
    ) {
        let grouped = |messages: &[String]| {
            let mut groups = TemplateGroups::new();
            for message in messages {
                let template = template_of(message);
                groups.add(template.id, &template.text);
            }
            let grouping = groups.finish();
            messages
                .iter()
                .map(|message| (message.clone(), grouping.group_of(template_of(message).id)))
                .collect::<std::collections::BTreeMap<_, _>>()
        };
        let before = grouped(&messages);
        let middle = turn % messages.len();
        messages.rotate_left(middle);
        messages.extend_from_within(..);
        prop_assert_eq!(before, grouped(&messages));
    }

    #[test]
    fn any_texts_are_grouped(texts in proptest::collection::vec(r#"[\[\](){}"'=,:?|; a-cA-C0-9<*>./_\n-]{0,80}"#, 0..30)) {
        let mut groups = TemplateGroups::new();
        let ids: Vec<_> = texts.iter().map(|text| template_of(text)).collect();
        ids.iter().for_each(|template| groups.add(template.id, &template.text));
        texts.iter().zip(&ids).for_each(|(text, template)| groups.add(template.id, text));
        let grouping = groups.finish();
        for template in &ids {
            prop_assert_eq!(grouping.group_of(template.id), grouping.group_of(template.id));
        }
    }
}

#[test]
fn where_a_line_was_written_is_known_where_it_says_so() {
    let site = |message: &str| {
        let mut templates = Templates::new();
        templates.id_of(message);
        templates.site()
    };
    for (one, other) in [
        ("10:01:02.003 INFO a.b.Orders#88 done in 5", "10:01:02.003 INFO a.b.Orders#91 done in 6"),
        (
            "I0612 10:11:12.123456 1 queue.go:114] requeued 3",
            "I0612 10:11:12.123456 1 queue.go:131] requeued 4",
        ),
        (
            "2026-11-22 03:07:10 [jobs.py:17] INFO: started 3",
            "2026-11-22 03:07:10 [jobs.py:19] INFO: started 3",
        ),
        (
            r#"{"level":"info","caller":"pay/charge.go:40","msg":"charged 3"}"#,
            r#"{"level":"info","caller":"pay/charge.go:44","msg":"charged 3"}"#,
        ),
        (
            r#"{"filename":"charge.py","lineno":40,"message":"charged"}"#,
            r#"{"filename":"charge.py","lineno":44,"message":"charged"}"#,
        ),
        ("level=info caller=main.go:3 msg=\"up\"", "level=info caller=main.go:5 msg=\"up\""),
    ] {
        assert!(site(one).is_some() && site(one) != site(other), "{one}");
        assert_eq!(template_of(one).id, template_of(other).id, "{one}");
    }
    for message in
        ["connected to db.internal:5432", "2026-11-22 03:07:10 INFO ticket #12 closed", "", "#1"]
    {
        assert_eq!(site(message), None, "{message}");
    }
}
