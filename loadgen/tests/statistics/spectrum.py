"""Prints the vectors that loadgen/tests/statistics.rs compares percentile spectra with: python3 spectrum.py > spectrum.json (NumPy 2).

Each case is a list of latencies in microseconds, how many deliveries were expected (those missing are later than all others), and for some
shares the smallest latency that at least this share does not exceed: numpy.quantile with method inverted_cdf over the latencies with an
infinity for each that is missing. null stands for infinity."""
import json

import numpy

random = numpy.random.default_rng(20251121)
SHARES = [0.0, 0.01, 0.07, 0.25, 0.5, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 1.0]
cases = []
for name, latencies, missing in [
    ("uniform", random.integers(1, 2000, 1000), 0),
    ("lognormal", random.lognormal(7, 1.2, 3000), 0),
    ("two humps", numpy.concatenate([random.normal(900, 80, 2500), random.normal(45000, 3000, 60)]), 0),
    ("pareto", (random.pareto(1.3, 3000) + 1) * 400, 0),
    ("ties", random.choice([100, 200, 200, 5000], 700), 0),
    ("one", numpy.array([12345]), 0),
    ("a tenth lost", random.lognormal(6, 0.5, 900), 100),
    ("one in a thousand lost", random.lognormal(6, 0.5, 1998), 2),
    ("all but one lost", numpy.array([77]), 99),
]:
    latencies = numpy.clip(numpy.rint(latencies), 1, 60_000_000).astype(int)
    expected = numpy.concatenate([latencies.astype(float), numpy.full(missing, numpy.inf)])
    quantiles = [float(numpy.quantile(expected, share, method="inverted_cdf")) for share in SHARES]
    cases.append({
        "name": name,
        "latencies": latencies.tolist(),
        "expected": len(expected),
        "quantiles": [[share, value if numpy.isfinite(value) else None] for share, value in zip(SHARES, quantiles)],
    })
print(json.dumps({"made_with": f"NumPy {numpy.__version__}", "cases": cases}))
