//! What people look at by hand: logs, traces, metrics, services and documents, read from the stores and ready to be drawn.
//!
//! Nothing here concludes anything; investigations do that. Views are bounded whatever is asked for.

pub mod view;
