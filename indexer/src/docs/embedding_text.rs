//! What the embedding model reads: a chunk under its title, and identifiers in plain words.
//!
//! The model was trained on sentences. It knows `crash looping` and cuts `KubePodCrashLooping` into meaningless syllables,
//! so identifiers in titles and questions are spelled out before they are embedded. Chunks keep theirs: code and log
//! lines match code and log lines.

use std::ops::Deref;

use groundcrew_llm::Embedder;
use groundcrew_store::{DocumentChunk, DocumentIndex};

use super::summary::DocsError;

/// The model reads 256 tokens; more than this is never reached.
const QUERY_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a document's beginning that are read together: about what the model takes in.
const BEGINNING_BYTES_MIN: usize = 1500;

/// The texts of chunks for the embedding model, one each. The chunks of a document lie one after another.
///
/// The first chunk of a document is read together with what follows it, as much as the model takes in: what a page is
/// about stands at its beginning, and a short first chunk, often a heading and one sentence, says too little of it.
pub(crate) fn embedding_texts<C: Deref<Target = DocumentChunk>>(chunks: &[C]) -> Vec<String> {
    let mut texts = Vec::with_capacity(chunks.len());
    let mut document = None;
    for (position, chunk) in chunks.iter().enumerate() {
        let mut text = embedding_text(chunk);
        if document.replace(&chunk.document) != Some(&chunk.document) {
            let rest = chunks.iter().skip(position + 1);
            for next in rest.take_while(|next| next.document == chunk.document) {
                if text.len() >= BEGINNING_BYTES_MIN {
                    break;
                }
                text.push_str("\n\n");
                text.push_str(&next.text);
            }
        }
        texts.push(text);
    }
    texts
}

/// The text of a chunk, under the title of its document.
fn embedding_text(chunk: &DocumentChunk) -> String {
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

    fn chunk(document: &str, text: &str) -> DocumentChunk {
        DocumentChunk {
            document: document.to_owned(),
            kind: DocumentKind::Runbook,
            title: "KubePodNotReady".to_owned(),
            heading_path: vec!["Fix".to_owned(), "By hand".to_owned()],
            text: text.to_owned(),
            line_start: 1,
            line_end: 1,
            path: String::new(),
            services: Vec::new(),
            alerts: Vec::new(),
            date: None,
            front_matter: Attributes::default(),
        }
    }

    #[test]
    fn a_chunk_is_read_under_its_title_and_keeps_its_code() {
        let chunk = chunk("a", "run `kubectl get pods -l app=order_service`");
        let expected =
            "Kube Pod Not Ready\nFix > By hand\nrun `kubectl get pods -l app=order_service`";
        assert_eq!(embedding_text(&chunk), expected);
    }

    #[test]
    fn a_documents_beginning_is_read_together() {
        let long = "x".repeat(BEGINNING_BYTES_MIN);
        let chunks = [
            chunk("a", "one"),
            chunk("a", "two"),
            chunk("a", &long),
            chunk("a", "four"),
            chunk("b", "five"),
        ];
        let chunks: Vec<&DocumentChunk> = chunks.iter().collect();
        let head = "Kube Pod Not Ready\nFix > By hand\n";
        let expected = [
            format!("{head}one\n\ntwo\n\n{long}"),
            format!("{head}two"),
            format!("{head}{long}"),
            format!("{head}four"),
            format!("{head}five"),
        ];
        assert_eq!(embedding_texts(&chunks), expected);
        assert_eq!(embedding_texts::<&DocumentChunk>(&[]), Vec::<String>::new());
    }

    #[test]
    fn a_huge_question_is_cut() {
        assert!(query_text(&"磁".repeat(1_000_000)).len() <= QUERY_BYTES_MAX);
        assert_eq!(query_text("OrdersFailing"), "Orders Failing");
    }
}
