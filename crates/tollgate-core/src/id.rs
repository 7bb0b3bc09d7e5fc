//! Names of things that Tollgate makes: prefixed, sortable by time, opaque to callers.

use std::fmt;
use std::sync::Arc;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// What every such id begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an id out of the time and 64 random bits.
            pub fn new(now: crate::time::Timestamp, random: u64) -> Self {
                let ms = now.as_millis().unsigned_abs();
                Self(format!("{}{ms:011x}{random:016x}", Self::PREFIX).into())
            }

            /// Takes an id as it was stored.
            pub fn from_stored(text: &str) -> Self {
                Self(text.into())
            }

            /// Takes an id out of text that others share.
            pub fn from_shared(text: Arc<str>) -> Self {
                Self(text)
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// Names a virtual key. It is not the key and may be shown.
    KeyId "key_";
    /// Names an organization.
    OrgId "org_";
    /// Names a team.
    TeamId "team_";
    /// Names a user.
    UserId "user_";
}
