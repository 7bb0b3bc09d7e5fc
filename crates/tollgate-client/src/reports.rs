//! What managers see of jobs: with an admin key, or one of somebody who may see usage.

use crate::answers::{JobPage, JobWithCalls, OrganizationAnalytics, OrganizationStats};
use crate::asked::Asked;
use crate::client::Client;
use crate::failure::Error;

impl Client {
    /// A page of the jobs of a team that made calls. The query may have `page`, `page_size`, `status`,
    /// `job_type`, `start_date`, `end_date` and `job_id_filter`.
    pub async fn jobs_of_team(&self, team: &str, query: &[(&str, &str)]) -> Result<JobPage, Error> {
        let asked = Asked::jobs_of_team(team, query);
        self.begin(asked)?.answer().await
    }

    /// A job of a team with its calls.
    pub async fn job_of_team(&self, team: &str, job: &str) -> Result<JobWithCalls, Error> {
        self.begin(Asked::job_of_team(team, job))?.answer().await
    }

    /// How many jobs the teams of an organization made, and what became of them. The query may have
    /// `start_date` and `end_date`.
    pub async fn organization_stats(
        &self,
        organization: &str,
        query: &[(&str, &str)],
    ) -> Result<OrganizationStats, Error> {
        let asked = Asked::organization_stats(organization, query);
        self.begin(asked)?.answer().await
    }

    /// What the jobs of an organization cost: by day, team, model and provider. The query may have
    /// `start_date` and `end_date`.
    pub async fn organization_analytics(
        &self,
        organization: &str,
        query: &[(&str, &str)],
    ) -> Result<OrganizationAnalytics, Error> {
        let asked = Asked::organization_analytics(organization, query);
        self.begin(asked)?.answer().await
    }
}
