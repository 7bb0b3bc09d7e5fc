//! The references that the gateway gives to entries of its own. By them it knows what it did
//! already, so no order from outside may have one: it would be taken for the gateway's own.

use crate::job::JobId;
use crate::offer::Every;
use crate::time::Timestamp;

/// The reference of what the configuration declares.
pub const CONFIGURATION: &str = "configuration";
/// What the references of adjustments begin with that correct how much of a wallet was used, and
/// not what was given to it.
pub const USED: &str = "tollgate:used:";
/// What is left for the gateway's further wants.
const OWN: &str = "tollgate:";
const REFILL: &str = "auto-refill:";
const JOB: &str = "job:";
/// The step of a job that takes what it cost beyond what was set aside for it.
pub const REST: &str = "rest";

/// What is said of a reference that is kept for the gateway.
pub const REFUSED: &str = "must not be `configuration` and not begin with `auto-refill:`, `job:` or \
                           `tollgate:`: such references are those of the gateway's own entries";

/// Whether a reference is kept for the gateway. Capital letters do not make another one of it:
/// stores search for some of them without a look at case.
pub fn is_reserved(reference: &str) -> bool {
    let begins = |with: &str| {
        let begin = reference.get(..with.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(with))
    };
    reference.eq_ignore_ascii_case(CONFIGURATION) || [OWN, REFILL, JOB].into_iter().any(begins)
}

/// The reference of the credits that come again with the period that begins then.
pub fn refill(every: Every, begin: Timestamp) -> String {
    format!("{REFILL}{}:{}", every.as_str(), begin.as_millis())
}

/// The reference of a step in the life of a job.
pub fn of_job(id: JobId, step: &str) -> String {
    format!("{JOB}{id}:{step}")
}

/// Whether it is the reference of what a job cost beyond what was set aside for it.
pub fn is_rest(reference: &str) -> bool {
    let steps = reference.strip_prefix(JOB);
    let last = steps.and_then(|steps| steps.rsplit_once(':'));
    last.is_some_and(|(_, step)| step == REST)
}

/// The job and its step that such a reference names.
pub fn job(reference: &str) -> Option<(JobId, &str)> {
    let (id, step) = reference.strip_prefix(JOB)?.split_once(':')?;
    Some((JobId::parse(id)?, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_gateway_makes_is_reserved() {
        let id = JobId::random(7);
        let refill = refill(Every::Daily, Timestamp::from_millis(5));
        let job = of_job(id, "hold");
        for begin in [CONFIGURATION, OWN, REFILL, JOB] {
            assert!(REFUSED.contains(&format!("`{begin}`")), "{begin}");
        }
        for reference in [CONFIGURATION, &format!("{USED}1"), &refill, &job] {
            assert!(is_reserved(reference), "{reference}");
            assert!(is_reserved(&reference.to_uppercase()), "{reference}");
        }
        assert_eq!(super::job(&job), Some((id, "hold")));
        assert!(is_rest(&of_job(id, REST)) && !is_rest(&job) && !is_rest("rest"));
        assert_eq!(super::job("job:mine:hold"), None);
        assert_eq!(super::job(&id.to_string()), None);
    }

    #[test]
    fn whatever_else_people_call_their_orders_is_theirs() {
        for reference in [
            "",
            "job",
            "jobs:1",
            "order:job:1",
            "configuration-1",
            "tollgate",
            "auto-refill",
            "ä",
            "jo\u{e4}:1",
        ] {
            assert!(!is_reserved(reference), "{reference}");
        }
    }
}
