//! Every endpoint with every method, asked for by everybody: who is let in is compared with the
//! table of rights and roles. An endpoint that is missing here does not compile.

use std::fmt::Write as _;
use std::sync::Arc;

use http::Method;
use tollgate_core::budget::Controls;
use tollgate_core::id::{TeamId, UserId};
use tollgate_core::key::{ModelScope, Permissions, Priority, Reach, Tenancy};
use tollgate_core::limit::RateLimits;
use tollgate_core::right::{Extent, Right};
use tollgate_core::tenant::{Role, Status};
use tollgate_engine::accounts::{Accounts, NewKey, NewOrganization, NewTeam, NewUser};
use tollgate_engine::authority::Manager;

use crate::access_log::LogFormat;
use crate::routes::credits::{Deed, Purse};
use crate::routes::saas::{Act, Credential, OwnView, Saas};
use crate::routes::{Endpoint, JobRoute, Report};
use crate::testing::model;
use crate::testing::world::{ADMIN_KEY, Said, World};

/// Makes of endpoints and the paths by which they are asked for here a list, and a function that
/// knows them all.
macro_rules! samples {
    ($($pattern:pat => $path:literal,)*) => {
        pub(super) const SAMPLES: &[&str] = &[$($path),*];

        /// The sample of an endpoint.
        pub(super) fn sample_of(endpoint: Endpoint<'_>) -> &'static str {
            match endpoint {
                $($pattern => $path,)*
            }
        }
    };
}

samples! {
    Endpoint::Chat => "/v1/chat/completions",
    Endpoint::Completions => "/v1/completions",
    Endpoint::Responses => "/v1/responses",
    Endpoint::Embeddings => "/v1/embeddings",
    Endpoint::Messages => "/v1/messages",
    Endpoint::MessageTokens => "/v1/messages/count_tokens",
    Endpoint::SimpleChat => "/v1/chat",
    Endpoint::SimpleHealth => "/api/v1/health",
    Endpoint::SimpleMetrics => "/api/v1/metrics",
    Endpoint::Hello => "/api/hello",
    Endpoint::Generate(_) => "/v1beta/models/m:generateContent",
    Endpoint::GenerateStream(_) => "/v1beta/models/m:streamGenerateContent",
    Endpoint::GenerateTokens(_) => "/v1beta/models/m:countTokens",
    Endpoint::GeminiModels => "/v1beta/models",
    Endpoint::GeminiModel(_) => "/v1beta/models/m",
    Endpoint::Models => "/v1/models",
    Endpoint::Model(_) => "/v1/models/m",
    Endpoint::Validate => "/v1/auth/validate",
    Endpoint::Keys => "/api/keys",
    Endpoint::TemporaryKeys => "/api/keys/temporary",
    Endpoint::Key(_) => "/api/keys/{key}",
    Endpoint::RotateKey(_) => "/api/keys/{key}/rotate",
    Endpoint::Organizations => "/api/organizations",
    Endpoint::Organization(_) => "/api/organizations/{organization}",
    Endpoint::OrganizationStatus(_, Status::Active) => "/api/organizations/{organization}/resume",
    Endpoint::OrganizationStatus(_, Status::Paused) => "/api/organizations/{organization}/pause",
    Endpoint::OrganizationStatus(_, Status::Suspended) =>
        "/api/organizations/{organization}/suspend",
    Endpoint::Members(_) => "/api/organizations/{organization}/members",
    Endpoint::Member(..) => "/api/organizations/{organization}/members/{user}",
    Endpoint::Teams => "/api/teams",
    Endpoint::Team(_) => "/api/teams/{team}",
    Endpoint::TeamStatus(_, Status::Active) => "/api/teams/{team}/resume",
    Endpoint::TeamStatus(_, Status::Paused) => "/api/teams/{team}/pause",
    Endpoint::TeamStatus(_, Status::Suspended) => "/api/teams/{team}/suspend",
    Endpoint::Audit => "/api/audit",
    Endpoint::Credits(Purse::Team(_), Deed::Add) => "/api/credits/teams/{team}/add",
    Endpoint::Credits(Purse::Team(_), Deed::Adjust) => "/api/credits/teams/{team}/adjust",
    Endpoint::Credits(Purse::Team(_), Deed::Refund) => "/api/credits/teams/{team}/refund",
    Endpoint::Credits(Purse::Team(_), Deed::Balance) => "/api/credits/teams/{team}/balance",
    Endpoint::Credits(Purse::Team(_), Deed::Transactions) => "/api/credits/teams/{team}/transactions",
    Endpoint::Credits(Purse::Organization(_), Deed::Add) =>
        "/api/credits/organizations/{organization}/add",
    Endpoint::Credits(Purse::Organization(_), Deed::Adjust) =>
        "/api/credits/organizations/{organization}/adjust",
    Endpoint::Credits(Purse::Organization(_), Deed::Refund) =>
        "/api/credits/organizations/{organization}/refund",
    Endpoint::Credits(Purse::Organization(_), Deed::Balance) =>
        "/api/credits/organizations/{organization}/balance",
    Endpoint::Credits(Purse::Organization(_), Deed::Transactions) =>
        "/api/credits/organizations/{organization}/transactions",
    Endpoint::Ledger => "/api/ledger/verify",
    Endpoint::Balance => "/api/account/balance",
    Endpoint::CreditWebhook => "/api/webhooks/credits",
    Endpoint::Saas(Saas::NewTeam) => "/api/teams/create",
    Endpoint::Saas(Saas::TeamGroups(_)) => "/api/teams/{team}/access-groups",
    Endpoint::Saas(Saas::TeamModelGroups(_)) => "/api/teams/{team}/model-groups",
    Endpoint::Saas(Saas::Credits(_, Act::Check)) => "/api/credits/teams/{team}/check",
    Endpoint::Saas(Saas::Credits(_, Act::Rates)) => "/api/credits/teams/{team}/conversion-rates",
    Endpoint::Saas(Saas::Credits(_, Act::Replenish)) => "/api/credits/teams/{team}/replenish",
    Endpoint::Saas(Saas::Credits(_, Act::AutoRefill)) =>
        "/api/credits/teams/{team}/configure-auto-refill",
    Endpoint::Saas(Saas::Credits(_, Act::Mode)) => "/api/credits/teams/{team}/budget-mode",
    Endpoint::Saas(Saas::NewOrganization) => "/api/organizations/create",
    Endpoint::Saas(Saas::OrganizationTeams(_)) => "/api/organizations/{organization}/teams",
    Endpoint::Saas(Saas::OrganizationUsage(_)) => "/api/organizations/{organization}/usage",
    Endpoint::Saas(Saas::OrganizationState(_)) => "/api/organizations/{organization}/status",
    Endpoint::Saas(Saas::Aliases) => "/api/models",
    Endpoint::Saas(Saas::NewAlias) => "/api/models/create",
    Endpoint::Saas(Saas::Alias(_)) => "/api/models/a",
    Endpoint::Saas(Saas::Groups) => "/api/model-access-groups",
    Endpoint::Saas(Saas::NewGroup) => "/api/model-access-groups/create",
    Endpoint::Saas(Saas::Group(_)) => "/api/model-access-groups/g",
    Endpoint::Saas(Saas::GroupAliases(_)) => "/api/model-access-groups/g/models",
    Endpoint::Saas(Saas::ModelGroups) => "/api/model-groups",
    Endpoint::Saas(Saas::NewModelGroup) => "/api/model-groups/create",
    Endpoint::Saas(Saas::ModelGroup(_)) => "/api/model-groups/g",
    Endpoint::Saas(Saas::ModelGroupModels(_)) => "/api/model-groups/g/models",
    Endpoint::Saas(Saas::ResolveModelGroup(_)) => "/api/model-groups/g/resolve?team_id={team}",
    Endpoint::Saas(Saas::ProviderCredentials(Credential::All)) => "/api/provider-credentials",
    Endpoint::Saas(Saas::ProviderCredentials(Credential::New)) =>
        "/api/provider-credentials/create",
    Endpoint::Saas(Saas::ProviderCredentials(Credential::One(_))) => "/api/provider-credentials/c",
    Endpoint::Saas(Saas::ProviderCredentials(Credential::Use(..))) =>
        "/api/provider-credentials/c/activate",
    Endpoint::Saas(Saas::ProviderCredentials(Credential::Organization(_))) =>
        "/api/provider-credentials/organization/{organization}",
    Endpoint::Saas(Saas::ProviderCredentials(Credential::Provider(..))) =>
        "/api/provider-credentials/organization/{organization}/provider/openai",
    Endpoint::Saas(Saas::Dashboard) => "/api/stats/dashboard",
    Endpoint::Report(Report::Logs) => "/api/account/request-logs",
    Endpoint::Report(Report::Enhanced) => "/api/account/request-logs/enhanced",
    Endpoint::Report(Report::Log(_)) => "/api/account/request-logs/r",
    Endpoint::Report(Report::Stats) => "/api/account/request-logs/stats",
    Endpoint::Report(Report::Errors) => "/api/account/errors",
    Endpoint::Report(Report::Usage) => "/api/account/analytics/usage",
    Endpoint::Report(Report::Breakdown) => "/api/billing/usage/breakdown",
    Endpoint::Job(JobRoute::Create) => "/api/jobs/create",
    Endpoint::Job(JobRoute::Single) => "/api/jobs/create-and-call",
    Endpoint::Job(JobRoute::SingleStream) => "/api/jobs/create-and-call-stream",
    Endpoint::Job(JobRoute::One(_)) => "/api/jobs/j",
    Endpoint::Job(JobRoute::Call(_)) => "/api/jobs/j/llm-call",
    Endpoint::Job(JobRoute::CallStream(_)) => "/api/jobs/j/llm-call-stream",
    Endpoint::Job(JobRoute::Complete(_)) => "/api/jobs/j/complete",
    Endpoint::Job(JobRoute::Metadata(_)) => "/api/jobs/j/metadata",
    Endpoint::Job(JobRoute::Costs(_)) => "/api/jobs/j/costs",
    Endpoint::Job(JobRoute::TeamUsage(_)) => "/api/teams/{team}/usage",
    Endpoint::Job(JobRoute::TeamJobs(_)) => "/api/teams/{team}/jobs",
    Endpoint::Job(JobRoute::OfTeam(_)) => "/api/jobs/teams/{team}",
    Endpoint::Job(JobRoute::OneOfTeam(..)) => "/api/jobs/teams/{team}/j",
    Endpoint::Job(JobRoute::Stats(_)) => "/api/jobs/organizations/{organization}/stats",
    Endpoint::Job(JobRoute::Analytics(_)) => "/api/jobs/organizations/{organization}/analytics",
    Endpoint::Maintenance => "/api/maintenance",
    Endpoint::Connections => "/api/connections",
    Endpoint::Connection(_) => "/api/connections/c",
    Endpoint::ConnectionKey(_) => "/api/connections/c/update-key",
    Endpoint::TestConnection(_) => "/api/connections/c/test",
    Endpoint::ConnectionBreaker(_) => "/api/connections/c/breaker",
    Endpoint::ExplainRoute => "/api/routes/explain",
    Endpoint::Errors => "/v1/errors",
    Endpoint::Error(_) => "/v1/errors/conflict",
    Endpoint::ErrorPages => "/errors",
    Endpoint::ErrorPage(_) => "/errors/conflict",
    Endpoint::Health => "/health",
    Endpoint::Live => "/health/live",
    Endpoint::Ready => "/health/ready",
    Endpoint::Metrics => "/metrics",
    Endpoint::Front => "/",
}

/// The endpoint of a sample, which may have a query.
pub(super) fn found(path: &str) -> Endpoint<'_> {
    let path = path.split('?').next().unwrap();
    Endpoint::find(path).unwrap_or_else(|| panic!("{path}"))
}

/// Whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Without any key.
    Nobody,
    /// With the admin key.
    Platform,
    /// With a key of a user of this role that has the permission to manage.
    User(Role),
    /// With a key of an owner that lacks it.
    WithoutAdmin,
    /// With a key that belongs to nobody and has it not.
    Plain,
}

const EVERYBODY: [Who; 9] = [
    Who::Nobody,
    Who::Platform,
    Who::User(Role::Owner),
    Who::User(Role::Admin),
    Who::User(Role::Developer),
    Who::User(Role::Viewer),
    Who::User(Role::Member),
    Who::WithoutAdmin,
    Who::Plain,
];

/// What becomes of a request, before it is looked at what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// No credential: 401.
    Unknown,
    /// Not with this credential: 403.
    Denied,
    /// As if the object were not there: 404.
    Missing,
    /// Let in, whatever becomes of it then.
    In,
}

/// What the table says of somebody at an endpoint: of an object that is their own, one of their
/// organization, or one of another.
fn expected(who: Who, right: Right, of: Extent, names_object: bool) -> Outcome {
    if right == Right::Public {
        return Outcome::In;
    }
    if !right.is_of_managers() {
        return match who {
            Who::Nobody | Who::Platform => Outcome::Unknown,
            Who::User(_) | Who::WithoutAdmin | Who::Plain => Outcome::In,
        };
    }
    let extent = match who {
        Who::Nobody => return Outcome::Unknown,
        Who::Platform => right.of_platform(),
        Who::WithoutAdmin | Who::Plain => None,
        Who::User(role) => right.of_role(role),
    };
    match extent {
        None => Outcome::Denied,
        Some(extent) if names_object && extent < of => Outcome::Missing,
        Some(_) => Outcome::In,
    }
}

