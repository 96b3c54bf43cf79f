"""Reads the documentation as tests need it: fenced blocks and tables, each with the line it stands on."""
import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@dataclasses.dataclass
class Block:
    language: str
    text: str
    line: int  # of its first line of content


def blocks(document):
    found, lines = [], document.read_text(encoding="utf-8").splitlines()
    begin = None
    for number, line in enumerate(lines, 1):
        if not line.startswith("```"):
            continue
        if begin is None:
            begin = number
        else:
            language = lines[begin - 1].removeprefix("```").strip()
            found.append(Block(language, "\n".join(lines[begin:number - 1]) + "\n", begin + 1))
            begin = None
    assert begin is None, f"{document}:{begin}: this block never ends"
    return found


def lead(document, block):
    """The last line of text above a block."""
    above = document.read_text(encoding="utf-8").splitlines()[:block.line - 2]
    return next((line for line in reversed(above) if line.strip()), "")


def prose(document):
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)


def rows(document, heading):
    """The cells of the rows of all tables below a heading, up to the next one of its rank or above."""
    found, rank = [], 0
    for line in document.read_text(encoding="utf-8").splitlines():
        marks = re.match(r"(#+) ", line)
        if marks:
            if line.lstrip("# ") == heading:
                rank = len(marks.group(1))
            elif rank and len(marks.group(1)) <= rank:
                break
        elif rank and line.startswith("| ") and not line.startswith("| ---"):
            found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    assert found, f"{document.name} has no table below \"{heading}\""
    return found


def quoted(text):
    """What stands between back-ticks."""
    return re.findall(r"`([^`]+)`", text)
