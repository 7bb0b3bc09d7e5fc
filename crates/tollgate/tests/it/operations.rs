//! What operators rely on: starting, stopping, reloading, watching.

mod connections;
mod declared;
mod equal_time;
mod first_run;
mod http2;
mod logging;
mod maintenance;
mod operating;
mod postgres;
mod reload;
mod restart;
mod secrets;
mod shutdown;
mod watching;
