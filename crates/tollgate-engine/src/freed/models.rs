//! Waiting for a free place in every order in which threads may come and go.

use std::pin::pin;
use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::thread;

use super::Freed;
use crate::sync::Mutex;
use crate::sync::modelled::explore;

/// Places that are taken and given back, as those of a target are.
#[derive(Default)]
struct Places {
    free: Mutex<usize>,
    freed: Freed,
}

impl Places {
    fn take(&self) -> bool {
        let mut free = self.free.lock();
        let is_free = *free > 0;
        *free -= usize::from(is_free);
        is_free
    }

    fn give_back(&self) {
        *self.free.lock() += 1;
        self.freed.tell();
    }

    /// Waits as `Walk` does.
    async fn wait(&self) {
        let waiter = self.freed.wait();
        loop {
            let mut changed = pin!(waiter.changed());
            changed.as_mut().enable();
            if self.take() {
                return;
            }
            changed.await;
        }
    }
}

#[test]
fn nobody_sleeps_through_a_place_that_became_free() {
    explore(|| {
        let places = Arc::new(Places::default());
        let waiting = [(); 3].map(|()| {
            let places = Arc::clone(&places);
            // A wake-up that is lost leaves this one waiting for ever, which shuttle reports.
            thread::spawn(move || block_on(places.wait()))
        });
        let giving = [2, 1].map(|times| {
            let places = Arc::clone(&places);
            thread::spawn(move || {
                for _ in 0..times {
                    places.give_back();
                }
            })
        });
        for thread in waiting.into_iter().chain(giving) {
            thread.join().unwrap();
        }
        assert!(!places.take());
        assert_eq!(places.freed.waiting.load(super::Ordering::SeqCst), 0);
    });
}

#[test]
fn a_waiter_that_goes_takes_nobody_elses_wake_up_along() {
    explore(|| {
        let places = Arc::new(Places::default());
        let stays = Arc::clone(&places);
        let stays = thread::spawn(move || block_on(stays.wait()));
        let goes = Arc::clone(&places);
        let goes = thread::spawn(move || {
            let waiter = goes.freed.wait();
            let mut changed = pin!(waiter.changed());
            changed.as_mut().enable();
            thread::yield_now();
        });
        places.give_back();
        stays.join().unwrap();
        goes.join().unwrap();
    });
}
