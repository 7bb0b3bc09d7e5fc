//! Every endpoint with every method, asked for with every kind of credential there is. What has to
//! come of it follows from what the documents say, and from nothing that the gateway is made of.

use std::fmt::Write as _;
use std::sync::Arc;

use http::Method;
use tollgate_core::address::AddressRange;
use tollgate_core::tenant::{Role, Status};
use tollgate_engine::accounts::{Accounts, KeyEdit, OrganizationEdit, TeamEdit, UserEdit};
use tollgate_engine::authority::Manager;

use super::table::{SAMPLES, Tenant, Who, found};
use crate::access_log::LogFormat;
use crate::routes::Endpoint;
use crate::testing::model;
use crate::testing::world::{ADMIN_KEY, Said, World};

const TENANTS: &str = include_str!("../../../../../docs/tenants.md");

/// What each request takes, from docs/tenants.md, docs/keys.md, docs/saas.md, docs/jobs.md,
/// docs/billing.md, docs/connections.md and docs/request-log.md. `GET` stands for `HEAD`, too.
/// Behind the right stands what is not as usual: `own`, a team's own key may see it, whatever the
/// status of the team; `stopped`, it is there for teams that are suspended or paused; `platform`,
/// the admin key is as good; `query`, the key may stand in the query.
const RIGHTS: &str = "
POST /v1/chat/completions: write
POST /v1/completions: write
POST /v1/responses: write
POST /v1/embeddings: write
POST /v1/messages: write
POST /v1/messages/count_tokens: write
POST /v1/chat: write
POST /v1beta/models/m:generateContent: write, query
POST /v1beta/models/m:streamGenerateContent: write, query
POST /v1beta/models/m:countTokens: write, query
GET /v1beta/models: read, query
GET /v1beta/models/m: read, query
GET /v1/models: read, query
GET /v1/models/m: read, query
GET /v1/auth/validate: read
GET /api/account/balance: read
GET /api/v1/health: public
GET /api/v1/metrics: public
GET /api/hello: public
GET /v1/errors: public
GET /v1/errors/conflict: public
GET /errors: public
GET /errors/conflict: public
GET /health: public
GET /health/live: public
GET /health/ready: public
GET /metrics: public
GET /: public
POST /api/webhooks/credits: public
GET /api/keys: see keys
POST /api/keys: manage keys
POST /api/keys/temporary: manage keys
GET /api/keys/{key}: see keys
PATCH /api/keys/{key}: manage keys
DELETE /api/keys/{key}: manage keys
POST /api/keys/{key}/rotate: manage keys
GET /api/organizations: see organization
POST /api/organizations: run the deployment
GET /api/organizations/{organization}: see organization
PUT /api/organizations/{organization}: manage organization
PATCH /api/organizations/{organization}: manage organization
POST /api/organizations/{organization}/suspend: run the deployment
PUT /api/organizations/{organization}/suspend: run the deployment
POST /api/organizations/{organization}/pause: run the deployment
PUT /api/organizations/{organization}/pause: run the deployment
POST /api/organizations/{organization}/resume: run the deployment
PUT /api/organizations/{organization}/resume: run the deployment
GET /api/organizations/{organization}/members: see organization
POST /api/organizations/{organization}/members: manage members
GET /api/organizations/{organization}/members/{user}: see organization
PUT /api/organizations/{organization}/members/{user}: manage members
PATCH /api/organizations/{organization}/members/{user}: manage members
DELETE /api/organizations/{organization}/members/{user}: manage members
GET /api/teams: see organization
POST /api/teams: manage teams
GET /api/teams/{team}: see organization, own
PUT /api/teams/{team}: manage teams
PATCH /api/teams/{team}: manage teams
DELETE /api/teams/{team}: manage teams
POST /api/teams/{team}/pause: manage teams
PUT /api/teams/{team}/pause: manage teams
POST /api/teams/{team}/resume: manage teams
PUT /api/teams/{team}/resume: manage teams
POST /api/teams/{team}/suspend: run the deployment
PUT /api/teams/{team}/suspend: run the deployment
GET /api/audit: see audit log
POST /api/credits/teams/{team}/add: run the deployment
POST /api/credits/teams/{team}/adjust: run the deployment
POST /api/credits/teams/{team}/refund: run the deployment
GET /api/credits/teams/{team}/balance: run the deployment, own
GET /api/credits/teams/{team}/transactions: run the deployment, own
POST /api/credits/organizations/{organization}/add: run the deployment
POST /api/credits/organizations/{organization}/adjust: run the deployment
POST /api/credits/organizations/{organization}/refund: run the deployment
GET /api/credits/organizations/{organization}/balance: run the deployment
GET /api/credits/organizations/{organization}/transactions: run the deployment
GET /api/ledger/verify: run the deployment
POST /api/ledger/verify: run the deployment
POST /api/teams/create: run the deployment
PUT /api/teams/{team}/access-groups: run the deployment
PUT /api/teams/{team}/model-groups: run the deployment
POST /api/credits/teams/{team}/check: run the deployment, own
GET /api/credits/teams/{team}/conversion-rates: run the deployment
PATCH /api/credits/teams/{team}/conversion-rates: run the deployment
POST /api/credits/teams/{team}/replenish: run the deployment
POST /api/credits/teams/{team}/configure-auto-refill: run the deployment
PATCH /api/credits/teams/{team}/budget-mode: run the deployment
POST /api/organizations/create: run the deployment
GET /api/organizations/{organization}/teams: see organization
GET /api/organizations/{organization}/usage: see usage
PUT /api/organizations/{organization}/status: run the deployment
GET /api/models: run the deployment
POST /api/models/create: run the deployment
GET /api/models/a: run the deployment
PUT /api/models/a: run the deployment
DELETE /api/models/a: run the deployment
GET /api/model-access-groups: run the deployment
POST /api/model-access-groups/create: run the deployment
GET /api/model-access-groups/g: run the deployment
PUT /api/model-access-groups/g: run the deployment
DELETE /api/model-access-groups/g: run the deployment
PUT /api/model-access-groups/g/models: run the deployment
GET /api/model-groups: run the deployment
POST /api/model-groups/create: run the deployment
GET /api/model-groups/g: run the deployment
DELETE /api/model-groups/g: run the deployment
PUT /api/model-groups/g/models: run the deployment
GET /api/model-groups/g/resolve?team_id={team}: run the deployment, own
GET /api/provider-credentials: run the deployment
POST /api/provider-credentials/create: run the deployment
GET /api/provider-credentials/c: run the deployment
PUT /api/provider-credentials/c: run the deployment
DELETE /api/provider-credentials/c: run the deployment
PUT /api/provider-credentials/c/activate: run the deployment
GET /api/provider-credentials/organization/{organization}: run the deployment
GET /api/provider-credentials/organization/{organization}/provider/openai: run the deployment
GET /api/stats/dashboard: run the deployment
GET /api/account/request-logs: read, platform
GET /api/account/request-logs/enhanced: read, platform
GET /api/account/request-logs/r: read, platform
GET /api/account/request-logs/stats: read, platform
GET /api/account/errors: read, platform
GET /api/account/analytics/usage: read, platform
GET /api/billing/usage/breakdown: read, platform
POST /api/jobs/create: write
POST /api/jobs/create-and-call: write
POST /api/jobs/create-and-call-stream: write
GET /api/jobs/j: read, stopped
POST /api/jobs/j/llm-call: write
POST /api/jobs/j/llm-call-stream: write
POST /api/jobs/j/complete: write, stopped
PATCH /api/jobs/j/metadata: write
GET /api/jobs/j/costs: read, stopped
GET /api/teams/{team}/usage: read, stopped
GET /api/teams/{team}/jobs: read, stopped
GET /api/jobs/teams/{team}: see usage
GET /api/jobs/teams/{team}/j: see usage
GET /api/jobs/organizations/{organization}/stats: see usage
GET /api/jobs/organizations/{organization}/analytics: see usage
GET /api/maintenance: run the deployment
PUT /api/maintenance: run the deployment
GET /api/connections: run the deployment
POST /api/connections: run the deployment
GET /api/connections/c: run the deployment
PUT /api/connections/c: run the deployment
DELETE /api/connections/c: run the deployment
POST /api/connections/c/update-key: run the deployment
POST /api/connections/c/test: run the deployment
POST /api/connections/c/breaker: run the deployment
POST /api/routes/explain: run the deployment
";

