//! What the Claude models take, wherever they are served: the rules are the model's, not the
//! format's.

pub(crate) mod id;
pub(crate) mod media;
pub(crate) mod model;
pub(crate) mod sampling;
pub(crate) mod schema;
pub(crate) mod thinking;
