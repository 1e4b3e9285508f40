"""Prints the vectors that loadgen/tests/statistics.rs compares with: python3 vectors.py > vectors.json (SciPy 1.11 or later)."""
import json
import random

import scipy
from scipy import stats

random.seed(20251120)
out = {"made_with": f"SciPy {scipy.__version__}", "signed_rank": [], "mann_whitney": []}
for n in [3, 5, 8, 10, 15, 25, 40, 50, 60, 100]:
    for shift in [0.0, 0.3, 1.0]:
        values = [round(random.gauss(shift, 1.0), 6) for _ in range(n)]
        mode = "exact" if n <= 50 else "approx"
        p = stats.wilcoxon(values, method=mode, correction=False).pvalue
        out["signed_rank"].append({"differences": values, "p": float(p)})
for values in [[float(random.choice([-3, -2, -1, 1, 2, 3, 4])) for _ in range(n)] for n in [60, 80, 120]]:
    p = stats.wilcoxon(values, method="approx", correction=False).pvalue
    out["signed_rank"].append({"differences": values, "p": float(p)})
for n, m in [(1, 5), (3, 4), (6, 6), (10, 10), (12, 20), (20, 20), (30, 25), (60, 50)]:
    for shift in [0.0, 0.5, 1.5]:
        a = [round(random.gauss(0.0, 1.0), 6) for _ in range(n)]
        b = [round(random.gauss(shift, 1.0), 6) for _ in range(m)]
        mode = "exact" if n + m <= 40 else "asymptotic"
        p = stats.mannwhitneyu(a, b, method=mode).pvalue
        out["mann_whitney"].append({"a": a, "b": b, "p": float(p)})
for n, m in [(30, 30), (50, 40)]:
    a = [float(random.randint(0, 9)) for _ in range(n)]
    b = [float(random.randint(1, 10)) for _ in range(m)]
    p = stats.mannwhitneyu(a, b, method="asymptotic").pvalue
    out["mann_whitney"].append({"a": a, "b": b, "p": float(p)})
print(json.dumps(out))
