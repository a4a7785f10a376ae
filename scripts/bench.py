"""Measures the release binary and prints medians and ratios: ingest, facts card, bundles, start, memory, templates.

    python3 scripts/bench.py BINARY

Reads ../shared/data where it is there; asserts nothing, because machines differ and are noisy.
"""

import glob
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

binary = os.path.abspath(sys.argv[1])
data = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "..", "shared", "data")


def run(*arguments, directory, check=True):
    """Runs the program; returns wall seconds, CPU seconds, stdout."""
    environment = dict(os.environ, GROUNDCREW_DATA_DIR=directory)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    done = subprocess.run([binary, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if check and done.returncode not in (0, 1):
        sys.exit(f"{arguments}: {done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def spread(values, unit):
    values = sorted(values)
    p95 = values[min(len(values) - 1, int(len(values) * 0.95))]
    return f"p50 {statistics.median(values):.0f} {unit}, p95 {p95:.0f} {unit} ({len(values)} runs)"


def synthetic(path, records):
    """OTLP/JSON lines of ordinary logs: 24 templates, one thousand records a line."""
    words = ["handled request", "cache miss for key", "connected to", "retry", "flushed", "accepted order"]
    with open(path, "w") as out:
        for start in range(0, records, 1000):
            rows = []
            for number in range(start, start + 1000):
                text = f"{words[number % 6]} {number * 7919 % 100003} in {number % 97} ms for user u{number % 5003} stage {number % 4}"
                rows.append({"timeUnixNano": str(1790000000000000000 + number * 1000000), "severityNumber": 9,
                             "body": {"stringValue": text}, "attributes": [{"key": "thread", "value": {"stringValue": f"w-{number % 16}"}}]})
            resource_ = {"attributes": [{"key": "service.name", "value": {"stringValue": f"svc-{start // 1000 % 8}"}}]}
            out.write(json.dumps({"resourceLogs": [{"resource": resource_, "scopeLogs": [{"logRecords": rows}]}]}) + "\n")


def ingest():
    with tempfile.TemporaryDirectory() as folder:
        records = 1_000_000
        file = os.path.join(folder, "logs.otlp.jsonl")
        synthetic(file, records)
        rates, sizes = [], []
        for round_ in range(3):
            directory = os.path.join(folder, f"data{round_}")
            _, cpu, _ = run("ingest", file, directory=directory)
            rates.append(records / cpu)
            sizes.append(sum(os.path.getsize(path) for path in glob.glob(f"{directory}/**", recursive=True) if os.path.isfile(path)))
        raw = os.path.getsize(file)
        print(f"ingest of OTLP/JSON logs: {statistics.median(rates):,.0f} records per CPU second, {raw / records:.0f} B each, "
              f"stored in {statistics.median(sizes) / raw:.3f} of it")
        start_and_idle(directory)


def start_and_idle(directory):
    server, _, ready = serve(directory)
    try:
        time.sleep(1)
        for line in open(f"/proc/{server.pid}/status"):
            if line.startswith("VmRSS"):
                memory = int(line.split()[1]) / 1024
        size = sum(os.path.getsize(path) for path in glob.glob(f"{directory}/**", recursive=True) if os.path.isfile(path))
        print(f"start to ready on {size / 1e6:.0f} MB of data: {ready * 1000:.0f} ms; idle memory {memory:.0f} MB")
    finally:
        server.terminate()
        server.wait()


def serve(directory):
    """Starts a server on free ports; returns it, its address, and the seconds until it was ready."""
    environment = dict(os.environ, GROUNDCREW_DATA_DIR=directory, GROUNDCREW__SERVER__LISTEN="127.0.0.1:0",
                       GROUNDCREW__SERVER__OTLP_GRPC="127.0.0.1:0", GROUNDCREW__SERVER__OTLP_HTTP="127.0.0.1:0")
    started = time.monotonic()
    server = subprocess.Popen([binary, "serve"], env=environment, stderr=subprocess.DEVNULL)
    while True:
        try:
            address = json.load(open(os.path.join(directory, "server.json")))["http"]
            urllib.request.urlopen(f"http://{address}/readyz", timeout=1).read()
            return server, address, time.monotonic() - started
        except (OSError, ValueError):
            time.sleep(0.005)


def facts_card():
    cases = glob.glob(os.path.join(data, "rca", "*", "*", "case.json"))
    if not cases:
        return print("facts card: skipped, the recorded cases are not there")
    largest = max(cases, key=lambda case: sum(json.load(open(case))["counts"].values()))
    page = json.load(open(largest))["alert"]
    with tempfile.TemporaryDirectory() as directory:
        run("ingest", *glob.glob(os.path.join(os.path.dirname(largest), "*.otlp.jsonl.gz")), directory=directory)
        arguments = ("ask", page["text"], "--at", page["time"], "--since", f"{page['for_s']}s", "-o", "json")
        cold = [run(*arguments, directory=directory)[0] * 1000 for _ in range(20)]
        server, address, _ = serve(directory)
        try:
            warm = []
            scope = {"at": page["time"], "since": f"{page['for_s']}s"}
            body = json.dumps({"text": page["text"], "scope": scope}).encode()
            for _ in range(41):
                request = urllib.request.Request(f"http://{address}/v1/ask", body, {"content-type": "application/json"})
                started = time.monotonic()
                urllib.request.urlopen(request).read()
                warm.append((time.monotonic() - started) * 1000)
        finally:
            server.terminate()
            server.wait()
        print(f"facts card on the largest recorded incident, question to last byte: {spread(warm[1:], 'ms')}; "
              f"command line without a server: {spread(cold, 'ms')}")


def bundles():
    cases = os.path.join(data, "peer_cases")
    if not os.path.isdir(cases):
        return print("bundles: skipped, the recorded cases are not there")
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "bundles.jsonl")
        run("eval", "bundles", cases, "--out", out, directory=os.path.join(directory, "data"))
        print(f"bundle build on recorded questions: {spread([json.loads(line)['ms'] for line in open(out)], 'ms')}")


def templates():
    """Lines per second of template mining, beside one regular expression, and beside Drain3 where Python has it."""
    words = ["handled request", "cache miss for key", "connected to", "retry", "flushed", "accepted order"]
    lines = [f"2026-11-22 03:07:{number % 60:02},125 INFO [worker-{number % 16}] shop.Till: {words[number % 6]} {number * 7919 % 100003} "
             f"from 10.0.{number % 7}.{number % 251}:{8000 + number % 9} in {number % 97} ms for user u{number % 5003}" for number in range(50_000)]
    with tempfile.TemporaryDirectory() as directory:
        with open(os.path.join(directory, "Till_2k.log"), "w") as out:
            out.write("\n".join(lines) + "\n")
        stdout = run("eval", "templates", directory, "--out", os.path.join(directory, "groups.jsonl"), directory=os.path.join(directory, "data"))[2]
    ours = int(stdout.split(" lines per second")[0].split()[-1])

    def rate(mine, lines):
        started = time.monotonic()
        for line in lines:
            mine(line)
        return len(lines) / (time.monotonic() - started)

    digits = re.compile(r"\S*\d\S*")
    others = [("one regular expression in Python", rate(lambda line: digits.sub("<*>", line), lines))]
    try:
        from drain3 import TemplateMiner
        others.append(("Drain3 without masks", rate(TemplateMiner().add_log_message, lines[:10_000])))
    except ImportError:
        pass
    beside = "; ".join(f"{name} {of:,.0f}, ratio {ours / of:.1f}" for name, of in others)
    print(f"templates: {ours:,} lines/s on one core, {sum(map(len, lines)) / len(lines):.0f} B each; {beside}")


def command_line():
    with tempfile.TemporaryDirectory() as directory:
        print(f"groundcrew --version: {spread([run('--version', directory=directory)[0] * 1000 for _ in range(20)], 'ms')}")


for measure in (command_line, templates, ingest, facts_card, bundles):
    measure()
