//! Who stands in line, in which order they may look for a place, and whose turn it is.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::Notify;
use tollgate_core::id::{KeyId, TeamId};

use super::Needs;

/// The most kinds of needs that look for themselves, so that what happens at a target is looked
/// at so many times at most. Beyond them a kind waits behind others, in the same order.
const MOST_KINDS: usize = 32;

/// Everybody in line.
#[derive(Debug, Default)]
pub(super) struct State {
    entries: HashMap<u64, Entry>,
    /// Those at the front: the first one of each kind.
    front: Vec<u64>,
    /// Who of the front is looking for a place now.
    looking: Option<u64>,
    kinds: HashMap<u64, Kind>,
    teams: HashMap<TeamId, Team>,
    /// How many wait for each target.
    wanted: HashMap<u64, usize>,
    /// The latest news that the front was told of.
    news: usize,
    /// The last number that was given out, to requests and turns alike.
    last: u64,
}

/// One request.
#[derive(Debug)]
struct Entry {
    team: TeamId,
    key: KeyId,
    needs: Needs,
    /// Told when it may look.
    call: Arc<Notify>,
    place: Place,
}

/// Where in the line a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Behind,
    /// `due`: there may be something for it that it has not looked at yet.
    Front {
        due: bool,
    },
}

/// The requests whose needs are the same.
#[derive(Debug, Default)]
struct Kind {
    has_front: bool,
    behind: HashMap<TeamId, HashMap<KeyId, BTreeSet<u64>>>,
}

/// A team that stands in line, or one of its keys: the lower its turn, the sooner it comes.
#[derive(Debug)]
struct Team {
    turn: Turns,
    keys: HashMap<KeyId, Turns>,
}

/// When a team or key has its next turn, and how many of its requests stand in line.
#[derive(Clone, Copy, Debug)]
struct Turns {
    next: u64,
    count: usize,
}

/// The order of requests: by the turn of their team, then by that of their key, then as they came.
type Rank = (u64, u64, u64);

impl State {
    /// How many stand in line.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The targets that somebody waits for.
    pub(super) fn wanted(&self) -> Vec<u64> {
        self.wanted.keys().copied().collect()
    }

    /// Somebody comes. It is told by what is given here when it may look for a place.
    pub(super) fn join(&mut self, team: &TeamId, key: &KeyId, needs: Needs) -> (u64, Arc<Notify>) {
        let ticket = self.number();
        let new = Turns {
            next: ticket,
            count: 0,
        };
        let of_team = self.teams.entry(team.clone()).or_insert_with(|| Team {
            turn: new,
            keys: HashMap::new(),
        });
        of_team.turn.count += 1;
        of_team.keys.entry(key.clone()).or_insert(new).count += 1;
        for target in &needs.targets {
            *self.wanted.entry(*target).or_default() += 1;
        }
        let kind = self.kinds.entry(needs.kind).or_default();
        let lane = kind.behind.entry(team.clone()).or_default();
        lane.entry(key.clone()).or_default().insert(ticket);
        let call = Arc::new(Notify::new());
        let entry = Entry {
            team: team.clone(),
            key: key.clone(),
            needs,
            call: Arc::clone(&call),
            place: Place::Behind,
        };
        self.entries.insert(ticket, entry);
        self.call_up();
        (ticket, call)
    }

    /// Somebody goes, with a place or without. At the front that was the turn of its team and key.
    pub(super) fn leave(&mut self, ticket: u64) {
        let Some(entry) = self.entries.remove(&ticket) else {
            return;
        };
        for target in &entry.needs.targets {
            if let Some(count) = self.wanted.get_mut(target) {
                *count -= 1;
                if *count == 0 {
                    self.wanted.remove(target);
                }
            }
        }
        let has_had_its_turn = entry.place != Place::Behind;
        if has_had_its_turn {
            self.front.retain(|other| *other != ticket);
            if let Some(kind) = self.kinds.get_mut(&entry.needs.kind) {
                kind.has_front = false;
            }
        } else {
            self.take_out(ticket, &entry);
        }
        if self.looking == Some(ticket) {
            self.looking = None;
        }
        self.count_out(&entry, has_had_its_turn);
        self.drop_if_empty(entry.needs.kind);
        self.call_up();
    }

