"""Prints the vectors that loadgen/tests/statistics.rs compares the Universal Scalability Law and the fitted costs with:
python3 scaling.py > scaling.json (NumPy 2, SciPy 1.11 or later).

laws: load and throughput at several levels, and the law C(N) = r N / (1 + s (N - 1) + k N (N - 1)) that scipy.optimize.lsq_linear finds as the
bounded linear problem N / C = 1/r + s/r (N - 1) + k/r N (N - 1), each row divided by N / C, no coefficient below 0; and C at twice the last load.

costs: rows x and cost y, the least-squares coefficients of y = sum a x with errors relative to y (numpy.linalg.lstsq on rows divided by y), and
at another x the value and the 95 % prediction interval of one further run (scipy.stats.t)."""
import json

import numpy
import scipy
from scipy import optimize, stats

random = numpy.random.default_rng(20251122)
laws = []
for rate, contention, coherency, noise, loads in [
    (995.0, 0.0267, 0.000769, 0.0, [1, 2, 4, 8, 16, 24, 32, 48]),
    (995.0, 0.0267, 0.000769, 0.04, [1, 2, 4, 8, 16, 24, 32, 48]),
    (120.0, 0.05, 0.0, 0.03, [1, 2, 4, 8, 16, 32, 64]),
    (10.0, 0.0, 0.0002, 0.02, [5, 10, 20, 40, 80, 120]),
    (50.0, 1e-5, 2e-9, 0.01, [1000, 2000, 4000, 8000, 12000, 16000, 19000]),
    (1000.0, 0.0, 0.0, 0.02, [10, 20, 40, 80, 160, 240, 320, 380]),
]:
    n = numpy.array(loads, dtype=float)
    c = rate * n / (1 + contention * (n - 1) + coherency * n * (n - 1)) * (1 + noise * random.standard_normal(len(n)))
    y = n / c
    table = numpy.column_stack([1 / y, (n - 1) / y, n * (n - 1) / y])
    scale = numpy.linalg.norm(table, axis=0)
    found = optimize.lsq_linear(table / scale, numpy.ones(len(n)), bounds=(0, numpy.inf), method="bvls", tol=1e-15)
    a, b, k = found.x / scale
    far = 2 * n[-1]
    laws.append({
        "levels": [[float(load), float(throughput)] for load, throughput in zip(n, c)],
        "law": [1 / a, b / a, k / a],
        "squares": float(2 * found.cost),
        "far": [float(far), float(far / (a + b * (far - 1) + k * far * (far - 1)))],
    })
costs = []
for coefficients, noise, rows, at in [
    ([4.0], 0.02, [[n] for n in [1000, 1800, 2600, 3400, 4200, 5000]], [15000]),
    ([6e6, 300.0], 0.005, [[1, n] for n in [1000, 1800, 2600, 3400, 4200, 5000]], [1, 15000]),
    ([0.02, 3e-6, 1e-5], 0.01, [[1, d, c] for d in [10000, 50000, 200000] for c in [100, 2000, 9000]], [1, 400000, 20000]),
]:
    x = numpy.array(rows, dtype=float)
    y = x @ numpy.array(coefficients) * (1 + noise * random.standard_normal(len(x)))
    scaled = x / y[:, None]
    length = numpy.linalg.norm(scaled, axis=0)
    found, squares, *_ = numpy.linalg.lstsq(scaled / length, numpy.ones(len(y)), rcond=None)
    found = found / length
    freedom = len(y) - x.shape[1]
    place = numpy.array(at, dtype=float)
    value = float(place @ found)
    leverage = (place / length) @ numpy.linalg.inv((scaled / length).T @ (scaled / length)) @ (place / length)
    half = stats.t.ppf(0.975, freedom) * numpy.sqrt(squares[0] / freedom * (leverage + value**2))
    costs.append({
        "rows": [[row, float(cost)] for row, cost in zip(rows, y)],
        "coefficients": found.tolist(),
        "at": at,
        "value": value,
        "interval": [value - float(half), value + float(half)],
    })
print(json.dumps({"made_with": f"NumPy {numpy.__version__}, SciPy {scipy.__version__}", "laws": laws, "costs": costs}))
