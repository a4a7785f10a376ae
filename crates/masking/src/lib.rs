//! Finds and masks personal data and secrets.
