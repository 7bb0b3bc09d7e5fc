//! What operators offer to teams while the gateway runs: aliases of models, the access groups by
//! which teams may use them, groups of models that stand in for each other, and what each team
//! was given of these.

use serde::{Deserialize, Serialize};

use crate::budget::Period;
use crate::id::TeamId;
use crate::time::Timestamp;

/// Whether something may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OfferStatus {
    /// It may.
    #[default]
    Active,
    /// It may not.
    Inactive,
    /// It may, and should not be any longer.
    Deprecated,
}

impl OfferStatus {
    /// Every status.
    pub const ALL: &'static [Self] = &[Self::Active, Self::Inactive, Self::Deprecated];

    /// The word for the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Deprecated => "deprecated",
        }
    }

    /// The status of such a word.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|status| status.as_str() == name)
    }
}

/// A name of an operator's choice for a model of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// What callers ask for.
    pub name: Box<str>,
    /// What people call it.
    pub display_name: Box<str>,
    /// Whose model it is.
    pub provider: Box<str>,
    /// The model as the provider, or the configuration, calls it.
    pub model: Box<str>,
    /// The connection that serves it; `None`: every one of the provider.
    pub connection: Option<Box<str>>,
    /// The access groups that hold it.
    pub groups: Vec<Box<str>>,
    /// For people.
    pub description: Option<Box<str>>,
    /// USD per million tokens of the prompt, as a decimal number; `None`: what the model costs.
    pub price_input: Option<Box<str>>,
    /// The same of the answer.
    pub price_output: Option<Box<str>>,
    /// Whether it may be used.
    pub status: OfferStatus,
    /// When it was made.
    #[serde(with = "millis")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(with = "millis")]
    pub updated_at: Timestamp,
}

/// A set of aliases that teams are given together. Which ones they are, the aliases say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessGroup {
    /// Names it.
    pub name: Box<str>,
    /// What people call it.
    pub display_name: Box<str>,
    /// For people.
    pub description: Option<Box<str>>,
    /// Whether it opens what it holds.
    pub status: OfferStatus,
    /// When it was made.
    #[serde(with = "millis")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(with = "millis")]
    pub updated_at: Timestamp,
}

/// Models behind one name: the first one answers, and the others when it cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelGroup {
    /// What callers ask for.
    pub name: Box<str>,
    /// What people call it.
    pub display_name: Option<Box<str>>,
    /// For people.
    pub description: Option<Box<str>>,
    /// Its models.
    pub models: Vec<GroupModel>,
    /// Whether it may be used.
    pub status: OfferStatus,
    /// When it was made.
    #[serde(with = "millis")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(with = "millis")]
    pub updated_at: Timestamp,
}

/// A model of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupModel {
    /// The alias, or the model of the configuration.
    pub name: Box<str>,
    /// Lower is asked first; of equal ones the one that stands first.
    pub priority: u32,
}

impl ModelGroup {
    /// The names of its models, in the order in which they are asked.
    pub fn in_order(&self) -> Vec<&str> {
        let mut models: Vec<&GroupModel> = self.models.iter().collect();
        models.sort_by_key(|model| model.priority);
        models.into_iter().map(|model| &*model.name).collect()
    }
}

/// What one team was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamOffer {
    /// Whose it is.
    pub team: Box<str>,
    /// Whether the team may use nothing else: models of the configuration are closed to it.
    pub only: bool,
    /// Its access groups.
    pub groups: Vec<Box<str>>,
    /// Its model groups.
    pub model_groups: Vec<Box<str>>,
    /// How its credits come again.
    pub refill: Option<Refill>,
    /// Whether the team was deleted. Its id is never given to another one: its books are kept.
    #[serde(default)]
    pub deleted: bool,
}

impl TeamOffer {
    /// What a team has that was given nothing.
    pub fn nothing(team: &TeamId) -> Self {
        Self {
            team: team.as_str().into(),
            only: false,
            groups: Vec::new(),
            model_groups: Vec::new(),
            refill: None,
            deleted: false,
        }
    }
}

/// Credits that come again with each period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refill {
    /// Whether they come.
    pub enabled: bool,
    /// How many job credits.
    pub amount: u64,
    /// How often.
    pub every: Every,
    /// Up to when they have come: the next ones come a period later.
    #[serde(with = "millis")]
    pub until: Timestamp,
    /// When they came the last time.
    #[serde(with = "maybe_millis", default)]
    pub last_at: Option<Timestamp>,
}

/// How often credits come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// With each day of UTC.
    Daily,
    /// With each Monday of UTC.
    Weekly,
    /// With each first of a month of UTC.
    Monthly,
}

impl Every {
    /// Every one.
    pub const ALL: &'static [Self] = &[Self::Daily, Self::Weekly, Self::Monthly];