/// What a request takes.
struct Demand {
    right: &'static str,
    more: Vec<&'static str>,
}

impl Demand {
    fn of(method: &Method, sample: &str) -> Self {
        let method = if *method == Method::HEAD {
            "GET"
        } else {
            method.as_str()
        };
        let request = format!("{method} {sample}: ");
        let line = RIGHTS.lines().find_map(|line| line.strip_prefix(&*request));
        let line = line.unwrap_or_else(|| panic!("no document says who may {request}"));
        let mut words = line.split(", ");
        Self {
            right: words.next().unwrap(),
            more: words.collect(),
        }
    }

    fn is(&self, what: &str) -> bool {
        self.more.contains(&what)
    }

    fn is_of_managers(&self) -> bool {
        !["public", "read", "write"].contains(&self.right)
    }
}

/// How far a role has a right, in the words of the document.
fn extent(right: &str, role: Role) -> &'static str {
    let mut lines = TENANTS.lines();
    let head = lines.find(|line| line.starts_with("| right |")).unwrap();
    let column = cells(head).position(|cell| cell == role.as_str()).unwrap();
    let row = lines.find(|line| cells(line).next() == Some(right));
    let row = row.unwrap_or_else(|| panic!("docs/tenants.md has no right \"{right}\""));
    cells(row).nth(column).unwrap()
}

