#!/usr/bin/env python3
"""Side-by-side benchmark of LLM gateways on one machine. Python 3.11, standard library only.

    rig.py list                         the targets, and which of them can run here
    rig.py check [NAME ...]             start each, one plain and one streamed request, show the answers
    rig.py run [NAME ...] [--rounds 3]  measure; appends raw runs to results-raw.jsonl
    rig.py big [NAME ...] [--rounds 3]  plain requests with a long conversation (about 100 KB), CPU per request
    rig.py report                       results.json and results.md out of results-raw.jsonl

One gateway process (tree) is pinned to GATEWAY_CPU, the mock upstream and the load generator
share LOAD_CPU. Everything talks over loopback. The main figure is gateway CPU time per request
(utime+stime of the process tree before and after, over the number of requests): pinning,
neighbours and the shared load core disturb it least.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PEERS = pathlib.Path(os.environ.get("PEERS", HERE.parent / "peers"))
TOOLS = pathlib.Path(os.environ.get("BENCH_TOOLS", HERE / "tools" / "target" / "release"))
RUN = pathlib.Path(os.environ.get("BENCH_RUN_DIR", tempfile.gettempdir())) / f"gwbench-{os.getuid()}"
TOLLGATE = os.environ.get("TOLLGATE_BIN", "target/release/tollgate")
TOLLGATE_CONFIG = os.environ.get("TOLLGATE_CONFIG", str(HERE / "configs" / "tollgate.toml"))
GATEWAY_CPU = int(os.environ.get("GATEWAY_CPU", 0))
LOAD_CPU = int(os.environ.get("LOAD_CPU", 1))
NICE = int(os.environ.get("BENCH_NICE", 0))
MOCK_PORT, PORT = 19100, 19200
TICK = os.sysconf("SC_CLK_TCK")
RAW = HERE / "results-raw.jsonl"

MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Explain in two sentences why the sky is blue, for a ten-year-old reader."},
]
# One side of a turn of the long conversation: text with the escapes that code and prose bring.
LONG = ('fn add(a: u32, b: u32) -> u32 {\n    // "quoted" and a tab\there\n    a + b\n}\nÜber 100 € — naïve façade.\n' * 10)[:1000]
BIG_TURNS = 48
UPSTREAM_AUTH = "authorization: Bearer sk-upstream"
CLIENT_AUTH = "authorization: Bearer sk-bench"

# One row per target. `cmd` is run pinned to GATEWAY_CPU with {port} {port2} {mock} {run} {peers}
# {configs} filled in; `files` are templates in configs/ rendered into {run}. `features` says what
# the process does per request in this configuration. Optional: `model`, `path`, `headers`, `env`,
# `cwd`, `kind`; `prepare` (one HTTP call after the start, whose answer's field `take` becomes
# {taken} in the headers); `port_from` (a line prefix in the log after which the base URL stands);
# `scale` (fraction of the standard load, for targets that cannot take it).
TARGETS = {
    "direct": dict(kind="floor", cmd=None, features="no gateway: load generator straight to the mock"),
    "nginx": dict(
        kind="proxy", cmd="nginx -e {run}/nginx-error.log -c {run}/nginx.conf -p {run}", files=["nginx.conf"],
        vars={"access_log": "off"}, version="nginx -v",
        features="reverse proxy, upstream keep-alive, one header set, no access log, no body parsing"),
    "nginx-log": dict(
        kind="proxy", cmd="nginx -e {run}/nginx-error.log -c {run}/nginx.conf -p {run}", files=["nginx.conf"],
        vars={"access_log": "{run}/access.log"}, version="nginx -v",
        features="as nginx, with its default access log written to a file"),
    "haproxy": dict(
        kind="proxy", cmd="haproxy -db -f {run}/haproxy.cfg", files=["haproxy.cfg"], version="haproxy -v",
        features="reverse proxy, one thread, connection reuse, one header set, no log"),
    "floor-lean": dict(
        kind="floor", cmd="{tools}/gwbench-floor {port} {mock} lean", headers=[CLIENT_AUTH],
        features="hyper both sides: key check, body read for model and stream, route look-up, bytes forwarded as they came, no log, no metrics"),
    "floor-typical": dict(
        kind="floor", cmd="{tools}/gwbench-floor {port} {mock} typical", headers=[CLIENT_AUTH],
        features="axum and reqwest: key check, body and answer through JSON values, every stream event parsed and written again, no log"),
    "tollgate": dict(
        kind="gateway", cmd="{tollgate} serve --config {run}/tollgate.toml", files=["{tollgate_config}"], cwd="{run}",
        headers=[CLIENT_AUTH], version="{tollgate} --version",
        features="everything on as configured: key auth, routing, metrics, log line, and limits and ledger where built"),
}


def local_targets():
    """More rows from targets.local.json, so that a build of one's own needs no edit here."""
    path = HERE / "targets.local.json"
    if path.exists():
        TARGETS.update(json.loads(path.read_text()))


