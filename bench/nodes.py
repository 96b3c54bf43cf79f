"""Holdfast over PostgreSQL, asked over HTTP: one node, or three that share the connections. Clients take any node; it passes
what is another's on, or, `alone`, does it itself, so that all of them fight for the same rows. On the server on which the
usual strategies are measured."""
import contextlib
import urllib.request

import holdfast
import processes

# How many, and what each is told.
KINDS = {"one": (1, []), "three": (3, []), "three_alone": (3, ["--no-affinity"])}


class Store:
    """A schema with the SKUs of a shape in stock."""

    def __init__(self, programs, server, schema, shape):
        self.programs = programs
        self.server = server
        self.url = server.url(schema)
        self.skus = holdfast.skus_of(shape)
        processes.run([programs["library_bench"], "seed", "--store", self.url, "--skus", self.skus], timeout=300)

    @contextlib.contextmanager
    def node(self, connections, words):
        port = processes.free_port()

        def ready():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return answer.status == 200

        command = [self.programs["holdfast"], "serve", "--listen", f"127.0.0.1:{port}", "--store", self.url,
                   *words]
        with processes.server(command, self.server.directory.parent / f"node-{port}.log", ready=ready):
            yield holdfast.Server(self.programs, self.server.directory, port, self.skus, connections)

    @contextlib.contextmanager
    def running(self, kind, connections):
        """The nodes of a kind, which share the connections."""
        count, words = KINDS[kind]
        shares = [connections * (i + 1) // count - connections * i // count for i in range(count)]
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(self.node(share, words)) for share in shares]

    def holds(self, kind, seconds):
        """The sum of what the nodes grant; of the latencies those of the slowest node."""
        with self.running(kind, holdfast.CONNECTIONS) as nodes:
            rates = processes.together(*(lambda node=node: node.wrk("hold", seconds) for node in nodes))
            lives = processes.together(*(lambda node=node: node.life(seconds / 2, "--only-hold") for node in nodes))
        return {"rate": sum(each["rate"] for each in rates), "p50_ms": max(each["p50_ms"] for each in lives),
                "p99_ms": max(each["p99_ms"] for each in lives)}

    def availability(self, seconds):
        """One reader at a time, at each of three nodes, most of whose SKUs are another's; of the latencies those of the
        slowest node. Nobody else asks anything: on few cores that would measure the wait for one."""
        with self.running("three", 3) as nodes:
            reads = [node.life(seconds / 3, "--look", 1) for node in nodes]
        return {"rate": min(each["rate"] for each in reads), "p50_ms": max(each["p50_ms"] for each in reads),
                "p99_ms": max(each["p99_ms"] for each in reads)}


@contextlib.contextmanager
def store(programs, server, shape):
    schema = f"holdfast_{shape}"
    try:
        yield Store(programs, server, schema, shape)
    finally:
        server.psql("--command", f"DROP SCHEMA IF EXISTS {schema} CASCADE")
