//! The end of a job, and what it costs.

use tollgate_core::error::{Code, Failure};
use tollgate_core::job::{CallRecord, Job, JobId, State, Totals};
use tollgate_core::ledger::reserved::{self, REST};
use tollgate_core::ledger::{EntryId, WalletId};
use tollgate_core::money::Unit;

use super::calls::Closing;
use super::{HELD, Jobs, missing, not_stored, note};
use crate::port::JobEnd;

/// How a job ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Whether its caller says that it went well.
    pub well: bool,
    /// Why it failed.
    pub error: Option<Box<str>>,
}

/// A job that has ended, with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The job.
    pub job: Job,
    /// Its calls, the oldest first.
    pub calls: Vec<CallRecord>,
    /// What they come to.
    pub totals: Totals,
}

impl Jobs {
    /// Ends a job and settles what it costs. A job ends once: ending it again changes nothing, and
    /// gives what the first time came to.
    pub async fn end(&self, job: &Job, ending: Ending) -> Result<Ended, Failure> {
        if job.state.is_open() {
            self.end_open(job, ending).await?;
        }
        self.settled(job.id).await
    }

    /// The same without a wait. `false`: calls of the job are under way, or somebody else ends it.
    pub(super) async fn try_end(&self, job: &Job, ending: Ending) -> Result<bool, Failure> {
        if job.state.is_open() {
            let closing = if ending.well {
                let closing = self.running.close(job.id);
                if closing.is_none() {
                    return Ok(false);
                }
                closing
            } else {
                None
            };
            self.end_closed(job, ending, closing).await?;
        }
        self.settled(job.id).await?;
        Ok(true)
    }

    async fn end_open(&self, job: &Job, ending: Ending) -> Result<(), Failure> {
        // Who says that a job failed does not wait for what is left of it.
        let closing = if ending.well {
            Some(self.running.closed(job.id).await?)
        } else {
            None
        };
        self.end_closed(job, ending, closing).await
    }

    async fn end_closed(
        &self,
        job: &Job,
        ending: Ending,
        closing: Option<Closing>,
    ) -> Result<(), Failure> {
        let due = if ending.well && job.hold.is_some() {
            self.due(job).await?
        } else {
            0
        };
        let end = JobEnd {
            state: if ending.well {
                State::Completed
            } else {
                State::Failed
            },
            error: ending.error,
            at: self.accounts.now(),
            due,
            settled: job.hold.is_none(),
        };
        // If somebody else was first, the job is as they have left it.
        let ended = self.store().end_job(job.id, &end).await;
        drop(closing);
        ended.map(drop).map_err(not_stored)
    }

    /// The credits that a job costs if it is completed now.
    pub(super) async fn due(&self, job: &Job) -> Result<u64, Failure> {
        let totals = self.store().job_totals(job.id).await.map_err(not_stored)?;
        if totals.failed > 0 && self.settings.load().require_no_failed_calls {
            return Ok(0);
        }
        let team = self.accounts.tenants().team_node(&job.team);
        let terms = team.map(|team| team.facts().job_terms());
        Ok(terms.unwrap_or_default().charge(totals.used()))
    }

    /// A job as it is, with its calls, once its credits are settled.
    async fn settled(&self, id: JobId) -> Result<Ended, Failure> {
        let mut job = self.read(id).await?;
        if !job.state.is_open() && !job.settled {
            self.settle(id).await?;
            job = self.read(id).await?;
        }
        let calls = self.store().job_calls(id).await.map_err(not_stored)?;
        let totals = Totals::of(&calls);
        Ok(Ended { job, calls, totals })
    }

    async fn read(&self, id: JobId) -> Result<Job, Failure> {
        let found = self.store().job(id).await.map_err(not_stored)?;
        found.ok_or_else(missing)
    }

