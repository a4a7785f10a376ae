//! A request's body that asks for room as it arrives: a sender that only promises bytes takes none.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use tokio_stream::StreamExt;
use tonic::Status;

use crate::intake::{Admission, Refused};

/// The room of a body that is being read, shared with what comes after it.
#[derive(Clone)]
pub(super) struct Held(Arc<Mutex<Option<Admission>>>);

impl Held {
    /// The room so far, once; the body asks for no more after that.
    pub(super) fn take(&self) -> Option<Admission> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn grow_to(&self, bytes: usize) -> Result<(), Refused> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_mut().map_or(Ok(()), |admission| admission.grow_to(bytes))
    }
}

/// `body`, of which every byte takes `factor` bytes of room. It ends in the refusal, as `status` tells it, when there is
/// none.
pub(super) fn admitted(
    body: Body,
    admission: Admission,
    factor: usize,
    status: fn(&Refused) -> Status,
) -> (Body, Held) {
    let held = Held(Arc::new(Mutex::new(Some(admission))));
    let growing = held.clone();
    let mut read = 0;
    let chunks = body.into_data_stream().map(move |chunk| {
        let chunk = chunk.map_err(|error| Status::unavailable(error.to_string()))?;
        read += chunk.len();
        growing.grow_to(read * factor).map_err(|refused| status(&refused))?;
        Ok::<_, Status>(chunk)
    });
    (Body::from_stream(chunks), held)
}
