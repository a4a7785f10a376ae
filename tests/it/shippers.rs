//! Log shippers as they are: syslog, the forward protocol, followed files, what is piped in. What arrives is asked of the
//! running server.
//!
//! `scripts/test.sh` fetches rsyslog and fluent-logger; without them those tests say that they are skipped.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::peers::given;
use crate::support::{PATIENCE, Program, Server, client, text};

const LOOPBACK: &str = "127.0.0.1:0";

/// Where a source of the server listens.
fn source(program: &Program, name: &str) -> SocketAddr {
    let file = std::fs::read(program.data().join("server.json")).unwrap();
    let addresses: Value = serde_json::from_slice(&file).unwrap();
    addresses["sources"][name].as_str().unwrap_or_else(|| panic!("{addresses}")).parse().unwrap()
}

/// The records of a service that hold a word, newest first, once there are so many of them.
async fn records(server: &Server, service: &str, word: &str, count: usize) -> Vec<Value> {
    let query = format!(
        "/v1/logs?service={service}&q={word}&from=2026-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=1000"
    );
    let started = Instant::now();
    loop {
        let view: Value =
            client().get(server.url(&query)).send().await.unwrap().json().await.unwrap();
        let lines = view["lines"].as_array().cloned().unwrap_or_default();
        if lines.len() >= count {
            return lines;
        }
        assert!(started.elapsed() < PATIENCE, "{} of {count}: {view:#}", lines.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn send_with_python(python: &Path, how: &str, to: SocketAddr) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/send_logs.py");
    let sent = Command::new(python)
        .arg(script)
        .args([how, &to.ip().to_string(), &to.port().to_string()])
        .output()
        .unwrap();
    assert!(sent.status.success(), "{how}: {}", text(&sent.stderr));
}

#[tokio::test]
async fn the_syslog_handler_of_python_is_understood_over_udp_and_tcp() {
    let program = Program::new();
    let server = program.serve_with(&[
        ("GROUNDCREW__INTAKE__SYSLOG_UDP", LOOPBACK),
        ("GROUNDCREW__INTAKE__SYSLOG_TCP", LOOPBACK),
    ]);
    for how in ["udp", "tcp"] {
        send_with_python(Path::new("python3"), how, source(&program, &format!("syslog_{how}")));
        let lines = records(&server, &format!("python-{how}"), "payment", 20).await;
        assert_eq!(lines.len(), 20, "{how}");
        for line in &lines {
            assert_eq!(line["level"], "ERROR", "{line}");
            assert!(line["body"].as_str().unwrap().starts_with("payment failed with code marker"));
        }
    }
}

#[tokio::test]
async fn framings_and_dialects_of_syslog_may_change_within_a_connection() {
    let program = Program::new();
    let server = program.serve_with(&[
        ("GROUNDCREW__INTAKE__SYSLOG_TCP", LOOPBACK),
        ("GROUNDCREW__INTAKE__SYSLOG_ZONE", "Europe/Berlin"),
    ]);
    let mut stream = TcpStream::connect(source(&program, "syslog_tcp")).unwrap();
    let counted = "<163>1 2026-06-01T10:00:00.5Z db-1 mixed 77 ID1 [o@1 k=\"v\"] first caf\u{e9}";
    let counted = format!("{} {counted}", counted.len());
    stream.write_all(counted.as_bytes()).unwrap();
    stream.write_all(b"<12>Jun  1 12:00:01 db-1 mixed[5]: second\n").unwrap();
    stream.write_all(b"<14>2026-06-01T12:00:02+02:00 db-1 mixed: third \xff\n").unwrap();
    drop(stream);
    let lines = records(&server, "mixed", "", 3).await;
    for (body, level, time) in [
        ("first caf\u{e9}", "ERROR", "T10:00:00.5Z"),
        // In summer, in the zone of the settings.
        ("second", "WARN", "T10:00:01Z"),
        ("third \u{fffd}", "INFO", "T10:00:02Z"),
    ] {
        let line = lines.iter().find(|line| line["body"] == body);
        let line = line.unwrap_or_else(|| panic!("no `{body}` in {lines:?}"));
        assert_eq!(line["level"], level, "{body}");
        assert!(line["time"].as_str().unwrap().ends_with(time), "{body}: {}", line["time"]);
    }
}

#[tokio::test]
async fn what_is_no_syslog_at_all_harms_nobody() {
    let program = Program::new();
    let server = program.serve_with(&[
        ("GROUNDCREW__INTAKE__SYSLOG_UDP", LOOPBACK),
        ("GROUNDCREW__INTAKE__SYSLOG_TCP", LOOPBACK),
        ("GROUNDCREW__INTAKE__FLUENT", LOOPBACK),
    ]);
    let udp = UdpSocket::bind(LOOPBACK).unwrap();
    for (name, bytes) in [("syslog_tcp", vec![0xff_u8; 300_000]), ("fluent", vec![0xdd; 300_000])] {
        // It may be closed before everything is sent; that is the point.
        drop(TcpStream::connect(source(&program, name)).unwrap().write_all(&bytes));
    }
    for datagram in [b"".as_slice(), b"\0\0", b"<", &[0xff; 60_000]] {
        udp.send_to(datagram, source(&program, "syslog_udp")).unwrap();
    }
    udp.send_to(b"<11>alive: still here", source(&program, "syslog_udp")).unwrap();
    assert_eq!(records(&server, "alive", "", 1).await[0]["body"], "still here");
    assert!(server.signal("TERM").success());
}

#[tokio::test]
async fn fluent_logger_is_understood() {
    let Some(python) = given("GROUNDCREW_TEST_FLUENT_PYTHON") else { return };
    let program = Program::new();
    let server = program.serve_with(&[("GROUNDCREW__INTAKE__FLUENT", LOOPBACK)]);
    send_with_python(&python, "fluent", source(&program, "fluent"));
    let lines = records(&server, "shop.checkout", "stock", 20).await;
    assert_eq!(lines.len(), 20);
    assert!(lines.iter().all(|line| line["level"] == "ERROR"), "{lines:?}");
}

/// A message of the forward protocol that asks to be acknowledged.
fn forwarded(number: u8) -> Vec<u8> {
    let body = format!("acknowledged line{number:03}x");
    let mut entry = vec![0x92, 0xce, 0x6a, 0xb1, 0x3b, 0x80, 0x81, 0xa3];
    entry.extend(b"msg");
    entry.extend([0xd9, u8::try_from(body.len()).unwrap()]);
    entry.extend(body.as_bytes());
    let mut message = b"\x93\xa6ledger\xc4".to_vec();
    message.push(u8::try_from(entry.len()).unwrap());
    message.extend(entry);
    message.extend(b"\x81\xa5chunk\xa2c");
    message.push(b'0' + number % 10);
    message
}

#[tokio::test]
async fn what_was_acknowledged_to_a_forwarder_survives_kill_9() {
    let program = Program::new();
    let setting = [("GROUNDCREW__INTAKE__FLUENT", LOOPBACK)];
    let server = program.serve_with(&setting);
    let mut stream = TcpStream::connect(source(&program, "fluent")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for number in 0..30 {
        stream.write_all(&forwarded(number)).unwrap();
        let mut answer = [0; 8];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer[..7], b"\x81\xa3ack\xa2c");
        assert_eq!(answer[7], b'0' + number % 10);
    }
    assert!(server.signal("KILL").code().is_none(), "it was killed");
    let server = program.serve_with(&setting);
    assert_eq!(records(&server, "ledger", "acknowledged", 30).await.len(), 30);
}

#[tokio::test]
async fn a_forwarder_must_know_the_shared_key() {
    let program = Program::new();
    let server = program.serve_with(&[
        ("GROUNDCREW__INTAKE__FLUENT", LOOPBACK),
        ("GROUNDCREW__INTAKE__FLUENT_SHARED_KEY", "s3cret"),
    ]);
    for (key, known) in [("s3cret", true), ("guess", false)] {
        let mut stream = TcpStream::connect(source(&program, "fluent")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // ["HELO", {"nonce": 16 bytes, ...}]
        let mut helo = [0; 49];
        stream.read_exact(&mut helo).unwrap();
        assert!(helo.starts_with(b"\x92\xa4HELO\x83\xa5nonce\xc4\x10"), "{helo:x?}");
        let nonce = &helo[15..31];
        let digest = digest(&[b"salt", b"me", nonce, key.as_bytes()]);
        let mut ping = b"\x96\xa4PING\xa2me\xa4salt\xd9\x80".to_vec();
        ping.extend(digest.as_bytes());
        ping.extend(b"\xa0\xa0");
        stream.write_all(&ping).unwrap();
        let mut pong = [0; 7];
        stream.read_exact(&mut pong).unwrap();
        assert_eq!(&pong, if known { b"\x95\xa4PONG\xc3" } else { b"\x95\xa4PONG\xc2" });
        let mut rest = vec![0; if known { 1 + 11 + 130 } else { 0 }];
        stream.read_exact(&mut rest).unwrap();
        if known {
            let ours = self::digest(&[b"salt", b"groundcrew", nonce, key.as_bytes()]);
            assert!(rest.ends_with(ours.as_bytes()), "the server proves that it knows the key");
            stream.write_all(&forwarded(1)).unwrap();
            stream.read_exact(&mut [0; 8]).unwrap();
        } else {
            stream.read_to_end(&mut rest).unwrap();
        }
    }
    assert_eq!(records(&server, "ledger", "acknowledged", 1).await.len(), 1);
}

fn digest(parts: &[&[u8]]) -> String {
    use sha2::{Digest, Sha512};
    let mut hasher = Sha512::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A certificate for `localhost` and 127.0.0.1 and its key, made by openssl.
fn certificate(folder: &Path) -> Option<(String, String)> {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let (certificate, key) = (certificate.to_str()?.to_owned(), key.to_str()?.to_owned());
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-keyout", &key, "-out", &certificate])
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("skipped: openssl made no certificate");
        return None;
    }
    Some((certificate, key))
}

#[tokio::test]
async fn rsyslog_forwards_over_tcp_and_tls() {
    let Some(rsyslog) = given("GROUNDCREW_TEST_RSYSLOG") else { return };
    let program = Program::new();
    let Some((certificate, key)) = certificate(program.home.path()) else { return };
    let server = program.serve_with(&[
        ("GROUNDCREW__INTAKE__SYSLOG_TCP", LOOPBACK),
        ("GROUNDCREW__INTAKE__SYSLOG_TLS", LOOPBACK),
        ("GROUNDCREW__INTAKE__TLS_CERT", &certificate),
        ("GROUNDCREW__INTAKE__TLS_KEY", &key),
    ]);
    let lines: String = (0..50).map(|n| format!("order{n} could not be shipped\n")).collect();
    let inputs = ["tcp", "tls"].map(|name| program.file(&format!("{name}.log"), &lines));
    let [over_tcp, over_tls] = &inputs;
    let (tcp, tls) = (source(&program, "syslog_tcp"), source(&program, "syslog_tls"));
    let work = program.home.path().join("rsyslog");
    std::fs::create_dir_all(&work).unwrap();
    let work = work.display();
    let configuration = format!(
        r#"global(workDirectory="{work}" defaultNetstreamDriverCAFile="{certificate}")
module(load="imfile" mode="polling" pollingInterval="1")
input(type="imfile" file="{over_tcp}" tag="over-tcp:" severity="error" facility="local3" ruleset="tcp")
input(type="imfile" file="{over_tls}" tag="over-tls:" severity="warning" facility="local3" ruleset="tls")
ruleset(name="tcp") {{
  action(type="omfwd" target="127.0.0.1" port="{}" protocol="tcp" tcp_framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")
}}
ruleset(name="tls") {{
  action(type="omfwd" target="127.0.0.1" port="{}" protocol="tcp" template="RSYSLOG_ForwardFormat"
    streamDriver="ossl" streamDriverMode="1" streamDriverAuthMode="x509/name" streamDriverPermittedPeers="localhost")
}}
"#,
        tcp.port(),
        tls.port()
    );
    let configuration = program.file("rsyslog.conf", configuration);
    let libraries = rsyslog.join("usr/lib/x86_64-linux-gnu");
    let daemon = Command::new(rsyslog.join("usr/sbin/rsyslogd"))
        .args(["-n", "-f", &configuration, "-M"])
        .arg(libraries.join("rsyslog"))
        .arg("-i")
        .arg(program.home.path().join("rsyslog.pid"))
        .env("LD_LIBRARY_PATH", &libraries)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut daemon = Killed(daemon);
    for (service, level) in [("over-tcp", "ERROR"), ("over-tls", "WARN")] {
        let lines = records(&server, service, "shipped", 50).await;
        assert_eq!(lines.len(), 50, "{service}");
        assert!(lines.iter().all(|line| line["level"] == level), "{service}: {}", lines[0]);
    }
    drop(daemon.0.kill());
}

/// A program that ends with the test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn numbered(range: std::ops::Range<u32>) -> String {
    range
        .map(|n| {
            format!("2026-06-01T10:{:02}:{:02}Z INFO number{n}x was written\n", n / 60, n % 60)
        })
        .collect()
}

fn append(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[tokio::test]
async fn a_followed_file_is_whole_after_rotation_and_kill_9() {
    let program = Program::new();
    let path = program.home.path().join("logs/grown.log");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let pattern = path.parent().unwrap().join("*.log").to_str().unwrap().to_owned();
    let settings = [("GROUNDCREW__INTAKE__FOLLOW", pattern.as_str())];
    let mut written = 0;
    for turn in 0..4 {
        let server = program.serve_with(&settings);
        append(&path, &numbered(written..written + 100));
        if turn % 2 == 1 {
            std::fs::rename(&path, path.with_extension(format!("log.{turn}"))).unwrap();
            append(&path, &numbered(written + 100..written + 150));
            written += 50;
        }
        written += 100;
        if turn == 2 {
            // In the midst of it; what was not noted is read again.
            server.signal("KILL");
            append(&path, &numbered(written..written + 50));
            written += 50;
            continue;
        }
        let count = usize::try_from(written).unwrap();
        let lines = records(&server, "grown", "", count.min(1_000)).await;
        assert!(lines.len() >= count, "{} of {count}", lines.len());
        // The place is noted right after what stands before it was stored.
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.signal("KILL");
    }
    let server = program.serve_with(&settings);
    let lines = records(&server, "grown", "", usize::try_from(written).unwrap()).await;
    let mut bodies: Vec<&str> = lines.iter().map(|line| line["body"].as_str().unwrap()).collect();
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies.len(), usize::try_from(written).unwrap(), "every line is there");
    assert!(server.signal("TERM").success());
}

#[tokio::test]
async fn what_is_piped_in_is_stored_while_more_is_to_come() {
    let program = Program::new();
    let mut child = program
        .command(&["ingest", "-", "--service", "piped"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(b"2026-06-01T10:00:00Z ERROR first of it\n").unwrap();
    let started = Instant::now();
    loop {
        let found = program.run(&["logs", "first", "--since", "5m"]);
        if text(&found.stdout).contains("first of it") {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{}{}", text(&found.stdout), text(&found.stderr));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(child.try_wait().unwrap().is_none(), "it goes on");
    pipe.write_all(b"2026-06-01T10:00:01Z ERROR last of it").unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert!(text(&output.stderr).contains("ingested 2 log records"), "{}", text(&output.stderr));
}

#[test]
fn exports_of_the_journal_of_jaeger_and_of_zipkin_are_ingested() {
    let program = Program::new();
    let export = b"__CURSOR=a\n__REALTIME_TIMESTAMP=1790000000000000\n_SYSTEMD_UNIT=nginx.service\nPRIORITY=3\nMESSAGE\n\x07\0\0\0\0\0\0\0two\n\xffok\n\n\
__CURSOR=b\n__REALTIME_TIMESTAMP=1790000001000000\nSYSLOG_IDENTIFIER=cron\nMESSAGE=ran\n\n";
    let output = program.run_with_stdin(&["ingest", "-"], export);
    assert!(text(&output.stderr).contains("ingested 2 log records"), "{}", text(&output.stderr));
    let found = program.ok(&["logs", "--service", "nginx", "--since", "1h", "-o", "jsonl"]);
    assert!(found.contains("two\\n") && found.contains("ERROR"), "{found}");
    let journal = program.file(
        "journal.json",
        "{\"__REALTIME_TIMESTAMP\":\"1790000002000000\",\"_COMM\":\"sshd\",\"MESSAGE\":\"no\"}\n",
    );
    let zipkin = program.file(
        "zipkin.json",
        r#"[{"traceId":"a1","id":"1","name":"get","kind":"SERVER","timestamp":1790000000000000,"duration":9000,"localEndpoint":{"serviceName":"web"}}]"#,
    );
    let jaeger = program.file(
        "jaeger.json",
        r#"{"data":[{"traceID":"b2","spans":[{"traceID":"b2","spanID":"1","operationName":"get","startTime":1790000000000000,"duration":9000,"processID":"p1"}],
        "processes":{"p1":{"serviceName":"cart"}}}]}"#,
    );
    let output = program.run(&["ingest", &journal, &zipkin, &jaeger]);
    assert!(
        text(&output.stderr).contains("ingested 1 log records, 2 spans"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn watched_events_of_a_cluster_are_told_apart() {
    let program = Program::new();
    let event = |name: &str, message: &str| {
        format!(
            "{{\n    \"apiVersion\": \"v1\",\n    \"kind\": \"Event\",\n    \"type\": \"Warning\",\n    \"reason\": \"BackOff\",\n    \"message\": \"{message}\",\n    \
             \"lastTimestamp\": \"2026-06-01T10:00:00Z\",\n    \"metadata\": {{\n        \"name\": \"{name}\"\n    }},\n    \
             \"involvedObject\": {{\n        \"kind\": \"Pod\",\n        \"name\": \"{name}\",\n        \"namespace\": \"shop\"\n    }}\n}}\n"
        )
    };
    let stream = event("cart-1", "Back-off restarting") + &event("web-1", "Back-off pulling image");
    let arguments = ["ingest", "-", "--at", "2026-06-01T10:01:00Z"];
    let output = program.run_with_stdin(&arguments, stream.as_bytes());
    assert!(
        text(&output.stderr).contains("ingested 1 cluster snapshots"),
        "{}",
        text(&output.stderr)
    );
    let answer = program.run(&[
        "ask",
        "what happened to the pods?",
        "--at",
        "2026-06-01T10:05:00Z",
        "-o",
        "json",
    ]);
    let answer = text(&answer.stdout);
    assert!(answer.contains("cart-1") && answer.contains("web-1"), "{answer}");
}

#[test]
fn a_receiver_that_is_open_to_strangers_is_refused() {
    let program = Program::new();
    for (name, value) in
        [("SYSLOG_UDP", "0.0.0.0:0"), ("FLUENT", "0.0.0.0:0"), ("SYSLOG_TCP", "nonsense")]
    {
        let output = program
            .command(&["serve"])
            .env(format!("GROUNDCREW__INTAKE__{name}"), value)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {stderr}");
        assert!(stderr.contains("hint") && stderr.contains("intake"), "{name}: {stderr}");
    }
}
