#!/usr/bin/env python3
"""Runs every `sh` block of the documentation as a reader would, one shell for each document, against servers of its
own, and compares what the last command answered with the `json` block that follows. The C++ block is the example."""
import json
import os
import pathlib
import re
import select
import shlex
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from documents import DOCUMENTS, ROOT, blocks

PROGRAM = pathlib.Path(os.environ["HOLDFAST_BINARY"]).resolve()
SHOWN_URL = "http://127.0.0.1:8080"
SHOWN_PROGRAM = "build/release/holdfast"
SECONDS_MAX = 60
LANGUAGES = {"sh", "json", "cpp", "text", "sql"}  # sql: src/store/postgres/reports_test.cc runs it


class Server:
    """`holdfast serve` as a document has it, on a free port."""

    def __init__(self, command, directory):
        words = shlex.split(command)
        words[0] = str(PROGRAM)
        words[words.index("--listen") + 1] = "127.0.0.1:0"
        self.process = subprocess.Popen(words, cwd=directory, stdout=subprocess.PIPE, text=True)
        listens = re.search(r"http://\S+", self.process.stdout.readline())
        assert listens, f"`{command.strip()}` does not say where it listens"
        self.url = listens.group()

    def stop(self):
        self.process.terminate()
        status = self.process.wait(SECONDS_MAX)
        self.process.stdout.close()
        return status


class Shell:
    """One bash for all blocks of a document, so that variables go on from one to the next."""

    def __init__(self, directory):
        programs = pathlib.Path(directory) / ".bin"
        programs.mkdir()
        (programs / "holdfast").symlink_to(PROGRAM)
        environment = dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}")
        environment.pop("HOLDFAST_SERVER", None)
        self.bash = subprocess.Popen(["bash", "-euo", "pipefail"], cwd=directory, env=environment,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run(self, commands):
        """Whether all commands succeeded in time, and what they printed."""
        end = b"\n-- end of block --\n"
        self.bash.stdin.write(commands.encode() + b"\nprintf '" + end.replace(b"\n", b"\\n") + b"'\n")
        self.bash.stdin.flush()
        output, give_up_at = b"", time.monotonic() + SECONDS_MAX
        while not output.endswith(end):
            ready, _, _ = select.select([self.bash.stdout], [], [], max(0, give_up_at - time.monotonic()))
            piece = os.read(self.bash.stdout.fileno(), 65536) if ready else b""
            if not piece:
                return False, output.decode()
            output += piece
        return True, output.removesuffix(end).decode()

    def close(self):
        self.bash.kill()
        self.bash.communicate()


def last_json(text):
    decoder, found, at = json.JSONDecoder(), None, 0
    while match := re.compile(r"[{\[]").search(text, at):
        try:
            found, at = decoder.raw_decode(text, match.start())
        except json.JSONDecodeError:
            at = match.end()
    return found


def normalised(value, name=""):
    """Without what is different every time."""
    if isinstance(value, dict):
        return {key: normalised(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [normalised(item) for item in value]
    if isinstance(value, str):
        value = re.sub(r"(hold|wait)_[0-9a-f]{32}", r"\1_ID", value)
        value = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME", value)
        return re.sub(r"^[0-9a-f]{16}$", "REQUEST", value) if name == "request_id" else value
    return value


class Examples(unittest.TestCase):
    maxDiff = None

    def play(self, document):
        with tempfile.TemporaryDirectory() as directory:
            self.server = None
            shell = Shell(directory)
            try:
                self.play_blocks(document, directory, shell)
            finally:
                shell.close()
                status = self.server.stop() if self.server else 0
        self.assertEqual(status, 0, "the server's exit status after SIGTERM")

    def play_blocks(self, document, directory, shell):
        shown = [block for block in blocks(document) if block.language in ("sh", "json")]
        serves = any("holdfast serve" in block.text for block in shown)
        if shown and not serves:
            self.server = Server(f"holdfast serve --listen any --data {directory}/data", directory)
        answer, problem_at = None, None
        for block in shown:
            where = f"{document.name}:{block.line}"
            if block.language == "json":
                self.assertIsNotNone(answer, f"{where}: no `sh` block above answers with JSON")
                self.assertEqual(normalised(json.loads(block.text)), normalised(answer), where)
                answer, problem_at = None, None
                continue
            self.assertIsNone(problem_at, f"{problem_at}: this was refused, and the document does not show it")
            output = self.run_block(block, where, directory, shell)
            answer = last_json(output)
            problem_at = f"{where}: {output}" if "urn:holdfast:problem:" in output else None
        self.assertIsNone(problem_at, f"{problem_at}: this was refused, and the document does not show it")

    def run_block(self, block, where, directory, shell):
        if "holdfast serve" in block.text:
            self.assertEqual(block.text.count("\n"), 1, f"{where}: a server has a terminal, and a block, of its own")
            self.server = Server(block.text, directory)
            return shell.run(f"export HOLDFAST_SERVER={self.server.url}")[1]
        commands = block.text.replace(SHOWN_URL, self.server.url).replace(SHOWN_PROGRAM, "holdfast")
        good, output = shell.run(commands)
        self.assertTrue(good, f"{where}: a command failed or took more than {SECONDS_MAX} s:\n{output}")
        return output

    def test_the_blocks_have_languages(self):
        for document in DOCUMENTS:
            for block in blocks(document):
                self.assertIn(block.language, LANGUAGES, f"{document.name}:{block.line}")

    def test_the_cpp_block_is_the_example_that_is_built(self):
        shown = [block for document in DOCUMENTS for block in blocks(document) if block.language == "cpp"]
        self.assertEqual([block.text for block in shown], [(ROOT / "examples/embed_cart.cc").read_text()])


for each in DOCUMENTS:
    setattr(Examples, f"test_{each.stem.replace('-', '_')}", lambda self, document=each: self.play(document))

if __name__ == "__main__":
    unittest.main()
