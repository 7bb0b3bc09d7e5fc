//! What jobs have to cost, by the rule as it is printed, and nothing of the gateway's own code:
//! failed jobs are free; a completed one costs one credit, or its dollars times the rate, or its
//! tokens over the rate, rounded down and never less than one.

use std::collections::{BTreeMap, HashMap};
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
    /// Credits that were set aside for jobs that never came to be.
    orphans: u64,
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
            orphans,
            due,
        } = self;
        write!(
            formatter,
            "{jobs} jobs, {completed} completed and {failed} failed; {calls} calls, {whole} \
             answered, {refused} failed and {cut} cut by a kill ({cut_well} of them had been \
             answered); {ends_again} ends asked for again; {unknown} jobs of which nobody was \
             told; {orphans} holds without a job; credits by the rule, and charged: {due:?}"
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
        let known: Vec<&str> = told.iter().map(|job| job.id.as_str()).collect();
        figures.unknown += end_unknown(world, mode, &known).await;
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

/// Ends jobs whose caller was not told of them: they are open, nothing was done in them, and they
/// cost nothing.
async fn end_unknown(world: &World, mode: Mode, known: &[&str]) -> u64 {
    let team = mode.team();
    let mut unknown = Vec::new();
    for page in 0.. {
        let path = format!("/api/teams/{team}/jobs?limit=1000&offset={}", page * 1000);
        let list = get(world, team, &path).await.json();
        let jobs = list["jobs"].as_array().unwrap();
        for job in jobs {
            let id = job["job_id"].as_str().unwrap();
            if !known.contains(&id) {
                assert_eq!(job["status"], "pending", "{job}");
                unknown.push(id.to_owned());
            }
        }
        if jobs.len() < 1000 {
            break;
        }
    }
    for id in &unknown {
        let ended = complete(world, team, id, "failed").await.json();
        assert_eq!(ended["costs"]["credits_charged"], 0, "{ended}");
    }
    unknown.len().try_into().unwrap()
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
pub async fn check_ledger(world: &mut World, database: Database<'_>, figures: &mut Figures) {
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
        let (mut charged, mut held) = (0, 0);
        for ((_, id), job) in of_team {
            assert_eq!(job.held, 1, "{id}: {job:?}");
            assert!(job.released == 0 || job.spent.is_none(), "{id}: {job:?}");
            let is_over = job.released > 0 || job.spent.is_some();
            assert!(is_over || job.rest == 0, "{id}: {job:?}");
            held += u64::from(!is_over);
            charged += job.spent.unwrap_or(0) + job.rest;
        }
        let due = figures.due.get(mode.team()).copied().unwrap_or_default();
        assert_eq!(charged, due, "the ledger of {mode:?}");
        assert_eq!(left[mode.team()] + held + due, GIVEN, "{mode:?}");
        figures.orphans += held;
    }
}
