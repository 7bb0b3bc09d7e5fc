//! What jobs have to cost, by the rule as it is printed, and nothing of the gateway's own code:
//! failed jobs are free; a completed one costs one credit, or its dollars times the rate, or its
//! tokens over the rate, rounded down and never less than one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use serde_json::Value;
use tollgate_core::ledger::{Holder, Kind};
use tollgate_core::money::Unit;

use super::client::{Seen, Told};
use super::{Database, GIVEN, Mode};
use crate::jobs::scene::{complete, credits, get};
use crate::money::scene::Books;
use crate::world::World;

/// What a token of a prompt and of an answer costs, in thousandths of a dollar.
const PROMPT: u64 = 1;
const ANSWER: u64 = 2;

/// What it came to.
#[derive(Debug, Default)]
pub struct Figures {
    pub jobs: u64,
    pub completed: u64,
    pub failed: u64,
    /// Calls of which the callers know.
    pub calls: u64,
    whole: u64,
    refused: u64,
    /// Calls whose connection broke, and those of them that their jobs have as answered.
    cut: u64,
    cut_well: u64,
    /// Ends that were asked for more than once.
    ends_again: u64,
    /// Jobs whose answer was lost: nobody knew of them.
    unknown: u64,
    /// Jobs for one call, and those of them that were completed.
    singles: u64,
    singles_completed: u64,
    /// Credits by the rule, of all teams.
    due: BTreeMap<&'static str, u64>,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            jobs,
            completed,
            failed,
            calls,
            whole,
            refused,
            cut,
            cut_well,
            ends_again,
            unknown,
            singles,
            singles_completed,
            due,
        } = self;
        write!(
            formatter,
            "{jobs} jobs, {completed} completed and {failed} failed; {calls} calls, {whole} \
             answered, {refused} failed and {cut} cut by a kill ({cut_well} of them had been \
             answered); {ends_again} ends asked for again; {unknown} jobs of which nobody was \
             told; beside them {singles} jobs for one call, {singles_completed} of them completed; \
             credits by the rule, and charged: {due:?}"
        )
    }
}

/// What a completed job costs.
fn rule(mode: Mode, tokens: u64, thousandths: u64) -> u64 {
    match mode {
        Mode::Flat => 1,
        // A hundred credits are a dollar.
        Mode::Usd => (thousandths * 100 / 1000).max(1),
        Mode::Tokens => (tokens / 7).max(1),
    }
}

/// Holds every job against what its caller was told, and the wallets against the rule.
pub async fn check(world: &World, told: &[Told]) -> Figures {
    let mut figures = Figures::default();
    for job in told {
        check_job(world, job, &mut figures).await;
    }
    for mode in Mode::ALL {
        check_list(world, mode, told, &mut figures).await;
    }
    figures
}

async fn check_job(world: &World, told: &Told, figures: &mut Figures) {
    let Told { mode, id, .. } = told;
    let team = mode.team();
    let job = get(world, team, &format!("/api/jobs/{id}")).await.json();
    let costs = get(world, team, &format!("/api/jobs/{id}/costs")).await;
    let costs = costs.json();
    let rows = costs["costs"]["breakdown"].as_array().unwrap();
    let rows: HashMap<&str, &Value> = rows
        .iter()
        .map(|row| (row["purpose"].as_str().unwrap(), row))
        .collect();
    let (mut tokens, mut thousandths, mut seen_rows) = (0, 0, 0);
    for (purpose, seen) in &told.calls {
        figures.calls += 1;
        let row = rows.get(purpose.as_str());
        seen_rows += usize::from(row.is_some());
        let used = row.map(|row| {
            let count = |name: &str| row[name].as_u64().unwrap();
            (count("prompt_tokens"), count("completion_tokens"))
        });
        match *seen {
            Seen::Whole(prompt, answer) => {
                figures.whole += 1;
                assert_eq!(used, Some((prompt, answer)), "{told:?} {costs}");
            }
            // A stream that breaks is counted as far as it came; nothing else is.
            Seen::Failed => {
                figures.refused += 1;
                assert!(used.is_some(), "{told:?} {costs}");
            }
            Seen::Cut => {
                figures.cut += 1;
                figures.cut_well += u64::from(used.is_some_and(|(_, answer)| answer > 0));
            }
        }
        let (prompt, answer) = used.unwrap_or_default();
        tokens += prompt + answer;
        thousandths += prompt * PROMPT + answer * ANSWER;
    }
    assert_eq!(seen_rows, rows.len(), "nobody made the others: {costs}");
    let due = if told.well {
        rule(*mode, tokens, thousandths)
    } else {
        0
    };
    let status = if told.well { "completed" } else { "failed" };
    assert_eq!(job["status"], status, "{job}");
    assert_eq!(job["credits_charged"], due, "{told:?} {job} {costs}");
    assert_eq!(job["credit_applied"], told.well, "{job}");
    assert_eq!(told.charged, due, "what was told: {told:?}");
    figures.jobs += 1;
    figures.completed += u64::from(told.well);
    figures.failed += u64::from(!told.well);
    figures.ends_again += u64::from(told.ends > 1);
    *figures.due.entry(mode.team()).or_default() += due;
}

