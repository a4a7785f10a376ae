//! The body of a gRPC request, which asks for room: for all of its message as soon as that says how long it is, else as it
//! arrives.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::body::{Body, Bytes};
use tokio_stream::StreamExt;
use tonic::Status;

use super::http_body::time_for;
use super::otlp_grpc::MESSAGE_BYTES_MAX;
use crate::intake::{Admission, Intake, Refused};

/// The room of a body that is being read, shared with what comes after it.
#[derive(Clone, Default)]
pub(super) struct Held(Arc<Mutex<Option<Admission>>>);

impl Held {
    /// The room so far, once; the body asks for no more after that.
    pub(super) fn take(&self) -> Option<Admission> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn hold(&self, admission: Admission) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(admission);
    }

    fn grow_to(&self, bytes: usize) -> Result<(), Refused> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_mut().map_or(Ok(()), |admission| admission.grow_to(bytes))
    }
}

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// How long a body is whose first piece this is, as far as it says.
fn length_of(first: &[u8]) -> usize {
    let length = first.get(1..PREFIX_BYTES).and_then(|length| length.try_into().ok());
    length.map_or(0, |length| u32::from_be_bytes(length) as usize).min(MESSAGE_BYTES_MAX)
}

/// `body`, of which every byte takes `factor` bytes of the room of `intake`. It ends in the refusal, as `status` tells it,
/// when there is none.
pub(super) fn admitted(
    body: Body,
    intake: &Intake,
    factor: usize,
    status: fn(&Refused) -> Status,
) -> (Body, Held) {
    let held = Held::default();
    let (growing, intake) = (held.clone(), intake.clone());
    let (mut read, mut until) = (0, None);
    let chunks = body.into_data_stream().then(move |chunk| {
        let is_first = until.is_none();
        read += chunk.as_ref().map_or(0, Bytes::len);
        let promised = chunk.as_ref().map_or(0, |chunk| length_of(chunk)).max(read);
        let until = *until.get_or_insert_with(|| Instant::now() + time_for(promised));
        let (growing, intake) = (growing.clone(), intake.clone());
        async move {
            let chunk = chunk.map_err(|error| Status::unavailable(error.to_string()))?;
            let room = if is_first {
                // Nothing waits here: messages of one connection share what it may send ahead, and those that wait would
                // keep those that have room from arriving.
                intake.admit(promised * factor).map(|admission| growing.hold(admission))
            } else if Instant::now() > until {
                Err(intake.stalled())
            } else {
                growing.grow_to(read * factor)
            };
            room.map_err(|refused| status(&refused))?;
            Ok::<_, Status>(chunk)
        }
    });
    (Body::from_stream(chunks), held)
}
