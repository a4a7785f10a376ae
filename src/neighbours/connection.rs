//! One server: connected when it is first needed, again when it has gone, and forgotten when it fails.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock, ProtocolVersion, Tool};
use rmcp::service::RunningService;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::arguments;
use crate::config::{McpServer, SETTINGS, environment_name};
use crate::investigate::evidence::shorten;
use crate::investigate::neighbours::{Call, OfferedTool, Unanswered};
use crate::text::Tainted;

/// Time to connect and say what there is.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);
/// Time to answer one question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long what a server offers is believed.
const FRESH_FOR: Duration = Duration::from_secs(300);
/// Tools of one server that are offered.
const TOOLS_MAX: usize = 40;
/// Longest name of a tool, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 16_000;
/// Largest message that is taken, in bytes.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// One server of the settings.
pub(super) struct Connection {
    server: McpServer,
    open: Mutex<Option<Open>>,
}

/// A server that is connected.
struct Open {
    service: RunningService<RoleClient, ()>,
    tools: Vec<Tool>,
    since: Instant,
}

impl Connection {
    pub(super) fn new(server: McpServer) -> Self {
        Self { server, open: Mutex::new(None) }
    }

    /// The tools that only read, as the server says, or as the settings say.
    pub(super) async fn tools(&self) -> Result<Vec<OfferedTool>, String> {
        let mut open = self.open.lock().await;
        let open = self.connected(&mut open).await?;
        let tools = open.tools.iter().map(|tool| OfferedTool {
            server: self.server.name.clone(),
            tool: tool.name.to_string(),
            about: Tainted::new(tool.description.clone().unwrap_or_default().into_owned()),
            schema: tool.schema_as_json_value(),
        });
        Ok(tools.collect())
    }

    /// Asks one of its tools.
    pub(super) async fn ask(&self, call: Call) -> Result<String, Unanswered> {
        let name = &self.server.name;
        let failed = |why: String, told: &str| Unanswered {
            why,
            gap: Some(format!("{name} could not be asked: {told}")),
        };
        let mut open = self.open.lock().await;
        let connected = self.connected(&mut open).await;
        let connected = connected.map_err(|why| failed(why, "it does not answer"))?;
        let tool = connected.tools.iter().find(|tool| tool.name == call.tool.as_str());
        let tool = tool.ok_or_else(|| Unanswered::wrong("the tool is not there any more"))?;
        arguments::check(&tool.schema_as_json_value(), &call.arguments)
            .map_err(Unanswered::wrong)?;
        let params = CallToolRequestParams::new(call.tool).with_arguments(call.arguments);
        let asked = timeout(ANSWER_TIMEOUT, connected.service.call_tool(params)).await;
        match asked {
            Ok(Ok(result)) => read(&result),
            Ok(Err(error)) => {
                *open = None;
                Err(failed(shown(&error.to_string()), "it refused or broke off"))
            }
            Err(_) => {
                *open = None;
                let why = format!("it took longer than {} s", ANSWER_TIMEOUT.as_secs());
                Err(failed(why.clone(), &why))
            }
        }
    }

    /// The connection, made anew where there is none that can be used.
    async fn connected<'a>(&self, open: &'a mut Option<Open>) -> Result<&'a Open, String> {
        let usable = |open: &Open| !open.service.is_closed() && open.since.elapsed() < FRESH_FOR;
        if !open.as_ref().is_some_and(usable) {
            *open = None;
            let made = timeout(CONNECT_TIMEOUT, self.connect()).await;
            *open = Some(made.map_err(|_| "it does not answer in time".to_owned())??);
        }
        open.as_ref().ok_or_else(|| "it is not connected".to_owned())
    }

    /// Connects by a handshake, which nearly every server knows, and else as the newest revision has it.
    async fn connect(&self) -> Result<Open, String> {
        let service = match self.serve(ClientLifecycleMode::Initialize).await {
            Ok(service) => service,
            Err(first) => {
                let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
                let newest = ClientLifecycleMode::Discover { preferred_versions };
                self.serve(newest).await.map_err(|_| first)?
            }
        };
        let mut tools = service.list_all_tools().await.map_err(|error| error.to_string())?;
        tools.retain(|tool| self.may_ask(tool));
        tools.sort_by(|a, b| a.name.cmp(&b.name));
        tools.truncate(TOOLS_MAX);
        Ok(Open { service, tools, since: Instant::now() })
    }

    async fn serve(
        &self,
        lifecycle: ClientLifecycleMode,
    ) -> Result<RunningService<RoleClient, ()>, String> {
        let told = |error: rmcp::service::ClientInitializeError| error.to_string();
        if self.server.url.is_empty() {
            let child = self.child()?;
            return ().serve_with_lifecycle(child, lifecycle).await.map_err(told);
        }
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.server.url.as_str());
        config.max_json_response_size = MESSAGE_BYTES_MAX;
        config.max_sse_event_size = MESSAGE_BYTES_MAX;
        if !self.server.token.is_empty() {
            config.auth_header = Some(self.server.token.expose().to_owned());
        }
        let transport = StreamableHttpClientTransport::from_config(config);
        ().serve_with_lifecycle(transport, lifecycle).await.map_err(told)
    }

    /// The server's process. It gets our environment without what is ours alone.
    fn child(&self) -> Result<TokioChildProcess, String> {
        let Some((program, arguments)) = self.server.command.split_first() else {
            return Err("neither url nor command is set".to_owned());
        };
        let mut command = Command::new(program);
        command.args(arguments).kill_on_drop(true);
        for setting in &SETTINGS {
            command.env_remove(environment_name(setting.key));
            if let Some(also) = setting.also {
                command.env_remove(also);
            }
        }
        let started = TokioChildProcess::builder(command).stderr(Stdio::null()).spawn();
        started.map(|(child, _)| child).map_err(|error| format!("{program}: {error}"))
    }

    /// Whether a tool is offered: it says that it only reads, or the settings name it, and its name is one.
    fn may_ask(&self, tool: &Tool) -> bool {
        let only_reads = tool.annotations.as_ref().and_then(|notes| notes.read_only_hint);
        let is_listed = self.server.tools.iter().any(|name| *name == tool.name);
        let is_name =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
        let name = tool.name.as_bytes();
        (only_reads == Some(true) || is_listed)
            && (1..=NAME_BYTES_MAX).contains(&name.len())
            && name.iter().copied().all(is_name)
    }
}

/// What a tool answered, as text.
fn read(result: &CallToolResult) -> Result<String, Unanswered> {
    let texts = result.content.iter().filter_map(ContentBlock::as_text);
    let mut text = texts.map(|text| text.text.as_str()).collect::<Vec<_>>().join("\n");
    if text.trim().is_empty() {
        let structured = result.structured_content.as_ref().filter(|value| !value.is_null());
        text = structured.map(Value::to_string).unwrap_or_default();
    }
    let text = shorten(&text, ANSWER_BYTES_MAX);
    if result.is_error == Some(true) {
        return Err(Unanswered::wrong(format!("it says that this is wrong: {}", shown(&text))));
    }
    Ok(text)
}

/// Somebody else's words, for a message.
fn shown(text: &str) -> String {
    shorten(&Tainted::new(text).shown().replace('\n', " "), 300)
}
