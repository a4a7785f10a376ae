"""The peers of scripts/bench_intake.py: DuckDB and tantivy from PyPI, ripgrep. Each runs in a process of its own."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import bench_corpus


def run(name, folder, facts):
    """What the peer measured; `None` when it is not there."""
    if name == "ripgrep":
        return ripgrep(folder)
    directory = tempfile.mkdtemp(dir=folder)
    try:
        process = subprocess.Popen([sys.executable, os.path.abspath(__file__), name, folder, directory], stdout=subprocess.PIPE, text=True)
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            print(f"{name}: skipped, not installed")
            return None
        measured = json.loads(out.splitlines()[-1])
        return measured | {"peak": usage.ru_maxrss / 1024}
    finally:
        shutil.rmtree(directory)


def timed(question, expected, rounds=10):
    times, cpu = [], time.process_time()
    for _ in range(rounds):
        started = time.monotonic()
        found = question()
        times.append((time.monotonic() - started) * 1000)
        assert expected is None or found == expected, (found, expected)
    return statistics.median(times), max(times), (time.process_time() - cpu) * 1000 / rounds


def folder_bytes(directory):
    return sum(os.path.getsize(os.path.join(root, name)) for root, _, files in os.walk(directory) for name in files)


def duckdb_round(folder, directory, facts):
    import duckdb
    before = time.process_time()
    base = duckdb.connect(os.path.join(directory, "logs.db"), config={"threads": 1})
    base.execute("""create table logs as select time::timestamp as time, level, service, kubernetes.pod_name as pod, kubernetes.host as host, trace_id, span_id, logger,
        message from read_json(?, format='newline_delimited', columns={time:'varchar', level:'varchar', service:'varchar',
        kubernetes:'struct(pod_name varchar, namespace varchar, host varchar)', trace_id:'varchar', span_id:'varchar', logger:'varchar', message:'varchar'})""",
                 [os.path.join(folder, "lines.jsonl")])
    base.execute("checkpoint")
    cpu = time.process_time() - before
    count = lambda where, *values: lambda: base.execute(f"select count(*) from logs where {where}", values).fetchone()[0]
    rows = lambda sql, *values: lambda: len(base.execute(sql, values).fetchall())
    asked = {
        "trace": timed(count("trace_id = ?", facts["traces"][0]), None),
        "needle": timed(count("contains(message, ?)", bench_corpus.NEEDLE), 1),
        "phrase": timed(count("contains(message, ?)", bench_corpus.PHRASE), facts["phrase"]),
        "errwin": timed(count("level = 'ERROR' and service = 'orders' and time between '2026-09-21 14:00:00' and '2026-09-21 14:14:59.999999'"), facts["window"]),
        "histogram": timed(rows("select time_bucket(interval '1 minute', time), count(*) from logs where level = 'ERROR' and service = 'orders' group by 1"), None),
        "substring": timed(count("contains(message, ?)", "xhauste"), None),
    }
    base.close()
    return {"cpu": cpu, "disk": folder_bytes(directory), "queries": asked}


def tantivy_round(folder, directory, facts):
    import tantivy
    before = time.process_time()
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("message", stored=True)
    for name in ("level", "service", "pod", "host", "logger", "trace_id", "span_id"):
        builder.add_text_field(name, stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_date_field("time", stored=True, indexed=True, fast=True)
    schema = builder.build()
    index = tantivy.Index(schema, path=directory)
    writer = index.writer(heap_size=128_000_000, num_threads=1)
    with open(os.path.join(folder, "lines.jsonl")) as lines:
        for line in lines:
            # The nested object's fields are the only ones that need another name; the rest is read by the engine itself.
            line = line.replace('"kubernetes":{"pod_name"', '"pod"', 1).replace(',"namespace":"shop-production"', "", 1).replace('"}', '"', 1)
            writer.add_json(line)
    writer.commit()
    writer.wait_merging_threads()
    cpu = time.process_time() - before
    index.reload()
    searcher = index.searcher()
    search = lambda text, fields, limit=100: lambda: searcher.search(index.parse_query(text, fields), limit).count
    asked = {
        "trace": timed(search(facts["traces"][0], ["trace_id"]), None),
        "needle": timed(search(f'"{bench_corpus.NEEDLE}"', ["message"]), 1),
        "phrase": timed(search(f'"{bench_corpus.PHRASE}"', ["message"]), facts["phrase"]),
        "errwin": timed(search("+level:ERROR +service:orders +time:[2026-09-21T14:00:00Z TO 2026-09-21T14:14:59.999999Z]", ["message"]), facts["window"]),
    }
    return {"cpu": cpu, "disk": folder_bytes(directory), "queries": asked}


def ripgrep(folder):
    program = os.environ.get("GROUNDCREW_RIPGREP") or shutil.which("rg")
    if not program:
        print("ripgrep: skipped, not installed")
        return None
    path, asked = os.path.join(folder, "lines.jsonl"), {}
    for shape, words in (("needle", bench_corpus.NEEDLE), ("phrase", bench_corpus.PHRASE), ("substring", "xhauste")):
        times, cpus = [], []
        for _ in range(5):
            started = time.monotonic()
            process = subprocess.Popen([program, "-cF", words, path], stdout=subprocess.DEVNULL)
            _, _, usage = os.wait4(process.pid, 0)
            times.append((time.monotonic() - started) * 1000)
            cpus.append((usage.ru_utime + usage.ru_stime) * 1000)
        asked[shape] = statistics.median(times), max(times), statistics.median(cpus)
    return {"queries": asked}


if __name__ == "__main__":
    peer, corpus, home = sys.argv[1:]
    known = json.load(open(os.path.join(corpus, "facts.json")))
    try:
        print(json.dumps({"duckdb": duckdb_round, "tantivy": tantivy_round}[peer](corpus, home, known)))
    except ImportError:
        sys.exit(3)
