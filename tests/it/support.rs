//! What the tests share: the program on a data directory of its own, a running server, a chat client, telemetry.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longest wait for anything in a test; only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// The program on a data directory of its own, with a clean environment.
pub(crate) struct Program {
    pub(crate) home: TempDir,
    variables: Vec<(String, String)>,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_groundcrew"));
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("GROUNDCREW_DATA_DIR", self.data())
            .current_dir(self.home.path())
            .args(arguments);
        // The weights are big, so all tests share the ones that `make model` fetched.
        if let Some(model) = model_dir() {
            command.env("GROUNDCREW__EMBEDDING__MODEL_DIR", model);
        }
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    pub(crate) fn run_with_stdin(&self, arguments: &[&str], stdin: &[u8]) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let bytes = stdin.to_vec();
        // The program may end before it has read everything; that is its good right.
        let writer = std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// Runs and insists on success; returns stdout.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// Writes a file into the home directory and returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_string_lossy().into_owned()
    }

    /// Asks about the ten minutes up to a time, whatever the exit code; returns the answer.
    pub(crate) fn asked(&self, words: &str, end_secs: i64) -> Value {
        let at = groundcrew_telemetry::Timestamp::from_secs(end_secs).to_string();
        let output = self.run(&["ask", words, "--at", &at, "--since", "10m", "-o", "json"]);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
    }

    /// Starts a server on free ports and waits until it is ready.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// The same, with settings from the environment.
    pub(crate) fn serve_with(&self, settings: &[(&str, &str)]) -> Server {
        let child = self
            .command(&["serve"])
            .envs(settings.iter().copied())
            .env("GROUNDCREW__SERVER__LISTEN", "127.0.0.1:0")
            .env("GROUNDCREW__SERVER__OTLP_GRPC", "127.0.0.1:0")
            .env("GROUNDCREW__SERVER__OTLP_HTTP", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut server = Server { child, addresses: Value::Null };
        let file = self.data().join("server.json");
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(exit) = server.child.try_wait().unwrap() {
                let mut stderr = String::new();
                std::io::Read::read_to_string(
                    &mut server.child.stderr.take().unwrap(),
                    &mut stderr,
                )
                .unwrap();
                panic!("the server ended with {exit}: {stderr}");
            }
            // A file of an earlier server names ports that nobody listens on.
            let known = std::fs::read(&file)
                .ok()
                .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
            if let Some(addresses) = known {
                server.addresses = addresses;
                if std::net::TcpStream::connect(server.http()).is_ok() {
                    return server;
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server did not start");
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    addresses: Value,
}

impl Server {
    fn address(&self, name: &str) -> SocketAddr {
        self.addresses[name].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.address("http")
    }

    pub(crate) fn otlp_http(&self) -> SocketAddr {
        self.address("otlp_http")
    }

    pub(crate) fn otlp_grpc(&self) -> SocketAddr {
        self.address("otlp_grpc")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http())
    }

    /// Sends a signal by name and waits for the end.
    pub(crate) fn signal(mut self, name: &str) -> std::process::ExitStatus {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An HTTP client. The first one chooses the process' TLS, as the program does at its start.
pub(crate) fn client() -> reqwest::Client {
    static CHOSEN: std::sync::Once = std::sync::Once::new();
    CHOSEN.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().unwrap();
    });
    reqwest::Client::new()
}

/// Where the embedding weights are, if they were fetched.
pub(crate) fn model_dir() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let directory = cache.join("groundcrew/all-MiniLM-L6-v2");
    directory.join("model.safetensors").exists().then_some(directory)
}

/// The recorded cases, where this checkout has them beside it.
pub(crate) fn recorded(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    if !found.exists() {
        eprintln!("skipped: {} is not there", found.display());
        return None;
    }
    Some(found)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens the chat as a browser page of `origin` would, or as a program without one.
pub(crate) async fn open_chat(
    server: &Server,
    origin: Option<&str>,
) -> Result<Socket, tokio_tungstenite::tungstenite::Error> {
    let mut request = format!("ws://{}/v1/ws", server.http()).into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", "groundcrew.v1+json".parse().unwrap());
    if let Some(origin) = origin {
        headers.insert("origin", origin.parse().unwrap());
    }
    tokio_tungstenite::connect_async(request).await.map(|(socket, _)| socket)
}

pub(crate) async fn say(socket: &mut Socket, t: &str, sid: Option<&str>, d: Value) {
    let frame = json!({"t": t, "sid": sid, "d": d});
    socket.send(Message::text(frame.to_string())).await.unwrap();
}

/// The next frame of type `t`; frames of other types in between are dropped.
pub(crate) async fn hear(socket: &mut Socket, t: &str) -> Value {
    let heard = tokio::time::timeout(PATIENCE, async {
        while let Some(message) = socket.next().await {
            if let Message::Text(text) = message.unwrap() {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["t"] == t {
                    return frame;
                }
            }
        }
        panic!("the socket closed before a `{t}` came");
    });
    heard.await.unwrap_or_else(|_| panic!("no `{t}` came"))
}

/// Every frame up to and with the first of type `t`.
pub(crate) async fn hear_until(socket: &mut Socket, t: &str) -> Vec<Value> {
    let mut frames = Vec::new();
    let heard = tokio::time::timeout(PATIENCE, async {
        while let Some(message) = socket.next().await {
            if let Message::Text(text) = message.unwrap() {
                let frame: Value = serde_json::from_str(&text).unwrap();
                let last = frame["t"] == t;
                frames.push(frame);
                if last {
                    return;
                }
            }
        }
        panic!("the socket closed before a `{t}` came");
    });
    heard.await.unwrap_or_else(|_| panic!("no `{t}` came"));
    frames
}

/// A small outage as OTLP/JSON lines: `checkout` writes errors it never wrote before, for ten minutes up to `end`.
pub(crate) fn outage_logs(end_secs: i64) -> String {
    let mut lines = String::new();
    for minute in 0..40 {
        let start = end_secs - 2_400 + minute * 60;
        let mut records = Vec::new();
        for second in 0..20 {
            let at = (start + second * 3) * 1_000_000_000;
            records.push(
                json!({"timeUnixNano": at.to_string(), "severityNumber": 9, "severityText": "INFO",
                "body": {"stringValue": format!("handled request in {} ms", 10 + second)}}),
            );
            if minute >= 30 && second % 2 == 0 {
                records.push(json!({"timeUnixNano": (at + 1).to_string(), "severityNumber": 17, "severityText": "ERROR",
                    "body": {"stringValue": format!("could not get a database connection within {} ms: pool exhausted", 3_000 + second)}}));
            }
        }
        let resource =
            json!({"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]});
        let request = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {"name": "app"}, "logRecords": records}]}]});
        lines.push_str(&request.to_string());
        lines.push('\n');
    }
    lines
}

/// One request that fails at the database, as OTLP.
pub(crate) fn failing_trace(end_secs: i64) -> String {
    let span = |id: &str, parent: &str, name: &str, millis: i64, failed: bool| {
        let start = (end_secs - 60) * 1_000_000_000;
        json!({"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": id, "parentSpanId": parent, "name": name, "kind": 2,
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + millis * 1_000_000).to_string(),
            "status": {"code": if failed { 2 } else { 1 }, "message": if failed { "pool exhausted" } else { "" }}})
    };
    let of = |service: &str, spans: Value| {
        json!({"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
            "scopeSpans": [{"scope": {"name": "t"}, "spans": spans}]})
    };
    json!({"resourceSpans": [
        of("shop", json!([span("00f067aa0ba902b7", "", "GET /buy", 3_100, false)])),
        of("checkout", json!([span("00f067aa0ba902b8", "00f067aa0ba902b7", "pay", 3_000, true)])),
    ]})
    .to_string()
}

/// What the panel's first page tells.
pub(crate) async fn overview(server: &Server) -> Value {
    let url = format!("http://{}/v1/overview", server.http());
    client().get(url).send().await.unwrap().json().await.unwrap()
}
