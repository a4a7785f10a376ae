//! The simulated outage: a shop breaks, its telemetry goes to the real receivers, an incident opens, and it is asked
//! about like any other.

mod play;
mod send;

pub use play::{
    DemoError, DemoOptions, Played, index_shipped_runbooks, play, write_shipped_runbooks,
};
