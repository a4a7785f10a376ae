"""Makes the seeded log corpus that the intake is measured with: JSON lines and the same records as OTLP requests.

One day of 24 services on 8 nodes, about 200 kinds of lines by Zipf's law, 60 % of them with a trace, eight lines a trace; at 14:00
a rollout, then twenty minutes in which a pool runs dry; one order number that occurs once. About 330 bytes a line.
"""

import itertools
import json
import os
import random
import struct

DAY = 1_789_948_800  # 2026-09-21T00:00:00Z
NODES = 8
BATCH = 1000
SERVICES = ["gateway", "cart", "orders", "billing", "stock", "search", "media", "mail", "login", "profile", "quotes", "ledger", "parcel",
            "returns", "coupons", "reviews", "tax", "fraud", "ranker", "feed", "geo", "audit", "export", "cron"]
VERBS = ["accepted", "served", "loaded", "stored", "queued", "released", "refreshed", "checked", "merged", "rebuilt", "forwarded", "dropped"]
THINGS = ["request", "basket", "invoice", "cached page", "shipment", "price list", "session row", "search shard", "thumbnail", "event batch",
          "exchange rate", "customer record"]
TAILS = ["for account {n6} in {f} ms", "with status {s} after {n2} attempts", "from {ip}:{port} ({n4} bytes)", "at offset {n8} of partition {n2}",
         "by worker-{n2} took {f} ms", "path=/v2/{word}/{n6} status={s} duration={f}ms", "key={word}:{hex} ttl={n4}s", "id {uuid} version {n2}",
         "on shard {n2}, {n4} rows, {f} ms", "host={word}-{n2}.internal.example lag={n4}ms", "token bucket {word} at {n2} of {n4}"]
CLAUSES = ["after the upstream answered", "while holding the write lease", "because the local copy was stale", "before its window closed",
           "as asked for by the caller", "although the first try failed", "from the second replica"]
WORDS = ["alpha", "harbour", "linen", "copper", "meadow", "signal", "velvet", "walnut", "orchid", "pepper", "summit", "cobalt"]
NEEDLE = "ORD-7731-QX90417"
PHRASE = "connection pool exhausted while waiting for a free slot"
LEVELS = {"DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17}


def field(tag, payload):
    length, head = len(payload), bytearray([tag])
    while length > 127:
        head.append(length & 127 | 128)
        length >>= 7
    head.append(length)
    return bytes(head) + payload


def pair(key, text):
    return field(0x0A, key.encode()) + field(0x12, field(0x0A, text.encode()))


def kinds(rng):
    """Kinds of lines: service, level, logger, pieces of text and what stands between them."""
    made = []
    for number, (thing, verb) in enumerate(itertools.islice(itertools.product(THINGS, VERBS), 0, 144)):
        tail = TAILS[number % len(TAILS)]
        level = "DEBUG" if number % 7 == 3 else "WARN" if number % 17 == 5 else "ERROR" if number % 29 == 11 else "INFO"
        for copy in range(1 + (number % 3 == 0)):
            words = f"{verb} {thing} {'again ' if copy else ''}{CLAUSES[number % len(CLAUSES)]} {tail}"
            pieces = [piece.partition("}") for piece in words.replace("{", "\0{").split("\0")]
            parts = [(slot[1:], rest) if end else ("", slot) for slot, end, rest in pieces]
            made.append((SERVICES[rng.randrange(24)], level, f"{thing.split()[0]}.{verb}", parts))
    rng.shuffle(made)
    return made


def slots(rng):
    draw, bits = rng.random, rng.getrandbits
    return {
        "": lambda: "", "n2": lambda: str(int(draw() * 64)), "n4": lambda: str(int(draw() * 9000)), "n6": lambda: str(100_000 + int(draw() * 40_000)),
        "n8": lambda: str(10_000_000 + int(draw() * 80_000_000)), "f": lambda: f"{draw() * draw() * 900:.1f}", "s": lambda: ("200", "200", "200", "204", "404", "503")[int(draw() * 6)],
        "ip": lambda: f"10.{int(draw() * 4)}.{int(draw() * 250)}.{int(draw() * 250)}", "port": lambda: str(30_000 + int(draw() * 30_000)),
        "word": lambda: WORDS[int(draw() * 12)], "hex": lambda: f"{bits(48):012x}", "uuid": lambda: f"{bits(32):08x}-{bits(16):04x}-4{bits(12):03x}-a{bits(12):03x}-{bits(48):012x}",
    }


def records(lines, seed=7):
    """Yields time, level, service, pod, node, logger, trace, span, text."""
    rng = random.Random(seed)
    made, fill = kinds(rng), slots(rng)
    weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(made))))
    pods = {service: [(f"{service}-{rng.getrandbits(36):09x}-{rng.getrandbits(20):05x}", (place + copy) % NODES) for copy in range(4)] for place, service in enumerate(SERVICES)}
    traces = [[rng.getrandbits(128), 8] for _ in range(64)]
    step = 86_400 * 10**9 // lines
    needle_at = lines * 5 // 9
    drawn = itertools.chain.from_iterable(iter(lambda: rng.choices(made, cum_weights=weights, k=512), None))
    for number, (service, level, logger, parts) in enumerate(itertools.islice(drawn, lines)):
        at = (number * step + int(rng.random() * step)) // 1000 * 1000
        second = at // 10**9
        text = "".join([fill[slot]() + rest for slot, rest in parts])
        if 50_400 <= second < 51_600 and rng.random() < 0.04:
            service, level, logger, text = "orders", "ERROR", "pool.lease", f"{PHRASE} ({int(rng.random() * 40)} waiting, {int(rng.random() * 9000)} ms)"
        elif 50_100 <= second < 50_130 and rng.random() < 0.05:
            service, level, logger, text = "orders", "INFO", "rollout", f"started version 4.{int(rng.random() * 3)}.1 with pool size 5"
        if number == needle_at:
            text = f"refused payment of order {NEEDLE}: card issuer did not answer"
        pod, node = pods[service][int(rng.random() * 4)]
        trace = span = 0
        if rng.random() < 0.6:
            open_ = traces[int(rng.random() * 64)]
            trace, span = open_[0], rng.getrandbits(64) | 1
            open_[1] -= 1
            if open_[1] == 0:
                open_[:] = rng.getrandbits(128), 8
        yield DAY * 10**9 + at, level, service, pod, node, logger, trace, span, text


