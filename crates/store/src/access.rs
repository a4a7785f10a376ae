//! How a store is opened.

/// Whether a store may be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// The only writer: takes an exclusive lock.
    ReadWrite,
    /// Reads beside a writer that is gone or alive, and changes nothing.
    ReadOnly,
}
