//! A connection that must begin to speak: before its first bytes tell HTTP/1 from HTTP/2, no other timeout runs.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How every HTTP/2 connection begins; HTTP/1 differs from it early on.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream that ends with an error when its peer does not say within a time which HTTP it speaks.
pub(super) struct PromptStream<S> {
    stream: S,
    /// `None` once the peer has said it.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Bytes of the preface that have come.
    seen: usize,
}

impl<S> PromptStream<S> {
    /// Waits for the first bytes of `stream` no longer than `timeout`.
    pub(super) fn new(stream: S, timeout: Duration) -> Self {
        Self { stream, deadline: Some(Box::pin(tokio::time::sleep(timeout))), seen: 0 }
    }

    /// Looks at what came; says whether the protocol is known now.
    fn is_known(&mut self, bytes: &[u8]) -> bool {
        let expected = PREFACE.get(self.seen..).unwrap_or_default();
        let compared = expected.len().min(bytes.len());
        self.seen += compared;
        self.seen == PREFACE.len() || expected.get(..compared) != bytes.get(..compared)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PromptStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(deadline) = &mut self.deadline else { return polled };
        let is_late = deadline.as_mut().poll(context).is_ready();
        let came = buffer.filled().get(before..).unwrap_or_default();
        if polled.is_ready() && self.is_known(came) {
            self.deadline = None;
        } else if is_late {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PromptStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(50);

    async fn read_after(first: &[u8]) -> io::Result<usize> {
        let (near, mut far) = tokio::io::duplex(64);
        let mut stream = PromptStream::new(near, TIMEOUT);
        far.write_all(first).await.unwrap();
        let mut buffer = [0; 64];
        if !first.is_empty() {
            assert_eq!(stream.read(&mut buffer).await.unwrap(), first.len());
        }
        let later = async move {
            tokio::time::sleep(TIMEOUT * 4).await;
            far.write_all(b"more").await.unwrap();
            tokio::time::sleep(TIMEOUT).await;
        };
        tokio::join!(stream.read(&mut buffer), later).0
    }

    #[tokio::test]
    async fn silence_and_a_trickled_preface_end_and_what_speaks_may_pause() {
        for first in ["", "P", "PRI * HTTP/2.0\r\n"] {
            let error = read_after(first.as_bytes()).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{first:?}");
        }
        for first in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"POST", b"PUT", PREFACE] {
            assert_eq!(read_after(first).await.unwrap(), 4);
        }
    }
}
