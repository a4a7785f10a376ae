//! What people look at by hand: logs, traces, metrics, services and documents, read from the stores and ready to be drawn.
//!
//! Nothing here concludes anything; investigations do that. Views are bounded whatever is asked for, and block while they
//! read: call them off the async runtime.

mod changes;
mod documents;
mod logs;
mod metrics;
mod overview;
mod search;
mod services;
mod traces;
mod values;
pub mod view;
mod when;

pub use changes::{Happened, changes};
pub use documents::{documents, passages};
pub use logs::{logs, patterns};
pub use metrics::metrics;
pub use overview::{answer_of, listed_incidents, overview};
pub use search::search;
pub use services::services;
pub use traces::{span, trace, traces};
pub use values::values;
pub use when::{Asked, ExploreError};
