//! What must be remembered between runs: the answers given and the files taken in.

mod database;
mod schema;
#[cfg(test)]
mod tests;

pub use database::StateDb;
