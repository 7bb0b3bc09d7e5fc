//! One connection: requests are read, planned and answered, one after the other.

pub(crate) mod inbox;
mod player;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;

use crate::draft::Hangup;
use crate::family;
use crate::fault::Scene;
use crate::problem::Problem;
use crate::record::Outcome;
use crate::simulator::Shared;
use inbox::{Inbox, Unreadable};
use player::{Ended, Player};

/// Serves a connection until it ends. Gives the transport back with how it is to be ended, since
/// only the caller knows what a reset is there.
pub(crate) async fn converse<I>(shared: &Shared, io: I, connection: u64) -> (I, Hangup)
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let (reading, writing) = tokio::io::split(io);
    let mut line = Line {
        inbox: Inbox::new(reading),
        writing,
        connection,
    };
    let hangup = loop {
        if let Some(hangup) = line.exchange(shared).await {
            break hangup;
        }
    };
    if hangup == Hangup::Close {
        close(line.inbox.reading(), &mut line.writing).await;
    }
    (line.inbox.into_reading().unsplit(line.writing), hangup)
}

struct Line<I> {
    inbox: Inbox<ReadHalf<I>>,
    writing: WriteHalf<I>,
    connection: u64,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Line<I> {
    /// One request and its answer; `Some` when the connection is to end.
    async fn exchange(&mut self, shared: &Shared) -> Option<Hangup> {
        let mut request = match self.inbox.request(&mut self.writing, shared).await {
            Ok(Some(request)) => request,
            Ok(None) => return Some(Hangup::Close),
            Err(problem) => {
                shared.records.count(|stats| stats.unreadable += 1);
                self.refuse(shared, &problem).await;
                return Some(Hangup::Close);
            }
        };
        let (draft, entry) = shared.plan(&mut request, self.connection);
        let mut player = Player::new(&mut self.writing, entry.as_ref(), request.keep_alive);
        let whole_head = request.method == "HEAD";
        let ended = tokio::select! {
            ended = timeout(shared.settings.longest_answer, player.play(&draft, whole_head)) => {
                ended.unwrap_or(Ended::Fault(Hangup::Close))
            }
            () = self.inbox.gone() => Ended::Gone,
        };
        let is_whole = player.is_whole();
        let (outcome, hangup) = match ended {
            Ended::Keep => (Outcome::Answered, None),
            Ended::Close => (Outcome::Answered, Some(Hangup::Close)),
            Ended::Fault(hangup) => (Outcome::Faulted, Some(hangup)),
            // Everything had been written; what the client did then is its own business.
            Ended::Gone if is_whole => (Outcome::Answered, Some(Hangup::Close)),
            Ended::Gone => (Outcome::ClientGone, Some(Hangup::Close)),
        };
        if let Some(entry) = entry {
            entry.end(outcome);
        }
        hangup
    }

    async fn refuse(&mut self, shared: &Shared, problem: &Unreadable) {
        let Some((status, message)) = problem.answer() else {
            return;
        };
        let problem = Problem::invalid(status, None, message);
        let mut draft = family::draft(&problem, &Scene::unknown(shared.settings.seed));
        draft.set_header("connection", "close");
        let mut player = Player::new(&mut self.writing, None, false);
        // The client may be gone; there is nobody else to tell.
        drop(timeout(CLOSING, player.play(&draft, false)).await);
    }
}

/// Ends a connection in order: says so, then waits a little for the client to do the same,
/// because closing with unread bytes would send RST and take the last bytes away from it.
pub(crate) async fn close(
    reading: &mut (impl AsyncRead + Unpin),
    writing: &mut (impl AsyncWrite + Unpin),
) {
    if writing.shutdown().await.is_err() {
        return;
    }
    let drain = async {
        let mut scratch = [0_u8; 4096];
        while matches!(reading.read(&mut scratch).await, Ok(read) if read > 0) {}
    };
    drop(timeout(CLOSING, drain).await);
}

/// How long the end of a connection may take.
const CLOSING: Duration = Duration::from_secs(2);
