use std::task::Poll;

use super::*;
use crate::port::ReplayStore as _;
use crate::testing::{ManualClock, MemoryStore, ToyVault};

const PATIENCE: Duration = Duration::from_secs(5);
const NOW: Timestamp = Timestamp::from_millis(1_795_255_200_000);

struct World {
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    replays: Arc<Replays>,
}

impl World {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock::new(NOW));
        let replays = over(&store, &clock);
        Self {
            store,
            clock,
            replays,
        }
    }

    async fn begin(&self, asked: Asked) -> Result<Begun, Failure> {
        self.replays.begin(asked, PATIENCE).await
    }

    async fn first(&self, asked: Asked) -> Running {
        match self.begin(asked).await {
            Ok(Begun::First(running)) => running,
            other => panic!("it does not run: {other:?}"),
        }
    }

    async fn again(&self, asked: Asked) -> Kept {
        match self.begin(asked).await {
            Ok(Begun::Again(kept)) => kept,
            other => panic!("it is not kept: {other:?}"),
        }
    }

    async fn refused(&self, asked: Asked) -> Failure {
        self.begin(asked).await.expect_err("it is refused")
    }
}

/// What a process has that opens this store.
fn over(store: &Arc<MemoryStore>, clock: &Arc<ManualClock>) -> Arc<Replays> {
    let replays = Replays::new(store.clone(), clock.clone());
    replays.set_vault(Arc::new(ToyVault));
    Arc::new(replays)
}

fn asked(slot: u8, fingerprint: u8) -> Asked {
    Asked {
        slot: [slot; 32],
        fingerprint: [fingerprint; 32],
    }
}

#[tokio::test]
async fn a_finished_answer_is_given_again_byte_for_byte_also_after_a_restart() {
    let mut world = World::new();
    let mut running = world.first(asked(1, 1)).await;
    running.record(b"{\"said\":");
    running.record(b"\"\0\xff\"}");
    running.keep(b"head").await;
    let kept = Kept {
        head: Bytes::from_static(b"head"),
        body: Bytes::from_static(b"{\"said\":\"\0\xff\"}"),
    };
    assert_eq!(world.again(asked(1, 1)).await, kept);
    world.replays = over(&world.store, &world.clock);
    assert_eq!(world.again(asked(1, 1)).await, kept);
    let reading = world.replays.read();
    assert_eq!((reading.running, reading.recorded), (0, 0));
}

#[tokio::test]
async fn one_of_a_hundred_that_come_at_once_runs() {
    let world = World::new();
    let begun: Vec<_> =
        futures_util::future::join_all((0..100).map(|_| world.begin(asked(1, 1)))).await;
    let (first, others): (Vec<_>, Vec<_>) = begun
        .into_iter()
        .partition(|begun| matches!(begun, Ok(Begun::First(_))));
    assert_eq!(first.len(), 1);
    for other in others {
        let failure = other.expect_err("only one runs");
        assert_eq!(failure.code, Code::Conflict);
        assert_eq!(failure.retry_after, Some(ASK_AGAIN));
    }
}

#[tokio::test]
async fn another_body_is_told_apart_while_it_runs_and_afterwards() {
    let world = World::new();
    let running = world.first(asked(1, 1)).await;
    let code = world.refused(asked(1, 2)).await.code;
    assert_eq!(code, Code::IdempotencyMismatch);
    running.keep(b"").await;
    let code = world.refused(asked(1, 2)).await.code;
    assert_eq!(code, Code::IdempotencyMismatch);
}

#[tokio::test]
async fn slots_of_others_know_nothing_of_each_other() {
    let world = World::new();
    let one = world.first(asked(1, 1)).await;
    let other = world.first(asked(2, 1)).await;
    one.keep(b"one").await;
    other.keep(b"other").await;
    assert_eq!(&world.again(asked(1, 1)).await.head[..], b"one");
    assert_eq!(&world.again(asked(2, 1)).await.head[..], b"other");
    // What was kept for one does not open for another.
    let mut moved = world.store.replay(&[1; 32]).await.unwrap().unwrap();
    moved.slot = [3; 32];
    world.store.put_replay(&moved).await.unwrap();
    let failure = world.refused(asked(3, 1)).await;
    assert_eq!((failure.code, failure.retry_after), (Code::Conflict, None));
}

