//! Maintenance mode: while it is on, calls to models are refused with `maintenance`. Everything
//! else goes on, requests under way included.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;
use tollgate_core::error::{Code, Failure};

use crate::accounts::Accounts;
use crate::audit;
use crate::authority::Manager;
use crate::port::StoreError;

/// The setting of the store under which the operator's switch is kept.
const SETTING: &str = "maintenance";

/// What an operator has said last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switch {
    /// Whether calls are refused.
    pub enabled: bool,
    /// The sentence that callers are told instead of ours.
    pub message: Option<Box<str>>,
    /// How long callers are told to wait.
    pub retry_after: Option<Duration>,
}

/// What can be read of the mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Whether the configuration switches it on, whatever operators say.
    pub declared: bool,
    /// What an operator has said last.
    pub switch: Switch,
}

/// The mode of a deployment.
#[derive(Debug, Default)]
pub struct Maintenance {
    reading: ArcSwap<Reading>,
    /// Held until a change has taken effect, so that of two changes the later one stays, in the
    /// store and here.
    changing: Mutex<()>,
}

impl Maintenance {
    /// Takes up what an operator had said before the process was started anew.
    ///
    /// # Errors
    /// If the store fails, or what it keeps cannot be read.
    pub async fn restore(&self, accounts: &Accounts) -> Result<(), StoreError> {
        if let Some(text) = accounts.setting(SETTING).await? {
            let switch = Switch::from_text(&text)
                .ok_or_else(|| StoreError("the stored maintenance mode is damaged".into()))?;
            self.turn(&switch);
        }
        Ok(())
    }

    /// Does what an operator says, and keeps it over restarts.
    ///
    /// # Errors
    /// If the store fails: then nothing has changed.
    pub async fn set(
        &self,
        accounts: &Accounts,
        by: &Manager,
        switch: Switch,
    ) -> Result<(), Failure> {
        let _changing = self.changing.lock().await;
        let text = switch.to_text();
        let word = if switch.enabled { "on" } else { "off" };
        let said = audit::set("mode", word);
        let row = by.row(accounts.now(), ("maintenance.set", SETTING), None, said);
        let mut change = Change {
            maintenance: self,
            switch,
            stands: true,
        };
        if let Err(error) = accounts.set_setting(SETTING, &text, &[row]).await {
            change.stands = false;
            return Err(Failure::gateway(Code::DatabaseError).because(error));
        }
        Ok(())
    }

    /// Takes what the configuration says.
    pub fn set_declared(&self, declared: bool) {
        self.reading.rcu(|reading| Reading {
            declared,
            switch: reading.switch.clone(),
        });
    }

    /// Whether calls are refused.
    pub fn is_on(&self) -> bool {
        self.reading.load().is_on()
    }

    /// Lets a call through, or says why not.
    ///
    /// # Errors
    /// `maintenance`, while the mode is on.
    pub fn check(&self) -> Result<(), Failure> {
        let reading = self.reading.load();
        if reading.is_on() {
            Err(reading.switch.refusal())
        } else {
            Ok(())
        }
    }

    /// What can be read of the mode.
    pub fn read(&self) -> Arc<Reading> {
        self.reading.load_full()
    }

    fn turn(&self, switch: &Switch) {
        self.reading.rcu(|reading| Reading {
            declared: reading.declared,
            switch: switch.clone(),
        });
    }
}

impl Reading {
    /// Whether calls are refused.
    pub fn is_on(&self) -> bool {
        self.declared || self.switch.enabled
    }
}

impl Switch {
    /// What calls are told. An operator's words count only while the operator keeps calls away.
    fn refusal(&self) -> Failure {
        let mut failure = Failure::gateway(Code::Maintenance);
        if self.enabled {
            failure.message = self.message.as_deref().map(str::to_owned);
            failure.retry_after = self.retry_after;
        }
        failure
    }

    /// `on` or `off`, the wait in seconds if there is one, and the message, each on a line.
    fn to_text(&self) -> String {
        let mut text = if self.enabled { "on\n" } else { "off\n" }.to_owned();
        if let Some(wait) = self.retry_after {
            // Writing to a String cannot fail.
            _ = write!(text, "{}", wait.as_secs());
        }
        text.push('\n');
        text.push_str(self.message.as_deref().unwrap_or_default());
        text
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.splitn(3, '\n');
        let enabled = match lines.next()? {
            "on" => true,
            "off" => false,
            _ => return None,
        };
        let retry_after = match lines.next()? {
            "" => None,
            seconds => Some(Duration::from_secs(seconds.parse().ok()?)),
        };
        let message = lines.next()?;
        Some(Self {
            enabled,
            message: (!message.is_empty()).then(|| message.into()),
            retry_after,
        })
    }
}

/// A change on its way through the store. It takes effect when this is dropped, unless the store
/// refused it: an operator who hangs up while the store writes must not leave the two apart.
struct Change<'a> {
    maintenance: &'a Maintenance,
    switch: Switch,
    stands: bool,
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if self.stands {
            self.maintenance.turn(&self.switch);
            tracing::info!(
                enabled = self.switch.enabled,
                "an operator has set the maintenance mode"
            );
        }
    }
}

#[cfg(test)]
mod tests;
