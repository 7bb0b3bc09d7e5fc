//! What seed 001 manages: its paths, its shapes and its words, behind the rights of this gateway.

mod credits;
mod models;
mod refills;
mod scene;
mod teams;

pub use self::scene::admin;
