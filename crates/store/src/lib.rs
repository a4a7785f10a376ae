//! Embedded engines for logs, spans, metrics, documents, vectors and state.
