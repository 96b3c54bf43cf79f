"""PostgreSQL as a shop would use it, driven by pgbench over a unix socket. Durable: settings are as shipped
(fsync and synchronous_commit on) but for shared_buffers."""
import contextlib
import pathlib
import signal
import statistics
import subprocess

import processes

HERE = pathlib.Path(__file__).resolve().parent / "postgres"
STRATEGIES = ("row_lock", "atomic_update", "optimistic", "count_then_insert")
# max_connections: with the usual 100 the SERIALIZABLE strategy runs out of its shared memory and fails.
SETTINGS = ("shared_buffers=2GB", "max_connections=400", "listen_addresses=")
# Each flush of the log takes 2 ms longer, as on a volume of a cloud; those who commit meanwhile share it.
SLOW_COMMITS = ("commit_delay=2000", "commit_siblings=0")


class Postgres:
    """A cluster of its own; one figure, one new pair of tables."""

    def __init__(self, directory, identity):
        self.directory = directory
        self.identity = identity
        self.connection = ["--host", directory, "--username", "postgres"]

    def url(self, schema):
        """For a store of Holdfast's beside the tables of the strategies."""
        return f"postgres://postgres@/postgres?host={self.directory}&schema={schema}"

    def psql(self, *arguments, **options):
        return processes.run([processes.needed("psql"), *self.connection, "--no-psqlrc", "--quiet", "--tuples-only",
                              "--no-align", "--set", "ON_ERROR_STOP=1", *arguments], timeout=120, **options)

    def holds(self, strategy, shape, life, seconds):
        tables = Tables(self, strategy, shape)
        tail = "row_lock_life" if strategy == "row_lock" else "statement_life"
        return tables.holds([strategy, tail] if life else [strategy], seconds)

    def reads(self, strategy, shape, seconds):
        """A statement that asks what is available, on as many connections again, while the others place holds."""
        tables = Tables(self, strategy, shape)
        alone = tables.holds([strategy], seconds // 2)
        holds, reads = processes.together(lambda: tables.holds([strategy], seconds), lambda: tables.reads(seconds))
        return {**reads, "holds_rate": holds["rate"], "holds_alone_rate": alone["rate"]}


class Tables:
    """New ones, with the SKUs of a shape in stock."""

    def __init__(self, server, strategy, shape):
        self.server = server
        self.skus = 1 if shape == "hot" else 100_000
        self.serializable = strategy == "count_then_insert"
        server.psql("--set", f"skus={self.skus}", "--file", HERE / "schema.sql")
        if self.serializable:
            # A hold a product and statistics, so that the index is used from the first statement on.
            server.psql("--command", "CREATE INDEX ON hold (sku)", "--command",
                        "INSERT INTO hold (sku, cart, qty, expires_at) "
                        "SELECT sku, 'cart', 1, now() + interval '10 minutes' FROM stock", "--command", "ANALYZE hold")
        server.psql("--command", "CHECKPOINT")
        self.seeded = self.ask("SELECT count(*) FROM hold")

    def ask(self, question):
        return int(self.server.psql("--command", question))

    def holds(self, files, seconds):
        life = len(files) > 1
        done = "SELECT count(*) FROM hold" + (" WHERE status = 'fulfilled'" if life else "")
        before = self.ask(done)
        latencies = self.pgbench(files, seconds)
        done = self.ask(done) - before
        taken = self.ask("SELECT 1000000000 * count(*) - sum(available) FROM stock")
        placed = self.ask("SELECT count(*) FROM hold") - self.seeded
        if not self.serializable and taken != placed:
            raise processes.CouldNotRun(f"PostgreSQL took {taken} units for {placed} holds: the script is wrong")
        return {**percentiles(latencies), "rate": done / seconds}

    def reads(self, seconds):
        latencies = self.pgbench(["read"], seconds)
        return {**percentiles(latencies), "rate": len(latencies) / seconds}

    def pgbench(self, files, seconds):
        """The latencies of the transactions that these files make, one after another, on each of 64 connections."""
        script = self.server.directory.parent / f"pgbench-{files[0]}.sql"
        script.write_text("".join((HERE / f"{name}.sql").read_text() for name in files))
        level = "serializable" if self.serializable else "read\\ committed"
        log = script.with_suffix("")
        processes.run(
            [processes.needed("pgbench"), *self.server.connection, "--no-vacuum", "--protocol=prepared", "--client=64",
             "--jobs=2", f"--time={seconds}", f"--define=skus={self.skus}", f"--file={script}", "--log",
             f"--log-prefix={log}", "--failures-detailed", "postgres"],
            timeout=seconds + 60, env={"PGOPTIONS": f"-c default_transaction_isolation={level}"})
        latencies = take_log(log)
        if len(latencies) < 100:
            raise processes.CouldNotRun(f"only {len(latencies)} transactions of {script.name} succeeded in {seconds} s")
        return latencies


def percentiles(latencies):
    cuts = statistics.quantiles(latencies, n=100)
    return {"p50_ms": cuts[49] / 1000, "p99_ms": cuts[98] / 1000}


def take_log(prefix):
    """The latencies of what succeeded, in microseconds; the files are removed."""
    latencies = []
    for path in prefix.parent.glob(f"{prefix.name}.*"):
        if path.suffix != ".sql":
            with open(path, encoding="ascii") as lines:
                for line in lines:
                    time = line.split(" ", 3)[2]
                    if time.isdigit():
                        latencies.append(int(time))
            path.unlink()
    return latencies


@contextlib.contextmanager
def running(parent, *more_settings):
    """PostgreSQL refuses to run as root: then it runs as the user that its package made."""
    owner = "postgres" if processes.is_root() else None
    identity = ["--reuid=postgres", "--regid=postgres", "--init-groups"] if owner else []
    with processes.fresh(parent, "postgres", owner) as directory:
        processes.run([*(["setpriv", *identity] if owner else []), processes.needed("initdb"), "--pgdata",
                       directory / "data", "--auth=trust", "--username=postgres", "--no-sync"], timeout=60, cwd="/")
        command = [processes.needed("postgres"), "-D", directory / "data", "-k", directory]
        for setting in SETTINGS + more_settings:
            command += ["-c", setting]
        socket = directory / ".s.PGSQL.5432"
        is_ready = ["pg_isready", "--quiet", "--host", str(directory)]
        with processes.server(command, directory / "log", identity=identity, stop=signal.SIGINT,
                              ready=lambda: socket.exists() and subprocess.run(is_ready).returncode == 0):
            yield Postgres(directory, identity)