/// The same where a team's own key may see something: whoever is no manager who may see it sees
/// that of their own team, and is told that another one is another one.
fn expected_of_view(who: Who, right: Right, of: Extent) -> Outcome {
    match expected(who, right, of, true) {
        Outcome::Denied if of == Extent::Organization => Outcome::In,
        outcome => outcome,
    }
}

/// An organization with everything in it, and somebody of each role with a key.
pub(super) struct Tenant {
    pub(super) organization: String,
    pub(super) team: String,
    /// A member, whom everybody may manage who manages members.
    user: String,
    /// A key of that member.
    key: String,
    credentials: Vec<(Who, String, String)>,
}

impl Tenant {
    pub(super) async fn new(accounts: &Accounts, name: &str) -> Self {
        let platform = Manager::admin();
        let new = NewOrganization {
            metadata: None,
            id: Some(name.into()),
            name: name.into(),
            status: Status::Active,
            keeps_bodies: false,
            controls: Controls::default(),
        };
        accounts.create_organization(&platform, new).await.unwrap();
        let team = format!("{name}-team");
        let new = NewTeam {
            metadata: None,
            id: Some(team.as_str().into()),
            organization: name.into(),
            name: "team".into(),
            status: Status::Active,
            controls: Controls::default(),
            job_terms: None,
        };
        accounts.create_team(&platform, new).await.unwrap();
        let mut this = Self {
            organization: name.to_owned(),
            team,
            user: String::new(),
            key: String::new(),
            credentials: Vec::new(),
        };
        let user = this.add(accounts, "object", Role::Member).await;
        let (key, _) = this.key_of(accounts, Some(&user), false).await;
        (this.user, this.key) = (user, key);
        for role in Role::ALL {
            let user = this.add(accounts, role.as_str(), *role).await;
            let (id, text) = this.key_of(accounts, Some(&user), true).await;
            this.credentials.push((Who::User(*role), id, text));
            if *role == Role::Owner {
                let (id, text) = this.key_of(accounts, Some(&user), false).await;
                this.credentials.push((Who::WithoutAdmin, id, text));
            }
        }
        let (id, text) = this.key_of(accounts, None, false).await;
        this.credentials.push((Who::Plain, id, text));
        this
    }

