"""Reads the blocks of `fanout ab` for tests/statistics/aa.json: python3 aa.py DIR > aa.json

DIR is what `fanout ab FILE --out DIR` wrote, with a file whose two arms are the same: scenarios/compression-ab.toml with a second variant
that equals `shared`, 12 runs an arm. Only valid runs count, the last of each arm and block.
"""
import json
import sys
from pathlib import Path

METRICS = {
    "server.cpu_us_per_delivery": lambda run: run["server"]["cpu_us_per_delivery"],
    "latency.due.p99": lambda run: run["latency"]["due"]["p99"],
}


def runs(arm):
    """The runs of an arm, by block."""
    return [json.loads((path / "run.json").read_text()) for path in sorted(Path(sys.argv[1]).glob(f"{arm}-[0-9][0-9]"))]


a, b = runs("a"), runs("b")
environment = {key: a[0]["environment"][key] for key in ("kernel", "cpu", "cores")}
blocks = {name: [[round(of(x), 4), round(of(y), 4)] for x, y in zip(a, b)] for name, of in METRICS.items()}
print(json.dumps({"started": a[0]["started"], "environment": environment, "blocks": blocks}, indent=1))
