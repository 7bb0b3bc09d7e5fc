//! Reading the facts of a caller's request.

use tollgate_core::call::Call;
use tollgate_core::error::{Code, Failure};

use crate::formats::Received;

/// Reads a request.
pub fn read(_received: Received<'_>) -> Result<Call, Failure> {
    Err(Failure::gateway(Code::InternalError))
}
