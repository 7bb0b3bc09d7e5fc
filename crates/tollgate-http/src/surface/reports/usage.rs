//! What was used and what it cost, as the ledger has it: exact, and up to its last checkpoint,
//! which is some seconds old at most.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tollgate_core::error::{Code, Failure};
use tollgate_core::limit::Level;
use tollgate_core::money::Money;
use tollgate_core::request_log::Filter;
use tollgate_core::time::Timestamp;
use tollgate_engine::engine::Engine;
use tollgate_engine::port::{UsageBy, UsageQuery, UsageRow};
use tollgate_engine::request_log::Sums;

use super::log::{date, percent, period};
use super::parameters::Parameters;
use super::row::{time, usd};
use super::{Scope, failed};

/// How long back is looked where nothing is said: thirty days.
const USUAL: i64 = 30 * 24 * 60 * 60 * 1000;
/// The ledger counts by quarters of an hour.
const QUARTER: i64 = 15 * 60 * 1000;

/// How finely use is told apart in time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grain {
    All,
    Day,
    Hour,
}

/// `GET /api/account/analytics/usage`: use by model, with how fast the models were.
pub(super) async fn models(
    engine: &Engine,
    scope: &Scope,
    parameters: &mut Parameters<'_>,
) -> Result<Value, Failure> {
    let (from, to) = bounds(engine, parameters);
    let grains = [
        ("all", Grain::All),
        ("day", Grain::Day),
        ("hour", Grain::Hour),
    ];
    let grain = parameters
        .word("granularity", &grains)
        .unwrap_or(Grain::Day);
    parameters.finish()?;
    let used = used(engine, scope, (from, to), vec![UsageBy::Model]).await?;
    let mut filter = Filter {
        from,
        to,
        ..Filter::default()
    };
    scope.narrow(&mut filter);
    let stats = engine.request_log.stats(&filter).await.map_err(failed)?;
    let mut seen: BTreeMap<&str, (Arc<str>, Sums)> = BTreeMap::new();
    for ((model, provider), sums) in &stats.models {
        // A model of several providers is shown with the one that answered most.
        let there = seen.entry(model).or_insert((Arc::clone(provider), *sums));
        if there.1.calls < sums.calls {
            *there = (Arc::clone(provider), *sums);
        }
    }
    let total: u64 = used.iter().map(|row| row.cost).sum();
    let rows = used.iter().map(|row| {
        let (provider, sums) = seen.get(&*row.model).cloned().unwrap_or_default();
        let mut value = usage(row);
        let more = json!({
            "model_name": row.model,
            "model_display_name": row.model,
            "provider_name": &*provider,
            "cost_percentage": percent(row.cost, total),
            "avg_latency": sums.mean_ms(),
            "avg_ttft": sums.mean_first_byte_ms(),
        });
        if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
            value.extend(more);
        }
        value
    });
    let breakdown: Vec<Value> = rows.collect();
    Ok(json!({
        "model_breakdown": breakdown,
        "timeline": timeline(engine, scope, (from, to), grain).await?,
        "total_cost": usd(total),
        "period": period(&filter),
        "latency_is_complete": stats.is_complete,
    }))
}

/// `GET /api/billing/usage/breakdown`: use by whatever is asked.
pub(super) async fn breakdown(
    engine: &Engine,
    scope: &Scope,
    parameters: &mut Parameters<'_>,
) -> Result<Value, Failure> {
    let bounds = bounds(engine, parameters);
    let groups = [
        ("model", Group::By(UsageBy::Model)),
        ("api_key", Group::By(UsageBy::Key)),
        ("user", Group::By(UsageBy::User)),
        ("team", Group::By(UsageBy::Team)),
        ("organization", Group::By(UsageBy::Organization)),
        ("day", Group::In(Grain::Day)),
        ("hour", Group::In(Grain::Hour)),
    ];
    let group = parameters.word("group_by", &groups);
    let group = group.unwrap_or(Group::By(UsageBy::Model));
    parameters.finish()?;
    let rows = match group {
        Group::In(grain) => timeline(engine, scope, bounds, grain).await?,
        Group::By(by) => {
            let used = used(engine, scope, bounds, vec![by]).await?;
            let rows = used.iter().map(|row| {
                let mut value = usage(row);
                if let Some(value) = value.as_object_mut() {
                    value.insert("group".into(), group_of(row, by).into());
                }
                value
            });
            rows.collect::<Vec<_>>().into()
        }
    };
    let (from, to) = bounds;
    let filter = Filter {
        from,
        to,
        ..Filter::default()
    };
    Ok(json!({ "breakdown": rows, "period": period(&filter) }))
}