def stamp(nanos):
    seconds, rest = divmod(nanos - DAY * 10**9, 10**9)
    return f"2026-09-21T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest // 1000:06}Z"


def write(folder, megabytes):
    """Writes lines.jsonl, requests.bin (length and bytes of each) and facts.json; nothing when they are there."""
    facts_path = os.path.join(folder, "facts.json")
    if os.path.exists(facts_path):
        return json.load(open(facts_path))
    os.makedirs(folder, exist_ok=True)
    lines = megabytes * 3000
    resources, open_ = {}, [{} for _ in range(NODES)]
    counts, facts = [0] * NODES, {"traces": [], "phrase": 0, "window": 0, "errors": 0}
    with open(os.path.join(folder, "lines.jsonl"), "w") as plain, open(os.path.join(folder, "requests.bin"), "wb") as requests:
        def send(node):
            body = b"".join(field(0x0A, resources[pod] + field(0x12, b"".join(rows))) for pod, rows in open_[node].items())
            requests.write(struct.pack("<I", len(body)) + body)
            open_[node], counts[node] = {}, 0

        for number, (at, level, service, pod, node, logger, trace, span, text) in enumerate(records(lines)):
            ids = f'"trace_id":"{trace:032x}","span_id":"{span:016x}",' if trace else ""
            plain.write(f'{{"time":"{stamp(at)}","level":"{level}","service":"{service}","kubernetes":{{"pod_name":"{pod}","namespace":"shop-production",'
                        f'"host":"node-{node}"}},{ids}"logger":"{logger}","message":"{text}"}}\n')
            if pod not in resources:
                resources[pod] = field(0x0A, b"".join(field(0x0A, pair(key, value)) for key, value in (
                    ("service.name", service), ("k8s.pod.name", pod), ("k8s.namespace.name", "shop-production"), ("k8s.node.name", f"node-{node}"))))
            row = b"\x09" + struct.pack("<Q", at) + b"\x10" + bytes([LEVELS[level]]) + field(0x1A, level.encode()) + field(0x2A, field(0x0A, text.encode()))
            row += field(0x32, pair("logger", logger))
            if trace:
                row += b"\x4a\x10" + trace.to_bytes(16, "big") + b"\x52\x08" + span.to_bytes(8, "big")
            row += b"\x59" + struct.pack("<Q", at + 1_000_000)
            open_[node].setdefault(pod, []).append(field(0x12, row))
            counts[node] += 1
            if counts[node] == BATCH:
                send(node)
            if trace and number % (lines // 50) == 0:
                facts["traces"].append(f"{trace:032x}")
            facts["phrase"] += text.startswith(PHRASE)
            facts["errors"] += level == "ERROR"
            facts["window"] += level == "ERROR" and service == "orders" and 50_400 <= at // 10**9 - DAY < 51_300
        for node in range(NODES):
            if counts[node]:
                send(node)
    facts |= {"lines": lines, "raw": os.path.getsize(os.path.join(folder, "lines.jsonl")), "otlp": os.path.getsize(os.path.join(folder, "requests.bin"))}
    json.dump(facts, open(facts_path, "w"))
    return facts