fn cells(row: &str) -> impl Iterator<Item = &str> {
    row.trim_matches('|').split('|').map(str::trim)
}

/// What there is to say about somebody's credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It opens nothing, or there is none.
    Nobody,
    /// An owner's key that says nothing good about managing beside it.
    NoManager,
    /// An owner's key in the query.
    InQuery,
    /// The admin key.
    Platform,
    /// The key of a user who may do nothing, or that may not come from here.
    Closed,
    /// An owner's key of a team or organization that is suspended, or paused.
    Stopped(Status),
    /// A key with these permissions, of a user of this role or of nobody.
    Key {
        read: bool,
        write: bool,
        manages: Option<Role>,
    },
}

/// An owner's key that may do everything.
const OWNER: Kind = key(true, true, Some(Role::Owner));

const fn key(read: bool, write: bool, manages: Option<Role>) -> Kind {
    Kind::Key {
        read,
        write,
        manages,
    }
}

/// Somebody who asks: what they are, with which headers, and what is their own.
struct Caller<'a> {
    name: String,
    kind: Kind,
    headers: String,
    /// The credential as a part of the query.
    query: String,
    own: &'a Tenant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Unknown,
    Denied,
    Stopped,
    Missing,
    In,
}

/// What the documents say of somebody who asks for something: of their own organization, or of
/// another one.
fn expected(kind: Kind, demand: &Demand, (names, is_own): (bool, bool)) -> Outcome {
    if demand.right == "public" {
        return Outcome::In;
    }
    match kind {
        Kind::NoManager if demand.is_of_managers() || demand.is("platform") => Outcome::Unknown,
        Kind::InQuery if !demand.is("query") => Outcome::Unknown,
        Kind::NoManager | Kind::InQuery => expected(OWNER, demand, (names, is_own)),
        Kind::Platform if demand.is_of_managers() || demand.is("platform") => Outcome::In,
        Kind::Nobody | Kind::Platform => Outcome::Unknown,
        Kind::Closed => Outcome::Denied,
        Kind::Stopped(status) => of_stopped(status, demand, (names, is_own)),
        Kind::Key { read, write, .. } if !demand.is_of_managers() => {
            let may = if demand.right == "write" { write } else { read };
            // Whose team a path names makes no difference to what a key is told of another one.
            let is_foreign = demand.is("stopped") && names && !is_own;
            if may && !is_foreign {
                Outcome::In
            } else {
                Outcome::Denied
            }
        }
        Kind::Key { read, manages, .. } => {
            let extent = manages.map_or("-", |role| extent(demand.right, role));
            match extent {
                "-" if demand.is("own") && read && is_own => Outcome::In,
                "-" => Outcome::Denied,
                _ if names && !is_own => Outcome::Missing,
                // What the paths name is of somebody else of the organization.
                "own" if names => Outcome::Missing,
                _ => Outcome::In,
            }
        }
    }
}

