//! What a caller is told who cannot pay.

use tollgate_core::budget::Period;
use tollgate_core::error::failure::Detail;
use tollgate_core::error::{Code, Failure, detail};
use tollgate_core::limit::Level;
use tollgate_core::money::Money;

use crate::spend::BudgetReading;
use crate::wallet::Reading;

/// The wallet holds too little: less than the minimum, or less than the call may cost.
pub(super) fn of_credits(reading: Reading, most: u64, minimum: Money) -> Failure {
    let available = Money::from_nano(reading.available());
    let needed = Money::from_nano(most);
    let failure = Failure::client(Code::InsufficientCredits)
        .detail(detail::BALANCE_USD, Detail::Text(available.to_string()))
        .detail(detail::NEEDED_USD, Detail::Text(needed.to_string()));
    if available < minimum {
        return failure.detail(detail::MINIMUM_USD, Detail::Text(minimum.to_string()));
    }
    failure
}

/// A budget leaves too little.
pub(super) fn of_budget(level: Level, reading: &BudgetReading, more: u64) -> Failure {
    let level = level.as_str();
    let BudgetReading {
        period,
        limit,
        spent,
        held,
        resets_at,
        ..
    } = reading;
    let needed = Money::from_nano(more);
    let period_word = period.as_str();
    let left = limit.less(*spent);
    let mut message = if left == Money::ZERO {
        format!("The {period_word} budget of this {level} is spent: ${spent} of ${limit}.")
    } else {
        format!(
            "The {period_word} budget of this {level} leaves too little: ${spent} of ${limit} are \
             spent, ${held} are held for calls under way, and this call may cost ${needed}."
        )
    };
    match (period, resets_at) {
        (Period::Total, _) | (_, None) => message.push_str(" Ask for a higher budget."),
        (_, Some(at)) => {
            message.push_str(" It starts again at ");
            message.push_str(&at.to_rfc3339());
            message.push('.');
        }
    }
    let mut failure = Failure::client(Code::BudgetExceeded)
        .message(message)
        .detail(detail::LEVEL, Detail::Text(level.to_owned()))
        .detail("period", Detail::Text(period_word.to_owned()))
        .detail(detail::LIMIT_USD, Detail::Text(limit.to_string()))
        .detail(detail::SPENT_USD, Detail::Text(spent.to_string()))
        .detail("held_usd", Detail::Text(held.to_string()))
        .detail(detail::NEEDED_USD, Detail::Text(needed.to_string()));
    failure.resets_at = *resets_at;
    failure
}

/// A model without a price is asked for by somebody who pays.
pub(crate) fn of_unpriced(model: &str) -> Failure {
    Failure::client(Code::PermissionDenied)
        .message(format!(
            "The model \"{model}\" has no price, so it cannot be used by a team with credits or \
             budgets. An operator can give it one (price of the model, or [billing] unpriced)."
        ))
        .model(model)
}
