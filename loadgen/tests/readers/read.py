"""Reads the files of the run in the current directory with programs that are not ours, and compares them with run.json.

Says `read NAME` of each file, or `skipped NAME: WHY` where the reader cannot be had.
"""

import csv
import json
import xml.etree.ElementTree as tree

run = json.load(open("run.json"))


def junit():
    suites = tree.parse("junit.xml").getroot()
    cases = suites.findall("./testsuite/testcase")
    assert suites.tag == "testsuites" and len(cases) == 3 + len(run["thresholds"]), cases
    assert all(case.get("classname").split("/")[0] == run["scenario"]["name"] for case in cases)


def intervals():
    rows = list(csv.DictReader(open("intervals.csv")))
    assert len(rows) == len(run["intervals"]), len(rows)
    for row, interval in zip(rows, run["intervals"]):
        for name, value in interval.items():
            if name == "arrivals":
                continue
            text = row[name]
            same = text == "" if value is None else text == value if isinstance(value, str) else float(text) == value
            assert same, (name, text, value)


def openmetrics():
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

    families = {family.name: family for family in parse(open("metrics.om").read())}
    assert families["fanout_run"].type == "info", families["fanout_run"].type

    def value(family, **labels):
        labels["scenario"] = run["scenario"]["name"]
        found = [sample.value for sample in families[family].samples if sample.labels == labels]
        assert len(found) == 1, (family, labels, found)
        return found[0]

    for outcome in ("expected", "delivered", "lost", "duplicated"):
        assert value("fanout_deliveries", outcome=outcome) == run["deliveries"][outcome], outcome
    for quantile, name in (("0.5", "p50"), ("0.99", "p99"), ("1", "max")):
        due = run["latency"]["due"][name]
        assert abs(value("fanout_latency_seconds", **{"from": "due", "quantile": quantile}) * 1e6 - due) < 1e-3, name
    assert families["fanout_latency_seconds"].unit == "seconds"
    busiest = run["server"]["by_second"]["cpu_share"]["max"]
    assert value("fanout_second_cpu_cores", process="server", of_seconds="max") == busiest
    for threshold in run["thresholds"]:
        if not threshold["skipped"]:
            labels = {"metric": threshold["metric"], "expr": threshold["expr"]}
            assert value("fanout_threshold_held", **labels) == threshold["pass"], threshold


def hlog():
    from hdrh.histogram import HdrHistogram
    from hdrh.log import HistogramLogReader

    every = HdrHistogram(1, 3_600_000_000, 3)
    reader = HistogramLogReader("latency.hlog", every)
    seconds = 0
    while reader.add_next_interval_histogram():
        seconds += 1
    arrived = run["latency"]["arrived"]
    assert seconds == len(run["intervals"]), seconds
    # Every phase is measured here, so the log has exactly what the percentiles are over.
    assert every.get_total_count() == arrived["count"], (every.get_total_count(), arrived["count"])
    for percentile, name in ((50, "p50"), (90, "p90"), (99, "p99"), (99.9, "p999")):
        theirs = every.get_value_at_percentile(percentile)
        assert every.values_are_equivalent(theirs, int(arrived[name])), (name, theirs, arrived[name])
    assert every.values_are_equivalent(every.get_max_value(), int(arrived["max"]))


for name, read in (("junit.xml", junit), ("intervals.csv", intervals), ("metrics.om", openmetrics), ("latency.hlog", hlog)):
    try:
        read()
    except ImportError as error:
        print(f"skipped {name}: {error}")
    else:
        print(f"read {name}")
