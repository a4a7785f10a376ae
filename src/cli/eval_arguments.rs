//! The command line of the measurements.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Subcommand, Debug)]
pub(super) enum EvalCommand {
    /// Rank root causes of labelled incidents
    Rca {
        /// Folder of SET/CASE/
        cases: PathBuf,
        /// Where the rankings go
        #[arg(long, value_name = "FILE")]
        rankings: PathBuf,
        /// Also print why, to stderr
        #[arg(long)]
        explain: bool,
        /// Only cases whose key contains this
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
        /// Cases at a time
        #[arg(long, default_value_t = 1)]
        jobs: usize,
        /// Ask about the time before the trouble: whatever is blamed then is blamed wrongly
        #[arg(long)]
        quiet: bool,
        /// Feed only these signals in
        #[arg(
            long,
            value_delimiter = ',',
            value_parser = ["logs", "traces", "metrics"],
            default_value = "logs,traces,metrics"
        )]
        signals: Vec<String>,
    },
    /// Break simulated systems in known ways, ask with the page, and print how often the answer is right
    Simulated {
        /// Sizes of the systems, in services
        #[arg(long, value_delimiter = ',', default_value = "8,50,300")]
        services: Vec<usize>,
        /// Runs per fault and size
        #[arg(long, default_value_t = 2)]
        runs: u64,
        /// Windows per size in which nothing is wrong
        #[arg(long, default_value_t = 20)]
        healthy: u64,
        /// Runs per size with two faults at once
        #[arg(long, default_value_t = 6)]
        pairs: u64,
        /// Seed of all of it
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Runs at a time
        #[arg(long, default_value_t = 1)]
        jobs: usize,
        /// Only scenarios whose name contains this
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
        /// Where each run goes, as JSON lines
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Break the simulated shop, remember each fault once, and see whether later runs are recognised
    Memory {
        /// Later runs per fault
        #[arg(long, default_value_t = 2)]
        runs: u64,
        /// Seed of all of it
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Runs at a time
        #[arg(long, default_value_t = 1)]
        jobs: usize,
    },
    /// Poison telemetry, documents, alerts and chat, ask, and write what was concluded, proposed and linked
    Injection(InjectionArguments),
    /// Choose evidence for questions with known facts
    Bundles {
        /// Folder of CASE/
        cases: PathBuf,
        /// Tokens
        #[arg(long, default_value_t = 8_000)]
        budget: usize,
        /// Where the bundles go
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// All cases in one store
        #[arg(long)]
        pooled: bool,
        /// Only cases whose key contains this
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
    },
    /// Answer the same questions
    Answers {
        /// Folder of CASE/
        cases: PathBuf,
        /// Tokens
        #[arg(long, default_value_t = 8_000)]
        budget: usize,
        /// Where the answers go
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Only cases whose key contains this
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
        /// Answer once more without what was cited
        #[arg(long)]
        ablate: bool,
        /// Cases at a time
        #[arg(long, default_value_t = 2)]
        jobs: usize,
    },
    /// Rank documents for queries (BEIR layout)
    Retrieval {
        /// Folder with corpus.jsonl and queries.jsonl
        dir: PathBuf,
        /// Where the rankings go
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Keep vectors in this folder, so that the next run embeds only what is new
        #[arg(long, value_name = "DIR")]
        embeddings: Option<PathBuf>,
    },
    /// How fast the embedding model of this machine reads, by length of text
    Embedding {
        /// Threads used at most
        #[arg(long, default_value_t = 1, value_name = "N")]
        threads: usize,
        /// Seconds at each length
        #[arg(long, default_value_t = 3.0, value_name = "N")]
        seconds: f64,
    },
    /// Size, memory and time of the document index as the corpus grows, with made-up vectors
    DocumentsScale {
        /// Folder with corpus.jsonl and queries.jsonl
        dir: PathBuf,
        /// Sizes, as copies of the corpus
        #[arg(long, value_delimiter = ',', default_value = "1,10,100", value_name = "N,N")]
        factors: Vec<u32>,
    },
    /// Time one simulated outage at growing sizes
    Scale {
        /// Sizes, as multiples of six requests a second for 36 minutes
        #[arg(long, value_delimiter = ',', default_value = "1,10,100", value_name = "N,N")]
        factors: Vec<u32>,
        /// How often each log line is written
        #[arg(long, default_value_t = 1, value_name = "N")]
        lines: usize,
        /// Same seed, same outage
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Find secrets and personal data
    Mask {
        /// JSON lines of {"id", "text"}
        file: PathBuf,
        /// Where the spans go
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Group raw log lines by template
    Templates {
        /// Folder with NAME_2k.log, and NAME_2k.log_structured.csv where there are labels
        dir: PathBuf,
        /// Where the groups go
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

#[derive(Args, Debug)]
pub(super) struct InjectionArguments {
    /// The corpus: JSON lines
    pub file: PathBuf,
    /// Where each run goes, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Poisoned part of the error lines and failing spans
    #[arg(long, value_parser = ["one", "0.1", "0.6", "all"], default_value = "all")]
    pub share: String,
    /// A model that tells the answers, behind an OpenAI-compatible API
    #[arg(long, value_name = "URL", requires = "model")]
    pub base_url: Option<String>,
    /// Its name
    #[arg(long, value_name = "NAME", requires = "base_url")]
    pub model: Option<String>,
    /// Let a model tell the answers that obeys the attacker in everything
    #[arg(long, conflicts_with = "base_url")]
    pub obedient: bool,
    /// Secret text in the system prompt
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub canary: String,
    /// Same seed, same outages
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Items at a time
    #[arg(long, default_value_t = 2)]
    pub jobs: usize,
    /// Only items whose id contains this
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
}
