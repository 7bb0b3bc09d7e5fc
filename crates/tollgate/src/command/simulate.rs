//! `tollgate simulate`: the simulated provider alone, on a port.

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tollgate_simulator::{Script, Settings, Simulator};

use crate::shutdown;

/// Serves until the process is asked to stop.
pub fn run(listen: SocketAddr, script: Option<&Path>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(serve(listen, script)),
        Err(error) => Err(error.into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Fails when the port is taken or the script is bad.
async fn serve(listen: SocketAddr, script: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let simulator = Simulator::new(Settings::default());
    if let Some(path) = script {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let script =
            Script::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        simulator.set_script(script);
    }
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let address = listener.local_addr()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "simulated provider is ready on http://{address}")?;
    writeln!(out, "base URL of its OpenAI format: http://{address}/v1")?;
    out.flush()?;
    drop(out);
    let stop = CancellationToken::new();
    let asked = shutdown::asked()?;
    tokio::select! {
        served = simulator.serve(listener, stop.clone()) => served?,
        () = asked => stop.cancel(),
    }
    Ok(())
}