/// The same of an owner whose team or organization is suspended or paused.
fn of_stopped(status: Status, demand: &Demand, (names, is_own): (bool, bool)) -> Outcome {
    let manages = status == Status::Paused;
    if demand.right == "run the deployment" && !demand.is("own") {
        Outcome::Denied
    } else if demand.is("own") {
        let own = key(true, true, manages.then_some(Role::Owner));
        expected(own, demand, (names, is_own))
    } else if demand.is("stopped") || (demand.is_of_managers() && manages) {
        expected(OWNER, demand, (names, is_own))
    } else {
        Outcome::Stopped
    }
}

fn seen(said: &Said) -> Outcome {
    match (said.status, said.header("x-tollgate-error-code")) {
        (403, Some("permission_denied")) => Outcome::Denied,
        (401, _) => Outcome::Unknown,
        (403, Some("team_suspended" | "team_paused")) => Outcome::Stopped,
        (404, Some("resource_not_found")) => Outcome::Missing,
        _ => Outcome::In,
    }
}

/// The tenants of the test: one that works, another one, and those that are stopped.
struct Tenants {
    acme: Tenant,
    globex: Tenant,
    stopped: Vec<(&'static str, Status, Tenant)>,
}

impl Tenants {
    async fn new(accounts: &Accounts) -> Self {
        let platform = Manager::admin();
        let mut stopped = Vec::new();
        for (name, status) in [
            ("suspended-team", Status::Suspended),
            ("paused-team", Status::Paused),
        ] {
            let tenant = Tenant::new(accounts, name).await;
            let edit = TeamEdit {
                status: Some(status),
                ..TeamEdit::default()
            };
            let changing = accounts.change_team(&platform, &tenant.team, &edit);
            changing.await.unwrap();
            stopped.push((name, status, tenant));
        }
        for (name, status) in [
            ("suspended-organization", Status::Suspended),
            ("paused-organization", Status::Paused),
        ] {
            let tenant = Tenant::new(accounts, name).await;
            let edit = OrganizationEdit {
                status: Some(status),
                ..OrganizationEdit::default()
            };
            let changing = accounts.change_organization(&platform, name, &edit);
            changing.await.unwrap();
            stopped.push((name, status, tenant));
        }
        Self {
            acme: Tenant::new(accounts, "acme").await,
            globex: Tenant::new(accounts, "globex").await,
            stopped,
        }
    }

