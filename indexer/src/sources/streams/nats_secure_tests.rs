//! JetStream over TLS, and every way of saying who we are, against a real server.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use async_nats::ConnectOptions;
use async_nats::jetstream;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

use super::killed_tests::{PATIENCE, bodies, expected, until};
use super::nats::{NatsLogin, NatsOptions};
use super::nats_tests::{Ingester, options_of, program, send};
use crate::test_bench::Bench;

/// A server that speaks TLS only and lets in whom its configuration says; it is killed when it is dropped.
struct Server {
    port: u16,
    folder: tempfile::TempDir,
    child: Child,
    readers: AtomicUsize,
}

impl Server {
    /// `None` where there is no server, or no openssl for a certificate.
    fn start(lets_in: &str) -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().unwrap();
        certificate(folder.path())?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = folder.path().display();
        let config = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{at}/data\" }}\n\
             tls {{ cert_file: \"{at}/cert.pem\", key_file: \"{at}/key.pem\" }}\n{lets_in}\n"
        );
        let file = folder.path().join("nats.conf");
        std::fs::write(&file, config).unwrap();
        let child = Command::new(program)
            .arg("--config")
            .arg(file)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { port, folder, child, readers: AtomicUsize::new(0) })
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    fn options(&self, login: NatsLogin) -> NatsOptions {
        NatsOptions {
            login: Some(login),
            tls_ca: self.authority(),
            ..options_of(&format!("tls://localhost:{}", self.port))
        }
    }

    /// Puts messages into a stream, as somebody whom the server knows.
    async fn fill(&self, sender: ConnectOptions) {
        let client = sender
            .add_root_certificates(self.authority())
            .retry_on_initial_connect()
            .connect(format!("tls://localhost:{}", self.port))
            .await
            .unwrap();
        tokio::time::timeout(PATIENCE, client.flush()).await.unwrap().unwrap();
        let context = jetstream::new(client);
        let config = jetstream::stream::Config {
            name: "telemetry".to_owned(),
            subjects: vec!["app.>".to_owned()],
            ..Default::default()
        };
        context.create_stream(config).await.unwrap();
        send(&context, 0..20).await;
    }

    /// What is stored by who says this of themselves, as a consumer of that name.
    async fn read(&self, login: NatsLogin, consumer: &str) -> Vec<String> {
        let bench = Bench::new();
        let consumer = consumer.to_owned();
        let options = NatsOptions { consumer, ..self.options(login) };
        let ingester = Ingester::start(&bench.intake, options).await;
        until(|| bench.logs().len() >= 20).await;
        ingester.stop().await;
        bodies(&bench.intake)
    }

    /// Nothing is stored with these options, as a consumer of their own that would begin with the first message, while
    /// somebody who is let in reads all of them twice; and the reader ends when it is told to.
    async fn refuses(&self, options: NatsOptions, known: &NatsLogin) {
        let bench = Bench::new();
        let consumer = "strangers".to_owned();
        let ingester = Ingester::start(&bench.intake, NatsOptions { consumer, ..options }).await;
        for again in ["first", "second"] {
            let consumer = format!("{again}-{}", self.readers.fetch_add(1, Ordering::Relaxed));
            assert_eq!(self.read(known.clone(), &consumer).await, expected(20));
        }
        ingester.stop().await;
        assert!(bench.logs().is_empty());
        assert_eq!(self.read(known.clone(), "strangers").await, expected(20), "nothing was taken");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A certificate for `localhost` and its key.
fn certificate(folder: &Path) -> Option<()> {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(folder.join("key.pem"))
        .arg("-out")
        .arg(folder.join("cert.pem"))
        .output();
    if made.is_ok_and(|made| made.status.success()) {
        return Some(());
    }
    println!("skipped: openssl made no certificate");
    None
}

/// A JWT as NATS signs them.
fn jwt(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: &Value) -> String {
    let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encoded(json!({"typ": "JWT", "alg": "ed25519-nkey"}));
    let claims = encoded(json!({"jti": name, "iat": 1_700_000_000, "iss": issuer.public_key(),
        "name": name, "sub": subject.public_key(), "nats": nats}));
    let signed = issuer.sign(format!("{head}.{claims}").as_bytes()).unwrap();
    format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(signed))
}

fn account(operator: &KeyPair, account: &KeyPair, name: &str) -> String {
    let limits = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
        "wildcards": true, "conn": -1, "leaf": -1, "mem_storage": -1, "disk_storage": -1,
        "streams": -1, "consumer": -1});
    // The account that watches the server has no streams.
    let limits = if name == "system" {
        json!({"subs": -1, "data": -1, "payload": -1, "imports": -1,
        "exports": -1, "wildcards": true, "conn": -1, "leaf": -1})
    } else {
        limits
    };
    jwt(operator, account, name, &json!({"type": "account", "version": 2, "limits": limits}))
}

/// A file of credentials of a user whom `issuer` lets in.
fn credentials(issuer: &KeyPair) -> String {
    let user = KeyPair::new_user();
    let limits = json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1});
    let token = jwt(issuer, &user, "crew", &limits);
    let seed = user.seed().unwrap();
    format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lets_in_and_another_does_not() {
    let Some(server) = Server::start("authorization { token: \"t0ken-of-crew\" }") else { return };
    let token = NatsLogin::Token("t0ken-of-crew".to_owned());
    server.fill(ConnectOptions::with_token("t0ken-of-crew".to_owned())).await;
    server.refuses(server.options(NatsLogin::Token("another".to_owned())), &token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_authority_is_not_known_is_not_believed() {
    let Some(server) = Server::start("authorization { token: \"t0ken-of-crew\" }") else { return };
    let token = NatsLogin::Token("t0ken-of-crew".to_owned());
    server.fill(ConnectOptions::with_token("t0ken-of-crew".to_owned())).await;
    let unknown = NatsOptions { tls_ca: PathBuf::new(), ..server.options(token.clone()) };
    server.refuses(unknown, &token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_credentials_says_who_we_are() {
    let [operator, ours, system] =
        [KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account()];
    let of_operator =
        jwt(&operator, &operator, "operator", &json!({"type": "operator", "version": 2}));
    let lets_in = format!(
        "operator: {of_operator}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n{}: {}\n{}: {}\n}}",
        system.public_key(),
        ours.public_key(),
        account(&operator, &ours, "ours"),
        system.public_key(),
        account(&operator, &system, "system"),
    );
    let Some(server) = Server::start(&lets_in) else { return };
    let text = credentials(&ours);
    server.fill(ConnectOptions::with_credentials(&text).unwrap()).await;
    let strangers = NatsLogin::Credentials(credentials(&KeyPair::new_account()));
    server.refuses(server.options(strangers), &NatsLogin::Credentials(text)).await;
}
