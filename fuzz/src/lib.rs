//! What the fuzz targets share.

use groundcrew_indexer::sources::http_body::HttpRefusal;
use groundcrew_telemetry::Timestamp;

/// The time of receipt.
pub const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// Insists that what is refused is so for a reason that lies with its sender.
pub fn refused_as_the_senders_fault<T>(decoded: Result<T, HttpRefusal>) {
    if let Err(refusal) = decoded {
        assert!(refusal.status().is_client_error(), "{refusal}");
    }
}
