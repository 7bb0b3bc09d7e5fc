//! Streams: whole ones arrive whole, broken ones never look whole.

mod faults;
mod lifecycle;
mod whole;