    /// Everybody who asks.
    #[expect(clippy::too_many_lines, reason = "a table")]
    async fn callers(&self, accounts: &Accounts) -> Vec<Caller<'_>> {
        let acme = &self.acme;
        let mut all = Vec::new();
        let mut add = |name: &str, kind: Kind, headers: &str, own| {
            all.push(Caller {
                name: name.to_owned(),
                kind,
                headers: headers.to_owned(),
                query: String::new(),
                own,
            });
        };
        let owner = acme.credential(Who::User(Role::Owner));
        let text = owner.trim().rsplit(' ').next().unwrap().to_owned();
        let admin = format!("x-admin-key: {ADMIN_KEY}\r\n");
        add("nobody", Kind::Nobody, "", acme);
        for (name, headers) in [
            ("an empty bearer", "authorization: Bearer \r\n".to_owned()),
            ("an empty authorization", "authorization:\r\n".to_owned()),
            (
                "empty headers",
                "authorization: Bearer \r\nx-api-key:\r\nx-goog-api-key: \r\nx-admin-key:\r\n"
                    .to_owned(),
            ),
            (
                "an unknown key",
                "authorization: Bearer sk-tg-unknown\r\n".to_owned(),
            ),
            (
                "an unknown admin key",
                "x-admin-key: sk-unknown\r\n".to_owned(),
            ),
            (
                "a key in the admin header",
                format!("x-admin-key: {text}\r\n"),
            ),
            (
                "the admin key as a bearer",
                format!("authorization: Bearer {ADMIN_KEY}\r\n"),
            ),
            (
                "the admin key as a key",
                format!("x-api-key: {ADMIN_KEY}\r\n"),
            ),
            ("two keys", format!("{owner}x-api-key: sk-tg-other\r\n")),
            ("two words", format!("authorization: Basic {text}\r\n")),
        ] {
            add(name, Kind::Nobody, &headers, acme);
        }
        for (name, more) in [
            ("an owner with an empty admin header", "x-admin-key:\r\n"),
            ("an owner with a blank admin header", "X-ADMIN-KEY:  \t\r\n"),
            (
                "an owner with an unknown admin key",
                "x-admin-key: sk-unknown\r\n",
            ),
        ] {
            add(name, Kind::NoManager, &format!("{owner}{more}"), acme);
        }
        let empties = format!("{owner}x-api-key:\r\nx-goog-api-key:\r\n");
        add("an owner with empty headers", OWNER, &empties, acme);
        add(
            "an owner as Gemini has it",
            OWNER,
            &format!("x-goog-api-key: {text}\r\n"),
            acme,
        );
        add("the platform", Kind::Platform, &admin, acme);
        for role in Role::ALL {
            let headers = acme.credential(Who::User(*role));
            add(role.as_str(), key(true, true, Some(*role)), &headers, acme);
        }
        let plain = key(true, true, None);
        add(
            "an owner without admin",
            plain,
            &acme.credential(Who::WithoutAdmin),
            acme,
        );
        add("a plain key", plain, &acme.credential(Who::Plain), acme);
        for (name, status, tenant) in &self.stopped {
            let headers = tenant.credential(Who::User(Role::Owner));
            add(name, Kind::Stopped(*status), &headers, tenant);
        }
        for (name, kind, edit) in edits() {
            let headers = edited(accounts, acme, edit).await;
            add(name, kind, &headers, acme);
        }
        add(
            "a revoked key",
            Kind::Nobody,
            &revoked(accounts, acme).await,
            acme,
        );
        for status in [Status::Suspended, Status::Paused] {
            let headers = stopped_user(accounts, acme, status).await;
            add(status.as_str(), Kind::Closed, &headers, acme);
        }
        all.push(Caller {
            name: "an owner in the query".to_owned(),
            kind: Kind::InQuery,
            headers: String::new(),
            query: format!("key={text}&x-admin-key={ADMIN_KEY}&admin_key={ADMIN_KEY}"),
            own: acme,
        });
        all
    }
}

/// Keys of an owner that are bound to something.
fn edits() -> Vec<(&'static str, Kind, KeyEdit)> {
    let permissions = |names: &[&str]| KeyEdit {
        permissions: tollgate_core::key::Permissions::from_names(names.iter().copied()),
        ..KeyEdit::default()
    };
    let surfaces = |names: &[&str]| KeyEdit {
        surfaces: Some(names.iter().map(|name| Box::from(*name)).collect()),
        ..KeyEdit::default()
    };
    let elsewhere = KeyEdit {
        addresses: Some([AddressRange::parse("10.0.0.0/8").unwrap()].into()),
        ..KeyEdit::default()
    };
    let owner = Some(Role::Owner);
    vec![
        (
            "a key that reads",
            key(true, false, None),
            permissions(&["read"]),
        ),
        (
            "a key that writes",
            key(false, true, None),
            permissions(&["write"]),
        ),
        (
            "a key that manages",
            key(false, false, owner),
            permissions(&["admin"]),
        ),
        (
            "a key for managing",
            key(true, false, owner),
            surfaces(&["admin"]),
        ),
        ("a key from elsewhere", Kind::Closed, elsewhere),
    ]
}

/// The credential of a key of an owner, after a change.
async fn edited(accounts: &Accounts, of: &Tenant, edit: KeyEdit) -> String {
    let user = of.add(accounts, &format!("{edit:?}"), Role::Owner).await;
    let (id, text) = of.key_of(accounts, Some(&user), true).await;
    let platform = Manager::admin();
    let changing = accounts.change_key(&platform, &id, &edit);
    changing.await.unwrap();
    format!("authorization: Bearer {text}\r\n")
}

