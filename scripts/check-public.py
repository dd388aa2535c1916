#!/usr/bin/env python3
"""Refuses a public declaration without a sentence of documentation. What a protocol of the standard library or of Swift Testing asks for
is documented there."""
import re
import sys
from pathlib import Path

PUBLIC = re.compile(r"\s*public (?!import\b)")
# What a conformance asks for.
WITNESS = re.compile(
    r"func ==|func hash\(into|func encode\(to|func makeAsyncIterator|func next\(\) async|func makeIterator|"
    r"(var|let) (description|debugDescription|errorDescription|testDescription|isRecursive|startIndex|endIndex)\b|"
    r"init\(from decoder|init\(rawValue|init\(stringLiteral|init\?\(rawValue|init\?\(argument|"
    r"func (prepare|scopeProvider|provideScope)\(|typealias (Element|Failure|AsyncIterator|TestScopeProvider)\b")


def undocumented(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").split("\n")
    found = []
    for number, line in enumerate(lines):
        if not PUBLIC.match(line) or WITNESS.search(line):
            continue
        above = number - 1
        while above >= 0 and lines[above].strip().startswith("@"):
            above -= 1
        if above < 0 or not lines[above].strip().startswith("///"):
            found.append(f"{path}:{number + 1}: {line.strip()}")
    return found


def main() -> int:
    problems = [problem for path in sorted(Path("Sources").rglob("*.swift")) for problem in undocumented(path)]
    for problem in problems:
        print(f"lint: no documentation: {problem}", file=sys.stderr)
    return 1 if problems else 0


sys.exit(main())
