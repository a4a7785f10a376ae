//! A deterministic simulated shop that speaks OTLP and knows what it broke.
