//! Templates, baselines, service graph and suspect ranking: pure and deterministic.