def fill(text, extra=None):
    values = dict(
        hex64=secrets.token_hex(32), port=PORT, port2=PORT + 1, port3=PORT + 2, port4=PORT + 3,
        mock=MOCK_PORT, run=RUN, peers=PEERS, tools=TOOLS.resolve(), configs=HERE / "configs",
        tollgate=os.path.abspath(TOLLGATE), tollgate_config=os.path.abspath(TOLLGATE_CONFIG))
    for key, value in (extra or {}).items():
        values[key] = value
    for _ in range(2):
        for key, value in values.items():
            text = text.replace("{" + key + "}", str(value))
    return text


# ---------------------------------------------------------------- processes

def tree(pid):
    """The process and its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    rest = f.read().rsplit(")", 1)[1].split()
                children.setdefault(int(rest[1]), []).append(int(entry))
            except OSError:
                pass
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        out.append(p)
        todo += children.get(p, [])
    return out


def cpu_seconds(pid):
    total = 0
    for p in tree(pid):
        try:
            with open(f"/proc/{p}/stat") as f:
                rest = f.read().rsplit(")", 1)[1].split()
            total += int(rest[11]) + int(rest[12])
        except OSError:
            pass
    return total / TICK


def memory_kb(pid, field):
    total = 0
    for p in tree(pid):
        try:
            with open(f"/proc/{p}/status") as f:
                for line in f:
                    if line.startswith(field + ":"):
                        total += int(line.split()[1])
        except OSError:
            pass
    return total


def cpu_lines():
    out = {}
    with open("/proc/stat") as f:
        for line in f:
            if line.startswith("cpu") and line[3].isdigit():
                name, *v = line.split()
                v = [int(x) for x in v]
                out[int(name[3:])] = (sum(v[:8]), sum(v[:8]) - v[3] - v[4])
    return out


def pinned(cpu):
    def go():
        os.setsid()
        os.sched_setaffinity(0, {cpu})
        if NICE:
            os.nice(NICE)
        import resource
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        want = 65536 if hard == resource.RLIM_INFINITY else min(65536, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))
    return go


def stop(process):
    if process is None or process.poll() is not None:
        return
    for sig, wait in ((signal.SIGTERM, 3), (signal.SIGKILL, 3)):
        try:
            os.killpg(process.pid, sig)
        except ProcessLookupError:
            pass
        try:
            process.wait(wait)
            break
        except subprocess.TimeoutExpired:
            pass


def http(url, body=None, headers=(), timeout=20):
    request = urllib.request.Request(url, data=body.encode() if body else None)
    request.add_header("content-type", "application/json")
    for h in headers:
        k, v = h.split(":", 1)
        request.add_header(k.strip(), v.strip())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()
    except OSError as e:
        return 0, str(e).encode()


class Mock:
    def __init__(self):
        self.process = subprocess.Popen([TOOLS / "mock", str(MOCK_PORT)], preexec_fn=pinned(LOAD_CPU))
        for _ in range(100):
            if http(f"http://127.0.0.1:{MOCK_PORT}/__stats")[0] == 200:
                return
            time.sleep(0.05)
        raise SystemExit("the mock upstream did not start")

    def set(self, **values):
        query = "&".join(f"{k}={v}" for k, v in values.items())
        return json.loads(http(f"http://127.0.0.1:{MOCK_PORT}/__set?{query}")[1])

    def stats(self):
        return self.set()


class Gateway:
    """One started target; `startup_s` runs from exec to the first 200 of a real request."""

    def __init__(self, name):
        self.name, self.t = name, TARGETS[name]
        self.process, self.startup_s = None, 0.0
        self.addr = f"127.0.0.1:{PORT}"
        self.headers = [fill(h) for h in self.t.get("headers", [])]
        self.path = self.t.get("path", "/v1/chat/completions")
        self.model = self.t.get("model", "gpt-4o-mini")
        if self.t["cmd"] is None:
            self.addr = f"127.0.0.1:{MOCK_PORT}"
            return
        RUN.mkdir(parents=True, exist_ok=True)
        extra = {k: fill(v) for k, v in self.t.get("vars", {}).items()}
        for file in self.t.get("files", []):
            source = HERE / "configs" / fill(file)  # an absolute path stands for itself
            target = "tollgate.toml" if name == "tollgate" else file
            (RUN / target).write_text(fill(source.read_text(), extra))
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        env |= {k: fill(v) for k, v in self.t.get("env", {}).items()}
        self.log = RUN / f"{name}.log"
        import shlex
        with open(self.log, "wb") as out:
            begin = time.monotonic()
            self.process = subprocess.Popen(
                shlex.split(fill(self.t["cmd"])), stdout=out, stderr=subprocess.STDOUT, env=env,
                cwd=fill(self.t.get("cwd", "{run}")), preexec_fn=pinned(GATEWAY_CPU))
        deadline = begin + 90
        last = b""
        step = self.t.get("prepare")
        while step and time.monotonic() < deadline and self.process.poll() is None:
            status, text = http(fill(step["url"]), fill(step["body"]), step["headers"])
            if status in (200, 201):
                taken = json.loads(text)[step["take"]]
                self.headers = [h.replace("{taken}", taken) for h in self.headers]
                break
            last = text
            time.sleep(0.01)
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{name} exited {self.process.returncode}: {self.log.read_text(errors='replace')[-1500:]}")
            if self.t.get("port_from"):
                found = [l for l in self.log.read_text(errors="replace").splitlines() if l.startswith(self.t["port_from"])]
                if not found:
                    time.sleep(0.01)
                    continue
                self.addr = found[0].split("//", 1)[1].split("/", 1)[0]
            status, last = http(f"http://{self.addr}{self.path}", self.body(False), self.headers)
            if status == 200:
                self.startup_s = time.monotonic() - begin
                return
            time.sleep(0.005 if time.monotonic() - begin < 1 else 0.05)
        stop(self.process)
        raise RuntimeError(f"{name} gave no 200 in 90 s: {last[:500]!r} {self.log.read_text(errors='replace')[-800:]}")

    def body(self, stream, turns=0):
        b = {"model": self.model, "messages": list(MESSAGES), "temperature": 0.7, "max_tokens": 200}
        for n in range(turns):
            b["messages"] += [{"role": "assistant", "content": f"Turn {n}: " + LONG}, {"role": "user", "content": "Go on.\n" + LONG}]
        if stream:
            b["stream"] = True
        return json.dumps(b)

    def cpu(self):
        return cpu_seconds(self.process.pid) if self.process else 0.0


# ---------------------------------------------------------------- measuring

def load_command(g, mode, stream=False, body_file=None, **options):
    command = [str(TOOLS / "load"), mode, "--addr", g.addr, "--path", g.path]
    command += ["--body-file", str(body_file)] if body_file else ["--body", g.body(stream)]
    if not stream:
        command += ["--marker", "mock answer"]
    for h in g.headers:
        command += ["-H", h]
    for key, value in options.items():
        command += [f"-{key}", str(value)]
    return command


def phase(g, mock, mode, stream=False, body_file=None, **options):
    """Run the load generator once; add the gateway's CPU, memory and the neighbours' load."""
    before_stats, before_cpu, lines = mock.stats(), g.cpu(), cpu_lines()
    mock_cpu = cpu_seconds(mock.process.pid)
    kids = os.times()
    begin = time.monotonic()
    done = subprocess.run(load_command(g, mode, stream, body_file, **options), stdout=subprocess.PIPE, preexec_fn=pinned(LOAD_CPU),
                          timeout=float(options.get("d", 10)) + 60)
    wall = time.monotonic() - begin
    out = json.loads(done.stdout)
    gateway = g.cpu() - before_cpu
    load_cpu = sum(os.times()[2:4]) - sum(kids[2:4])
    after_lines, after = cpu_lines(), mock.stats()
    busy = {c: (after_lines[c][1] - lines[c][1]) / max(1, after_lines[c][0] - lines[c][0]) for c in lines}
    out["gateway_cpu_s"] = round(gateway, 3)
    out["gateway_core_share"] = round(gateway / wall, 3)
    out["foreign_gateway_core"] = round(max(0.0, busy.get(GATEWAY_CPU, 0) - gateway / wall), 3)
    out["foreign_load_core"] = round(max(0.0, busy.get(LOAD_CPU, 0) - (load_cpu + cpu_seconds(mock.process.pid) - mock_cpu) / wall), 3)
    out["load_core_busy"] = round(busy.get(LOAD_CPU, 0), 3)
    out["upstream_requests"] = after["requests"] - before_stats["requests"]
    out["upstream_chunks"] = after["chunks_sent"] - before_stats["chunks_sent"]
    return out


def measure(name, mock, quick=1.0):
    t = TARGETS[name]
    scale = t.get("scale", 1.0)
    r = {"target": name, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "loadavg": os.getloadavg()[0]}
    mock.set(delay_us=0, chunks=100, interval_us=0, batch=1, body_bytes=1024)
    g = Gateway(name)
    try:
        r["startup_s"] = round(g.startup_s, 3)
        if g.process:
            time.sleep(1)
            r["rss_idle_kb"] = memory_kb(g.process.pid, "VmRSS")
        d = lambda s: max(1.0, s * quick)
        # 1. Throughput at saturation, plain requests.
        phase(g, mock, "closed", c=32, d=d(3))
        r["saturation"] = phase(g, mock, "closed", c=32, d=d(8))
        if g.process:
            r["rss_after_saturation_kb"] = memory_kb(g.process.pid, "VmRSS")
        # 2. Added latency at a fixed, low rate.
        rate = 200 if scale >= 0.5 else 50
        r["rate"] = phase(g, mock, "rate", c=16, r=rate, d=d(8))
        # 3. Streams that drip: many concurrent, one chunk per write.
        n = max(5, int(100 * scale)) if scale < 0.5 else 100
        mock.set(chunks=100, interval_us=20000)
        r["drip"] = phase(g, mock, "stream", stream=True, c=n, d=d(8))
        # 4. Streams as fast as they go.
        mock.set(chunks=200, interval_us=0, batch=1)
        r["burst"] = phase(g, mock, "stream", stream=True, c=8, d=d(5))
        # 5. Time to first chunk, one at a time (short streams).
        mock.set(chunks=1, interval_us=0)
        r["ttfc"] = phase(g, mock, "stream", stream=True, c=1, d=d(3))
        # 6. Memory with many open streams that hardly move.
        if g.process:
            before = memory_kb(g.process.pid, "VmRSS")
            count = 1000 if scale >= 0.5 else 200
            mock.set(chunks=3600, interval_us=1000000)
            holder = subprocess.Popen(load_command(g, "hold", True, c=count, d=count * 0.002 + (6 if scale >= 0.5 else 14)),
                                      stdout=subprocess.PIPE, preexec_fn=pinned(LOAD_CPU))
            held, opened = before, 0
            begin = time.monotonic()
            while holder.poll() is None and time.monotonic() - begin < 60:
                now = mock.stats()["streams_open"]
                if now >= opened:
                    opened, held = now, memory_kb(g.process.pid, "VmRSS")
                time.sleep(0.2)
            got = json.loads(holder.communicate(timeout=30)[0])
            r["hold"] = {"wanted": count, "opened": opened, "rss_before_kb": before, "rss_held_kb": held, "errors": got["errors"]}
            mock.set(chunks=100, interval_us=0)
            r["hwm_kb"] = memory_kb(g.process.pid, "VmHWM")
        return r
    finally:
        stop(g.process)


def measure_big(name, mock, quick=1.0):
    mock.set(delay_us=0, chunks=100, interval_us=0, batch=1, body_bytes=1024)
    g = Gateway(name)
    try:
        path = RUN / "big.json"
        RUN.mkdir(parents=True, exist_ok=True)
        path.write_text(g.body(False, BIG_TURNS))
        phase(g, mock, "closed", body_file=path, c=16, d=1)
        return {"target": name, "big": phase(g, mock, "closed", body_file=path, c=16, d=max(1.0, 5 * quick)), "big_bytes": path.stat().st_size}
    finally:
        stop(g.process)


# ---------------------------------------------------------------- report

def machine():
    cpu = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    mem = next(l.split()[1] for l in open("/proc/meminfo") if l.startswith("MemTotal"))
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_gib": round(int(mem) / 2**20, 1), "kernel": platform.release(),
            "python": platform.python_version(), "gateway_cpu": GATEWAY_CPU, "load_cpu": LOAD_CPU, "nice": NICE}


def version_of(t):
    if not t.get("version"):
        return t.get("version_text", "")
    import shlex
    try:
        out = subprocess.run(shlex.split(fill(t["version"])), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        lines = [l for l in out.stdout.decode(errors="replace").splitlines() if l.strip()]
        found = re.search(r"\b\d+\.\d+[.\d]*\b", lines[0] if lines else "")
        return found.group(0) if found else ""
    except (OSError, subprocess.TimeoutExpired):
        return ""


def figures(r):
    """The flat figures of one run."""
    s, rate, drip, burst, ttfc = r["saturation"], r["rate"], r["drip"], r["burst"], r["ttfc"]
    per = lambda p, key: round(p["gateway_cpu_s"] * 1e6 / p[key], 2) if p.get(key) else None
    out = {
        "startup_s": r["startup_s"],
        "rps": s["rps"],
        "cpu_us_per_request": per(s, "ok"),
        "core_share": s["gateway_core_share"],
        "errors": sum(p["errors"] for p in (s, rate, drip, burst, ttfc)),
        "rate_rps": rate["rps"],
        "lat_p50_us": rate["latency_us"] and rate["latency_us"]["p50"],
        "lat_p99_us": rate["planned_us"] and rate["planned_us"]["p99"],
        "cpu_us_per_request_low_rate": per(rate, "ok"),
        "drip_chunks_per_s": drip["events_per_s"],
        "cpu_us_per_chunk": per(drip, "events"),
        "burst_chunks_per_s": burst["events_per_s"],
        "cpu_us_per_chunk_burst": per(burst, "events"),
        "ttfc_p50_us": ttfc["ttfc_us"] and ttfc["ttfc_us"]["p50"],
        "ttfc_p99_us": ttfc["ttfc_us"] and ttfc["ttfc_us"]["p99"],
        "cpu_us_per_short_stream": per(ttfc, "ok"),
        "foreign": s["foreign_gateway_core"],
        "foreign_load_core": s["foreign_load_core"],
        "load_core_busy": s["load_core_busy"],
    }
    if "hold" in r:
        h = r["hold"]
        out |= {"rss_idle_mib": round(r["rss_idle_kb"] / 1024, 1), "rss_loaded_mib": round(r["rss_after_saturation_kb"] / 1024, 1),
                "hwm_mib": round(r["hwm_kb"] / 1024, 1), "hold_opened": h["opened"],
                "kib_per_stream": round((h["rss_held_kb"] - h["rss_before_kb"]) / h["opened"], 1) if h["opened"] else None}
    return out


def report():
    runs = {}
    for line in RAW.read_text().splitlines():
        r = json.loads(line)
        runs.setdefault(r["target"], []).append(r)
    table = {}
    for name, rs in runs.items():
        bigs = [r for r in rs if "big" in r]
        rs = [r for r in rs if "saturation" in r]
        if not rs:
            continue
        flat = [figures(r) for r in rs]
        medians, spread = {}, {}
        for key in flat[0]:
            values = [f[key] for f in flat if f.get(key) is not None]
            medians[key] = round(statistics.median(values), 3) if values else None
            spread[key] = [min(values), max(values)] if values else None
        if bigs:
            cost = [round(b["big"]["gateway_cpu_s"] * 1e6 / b["big"]["ok"], 1) for b in bigs if b["big"]["ok"]]
            rate = [b["big"]["rps"] for b in bigs]
            medians |= {"big_bytes": bigs[0]["big_bytes"], "big_rps": statistics.median(rate),
                        "big_cpu_us_per_request": statistics.median(cost) if cost else None, "big_errors": sum(b["big"]["errors"] for b in bigs)}
            spread |= {"big_rps": [min(rate), max(rate)], "big_cpu_us_per_request": [min(cost), max(cost)] if cost else None}
        for key in ("cpu_us_per_request", "cpu_us_per_chunk", "cpu_us_per_chunk_burst"):
            base_by_round = {r.get("round"): figures(r)[key] for r in runs.get("nginx", []) if "saturation" in r}
            pairs = [f[key] / base_by_round[r.get("round")] for r, f in zip(rs, flat) if f.get(key) and base_by_round.get(r.get("round"))]
            medians[key + "_vs_nginx"] = round(statistics.median(pairs), 2) if pairs else None
            spread[key + "_vs_nginx"] = [round(min(pairs), 2), round(max(pairs), 2)] if pairs else None
        t = TARGETS.get(name, {})
        table[name] = {"kind": t.get("kind"), "features": t.get("features"), "version": version_of(t), "runs": len(rs),
                       "median": medians, "min_max": spread}
    result = {"machine": machine(), "method": {"body_bytes": 1024, "saturation_connections": 32, "drip": "100 chunks 20 ms apart per stream",
              "burst": "8 connections, 200 chunks back to back", "tick_s": 1 / TICK}, "targets": table}
    (HERE / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    order = sorted(table, key=lambda n: (n != "direct", table[n]["median"].get("cpu_us_per_request") or 0))
    base = table.get("direct", {}).get("median", {})
    m = result["machine"]
    lines = ["# Measured side by side", "",
             f"Machine: {m['cores']} cores {m['cpu']}, {m['memory_gib']} GiB, Linux {m['kernel']}. Gateway on core {m['gateway_cpu']}, mock upstream and load generator on core {m['load_cpu']}. "
             "Medians of the runs; CPU is utime+stime of the gateway's process tree.", "",
             "The machine was shared: medians and same-round ratios hold, p99 columns and single figures do not. "
             "Requests per second of the cheapest targets are held down by the load core (last table).", "",
             "## Plain requests (1 KiB answer)", "",
             "| target | version | runs | rps at saturation (32 conns) | core share | CPU µs/request (min–max) | × nginx, same round | implied rps per core | low rate, rps | added p50 µs | added p99 µs | errors |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    fmt = lambda v, p=0: "–" if v is None else f"{v:,.{p}f}"
    for n in order:
        e, v = table[n], table[n]["median"]
        direct = n == "direct"
        add = lambda key: v[key] if direct or base.get(key) is None or v.get(key) is None else v[key] - base[key]
        ratio = v["cpu_us_per_request_vs_nginx"]
        low, high = e["min_max"]["cpu_us_per_request"]
        cost = "–" if direct else f"{v['cpu_us_per_request']:,.1f} ({low:,.1f}–{high:,.1f})"
        lines.append(f"| {n} | {e['version']} | {e['runs']} | {fmt(v['rps'])} | {fmt(v['core_share'],2)} | {cost} | {fmt(ratio,2)} | "
                     f"{fmt(None if direct or not v['cpu_us_per_request'] else 1e6 / v['cpu_us_per_request'])} | "
                     f"{fmt(v['rate_rps'])} | {fmt(add('lat_p50_us'))}{' (absolute)' if direct else ''} | {fmt(add('lat_p99_us'))} | {fmt(v['errors'])} |")
    lines += ["", "## Streams", "",
              "| target | CPU µs/chunk, dripping | × nginx, same round (min–max) | chunks/s in that test | CPU µs/chunk, back to back | × nginx, same round | chunks/s back to back | added time to first chunk p50 µs | p99 µs | CPU µs per 3-chunk stream |",
              "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for n in order:
        v, direct = table[n]["median"], n == "direct"
        span = table[n]["min_max"]["cpu_us_per_chunk_vs_nginx"]
        times = "–" if direct or not span else f"{v['cpu_us_per_chunk_vs_nginx']:.2f} ({span[0]:.2f}–{span[1]:.2f})"
        add = lambda key: v[key] if direct or base.get(key) is None or v.get(key) is None else v[key] - base[key]
        lines.append(f"| {n} | {fmt(None if direct else v['cpu_us_per_chunk'],1)} | {times} | "
                     f"{fmt(v['drip_chunks_per_s'])} | {fmt(None if direct else v['cpu_us_per_chunk_burst'],1)} | {fmt(v['cpu_us_per_chunk_burst_vs_nginx'],2)} | "
                     f"{fmt(v['burst_chunks_per_s'])} | {fmt(add('ttfc_p50_us'))}{' (absolute)' if direct else ''} | {fmt(add('ttfc_p99_us'))} | {fmt(None if direct else v['cpu_us_per_short_stream'],0)} |")
    if any("big_rps" in e["median"] for e in table.values()):
        size = next(e["median"]["big_bytes"] for e in table.values() if "big_bytes" in e["median"])
        lines += ["", f"## Long conversations ({size:,} bytes in, 1 KiB out, 16 connections)", "",
                  "| target | rps | CPU µs/request | CPU µs per extra KB over the short request |", "| --- | --- | --- | --- |"]
        for n in order:
            v = table[n]["median"]
            if "big_rps" in v:
                extra = (v["big_cpu_us_per_request"] - v["cpu_us_per_request"]) / (size / 1000) if n != "direct" and v["big_cpu_us_per_request"] else None
                lines.append(f"| {n} | {fmt(v['big_rps'])} | {fmt(None if n == 'direct' else v['big_cpu_us_per_request'],1)} | {fmt(extra,2)} |")
    lines += ["", "## Memory and start", "",
              "| target | start to first 200, s | RSS idle MiB | RSS after saturation MiB | peak RSS MiB | streams held | KiB per open stream | others' share of the gateway's core at saturation | load core busy at saturation |",
              "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for n in order:
        v = table[n]["median"]
        if n != "direct":
            lines.append(f"| {n} | {fmt(v['startup_s'],2)} | {fmt(v.get('rss_idle_mib'),1)} | {fmt(v.get('rss_loaded_mib'),1)} | {fmt(v.get('hwm_mib'),1)} | {fmt(v.get('hold_opened'))} | {fmt(v.get('kib_per_stream'),1)} | {fmt(v['foreign'],2)} | {fmt(v['load_core_busy'],2)} |")
    lines += ["", "## What was on", ""] + [f"- {n}: {table[n]['features']}" for n in order] + [""]
    (HERE / "results.md").write_text("\n".join(lines))
    print("\n".join(lines))


def runnable(name):
    cmd = TARGETS[name]["cmd"]
    if cmd is None:
        return True
    words = fill(cmd).split()
    return shutil.which(words[0]) is not None and all(os.path.exists(w) for w in words[1:2] if w.startswith(str(PEERS)))


def main():
    local_targets()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["list", "check", "run", "big", "report"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", type=float, default=1.0, help="factor on every duration")
    args = parser.parse_args()
    if args.action == "report":
        return report()
    names = args.names or [n for n in TARGETS if runnable(n)]
    if args.action == "list":
        for n in TARGETS:
            print(f"{'yes' if runnable(n) else 'no ':3} {n:14} {version_of(TARGETS[n]) if runnable(n) else '':40} {TARGETS[n]['features']}")
        return
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sig, lambda *_: sys.exit(1))  # so that `finally` stops what was started
    for port in (MOCK_PORT, PORT):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                raise SystemExit(f"port {port} is taken: is another run under way?")
    mock = Mock()
    try:
        if args.action == "check":
            mock.set(chunks=2, interval_us=0)
            for n in names:
                try:
                    g = Gateway(n)
                except RuntimeError as e:
                    print(n, "FAILED", e)
                    continue
                try:
                    print(f"== {n}: up after {g.startup_s:.2f} s")
                    for stream in (False, True):
                        status, text = http(f"http://{g.addr}{g.path}", g.body(stream), g.headers)
                        print(status, len(text), text[:160], "…", text[-60:])
                    status, text = http(f"http://{g.addr}{g.path}", g.body(False), ["authorization: Bearer wrong"])
                    print("with a wrong key:", status, text[:120])
                finally:
                    stop(g.process)
            return
        for round_ in range(args.rounds):
            for n in names:
                try:
                    r = (measure_big if args.action == "big" else measure)(n, mock, args.quick)
                except Exception as e:  # one target's failure must not end the others' runs
                    print(f"round {round_ + 1} {n}: FAILED {e!r}"[:1500], file=sys.stderr, flush=True)
                    continue
                r["round"] = round_ + 1
                with open(RAW, "a") as f:
                    f.write(json.dumps(r) + "\n")
                if "big" in r:
                    b = r["big"]
                    print(f"round {round_ + 1} {n}: big {r['big_bytes']} bytes, {b['rps']:.0f} rps, {b['gateway_cpu_s'] * 1e6 / max(1, b['ok']):.1f} µs/req, errors {b['errors']} {b['first_error'][:200]}", flush=True)
                    continue
                v = figures(r)
                print(f"round {round_ + 1} {n}: {v['rps']:.0f} rps, {v['cpu_us_per_request']} µs/req, p50 {v['lat_p50_us']} µs, p99 {v['lat_p99_us']} µs, "
                      f"{v['cpu_us_per_chunk']} µs/chunk, ttfc {v['ttfc_p50_us']} µs, {v.get('kib_per_stream')} KiB/stream, errors {v['errors']}, foreign {v['foreign']}", flush=True)
    finally:
        stop(mock.process)


if __name__ == "__main__":
    main()
