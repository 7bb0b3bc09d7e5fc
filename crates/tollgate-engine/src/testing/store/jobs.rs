//! Jobs in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use tollgate_core::id::TeamId;
use tollgate_core::job::{CallRecord, CallState, Job, JobId, State, Totals};
use tollgate_core::time::Timestamp;

use super::tables::{Tables, page_of};
use super::{MemoryStore, NewJobs, ready, refused};
use crate::port::{JobBy, JobEnd, JobQuery, JobStore, JobSum, StoreError, Stored};

const DAY_MS: i64 = 86_400_000;

impl JobStore for MemoryStore {
    fn insert_job<'a>(&'a self, job: &'a Job) -> Stored<'a, ()> {
        self.taken(|tables| {
            if !tables.jobs.iter().any(|there| there.id == job.id) {
                tables.jobs.push(job.clone());
            }
            Ok(())
        })
    }

    fn job(&self, id: JobId) -> Stored<'_, Option<Job>> {
        self.read(|tables| tables.jobs.iter().find(|job| job.id == id).cloned())
    }

    fn jobs_there<'a>(&'a self, ids: &'a [JobId]) -> Stored<'a, Vec<JobId>> {
        self.read(|tables| {
            let jobs = tables.jobs.iter().map(|job| job.id);
            jobs.filter(|id| ids.contains(id)).collect()
        })
    }

    fn job_totals(&self, id: JobId) -> Stored<'_, Totals> {
        self.read(|tables| Totals::of(&tables.calls_of(id)))
    }

    fn job_calls(&self, id: JobId) -> Stored<'_, Vec<CallRecord>> {
        self.read(|tables| tables.calls_of(id))
    }

    fn begin_job_call<'a>(&'a self, call: &'a CallRecord, most: u64) -> Stored<'a, bool> {
        self.taken(|tables| {
            let there = tables.job_calls.iter().filter(|it| it.job == call.job);
            if u64::try_from(there.count()).is_ok_and(|count| count >= most) {
                return Ok(false);
            }
            let Some(job) = tables.open_job(call.job) else {
                return Ok(false);
            };
            job.state = State::InProgress;
            job.started_at.get_or_insert(call.at);
            if !tables.job_calls.iter().any(|there| there.id == call.id) {
                tables.job_calls.push(call.clone());
            }
            Ok(true)
        })
    }

    fn undo_job_call<'a>(&'a self, call: &'a CallRecord) -> Stored<'a, ()> {
        self.write(|tables| {
            tables.job_calls.retain(|there| there.id != call.id);
            Ok(())
        })
    }

    fn end_job_call<'a>(&'a self, call: &'a CallRecord) -> Stored<'a, ()> {
        self.write(|tables| {
            let mut all = tables.job_calls.iter_mut();
            if let Some(there) = all.find(|there| there.id == call.id) {
                there.clone_from(call);
            }
            Ok(())
        })
    }

    fn set_job_metadata<'a>(&'a self, id: JobId, old: &'a str, new: &'a str) -> Stored<'a, bool> {
        self.write(|tables| {
            let mut all = tables.jobs.iter_mut();
            let found = all.find(|job| job.id == id && &*job.metadata == old);
            Ok(found.map(|job| job.metadata = new.into()).is_some())
        })
    }

    fn end_job<'a>(&'a self, id: JobId, end: &'a JobEnd) -> Stored<'a, bool> {
        self.write(|tables| {
            let Some(job) = tables.open_job(id) else {
                return Ok(false);
            };
            job.state = end.state;
            job.error.clone_from(&end.error);
            job.completed_at = Some(end.at);
            job.due = end.due;
            job.settled = end.settled;
            Ok(true)
        })
    }

    fn settle_job(&self, id: JobId, charged: u64) -> Stored<'_, ()> {
        self.write(|tables| {
            if let Some(job) = tables.jobs.iter_mut().find(|job| job.id == id) {
                job.charged = charged;
                job.settled = true;
            }
            Ok(())
        })
    }

    fn jobs<'a>(&'a self, query: &'a JobQuery) -> Stored<'a, (Vec<(Job, Totals)>, u64)> {
        self.read(|tables| {
            let wanted: Vec<_> = tables.wanted(query).collect();
            let count = u64::try_from(wanted.len()).unwrap_or(u64::MAX);
            let told = |job: &Job| (job.clone(), Totals::of(&tables.calls_of(job.id)));
            let page = page_of(
                wanted.into_iter().rev().map(told),
                query.offset,
                query.limit,
            );
            (page, count)
        })
    }

    fn job_sums<'a>(&'a self, query: &'a JobQuery, by: JobBy) -> Stored<'a, Vec<JobSum>> {
        self.read(|tables| {
            let mut sums: BTreeMap<Box<str>, JobSum> = BTreeMap::new();
            for job in tables.wanted(query) {
                for (of, calls) in parts(job, tables.calls_of(job.id), by) {
                    let sum = sums.entry(of.clone()).or_default();
                    sum.of = of;
                    let credits = if by == JobBy::Model { 0 } else { job.charged };
                    add(sum, job, credits, &Totals::of(&calls));
                }
            }
            sums.into_values().collect()
        })
    }

    fn overdue_jobs(&self, before: Timestamp, limit: u32) -> Stored<'_, Vec<Job>> {
        self.read(|tables| {
            let is_overdue = |job: &&Job| job.state.is_open() && job.created_at < before;
            let mut jobs: Vec<_> = tables.jobs.iter().filter(is_overdue).cloned().collect();
            jobs.sort_by_key(|job| job.created_at);
            page_of(jobs.into_iter(), 0, limit)
        })
    }

    fn teams_with_open_jobs(&self) -> Stored<'_, Vec<TeamId>> {
        self.read(|tables| {
            let open = tables.jobs.iter().filter(|job| job.state.is_open());
            let teams: BTreeSet<TeamId> = open.map(|job| job.team.clone()).collect();
            teams.into_iter().collect()
        })
    }

    fn unsettled_jobs(&self, limit: u32) -> Stored<'_, Vec<Job>> {
        self.read(|tables| {
            let jobs = tables.jobs.iter();
            let unsettled = jobs.filter(|job| !job.state.is_open() && !job.settled);
            page_of(unsettled.cloned(), 0, limit)
        })
    }

    fn close_job_calls<'a>(&'a self, at: Timestamp, error: &'a str) -> Stored<'a, Vec<JobId>> {
        self.write(|tables| {
            let calls = tables.job_calls.iter_mut();
            for call in calls.filter(|it| it.state == CallState::Running && it.at <= at) {
                call.state = CallState::Failed;
                call.error = Some(error.into());
            }
            let left = |job: &&Job| job.single && job.state.is_open() && job.created_at <= at;
            Ok(tables.jobs.iter().filter(left).map(|job| job.id).collect())
        })
    }
}