    /// Something happened at a target: everybody at the front may look again. `news` is its number,
    /// if it has one, so that all who hear of it say so once.
    pub(super) fn tell(&mut self, news: Option<usize>) {
        if let Some(news) = news {
            if news <= self.news {
                return;
            }
            self.news = news;
        }
        for ticket in &self.front {
            if let Some(entry) = self.entries.get_mut(ticket) {
                entry.place = Place::Front { due: true };
            }
        }
    }

    /// Somebody has looked, and found nothing.
    pub(super) fn pass(&mut self, ticket: u64) {
        if self.looking == Some(ticket) {
            self.looking = None;
        }
    }

    /// Lets the first one look that has something to look at, unless somebody is looking. Gives
    /// what it is told by.
    pub(super) fn hand(&mut self) -> Option<Arc<Notify>> {
        if self.looking.is_some() {
            return None;
        }
        let due = self.front.iter().copied().filter(|ticket| {
            let entry = self.entries.get(ticket);
            entry.is_some_and(|entry| entry.place == Place::Front { due: true })
        });
        let first = due.min_by_key(|ticket| self.rank(*ticket))?;
        let entry = self.entries.get_mut(&first)?;
        entry.place = Place::Front { due: false };
        self.looking = Some(first);
        Some(Arc::clone(&entry.call))
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn rank(&self, ticket: u64) -> Option<Rank> {
        let entry = self.entries.get(&ticket)?;
        let team = self.teams.get(&entry.team)?;
        let key = team.keys.get(&entry.key)?;
        Some((team.turn.next, key.next, ticket))
    }

    /// Brings the next ones to the front: one of each kind that has none there.
    fn call_up(&mut self) {
        while self.front.len() < MOST_KINDS {
            let kinds = self.kinds.values().filter(|kind| !kind.has_front);
            let next = kinds.filter_map(|kind| self.first_of(kind)).min();
            let Some((_, _, ticket)) = next else {
                return;
            };
            self.bring_forward(ticket);
        }
    }

    /// The first one of a kind among those behind.
    fn first_of(&self, kind: &Kind) -> Option<Rank> {
        let teams = kind.behind.iter();
        let teams = teams.filter_map(|(id, keys)| Some((self.teams.get(id)?, keys)));
        let (team, keys) = teams.min_by_key(|(team, _)| team.turn.next)?;
        let keys = keys.iter();
        let keys = keys.filter_map(|(id, waiting)| {
            let first = waiting.first()?;
            Some((team.turn.next, team.keys.get(id)?.next, *first))
        });
        keys.min()
    }

    fn bring_forward(&mut self, ticket: u64) {
        let Some(mut entry) = self.entries.remove(&ticket) else {
            return;
        };
        self.take_out(ticket, &entry);
        if let Some(kind) = self.kinds.get_mut(&entry.needs.kind) {
            kind.has_front = true;
        }
        entry.place = Place::Front { due: true };
        self.entries.insert(ticket, entry);
        self.front.push(ticket);
    }

    /// Takes somebody out from behind the front.
    fn take_out(&mut self, ticket: u64, entry: &Entry) {
        let Some(kind) = self.kinds.get_mut(&entry.needs.kind) else {
            return;
        };
        let Some(keys) = kind.behind.get_mut(&entry.team) else {
            return;
        };
        let Some(waiting) = keys.get_mut(&entry.key) else {
            return;
        };
        waiting.remove(&ticket);
        if waiting.is_empty() {
            keys.remove(&entry.key);
        }
        if keys.is_empty() {
            kind.behind.remove(&entry.team);
        }
    }

    /// One request less of a team and key. If it has had its turn, the others of them come after
    /// everybody who waits now.
    fn count_out(&mut self, entry: &Entry, has_had_its_turn: bool) {
        let last = self.number();
        let Some(team) = self.teams.get_mut(&entry.team) else {
            return;
        };
        let end = |turn: &mut Turns| {
            turn.count -= 1;
            if has_had_its_turn {
                turn.next = last;
            }
            turn.count == 0
        };
        if team.keys.get_mut(&entry.key).is_some_and(end) {
            team.keys.remove(&entry.key);
        }
        if end(&mut team.turn) {
            self.teams.remove(&entry.team);
        }
    }

    fn drop_if_empty(&mut self, number: u64) {
        let kind = self.kinds.get(&number);
        if kind.is_some_and(|kind| !kind.has_front && kind.behind.is_empty()) {
            self.kinds.remove(&number);
        }
    }
}
