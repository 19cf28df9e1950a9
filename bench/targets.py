"""Measured against what was set out to be reached: a row for each line of `target_list`."""

from dataclasses import replace
from itertools import chain

from . import memory, race, report
from .machine import machine, machine_line
from .target_list import TARGETS, TOPICS

COLUMNS = ("target", "ours", "against", "size", "at least", "measured", "each", "same pivots", "error", "verdict")


def measure(targets, threads, budget):
    """A row for each target, as they come; every case is raced once, with all the methods that a target wants on it."""
    wanted, outcomes = {}, {}
    for target in targets:
        for case in target.cases:
            wanted.setdefault(case, {}).update(dict.fromkeys((target.ours, *target.against)))
    for target in report.progress(targets, "racing"):
        for case in target.cases:
            if case not in outcomes:
                outcomes[case] = race.run(case, wanted[case], threads, budget)
        yield figures(target, outcomes)


def figures(target, outcomes):
    """The figures of a target as a dict with the keys `COLUMNS`."""
    cells = dict.fromkeys(COLUMNS, "")
    cells |= {"target": f"{target.topic}: {target.line}", "ours": target.ours, "against": " / ".join(target.against)}
    cells |= {"size": target.cases[0].size, "at least": f"{target.at_least:g}"}
    peers = [peer for peer in target.against if peer in race.METHODS]
    if target.ours not in race.METHODS or not peers:
        return cells | {"verdict": "not available here"}
    each = {case.matrix: _advantage(target, outcomes[case], peers) for case in target.cases}
    worst = min(each.values())
    reached = [worst >= target.at_least]
    cells["measured"] = f"{worst:.2f}"
    cells["each"] = ", ".join(f"{name} {value:.2f}" for name, value in each.items())
    if target.pivots_of in race.METHODS:
        same = [(outcomes[case].agreeing(target.ours, target.pivots_of), case.steps) for case in target.cases]
        reached += [count == steps for count, steps in same]
        cells["same pivots"] = "all" if all(reached[1:]) else ", ".join(f"{count}/{steps}" for count, steps in same)
    if target.error_within:
        excess = max(_error_ratio(target, outcomes[case], peers) for case in target.cases)
        reached.append(excess <= target.error_within)
        cells["error"] = f"{excess:.3f} of theirs"
        if any(case.by_tolerance for case in target.cases):
            names = (target.ours, *peers)
            ranks = ["/".join(str(len(outcomes[case].pivots[name])) for name in names) for case in target.cases]
            cells["error"] += f", ranks {', '.join(ranks)}"
    return cells | {"verdict": "ok" if all(reached) else "missed"}


def _advantage(target, outcome, peers):
    if target.by_rate:
        return outcome.gflops(target.ours) / max(map(outcome.gflops, peers))
    return outcome.timings.speedup(target.ours, *peers)


def _error_ratio(target, outcome, peers):
    return outcome.errors[target.ours] / min(outcome.errors[peer] for peer in peers)


def main(args):
    chosen = [t for t in TARGETS if t.topic in args.topic and args.only in f"{t.line}: {t.ours}"]
    if args.quick:
        chosen = [replace(t, cases=tuple(case.smaller(10) for case in t.cases)) for t in chosen]
    print(f"{machine_line()}; threads: {args.threads}.\n")
    if args.quick:
        print("Sizes and ranks are a tenth of the real ones: this checks the program, not the targets.\n")
    rows = measure(chosen, args.threads, args.budget)
    if "truncated" in args.topic and args.only in f"{memory.LINE}: {memory.METHOD}":
        rows = chain(rows, memory.rows(200 if args.quick else 2000, COLUMNS))
    done = []
    for row in report.stream_table(COLUMNS, rows):
        done.append(row)
        if args.json:
            report.write_json(args.json, {"machine": machine(), "threads": args.threads, "targets": done})


def options(command):
    command.add_argument("--topic", nargs="+", choices=TOPICS, default=TOPICS, help="which targets")
    command.add_argument("--only", default="", metavar="TEXT", help="targets whose line or method has this text")
    command.add_argument("--threads", type=int, default=2, metavar="N")
