"""What the figures are held against, and the one table that says how they compare."""
import statistics

PEERS = ("postgres.row_lock", "postgres.atomic_update", "postgres.optimistic", "postgres.count_then_insert", "redis")
TITLES = {"postgres.row_lock": "PostgreSQL, row lock", "postgres.atomic_update": "PostgreSQL, atomic update",
          "postgres.optimistic": "PostgreSQL, optimistic version",
          "postgres.count_then_insert": "PostgreSQL, count then insert", "redis": "Redis, Lua, appendfsync always"}


class Figures:
    """Medians of what was measured, by name; a name that failed has its reason instead."""

    def __init__(self):
        self.runs = {}
        self.failures = {}

    def add(self, name, values):
        self.runs.setdefault(name, []).append(values)

    def fail(self, name, why):
        self.failures[name] = why

    def tried(self, name):
        return name in self.runs or name in self.failures

    def get(self, name, value):
        """None when there is no figure: a run that failed once is not averaged away."""
        if name in self.failures or name not in self.runs:
            return None
        return statistics.median(run[value] for run in self.runs[name])


class Row:
    """One target. `measured` and `bound` may be None: then the row is missing, never met."""

    def __init__(self, what, measured, bound, at_least, unit, needs):
        self.what, self.measured, self.bound, self.at_least, self.unit = what, measured, bound, at_least, unit
        self.needs = needs

    def verdict(self, figures):
        if self.measured is None or self.bound is None:
            failed = [name for name in self.needs if name in figures.failures]
            return "missing", "could not run: " + ", ".join(failed) if failed else "not measured"
        met = self.measured >= self.bound if self.at_least else self.measured <= self.bound
        if met:
            return "met", ""
        factor = self.bound / self.measured if self.at_least else self.measured / self.bound
        return "missed", f"by {(factor - 1) * 100:.0f} %"

    def as_json(self, figures):
        verdict, note = self.verdict(figures)
        return {"what": self.what, "measured": self.measured, "target": self.bound, "unit": self.unit,
                "target_is": "at least" if self.at_least else "at most", "verdict": verdict, "note": note}


def ratio(a, b):
    return a / b if a is not None and b else None


def http_rows(figures, kind):
    """Holdfast over HTTP against every peer in the same shape; `kind` is hold or life."""
    rows = []
    for shape, factors in (("hot", (30, 20, 1.2)), ("wide", (4, 1.5, 1.0))):
        ours = f"http.{kind}.{shape}"
        rate = figures.get(ours, "rate")
        for peer, factor in zip(("postgres.row_lock", "postgres.atomic_update", "redis"), factors):
            theirs = f"{peer}.{kind}.{shape}"
            rows.append(Row(f"HTTP {kind} {shape}, times {TITLES[peer]}", ratio(rate, figures.get(theirs, "rate")), factor,
                            True, "x", [ours, theirs]))
        names = [f"{peer}.{kind}.{shape}" for peer in PEERS]
        p99s = [figures.get(name, "p99_ms") for name in names]
        rows.append(Row(f"HTTP {kind} {shape}, p99 against the best peer's", figures.get(ours, "p99_ms"),
                        None if None in p99s else min(p99s), False, "ms", [ours, *names]))
    return rows


def node_rows(figures, prefix, where):
    """Holdfast over PostgreSQL against the row lock on the same server, and three nodes against one."""
    rows = []
    for kind, title, shape, factor in (("one", "one node", "hot", 20), ("one", "one node", "wide", 2),
                                       ("three_alone", "three nodes without affinity", "hot", 10)):
        names = [f"{prefix}nodes.{kind}.{shape}", f"{prefix}postgres.row_lock.hold.{shape}"]
        rows.append(Row(f"{where}, {title}, {shape}, times PostgreSQL, row lock",
                        ratio(*(figures.get(name, "rate") for name in names)), factor, True, "x", names))
        if kind == "one":
            rows.append(Row(f"{where}, {title}, {shape}, p99 against the row lock's",
                            *(figures.get(name, "p99_ms") for name in names), False, "ms", names))
    for shape in ("hot", "wide"):
        names = [f"{prefix}nodes.three.{shape}", f"{prefix}nodes.one.{shape}"]
        rows.append(Row(f"{where}, three nodes, {shape}, times one node", ratio(*(figures.get(name, "rate") for name in names)),
                        1, True, "x", names))
        reads = f"{prefix}nodes.availability.{shape}"
        rows.append(Row(f"{where}, availability at any of three nodes, {shape}, p99", figures.get(reads, "p99_ms"), 1, False,
                        "ms", [reads]))
    return rows


