//! The data directory: taken by one process, with the secret and the store that live in it.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use tollgate_engine::accounts::{Accounts, Parts};
use tollgate_engine::port::{Clock as _, Store};
use tollgate_store::{Control, MasterKeys, Owner, SqlStore};

use crate::clock::SystemClock;
use crate::config::Config;
use crate::secrets::Secrets;
use crate::{assemble, master_key};

/// Bytes from the system's generator.
pub(crate) fn random(buffer: &mut [u8]) -> std::io::Result<()> {
    getrandom::fill(buffer).map_err(std::io::Error::other)
}

/// What belongs to the process that owns the data directory.
pub(crate) struct Possession {
    store: Arc<SqlStore>,
    secrets: Arc<Secrets>,
    /// Dropped last: the directory is free only when the store is closed.
    owner: Owner,
}

/// Takes the directory, its master key and its store. Fails when another process has them.
pub(crate) async fn take(config: &Config) -> Result<Possession, Box<dyn Error>> {
    let directory = &config.database.directory;
    let owner = Owner::take(directory)?;
    let current = master_key::find(config.master_key.as_ref(), directory)?;
    let previous = master_key::previous(&config.previous_master_keys)?;
    let store = Arc::new(tollgate_store::open(&config.database.url).await?);
    let keys = MasterKeys::new(&current, &previous, random);
    let secrets = Secrets::open(&*store, keys, SystemClock.now()).await?;
    Ok(Possession {
        owner,
        store,
        secrets: Arc::new(secrets),
    })
}

impl Possession {
    /// The keys in the store.
    pub(crate) async fn accounts(&self, config: &Config) -> Result<Accounts, Box<dyn Error>> {
        let home = assemble::home(config);
        let accounts = Accounts::open_at_home(
            Parts {
                store: self.store.clone(),
                clock: Arc::new(SystemClock),
                hasher: self.secrets.hasher().clone(),
                environment: assemble::environment(config),
                entropy: random,
            },
            &home,
        );
        Ok(accounts.await?)
    }

    /// What is encrypted in the store.
    pub(crate) fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }

    /// Keeps what must survive.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// Tells commands on this machine that the gateway is here.
    pub(crate) fn announce(
        &self,
        accounts: &Accounts,
        address: SocketAddr,
    ) -> Result<(), Box<dyn Error>> {
        let token = accounts.make_control_token()?;
        let control = Control {
            address,
            pid: std::process::id(),
            token,
        };
        control.write(&self.owner)?;
        Ok(())
    }

    /// Closes the store in an orderly way.
    pub(crate) async fn close(self) {
        self.store.close().await;
    }
}
