//! What seed 001 manages: its paths, its shapes and its words, behind the rights of this gateway.

mod books;
mod credentials;
mod credits;
mod models;
mod offering;
mod refills;
mod rights;
mod scene;
mod shapes;
mod teams;
#[cfg(debug_assertions)]
mod whole;

pub use self::scene::admin;