#[derive(Clone, Copy)]
enum Group {
    By(UsageBy),
    In(Grain),
}

fn group_of(row: &UsageRow, by: UsageBy) -> &str {
    match by {
        UsageBy::Model => &row.model,
        UsageBy::Key => &row.key,
        UsageBy::User => &row.user,
        UsageBy::Team => &row.team,
        UsageBy::Organization => &row.organization,
        UsageBy::Quarter => "",
    }
}

type Bounds = (Option<Timestamp>, Option<Timestamp>);

/// The time that is asked about, the last thirty days where nothing is said.
fn bounds(engine: &Engine, parameters: &mut Parameters<'_>) -> Bounds {
    let (from, to) = parameters.period();
    let now = engine.clock().now().as_millis();
    let from = from.unwrap_or(Timestamp::from_millis(now.saturating_sub(USUAL)));
    // Quarters begin before what they hold.
    let quarter = from.as_millis().div_euclid(QUARTER) * QUARTER;
    (Some(Timestamp::from_millis(quarter)), to)
}

async fn used(
    engine: &Engine,
    scope: &Scope,
    (from, to): Bounds,
    by: Vec<UsageBy>,
) -> Result<Vec<UsageRow>, Failure> {
    let of = match scope {
        Scope::Everything => None,
        Scope::Organization(id) => Some((Level::Organization, id.clone())),
        Scope::Team(id) => Some((Level::Team, id.clone())),
    };
    let query = UsageQuery {
        of,
        model: None,
        from,
        to,
        by,
    };
    let used = engine.ledger.store().usage(&query).await;
    let mut used = used.map_err(|error| Failure::gateway(Code::DatabaseError).because(error))?;
    used.sort_by_key(|row| std::cmp::Reverse(row.cost));
    Ok(used)
}

fn usage(row: &UsageRow) -> Value {
    json!({
        "requests": row.calls,
        "input_tokens": row.prompt,
        "output_tokens": row.completion,
        "total_tokens": row.prompt.saturating_add(row.completion),
        "total_cost": usd(row.cost),
        "total_cost_usd": Money::from_nano(row.cost).to_string(),
    })
}

/// Use by hour or day, in UTC.
async fn timeline(
    engine: &Engine,
    scope: &Scope,
    bounds: Bounds,
    grain: Grain,
) -> Result<Value, Failure> {
    if grain == Grain::All {
        return Ok(json!([]));
    }
    let mut parts: BTreeMap<String, UsageRow> = BTreeMap::new();
    for row in used(engine, scope, bounds, vec![UsageBy::Quarter]).await? {
        let name = match grain {
            Grain::Day | Grain::All => date(row.quarter),
            Grain::Hour => {
                let hour = row.quarter.as_millis().div_euclid(4 * QUARTER) * 4 * QUARTER;
                time(Timestamp::from_millis(hour))
            }
        };
        match parts.get_mut(&name) {
            None => {
                parts.insert(name, row);
            }
            Some(sum) => {
                sum.calls = sum.calls.saturating_add(row.calls);
                sum.prompt = sum.prompt.saturating_add(row.prompt);
                sum.completion = sum.completion.saturating_add(row.completion);
                sum.cost = sum.cost.saturating_add(row.cost);
            }
        }
    }
    let rows = parts.iter().map(|(name, row)| {
        let mut value = usage(row);
        if let Some(value) = value.as_object_mut() {
            value.insert("group".into(), name.as_str().into());
        }
        value
    });
    Ok(rows.collect::<Vec<_>>().into())
}