    pub(super) async fn add(&self, accounts: &Accounts, email: &str, role: Role) -> String {
        let new = NewUser {
            email: email.into(),
            role,
            status: Status::Active,
            controls: Controls::default(),
        };
        let platform = Manager::admin();
        let added = accounts.create_user(&platform, &self.organization, new);
        added.await.unwrap().id.as_str().to_owned()
    }

    pub(super) async fn key_of(
        &self,
        accounts: &Accounts,
        user: Option<&str>,
        manage: bool,
    ) -> (String, String) {
        let new = NewKey {
            name: "key".into(),
            permissions: Permissions {
                manage,
                ..Permissions::ALL
            },
            models: ModelScope::all(),
            expires_at: None,
            error_dialect: None,
            priority: Priority::default(),
            tenancy: Tenancy {
                team: TeamId::from_stored(&self.team),
                user: user.map(UserId::from_stored),
            },
            reach: Reach::default(),
            controls: Controls::default(),
        };
        let (key, secret) = accounts.create(new).await.unwrap();
        (key.id.as_str().to_owned(), secret.expose().to_owned())
    }

    pub(super) fn credential(&self, who: Who) -> String {
        match who {
            Who::Nobody => String::new(),
            Who::Platform => format!("x-admin-key: {ADMIN_KEY}\r\n"),
            who => {
                let mut all = self.credentials.iter();
                let (_, _, text) = all.find(|(of, ..)| *of == who).unwrap();
                format!("authorization: Bearer {text}\r\n")
            }
        }
    }