def read_rows(figures):
    """A product page asks what is available while 64 connections place holds, against a SELECT beside row locks."""
    rows = []
    for shape, holds in (("hot", 30), ("wide", 4)):
        ours, theirs = names = [f"http.read.{shape}", f"postgres.row_lock.read.{shape}"]
        for what, value, factor in (("reads beside holds, times a SELECT beside row locks", "rate", 1.0),
                                    ("holds beside reads, times PostgreSQL, row lock", "holds_rate", holds)):
            rows.append(Row(f"HTTP {shape}, {what}", ratio(*(figures.get(name, value) for name in names)), factor, True, "x",
                            names))
        rows.append(Row(f"HTTP {shape}, p99 of reads beside holds against the SELECT's", figures.get(ours, "p99_ms"),
                        figures.get(theirs, "p99_ms"), False, "ms", names))
    return rows


def queue_rows(figures):
    """What policies cost, and that work does not grow with the length of a queue. Work is the processor's time: the disk's
    hides what an order more in the queue costs."""
    rows = []
    for what, name, value, bound in (
            ("sale beyond stock, times a strict hold", "backorder", "hold", 2),
            ("hold refused for a line of 100,000, times one of a sold-out SKU", "line", "refused", 1.2),
            ("work of a unit offered to the first of 100,000, times of 100", "line", "offered_work", 1.2),
            ("work of joining a line of 100,000, times one of 100", "line", "joined_work", 1.2),
            ("work of a unit for the first of a million orders, times of 100", "orders", "received_work", 1.2)):
        name = f"queue.{name}"
        rows.append(Row(what, figures.get(name, value), bound, False, "x", [name]))
    rows.append(Row("restart with a million orders waiting", figures.get("queue.orders", "restart_s"), 2, False, "s",
                    ["queue.orders"]))
    return rows


def rows(figures):
    result = []
    for shape in ("hot", "wide"):
        for outstanding, bound in ((8192, 900_000), (1024, 500_000), (64, 160_000)):
            name = f"library.{shape}.{outstanding}"
            result.append(Row(f"library {shape}, {outstanding:,} outstanding", figures.get(name, "rate"), bound, True,
                              "holds/s", [name]))
    result += http_rows(figures, "hold") + http_rows(figures, "life") + read_rows(figures)
    result += node_rows(figures, "", "over PostgreSQL")
    result += node_rows(figures, "slow.", "over PostgreSQL, commits 2 ms slower")
    for shape in ("hot", "wide"):
        name = f"http.batch.{shape}"
        result.append(Row(f"HTTP batch of 100, {shape}", figures.get(name, "rate"), 200_000, True, "holds/s", [name]))
    for of, one, twenty in (("library, 8,192 outstanding", "library.wide.8192", "library.carts"),
                            ("HTTP", "http.hold.wide", "http.carts")):
        result.append(Row(f"cart of 20 lines, times one line, {of}",
                          ratio(figures.get(one, "rate"), figures.get(twenty, "rate")), 3, False, "x", [one, twenty]))
    result.append(Row("memory of a pending hold, a million pending", figures.get("library.pending", "bytes_per_hold"), 200,
                      False, "bytes", ["library.pending"]))
    result.append(Row("restart with a million pending", figures.get("library.pending", "restart_s"), 2, False, "s",
                      ["library.pending"]))
    result += queue_rows(figures)
    names = ["library.history.full", "library.history.empty"]
    result.append(Row("holds with 10 million finished ones, share of an empty store's",
                      ratio(*(figures.get(name, "rate") for name in names)), 0.9, True, "x", names))
    return result


def number(value, unit):
    if value is None:
        return "-"
    if unit == "x":
        return f"{value:.2f} x"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"