    /// The word for the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// The one of such a word.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|every| every.as_str() == name)
    }

    /// The period of the calendar.
    pub const fn period(self) -> Period {
        match self {
            Self::Daily => Period::Daily,
            Self::Weekly => Period::Weekly,
            Self::Monthly => Period::Monthly,
        }
    }
}

/// One thing that is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// An alias.
    Alias(Alias),
    /// An access group.
    AccessGroup(AccessGroup),
    /// A model group.
    ModelGroup(ModelGroup),
    /// What a team was given.
    Team(TeamOffer),
}

/// What kind of offer something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfferKind {
    /// An alias.
    Alias,
    /// An access group.
    AccessGroup,
    /// A model group.
    ModelGroup,
    /// What a team was given.
    Team,
}

impl OfferKind {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::Alias, Self::AccessGroup, Self::ModelGroup, Self::Team];

    /// The word for storing and the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alias => "model_alias",
            Self::AccessGroup => "access_group",
            Self::ModelGroup => "model_group",
            Self::Team => "team_offer",
        }
    }

    /// The kind of such a word.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|kind| kind.as_str() == name)
    }
}

impl Offer {
    /// Its kind.
    pub const fn kind(&self) -> OfferKind {
        match self {
            Self::Alias(_) => OfferKind::Alias,
            Self::AccessGroup(_) => OfferKind::AccessGroup,
            Self::ModelGroup(_) => OfferKind::ModelGroup,
            Self::Team(_) => OfferKind::Team,
        }
    }

    /// Its name among those of its kind.
    pub fn name(&self) -> &str {
        match self {
            Self::Alias(alias) => &alias.name,
            Self::AccessGroup(group) => &group.name,
            Self::ModelGroup(group) => &group.name,
            Self::Team(offer) => &offer.team,
        }
    }

    /// The text that is kept of it. Fails never, as far as is known: these are plain members.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Alias(alias) => serde_json::to_string(alias),
            Self::AccessGroup(group) => serde_json::to_string(group),
            Self::ModelGroup(group) => serde_json::to_string(group),
            Self::Team(offer) => serde_json::to_string(offer),
        }
    }

    /// Reads such a text. Fails for what no version has written.
    pub fn from_json(kind: OfferKind, text: &str) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            OfferKind::Alias => Self::Alias(serde_json::from_str(text)?),
            OfferKind::AccessGroup => Self::AccessGroup(serde_json::from_str(text)?),
            OfferKind::ModelGroup => Self::ModelGroup(serde_json::from_str(text)?),
            OfferKind::Team => Self::Team(serde_json::from_str(text)?),
        })
    }
}

/// Times as milliseconds.
mod millis {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::time::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(time.as_millis())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_millis)
    }
}

/// The same of times that need not be.
mod maybe_millis {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::time::Timestamp;

    #[expect(clippy::ref_option, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Timestamp::as_millis).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(Timestamp::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers() -> Vec<Offer> {
        let at = Timestamp::from_millis(7);
        vec![
            Offer::Alias(Alias {
                name: "fast".into(),
                display_name: "Fast".into(),
                provider: "openai".into(),
                model: "m".into(),
                connection: Some("main".into()),
                groups: vec!["g".into()],
                description: None,
                price_input: Some("2.5".into()),
                price_output: None,
                status: OfferStatus::Deprecated,
                created_at: at,
                updated_at: at,
            }),
            Offer::AccessGroup(AccessGroup {
                name: "g".into(),
                display_name: "G".into(),
                description: Some("d".into()),
                status: OfferStatus::Active,
                created_at: at,
                updated_at: at,
            }),
            Offer::ModelGroup(ModelGroup {
                name: "chat".into(),
                display_name: None,
                description: None,
                models: vec![
                    GroupModel {
                        name: "second".into(),
                        priority: 1,
                    },
                    GroupModel {
                        name: "first".into(),
                        priority: 0,
                    },
                ],
                status: OfferStatus::Inactive,
                created_at: at,
                updated_at: at,
            }),
            Offer::Team(TeamOffer {
                refill: Some(Refill {
                    enabled: true,
                    amount: 100,
                    every: Every::Weekly,
                    until: at,
                    last_at: Some(at),
                }),
                groups: vec!["g".into()],
                ..TeamOffer::nothing(&TeamId::from_stored("t"))
            }),
        ]
    }

    #[test]
    fn an_offer_is_read_as_it_was_written() {
        for offer in offers() {
            let text = offer.to_json().unwrap();
            assert_eq!(Offer::from_json(offer.kind(), &text).unwrap(), offer);
            assert_eq!(
                OfferKind::from_name(offer.kind().as_str()),
                Some(offer.kind())
            );
        }
        assert!(Offer::from_json(OfferKind::Alias, "{}").is_err());
    }

    #[test]
    fn the_models_of_a_group_are_asked_by_their_priority() {
        for offer in offers() {
            if let Offer::ModelGroup(group) = offer {
                assert_eq!(group.in_order(), ["first", "second"]);
            }
        }
    }
}
