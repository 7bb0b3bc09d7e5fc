//! What seed 001 manages: its paths, its shapes and its words, behind the rights of this gateway.

mod books;
mod credits;
mod models;
mod refills;
mod scene;
mod teams;
