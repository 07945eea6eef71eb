//! A socket that gives up: on a caller who does not send what was begun, does not read what was answered, or sends what can be
//! read in two ways.
//!
//! It hands the parser one request at a time and holds the next back until the answer is written. A refusal of its own, and what
//! the parser refuses without asking the service, goes out as a problem like every other.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::{
    Timeouts,
    deadline::Deadline,
    framing::{Fault, Framing},
    refusals::Refusals,
    talk::Talk,
};

/// How long, and how much, a caller who was refused may go on sending: closing in its face would lose the refusal.
const LINGER: Duration = Duration::from_secs(2);
const LINGERING: usize = 256 * 1024;

/// A connection's socket.
pub(super) struct Wire<S> {
    socket: S,
    talk: Arc<Talk>,
    timeouts: Timeouts,
    refusals: Refusals,
    framing: Framing,
    /// Requests that have come whole or in part, the one at hand included.
    begun: u64,
    /// What came behind the request that is at hand.
    held: Vec<u8>,
    reading: Deadline,
    writing: Deadline,
    /// What is said instead of what the parser would say, and how much of it has been written.
    last_word: Option<(Vec<u8>, usize)>,
    refused: bool,
}

impl<S> Wire<S> {
    pub(super) fn new(socket: S, talk: Arc<Talk>, timeouts: Timeouts, refusals: Refusals) -> Self {
        Self {
            socket,
            talk,
            timeouts,
            refusals,
            framing: Framing::default(),
            begun: 0,
            held: Vec::new(),
            reading: Deadline::default(),
            writing: Deadline::default(),
            last_word: None,
            refused: false,
        }
    }

    /// How long the caller may take with what is waited for; `None` while it waits for us.
    fn patience(&self) -> Option<Duration> {
        if self.framing.is_whole() {
            None
        } else if self.framing.is_untouched() && self.begun > 0 {
            Some(self.timeouts.idle)
        } else if self.framing.is_in_head() {
            Some(self.timeouts.head)
        } else {
            Some(self.timeouts.pause)
        }
    }

    /// Ends the reading, with a refusal where the caller had begun to say something.
    fn refuse(&mut self, word: Option<Vec<u8>>) {
        self.refused = true;
        self.last_word = word.map(|word| (word, 0));
    }

    /// Lets the framing judge what was read, and keeps what belongs to the next request.
    fn judge(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> io::Result<()> {
        let in_head = self.framing.is_in_head();
        let untouched = self.framing.is_untouched();
        match self.framing.take(&buf.filled()[before..]) {
            Ok(taken) => {
                let rest = buf.filled()[before + taken..].to_vec();
                if !rest.is_empty() {
                    self.held.splice(0..0, rest);
                }
                buf.set_filled(before + taken);
                if untouched && !self.framing.is_untouched() {
                    self.begun += 1;
                    self.reading.disarm();
                }
                if in_head && !self.framing.is_in_head() {
                    self.talk.begin();
                    self.reading.disarm();
                } else if !in_head {
                    self.reading.disarm();
                }
                Ok(())
            }
            Err(fault) if in_head => {
                buf.set_filled(before);
                self.refuse(Some(self.refusals.of_fault(fault)));
                Ok(())
            }
            Err(Fault::BareLineFeed | Fault::Length | Fault::UriTooLong | Fault::HeadTooLong) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the body's chunks cannot be told apart"))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> Wire<S> {
    /// Looks whether the caller has gone while it is being answered; what it sends already waits.
    fn poll_gone(&mut self, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.talk.wake_when_answered(context.waker());
        if !self.held.is_empty() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buf))?;
        if buf.filled().len() > before {
            self.held.extend_from_slice(&buf.filled()[before..]);
            buf.set_filled(before);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_more(&mut self, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() {
            let count = self.held.len().min(buf.remaining());
            buf.put_slice(&self.held[..count]);
            self.held.drain(..count);
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut self.socket).poll_read(context, buf);
        if read.is_pending()
            && let Some(patience) = self.patience()
        {
            ready!(self.reading.poll(patience, context));
            if !self.framing.is_in_head() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the body stopped coming")));
            }
            let word = (!self.framing.is_untouched()).then(|| self.refusals.of_silence());
            self.refuse(word);
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.refused {
            return Poll::Ready(Ok(()));
        }
        if self.framing.is_whole() {
            if self.talk.answered() < self.begun {
                return self.poll_gone(context, buf);
            }
            self.framing.restart();
        }
        let before = buf.filled().len();
        ready!(self.poll_more(context, buf))?;
        if buf.filled().len() > before {
            self.judge(buf, before)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    fn poll_last_word(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((word, written)) = &mut self.last_word {
            if *written == word.len() {
                self.last_word = None;
                break;
            }
            let count = ready!(Pin::new(&mut self.socket).poll_write(context, &word[*written..]))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *written += count;
        }
        Poll::Ready(Ok(()))
    }

    /// Gives up on a caller who does not read.
    fn slow<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.writing.disarm();
            return polled;
        }
        let patience = self.timeouts.pause;
        ready!(self.writing.poll(patience, context));
        tracing::info!(seconds = patience.as_secs(), "a caller did not read its answer, and was dropped");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer is not read")))
    }

    /// Whether the parser answers for itself: the service was not asked, and says nothing without an id.
    fn is_refusal_of_the_parser(&self, bytes: &[u8]) -> bool {
        self.talk.called() < self.begun
            && bytes.starts_with(b"HTTP/1.1 4")
            && !bytes.windows(12).any(|window| window.eq_ignore_ascii_case(b"x-request-id"))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_refusal_of_the_parser(bytes) {
            let word = self.refusals.of_parser(bytes);
            self.refuse(Some(word));
            return Poll::Ready(Ok(bytes.len()));
        }
        if self.refused {
            // Nothing follows a last word.
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.slow(polled, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let word = self.poll_last_word(context);
        let polled = match word {
            Poll::Ready(Ok(())) => Pin::new(&mut self.socket).poll_flush(context),
            other => other,
        };
        self.slow(polled, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        let polled = Pin::new(&mut self.socket).poll_shutdown(context);
        self.slow(polled, context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Says what is left to say, and lets a caller who was refused read it.
    pub(super) async fn finish(mut self) {
        // Closing while something is unread would cut the answer off.
        let unread = self.refused || !(self.framing.is_whole() || self.framing.is_untouched());
        if self.shutdown().await.is_err() || !unread {
            return;
        }
        let mut left = LINGERING;
        let mut unread = [0; 4096];
        let reading = async {
            while left > 0 {
                match self.socket.read(&mut unread).await {
                    Ok(0) | Err(_) => return,
                    Ok(count) => left = left.saturating_sub(count),
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, reading).await;
    }
}