async fn revoked(accounts: &Accounts, of: &Tenant) -> String {
    let user = of.add(accounts, "revoked", Role::Owner).await;
    let (id, text) = of.key_of(accounts, Some(&user), true).await;
    accounts.revoke(&id).await.unwrap();
    format!("authorization: Bearer {text}\r\n")
}

async fn stopped_user(accounts: &Accounts, of: &Tenant, status: Status) -> String {
    let user = of.add(accounts, status.as_str(), Role::Owner).await;
    let (_, text) = of.key_of(accounts, Some(&user), true).await;
    let edit = UserEdit {
        status: Some(status),
        ..UserEdit::default()
    };
    let member = (of.organization.as_str(), user.as_str());
    let platform = Manager::admin();
    let changing = accounts.change_user(&platform, member, &edit);
    changing.await.unwrap();
    format!("authorization: Bearer {text}\r\n")
}

/// What must not happen to the tenants for the sake of those who ask next: whoever may do it is
/// asked elsewhere.
fn destroys(endpoint: Endpoint<'_>, method: &Method) -> bool {
    *method == Method::DELETE
        || matches!(
            endpoint,
            Endpoint::RotateKey(_) | Endpoint::OrganizationStatus(..) | Endpoint::TeamStatus(..)
        )
}

/// Whether something that is let in may come to nothing because it is not there: what the sample
/// names beside the tenant is nobody's.
fn may_be_missing(sample: &str) -> bool {
    ["/a", "/g", "/c", "/r", "/j"]
        .iter()
        .any(|id| sample.ends_with(id) || sample.contains(&format!("{id}/")))
}

/// A body with which a request gets as far as the question whose it is.
fn body(sample: &str, number: usize) -> String {
    if sample.ends_with("/members") {
        format!("{{\"email\":\"{number}\"}}")
    } else {
        "{}".to_owned()
    }
}

