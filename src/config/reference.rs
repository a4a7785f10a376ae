//! Every setting, once: key, default, what it is for.

/// One documented setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Section and name, e.g. `server.listen`.
    pub key: &'static str,
    /// Its default as TOML; `""` text where the default is worked out at start.
    pub default: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Another environment variable that sets it, as other programs name it.
    pub also: Option<&'static str>,
}

const fn setting(key: &'static str, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, default, doc, also: None }
}

const fn known_as(
    key: &'static str,
    default: &'static str,
    doc: &'static str,
    also: &'static str,
) -> Setting {
    Setting { key, default, doc, also: Some(also) }
}

/// Every setting there is.
pub const SETTINGS: [Setting; 125] = [
    setting("config_version", "1", "format of the configuration file"),
    known_as(
        "data.dir",
        "\"\"",
        "data directory; default $XDG_DATA_HOME/groundcrew or ~/.local/share/groundcrew",
        "GROUNDCREW_DATA_DIR",
    ),
    setting(
        "data.memory_mib_max",
        "64",
        "telemetry held in memory before it is sealed into a split, in MiB; never more than a twenty-fourth of what the process may have",
    ),
    setting(
        "data.seal_after_secs",
        "60",
        "seconds after which held telemetry is sealed although it is little",
    ),
    setting(
        "data.durability",
        "\"fsync\"",
        "when telemetry is acknowledged: `fsync` once it is on the disk, `os` once the kernel has it (a power cut may lose it)",
    ),
    setting(
        "data.merge_mib_per_sec",
        "8",
        "what merging small splits may read and write per second, in MiB; 0 for as much as it can",
    ),
    setting(
        "data.ephemeral",
        "false",
        "keep raw logs and spans only for data.ephemeral_window; counts, templates, series, changes and answers stay",
    ),
    setting("data.ephemeral_window", "\"1h\"", "how long raw logs and spans are kept then"),
    setting("retention.logs", "\"14d\"", "how long log lines are kept; empty keeps them"),
    setting(
        "retention.rollups",
        "\"90d\"",
        "how long the counts of log lines are kept, by which later times are judged; at least as long as the lines",
    ),
    setting("retention.traces", "\"7d\"", "how long spans are kept"),
    setting(
        "retention.traces_whole",
        "\"2d\"",
        "how long all traces are kept; of older ones failed and slow ones stay and an even share, as many as a question reads; empty keeps all",
    ),
    setting("retention.metrics", "\"30d\"", "how long metric points are kept"),
    setting(
        "retention.changes",
        "\"90d\"",
        "how long changes, alerts and cluster snapshots are kept",
    ),
    setting(
        "retention.answers",
        "\"\"",
        "how long answers are kept; those that a remembered incident rests on stay",
    ),
    setting(
        "retention.bytes_max",
        "\"\"",
        "the most that logs, traces and metrics may take on disk, e.g. 200GiB; the oldest go first",
    ),
    setting(
        "cold.url",
        "\"\"",
        "bucket for old logs, traces and metrics: s3://bucket/prefix, gs://..., az://... or file:///directory; empty for none",
    ),
    setting("cold.after", "\"3d\"", "after how long they move there"),
    setting("cold.cache_mib", "1024", "fetched files that are kept on the local disk, in MiB"),
    setting("cold.timeout_secs", "10", "longest wait for the bucket, per 16 MiB"),
    known_as(
        "cold.endpoint",
        "\"\"",
        "address of a server that speaks S3, where it is not Amazon's",
        "AWS_ENDPOINT_URL",
    ),
    known_as("cold.region", "\"\"", "region of the bucket", "AWS_REGION"),
    known_as(
        "cold.access_key_id",
        "\"\"",
        "key for S3; empty where the machine has a role of its own",
        "AWS_ACCESS_KEY_ID",
    ),
    known_as(
        "cold.secret_access_key",
        "\"\"",
        "the secret that belongs to it",
        "AWS_SECRET_ACCESS_KEY",
    ),
    setting("cold.secret_access_key_file", "\"\"", "file that holds the secret"),
    known_as("cold.session_token", "\"\"", "token of a key that is temporary", "AWS_SESSION_TOKEN"),
    known_as(
        "cold.google_credentials",
        "\"\"",
        "file with Google's credentials, of a service account or of a person; empty where the machine has a role",
        "GOOGLE_APPLICATION_CREDENTIALS",
    ),
    setting(
        "cold.google_endpoint",
        "\"\"",
        "address of Google's storage, where it is not the usual one",
    ),
    known_as("cold.azure_account", "\"\"", "Azure storage account", "AZURE_STORAGE_ACCOUNT_NAME"),
    known_as(
        "cold.azure_key",
        "\"\"",
        "key for it; empty where the machine has a role",
        "AZURE_STORAGE_ACCOUNT_KEY",
    ),
    setting("cold.azure_key_file", "\"\"", "file that holds the key"),
    known_as(
        "cold.azure_endpoint",
        "\"\"",
        "address of the account, where it is not in Azure's public cloud",
        "AZURE_STORAGE_ENDPOINT",
    ),
    setting("server.listen", "\"127.0.0.1:7717\"", "address of the panel, the chat and the API"),
    setting("server.otlp_grpc", "\"127.0.0.1:4317\"", "address of the OTLP receiver over gRPC"),
    setting("server.otlp_http", "\"127.0.0.1:4318\"", "address of the OTLP receiver over HTTP"),
    setting("server.token", "\"\"", "bearer token that requests must carry; needed off loopback"),
    setting("server.token_file", "\"\"", "file that holds the token"),
    setting("server.allowed_origins", "[]", "further browser origins that may open the chat"),
    setting(
        "server.questions_max",
        "4",
        "questions answered at the same time; more are told to retry",
    ),
    setting(
        "server.public_url",
        "\"\"",
        "address at which people reach the panel, e.g. https://groundcrew.example; links in chats lead there",
    ),
    setting(
        "intake.syslog_udp",
        "\"\"",
        "address of the syslog receiver over UDP, e.g. 127.0.0.1:5514; empty for none",
    ),
    setting("intake.syslog_tcp", "\"\"", "address of the syslog receiver over TCP"),
    setting("intake.syslog_tls", "\"\"", "address of the syslog receiver over TLS"),
    setting(
        "intake.syslog_zone",
        "\"\"",
        "zone of syslog times that name none, e.g. Europe/Berlin; empty is UTC",
    ),
    setting(
        "intake.fluent",
        "\"\"",
        "address of the receiver of the forward protocol (Fluentd, Fluent Bit), e.g. 127.0.0.1:24224",
    ),
    setting("intake.fluent_tls", "false", "whether that receiver speaks TLS"),
    setting("intake.fluent_shared_key", "\"\"", "key that its senders must know; empty for none"),
    setting("intake.fluent_shared_key_file", "\"\"", "file that holds the key"),
    setting(
        "intake.tls_cert",
        "\"\"",
        "PEM file with the certificate of the receivers over TLS, and those that lead to its authority",
    ),
    setting("intake.tls_key", "\"\"", "PEM file with its key"),
    setting(
        "intake.tls_client_ca",
        "\"\"",
        "PEM file with authorities; senders over TLS must then show a certificate of one of them",
    ),
    setting(
        "intake.allow_from",
        "[]",
        "networks that syslog and the forward protocol take telemetry from, e.g. [\"10.0.0.0/8\"]; needed off loopback where neither certificates nor a shared key say who may send",
    ),
    setting(
        "intake.follow",
        "[]",
        "log files to follow as they grow, paths or patterns, e.g. [\"/var/log/app/*.log\"]",
    ),
    setting(
        "intake.kafka_brokers",
        "\"\"",
        "brokers of Kafka to begin with, e.g. kafka-1:9092,kafka-2:9092; empty for no Kafka",
    ),
    setting(
        "intake.kafka_topics",
        "[]",
        "topics to read, each with what its messages hold: logs, traces or metrics (OTLP, protobuf or JSON) or lines, e.g. [\"otlp_logs\", \"app=lines\"]",
    ),
    setting("intake.kafka_group", "\"groundcrew\"", "consumer group; its members share partitions"),
    setting("intake.kafka_user", "\"\"", "user for Kafka (SASL); empty for none"),
    setting("intake.kafka_password", "\"\"", "password of that user"),
    setting("intake.kafka_password_file", "\"\"", "file that holds the password"),
    setting(
        "intake.kafka_mechanism",
        "\"PLAIN\"",
        "how the password is shown: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
    ),
    setting("intake.kafka_tls", "false", "whether Kafka is reached over TLS"),
    setting(
        "intake.kafka_tls_ca",
        "\"\"",
        "PEM file with the authorities of the brokers' certificates; empty for the system's",
    ),
    setting(
        "intake.nats_url",
        "\"\"",
        "servers of NATS, e.g. nats://nats-1:4222 or tls://nats-1:4222; empty for no NATS",
    ),
    setting("intake.nats_stream", "\"\"", "stream of JetStream to read"),
    setting(
        "intake.nats_consumer",
        "\"groundcrew\"",
        "durable consumer, made where there is none; servers that share it share the messages",
    ),
    setting(
        "intake.nats_subject",
        "\"\"",
        "subjects to read, e.g. logs.>; empty for the whole stream",
    ),
    setting(
        "intake.nats_format",
        "\"\"",
        "what messages hold: logs, traces, metrics or lines; empty goes by the subject's name, as with topics",
    ),
    setting("intake.nats_user", "\"\"", "user for NATS; empty for none, or where there is a token"),
    setting("intake.nats_password", "\"\"", "password of that user, or the token"),
    setting("intake.nats_password_file", "\"\"", "file that holds it"),
    setting(
        "intake.nats_credentials",
        "\"\"",
        "credentials for NATS: a JWT and the seed of its key",
    ),
    setting("intake.nats_credentials_file", "\"\"", "file that holds them (.creds)"),
    setting(
        "intake.nats_tls_ca",
        "\"\"",
        "PEM file with the authorities of the servers' certificates; empty for the system's",
    ),
    setting(
        "intake.streams_begin",
        "\"oldest\"",
        "where a consumer group or consumer that is new begins: `oldest` message, or `newest`",
    ),
    setting(
        "hooks.mappings",
        "\"\"",
        "TOML file that says how messages of further sources are read: docs/OPERATING.md, Alerts and changes",
    ),
    setting(
        "hooks.github_secret",
        "\"\"",
        "secret by which GitHub signs what it posts to /hooks/github",
    ),
    setting("hooks.github_secret_file", "\"\"", "file that holds it"),
    setting(
        "hooks.pagerduty_secret",
        "\"\"",
        "secret by which PagerDuty signs what it posts to /hooks/pagerduty",
    ),
    setting("hooks.pagerduty_secret_file", "\"\"", "file that holds it"),
    setting(
        "panel.links",
        "[]",
        "where else a thing can be opened: kind (trace, logs, metric or service), name and address with {trace} {service} {metric} {query} {from} {to} {from_ms} {to_ms}",
    ),
    setting("panel.frame_ancestors", "[]", "origins of pages that may embed /embed/i/CODE"),
    known_as(
        "llm.base_url",
        "\"\"",
        "base URL of an OpenAI-compatible API, e.g. http://localhost:11434/v1; empty is api.openai.com when a key is set",
        "OPENAI_BASE_URL",
    ),
    known_as("llm.api_key", "\"\"", "key for that API", "OPENAI_API_KEY"),
    setting("llm.api_key_file", "\"\"", "file that holds the key"),
    setting("llm.model", "\"gpt-5.4-mini\"", "name of the model that tells answers"),
    setting("llm.first_token_secs", "20", "seconds until the model's first token must have come"),
    setting("llm.total_secs", "60", "seconds until the model's whole answer must have come"),
    setting(
        "llm.prompts_dir",
        "\"\"",
        "directory whose explain.md replaces the prompt that is shipped",
    ),
    setting(
        "llm.context_tokens",
        "16000",
        "tokens that the model's window holds, prompt and reply together",
    ),
    setting(
        "llm.queries_max",
        "4",
        "queries by which the model may look further, for one question",
    ),
    setting("llm.tokens_max", "40000", "tokens sent and received for one question"),
    setting(
        "llm.input_price",
        "0.0",
        "price of a million tokens sent, for receipts; 0 when unknown",
    ),
    setting("llm.output_price", "0.0", "price of a million tokens received"),
    setting(
        "llm.cost_max",
        "0.0",
        "what one question may cost, in the currency of the prices; 0 for no limit",
    ),
    setting(
        "embedding.model_dir",
        "\"\"",
        "directory of all-MiniLM-L6-v2; default $XDG_CACHE_HOME/groundcrew/all-MiniLM-L6-v2 or ~/.cache/...",
    ),
    setting(
        "embedding.model",
        "\"\"",
        "name of an embedding model behind an OpenAI-compatible API; empty embeds here, with the model in model_dir",
    ),
    setting(
        "embedding.base_url",
        "\"\"",
        "base URL of that API, e.g. http://localhost:11434/v1; empty is api.openai.com",
    ),
    setting("embedding.api_key", "\"\"", "key for that API"),
    setting("embedding.api_key_file", "\"\"", "file that holds the key"),
    setting(
        "embedding.dimensions",
        "0",
        "length of the vectors to ask that API for; 0 is the model's own",
    ),
    setting(
        "embedding.timeout_secs",
        "30",
        "seconds until that API must have embedded a batch of texts, retries included",
    ),
    setting(
        "documents.permalink_hosts",
        "[]",
        "hosts of git remotes that links to the lines of documents may lead to, e.g. [\"github.com\"]",
    ),
    setting(
        "documents.qdrant.url",
        "\"\"",
        "gRPC address of a Qdrant server for vectors, e.g. http://localhost:6334; empty compares them in process",
    ),
    setting(
        "documents.qdrant.collection",
        "\"groundcrew\"",
        "beginning of the names of collections on that server",
    ),
    setting("documents.qdrant.api_key", "\"\"", "key for that server"),
    setting("documents.qdrant.api_key_file", "\"\"", "file that holds the key"),
    setting("slack.bot_token", "\"\"", "bot token of the Slack app, xoxb-...; empty for no Slack"),
    setting("slack.bot_token_file", "\"\"", "file that holds the bot token"),
    setting(
        "slack.app_token",
        "\"\"",
        "app-level token, xapp-..., for Socket Mode: events come over a connection that is opened from here",
    ),
    setting("slack.app_token_file", "\"\"", "file that holds the app-level token"),
    setting(
        "slack.signing_secret",
        "\"\"",
        "signing secret, for HTTP mode: events come to /slack/events, /slack/interactive and /slack/commands",
    ),
    setting("slack.signing_secret_file", "\"\"", "file that holds the signing secret"),
    setting(
        "slack.channels",
        "[]",
        "ids of channels to which alerts may be posted, e.g. [\"C0123456789\"]",
    ),
    setting("slack.api_url", "\"https://slack.com/api\"", "address of Slack's Web API"),
    setting(
        "slack.shared_state",
        "\"\"",
        "state database that several servers share, so that each event is answered by one; default is the data directory's",
    ),
    setting(
        "mcp.servers",
        "[]",
        "servers of the Model Context Protocol that a model may ask during an investigation, reading tools only: [[mcp.servers]] tables with name, url (and token_file) or command (a list), and tools (names of those that may be asked although they do not say that they only read)",
    ),
    setting(
        "mcp.propose",
        "false",
        "whether other programs' models may propose actions; a person approves them all the same",
    ),
    setting(
        "actions.runbooks",
        "[]",
        "directories whose runbooks may declare actions; empty for no actions at all",
    ),
    setting(
        "actions.webhooks",
        "[]",
        "where approved actions are sent: [[actions.webhooks]] tables with name, url (https, or http on this machine), token or token_file, and timeout_secs (15)",
    ),
    setting(
        "actions.two_people",
        "false",
        "whether a person may not approve what they proposed themselves",
    ),
    setting(
        "actions.approvers",
        "[]",
        "who may approve: names as given to --as or in the panel, and user ids of Slack; empty for everybody who can reach a surface",
    ),
    setting(
        "actions.expire_minutes",
        "30",
        "minutes after which a proposal may not be approved any more",
    ),
    setting(
        "actions.audit_file",
        "\"\"",
        "file to which the head of the audit trail is added with each entry, best on another machine's disk; default audit-heads.txt in the data directory",
    ),
    known_as(
        "log.filter",
        "\"warn,async_openai=off,rmcp=error\"",
        "what is logged to stderr, as tracing directives",
        "GROUNDCREW_LOG",
    ),
    setting("log.json", "false", "whether log lines are JSON"),
];

/// The environment variable of a key: `server.listen` is `GROUNDCREW__SERVER__LISTEN`.
#[must_use]
pub fn environment_name(key: &str) -> String {
    format!("GROUNDCREW__{}", key.to_uppercase().replace('.', "__"))
}

/// The reference page, as a commented configuration file.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from("# groundcrew.toml: every setting with its default\n");
    let mut section = "";
    for setting in &SETTINGS {
        let (group, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if group != section {
            section = group;
            page.push_str(&format!("\n[{group}]\n"));
        }
        let also = setting.also.map(|name| format!(" or {name}")).unwrap_or_default();
        page.push_str(&format!(
            "# {}\n# environment: {}{also}\n",
            setting.doc,
            environment_name(setting.key)
        ));
        page.push_str(&format!("{name} = {}\n", setting.default));
    }
    page
}