def lines_of(table, right):
    """Columns as wide as they need to be."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for row in table:
        yield "  ".join(cell.rjust(width) if i in right else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip()


def speeds(figures):
    """Holds a second and latencies of all that answers requests, one line a system."""
    table = [("holds a second · p50 / p99 ms", "hot", "", "wide", "")]
    systems = [(TITLES[peer], f"{peer}.hold") for peer in PEERS] + [("Holdfast, HTTP", "http.hold")]
    systems += [(f"{TITLES[peer]}, full life", f"{peer}.life") for peer in PEERS] + [("Holdfast, HTTP, full life", "http.life")]
    nodes = [("one node", "nodes.one"), ("three nodes", "nodes.three"), ("three, no affinity", "nodes.three_alone")]
    systems += [(f"Holdfast over PostgreSQL, {title}", stem) for title, stem in nodes]
    systems += [(f"{TITLES[peer]}, slow commits", f"slow.{peer}.hold") for peer in PEERS[:2]]
    systems += [(f"Holdfast over PostgreSQL, {title}, slow commits", f"slow.{stem}") for title, stem in nodes]
    systems += [("Holdfast, HTTP, batches of 100", "http.batch"), ("Holdfast, HTTP, carts of 20 lines", "http.carts")]
    for title, stem in systems:
        row = [title]
        for shape in ("hot", "wide"):
            name = "http.carts" if stem == "http.carts" and shape == "wide" else f"{stem}.{shape}"
            rate = figures.get(name, "rate")
            failed = "could not run" if name in figures.failures else "-"
            row += [failed if rate is None else f"{rate:,.0f}",
                    "" if rate is None else f"{figures.get(name, 'p50_ms'):.2f} / {figures.get(name, 'p99_ms'):.2f}"]
        if any(row[1:]) and any(cell != "-" for cell in row[1:] if cell):
            table.append(tuple(row))
    return table


def reads(figures):
    """What asks for availability while 64 connections place holds, and what those lose by it."""
    table = [("reads beside holds", "reads a second", "p50 / p99 ms", "holds a second", "without reads")]
    for title, name in (("PostgreSQL, SELECT beside row locks, hot", "postgres.row_lock.read.hot"),
                        ("PostgreSQL, SELECT beside row locks, wide", "postgres.row_lock.read.wide"),
                        ("Holdfast, HTTP, hot", "http.read.hot"), ("Holdfast, HTTP, wide", "http.read.wide"),
                        ("Holdfast, HTTP, hot, all unchanged (304)", "http.read_unchanged"),
                        ("Holdfast, HTTP, wide, 100 SKUs a read", "http.read_100")):
        rates = [figures.get(name, value) for value in ("rate", "holds_rate", "holds_alone_rate")]
        if None not in rates:
            reads_rate, holds, alone = (f"{rate:,.0f}" for rate in rates)
            latencies = f"{figures.get(name, 'p50_ms'):.2f} / {figures.get(name, 'p99_ms'):.2f}"
            table.append((title, reads_rate, latencies, holds, alone))
        elif name in figures.failures:
            table.append((title, "could not run", "", "", ""))
    return table


def text(figures):
    verdicts = [(row, *row.verdict(figures)) for row in rows(figures) if any(map(figures.tried, row.needs))]
    table = [("target", "measured", "wanted", "", "")]
    for row, verdict, note in verdicts:
        sign = "≥" if row.at_least else "≤"
        table.append((row.what, number(row.measured, row.unit), f"{sign} {number(row.bound, row.unit)}",
                      {"met": "met", "missed": "MISSED", "missing": "MISSING"}[verdict], note))
    count = {word: sum(verdict == word for _, verdict, _ in verdicts) for word in ("met", "missed", "missing")}
    parts = ["\n".join(lines_of(each, {1, 2, 3, 4})) for each in (speeds(figures), reads(figures)) if len(each) > 1]
    parts.append("\n".join(lines_of(table, {1, 2})))
    parts += [f"{name}: could not run: {why}" for name, why in sorted(figures.failures.items())]
    parts.append(f"{count['met']} met, {count['missed']} missed, {count['missing']} missing")
    return "\n\n".join(parts)


def as_json(figures, machine):
    return {"machine": machine, "targets": [row.as_json(figures) for row in rows(figures)],
            "figures": {name: {value: figures.get(name, value) for value in runs[0]}
                        for name, runs in sorted(figures.runs.items()) if name not in figures.failures},
            "runs": figures.runs, "failures": figures.failures}
