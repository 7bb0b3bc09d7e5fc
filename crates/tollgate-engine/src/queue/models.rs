//! The line in every order in which threads may come and go.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex as Log;
use std::task::{Context, Poll, Waker};

use shuttle::future::block_on;
use shuttle::thread;

use super::*;
use crate::freed::Freed;
use crate::sync::modelled::explore;

/// Who is at the head, for finding two of them.
#[derive(Default)]
struct Head(Log<bool>);

impl Head {
    /// Is at the head for a while.
    fn visit(&self) {
        assert!(!std::mem::replace(&mut *self.0.lock().unwrap(), true));
        thread::yield_now();
        *self.0.lock().unwrap() = false;
    }
}

/// The first key of this team.
fn key(team: usize) -> (TeamId, KeyId) {
    key_of(team, 0)
}

fn key_of(team: usize, number: usize) -> (TeamId, KeyId) {
    let key = format!("key_{team}_{number}");
    (
        TeamId::from_stored(&format!("team_{team}")),
        KeyId::from_stored(&key),
    )
}

async fn join<'a>(
    line: &'a Line,
    (team, key): &(TeamId, KeyId),
    length: usize,
) -> Result<Turn<'a>, LineFull> {
    line.join((team, key), Needs::default(), length, 0).await
}

