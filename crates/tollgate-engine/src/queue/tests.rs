use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::*;
use crate::dice::Dice;

type Joining<'a> = Pin<Box<dyn Future<Output = Result<Turn<'a>, LineFull>> + 'a>>;

/// Somebody of a team, by a key of it.
#[derive(Clone)]
struct Who(TeamId, KeyId);

/// `a` is the key `a` of a team of its own, `t/a` that of the team `t`.
fn key(name: &str) -> Who {
    let (team, _) = name.split_once('/').unwrap_or((name, ""));
    Who(TeamId::from_stored(team), KeyId::from_stored(name))
}

fn poll<'a>(joining: &mut Joining<'a>) -> Poll<Result<Turn<'a>, LineFull>> {
    joining
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

fn join<'a>(line: &'a Line, who: &Who, kind: u64, length: usize) -> Joining<'a> {
    let Who(team, key) = who.clone();
    let needs = Needs {
        kind,
        targets: vec![kind],
    };
    Box::pin(async move { line.join((&team, &key), needs, length, 0).await })
}

/// Joins and expects to wait.
fn wait<'a>(line: &'a Line, key: &Who) -> Joining<'a> {
    wait_as(line, key, 0)
}

fn wait_as<'a>(line: &'a Line, key: &Who, kind: u64) -> Joining<'a> {
    let mut joining = join(line, key, kind, 1000);
    assert!(poll(&mut joining).is_pending());
    joining
}

/// Joins and expects to look at once.
fn head<'a>(line: &'a Line, key: &Who) -> Turn<'a> {
    head_as(line, key, 0)
}

fn head_as<'a>(line: &'a Line, key: &Who, kind: u64) -> Turn<'a> {
    match poll(&mut join(line, key, kind, 1000)) {
        Poll::Ready(Ok(turn)) => turn,
        other => panic!("{other:?}"),
    }
}

