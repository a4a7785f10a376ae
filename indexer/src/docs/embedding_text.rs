//! What the embedding model reads: a chunk under its title, and identifiers in plain words.
//!
//! The model was trained on sentences. It knows `crash looping` and cuts `KubePodCrashLooping` into meaningless syllables,
//! so identifiers in titles and questions are spelled out before they are embedded. Chunks keep theirs: code and log
//! lines match code and log lines.

use groundcrew_llm::Embedder;
use groundcrew_store::{DocumentChunk, DocumentIndex};

use super::summary::DocsError;

/// The model reads 256 tokens; more than this is never reached.
const QUERY_BYTES_MAX: usize = 8 * 1024;

/// The text of a chunk for the embedding model.
pub(crate) fn embedding_text(chunk: &DocumentChunk) -> String {
    let mut text = spelled_out(&chunk.title);
    text.push('\n');
    text.push_str(&chunk.heading_path.join(" > "));
    text.push('\n');
    text.push_str(&chunk.text);
    text
}

/// The vector of a question, alert or log line, to compare with those of the chunks in `documents`; `None` when these
/// have none.
///
/// Blocking and slow: call it off the async runtime.
///
/// # Errors
/// When the model fails, and when another model embedded the documents.
pub fn embed_query(
    documents: &DocumentIndex,
    embedder: &dyn Embedder,
    text: &str,
) -> Result<Option<Vec<f32>>, DocsError> {
    let Some(indexed) = documents.vector_model()? else { return Ok(None) };
    if indexed != embedder.identity() {
        return Err(DocsError::OtherModel { indexed, asked: embedder.identity().to_owned() });
    }
    Ok(embedder.embed(&[&query_text(text)])?.pop())
}

fn query_text(text: &str) -> String {
    spelled_out(text.get(..text.floor_char_boundary(QUERY_BYTES_MAX)).unwrap_or(text))
}

/// Puts spaces where identifiers are joined or change their case: `KubePodCrashLooping` as `Kube Pod Crash Looping`.
fn spelled_out(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len() + text.len() / 8);
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let after_word = before.is_alphanumeric();
        let is_hump = c.is_uppercase()
            && (before.is_lowercase()
                || before.is_numeric()
                || (before.is_uppercase() && next.is_lowercase()));
        let is_joint = matches!(c, '_' | '-' | '.' | '/') && next.is_alphanumeric();
        if is_hump && after_word {
            spelled.push(' ');
        }
        spelled.push(if is_joint { ' ' } else { c });
        before = c;
    }
    spelled
}

#[cfg(test)]
mod tests {
    use groundcrew_store::DocumentKind;
    use groundcrew_telemetry::Attributes;

    use super::*;

    #[test]
    fn identifiers_are_spelled_out() {
        assert_eq!(spelled_out("KubePodCrashLooping fired"), "Kube Pod Crash Looping fired");
        assert_eq!(spelled_out("http_requests_total"), "http requests total");
        assert_eq!(spelled_out("HTTPServer on order-service"), "HTTP Server on order service");
        assert_eq!(
            spelled_out("It failed. Again - twice, 1.5 s"),
            "It failed. Again - twice, 1 5 s"
        );
        assert_eq!(spelled_out(""), "");
    }

    #[test]
    fn a_chunk_is_read_under_its_title_and_keeps_its_code() {
        let chunk = DocumentChunk {
            document: "a".to_owned(),
            kind: DocumentKind::Runbook,
            title: "KubePodNotReady".to_owned(),
            heading_path: vec!["Fix".to_owned(), "By hand".to_owned()],
            text: "run `kubectl get pods -l app=order_service`".to_owned(),
            line_start: 1,
            line_end: 1,
            path: String::new(),
            services: Vec::new(),
            alerts: Vec::new(),
            date: None,
            front_matter: Attributes::default(),
        };
        let expected =
            "Kube Pod Not Ready\nFix > By hand\nrun `kubectl get pods -l app=order_service`";
        assert_eq!(embedding_text(&chunk), expected);
    }

    #[test]
    fn a_huge_question_is_cut() {
        assert!(query_text(&"磁".repeat(1_000_000)).len() <= QUERY_BYTES_MAX);
        assert_eq!(query_text("OrdersFailing"), "Orders Failing");
    }
}
