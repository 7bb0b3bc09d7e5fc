//! How long a connection of HTTP/1.1 may keep us waiting.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The first byte of the next request.
    Request,
    /// The rest of a head that has begun.
    RestOfHead,
}

/// The bounds and the one timer of a connection. Each wait begins with a note of the time; the
/// timer is moved only when it goes off too early, or would go off too late.
pub(crate) struct Patience {
    idle: Duration,
    head: Duration,
    wait: Option<(Waiting, u32, Instant)>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(crate) fn new(idle: Duration, head: Duration) -> Self {
        Self {
            idle,
            head,
            wait: None,
            timer: None,
        }
    }

    /// Ready when this wait has lasted too long. `request` tells waits of the same kind apart.
    pub(crate) fn poll(
        &mut self,
        (waiting, request): (Waiting, u32),
        context: &mut Context<'_>,
    ) -> Poll<Waiting> {
        let begin = match self.wait {
            Some((same, of, begin)) if same == waiting && of == request => begin,
            _ => {
                let now = Instant::now();
                self.wait = Some((waiting, request, now));
                now
            }
        };
        let due = begin
            + match waiting {
                Waiting::Request => self.idle,
                Waiting::RestOfHead => self.head,
            };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if timer.deadline() > due {
            timer.as_mut().reset(due);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= due {
                return Poll::Ready(waiting);
            }
            timer.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(75);
    const HEAD: Duration = Duration::from_secs(10);

    async fn poll_once(patience: &mut Patience, wait: (Waiting, u32)) -> bool {
        std::future::poll_fn(|context| Poll::Ready(patience.poll(wait, context).is_ready())).await
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_has_its_own_bound() {
        let begin = Instant::now();
        let mut patience = Patience::new(IDLE, HEAD);
        for request in 0..3 {
            assert!(!poll_once(&mut patience, (Waiting::Request, request)).await);
            tokio::time::advance(Duration::from_secs(74)).await;
            assert!(!poll_once(&mut patience, (Waiting::Request, request)).await);
        }
        let wait = (Waiting::RestOfHead, 2);
        let head = Instant::now();
        let waited = std::future::poll_fn(|context| patience.poll(wait, context)).await;
        assert_eq!(waited, Waiting::RestOfHead);
        assert_eq!(head.elapsed().as_secs(), HEAD.as_secs());
        let wait = (Waiting::Request, 3);
        let idle = Instant::now();
        std::future::poll_fn(|context| patience.poll(wait, context)).await;
        assert_eq!(idle.elapsed().as_secs(), IDLE.as_secs());
        assert!(begin.elapsed() > 3 * HEAD);
    }
}
