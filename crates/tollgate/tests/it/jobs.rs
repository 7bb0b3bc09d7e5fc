//! Jobs as clients of seed 001 meet them.

mod calls;
mod credits;
mod ending;
mod kills;
mod lists;
mod refusals;
mod repeats;
mod scene;
