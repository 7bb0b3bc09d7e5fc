//! The attempts of one request, in order, whoever holds them when it ends.

use std::sync::Arc;
use std::time::Duration;

use tollgate_core::charge::{Told, charge};
use tollgate_core::error::{AttemptRecord, Code, Failure, Lost, LostCost};
use tollgate_core::reply::Usage;

use crate::health::Permit;
use crate::routes::RouteTarget;

/// The attempts that were made for a request. The first one, which most requests are done with,
/// costs no allocation.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    first: Option<AttemptRecord>,
    rest: Vec<AttemptRecord>,
    /// The attempt under way, then those beside it: not among the records yet.
    asking: Option<Asked>,
    beside: Vec<Asked>,
    /// How long providers took in all.
    pub waited: Duration,
    /// How long the request waited for a free place, or for targets to rest.
    pub queued: Duration,
}

/// What happened after a stream had begun: how it broke, and the attempts to go on with it
/// elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Later {
    /// What broke the stream that the earlier attempts had come to.
    broken: Option<Code>,
    trail: Trail,
}

impl Later {
    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.broken.is_none() && self.trail.is_empty()
    }

    /// What streams now broke.
    pub(crate) fn break_off(&mut self, code: Code) {
        if !self.trail.break_off(code) && self.broken.is_none() {
            self.broken = Some(code);
        }
    }

    /// Attempts were made to go on.
    pub(crate) fn add(&mut self, trail: Trail) {
        self.trail.extend(Self {
            broken: None,
            trail,
        });
    }
}

/// Who is being asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The connection.
    pub connection: Arc<str>,
    /// The model as the provider calls it.
    pub model: Arc<str>,
}

/// What a provider charges for an attempt at this target that came to nothing.
fn lost(target: &RouteTarget, usage: Usage) -> Lost {
    let facts = &target.facts;
    let priced = facts.price.as_ref();
    let told = Told {
        reported: Some(usage),
        max_output: facts.max_output.map(u64::from),
        context_window: facts.context_window,
        whole: true,
        ..Told::default()
    };
    let price = priced.map(|priced| priced.price).unwrap_or_default();
    let charge = charge(&price, &told);
    Lost {
        usage: charge.usage,
        flags: charge.flags,
        model: Arc::clone(&target.model),
        cost: priced.map(|priced| LostCost {
            nano: charge.cost,
            price_version: Arc::clone(&priced.version),
        }),
    }
}

impl Trail {
    /// Every attempt that has ended, in the order of their ends.
    pub fn records(&self) -> impl Iterator<Item = &AttemptRecord> {
        self.first.iter().chain(&self.rest)
    }

    /// The last attempt that has ended.
    pub fn last(&self) -> Option<&AttemptRecord> {
        self.rest.last().or(self.first.as_ref())
    }

    /// Attempts that have not ended: those of a caller who hangs up stay here.
    pub fn under_way(&self) -> impl Iterator<Item = &Asked> {
        self.asking.iter().chain(&self.beside)
    }

    /// How many attempts were made, those under way included.
    pub fn len(&self) -> u32 {
        let single = usize::from(self.first.is_some()) + usize::from(self.asking.is_some());
        let all = single + self.rest.len() + self.beside.len();
        u32::try_from(all).unwrap_or(u32::MAX)
    }

    /// Whether no attempt was made.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An attempt begins. Noted before the wait: a caller may hang up, and the provider was asked
    /// all the same.
    pub(crate) fn begin(&mut self, permit: &Permit) {
        permit.aim().health.connection.note_call();
        let target = permit.target();
        let asked = Asked {
            connection: Arc::clone(&target.connection),
            model: Arc::clone(&target.model),
        };
        if self.asking.is_none() {
            self.asking = Some(asked);
        } else {
            self.beside.push(asked);
        }
    }

    /// Takes out the attempt at this target that is under way.
    fn asked(&mut self, connection: &str, model: &str) -> Option<Asked> {
        let is_it = |asked: &Asked| *asked.connection == *connection && *asked.model == *model;
        if self.asking.as_ref().is_some_and(is_it) {
            return self.asking.take();
        }
        let at = self.beside.iter().position(is_it)?;
        Some(self.beside.swap_remove(at))
    }

    /// An attempt went well.
    pub(crate) fn succeed(&mut self, permit: &Permit) {
        self.end(permit, None, false);
    }

    /// An attempt failed.
    pub(crate) fn fail(&mut self, permit: &Permit, failure: &Failure) {
        self.end(permit, Some(failure), false);
    }

    /// An attempt was given up because another one was faster.
    pub(crate) fn cancel(&mut self, permit: &Permit) {
        self.end(permit, None, true);
    }

    /// A content filter cut the last answer off, and others are asked. Unless it becomes the
    /// answer after all, nobody pays for it.
    pub(crate) fn filter(&mut self, permit: &Permit, usage: Option<Usage>) {
        let lost = usage.map(|usage| Box::new(lost(permit.aim(), usage)));
        if let Some(last) = self.rest.last_mut().or(self.first.as_mut()) {
            last.code = Some(Code::ContentFiltered);
            last.lost = lost;
        }
    }

