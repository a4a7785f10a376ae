//! What every embedder can do.

use crate::LlmError;

/// Turns texts into vectors whose dot product says how alike the texts are.
pub trait Embedder: Send + Sync + std::fmt::Debug {
    /// Names the model and the way it is used. Vectors of two embedders compare only where this is the same.
    fn identity(&self) -> &str;

    /// Embeds `texts`: one vector each, of length one, in the same order, all of the same dimensions.
    ///
    /// Blocking and slow: call it off the async runtime.
    ///
    /// # Errors
    /// When the model fails; then there is no vector of any of the texts.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, LlmError>;
}
