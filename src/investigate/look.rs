//! Typed, read-only queries by which one can look further: a model that lacks the deciding item, a person with a
//! follow-up question.

use serde::{Deserialize, Serialize};

use super::evidence::shorten;
use crate::text::Tainted;

/// Bytes of an argument that are shown.
const SHOWN_BYTES_MAX: usize = 80;

/// The name of the query that another system answers.
pub const ASK_SERVER: &str = "ask_server";

/// The name of every query that the stores answer, as it is written.
pub const LOOK_NAMES: [&str; 8] = [
    "search_logs",
    "log_patterns",
    "get_trace",
    "query_metric",
    "service_map",
    "what_changed",
    "search_documents",
    "cluster_state",
];

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookFor {
    /// Log lines that hold words.
    SearchLogs,
    /// Log templates with counts.
    LogPatterns,
    /// One trace: by id, else a slow or failed one of a service.
    GetTrace,
    /// A metric's series.
    QueryMetric,
    /// Who calls whom, with errors and times.
    ServiceMap,
    /// Changes.
    WhatChanged,
    /// Runbooks, past incidents and other documents.
    SearchDocuments,
    /// Objects of the cluster.
    ClusterState,
    /// Whatever another system's tool tells; only where one is configured.
    AskServer,
}

impl LookFor {
    /// Its name, as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SearchLogs => "search_logs",
            Self::LogPatterns => "log_patterns",
            Self::GetTrace => "get_trace",
            Self::QueryMetric => "query_metric",
            Self::ServiceMap => "service_map",
            Self::WhatChanged => "what_changed",
            Self::SearchDocuments => "search_documents",
            Self::ClusterState => "cluster_state",
            Self::AskServer => ASK_SERVER,
        }
    }
}

/// One query. Its arguments are as somebody gave them; they are checked against what exists before anything is read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Look {
    /// What is asked for.
    pub query: LookFor,
    /// The service.
    #[serde(default)]
    pub service: Option<Tainted<String>>,
    /// Words to search for.
    #[serde(default)]
    pub words: Option<Tainted<String>>,
    /// Name of a metric or an object.
    #[serde(default)]
    pub name: Option<Tainted<String>>,
    /// Id of a trace.
    #[serde(default)]
    pub id: Option<Tainted<String>>,
    /// Start of the time, RFC 3339 or a clock time of the window's day.
    #[serde(default)]
    pub from: Option<Tainted<String>>,
    /// End of the time.
    #[serde(default)]
    pub to: Option<Tainted<String>>,
    /// The other system that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Tainted<String>>,
    /// Its tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Tainted<String>>,
    /// What the tool is given, a JSON object as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Tainted<String>>,
}

impl Look {
    /// A query without arguments.
    #[must_use]
    pub fn new(query: LookFor) -> Self {
        Self {
            query,
            service: None,
            words: None,
            name: None,
            id: None,
            from: None,
            to: None,
            server: None,
            tool: None,
            arguments: None,
        }
    }

    /// The query as a person reads it: `search_logs service=checkout words="pool"`.
    #[must_use]
    pub fn told(&self) -> String {
        let mut text = self.query.name().to_owned();
        let arguments = [
            ("service", &self.service),
            ("words", &self.words),
            ("name", &self.name),
            ("id", &self.id),
            ("from", &self.from),
            ("to", &self.to),
            ("server", &self.server),
            ("tool", &self.tool),
            ("arguments", &self.arguments),
        ];
        for (name, value) in arguments {
            if let Some(value) = value {
                text.push_str(&format!(" {name}={}", shorten(&value.shown(), SHOWN_BYTES_MAX)));
            }
        }
        text
    }
}