#[test]
fn one_at_a_time_is_at_the_head_and_everybody_comes_to_it() {
    explore(|| {
        let line = Arc::new(Line::default());
        let head = Arc::new(Head::default());
        let threads = [0, 0, 1, 1].map(|of| {
            let (line, head) = (Arc::clone(&line), Arc::clone(&head));
            thread::spawn(move || {
                for _ in 0..2 {
                    let key = key(of);
                    let turn = block_on(join(&line, &key, 10)).unwrap();
                    assert!(!line.is_empty());
                    head.visit();
                    drop(turn);
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(line.is_empty());
    });
}

#[test]
fn no_turn_is_lost_whenever_callers_leave() {
    explore(|| {
        let line = Arc::new(Line::default());
        let head = Arc::new(Head::default());
        let threads = [0, 1, 2, 3, 4].map(|number| {
            let (line, head) = (Arc::clone(&line), Arc::clone(&head));
            thread::spawn(move || {
                let key = key(number % 2);
                if number < 2 {
                    // If a turn were lost, this would wait for ever, which shuttle reports.
                    let turn = block_on(join(&line, &key, 10)).unwrap();
                    head.visit();
                    drop(turn);
                    return;
                }
                let mut joining = Box::pin(join(&line, &key, 10));
                for _ in 0..number {
                    let mut context = Context::from_waker(Waker::noop());
                    if let Poll::Ready(turn) = joining.as_mut().poll(&mut context) {
                        head.visit();
                        drop(turn);
                        return;
                    }
                    thread::yield_now();
                }
                drop(joining);
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(line.len(), 0);
        let next = key(7);
        drop(block_on(join(&line, &next, 1)).unwrap());
    });
}

#[test]
fn no_more_than_the_length_stand_in_line() {
    const LENGTH: usize = 2;
    explore(|| {
        let line = Arc::new(Line::default());
        let threads = [0, 1, 2, 3].map(|number| {
            let line = Arc::clone(&line);
            thread::spawn(move || {
                let key = key(number);
                let turn = block_on(join(&line, &key, LENGTH));
                assert!(line.len() <= LENGTH);
                let came = turn.is_ok();
                thread::yield_now();
                drop(turn);
                came
            })
        });
        let came = threads.map(|thread| thread.join().unwrap());
        // Whoever comes while there is room gets in.
        assert!(came.into_iter().filter(|came| *came).count() >= LENGTH);
        assert!(line.is_empty());
    });
}

/// What happened, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// Somebody of this team stands in line.
    Waits(usize),
    /// Somebody of this team is at the head.
    Head(usize),
}

#[test]
fn a_team_with_many_keys_does_not_keep_another_one_away() {
    explore(|| {
        let line = Arc::new(Line::default());
        let log = Arc::new(Log::new(Vec::new()));
        let threads = [(0, 0), (0, 1), (0, 0), (0, 2), (1, 0)].map(|(of, number)| {
            let (line, log) = (Arc::clone(&line), Arc::clone(&log));
            thread::spawn(move || {
                let key = key_of(of, number);
                let turn = block_on(async {
                    let mut joining = pin!(join(&line, &key, 10));
                    let mut waits = false;
                    std::future::poll_fn(|context| {
                        let polled = joining.as_mut().poll(context);
                        if polled.is_pending() && !std::mem::replace(&mut waits, true) {
                            log.lock().unwrap().push(Event::Waits(of));
                        }
                        polled
                    })
                    .await
                    .unwrap()
                });
                log.lock().unwrap().push(Event::Head(of));
                drop(turn);
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        let log = log.lock().unwrap();
        let at = |event| log.iter().position(|logged| *logged == event);
        if let Some(from) = at(Event::Waits(1)) {
            let to = at(Event::Head(1)).unwrap();
            let before = log[from..to]
                .iter()
                .filter(|event| **event == Event::Head(0));
            // One that was called up already, and one whose turn it was.
            assert!(before.count() <= 2, "{log:?}");
        }
    });
}

/// Places of two targets, as those who wait see them.
#[derive(Default)]
struct Targets {
    free: [Mutex<usize>; 2],
    freed: Freed,
}

impl Targets {
    /// Takes a place at one of these targets.
    fn take(&self, suiting: &[usize]) -> Option<usize> {
        suiting.iter().copied().find(|target| {
            let mut free = self.free[*target].lock();
            let is_free = *free > 0;
            *free -= usize::from(is_free);
            is_free
        })
    }

    fn give(&self, target: usize) {
        *self.free[target].lock() += 1;
        self.freed.tell();
    }

    /// Waits in line as `Walk` does.
    async fn wait(&self, line: &Line, who: &(TeamId, KeyId), suiting: &[usize]) -> usize {
        let kind = suiting.iter().map(|target| 1 << target).sum();
        let needs = Needs {
            kind,
            targets: Vec::new(),
        };
        let waiter = self.freed.wait();
        let joining = line.join((&who.0, &who.1), needs, 100, waiter.news());
        let turn = joining.await.unwrap();
        let mut is_called = true;
        loop {
            let mut changed = pin!(waiter.changed());
            changed.as_mut().enable();
            if is_called {
                if let Some(target) = self.take(suiting) {
                    return target;
                }
                turn.pass();
            } else {
                turn.tell(Some(waiter.news()));
            }
            is_called = either(turn.called(), changed).await;
        }
    }
}

/// Whether the first of two things came first.
async fn either(first: impl Future<Output = ()>, second: impl Future<Output = ()>) -> bool {
    let (mut first, mut second) = (pin!(first), pin!(second));
    std::future::poll_fn(|context| {
        if first.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        second.as_mut().poll(context).map(|()| false)
    })
    .await
}

#[test]
fn everybody_gets_a_place_of_those_that_suit_them() {
    explore(|| {
        let line = Arc::new(Line::default());
        let targets = Arc::new(Targets::default());
        // A place that somebody sleeps through, or a right to look that is lost, leaves somebody
        // waiting for ever, which shuttle reports.
        let waiting = [&[0][..], &[1], &[0, 1], &[1]].map(|suiting| {
            let (line, targets) = (Arc::clone(&line), Arc::clone(&targets));
            thread::spawn(move || {
                let who = key(suiting.len());
                let target = block_on(targets.wait(&line, &who, suiting));
                assert!(suiting.contains(&target));
                // It is used, then free again.
                thread::yield_now();
                targets.give(target);
            })
        });
        let leaves = {
            let (line, targets) = (Arc::clone(&line), Arc::clone(&targets));
            thread::spawn(move || {
                let who = key(9);
                let mut waiting = Box::pin(targets.wait(&line, &who, &[0, 1]));
                for _ in 0..3 {
                    let mut context = Context::from_waker(Waker::noop());
                    if let Poll::Ready(target) = waiting.as_mut().poll(&mut context) {
                        targets.give(target);
                        return;
                    }
                    thread::yield_now();
                }
            })
        };
        targets.give(1);
        targets.give(0);
        for thread in waiting {
            thread.join().unwrap();
        }
        leaves.join().unwrap();
        assert!(line.is_empty());
        assert_eq!(*targets.free[0].lock() + *targets.free[1].lock(), 2);
    });
}

#[test]
fn whom_a_free_target_suits_is_not_held_up_by_those_who_wait_for_another() {
    explore(|| {
        let line = Arc::new(Line::default());
        let targets = Arc::new(Targets::default());
        let wait = |suiting: &'static [usize]| {
            let (line, targets) = (Arc::clone(&line), Arc::clone(&targets));
            thread::spawn(move || block_on(targets.wait(&line, &key(suiting[0]), suiting)))
        };
        let busy = [wait(&[0]), wait(&[0])];
        let free = [wait(&[1]), wait(&[1])];
        // The first target stays busy until all whom the second one suits have come through.
        for (target, threads) in [(1, free), (0, busy)] {
            for _ in &threads {
                targets.give(target);
            }
            for thread in threads {
                thread.join().unwrap();
            }
        }
        assert!(line.is_empty());
    });
}
