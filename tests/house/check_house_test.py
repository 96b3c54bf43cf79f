#!/usr/bin/env python3
"""check-house finds each kind of breach, in a small tree that has them all, and nothing in a clean one."""
import pathlib
import shutil
import subprocess
import tempfile

HEAD = "// What it is for.\n#pragma once\n"
LONG_FUNCTION = "namespace holdfast {\nint long_one(int a) {\n" + "    ++a;\n" * 70 + "    return a;\n}\n}\n"
CLEAN = {
    "include/holdfast/types.h": HEAD + "#include <string>\n",
    "src/core/state.h": HEAD + "#include <map>\n\n#include <holdfast/types.h>\n",
    "src/core/state.cc": '#include "core/state.h"\nstatic int f() {\n    auto g = [] {\n    };\n    return 0;\n}\n',
    "src/store/store.h": HEAD,
    "src/store/rocksdb/rocksdb_store.cc": '#include <rocksdb/db.h>\n\n#include "store/store.h"\n',
    "tests/http/api_test.cc": '#include <thread>\n\n#include "core/state.h"\n',
}
# path, content, what the message must name
BREACHES = [
    ("include/holdfast/a.h", HEAD + '#include "core/state.h"\n', "may not include core/"),
    ("include/holdfast/b.h", HEAD + "#include <boost/json.hpp>\n", "may not include <boost/json.hpp>"),
    ("src/core/a.cc", '#include "store/store.h"\n', "may not include store/"),
    ("src/core/b.cc", "#include <mutex>\n", "the core is pure"),
    ("src/core/c.cc", "auto now = std::chrono::steady_clock::now();\n", "the core is pure"),
    ("src/core/d.cc", "auto now = time(nullptr);\n", "the core is pure"),
    ("src/core/e.cc", "#include <unistd.h>\n", "reaches for the machine"),
    ("src/core/f.cc", '#include "state.h"\n', "write the whole path"),
    ("src/core/g.cc", LONG_FUNCTION, "long_one has 73 lines"),
    ("src/core/h.cc", "\n" * 601, "601 lines"),
    ("src/core/i.h", "#pragma once\n", "up to five lines of comment"),
    ("src/core/j.h", "// For.\n", "#pragma once"),
    ("src/core/orphan.h", HEAD, "nothing includes this header"),
    ("src/core/notes.txt", "", "src holds only"),
    ("src/http/a.cc", '#include "core/state.h"\n', "may not include core/"),
    ("src/service/a.cc", "#include <boost/beast.hpp>\n", "may not include <boost/beast.hpp>"),
    ("src/surprise/a.cc", "", "has no row"),
    ("src/core/util/a.cc", "", "a folder named `util`"),
    ("tests/http/a_test.cc", "// TO" "DO later\n", "is banned here"),
    ("tests/http/b_test.cc", "GTEST_SKIP();\n", "say why"),
    ("tests/http/c_test.cc", "std::this_thread::sleep_for(1s);\n", "own the clock"),
]


def check(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        (root / "scripts").mkdir()
        shutil.copy("scripts/check-house", root / "scripts")
        subprocess.run(["git", "init", "-q", root], check=True)
        return subprocess.run([root / "scripts/check-house"], capture_output=True, text=True)


clean = check(CLEAN)
assert clean.returncode == 0 and not clean.stdout, clean.stdout + clean.stderr

found = check(CLEAN | {path: content for path, content, _ in BREACHES})
assert found.returncode == 1, found.stderr
for path, _, message in BREACHES:
    mine = [line for line in found.stdout.splitlines() if line.startswith(path + ":")]
    assert any(message in line for line in mine), f"{path}: expected `{message}`, got {mine}"
