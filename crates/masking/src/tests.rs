//! What is masked and what is left alone, line by line, and the promises that hold for any text.

use proptest::prelude::*;

use crate::{CleanTexts, Finding, Kind, Masked, Masker, Withheld};

/// One masker for all tests: compiling it takes a moment without optimisation.
fn masker() -> &'static Masker {
    static MASKER: std::sync::LazyLock<Masker> = std::sync::LazyLock::new(Masker::new);
    &MASKER
}

fn masked(text: &str) -> String {
    masker().mask_text(text).map(Masked::into_inner).unwrap_or_else(|_| "withheld".to_owned())
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    let masker = masker();
    for (text, expected) in cases {
        let found = masker.mask_text(text).map(Masked::into_inner);
        assert_eq!(found.as_deref(), Ok(*expected), "in {text:?}");
    }
}

#[track_caller]
fn check_untouched(texts: &[&str]) {
    let masker = masker();
    for text in texts {
        assert_eq!(masker.find(text), [], "in {text:?}");
    }
}

#[test]
fn passwords_after_their_name() {
    check(&[
        ("password=hunter2", "password=[password]"),
        ("password: hunter2", "password: [password]"),
        (
            r#"{"user":"bob","password":"correct horse"}"#,
            r#"{"user":"bob","password":"[password]"}"#,
        ),
        (r#"body={\"password\":\"hunter2\"}"#, r#"body={\"password\":\"[password]\"}"#),
        ("<password>hunter2</password>", "<password>[password]</password>"),
        (
            "Config{user=bob, password=hunter2, host=db}",
            "Config{user=bob, password=[password], host=db}",
        ),
        ("user[password]=hunter2&user[name]=bob", "user[password]=[password]&user[name]=bob"),
        ("ALTER USER app WITH PASSWORD 'hunter2'", "ALTER USER app WITH PASSWORD '[password]'"),
        ("CREATE USER a IDENTIFIED BY 'hunter2'", "CREATE USER a IDENTIFIED BY '[password]'"),
        (
            r#"{"name":"DB_PASSWORD","value":"hunter2"}"#,
            r#"{"name":"DB_PASSWORD","value":"[password]"}"#,
        ),
        ("tool --password hunter2x --host=db", "tool --password [password] --host=db"),
        ("wrong password: Tr0ub4dor-3 for bob", "wrong password: [password] for bob"),
    ]);
}

#[test]
fn passwords_in_commands_and_urls() {
    check(&[
        ("mysqldump -u root -ps3cr3t shop", "mysqldump -u root -p[password] shop"),
        ("docker login -u ci -p 'a b1' r.example", "docker login -u ci -p '[password]' r.example"),
        ("curl -u admin:hunter2 http://es:9200", "curl -u admin:[password] http://es:9200"),
        ("redis-cli -a s3cr3t ping", "redis-cli -a [password] ping"),
        ("postgres://app:p%40ss@db/x", "postgres://app:[db_password]@db/x"),
        ("postgres://app:p/w#d@db/x", "postgres://app:[db_password]@db/x"),
        ("redis://:s3cret@redis:6379/0", "redis://:[db_password]@redis:6379/0"),
        ("app:hunter2@tcp(10.0.0.3:3306)/shop", "app:[db_password]@tcp(10.0.0.3:3306)/shop"),
        (
            "jdbc:oracle:thin:scott/tiger@//db:1521/XE",
            "jdbc:oracle:thin:scott/[db_password]@//db:1521/XE",
        ),
        (
            "Server=x;User ID=sa;Pwd=Str0ng!;Encrypt=true",
            "Server=x;User ID=sa;Pwd=[password];Encrypt=true",
        ),
    ]);
}

#[test]
fn tokens_headers_and_cookies() {
    check(&[
        ("Authorization: Bearer abcDEF123456", "Authorization: Bearer [bearer_token]"),
        ("authorization: Basic YWRtaW46aHVudGVyMg==", "authorization: Basic [basic_auth]"),
        ("x-api-key: 8f3b2c1d9e7a4f6b", "x-api-key: [generic_secret]"),
        ("X-Vault-Token: s.9f86d081884c7d659a2feaa0", "X-Vault-Token: [generic_secret]"),
        ("Cookie: sid=31d4d96e407aad42; theme=dark", "Cookie: sid=[session_cookie]; theme=dark"),
        ("key ghp_abcdefghijklmnopqrstuvwxyz0123456789 used", "key [github_token] used"),
        ("AccessKeyId=AKIAIOSFODNN7EXAMPLE", "AccessKeyId=[aws_access_key_id]"),
        ("-----BEGIN RSA PRIVATE KEY-----\\nMIIEowIBAAKC\\n", "[private_key]"),
        (
            "k=-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAA\n-----END PRIVATE KEY----- ok",
            "k=[private_key] ok",
        ),
        ("t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl ok", "t=[jwt] ok"),
    ]);
}

#[test]
fn personal_data() {
    check(&[
        ("user bob.smith+x@mail.example.co.uk.", "user [email]."),
        ("login email=bob%40example.com failed", "login email=[email] failed"),
        ("from 203.0.113.7:443, proxy 10.0.0.2", "from [ipv4]:443, proxy 10.0.0.2"),
        ("peer [2001:db8:85a3::8a2e:370:7334]:443", "peer [[ipv6]]:443"),
        ("card 4242 4242 4242 4242 declined", "card [credit_card] declined"),
        ("iban: gb82west12345698765432", "iban: [iban]"),
        ("W-2 for 457-55-5462", "W-2 for [us_ssn]"),
        ("ssn=457555462", "ssn=[us_ssn]"),
        ("call (415) 555-0107 now", "call [phone] now"),
        ("msisdn=447700900123 roaming", "msisdn=[phone] roaming"),
        ("customer=\"Zoë van Dijk\" ok", "customer=\"[person]\" ok"),
        ("approved by Jonas de la Cruz at 10:00", "approved by [person] at 10:00"),
        ("first_name=Sarah", "first_name=[person]"),
        ("ship to Hannah Berg, 12 Baker Street, London", "ship to [person], [street_address]"),
        ("dob: 1990-01-02", "dob: [date_of_birth]"),
    ]);
}

#[test]
fn ordinary_lines_are_left_alone() {
    check_untouched(&[
        "request_id=c042aa1e-c0a1-2d7e-ed9b-03dadf2d79e5 method=GET path=/healthz status=200",
        "dd.trace_id=5105109158163776123 dd.span_id=5555555555554444",
        "pod/api-7d9f8b6c5-x2x8k evicted on node ip-10-0-3-17.eu-west-1.compute.internal",
        "2024-05-02 09:14:22,118 INFO 4155 [thread-12] p99=456.789",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/124.0.6367.91 Safari/537.36",
        "app version 3.0.0.1, upgraded from 5.1.0.2 to 5.1.0.3, oid 1.3.6.1.2.1",
        "uptime 4000009196619830 ns since boot",
        "at com.acme.auth.TokenFilter.doFilter(TokenFilter.java:42)",
        "git@github.com:acme/infra.git react@18.2.0 user@1000.service func@app.js:12",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "std::io::Error 52:54:00:12:34:56 fe80::1 169.254.169.254",
        "Internal Server Error from Payment Gateway, closed by Remote Host",
        "name=\"Payment Service\" owner=\"Platform Team\" customer Success Team",
    ]);
}

#[test]
fn words_about_secrets_are_no_secrets() {
    check_untouched(&[
        "password reset requested, password policy: minimum 12 characters, password_attempts=3",
        "Failed password for root from 10.0.0.5 port 22 ssh2",
        "secret \"db-credentials\" not found; secretName=db-creds secrets \"tls-cert\" is forbidden",
        "unexpected token '}' in JSON; next_page_token=CAoQAA1234567890abcdef max_tokens=4096",
        "WWW-Authenticate: Bearer realm=\"api\", error=\"invalid_token\"",
        "PWD=/home/app pass=12 fail=0 key=value auth=ldap session: closed token: expired",
        r#"{"errors":{"password":"is too short"}}"#,
        "partition_key=user#42 idempotency_key=7f3a2b1c-1111-2222-3333-444455556666",
        "public_key=ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7",
    ]);
}

#[test]
fn placeholders_are_left_alone() {
    check_untouched(&[
        "password=*****",
        "password=[FILTERED]",
        "password=<redacted>",
        "\"password\":null",
        "token=${TOKEN}",
        "DB_PASSWORD=$DB_PASSWORD",
        "Authorization: Bearer <token>",
        "Authorization: Bearer null",
        "postgresql://app:****@db/x",
        "redis://:${PW}@redis",
        "api_key=YOUR_API_KEY",
        "card **** **** **** 1881",
        "UPDATE users SET password=? WHERE id=?",
        "phone=+1-XXX-XXX-XXXX",
        "password={{ .Values.password }}",
    ]);
}

#[test]
fn the_beginning_of_an_anchor_is_none() {
    let path = "0123456789abcdefABCDEF0123456789abcdefABCDEF";
    check_untouched(&[
        &format!("GET https://discord.com/api/channels/{path} took 3 ms"),
        &format!("GET https://chat.googleapis.com/v1/members/{path} took 3 ms"),
    ]);
    check(&[(
        &format!("POST https://discord.com/api/webhooks/{path} took 3 ms"),
        "POST [slack_webhook] took 3 ms",
    )]);
}

#[test]
fn the_name_of_a_field_is_context() {
    let masker = masker();
    let kinds = |key: &str, text: &str| {
        masker.find_in_field(key, text).iter().map(|finding| finding.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds("db.password", "hunter2"), [Kind::Password]);
    assert_eq!(kinds("http.request.header.authorization", "Bearer abcdef12"), [Kind::BearerToken]);
    assert_eq!(kinds("customerPhone", "4155550107"), [Kind::Phone]);
    assert_eq!(kinds("service.name", "hunter2"), []);
    assert_eq!(kinds("password", "[password]"), []);
}

#[test]
fn a_value_is_masked_through_its_walk() {
    let record = vec![
        ("body".to_owned(), "mail to a@example.org".to_owned()),
        ("password".to_owned(), "hunter2".to_owned()),
    ];
    let masked = masker()
        .mask(record, |fields, visit| fields.iter_mut().for_each(|(key, text)| visit(key, text)))
        .expect("masks");
    assert_eq!(masked[0].1, "mail to [email]");
    assert_eq!(masked[1].1, "[password]");
}

#[test]
fn a_failing_detector_withholds_the_value() {
    let masker = Masker::failing_at("boom");
    assert_eq!(masker.mask_text("a boom b"), Err(Withheld));
    assert_eq!(
        masker.mask(vec!["fine".to_owned(), "boom".to_owned()], |texts, visit| texts
            .iter_mut()
            .for_each(|text| visit("", text))),
        Err(Withheld)
    );
    assert_eq!(masker.find("a boom b"), [Finding { range: 0..8, kind: Kind::Unreadable }]);
    assert_eq!(masker.mask_text("fine").as_deref().map(String::as_str), Ok("fine"));
}

#[test]
fn a_huge_text_is_masked_to_its_end() {
    let text = format!(
        "{} password=hunter2 {} a@example.org",
        "lorem ipsum ".repeat(100_000),
        "x".repeat(1_000_000)
    );
    let out = masked(&text);
    assert!(out.contains("password=[password]") && out.ends_with("[email]"));
}

#[test]
fn texts_made_to_be_slow_are_withheld_or_masked() {
    for unit in [
        "token='",
        "password=",
        "://a:b",
        "@tcp(",
        "Aa Bb ",
        "eyJ.",
        "-----BEGIN PRIVATE KEY",
        "cookie: a=b;",
        "+1 ",
        "\\\"pass\\\":",
    ] {
        let text = unit.repeat(3_000);
        let out = masked(&text);
        assert!(!out.is_empty());
    }
}

proptest! {
    #[test]
    fn found_ranges_are_sorted_disjoint_and_on_boundaries(text in any_text()) {
        let mut end = 0;
        for finding in masker().find(&text) {
            prop_assert!(finding.range.start >= end && finding.range.start < finding.range.end);
            prop_assert!(text.get(finding.range.clone()).is_some());
            end = finding.range.end;
        }
    }

    #[test]
    fn masking_twice_is_masking_once(text in any_text()) {
        let masker = masker();
        if let Ok(once) = masker.mask_text(&text) {
            prop_assert_eq!(masker.mask_text(&once), Ok(once.clone()));
        }
    }

    #[test]
    fn an_assigned_password_never_passes(password in "[a-zA-Z0-9!#%^*_+-]{9,40}", key in "(db_|DB_|user-)?(password|passwd|PASSWORD)") {
        prop_assume!(password.bytes().any(|byte| byte.is_ascii_digit()) && password.bytes().any(|byte| byte.is_ascii_alphabetic()));
        prop_assume!(!password.contains("***") && !password.starts_with("your") && !password.starts_with('%') && !password.starts_with('#'));
        for text in [format!("{key}={password} next=1"), format!("\"{key}\":\"{password}\"")] {
            prop_assert!(!masked(&text).contains(&password));
        }
    }
}

/// Any text, with many of the pieces that start a detector.
fn any_text() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "password",
        "token=",
        "\"",
        "'",
        "\\",
        ": ",
        "=",
        "[password]",
        "[email]",
        "://",
        "a:b@",
        "@",
        ".com",
        "Bearer ",
        "eyJ",
        "4242",
        " ",
        "Anna Berg",
        "ssn",
        "+1 415",
        "é",
        "山田",
        "cookie: ",
        ";",
        "&",
        "-----BEGIN RSA PRIVATE KEY-----",
        "AKIA",
        "ghp_",
        "x9Kf3Lm2Qp8Zr5Tv",
        "phone",
        "customer=",
        "%40",
        "2001:db8::",
        "203.0.113.9",
        "-p",
        "mysql",
        " -u",
        "(",
        ")",
        "[",
        "]",
        "<",
        ">",
        "{",
        "}",
        "\n",
        "GB29 NWBK",
        "auth",
        "Mr. ",
        "12 Main Street",
        "0",
    ];
    let piece = prop_oneof![4 => proptest::sample::select(PIECES).prop_map(str::to_owned), 1 => any::<String>(), 1 => "[a-zA-Z0-9._@:=/-]{0,12}"];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

#[test]
fn only_the_very_same_text_is_taken_as_clean() {
    let masker = Masker::new();
    let mut clean = CleanTexts::default();
    let mut mask = |key: &str, text: &str| {
        let masked =
            masker.try_mask_with(&mut clean, text.to_owned(), |text, visit| visit(key, text));
        masked.map(Masked::into_inner).map_err(|(_, withheld)| withheld)
    };
    for _ in 0..2 {
        assert_eq!(mask("logger", "hunter2hunter2").unwrap(), "hunter2hunter2");
        // The same words under another name, and other words under the same.
        assert_ne!(mask("password", "hunter2hunter2").unwrap(), "hunter2hunter2");
        assert_ne!(mask("logger", "password=hunter2hunter2").unwrap(), "password=hunter2hunter2");
        assert_eq!(mask("", "nothing to see").unwrap(), "nothing to see");
    }
}

#[test]
fn what_could_not_be_examined_is_never_taken_as_clean() {
    let masker = Masker::failing_at("boom");
    let mut clean = CleanTexts::default();
    for _ in 0..2 {
        let masked =
            masker.try_mask_with(&mut clean, "boom".to_owned(), |text, visit| visit("key", text));
        assert!(masked.is_err());
    }
}
