// Starts the binary as a user would, and stops it again.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const REPOSITORY = path.resolve(import.meta.dirname, '../../..');
const START_MS = 30_000;

export const KEY = 'sk-contract-node-0123456789';

// A model's name begins with the family that answers it: `sim` inside the process, the others over TCP.
const configuration = ({ port, simulatorPort, folder }) => `
[server]
listen = "127.0.0.1:${port}"

[admin]
key = "contract-node-admin-0123456789"

[database]
url = "sqlite://${folder}/tollgate.db"

# What one fault does must not change what the next one meets: everything is tried once.
[routing]
attempts = 1
breaker = { failures = 0, share_percent = 0, cooldown = false }

[[connections]]
name = "sim"
provider = "simulated"

[[connections]]
name = "openai"
provider = "openai"
format = "chat"
api_key = "sk-simulated"
base_url = "http://127.0.0.1:${simulatorPort}/v1"

[[connections]]
name = "responses"
provider = "openai"
format = "responses"
api_key = "sk-simulated"
base_url = "http://127.0.0.1:${simulatorPort}/v1"

[[connections]]
name = "anthropic"
provider = "anthropic"
api_key = "sk-simulated"
base_url = "http://127.0.0.1:${simulatorPort}"

[[connections]]
name = "google"
provider = "google"
api_key = "sk-simulated"
base_url = "http://127.0.0.1:${simulatorPort}"
${FAMILIES.map((family) => `
[[models]]
name = "${family}/*"
targets = [{ connection = "${family}" }]`).join('\n')}

[[keys]]
name = "contract"
key = "${KEY}"
`;

/** The families of providers, which are also the first part of their models' names. */
export const FAMILIES = ['sim', 'openai', 'responses', 'anthropic', 'google'];

/** A gateway, and the simulated provider behind it. */
export async function startGateway(triesLeft = 2) {
  const folder = mkdtempSync(path.join(tmpdir(), 'tollgate-contract-'));
  const running = [];
  const stop = async () => {
    await Promise.all(running.map((each) => each.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const [port, simulatorPort] = await freePorts(2);
    const file = path.join(folder, 'tollgate.toml');
    writeFileSync(file, configuration({ port, simulatorPort, folder }));

    const simulator = new Running(['simulate', '--listen', `127.0.0.1:${simulatorPort}`], folder, 'simulator');
    running.push(simulator);
    await simulator.answers(`http://127.0.0.1:${simulatorPort}/v1/models`);

    const gateway = new Running(['serve', '--config', file], folder, 'gateway');
    running.push(gateway);
    const address = `http://127.0.0.1:${port}`;
    await gateway.answers(`${address}/health/ready`);
    return { address, stop };
  } catch (problem) {
    await stop();
    // Somebody else took a port between our look and its start.
    if (triesLeft > 0 && String(problem).includes('cannot listen')) {
      return startGateway(triesLeft - 1);
    }
    throw problem;
  }
}

// Runs a command until it ends or the other end of the standard input is closed. That happens also when the tests
// are killed, where nothing of this file would run any more.
const WATCHED = `
exec 3<&0
"$@" 3<&- & command=$!
{ cat <&3 >/dev/null; kill "$command"; } & watch=$!
wait "$command"
status=$?
kill "$watch" 2>/dev/null
exit "$status"
`;

/** One running command of the binary, with its output in a file. */
class Running {
  constructor(commandLine, folder, name) {
    this.log = path.join(folder, `${name}.log`);
    const log = openSync(this.log, 'w');
    // Nothing of the caller's environment may change the settings under test.
    const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('TOLLGATE_')));
    const shell = ['-c', WATCHED, 'sh', binary(), ...commandLine];
    this.process = spawn('sh', shell, { cwd: folder, env, stdio: ['pipe', log, log] });
    closeSync(log);
    this.ended = new Promise((resolve) => {
      this.process.once('exit', (code, signal) => resolve(signal ?? code));
      this.process.once('error', resolve);
    });
    this.ended.then((how) => { this.how = how; });
  }

  /** Waits until the address answers 200; rejects when the process ends or time is up. */
  async answers(address) {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline) {
      if (this.how !== undefined) {
        throw new Error(`ended with ${this.how}:\n${this.output()}`);
      }
      const asked = fetch(address, { signal: AbortSignal.timeout(1000) });
      const status = await asked.then((answer) => answer.status, () => 0);
      if (status === 200) {
        return;
      }
      await wait(20);
    }
    throw new Error(`not ready after ${START_MS} ms:\n${this.output()}`);
  }

  output() {
    return readFileSync(this.log, 'utf8').slice(-4000);
  }

  /** Asks the process to end, and waits for that. */
  async stop() {
    this.process.stdin.end();
    await this.ended;
  }
}

/** The binary under test: `TOLLGATE_BIN`, or the debug build. */
function binary() {
  const file = path.resolve(process.env.TOLLGATE_BIN ?? path.join(REPOSITORY, 'target/debug/tollgate'));
  if (!existsSync(file)) {
    throw new Error(`${file} is not there: build it with \`cargo build\`, or name it in TOLLGATE_BIN`);
  }
  return file;
}

/** Ports that nobody listens on at the moment. */
async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => { server.close(resolve); })));
  return ports;
}
