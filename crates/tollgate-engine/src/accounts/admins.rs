//! The keys that are not virtual keys: the admin key, and the token for commands.

use tollgate_core::error::Failure;
use tollgate_core::secret::Secret;

use super::{Accounts, no_randomness, not_stored};
use crate::admin;
use crate::audit;
use crate::authority::Manager;
use crate::mint;

impl Accounts {
    /// Who a credential of the admin API stands for: the administrator, or a command on this
    /// machine; `None` if it opens nothing. The time tells nothing but its length.
    pub fn administrator(&self, credential: &[u8]) -> Option<Manager> {
        let opened = self.admins.matches(&self.hasher, credential)?;
        Some(match opened {
            admin::Opened::ByOperator => Manager::admin(),
            admin::Opened::ByControl => Manager::command(),
        })
    }

    /// Whether the credential opens the admin API. The time tells nothing but its length.
    pub fn is_admin(&self, credential: &[u8]) -> bool {
        self.administrator(credential).is_some()
    }

    /// Whether there is an admin key, declared or stored.
    pub fn has_admin(&self) -> bool {
        self.admins.any()
    }

    /// Takes the admin key of the configuration, or its absence. While there is one, a stored
    /// admin key opens nothing.
    pub fn declare_admin(&self, secret: Option<&Secret>) {
        self.admins
            .declare(secret.map(|secret| admin::hash(&self.hasher, secret)));
    }

    /// Stores an admin key. The one stored before opens nothing any more.
    pub async fn set_admin(&self, secret: &Secret) -> Result<(), Failure> {
        let hash = admin::hash(&self.hasher, secret);
        let text = admin::to_hexadecimal(&hash);
        let action = ("admin_key.set", "admin_key");
        let row = Manager::command().row(self.now(), action, None, audit::nothing());
        self.set_setting(admin::SETTING, &text, &[row])
            .await
            .map_err(not_stored)?;
        self.admins.set_stored(hash);
        Ok(())
    }

    /// Makes the text of an admin key. It opens nothing before [`Accounts::set_admin`].
    pub fn mint_admin_key(&self) -> Result<Secret, Failure> {
        mint::secret(admin::PREFIX, self.entropy).map_err(no_randomness)
    }

    /// Makes an admin key and stores its hash.
    pub async fn make_admin_key(&self) -> Result<Secret, Failure> {
        let secret = self.mint_admin_key()?;
        self.set_admin(&secret).await?;
        Ok(secret)
    }

    /// Makes a token that opens the admin API until the process ends, for commands on the same
    /// machine. A token made before opens nothing any more.
    pub fn make_control_token(&self) -> Result<Secret, Failure> {
        let token = mint::secret("", self.entropy).map_err(no_randomness)?;
        self.admins.set_control(admin::hash(&self.hasher, &token));
        Ok(token)
    }
}