/// Looks through all jobs of a team: those for one call, and those whose caller was not told of
/// them. These are open, nothing was done in them, and they cost nothing.
async fn check_list(world: &World, mode: Mode, told: &[Told], figures: &mut Figures) {
    let team = mode.team();
    let known: HashSet<&str> = told.iter().map(|job| job.id.as_str()).collect();
    let singles: HashMap<&str, bool> = told.iter().filter_map(|job| job.single_of()).collect();
    let mut unknown = Vec::new();
    for page in 0.. {
        let path = format!("/api/teams/{team}/jobs?limit=1000&offset={}", page * 1000);
        let list = get(world, team, &path).await.json();
        let jobs = list["jobs"].as_array().unwrap();
        for job in jobs {
            let id = job["job_id"].as_str().unwrap();
            if job["job_type"] == "single" {
                check_single(world, (mode, job), singles.get(id), figures).await;
            } else if !known.contains(id) {
                assert_eq!(job["status"], "pending", "{job}");
                unknown.push(id.to_owned());
            }
        }
        if jobs.len() < 1000 {
            break;
        }
    }
    for id in unknown {
        let ended = complete(world, team, &id, "failed").await.json();
        assert_eq!(ended["costs"]["credits_charged"], 0, "{ended}");
        figures.unknown += 1;
    }
}

/// A job for one call has ended, whatever happened to its caller.
async fn check_single(
    world: &World,
    (mode, job): (Mode, &Value),
    told: Option<&bool>,
    figures: &mut Figures,
) {
    let id = job["job_id"].as_str().unwrap();
    let is_well = match job["status"].as_str() {
        Some("completed") => true,
        Some("failed") => false,
        _ => panic!("{job}"),
    };
    // Whose connection broke does not know.
    assert!(told.is_none_or(|told| *told == is_well), "{told:?} {job}");
    let costs = get(world, mode.team(), &format!("/api/jobs/{id}/costs")).await;
    let costs = costs.json();
    let rows = costs["costs"]["breakdown"].as_array().unwrap();
    assert!(rows.len() == 1 || (rows.is_empty() && !is_well), "{costs}");
    let count = |name: &str| rows.first().map_or(0, |row| row[name].as_u64().unwrap());
    let (prompt, answer) = (count("prompt_tokens"), count("completion_tokens"));
    assert!(!is_well || answer > 0, "{costs}");
    let due = if is_well {
        rule(mode, prompt + answer, prompt * PROMPT + answer * ANSWER)
    } else {
        0
    };
    assert_eq!(job["credits_charged"], due, "{job} {costs}");
    figures.singles += 1;
    figures.singles_completed += u64::from(is_well);
    *figures.due.entry(mode.team()).or_default() += due;
}

/// What the ledger has of a job.
#[derive(Debug, Default)]
struct Movements {
    held: u64,
    spent: Option<u64>,
    released: u64,
    rest: u64,
}

/// Ends the gateway, and holds what its ledger says of each job against the rule.
pub async fn check_ledger(world: &mut World, database: Database<'_>, figures: &Figures) {
    let mut left = BTreeMap::new();
    for mode in Mode::ALL {
        left.insert(mode.team(), credits(world, mode.team()).await);
    }
    let books = Books::of(world, database).await;
    let mut jobs: BTreeMap<(String, String), Movements> = BTreeMap::new();
    for entry in &books.0 {
        let Some(wallet) = entry.wallet.as_deref() else {
            continue;
        };
        let Holder::Team(team) = &wallet.holder else {
            panic!("{entry:?}");
        };
        let reference = entry.movement().and_then(|it| it.reference.as_deref());
        let Some((id, step)) = reference
            .and_then(|reference| reference.strip_prefix("job:"))
            .and_then(|rest| rest.split_once(':'))
        else {
            continue;
        };
        assert_eq!(wallet.unit, Unit::Credits, "{entry:?}");
        let job = (team.as_str().to_owned(), id.to_owned());
        let job = jobs.entry(job).or_default();
        let amount = entry.movement().unwrap().amount;
        match (&entry.kind, step) {
            (Kind::Hold(_), "hold") => job.held += amount,
            (Kind::Release { .. }, "release") => job.released += amount,
            (Kind::Spend { .. }, "spend") => {
                assert_eq!(job.spent.replace(amount), None, "twice: {entry:?}");
            }
            (Kind::Adjustment { taken: true, .. }, "rest") => {
                assert_eq!(job.rest, 0, "twice: {entry:?}");
                job.rest = amount;
            }
            (kind, step) => panic!("{step}: {kind:?}"),
        }
    }
    for mode in Mode::ALL {
        let of_team = jobs.iter().filter(|((team, _), _)| team == mode.team());
        let mut charged = 0;
        for ((_, id), job) in of_team {
            assert_eq!(job.held, 1, "{id}: {job:?}");
            let ended = (job.released, job.spent);
            assert!(matches!(ended, (1, None) | (0, Some(1))), "{id}: {job:?}");
            assert!(job.spent.is_some() || job.rest == 0, "{id}: {job:?}");
            charged += job.spent.unwrap_or(0) + job.rest;
        }
        let due = figures.due.get(mode.team()).copied().unwrap_or_default();
        assert_eq!(charged, due, "the ledger of {mode:?}");
        assert_eq!(left[mode.team()] + due, GIVEN, "{mode:?}");
    }
}