    pub(super) fn path(&self, sample: &str) -> String {
        sample
            .replace("{organization}", &self.organization)
            .replace("{team}", &self.team)
            .replace("{user}", &self.user)
            .replace("{key}", &self.key)
    }
}

fn seen(said: &Said) -> Outcome {
    let code = said.header("x-tollgate-error-code");
    match (said.status, code) {
        (401, _) => Outcome::Unknown,
        (403, Some("permission_denied")) => Outcome::Denied,
        (404, Some("resource_not_found")) => Outcome::Missing,
        _ => Outcome::In,
    }
}

#[test]
fn every_endpoint_has_a_sample_that_leads_to_it() {
    for sample in SAMPLES {
        let path = sample.replace(['{', '}'], "");
        let endpoint = found(&path);
        assert_eq!(sample_of(endpoint), *sample);
    }
}

#[test]
fn a_right_that_only_sees_is_demanded_for_methods_that_only_see() {
    for sample in SAMPLES {
        let path = sample.replace(['{', '}'], "");
        let endpoint = found(&path);
        for method in endpoint.methods() {
            let right = endpoint.right(method);
            let sees = [Method::GET, Method::HEAD].contains(method);
            let is_seeing = right.as_str().starts_with("see");
            let is_managing = right.as_str().starts_with("manage");
            assert!(!(sees && is_managing), "{method} {path}");
            assert!(sees || !is_seeing, "{method} {path}");
        }
    }
}

#[test]
fn keys_may_be_bound_to_every_surface_of_calls_and_to_that_of_managing() {
    let mut surfaces: Vec<&str> = SAMPLES
        .iter()
        .map(|sample| sample.replace(['{', '}'], ""))
        .filter_map(|path| {
            let endpoint = found(&path);
            // What may be read, the permission says.
            let is_open = |right| matches!(right, Right::Public | Right::Read);
            let mut methods = endpoint.methods().iter();
            let is_bound = methods.any(|method| !is_open(endpoint.right(method)));
            is_bound.then(|| endpoint.surface())
        })
        .collect();
    let mut known = crate::surface::admin::keys::SURFACES.to_vec();
    surfaces.sort_unstable();
    surfaces.dedup();
    known.sort_unstable();
    assert_eq!(surfaces, known);
}

