//! The proof that a value went through the masker, and the error when it could not.

use std::ops::Deref;

/// A value whose texts have been masked; only [`Masker`](crate::Masker) makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked<T>(T);

impl<T> Masked<T> {
    pub(crate) fn new(value: T) -> Masked<T> {
        Masked(value)
    }

    /// Takes the value out, for the writer that stores it.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Masked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Masking failed, so the value must not be stored or sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("masking failed, so the value was withheld")]
pub struct Withheld;