/// Whether it may look now.
fn is_called(turn: &Turn<'_>) -> bool {
    let mut called = pin!(turn.called());
    let mut context = Context::from_waker(Waker::noop());
    called.as_mut().poll(&mut context).is_ready()
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
    let joining = join(&line, &a, 0, 10);
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
fn teams_take_turns_and_within_a_team_its_keys() {
    let line = Line::default();
    let turn = head(&line, &key("z"));
    let names = [
        "a/1 1", "a/1 2", "a/2 1", "a/3 1", "a/3 2", "b/1 1", "b/1 2", "c/1 1",
    ];
    let waiting = names.map(|name| (name, wait(&line, &key(name.split_once(' ').unwrap().0))));
    let order = order(turn, waiting.into());
    let expected = [
        "a/1 1", "b/1 1", "c/1 1", "a/2 1", "b/1 2", "a/3 1", "a/1 2", "a/3 2",
    ];
    assert_eq!(order, expected);
}

#[test]
fn a_team_with_many_keys_has_no_more_than_a_team_with_one() {
    let line = Line::default();
    let turn = head(&line, &key("z"));
    let many: Vec<_> = (0..40).map(|number| format!("many/{number}")).collect();
    let mut waiting: Vec<_> = many
        .iter()
        .map(|name| ("many", wait(&line, &key(name))))
        .collect();
    waiting.extend((0..5).map(|_| ("one", wait(&line, &key("one/only")))));
    let order = order(turn, waiting);
    assert_eq!(order[..10], ["many", "one"].repeat(5));
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
        let mut joining = join(&line, &b, 0, length);
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
    let mut joining = join(&line, &a, 0, 10);
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

#[test]
fn whom_another_target_suits_does_not_wait_behind_the_head() {
    let line = Line::default();
    let busy = head_as(&line, &key("a"), 1);
    let behind = wait_as(&line, &key("b"), 1);
    // Nobody else looks as long as the head does.
    let mut free = wait_as(&line, &key("c"), 2);
    busy.pass();
    let Poll::Ready(Ok(free)) = poll(&mut free) else {
        panic!("it is held up");
    };
    drop(free);
    assert!(!is_called(&busy), "nothing has happened at its target");
    assert_eq!(line.len(), 2);
    drop(busy);
    let mut behind = behind;
    assert!(poll(&mut behind).is_ready());
}

#[test]
fn the_front_looks_in_the_order_of_turns_once_for_each_news() {
    let line = Line::default();
    let first = head_as(&line, &key("a"), 1);
    first.pass();
    let second = head_as(&line, &key("b"), 2);
    second.pass();
    let third = head_as(&line, &key("a"), 3);
    third.pass();
    // The last one to come hears of it first; the others have yet to hear of the same.
    third.tell(Some(1));
    for (turn, others) in [
        (&first, [&second, &third]),
        (&third, [&first, &second]),
        (&second, [&first, &third]),
    ] {
        assert!(is_called(turn));
        assert!(others.iter().all(|other| !is_called(other)));
        turn.tell(Some(1));
        turn.pass();
    }
    assert!(
        [&first, &second, &third]
            .iter()
            .all(|turn| !is_called(turn))
    );
    // What has no number is news each time.
    for _ in 0..2 {
        second.tell(None);
        assert!(is_called(&first));
        first.pass();
        assert!(is_called(&third));
        third.pass();
        assert!(is_called(&second));
        second.pass();
    }
}

/// Who of the front looks now, or who comes to the front and looks.
fn next_to_look<'a>(
    front: &[(&str, Turn<'a>)],
    behind: &mut Vec<Joining<'a>>,
) -> Option<Result<usize, Turn<'a>>> {
    if let Some(at) = front.iter().position(|(_, turn)| is_called(turn)) {
        return Some(Ok(at));
    }
    let mut found = None;
    behind.retain_mut(|joining| match poll(joining) {
        Poll::Ready(turn) => {
            found = Some(Err(turn.unwrap()));
            false
        }
        Poll::Pending => true,
    });
    found
}

#[test]
fn what_became_free_before_somebody_came_is_for_those_who_were_there() {
    let line = Line::default();
    let first = head_as(&line, &key("a"), 1);
    first.pass();
    let Who(team, key) = key("b");
    let needs = Needs {
        kind: 2,
        targets: Vec::new(),
    };
    let mut late: Joining<'_> = Box::pin(line.join((&team, &key), needs, 10, 1));
    assert!(poll(&mut late).is_pending());
    assert!(is_called(&first));
    first.pass();
    assert!(poll(&mut late).is_ready());
}

#[test]
fn a_team_that_needs_many_kinds_of_targets_has_one_turn_all_the_same() {
    let line = Line::default();
    // Everybody waits for the same place, each in a way of its own.
    let mut waiting: Vec<_> = (0..10)
        .map(|kind| ("many", head_as(&line, &key("many"), kind)))
        .inspect(|(_, turn)| turn.pass())
        .collect();
    let one = head_as(&line, &key("one"), 100);
    one.pass();
    waiting.push(("one", one));
    let mut behind: Vec<_> = (0..3).map(|_| wait_as(&line, &key("one"), 100)).collect();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        waiting[0].1.tell(None);
        let at = waiting.iter().position(|(_, turn)| is_called(turn));
        let (name, served) = waiting.swap_remove(at.expect("somebody looks"));
        order.push(name);
        drop(served);
        // The others look, and find nothing more.
        while let Some(turn) = next_to_look(&waiting, &mut behind) {
            match turn {
                Ok(at) => waiting[at].1.pass(),
                Err(new) => {
                    new.pass();
                    waiting.push(("one", new));
                }
            }
        }
    }
    assert_eq!(order[..8], ["many", "one"].repeat(4));
    assert!(line.is_empty());
}

#[test]
fn what_is_wanted_is_what_somebody_waits_for() {
    let line = Line::default();
    assert!(line.wanted().is_empty());
    let wanted = || -> BTreeSet<_> { line.wanted().into_iter().collect() };
    let one = head_as(&line, &key("a"), 1);
    let same = wait_as(&line, &key("a"), 1);
    let other = wait_as(&line, &key("b"), 2);
    assert_eq!(wanted(), [1, 2].into());
    drop(one);
    assert_eq!(wanted(), [1, 2].into());
    drop(same);
    assert_eq!(wanted(), [2].into());
    drop(other);
    assert!(line.wanted().is_empty());
}

#[test]
fn more_kinds_than_may_look_wait_behind_the_others() {
    let line = Line::default();
    let turns: Vec<_> = (0..32)
        .map(|kind| head_as(&line, &key("many"), kind))
        .inspect(Turn::pass)
        .collect();
    let mut further = wait_as(&line, &key("many"), 99);
    let mut another = wait_as(&line, &key("other"), 100);
    turns[0].tell(Some(1));
    assert!(poll(&mut further).is_pending() && poll(&mut another).is_pending());
    drop(turns);
    assert!(poll(&mut another).is_ready());
    assert!(poll(&mut further).is_ready());
    drop((further, another));
    assert!(line.is_empty());
}

/// A line of one kind as one would draw it on paper: everybody by name, and the turns of teams and
/// keys.
#[derive(Default)]
struct Paper {
    head: Option<u64>,
    waiting: Vec<(u64, usize)>,
    turns: BTreeMap<String, u64>,
    last: u64,
}

const KEYS: [&str; 5] = ["s/1", "s/2", "s/3", "t/1", "u/1"];

impl Paper {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn names(key: usize) -> [String; 2] {
        let (team, _) = KEYS[key].split_once('/').unwrap();
        [team.to_owned(), KEYS[key].to_owned()]
    }

    fn join(&mut self, key: usize, name: u64) {
        let number = self.number();
        for name in Self::names(key) {
            self.turns.entry(name).or_insert(number);
        }
        self.waiting.push((name, key));
        self.call();
    }

    fn call(&mut self) {
        if self.head.is_none() {
            let turn = |key| Self::names(key).map(|name| self.turns[&name]);
            let first = self.waiting.iter().min_by_key(|(_, key)| turn(*key));
            self.head = first.map(|(name, _)| *name);
        }
    }

    fn leave(&mut self, name: u64) {
        let at = self.waiting.iter().position(|(other, _)| *other == name);
        let (_, key) = self.waiting.remove(at.unwrap());
        if self.head == Some(name) {
            self.head = None;
            let number = self.number();
            for name in Self::names(key) {
                self.turns.insert(name, number);
            }
        }
        let waiting: Vec<_> = self.waiting.iter().map(|(_, key)| *key).collect();
        self.turns
            .retain(|name, _| waiting.iter().any(|key| Self::names(*key).contains(name)));
        self.call();
    }
}

#[test]
fn any_coming_and_going_keeps_the_order_of_a_line_on_paper() {
    for seed in 0..200 {
        println!("seed {seed}");
        let dice = Dice::new(seed);
        let keys = KEYS.map(key);
        let line = Line::default();
        let mut paper = Paper::default();
        let mut joinings: Vec<(u64, Joining<'_>)> = Vec::new();
        let mut turn: Option<(u64, Turn<'_>)> = None;
        for name in 0..300 {
            if dice.roll().is_multiple_of(2) && paper.waiting.len() < 12 {
                let of = usize::try_from(dice.roll() % 5).unwrap();
                let mut joining = join(&line, &keys[of], 0, 12);
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
                assert_eq!(turn.as_ref().map(|(name, _)| *name), paper.head);
            }
            assert_eq!(line.len(), paper.waiting.len());
        }
    }
}
