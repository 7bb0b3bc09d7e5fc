//! What a start says. Keys that were just made are shown here, once.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tollgate_core::budget::Controls;
use tollgate_core::key::{ModelScope, Permissions, Reach, Tenancy};
use tollgate_core::secret::Secret;
use tollgate_engine::accounts::{Accounts, NewKey};
use tollgate_engine::port::Clock as _;

use crate::assemble;
use crate::clock::SystemClock;
use crate::config::{Config, LogFormat};

/// What the key is called that the first start makes.
const FIRST_KEY: &str = "first key";

/// Makes the keys that a first start needs, and says where the gateway is. The last line is the
/// address, for whoever waits for it.
///
/// In the `json` form standard output holds nothing but objects, and keys are shown on standard
/// error.
pub(crate) async fn print(
    accounts: &Accounts,
    config: &Config,
    address: SocketAddr,
) -> Result<(), Box<dyn Error>> {
    let for_people = config.log.format == LogFormat::Text;
    let show = if for_people { to_output } else { to_errors };
    let reachable = reachable(address);
    if for_people {
        to_output(&format!("Tollgate {}\n", env!("CARGO_PKG_VERSION")))?;
    }
    let is_new = !accounts.has_admin();
    if is_new {
        let admin = accounts.mint_admin_key()?;
        let shown = admin.expose();
        // Shown before it is kept: a key that nobody has seen would lock everybody out.
        show(&format!(
            "\n  admin key    {shown}\n               shown once; keep it\n"
        ))?;
        accounts.set_admin(&admin).await?;
    }
    if accounts.list().is_empty() {
        let new = NewKey {
            name: FIRST_KEY.into(),
            permissions: Permissions::ALL,
            models: ModelScope::all(),
            expires_at: None,
            error_dialect: None,
            priority: tollgate_core::key::Priority::default(),
            tenancy: Tenancy::default(),
            reach: Reach::default(),
            controls: Controls::default(),
        };
        let (_, key) = accounts.create(new).await?;
        show(&about_key(config, reachable, &key))?;
    }
    if !for_people {
        let time = SystemClock.now().to_rfc3339();
        to_output(&format!(
            "{{\"time\":\"{time}\",\"level\":\"INFO\",\"message\":\"ready\",\
             \"address\":\"http://{address}\"}}\n"
        ))?;
        return Ok(());
    }
    if !is_new {
        to_output(&format!(
            "keys: `tollgate key list`, or http://{reachable}/api/keys with the admin key\n"
        ))?;
    }
    to_output(&format!("tollgate is ready on http://{address}\n"))?;
    Ok(())
}

fn to_output(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn to_errors(text: &str) -> io::Result<()> {
    io::stderr().lock().write_all(text.as_bytes())
}

/// What is said about a new key: itself, and a call that works as pasted.
fn about_key(config: &Config, address: SocketAddr, key: &Secret) -> String {
    let key = key.expose();
    let mut text =
        format!("\n  virtual key  {key}\n               shown once; give it to a client\n");
    if !config.models.iter().any(assemble::answers) {
        return text;
    }
    let known = known_model(config);
    let model = known.as_deref().unwrap_or("MODEL");
    let hint = if known.is_some() {
        ""
    } else {
        " (put the name of a model in the place of MODEL)"
    };
    // Writing to a String cannot fail.
    _ = writeln!(
        text,
        "\n  try it{hint}:\n\n  curl http://{address}/v1/chat/completions -H 'Authorization: Bearer \
         {key}' -H 'Content-Type: application/json' -d '{{\"model\":\"{model}\",\"messages\":\
         [{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n"
    );
    text
}

/// The first model whose whole name is known. What a `*` at a provider stands for is not.
fn known_model(config: &Config) -> Option<String> {
    config
        .models
        .iter()
        .find_map(|model| match model.name.strip_suffix('*') {
            None if assemble::answers(model) => Some(model.name.to_string()),
            Some(prefix) if assemble::is_simulated(config, model) => {
                Some(format!("{prefix}{}", tollgate_simulator::MODELS.first()?))
            }
            None | Some(_) => None,
        })
}

/// An address that a client on this machine can use.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port());
    }
    address
}
