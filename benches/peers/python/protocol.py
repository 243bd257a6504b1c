"""What a contestant reads from its arguments and prints; peers/protocol tells the same for Rust."""

import json
import resource
import sqlite3
import sys
import time


def tell(**line):
    print(json.dumps(line), flush=True)


def timed(what):
    """How long it takes, in nanoseconds."""
    start = time.perf_counter_ns()
    what()
    return time.perf_counter_ns() - start


def main(about, cases):
    """Runs the case that the arguments name: a function of file and folder that gives nanoseconds."""
    case, file, repetitions, folder = sys.argv[1:5]
    if case not in cases:
        sys.exit(f"no such case: {case}")
    tell(about=about, sqlite=sqlite3.sqlite_version)
    for _ in range(int(repetitions)):
        tell(ns=cases[case](file, folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tell(peak_kib=peak // 1024 if sys.platform == "darwin" else peak)


def table_count(file):
    """How many of the tables of an app's schema the database has."""
    with sqlite3.connect(file) as connection:
        return connection.execute("SELECT count(*) FROM sqlite_schema WHERE name GLOB 'table_*[0-9]'").fetchone()[0]
