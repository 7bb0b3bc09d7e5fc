use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::dice::Dice;

type Joining<'a> = Pin<Box<dyn Future<Output = Result<Turn<'a>, LineFull>> + 'a>>;

fn key(name: &str) -> KeyId {
    KeyId::from_stored(name)
}

fn poll<'a>(joining: &mut Joining<'a>) -> Poll<Result<Turn<'a>, LineFull>> {
    joining
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

/// Joins and expects to wait.
fn wait<'a>(line: &'a Line, key: &'a KeyId) -> Joining<'a> {
    let mut joining: Joining<'_> = Box::pin(line.join(key, 1000));
    assert!(poll(&mut joining).is_pending());
    joining
}

/// Joins and expects to be at the head at once.
fn head<'a>(line: &'a Line, key: &'a KeyId) -> Turn<'a> {
    let mut joining: Joining<'_> = Box::pin(line.join(key, 1000));
    match poll(&mut joining) {
        Poll::Ready(Ok(turn)) => turn,
        other => panic!("{other:?}"),
    }
}

/// The order in which those who wait come to the head.
fn order<'a>(
    mut turn: Turn<'a>,
    mut waiting: Vec<(&'static str, Joining<'a>)>,
) -> Vec<&'static str> {
    let mut order = Vec::new();
    while !waiting.is_empty() {
        drop(turn);
        let mut called = waiting
            .iter_mut()
            .enumerate()
            .filter_map(|(index, (_, joining))| match poll(joining) {
                Poll::Ready(turn) => Some((index, turn.unwrap())),
                Poll::Pending => None,
            });
        let (index, next) = called.next().expect("somebody is called up");
        assert!(called.next().is_none(), "two are at the head");
        drop(called);
        turn = next;
        order.push(waiting.remove(index).0);
    }
    order
}

#[test]
fn an_empty_line_has_nobody_and_lets_the_first_one_through() {
    let line = Line::default();
    assert!(line.is_empty());
    let a = key("a");
    let turn = head(&line, &a);
    assert!(!line.is_empty());
    assert_eq!(line.len(), 1);
    drop(turn);
    assert!(line.is_empty());
}

#[test]
fn a_join_that_is_never_polled_does_not_stand_in_line() {
    let line = Line::default();
    let a = key("a");
    let joining = line.join(&a, 10);
    assert!(line.is_empty());
    drop(joining);
    assert!(line.is_empty());
}

#[test]
fn within_a_key_the_first_to_come_is_the_first_to_go() {
    let line = Line::default();
    let a = key("a");
    let turn = head(&line, &a);
    let waiting = ["1", "2", "3"].map(|name| (name, wait(&line, &a)));
    assert_eq!(line.len(), 4);
    assert_eq!(order(turn, waiting.into()), ["1", "2", "3"]);
    assert!(line.is_empty());
}

