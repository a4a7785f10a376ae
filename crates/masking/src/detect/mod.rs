//! Detectors, one family per file; each is called at an anchor, reads the surroundings and notes what it finds.

pub(crate) mod cookie;
pub(crate) mod email;
pub(crate) mod flag;
pub(crate) mod header;
pub(crate) mod key;
pub(crate) mod keyed;
pub(crate) mod names;
pub(crate) mod network;
pub(crate) mod number;
pub(crate) mod person;
pub(crate) mod phone;
pub(crate) mod place;
pub(crate) mod plausible;
pub(crate) mod shape;
pub(crate) mod url;
pub(crate) mod value;
pub(crate) mod vendor;