    /// An answer that was cut off is the answer after all: whoever gets it pays for it.
    pub(crate) fn keep_filtered(&mut self) {
        for record in self.first.iter_mut().chain(&mut self.rest) {
            if record.status == Some(200) && record.code == Some(Code::ContentFiltered) {
                record.lost = None;
            }
        }
    }

    /// The last attempt brought an answer that cannot be given to whoever asked: nobody pays for it.
    pub(crate) fn spoil(&mut self, target: &RouteTarget, failure: &Failure) {
        let lost = failure.usage.map(|usage| Box::new(lost(target, usage)));
        if let Some(last) = self.rest.last_mut().or(self.first.as_mut()) {
            last.code = Some(failure.code);
            last.lost = lost;
        }
    }

    /// The attempts for which providers charge and nobody pays, as far as that is known.
    pub fn lost(&self) -> impl Iterator<Item = &AttemptRecord> {
        self.records().filter(|record| record.lost.is_some())
    }

    /// What those cost, in nano-USD, as far as the targets have prices.
    pub fn lost_cost(&self) -> u64 {
        let costs = self.lost().filter_map(AttemptRecord::lost_cost);
        costs.fold(0, u64::saturating_add)
    }

    /// The stream of the attempt that answered broke after it had begun. Says whether there is
    /// one.
    pub fn break_off(&mut self, code: Code) -> bool {
        let records = self.first.iter_mut().chain(&mut self.rest);
        let mut good = records.filter(|record| record.code.is_none() && !record.cancelled);
        let Some(answered) = good.next_back() else {
            return false;
        };
        answered.code = Some(code);
        true
    }

    /// Adds what happened after the answer had begun.
    pub fn extend(&mut self, later: Later) {
        let Later { broken, trail } = later;
        if let Some(code) = broken {
            self.break_off(code);
        }
        self.rest.extend(trail.first.into_iter().chain(trail.rest));
        self.beside
            .extend(trail.asking.into_iter().chain(trail.beside));
        self.waited += trail.waited;
        self.queued += trail.queued;
    }