#[tokio::test]
async fn a_request_that_ends_without_an_answer_frees_its_key() {
    let world = World::new();
    let mut running = world.first(asked(1, 1)).await;
    running.record(b"half an ans");
    drop(running);
    assert_eq!(world.replays.read().recorded, 0);
    drop(world.first(asked(1, 2)).await);
}

#[tokio::test]
async fn after_a_crash_in_the_middle_it_runs_again() {
    let mut world = World::new();
    let running = world.first(asked(1, 1)).await;
    // The process is gone with everything in its memory.
    world.replays = over(&world.store, &world.clock);
    drop(world.first(asked(1, 1)).await);
    drop(running);
}

#[tokio::test]
async fn answers_are_forgotten_when_their_time_is_over() {
    let world = World::new();
    let ttl = Duration::from_mins(1);
    world.replays.set_settings(Settings {
        ttl,
        ..Settings::default()
    });
    world.first(asked(1, 1)).await.keep(b"").await;
    world
        .clock
        .advance(ttl.saturating_sub(Duration::from_millis(1)));
    world.again(asked(1, 1)).await;
    world.clock.advance(Duration::from_millis(1));
    drop(world.first(asked(1, 2)).await);
    assert!(world.store.replay(&[1; 32]).await.unwrap().is_some());
    world.replays.sweep(std::future::ready(())).await;
    assert!(world.store.replay(&[1; 32]).await.unwrap().is_none());
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_kept_and_never_made_twice() {
    let world = World::new();
    world.replays.set_settings(Settings {
        longest_answer: 10,
        ..Settings::default()
    });
    for (slot, parts) in [(1, ["12345", "67890"]), (2, ["12345", "678901"])] {
        let mut running = world.first(asked(slot, 1)).await;
        for part in parts {
            running.record(part.as_bytes());
        }
        running.keep(b"head").await;
    }
    assert_eq!(&world.again(asked(1, 1)).await.body[..], b"1234567890");
    let failure = world.refused(asked(2, 1)).await;
    assert_eq!((failure.code, failure.retry_after), (Code::Conflict, None));
    let said = failure.message.as_deref().unwrap();
    assert!(said.contains("too long"), "{said}");
    let code = world.refused(asked(2, 2)).await.code;
    assert_eq!(code, Code::IdempotencyMismatch);
    assert_eq!(world.replays.read().recorded, 0);
}

#[tokio::test]
async fn nothing_runs_while_the_store_cannot_say_what_was_answered() {
    let world = World::new();
    world.store.set_broken(true);
    assert_eq!(world.refused(asked(1, 1)).await.code, Code::DatabaseError);
    world.store.set_broken(false);
    drop(world.first(asked(1, 1)).await);
}

#[tokio::test]
async fn an_answer_that_cannot_be_kept_yet_holds_its_key_until_it_is() {
    let world = World::new();
    let running = world.first(asked(1, 1)).await;
    world.store.set_broken(true);
    let mut keeping = std::pin::pin!(running.keep(b"head"));
    for _ in 0..3 {
        let waits = std::future::poll_fn(|context| {
            Poll::Ready(keeping.as_mut().poll(context).is_pending())
        });
        assert!(waits.await);
        let failure = world.refused(asked(1, 1)).await;
        assert_eq!(failure.code, Code::Conflict);
        world.clock.advance(LONGEST_WAIT);
    }
    world.store.set_broken(false);
    keeping.await;
    assert_eq!(&world.again(asked(1, 1)).await.head[..], b"head");
    assert!(world.replays.read().failures >= 3);
}

#[tokio::test]
async fn what_is_recorded_of_all_together_is_bounded() {
    let world = World::new();
    world.replays.set_settings(Settings {
        longest_answer: usize::MAX,
        ..Settings::default()
    });
    let mut one = world.first(asked(1, 1)).await;
    let mut other = world.first(asked(2, 1)).await;
    let part = vec![0; MOST_RECORDED / 2 + 1];
    one.record(&part);
    other.record(&part);
    assert!(!one.is_too_long && other.is_too_long);
    assert_eq!(world.replays.read().recorded, part.len() as u64);
}

#[tokio::test]
async fn without_a_vault_nothing_runs() {
    let store = Arc::new(MemoryStore::default());
    let replays = Replays::new(store, Arc::new(ManualClock::new(NOW)));
    let begun = replays.begin(asked(1, 1), PATIENCE).await;
    assert_eq!(begun.unwrap_err().code, Code::InternalError);
}
