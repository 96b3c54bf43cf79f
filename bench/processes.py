"""Starts what is measured and stops it again, whatever happens: servers die with this process (setpriv --pdeathsig),
their files live in a throwaway directory."""
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time


class CouldNotRun(Exception):
    """A measurement that has no result, and why. Never caught to be replaced by a guess."""


def needed(program):
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/lib/postgresql/15/bin")
    if not path:
        raise CouldNotRun(f"{program} is not installed: scripts/install-deps.sh installs it")
    return path


def tail(path, lines=15):
    with contextlib.suppress(OSError):
        return "\n".join(pathlib.Path(path).read_text(errors="replace").splitlines()[-lines:])
    return ""


def run(command, *, timeout, **options):
    """The output of a program that must succeed. It dies with this process."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run([needed("setpriv"), "--pdeathsig", "KILL", *command], capture_output=True, text=True,
                              timeout=timeout, **options)
    except subprocess.TimeoutExpired:
        raise CouldNotRun(f"{command[0]} did not end within {timeout:.0f} s: {' '.join(command)}") from None
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise CouldNotRun(f"{command[0]} ended with status {done.returncode}: {' '.join(command)}\n{said}")
    return done.stdout


def together(*calls):
    """What the calls return that run at the same time, in their order."""
    with concurrent.futures.ThreadPoolExecutor() as threads:
        # A child dies with the thread that started it: none of them ends before the last call has.
        return [future.result() for future in [threads.submit(call) for call in calls]]


@contextlib.contextmanager
def server(command, log, *, ready, identity=(), stop=signal.SIGTERM, timeout=60):
    """Runs a server until the block ends. `ready` is asked until it says true; it may raise OSError meanwhile."""
    command = [str(word) for word in command]
    with open(log, "ab") as output:
        process = subprocess.Popen([needed("setpriv"), *identity, "--pdeathsig", "KILL", *command], stdout=output,
                                   stderr=output, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + timeout
        while True:
            if process.poll() is not None:
                raise CouldNotRun(f"{command[0]} ended with status {process.returncode} at its start:\n{tail(log)}")
            with contextlib.suppress(OSError):
                if ready():
                    break
            if time.monotonic() > deadline:
                raise CouldNotRun(f"{command[0]} was not ready after {timeout} s:\n{tail(log)}")
            time.sleep(0.02)
        yield process
        if process.poll() is not None:
            raise CouldNotRun(f"{command[0]} ended by itself with status {process.returncode}:\n{tail(log)}")
    finally:
        if process.poll() is None:
            process.send_signal(stop)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def file_system(directory):
    return subprocess.run(["findmnt", "--noheadings", "--output", "FSTYPE", "--target", directory],
                          capture_output=True, text=True, check=True).stdout.strip()


@contextlib.contextmanager
def throwaway(parent):
    """A directory on a real disk that everybody may enter: a root's PostgreSQL runs as another user."""
    kind = file_system(parent)
    if kind in ("tmpfs", "ramfs"):
        raise CouldNotRun(f"{parent} is a {kind}: durable writes need a disk; name a directory on one with --dir")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-bench-", dir=parent))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def fresh(parent, name, owner=None):
    """An empty directory for one measurement."""
    directory = pathlib.Path(parent) / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    if owner:
        shutil.chown(directory, owner, owner)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def is_root():
    return os.geteuid() == 0
