#!/usr/bin/env python3
"""The documentation agrees with the sources: files, functions, limits, routes, codes, events, metrics, messages."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from documents import DOCUMENTS, ROOT, blocks, lead, prose, quoted, rows

DOCS = ROOT / "docs"
SCENARIOS = ROOT / "tests/scenarios"
TOP = "src|include|api|tests|testing|bench|examples|scripts|docs|cmake|fuzz"
# Made up for docs/adding-a-command.md.
INVENTED = {"tests/scenarios/pause.scenario"}
SECONDS = {"": 1, "s": 1, "h": 3600}


def source(path):
    return (ROOT / path).read_text(encoding="utf-8")


def joined(text):
    """Sources with neighbouring string literals made one, as the compiler sees them."""
    return re.sub(r'"\s*\n\s*"', "", text)


def number(expression):
    """A constant such as 30 * 24h, 1'000'000 or 1024 * 1024."""
    value = 1
    for factor in expression.split("*"):
        digits, unit = re.fullmatch(r"\s*([\d']+)\s*([sh]?)\s*", factor).groups()
        value *= int(digits.replace("'", "")) * SECONDS[unit]
    return value


def members(text):
    """Constants and defaults by name: `type name = value;` and `type name{value};`."""
    text = re.sub(r"std::size_t\{(\d+)\} << (\d+)", lambda shift: str(int(shift[1]) << int(shift[2])), text)
    found = re.findall(r"^\s*[\w:<> ]+ (\w+)(?: = |\{)([\d'hs* ]+)\}?;", text, re.M)
    return {name: number(value) for name, value in found}


def policy_fields():
    return re.findall(r"^    [\w:<>]+ (\w+)(?:[{;]| =)", source("include/holdfast/policy.h"), re.M)


def scenarios_linked(text):
    return set(re.findall(r"tests/scenarios/(\w+)\.scenario\)", text))


class Agreement(unittest.TestCase):
    def test_files_exist(self):
        for document in DOCUMENTS:
            text = prose(document)
            for path in re.findall(rf"`((?:{TOP})/[\w./-]*)`", text):
                if path not in INVENTED:
                    self.assertTrue((ROOT / path).exists(), f"{document.name} names {path}")
            for target in re.findall(r"\]\(([^)#:]+)\)", text):
                self.assertTrue((document.parent / target).exists(), f"{document.name} links to {target}")

    def test_functions_stand_in_their_files(self):
        for row in rows(DOCS / "architecture.md", "The way of one request")[1:]:
            file = quoted(row[1])[0]
            for function in quoted(row[2]):
                self.assertRegex(source(file), rf"\b{function}\(", f"{function} in {file}")

    def test_limits(self):
        core = members(source("include/holdfast/limits.h"))
        server = members(source("src/http/server.h")) | members(source("src/http/request_reader.h"))
        documented = {quoted(row[0])[0]: int(row[1].replace(",", ""))
                      for row in rows(DOCS / "operations.md", "Limits") if quoted(row[0])}
        self.assertGreater(len(core), 15)
        self.assertEqual(core, {name: documented.get(name) for name in core})
        rest = {name: value for name, value in documented.items() if name not in core}
        self.assertEqual({name: server.get(name) for name in rest}, rest)

    def test_routes(self):
        table = re.findall(r'\{(get|put|post|patch|delete_), "([^"]+)"', source("src/http/routes.cc"))
        self.assertEqual({f"{method.strip('_').upper()} {path}" for method, path in table},
                         {quoted(row[0])[0] for row in rows(DOCS / "api.md", "Routes") if quoted(row[0])})

    def test_codes(self):
        table = dict(re.findall(r'return \{"(\w+)", (\d+)', source("src/http/problem.cc")))
        table |= re.findall(r"\{RefusalCode::(\w+), (\d+)", source("src/http/problem.cc"))
        documented = {quoted(row[0])[0]: row[1] for row in rows(DOCS / "api.md", "Refusals") if quoted(row[0])}
        self.assertEqual(documented, table)

    def test_events(self):
        names = set(re.findall(r'"((?:sku|location|stock|hold|backorder|waitlist|alert|partitions)\.[a-z]+)"', source("src/core/names.cc")))
        self.assertEqual(names, set(quoted(prose(DOCS / "api.md").split("The types:")[1])))

    def test_policy(self):
        self.assertEqual(policy_fields(), [quoted(row[0])[0] for row in rows(DOCS / "api.md", "Policy")[1:]])

    def test_every_field_says_what_its_change_does(self):
        table = rows(DOCS / "policies.md", "Changing a policy while holds are open")[1:]
        self.assertEqual(policy_fields(), [quoted(row[0])[0] for row in table])
        for row in table:
            self.assertTrue(scenarios_linked(row[-1]), f"no scenario shows what a new {row[0]} does")
            self.assertTrue(all(row), f"the row of {row[0]} has an empty cell")

    def test_scenarios_are_shown_as_they_are(self):
        shown = [(document, block) for document in DOCUMENTS for block in blocks(document) if block.language == "text"]
        self.assertGreater(len(shown), 10)
        for document, block in shown:
            where = f"{document.name}:{block.line}"
            link = re.fullmatch(r"\[(\w+\.scenario)\]\(\.\./tests/scenarios/\1\):", lead(document, block))
            self.assertTrue(link, f"{where}: the line above a `text` block is a link to its scenario")
            self.assertEqual((SCENARIOS / link[1]).read_bytes().decode(), block.text, where)

    def test_scenarios_of_policies_are_told(self):
        told = set().union(*(scenarios_linked(prose(document)) for document in DOCUMENTS))
        for scenario in sorted(SCENARIOS.glob("*.scenario")):
            if re.search(r"^sku +\S+ +[^#\s]", scenario.read_text(encoding="utf-8"), re.M):
                self.assertIn(scenario.stem, told, "docs/policies.md links every scenario that sets a policy")

    def test_metrics(self):
        names = set(re.findall(r'"(holdfast_\w+)"', source("src/telemetry/metrics.cc")))
        self.assertEqual(names, {quoted(row[0])[0] for row in rows(DOCS / "operations.md", "Metrics")[1:]})

    def test_messages_of_stores(self):
        sources = "\n".join(joined(path.read_text(encoding="utf-8")) for folder in ("src/store", "src/sequencer")
                            for path in sorted((ROOT / folder).rglob("*.cc")) if "_test" not in path.name)
        literals = re.findall(r'"((?:[^"\\\n]|\\.)*)"', sources)
        for row in rows(DOCS / "operations.md", "When the store refuses")[1:]:
            for message in quoted(row[0]):
                self.assertTrue(any(message in literal for literal in literals), f'no store says "{message}"')


if __name__ == "__main__":
    unittest.main()
