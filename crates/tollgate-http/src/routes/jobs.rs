//! The addresses of jobs (seed 001).

use http::Method;
use tollgate_core::right::Right;

/// What is done with jobs. Values of the path are still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobRoute<'a> {
    /// Makes one.
    Create,
    /// Makes one for a single call, and ends it with that.
    Single,
    /// The same with a stream.
    SingleStream,
    /// A call in one.
    Call(&'a str),
    /// The same as a stream.
    CallStream(&'a str),
    /// Ends one.
    Complete(&'a str),
    /// One of the caller's own team.
    One(&'a str),
    /// What the team notes of it.
    Metadata(&'a str),
    /// What its calls cost.
    Costs(&'a str),
    /// What the caller's own team used in a month.
    TeamUsage(&'a str),
    /// The jobs of the caller's own team.
    TeamJobs(&'a str),
    /// The jobs of a team, for managers.
    OfTeam(&'a str),
    /// One of them.
    OneOfTeam(&'a str, &'a str),
    /// Sums over the jobs of an organization, for managers.
    Stats(&'a str),
    /// What the calls of its jobs cost by day, team and model.
    Analytics(&'a str),
}

/// The route of a path.
pub(super) fn find(path: &str) -> Option<JobRoute<'_>> {
    if let Some(rest) = path.strip_prefix("/api/teams/") {
        let (team, what) = rest.split_once('/').filter(|(team, _)| !team.is_empty())?;
        return match what {
            "usage" => Some(JobRoute::TeamUsage(team)),
            "jobs" => Some(JobRoute::TeamJobs(team)),
            _ => None,
        };
    }
    let rest = path.strip_prefix("/api/jobs/")?;
    let mut steps = rest.split('/');
    let steps = (steps.next()?, steps.next(), steps.next(), steps.next());
    let route = match steps {
        ("create", None, ..) => JobRoute::Create,
        ("create-and-call", None, ..) => JobRoute::Single,
        ("create-and-call-stream", None, ..) => JobRoute::SingleStream,
        ("teams", Some(team), None, _) if !team.is_empty() => JobRoute::OfTeam(team),
        ("teams", Some(team), Some(job), None) if !team.is_empty() && !job.is_empty() => {
            JobRoute::OneOfTeam(team, job)
        }
        ("organizations", Some(id), Some("stats"), None) if !id.is_empty() => JobRoute::Stats(id),
        ("organizations", Some(id), Some("analytics"), None) if !id.is_empty() => {
            JobRoute::Analytics(id)
        }
        ("" | "teams" | "organizations", ..) | (_, Some(_), Some(_), _) => return None,
        (id, None, ..) => JobRoute::One(id),
        (id, Some(what), None, _) => match what {
            "llm-call" => JobRoute::Call(id),
            "llm-call-stream" => JobRoute::CallStream(id),
            "complete" => JobRoute::Complete(id),
            "metadata" => JobRoute::Metadata(id),
            "costs" => JobRoute::Costs(id),
            _ => return None,
        },
    };
    Some(route)
}

impl JobRoute<'_> {
    pub(super) fn methods(self) -> &'static [Method] {
        match self {
            Self::Create
            | Self::Single
            | Self::SingleStream
            | Self::Call(_)
            | Self::CallStream(_)
            | Self::Complete(_) => &[Method::POST],
            Self::Metadata(_) => &[Method::PATCH],
            Self::One(_)
            | Self::Costs(_)
            | Self::TeamUsage(_)
            | Self::TeamJobs(_)
            | Self::OfTeam(_)
            | Self::OneOfTeam(..)
            | Self::Stats(_)
            | Self::Analytics(_) => &[Method::GET, Method::HEAD],
        }
    }

    pub(super) fn right(self) -> Right {
        match self {
            Self::Create
            | Self::Single
            | Self::SingleStream
            | Self::Call(_)
            | Self::CallStream(_)
            | Self::Complete(_)
            | Self::Metadata(_) => Right::Write,
            Self::One(_) | Self::Costs(_) | Self::TeamUsage(_) | Self::TeamJobs(_) => Right::Read,
            Self::OfTeam(_) | Self::OneOfTeam(..) | Self::Stats(_) | Self::Analytics(_) => {
                Right::SeeUsage
            }
        }
    }

    /// Whether a model is called.
    pub(crate) fn is_call(self) -> bool {
        match self {
            Self::Single | Self::SingleStream | Self::Call(_) | Self::CallStream(_) => true,
            Self::Create
            | Self::Complete(_)
            | Self::One(_)
            | Self::Metadata(_)
            | Self::Costs(_)
            | Self::TeamUsage(_)
            | Self::TeamJobs(_)
            | Self::OfTeam(_)
            | Self::OneOfTeam(..)
            | Self::Stats(_)
            | Self::Analytics(_) => false,
        }
    }

    /// Whether it is there for teams that are suspended or paused, too: they see what they have,
    /// and end what they have begun.
    pub(crate) fn is_open_to_stopped(self) -> bool {
        match self {
            Self::One(_)
            | Self::Costs(_)
            | Self::Complete(_)
            | Self::TeamUsage(_)
            | Self::TeamJobs(_) => true,
            Self::Create
            | Self::Single
            | Self::SingleStream
            | Self::Call(_)
            | Self::CallStream(_)
            | Self::Metadata(_)
            | Self::OfTeam(_)
            | Self::OneOfTeam(..)
            | Self::Stats(_)
            | Self::Analytics(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_jobs_are_found() {
        for (path, route) in [
            ("/api/jobs/create", Some(JobRoute::Create)),
            ("/api/jobs/create-and-call", Some(JobRoute::Single)),
            (
                "/api/jobs/create-and-call-stream",
                Some(JobRoute::SingleStream),
            ),
            ("/api/jobs/1", Some(JobRoute::One("1"))),
            ("/api/jobs/1/llm-call", Some(JobRoute::Call("1"))),
            (
                "/api/jobs/1/llm-call-stream",
                Some(JobRoute::CallStream("1")),
            ),
            ("/api/jobs/1/complete", Some(JobRoute::Complete("1"))),
            ("/api/jobs/1/metadata", Some(JobRoute::Metadata("1"))),
            ("/api/jobs/1/costs", Some(JobRoute::Costs("1"))),
            ("/api/jobs/teams/t", Some(JobRoute::OfTeam("t"))),
            ("/api/jobs/teams/t/1", Some(JobRoute::OneOfTeam("t", "1"))),
            (
                "/api/jobs/organizations/o/stats",
                Some(JobRoute::Stats("o")),
            ),
            (
                "/api/jobs/organizations/o/analytics",
                Some(JobRoute::Analytics("o")),
            ),
            ("/api/teams/t/usage", Some(JobRoute::TeamUsage("t"))),
            ("/api/teams/t/jobs", Some(JobRoute::TeamJobs("t"))),
            ("/api/teams/t/pause", None),
            ("/api/teams//jobs", None),
            ("/api/jobs/", None),
            ("/api/jobs", None),
            ("/api/jobs/teams", None),
            ("/api/jobs/organizations/o", None),
            ("/api/jobs/1/llm-call/2", None),
            ("/api/jobs/1/", None),
            ("/api/jobs/teams/t/1/2", None),
        ] {
            assert_eq!(find(path), route, "{path}");
        }
    }
}
