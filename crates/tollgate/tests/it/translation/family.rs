//! The formats that have both a surface and providers: how each is asked.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::world::{Ask, KEY, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Chat,
    Responses,
    Anthropic,
    Gemini,
}

pub const ALL: [Family; 4] = [
    Family::Chat,
    Family::Responses,
    Family::Anthropic,
    Family::Gemini,
];

impl Family {
    /// The connection, and the namespace of models, whose provider speaks this format only.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    /// Where such a provider is asked.
    pub fn provider_path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Anthropic => "/v1/messages",
            Self::Gemini => "/v1beta/models/*",
        }
    }

    /// A call by the surface of this format, to a provider of that one.
    pub fn ask<'a>(
        self,
        world: &'a World,
        (to, model): (Self, &str),
        body: &Value,
        stream: bool,
    ) -> Ask<'a> {
        let model = format!("{}/{model}", to.name());
        let mut body = body.clone();
        let path = match self {
            Self::Gemini if stream => {
                format!("/v1beta/models/{model}:streamGenerateContent?alt=sse")
            }
            Self::Gemini => format!("/v1beta/models/{model}:generateContent"),
            Self::Chat | Self::Responses | Self::Anthropic => {
                body["model"] = json!(model);
                if stream {
                    body["stream"] = json!(true);
                }
                self.provider_path().to_owned()
            }
        };
        if self == Self::Chat && stream {
            body["stream_options"] = json!({"include_usage": true});
        }
        let ask = world.gateway.post(&path, body).key(KEY);
        match self {
            Self::Anthropic => ask.header("anthropic-version", "2023-06-01"),
            _ => ask,
        }
    }
}

/// A world with a provider for each format.
pub async fn world() -> World {
    let (simulator, provider, stops) = crate::world::provider().await;
    let mut more = String::new();
    for family in ALL {
        let name = family.name();
        let (row, base) = match family {
            Family::Chat => ("openai\"\nformat = \"chat", "/v1"),
            Family::Responses => ("openai\"\nformat = \"responses", "/v1"),
            Family::Anthropic => ("anthropic", ""),
            Family::Gemini => ("google", ""),
        };
        write!(
            more,
            "\n[[connections]]\nname = \"{name}\"\nprovider = \"{row}\"\napi_key = \"sk-x\"\n\
             base_url = \"http://{provider}{base}\"\n\
             [[models]]\nname = \"{name}/*\"\ntargets = [{{ connection = \"{name}\" }}]\n"
        )
        .unwrap();
    }
    World::around((simulator, provider, stops), &more)
}