/// The whole table. Bodies are empty objects, at which whatever is let in fails or which it takes
/// as a change of nothing; deleting and rotating come to a key that is not there.
#[tokio::test]
async fn everybody_is_let_in_where_the_table_says_so_and_nowhere_else() {
    let world = World::new(vec![model("m", &[("c", "m1")])], LogFormat::Off).await;
    let accounts = Arc::clone(&world.gateway.engine.accounts);
    let (acme, globex) = (
        Tenant::new(&accounts, "acme").await,
        Tenant::new(&accounts, "globex").await,
    );
    let mut wrong = String::new();
    let mut cells = 0;
    for sample in SAMPLES {
        for (extent, owner) in [(Extent::Organization, &acme), (Extent::Everything, &globex)] {
            let names_object = sample.contains('{');
            if !names_object && extent == Extent::Everything {
                continue;
            }
            let path = owner.path(sample);
            let endpoint = found(&path);
            // What is destroyed by one is not there for the next: these are asked of others.
            for method in endpoint.methods() {
                if *method == Method::DELETE || matches!(endpoint, Endpoint::RotateKey(_)) {
                    continue;
                }
                for who in EVERYBODY {
                    let right = endpoint.right(method);
                    // Reports are for callers, and for the platform.
                    let is_report = matches!(endpoint, Endpoint::Report(_));
                    let expected = if is_report && who == Who::Platform {
                        Outcome::In
                    } else if OwnView::of(endpoint, method).is_some() {
                        expected_of_view(who, right, extent)
                    } else {
                        expected(who, right, extent, names_object)
                    };
                    // An organization that is suspended would shut the others out.
                    let is_last = matches!(endpoint, Endpoint::OrganizationStatus(..));
                    if is_last && expected == Outcome::In {
                        continue;
                    }
                    let headers =
                        format!("{}content-type: application/json\r\n", acme.credential(who));
                    // Enough of a body to get as far as the question whose it is.
                    let body = if path.ends_with("/members") {
                        format!("{{\"email\":\"{cells}\"}}")
                    } else {
                        "{}".to_owned()
                    };
                    let said = world
                        .ask(&format!("{method} {path}"), &headers, &body)
                        .await;
                    let seen = seen(&said);
                    cells += 1;
                    if seen != expected && !is_property(endpoint, who, &said) {
                        _ = writeln!(
                            wrong,
                            "{method} {path} by {who:?}: {expected:?} expected, {seen:?} seen: {}",
                            said.body
                        );
                    }
                    reset(&accounts, endpoint, owner).await;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cells > 600, "{cells}");
}

/// Whether a 403 or 404 comes of what was asked, and not of the right to ask: connections and
/// codes that do not exist, and properties that belong to others.
fn is_property(endpoint: Endpoint<'_>, who: Who, said: &Said) -> bool {
    // A key is told that it names another team than its own, whether there is one or not.
    if let Endpoint::Job(JobRoute::TeamUsage(_) | JobRoute::TeamJobs(_)) = endpoint {
        let is_told = said.body.is_empty() || said.body.contains("for a different team");
        return said.status == 403 && is_told;
    }
    if said.status != 404 {
        return false;
    }
    match endpoint {
        Endpoint::Job(
            JobRoute::One(_)
            | JobRoute::Call(_)
            | JobRoute::CallStream(_)
            | JobRoute::Complete(_)
            | JobRoute::Metadata(_)
            | JobRoute::Costs(_),
        ) => who != Who::Nobody && who != Who::Platform,
        Endpoint::Connection(_) | Endpoint::TestConnection(_) | Endpoint::ConnectionBreaker(_) => {
            who == Who::Platform
        }
        Endpoint::Report(Report::Log(_)) => who != Who::Nobody,
        Endpoint::Saas(
            Saas::Alias(_)
            | Saas::Group(_)
            | Saas::GroupAliases(_)
            | Saas::ModelGroup(_)
            | Saas::ModelGroupModels(_)
            | Saas::ProviderCredentials(_),
        ) => who == Who::Platform,
        _ => false,
    }
}

/// Undoes what a request may have done to the status of a team.
async fn reset(accounts: &Accounts, endpoint: Endpoint<'_>, owner: &Tenant) {
    if matches!(endpoint, Endpoint::TeamStatus(..)) {
        let edit = tollgate_engine::accounts::TeamEdit {
            status: Some(Status::Active),
            ..Default::default()
        };
        let platform = Manager::admin();
        let resuming = accounts.change_team(&platform, &owner.team, &edit);
        resuming.await.unwrap();
    }
}

/// The cells that destroy something, each with an object of its own.
#[tokio::test]
async fn what_is_removed_or_rotated_is_removed_or_rotated_by_those_who_may() {
    let world = World::new(vec![model("m", &[("c", "m1")])], LogFormat::Off).await;
    let accounts = Arc::clone(&world.gateway.engine.accounts);
    let (acme, globex) = (
        Tenant::new(&accounts, "acme").await,
        Tenant::new(&accounts, "globex").await,
    );
    for (extent, owner) in [(Extent::Organization, &acme), (Extent::Everything, &globex)] {
        for who in EVERYBODY {
            let email = format!("{who:?}-{extent:?}");
            let user = owner.add(&accounts, &email, Role::Member).await;
            let (key, text) = owner.key_of(&accounts, Some(&user), false).await;
            let member = format!("/api/organizations/{}/members/{user}", owner.organization);
            for (request, right) in [
                (format!("POST /api/keys/{key}/rotate"), Right::ManageKeys),
                (format!("DELETE /api/keys/{key}"), Right::ManageKeys),
                (format!("DELETE {member}"), Right::ManageUsers),
            ] {
                let said = world.ask(&request, &acme.credential(who), "").await;
                let expected = expected(who, right, extent, true);
                assert_eq!(seen(&said), expected, "{request} by {who:?}: {}", said.body);
                if expected == Outcome::In {
                    assert_eq!(said.status, 200, "{request} by {who:?}: {}", said.body);
                }
            }
            let is_dead = accounts
                .find(&accounts.hash(text.as_bytes()))
                .is_none_or(|entry| entry.check(accounts.now()).is_err());
            let may = expected(who, Right::ManageKeys, extent, true) == Outcome::In;
            assert_eq!(is_dead, may, "{who:?}");
        }
    }
}

/// What a stranger is told of an object and of none must not differ in anything but the id of the
/// request.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn a_foreign_object_is_answered_word_for_word_as_one_that_is_not_there() {
    let world = World::new(Vec::new(), LogFormat::Off).await;
    let accounts = Arc::clone(&world.gateway.engine.accounts);
    let acme = Tenant::new(&accounts, "acme").await;
    let globex = Tenant::new(&accounts, "globex").await;
    let nowhere = Tenant {
        organization: "nowhere".into(),
        team: "nowhere-team".into(),
        user: "user_0".into(),
        key: "key_0".into(),
        credentials: Vec::new(),
    };
    let without_id = |said: &Said| {
        let mut value = said.json();
        value["error"]["request_id"] = serde_json::Value::Null;
        // Texts of seed 001 repeat the id that was asked for.
        let text = value.to_string();
        (
            said.status,
            text.replace("globex", "ID").replace("nowhere", "ID"),
        )
    };
    let headers = format!(
        "{}content-type: application/json\r\n",
        acme.credential(Who::User(Role::Owner))
    );
    for sample in SAMPLES.iter().filter(|sample| sample.contains('{')) {
        let (foreign, missing) = (globex.path(sample), nowhere.path(sample));
        let endpoint = found(&foreign);
        for method in endpoint.methods() {
            if *method == Method::HEAD || endpoint.right(method) == Right::Admin {
                continue;
            }
            let body = r#"{"email":"new@example.com"}"#;
            let body = if sample.ends_with("members") {
                body
            } else {
                "{}"
            };
            let foreign = world
                .ask(&format!("{method} {foreign}"), &headers, body)
                .await;
            let missing = world
                .ask(&format!("{method} {missing}"), &headers, body)
                .await;
            assert_eq!(
                without_id(&foreign),
                without_id(&missing),
                "{method} {sample}"
            );
            let of_own_team = [JobRoute::TeamUsage("globex"), JobRoute::TeamJobs("globex")];
            let names_team = of_own_team.iter().any(|route| {
                let Endpoint::Job(found) = endpoint else {
                    return false;
                };
                std::mem::discriminant(route) == std::mem::discriminant(&found)
            });
            let expected = if names_team { 403 } else { 404 };
            assert_eq!(
                foreign.status, expected,
                "{method} {sample}: {}",
                foreign.body
            );
        }
    }
    // In bodies and queries too.
    for (request, foreign, missing) in [
        (
            "POST /api/keys",
            r#"{"name":"k","team":"globex-team"}"#,
            r#"{"name":"k","team":"nowhere"}"#,
        ),
        (
            "POST /api/teams",
            r#"{"name":"t","organization":"globex"}"#,
            r#"{"name":"t","organization":"nowhere"}"#,
        ),
    ] {
        let foreign = world.ask(request, &headers, foreign).await;
        let missing = world.ask(request, &headers, missing).await;
        assert_eq!(without_id(&foreign), without_id(&missing), "{request}");
        assert_eq!(foreign.status, 404, "{request}: {}", foreign.body);
    }
    for name in [
        "keys?organization=",
        "keys?team=",
        "teams?organization=",
        "audit?organization=",
    ] {
        let request = format!("GET /api/{name}globex");
        let said = world.ask(&request, &headers, "").await;
        assert_eq!(said.json()["pagination"]["total"], 0, "{request}");
    }
}

/// Members of bodies that are not for whoever sends them.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn properties_that_belong_to_others_are_refused() {
    let world = World::new(Vec::new(), LogFormat::Off).await;
    let accounts = Arc::clone(&world.gateway.engine.accounts);
    let acme = Tenant::new(&accounts, "acme").await;
    let of = |who: Role| {
        let credential = acme.credential(Who::User(who));
        format!("{credential}content-type: application/json\r\n")
    };
    let organization = "PATCH /api/organizations/acme";
    let user = format!("/api/organizations/acme/members/{}", acme.user);
    for (who, request, body, status) in [
        (Role::Owner, organization, r#"{"name":"New"}"#, 200),
        (Role::Owner, organization, r#"{"keep_bodies":true}"#, 200),
        (Role::Owner, organization, r#"{"limits":{"rpm":9}}"#, 403),
        (Role::Owner, organization, r#"{"limits":null}"#, 403),
        (Role::Owner, organization, r#"{"budgets":[]}"#, 403),
        (Role::Owner, organization, r#"{"status":"paused"}"#, 403),
        (Role::Owner, organization, r#"{"credits_usd":"100"}"#, 400),
        (Role::Owner, organization, r#"{"id":"globex"}"#, 400),
        (
            Role::Admin,
            "POST /api/keys",
            r#"{"name":"k","priority":"high"}"#,
            403,
        ),
        (
            Role::Admin,
            "POST /api/teams",
            r#"{"name":"t","id":"mine"}"#,
            403,
        ),
        (
            Role::Admin,
            "POST /api/teams",
            r#"{"name":"t","status":"suspended"}"#,
            403,
        ),
        (
            Role::Admin,
            "POST /api/teams",
            r#"{"name":"t","organization":"acme"}"#,
            201,
        ),
        (
            Role::Admin,
            &format!("PATCH {user}"),
            r#"{"role":"admin"}"#,
            403,
        ),
        (
            Role::Admin,
            &format!("PATCH {user}"),
            r#"{"role":"viewer"}"#,
            200,
        ),
        (
            Role::Admin,
            &format!("PUT {user}"),
            r#"{"organization":"globex"}"#,
            400,
        ),
        (
            Role::Developer,
            "POST /api/keys",
            r#"{"name":"k","limits":{"rpm":100000}}"#,
            403,
        ),
        (Role::Developer, "POST /api/keys", r#"{"name":"k"}"#, 201),
        (
            Role::Admin,
            &format!("PATCH /api/keys/{}", acme.key),
            r#"{"team":"globex-team"}"#,
            400,
        ),
    ] {
        let said = world.ask(request, &of(who), body).await;
        assert_eq!(
            said.status, status,
            "{who:?} {request} {body}: {}",
            said.body
        );
    }
    let organization = accounts.organization(&Manager::admin(), "acme").unwrap();
    assert_eq!(organization.facts().controls.limits, RateLimits::NONE);
    assert_eq!(organization.status(), Status::Active);
}
