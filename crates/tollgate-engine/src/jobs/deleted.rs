//! The end of jobs whose team was deleted: no key of it is left that could end them.

use tollgate_core::error::Failure;
use tollgate_core::id::TeamId;
use tollgate_core::job::State;

use super::sweep::{AT_ONCE, failed, go_on};
use super::{Jobs, not_stored};
use crate::port::JobQuery;

/// Why a job failed whose team is gone.
const DELETED: &str = "The team of the job was deleted.";

impl Jobs {
    /// Ends the open jobs of a team that is gone. What it leaves open is ended by the sweep.
    pub async fn end_all(&self, team: &TeamId) {
        for mut query in open_of(team) {
            loop {
                match self.end_some(&mut query).await {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(failure) => {
                        tracing::warn!(%failure, %team, "jobs of a deleted team stay open");
                        break;
                    }
                }
            }
        }
    }

    /// Ends some of the jobs that are open though their team was deleted: there was a crash in
    /// between, the store failed, or they were being made at that moment.
    pub(super) async fn end_stranded(&self) -> Result<(), Failure> {
        if !self.accounts.has_deleted_teams() {
            return Ok(());
        }
        let teams = self.store().teams_with_open_jobs().await;
        for team in teams.map_err(not_stored)? {
            if self.accounts.is_deleted(&team) {
                for mut query in open_of(&team) {
                    self.end_some(&mut query).await?;
                }
            }
        }
        Ok(())
    }

    /// Ends the first of these jobs, and moves on to the next ones. Gives how many there were.
    async fn end_some(&self, query: &mut JobQuery) -> Result<usize, Failure> {
        let (jobs, _) = self.list(query).await?;
        for (job, _) in &jobs {
            let ended = self.end(job, failed(DELETED)).await.map(drop);
            // What has ended is not found again.
            query.offset += u64::from(ended.is_err());
            go_on(job.id, ended);
        }
        Ok(jobs.len())
    }
}

/// The open jobs of a team.
fn open_of(team: &TeamId) -> impl Iterator<Item = JobQuery> {
    let states = [State::Pending, State::InProgress].into_iter();
    states.map(|state| JobQuery {
        team: Some(team.clone()),
        state: Some(state),
        limit: AT_ONCE,
        ..JobQuery::default()
    })
}
