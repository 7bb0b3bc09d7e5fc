//! What is done to its end in a task of its own, whoever still waits for it.

use tokio_util::task::TaskTracker;
use tollgate_core::error::{Code, Failure};
use tollgate_engine::late::Late;

/// Has work done to its end. Whoever waits for it is told when the store is late; then the work goes
/// on, and what comes of it is dropped unless the work itself sees to it. Work within other such
/// work is waited for as long as that goes on.
pub(crate) async fn done<T: Send + 'static>(
    tasks: &TaskTracker,
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let outer = Late::here();
    let late = outer.clone().unwrap_or_default();
    let working = tasks.spawn(late.clone().work(work));
    let worked = if outer.is_some() {
        working.await
    } else {
        tokio::select! {
            // Both at once: it is done.
            biased;
            worked = working => worked,
            () = late.told() => return Err(is_late()),
        }
    };
    worked.unwrap_or_else(|_| {
        Err(Failure::gateway(Code::InternalError).because("a panic while something was made"))
    })
}

fn is_late() -> Failure {
    Failure::gateway(Code::DatabaseError)
        .message(
            "The store does not answer in time. What was asked for may still come to be: whoever \
             sends the same again with the same idempotency key is told.",
        )
        .because("the store is late, and the work goes on without its caller")
}