#[test]
fn keys_take_turns() {
    let line = Line::default();
    let (a, b, c, z) = (key("a"), key("b"), key("c"), key("z"));
    let turn = head(&line, &z);
    let names = ["a1", "a2", "a3", "a4", "b1", "b2", "c1"];
    let waiting = names.map(|name| {
        let key = match name.get(..1).unwrap() {
            "a" => &a,
            "b" => &b,
            _ => &c,
        };
        (name, wait(&line, key))
    });
    let order = order(turn, waiting.into());
    assert_eq!(order, ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
}

#[test]
fn a_key_at_the_head_has_had_its_turn() {
    let line = Line::default();
    let (a, b) = (key("a"), key("b"));
    let turn = head(&line, &a);
    let waiting = vec![
        ("a2", wait(&line, &a)),
        ("a3", wait(&line, &a)),
        ("b1", wait(&line, &b)),
    ];
    assert_eq!(order(turn, waiting), ["b1", "a2", "a3"]);
}

#[test]
fn a_key_that_comes_back_goes_behind_those_who_wait() {
    let line = Line::default();
    let (a, b, z) = (key("a"), key("b"), key("z"));
    let turn = head(&line, &z);
    let mut first = wait(&line, &a);
    let b1 = wait(&line, &b);
    drop(turn);
    let Poll::Ready(Ok(turn)) = poll(&mut first) else {
        panic!("it is at the head");
    };
    let a2 = wait(&line, &a);
    assert_eq!(order(turn, vec![("a2", a2), ("b1", b1)]), ["b1", "a2"]);
}

#[test]
fn a_full_line_says_so_at_once() {
    let line = Line::default();
    let (a, b) = (key("a"), key("b"));
    let _turn = head(&line, &a);
    let waiting = wait(&line, &a);
    let full = |length| {
        let mut joining: Joining<'_> = Box::pin(line.join(&b, length));
        matches!(poll(&mut joining), Poll::Ready(Err(LineFull)))
    };
    assert!(full(2));
    assert!(full(0));
    assert_eq!(line.len(), 2);
    drop(waiting);
    assert!(!full(2));
}

#[test]
fn whoever_drops_the_future_leaves_the_line() {
    let line = Line::default();
    let (a, b) = (key("a"), key("b"));
    let turn = head(&line, &a);
    let one = wait(&line, &a);
    let two = wait(&line, &b);
    let three = wait(&line, &a);
    drop(one);
    assert_eq!(line.len(), 3);
    drop(two);
    assert_eq!(line.len(), 2);
    assert_eq!(order(turn, vec![("3", three)]), ["3"]);
}

#[test]
fn a_turn_that_nobody_took_goes_to_the_next() {
    let line = Line::default();
    let a = key("a");
    let turn = head(&line, &a);
    let called = wait(&line, &a);
    let mut next = wait(&line, &a);
    drop(turn);
    assert!(poll(&mut next).is_pending());
    // Called up, and gone before it could look.
    drop(called);
    let Poll::Ready(Ok(turn)) = poll(&mut next) else {
        panic!("the turn is lost");
    };
    drop(turn);
    assert!(line.is_empty());
}

#[test]
fn whoever_is_called_up_is_woken() {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    struct Woken(AtomicBool);
    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let line = Line::default();
    let a = key("a");
    let turn = head(&line, &a);
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut joining: Joining<'_> = Box::pin(line.join(&a, 10));
    assert!(
        joining
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    assert!(!woken.0.load(Ordering::SeqCst));
    drop(turn);
    assert!(woken.0.load(Ordering::SeqCst));
}

/// A line as one would draw it on paper: lanes in the order of their next turns.
#[derive(Default)]
struct Paper {
    head: Option<(usize, u64)>,
    lanes: Vec<(usize, Vec<u64>)>,
}

impl Paper {
    fn join(&mut self, key: usize, name: u64) {
        if self.head.is_none() {
            self.head = Some((key, name));
        } else if let Some((_, lane)) = self.lanes.iter_mut().find(|(of, _)| *of == key) {
            lane.push(name);
        } else {
            self.lanes.push((key, vec![name]));
        }
    }

    fn leave(&mut self, name: u64) {
        if self.head.is_some_and(|(_, at)| at == name) {
            let (left, _) = self.head.take().unwrap();
            if self.lanes.len() > 1 && self.lanes[0].0 == left {
                self.lanes.rotate_left(1);
            }
            if !self.lanes.is_empty() {
                let (key, mut lane) = self.lanes.remove(0);
                self.head = Some((key, lane.remove(0)));
                if !lane.is_empty() {
                    self.lanes.push((key, lane));
                }
            }
            return;
        }
        for (_, lane) in &mut self.lanes {
            lane.retain(|waiting| *waiting != name);
        }
        self.lanes.retain(|(_, lane)| !lane.is_empty());
    }

    fn len(&self) -> usize {
        let waiting = self.lanes.iter().map(|(_, lane)| lane.len());
        usize::from(self.head.is_some()) + waiting.sum::<usize>()
    }
}

#[test]
fn any_coming_and_going_keeps_the_order_of_a_line_on_paper() {
    for seed in 0..200 {
        println!("seed {seed}");
        let dice = Dice::new(seed);
        let keys = ["a", "b", "c", "d"].map(key);
        let line = Line::default();
        let mut paper = Paper::default();
        let mut joinings: Vec<(u64, Joining<'_>)> = Vec::new();
        let mut turn: Option<(u64, Turn<'_>)> = None;
        for name in 0..300 {
            if dice.roll().is_multiple_of(2) && paper.len() < 12 {
                let of = usize::try_from(dice.roll() % 4).unwrap();
                let mut joining: Joining<'_> = Box::pin(line.join(&keys[of], 12));
                paper.join(of, name);
                match poll(&mut joining) {
                    Poll::Ready(Ok(now)) => turn = Some((name, now)),
                    Poll::Ready(Err(LineFull)) => panic!("there is room"),
                    Poll::Pending => joinings.push((name, joining)),
                }
            } else if !joinings.is_empty() && dice.roll().is_multiple_of(2) {
                let index = usize::try_from(dice.roll()).unwrap() % joinings.len();
                let (name, joining) = joinings.swap_remove(index);
                drop(joining);
                paper.leave(name);
            } else if let Some((name, now)) = turn.take() {
                drop(now);
                paper.leave(name);
            }
            // Those who are called up do not always look at once.
            if !dice.roll().is_multiple_of(3) {
                joinings = joinings
                    .into_iter()
                    .filter_map(|(name, mut joining)| match poll(&mut joining) {
                        Poll::Ready(now) => {
                            assert!(turn.is_none(), "two are at the head");
                            turn = Some((name, now.unwrap()));
                            None
                        }
                        Poll::Pending => Some((name, joining)),
                    })
                    .collect();
                let names: BTreeSet<_> = turn.iter().map(|(name, _)| *name).collect();
                assert_eq!(names, paper.head.iter().map(|(_, name)| *name).collect());
            }
            assert_eq!(line.len(), paper.len());
        }
    }
}
