//! What a start says on standard output. Keys that were just made are shown here, once.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tollgate_core::key::{ModelScope, Permissions};
use tollgate_core::secret::Secret;
use tollgate_engine::accounts::{Accounts, NewKey};

use crate::config::Config;

/// What the key is called that the first start makes.
const FIRST_KEY: &str = "first key";

/// Makes the keys that a first start needs, and says where the gateway is. The last line is the
/// address, for whoever waits for it.
pub(crate) async fn print(
    accounts: &Accounts,
    config: &Config,
    address: SocketAddr,
) -> Result<(), Box<dyn Error>> {
    let mut text = format!("Tollgate {}\n", env!("CARGO_PKG_VERSION"));
    let reachable = reachable(address);
    let is_new = !accounts.has_admin();
    if is_new {
        let admin = accounts.make_admin_key().await?;
        let shown = admin.expose();
        _ = writeln!(
            text,
            "\n  admin key    {shown}\n               shown once; keep it"
        );
    }
    if accounts.list().is_empty() {
        let new = NewKey {
            name: FIRST_KEY.into(),
            permissions: Permissions::ALL,
            models: ModelScope::all(),
            expires_at: None,
            error_dialect: None,
        };
        let (_, key) = accounts.create(new).await?;
        tell_key(&mut text, config, reachable, &key);
    }
    if !is_new {
        _ = writeln!(
            text,
            "keys: `tollgate key list`, or http://{reachable}/api/keys with the admin key"
        );
    }
    _ = writeln!(text, "tollgate is ready on http://{address}");
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

fn tell_key(text: &mut String, config: &Config, address: SocketAddr, key: &Secret) {
    let key = key.expose();
    _ = writeln!(
        text,
        "\n  virtual key  {key}\n               shown once; give it to a client"
    );
    let Some(model) = config.models.first() else {
        return;
    };
    let model = model.name.strip_suffix('*').map_or_else(
        || model.name.to_string(),
        |prefix| {
            format!(
                "{prefix}{}",
                tollgate_simulator::MODELS.first().unwrap_or(&"")
            )
        },
    );
    _ = writeln!(
        text,
        "\n  try it:\n\n  curl http://{address}/v1/chat/completions -H 'Authorization: Bearer {key}' \
         -H 'Content-Type: application/json' -d '{{\"model\":\"{model}\",\"messages\":\
         [{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n"
    );
}

/// An address that a client on this machine can use.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port());
    }
    address
}