impl MemoryStore {
    /// Takes something new, or not, as it was told to.
    fn taken<'a, T: Send + 'a>(
        &self,
        take: impl FnOnce(&mut Tables) -> Result<T, StoreError>,
    ) -> Stored<'a, T> {
        let what = *self.new_jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let unsaid = || ready(Err(StoreError::unsure("the store says nothing on purpose")));
        match what {
            NewJobs::Taken => self.write(take),
            NewJobs::Refused => ready(refused("the store takes no jobs on purpose")),
            NewJobs::RefusedUnsaid => unsaid(),
            NewJobs::TakenUnsaid => {
                drop(self.write(take));
                unsaid()
            }
        }
    }
}

impl Tables {
    fn calls_of(&self, id: JobId) -> Vec<CallRecord> {
        let calls = self.job_calls.iter().filter(|call| call.job == id);
        calls.cloned().collect()
    }

    fn open_job(&mut self, id: JobId) -> Option<&mut Job> {
        let mut jobs = self.jobs.iter_mut();
        jobs.find(|job| job.id == id && job.state.is_open())
    }

    fn wanted(&self, query: &JobQuery) -> impl DoubleEndedIterator<Item = &Job> {
        self.jobs.iter().filter(move |job| {
            query.team.as_ref().is_none_or(|team| *team == job.team)
                && (query.organization.as_ref()).is_none_or(|it| *it == job.organization)
                && query.state.is_none_or(|state| state == job.state)
                && query.kind.as_ref().is_none_or(|kind| *kind == job.kind)
                && query.from.is_none_or(|from| job.created_at >= from)
                && query.to.is_none_or(|to| job.created_at < to)
                && (query.id_part.as_deref()).is_none_or(|it| job.id.to_string().contains(it))
                && (!query.with_calls || self.job_calls.iter().any(|call| call.job == job.id))
        })
    }
}

/// What a job is counted under, with its calls there.
fn parts(job: &Job, calls: Vec<CallRecord>, by: JobBy) -> Vec<(Box<str>, Vec<CallRecord>)> {
    let of = match by {
        JobBy::Nothing => "".into(),
        JobBy::Kind => job.kind.clone(),
        JobBy::Team => job.team.as_str().into(),
        JobBy::Day => (job.created_at.as_millis() / DAY_MS).to_string().into(),
        JobBy::Model => {
            let mut parts: BTreeMap<Box<str>, Vec<CallRecord>> = BTreeMap::new();
            for call in calls {
                let model = call.model.as_ref().unwrap_or(&call.asked).clone();
                parts.entry(model).or_default().push(call);
            }
            return parts.into_iter().collect();
        }
    };
    vec![(of, calls)]
}

fn add(sum: &mut JobSum, job: &Job, credits: u64, more: &Totals) {
    sum.jobs += 1;
    sum.completed += u64::from(job.state == State::Completed);
    sum.failed += u64::from(job.state == State::Failed);
    sum.open += u64::from(job.state.is_open());
    sum.credits += credits;
    let totals = &mut sum.totals;
    totals.calls += more.calls;
    totals.succeeded += more.succeeded;
    totals.failed += more.failed;
    totals.repeated += more.repeated;
    totals.tokens += more.tokens;
    totals.cost += more.cost;
    totals.latency_ms += more.latency_ms;
    totals.timed += more.timed;
}
