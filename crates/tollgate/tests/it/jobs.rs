//! Jobs as clients of seed 001 meet them.

mod calls;
mod credits;
mod ending;
mod gone;
mod kills;
mod late;
mod leaving;
mod lists;
mod money;
mod refusals;
mod repeats;
mod scene;
mod storm;
