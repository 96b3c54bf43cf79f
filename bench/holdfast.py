"""Holdfast itself: the embedded library (library_bench, queue_bench) and the server over HTTP (wrk, life_load)."""
import contextlib
import json
import pathlib
import urllib.request

import processes

HERE = pathlib.Path(__file__).resolve().parent
CONNECTIONS = 64
WIDE_SKUS = 100_000


def skus_of(shape):
    return 1 if shape == "hot" else WIDE_SKUS


class Programs:
    """Where the build left them."""

    def __init__(self, build):
        self.build = pathlib.Path(build)

    def __getitem__(self, name):
        path = self.build / ("holdfast" if name == "holdfast" else f"bench/{name}")
        if not path.is_file():
            raise processes.CouldNotRun(f"{path} is not built: make bench builds it")
        return path


class Library:
    """Each figure on a data directory and in a process of its own."""

    def __init__(self, programs, parent):
        self.programs = programs
        self.parent = parent

    def call(self, command, data, timeout=300, program="library_bench", **options):
        words = [self.programs[program], command, "--data", data]
        for name, value in options.items():
            words += [f"--{name}", value]
        return json.loads(processes.run(words, timeout=timeout))

    def holds(self, shape, outstanding, seconds, lines=1):
        with processes.fresh(self.parent, "library") as data:
            self.call("seed", data, skus=skus_of(shape))
            return self.call("holds", data, skus=skus_of(shape), outstanding=outstanding, seconds=seconds, lines=lines)

    def pending(self, holds):
        """Memory of pending holds, and a restart with all of them."""
        with processes.fresh(self.parent, "pending") as data:
            self.call("seed", data, skus=1)
            filled = self.call("pending", data, holds=holds)
            opened = self.call("reopen", data)
        if opened["pending_holds"] != holds:
            raise processes.CouldNotRun(f"{opened['pending_holds']} of {holds} pending holds were there after a restart")
        return {"bytes_per_hold": filled["bytes_per_hold"], "restart_s": opened["seconds"],
                "bytes_after_restart": (opened["resident_bytes"] - filled["empty_bytes"]) / holds}

    def backorder(self, turns):
        with processes.fresh(self.parent, "backorder") as data:
            return self.call("backorder", data, program="queue_bench", turns=turns)

    def line(self, waiting, turns):
        with processes.fresh(self.parent, "line") as data:
            return self.call("line", data, program="queue_bench", waiting=waiting, turns=turns)

    def orders(self, waiting):
        """What comes in while so many orders wait, and a restart with nearly all of them."""
        with processes.fresh(self.parent, "orders") as data:
            served = self.call("orders", data, program="queue_bench", waiting=waiting)
            opened = self.call("reopen", data, program="queue_bench")
        if opened["waiting"] != served["waiting"]:
            raise processes.CouldNotRun(f"{opened['waiting']} of {served['waiting']} orders waited after a restart")
        return {**served, "restart_s": opened["seconds"]}

    @contextlib.contextmanager
    def history(self, holds):
        """A store full of finished holds, and what places holds in it."""
        with processes.fresh(self.parent, "history") as data:
            self.call("seed", data, skus=WIDE_SKUS)
            self.call("history", data, timeout=900, skus=WIDE_SKUS, holds=holds)
            yield lambda seconds: self.call("holds", data, skus=WIDE_SKUS, outstanding=1024, seconds=seconds)


class Server:
    def __init__(self, programs, parent, port, skus, connections=CONNECTIONS):
        self.programs = programs
        self.parent = parent
        self.address = f"127.0.0.1:{port}"
        self.skus = skus
        self.connections = connections

    def pending_holds(self):
        """Units held, as the server says: every hold of the measurements is of one unit a line."""
        with urllib.request.urlopen(f"http://{self.address}/v1/skus/sku-0/stock", timeout=10) as answer:
            return json.load(answer)["total"]["held"]

    def wrk(self, kind, seconds, lines=1):
        # One thread: two would take the server's core, and one is not busy.
        said = processes.run(
            ["wrk", "--threads", "1", "--connections", self.connections, "--duration", f"{seconds}s", "--timeout", "10s",
             "--latency", "--script", HERE / "http" / "requests.lua", f"http://{self.address}", "--", kind, self.skus,
             lines], timeout=seconds + 60)
        result = json.loads(said.splitlines()[-1])
        if result["refused"] or result["broken"] or not result["requests"]:
            raise processes.CouldNotRun(f"wrk saw {result['refused']} refusals and {result['broken']} broken connections "
                                        f"in {result['requests']} requests")
        holds = result["requests"] * (lines if kind == "batch" else 1)
        if self.skus == 1:
            held = self.pending_holds()
            if held < holds:
                raise processes.CouldNotRun(f"{holds} holds were answered, {held} units are held: the answers lie")
        return {"rate": holds / result["seconds"], "p50_ms": result["p50_ms"], "p99_ms": result["p99_ms"]}

    def holds(self, seconds):
        """The rate by wrk. wrk adds latencies of requests that it would have sent during a stall ("corrects" them for
        coordinated omission) and pgbench and redis-benchmark do not: so latencies are those that life_load saw."""
        rate = self.wrk("hold", seconds)["rate"]
        return {**self.life(seconds / 2, "--only-hold"), "rate": rate}

    def reads(self, seconds, skus=1, *more):
        """What a product page asks, on as many connections again, while the others place holds; and what those lose by it."""
        alone = self.life(seconds / 2, "--only-hold")
        holds, reads = processes.together(lambda: self.life(seconds, "--only-hold"),
                                          lambda: self.life(seconds, "--look", skus, *more))
        return {**reads, "holds_rate": holds["rate"], "holds_alone_rate": alone["rate"]}

    def life(self, seconds, *more):
        said = json.loads(processes.run(
            [self.programs["life_load"], "--http", self.address, "--connections", self.connections, "--skus", self.skus,
             "--seconds", seconds, *more], timeout=seconds + 60))
        return {"rate": said["lives_per_second"], "p50_ms": said["life_p50_ms"], "p99_ms": said["life_p99_ms"]}


@contextlib.contextmanager
def serving(programs, parent, shape):
    """A server with a fresh store that has the SKUs of a shape in stock."""
    with processes.fresh(parent, "serve") as data:
        store = data / "store"
        Library(programs, parent).call("seed", store, skus=skus_of(shape))
        port = processes.free_port()

        def ready():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return answer.status == 200

        command = [programs["holdfast"], "serve", "--listen", f"127.0.0.1:{port}", "--data", store]
        with processes.server(command, data / "log", ready=ready):
            yield Server(programs, parent, port, skus_of(shape))
