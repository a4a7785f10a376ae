//! A server under pressure: more than it can take, a full disk, senders that dawdle. It refuses in the words of the
//! protocol, answers questions meanwhile, and goes on by itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;
use reqwest::Response;
use tonic::Code;

use crate::support::{PATIENCE, Program, Server, client, overview, text};

const RETRY_INFO: &[u8] = b"type.googleapis.com/google.rpc.RetryInfo";

/// One record whose text is `bytes` long and does not compress.
fn request(number: u64, bytes: usize) -> ExportLogsServiceRequest {
    let mut state = number.wrapping_add(1);
    let noise: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{:016x}", state ^ state >> 29)
    })
    .take(bytes / 16)
    .collect();
    let record = LogRecord {
        time_unix_nano: 1_790_000_000_000_000_000 + number,
        body: Some(AnyValue { value: Some(any_value::Value::StringValue(noise)) }),
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

async fn post(server: &Server, body: Vec<u8>) -> Response {
    let post = client()
        .post(format!("http://{}/v1/logs", server.otlp_http()))
        .header("content-type", "application/x-protobuf")
        .body(body);
    post.timeout(PATIENCE).send().await.unwrap()
}

/// A sender that sends most of a large body and then next to nothing. Where there is no room for it, it is turned away.
fn stalled(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\ncontent-length: 4000000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    if let Err(error) = stream.write_all(&vec![b'x'; 3_900_000]) {
        eprintln!("turned away: {error}");
    }
    stream
}

/// What a sender reads that sends all of a large body before it looks for an answer.
fn sent_whole(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "POST /v1/logs HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-protobuf\r\ncontent-length: 12000000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![b'x'; 12_000_000]).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    text(&answer)
}

/// Tries until `is_so` of the answer, or gives up.
async fn until(
    server: &Server,
    bytes: usize,
    mut is_so: impl FnMut(&Response) -> bool,
) -> Response {
    let started = Instant::now();
    let mut number = 0;
    loop {
        let response = post(server, request(number, bytes).encode_to_vec()).await;
        if is_so(&response) {
            return response;
        }
        assert!(started.elapsed() < PATIENCE, "still {}", response.status());
        number += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn more_than_there_is_room_for_is_told_when_to_come_back() {
    let program = Program::new();
    let server = program.serve();
    // One more whenever there still is room: of those before one may have been refused itself, for want of room just then.
    let held: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    let trickling = Arc::downgrade(&held);
    std::thread::spawn(move || {
        while let Some(held) = trickling.upgrade() {
            held.lock().unwrap().retain_mut(|stream| stream.write_all(b"x").is_ok());
            drop(held);
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    let refused = until(&server, 3 << 20, |response| {
        let is_full = response.status() == 429;
        if !is_full {
            held.lock().unwrap().push(stalled(server.otlp_http()));
        }
        is_full
    })
    .await;
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(seconds >= 1);
    let body = refused.bytes().await.unwrap();
    assert!(body.windows(RETRY_INFO.len()).any(|window| window == RETRY_INFO));
    assert!(sent_whole(server.otlp_http()).starts_with("HTTP/1.1 429"));
    let mut grpc = LogsServiceClient::connect(format!("http://{}", server.otlp_grpc()))
        .await
        .unwrap()
        .max_encoding_message_size(16 << 20);
    let status = grpc.export(request(1, 8 << 20)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(status.details().windows(RETRY_INFO.len()).any(|window| window == RETRY_INFO));
    // Questions have room of their own.
    assert!(overview(&server).await.is_object());
    drop(held);
    until(&server, 3 << 20, |response| response.status() == 200).await;
    grpc.export(request(2, 8 << 20)).await.unwrap();
}

/// A small file system as the program's data directory, unmounted in the end.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// `None` where mounting is not allowed.
    fn mount(program: &Program) -> Option<Self> {
        let path = program.data();
        std::fs::create_dir_all(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
            .arg(&path)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        eprintln!("skipped: mounting a small file system is not allowed here");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).output();
        assert!(unmounted.is_ok_and(|output| output.status.success()));
    }
}

#[tokio::test]
async fn a_full_disk_refuses_answers_and_goes_on_by_itself() {
    let program = Program::new();
    let Some(disk) = SmallDisk::mount(&program) else { return };
    let server = program.serve_with(&[("GROUNDCREW__DATA__MEMORY_MIB_MAX", "2")]);
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![1; 8 << 20]).unwrap();
    let (mut acknowledged, mut number, mut refusals) = (0, 0, 0);
    while refusals < 5 {
        let response = post(&server, request(number, 64 << 10).encode_to_vec()).await;
        number += 1;
        match response.status().as_u16() {
            200 => (acknowledged, refusals) = (acknowledged + 1, 0),
            503 => {
                refusals += 1;
                assert!(response.headers().contains_key("retry-after"));
                let body = response.bytes().await.unwrap();
                assert!(body.windows(RETRY_INFO.len()).any(|window| window == RETRY_INFO));
            }
            other => panic!("{other}"),
        }
    }
    assert!(acknowledged > 20, "{acknowledged}");
    let mut grpc =
        LogsServiceClient::connect(format!("http://{}", server.otlp_grpc())).await.unwrap();
    let status = grpc.export(request(number, 64 << 10)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(overview(&server).await.is_object(), "reading goes on");
    std::fs::remove_file(&ballast).unwrap();
    until(&server, 1 << 10, |response| response.status() == 200).await;
    assert!(server.signal("TERM").success());
    // It finds the disk too small, rightly.
    let checks = text(&program.run(&["doctor", "-o", "json"]).stdout);
    assert!(checks.contains(&format!("{} records", acknowledged + 1)), "{checks}");
    drop(disk);
}

#[test]
fn who_does_not_get_to_the_point_is_closed() {
    let program = Program::new();
    let server = program.serve();
    let beginnings: [&[u8]; 5] = [
        b"",
        b"P",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"POST /v1/logs HTTP/1.1\r\nhost: localhost\r\nx-",
        b"POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{",
    ];
    for address in [server.http(), server.otlp_http(), server.otlp_grpc()] {
        let streams: Vec<TcpStream> = beginnings
            .iter()
            .map(|beginning| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(beginning).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream
            })
            .collect();
        for (mut stream, beginning) in streams.into_iter().zip(beginnings) {
            // It ends, in good order or not; only a hang would be an error of the timeout.
            let mut rest = Vec::new();
            if let Err(error) = stream.read_to_end(&mut rest) {
                assert!(
                    error.kind() == std::io::ErrorKind::ConnectionReset,
                    "{}: {error}",
                    text(beginning)
                );
            }
            if address == server.otlp_http() && beginning.ends_with(b"{") {
                let told = text(&rest);
                assert!(told.starts_with("HTTP/1.1 503") && told.contains("retry-after"), "{told}");
            }
        }
    }
}

#[test]
fn who_trickles_what_room_is_held_for_is_told_to_come_back() {
    let program = Program::new();
    let server = program.serve();
    let mut stream = TcpStream::connect(server.otlp_http()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let head = "POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let began = Instant::now();
    let mut told = [0; 12];
    while stream.read(&mut told).is_err() {
        assert!(began.elapsed() < PATIENCE);
        stream.write_all(b" ").unwrap();
    }
    assert_eq!(text(&told), "HTTP/1.1 503");
}

#[tokio::test]
async fn how_sure_an_acknowledgement_is_stands_where_one_looks() {
    let program = Program::new();
    let readiness = async |server: &Server| {
        client().get(server.url("/readyz")).send().await.unwrap().text().await.unwrap()
    };
    let server = program.serve();
    assert_eq!(readiness(&server).await, "ok\ndurability: fsync\n");
    drop(server);
    let server = program.serve_with(&[("GROUNDCREW__DATA__DURABILITY", "os")]);
    assert_eq!(readiness(&server).await, "ok\ndurability: os\n");
    assert_eq!(post(&server, request(1, 64).encode_to_vec()).await.status(), 200);
    assert!(server.signal("KILL").code().is_none());
    let doctor = program.command(&["doctor"]).env("GROUNDCREW__DATA__DURABILITY", "os").output();
    let doctor = text(&doctor.unwrap().stdout);
    assert!(doctor.contains("a power cut may lose some"), "{doctor}");
    assert!(doctor.contains("1 records"), "a kill loses nothing: {doctor}");
    let wrong = program.command(&["serve"]).env("GROUNDCREW__DATA__DURABILITY", "maybe").output();
    assert!(text(&wrong.unwrap().stderr).contains("durability"));
}
