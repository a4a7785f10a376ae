//! What is to be indexed, and how.

use std::path::Path;

/// A folder of documents, or one file.
#[derive(Clone, Copy, Debug)]
pub struct DocumentSource<'s> {
    /// The folder or file.
    pub path: &'s Path,
    /// The program that reads PDF files, see [`read_pdf`](super::read_pdf); without one they are left out.
    pub pdf_reader: Option<&'s Path>,
    /// Hosts of git remotes to which links may lead, such as `github.com`. Others get none.
    pub permalink_hosts: &'s [String],
}

impl<'s> DocumentSource<'s> {
    /// Everything at `path` but PDF files, without links.
    #[must_use]
    pub const fn at(path: &'s Path) -> Self {
        Self { path, pdf_reader: None, permalink_hosts: &[] }
    }
}
