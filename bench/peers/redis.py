"""Redis with one Lua script a step, every write synced before it is answered (appendfsync always), over a unix
socket: redis-benchmark places holds; life_load leads them through their whole life."""
import contextlib
import csv
import io
import json
import pathlib

import processes

HERE = pathlib.Path(__file__).resolve().parent / "redis"
SETTINGS = ("port 0", "appendonly yes", "appendfsync always", "save ''")


class Redis:
    def __init__(self, socket, shape):
        self.socket = socket
        self.skus = 1 if shape == "hot" else 100_000
        # redis-benchmark writes twelve digits for __rand_int__.
        self.key = "stock:000000000000" if shape == "hot" else "stock:__rand_int__"
        self.cli("EVAL", f"for sku = 0, {self.skus - 1} do "
                 "redis.call('SET', string.format('stock:%012d', sku), '1000000000') end", "0")
        self.scripts = [self.cli("SCRIPT", "LOAD", (HERE / f"{step}.lua").read_text())
                        for step in ("hold", "confirm", "fulfil")]

    def cli(self, *words):
        said = processes.run(["redis-cli", "-s", self.socket, *words], timeout=60).strip()
        if said.startswith(("ERR", "NOSCRIPT", "WRONGTYPE")):
            raise processes.CouldNotRun(f"Redis refused {words[0]}: {said}")
        return said

    def benchmark(self, requests):
        said = processes.run(
            [processes.needed("redis-benchmark"), "-s", self.socket, "-c", "64", "-n", str(requests), "-r", self.skus,
             "--csv", "EVALSHA", self.scripts[0], "1", self.key, "cart-__rand_int__", "1", "1900000000"], timeout=300)
        return next(csv.DictReader(io.StringIO(said)))

    def holds(self, program, seconds):
        """The rate by redis-benchmark, latencies by the program that measures Holdfast's too."""
        # It takes a number of requests, not a time: a short run finds the number.
        speed = float(self.benchmark(20_000)["rps"])
        before = int(self.cli("GET", "hold:last"))
        requests = int(speed * seconds)
        row = self.benchmark(requests)
        placed = int(self.cli("GET", "hold:last")) - before
        if placed != requests:
            raise processes.CouldNotRun(f"redis-benchmark sent {requests} requests and Redis placed {placed} holds")
        return {**self.life(program, seconds / 2, "--only-hold"), "rate": float(row["rps"])}

    def life(self, program, seconds, *more):
        said = json.loads(processes.run([program, "--redis", self.socket, "--scripts", ",".join(self.scripts), "--skus",
                                         str(self.skus), "--seconds", str(seconds), *more], timeout=seconds + 60))
        return {"rate": said["lives_per_second"], "p50_ms": said["life_p50_ms"], "p99_ms": said["life_p99_ms"]}


@contextlib.contextmanager
def running(parent, shape):
    with processes.fresh(parent, "redis") as directory:
        socket = directory / "socket"
        configuration = directory / "redis.conf"
        configuration.write_text("\n".join([*SETTINGS, f"dir {directory}", f"unixsocket {socket}", ""]))
        with processes.server([processes.needed("redis-server"), configuration], directory / "log", ready=socket.exists):
            yield Redis(socket, shape)
