//! The integration tests, in one binary: the real program, real sockets, real peers.

#[cfg(test)]
mod tidy;
