//! The write path: sources, stages and documents.