    fn end(&mut self, permit: &Permit, failure: Option<&Failure>, cancelled: bool) {
        let target = permit.target();
        let Some(Asked { connection, model }) = self.asked(&target.connection, &target.model)
        else {
            return;
        };
        let usage = failure.and_then(|failure| failure.usage);
        let lost = usage.map(|usage| Box::new(lost(permit.aim(), usage)));
        let good = (failure.is_none() && !cancelled).then_some(200);
        let record = AttemptRecord {
            connection,
            model,
            code: failure.map(|failure| failure.code),
            cancelled,
            status: failure.map_or(good, |failure| failure.provider_status),
            duration: permit.age(),
            lost,
        };
        if self.first.is_none() {
            self.first = Some(record);
        } else {
            self.rest.push(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::error::Code;
    use tollgate_core::model::{ModelFacts, Priced};
    use tollgate_core::price::{Price, Rate};

    use super::*;
    use crate::health::Registry;
    use crate::routes::{DeclaredModel, DeclaredTarget, RouteTable};
    use crate::testing;

    fn permit(connection: &str) -> Permit {
        priced(connection, None)
    }

    fn priced(connection: &str, price: Option<&Price>) -> Permit {
        let target = DeclaredTarget {
            target: tollgate_core::model::Target {
                connection: connection.into(),
                model: "m".into(),
                max_output: None,
            },
            enabled: true,
            priority: 0,
            weight: 1,
            limits: tollgate_core::route::limit::Limits::default(),
            fitness: Arc::default(),
            facts: Arc::new(ModelFacts {
                price: price.copied().map(|price| Priced {
                    price,
                    version: "test".into(),
                }),
                ..ModelFacts::default()
            }),
        };
        let model = DeclaredModel {
            name: "m".into(),
            aliases: Vec::new(),
            targets: vec![target],
            members: Vec::new(),
            rules: Arc::default(),
            fallbacks: Arc::default(),
            facts: Arc::default(),
            known: Vec::new(),
            controls: Arc::default(),
            gate: None,
        };
        let table = RouteTable::new(vec![model], &Registry::default());
        testing::permit(&table.find("m").unwrap())
    }

    #[test]
    fn attempts_beside_each_other_end_each_as_itself() {
        let (slow, quick) = (permit("slow"), permit("quick"));
        let mut trail = Trail::default();
        assert!(trail.is_empty());
        trail.begin(&slow);
        trail.begin(&quick);
        let names = |trail: &Trail| -> Vec<_> {
            let asked = trail.under_way();
            asked.map(|asked| asked.connection.to_string()).collect()
        };
        assert_eq!((trail.len(), names(&trail).len()), (2, 2));
        trail.succeed(&quick);
        assert_eq!(names(&trail), ["slow"]);
        assert_eq!(trail.len(), 2);
        trail.cancel(&slow);
        let expected = [("quick", "ok"), ("slow", "cancelled")];
        assert_eq!(
            told(&trail),
            expected.map(|(name, how)| (name.to_owned(), how))
        );
        assert_eq!((trail.len(), names(&trail).len()), (2, 0));
    }

    #[test]
    fn an_attempt_that_never_ends_stays_under_way() {
        let (first, second) = (permit("first"), permit("second"));
        let mut trail = Trail::default();
        trail.begin(&first);
        trail.fail(&first, &Failure::provider(Code::ProviderError, "openai"));
        trail.begin(&second);
        let under_way: Vec<_> = trail.under_way().collect();
        assert_eq!(&*under_way[0].connection, "second");
        assert_eq!(&*trail.last().unwrap().connection, "first");
        assert_eq!(trail.len(), 2);
    }

    fn told(trail: &Trail) -> Vec<(String, &'static str)> {
        let told = |record: &AttemptRecord| (record.connection.to_string(), record.outcome());
        trail.records().map(told).collect()
    }

    #[test]
    fn a_stream_that_broke_is_told_as_broken_wherever_it_went_on() {
        let [first, second, third] = ["first", "second", "third"].map(permit);
        let mut trail = Trail::default();
        trail.begin(&first);
        trail.succeed(&first);
        let mut later = Later::default();
        assert!(later.is_empty());
        later.break_off(Code::StreamInterrupted);
        assert!(!later.is_empty());
        for (failed, good, breaks) in [(&third, &second, true), (&second, &third, false)] {
            let mut tries = Trail::default();
            tries.begin(failed);
            tries.fail(failed, &failure(None));
            tries.begin(good);
            tries.succeed(good);
            later.add(tries);
            if breaks {
                later.break_off(Code::ProviderError);
            }
        }
        // The caller hangs up while one more is asked.
        let mut tries = Trail::default();
        tries.begin(&first);
        later.add(tries);
        trail.extend(later);
        let expected = [
            ("first", "stream_interrupted"),
            ("third", "provider_error"),
            ("second", "provider_error"),
            ("second", "provider_error"),
            ("third", "ok"),
        ];
        assert_eq!(
            told(&trail),
            expected.map(|(name, how)| (name.to_owned(), how))
        );
        let under_way: Vec<_> = trail.under_way().map(|asked| &*asked.connection).collect();
        assert_eq!(under_way, ["first"]);
        assert_eq!(trail.len(), 6);
        assert!(trail.break_off(Code::StreamInterrupted));
        assert_eq!(told(&trail)[4].1, "stream_interrupted");
        assert!(!trail.break_off(Code::StreamInterrupted), "nothing is left");
    }

    /// A thousandth of a nano-USD for a token of the prompt, a nano-USD for one of output.
    const PRICE: Price = Price {
        input: Rate::flat(1),
        output: Rate::flat(1_000),
        cached_input: None,
        cache_write: None,
        cache_write_1h: None,
    };

    fn usage(prompt: u64, completion: u64) -> Usage {
        Usage {
            prompt,
            completion,
            ..Usage::NONE
        }
    }

    fn failure(usage: Option<Usage>) -> Failure {
        let mut failure = Failure::provider(Code::ProviderError, "openai");
        failure.usage = usage;
        failure
    }

    #[test]
    fn what_failed_attempts_cost_is_kept_where_the_provider_told_it() {
        let targets = [
            priced("dear", Some(&PRICE)),
            permit("unpriced"),
            permit("silent"),
        ];
        let told = [Some(usage(1_000, 5)), Some(usage(1_000, 5)), None];
        let mut trail = Trail::default();
        for (permit, told) in targets.iter().zip(told) {
            trail.begin(permit);
            trail.fail(permit, &failure(told));
        }
        let costs: Vec<_> = trail
            .records()
            .map(|record| {
                let usage = record.lost.as_ref().map(|lost| lost.usage);
                (usage, record.lost_cost())
            })
            .collect();
        assert_eq!(costs, [(told[0], Some(6)), (told[1], None), (None, None)]);
        assert_eq!((trail.lost().count(), trail.lost_cost()), (2, 6));
    }

    #[test]
    fn counts_that_cannot_be_true_are_not_lost() {
        let target = priced("dear", Some(&PRICE));
        let mut trail = Trail::default();
        trail.begin(&target);
        trail.fail(&target, &failure(Some(usage(1 << 63, 1 << 63))));
        assert_eq!(trail.lost_cost(), 0);
    }

    #[test]
    fn an_answer_that_was_cut_off_is_lost_unless_it_is_the_answer_after_all() {
        let target = priced("filtered", Some(&PRICE));
        let mut trail = Trail::default();
        trail.begin(&target);
        trail.succeed(&target);
        assert_eq!(trail.lost_cost(), 0);
        trail.filter(&target, Some(usage(0, 3)));
        assert_eq!(trail.lost_cost(), 3);
        trail.keep_filtered();
        assert_eq!((trail.lost().count(), trail.lost_cost()), (0, 0));
    }
}
