//! The line in every order in which threads may come and go.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex as Log;
use std::task::{Context, Poll, Waker};

use shuttle::future::block_on;
use shuttle::thread;

use super::*;
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

fn key(number: usize) -> KeyId {
    KeyId::from_stored(&format!("key_{number}"))
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
                    let turn = block_on(line.join(&key, 10)).unwrap();
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
                    let turn = block_on(line.join(&key, 10)).unwrap();
                    head.visit();
                    drop(turn);
                    return;
                }
                let mut joining = Box::pin(line.join(&key, 10));
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
        drop(block_on(line.join(&next, 1)).unwrap());
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
                let turn = block_on(line.join(&key, LENGTH));
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
    /// Somebody of this key stands in line.
    Waits(usize),
    /// Somebody of this key is at the head.
    Head(usize),
}

#[test]
fn a_key_with_many_requests_does_not_keep_another_one_away() {
    explore(|| {
        let line = Arc::new(Line::default());
        let log = Arc::new(Log::new(Vec::new()));
        let threads = [0, 0, 0, 0, 1].map(|of| {
            let (line, log) = (Arc::clone(&line), Arc::clone(&log));
            thread::spawn(move || {
                let key = key(of);
                let turn = block_on(async {
                    let mut joining = pin!(line.join(&key, 10));
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
