//! Places at targets: who gets one, who waits, and what becomes of those who had one.

mod breakers;
mod credentials;
mod hedging;
mod limits;
mod maintenance;
mod outage;
mod overload;
mod queueing;
mod recovery;
mod verdicts;