#[tokio::test]
async fn everybody_gets_in_where_the_documents_say_so_with_whatever_credential() {
    let world = World::new(vec![model("m", &[("c", "m1")])], LogFormat::Off).await;
    let accounts = Arc::clone(&world.gateway.engine.accounts);
    let tenants = Tenants::new(&accounts).await;
    let callers = tenants.callers(&accounts).await;
    let (mut wrong, mut cells) = (String::new(), 0);
    for sample in SAMPLES {
        let names = sample.contains('{');
        for is_own in [true, false] {
            if !is_own && !names {
                continue;
            }
            for caller in &callers {
                let owner = if is_own { caller.own } else { &tenants.globex };
                let path = owner.path(sample);
                let endpoint = found(&path);
                for method in endpoint.methods() {
                    let demand = Demand::of(method, sample);
                    let expected = expected(caller.kind, &demand, (names, is_own));
                    if expected == Outcome::In && destroys(endpoint, method) {
                        continue;
                    }
                    cells += 1;
                    let mark = if path.contains('?') { '&' } else { '?' };
                    let request = match &*caller.query {
                        "" => format!("{method} {path}"),
                        query => format!("{method} {path}{mark}{query}"),
                    };
                    let headers = format!("{}content-type: application/json\r\n", caller.headers);
                    let said = world.ask(&request, &headers, &body(sample, cells)).await;
                    let seen = seen(&said);
                    let is_nowhere = seen == Outcome::Missing && may_be_missing(sample);
                    if seen != expected && !(expected == Outcome::In && is_nowhere) {
                        _ = writeln!(
                            wrong,
                            "{request} by {}: {expected:?} expected, {seen:?} seen: {} {}",
                            caller.name, said.status, said.body
                        );
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cells > 5000, "{cells}");
}

/// The rows of the table of requests say the same as the list here.
#[test]
fn the_page_of_tenants_says_what_its_requests_take() {
    let (_, page) = TENANTS.split_once("## Over HTTP").unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let mut count = 0;
    for row in rows.filter(|row| row.contains("/api/")) {
        let mut row = cells(row);
        let (requests, right) = (row.next().unwrap(), row.next().unwrap());
        let mut names = requests.split('`').skip(1).step_by(2);
        let (method, path) = names.next().unwrap().split_once(' ').unwrap();
        let (stem, _) = path.rsplit_once('/').unwrap();
        let more = names.map(|verb| format!("{stem}/{verb}"));
        for path in std::iter::once(path.to_owned()).chain(more) {
            let id = if path.starts_with("/api/teams") {
                "{team}"
            } else {
                "{organization}"
            };
            let sample = path.replace("{id}", id);
            let demand = Demand::of(&method.parse().unwrap(), &sample);
            assert_eq!(demand.right, right, "{method} {path}");
            count += 1;
        }
    }
    assert!(count >= 20, "{count}");
    // And each request of the list is one that there is.
    for line in RIGHTS.lines().filter(|line| !line.is_empty()) {
        let (method, rest) = line.split_once(' ').unwrap();
        let (sample, _) = rest.rsplit_once(": ").unwrap();
        assert!(SAMPLES.contains(&sample), "{line}");
        let path = sample.replace(['{', '}'], "");
        let methods = found(&path).methods();
        assert!(methods.contains(&method.parse().unwrap()), "{line}");
    }
}

/// The same address, written otherwise.
fn otherwise(path: &str) -> Vec<String> {
    let (start, end) = path.split_at(path.rfind('/').unwrap() + 1);
    let first = end
        .chars()
        .next()
        .map(|letter| format!("%{:02X}", u32::from(letter)));
    let rest: String = end.chars().skip(1).collect();
    vec![
        path.to_ascii_uppercase(),
        format!("{path}/"),
        format!("/{path}"),
        format!("{start}/{end}"),
        format!("{start}./{end}"),
        format!("{start}x/../{end}"),
        format!("/v1/errors/..{path}"),
        format!("/v1/errors/%2e%2e{path}"),
        format!("/health{path}"),
        format!("{start}{}{rest}", first.unwrap_or_default()),
        format!("{path};x=1"),
        format!("{path}%00"),
        format!("{path}%20"),
        format!("{path}.json"),
        path.replacen("/api/", "/api%2F", 1),
    ]
}

/// Neither another spelling of an address nor another method opens what is closed.
#[tokio::test]
async fn no_spelling_of_an_address_and_no_other_method_opens_what_is_closed() {
    let world = World::new(vec![model("m", &[("c", "m1")])], LogFormat::Off).await;
    let accounts = Arc::clone(&world.gateway.engine.accounts);
    let acme = Tenant::new(&accounts, "acme").await;
    let owner = acme.credential(Who::User(Role::Owner));
    let admin = format!("x-admin-key: {ADMIN_KEY}\r\n");
    let mut wrong = String::new();
    for sample in SAMPLES {
        let path = acme.path(sample.split('?').next().unwrap());
        let endpoint = found(&path);
        let methods = endpoint.methods();
        if Demand::of(&methods[0], sample).right == "public" {
            continue;
        }
        let mut ask = async |request: String, headers: &str, fine: &[u16]| {
            let said = world.ask(&request, headers, "{}").await;
            if !fine.contains(&said.status) {
                _ = writeln!(wrong, "{request} {headers}: {} {}", said.status, said.body);
            }
        };
        for method in methods {
            for path in otherwise(&path) {
                ask(format!("{method} {path}"), "", &[400, 401, 404, 405]).await;
            }
            // What says that another method is meant says it to nobody.
            for name in [
                "x-http-method-override",
                "x-http-method",
                "x-method-override",
            ] {
                let headers = format!("{name}: GET\r\n");
                ask(format!("{method} {path}?_method=GET"), &headers, &[401]).await;
            }
        }
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get",
        ] {
            if methods.iter().any(|known| known.as_str() == method) {
                continue;
            }
            for headers in ["", &owner, &admin] {
                let headers = format!("{headers}x-http-method-override: {}\r\n", methods[0]);
                ask(format!("{method} {path}"), &headers, &[404, 405]).await;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