    /// Takes what a job that has ended costs, or gives back what was set aside for it. Doing it
    /// again changes nothing, also at the same moment.
    pub(super) async fn settle(&self, id: JobId) -> Result<(), Failure> {
        let _alone = self.settling.take(id).await;
        let job = self.read(id).await?;
        if job.settled {
            return Ok(());
        }
        self.settle_alone(&job).await
    }

    async fn settle_alone(&self, job: &Job) -> Result<(), Failure> {
        if job.hold.is_some() {
            let of = (&job.team, &job.organization);
            self.accounts.expect_books(of).await;
        }
        let charged = match job.hold {
            None => 0,
            Some(hold) if job.due == 0 => {
                self.shares.forget(job.id);
                let reason = format!("Job {} {}", job.kind, job.state.as_str());
                let note = note(job.id, "release", reason);
                let released = self.accounts.credits().release(hold, note).await;
                released.map(drop).or_else(unless_over)?;
                0
            }
            Some(hold) => self.take(job, hold).await?,
        };
        let settled = self.store().settle_job(job.id, charged).await;
        settled.map_err(not_stored)
    }

    /// Spends what was set aside, and takes the rest, or as much of it as there is.
    async fn take(&self, job: &Job, hold: EntryId) -> Result<u64, Failure> {
        let credits = self.accounts.credits();
        let team = self.accounts.tenants().team_node(&job.team);
        let mode = team.map(|team| team.facts().job_terms().mode);
        let reason = format!(
            "Job {} completed ({} mode: {} credits)",
            job.kind,
            mode.unwrap_or_default().as_str(),
            job.due
        );
        let least = HELD.min(job.due);
        let spent = credits.spend(hold, least, note(job.id, "spend", reason.clone()));
        let wallet = match spent.await {
            Ok(receipt) => receipt.wallet,
            Err(failure) => {
                // An operator has released the hold: that made the job free.
                unless_over(failure)?;
                self.shares.forget(job.id);
                return Ok(0);
            }
        };
        let rest = job.due - least;
        if rest == 0 {
            self.shares.forget(job.id);
            return Ok(least);
        }
        let taken = self.take_rest(job.id, &wallet, (rest, &reason)).await?;
        Ok(least.saturating_add(taken))
    }

    /// Takes an amount, or as much of it as there is. Gives how much was taken, now or before.
    async fn take_rest(
        &self,
        id: JobId,
        wallet: &WalletId,
        (rest, reason): (u64, &str),
    ) -> Result<u64, Failure> {
        let credits = self.accounts.credits();
        let held = self.shares.leave(id).map_or(0, |(_, held)| held);
        let pledge = credits.pledge(wallet, &reserved::of_job(id, REST), held);
        // Others take at the same moment: what was there may be less by then.
        for _ in 0..32 {
            let (reading, _) = credits.balance(wallet)?;
            let amount = rest.min(reading.available().saturating_add(pledge.held()));
            if amount == 0 {
                break;
            }
            let note = note(id, REST, reason.to_owned());
            match credits.take(wallet, amount, note).await {
                Ok(_) => return Ok(amount),
                Err(failure) if failure.code == Code::InsufficientCredits => {}
                // It was taken before a crash, when there was another amount.
                Err(failure) if failure.code == Code::Conflict => break,
                Err(failure) => return Err(failure),
            }
        }
        self.taken_before(id, wallet).await
    }

    async fn taken_before(&self, id: JobId, wallet: &WalletId) -> Result<u64, Failure> {
        debug_assert_eq!(wallet.unit, Unit::Credits, "jobs cost credits");
        let reference = reserved::of_job(id, REST);
        // Whoever took it may have gone before it was durable.
        let taken = self.accounts.credits().placed(wallet, &reference).await?;
        Ok(taken.map_or(0, |receipt| receipt.amount.unsigned_abs()))
    }
}

/// A hold that has ended otherwise has nothing to give.
fn unless_over(failure: Failure) -> Result<(), Failure> {
    if failure.code == Code::Conflict {
        Ok(())
    } else {
        Err(failure)
    }
}
