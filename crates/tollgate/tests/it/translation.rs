//! What is said in one format arrives in every other one: requests as the provider sees them, and
//! answers as the caller does. Whatever cannot be carried over is named to the caller.

mod answers;
mod conversations;
mod family;
mod requests;
