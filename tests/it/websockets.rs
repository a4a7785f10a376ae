//! The WebSocket itself: the Autobahn suite against an echo that is set up, sends and closes as the chat does, and readers
//! that do not read.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use groundcrew::surfaces::ws;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::peers::given;
use crate::support::{PATIENCE, Program, Server};

/// The suite sends messages of up to 16 MiB; the chat takes a quarter of one.
const ECHO_BYTES_MAX: usize = 32 << 20;
/// Readers that do not read.
const READERS: usize = 1_000;
/// Memory that each may take; without optimisation every task is larger.
const READER_KIB_MAX: usize = if cfg!(debug_assertions) { 96 } else { 64 };

async fn echo(mut socket: WebSocket) {
    let end = loop {
        match socket.recv().await {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                if let Err(end) = ws::deliver(&mut socket, message).await {
                    break end;
                }
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return,
        }
    };
    ws::close(socket, end).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_autobahn_suite_finds_nothing_wrong() {
    let Some(suite) = given("GROUNDCREW_TEST_AUTOBAHN") else { return };
    let upgrade = |upgrade: WebSocketUpgrade| async move {
        ws::configured(upgrade, ECHO_BYTES_MAX).on_upgrade(echo)
    };
    let router = Router::new().route("/", get(upgrade));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let served = tokio::spawn(groundcrew::surfaces::listen::serve(listener, router, stop.clone()));
    let folder = tempfile::tempdir().unwrap();
    let outdir = folder.path().join("report");
    // 12 and 13 are about compression of messages, which is not offered.
    let specification = json!({"outdir": outdir, "servers": [{"agent": "groundcrew", "url": format!("ws://{address}/")}],
        "cases": ["*"], "exclude-cases": ["12.*", "13.*"], "exclude-agent-cases": {}});
    let file = folder.path().join("specification.json");
    std::fs::write(&file, specification.to_string()).unwrap();
    let run = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(suite)
            .args(["-m", "fuzzingclient", "-s", file.to_str().unwrap()])
            .current_dir(file.parent().unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        is_done_within(&mut child, 2 * PATIENCE)
    });
    assert!(run.await.unwrap(), "the suite ended");
    stop.cancel();
    served.await.unwrap();
    let index = std::fs::read(outdir.join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let cases = index["groundcrew"].as_object().unwrap();
    assert_eq!(cases.len(), 301, "every case ran");
    let good = |verdict: &Value| {
        matches!(verdict.as_str().unwrap(), "OK" | "NON-STRICT" | "INFORMATIONAL")
    };
    let bad: Vec<String> = cases
        .iter()
        .filter(|(_, case)| !good(&case["behavior"]) || !good(&case["behaviorClose"]))
        .map(|(name, case)| format!("{name}: {} {}", case["behavior"], case["behaviorClose"]))
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
    let strict = cases.values().filter(|case| case["behavior"] == "OK").count();
    assert!(strict >= 296, "{strict} of 301 strictly");
    eprintln!("Autobahn: {strict} of {} cases strictly, the others as is allowed", cases.len());
}

/// Waits for the end of a process, and ends it when it takes too long.
fn is_done_within(child: &mut Child, patience: Duration) -> bool {
    let started = Instant::now();
    while started.elapsed() < patience {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

/// Opens the chat on a socket whose receiving side is small, so that it is full soon.
async fn opened(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: groundcrew.v1+json\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream
}

/// A text frame of a client that means nothing, as many bytes as are refused with a message.
fn frame() -> Vec<u8> {
    // Masked with zeros, so that it stands as it is.
    [&[0x81, 0x80 | 5, 0, 0, 0, 0][..], b"hello"].concat()
}

fn resident_kib(server: &Server) -> usize {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Sends frames and reads none of the answers until the server closes the connection; how often it was looked is all that
/// is bounded.
async fn flooded(mut stream: TcpStream) -> bool {
    let frames = frame().repeat(2_000);
    let flood = async {
        // The server takes no more once it cannot answer, and resets the connection when it gives up.
        while stream.write_all(&frames).await.is_ok() {}
    };
    tokio::time::timeout(PATIENCE, flood).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_do_not_read_take_little_memory_and_are_closed() {
    let program = Program::new();
    let server = program.serve();
    // What the process needs anyway, it has after the first request.
    crate::support::overview(&server).await;
    let before = resident_kib(&server);
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(opened(server.http()).await);
    }
    let floods: Vec<_> = readers.into_iter().map(|reader| tokio::spawn(flooded(reader))).collect();
    let mut most = before;
    while !floods.iter().all(tokio::task::JoinHandle::is_finished) {
        most = most.max(resident_kib(&server));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for flood in floods {
        assert!(flood.await.unwrap(), "each is closed");
    }
    let each = (most - before) / READERS;
    assert!(each <= READER_KIB_MAX, "{each} KiB for each");
    eprintln!("{READERS} readers that do not read: {each} KiB each");
    assert!(crate::support::overview(&server).await.is_object(), "and others are served");
}
