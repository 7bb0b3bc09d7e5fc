//! Calls of management addresses, as they are.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::asked::Asked;
use crate::client::Client;
use crate::failure::Error;

/// How long a management call may take.
const LIMIT: Duration = Duration::from_secs(30);

/// One call of a management address.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is done.
    pub method: Method,
    /// Where, from `/api` on, query included.
    pub path: String,
    /// With what.
    pub body: Option<Value>,
}

impl Client {
    /// Calls a management address and returns the body of the answer. What changes something and has
    /// no idempotency key (anything but `GET` and `POST`) is not sent again where the answer got lost.
    pub async fn call(&self, call: Call) -> Result<Value, Error> {
        let asked = Asked {
            is_repeatable: call.method.is_safe(),
            method: call.method,
            path: call.path,
            endpoint: "management",
            timeout: LIMIT,
            body: call.body,
            is_stream: false,
        };
        self.begin(asked)?.answer().await
    }
}
