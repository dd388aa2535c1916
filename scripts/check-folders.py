#!/usr/bin/env python3
"""Refuses a circle between the folders of a module: each may use what the folders before it declare, never what comes after it.

Reads names of types and of functions that stand alone; comments and texts do not count.
"""
import re
import sys
from pathlib import Path

# In the order in which they may use one another.
MODULES = {"Sources/ComposeKit": ["Engine", "Project", "Start", "Stack", "Lifetime"]}

DECLARATION = re.compile(
    r"^(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|final|indirect)\s+)*"
    r"(?:struct|class|enum|actor|protocol|typealias|func)\s+(\w+)",
    re.MULTILINE,
)
NESTED = re.compile(r"^\s+(?:\w+\s+)*(?:struct|class|enum|actor|typealias)\s+(\w+)", re.MULTILINE)
NOISE = re.compile(r'//[^\n]*|#"""[\s\S]*?"""#|"""[\s\S]*?"""|"[^"\\\n]*"')


def code(path: Path) -> str:
    """The file without comments, and without texts in which nothing is interpolated."""
    return NOISE.sub("", path.read_text(encoding="utf-8"))


def uses(module: Path, folders: list[str]) -> list[str]:
    files = {folder: sorted((module / folder).rglob("*.swift")) for folder in folders}
    problems = [f"{path} is in none of {', '.join(folders)}" for path in sorted(module.glob("*.swift"))]
    owner: dict[str, str] = {}
    texts: dict[Path, str] = {}
    for folder in folders:
        for path in files[folder]:
            texts[path] = code(path)
            for name in DECLARATION.findall(texts[path]):
                owner.setdefault(name, folder)
    for index, folder in enumerate(folders):
        later = {name for name, place in owner.items() if folders.index(place) > index}
        for path in files[folder]:
            hidden = set(NESTED.findall(texts[path]))
            for line in texts[path].split("\n"):
                for name in sorted(set(re.findall(r"\b\w+\b", line)) & (later - hidden)):
                    # A member of that name, or a label, is something else.
                    if re.search(rf"(?<![.\w`]){name}\b(?!:)", line):
                        problems.append(f"{path} uses {name}, which {owner[name]} declares: {line.strip()[:80]}")
    return problems


def main() -> int:
    problems = []
    for module, folders in MODULES.items():
        problems += uses(Path(module), folders)
    for problem in problems:
        print(f"lint: {problem}", file=sys.stderr)
    return 1 if problems else 0


sys.exit(main())
