#!/usr/bin/env python3
"""Whether what the documentation says is so: its Swift compiles, its links lead somewhere, its commands and variables exist.

- Each ```swift block of README.md, docs/*.md and the articles (*.docc) is, to the letter, part of a file in Tests/Snippets (or of
  OWN_STACK or an example's package), which every build compiles, or CI. A block's imports are the file's; a line with only … stands for what is left out between
  two parts. Articles in RUN_BY_TESTS are compared by a test of their module instead.
- Relative links in Markdown lead to a file, and to a heading of it.
- Each script of findings/ says in its head what it runs, what was seen and what is surprising in that, and is in the table once.
- The commands' --version is the changelog's newest.
- `make` targets exist, with a line in `make help`; environment variables are read somewhere.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SNIPPETS = "Tests/Snippets"
# Runs what docs/bring-your-own-stack.md shows.
OWN_STACK = "Tests/E2E/OwnStackTests.swift"
# A package of its own, which CI builds and runs.
OWN_PACKAGE = "examples/*.swift"
# Reads what the E2E suites are told by the environment.
E2E_SETTINGS = "Tests/E2E/Settings.swift"
# Their examples run: `ArticleExamples` of SocketIOLiteTests compares them with the tests.
RUN_BY_TESTS = "Sources/SocketIOLite/SocketIOLite.docc/"
BLOCK = re.compile(r"^```swift\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)|<img[^>]* src=\"([^\"]+)\"")
# Variables of other programs, which nothing here reads.
FOREIGN = {"DOCKER_HOST", "DOCKER_CONTEXT", "SIGINT", "SIGTERM", "SIGKILL", "SIGHUP", "HF_HOME", "SLURM_SUBMIT_DIR"}


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns], cwd=ROOT,
                            check=True, capture_output=True, text=True)
    return sorted(path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file())


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def dedented(lines):
    """Without the indentation of the first line that has text; None if another line has less."""
    indent = next((len(line) - len(line.lstrip()) for line in lines if line.strip()), 0)
    if any(line.strip() and line[:indent].strip() for line in lines):
        return None
    return [line[indent:].rstrip() for line in lines]


def parts_of(block):
    """The imports of a block, and its parts: lists of lines without blank ones at the ends."""
    imports, parts, part = [], [], []
    for line in block.splitlines() + ["…"]:
        if line.startswith("import ") and not any(part):
            imports.append(line.strip())
        elif line.strip() == "…":
            while part and not part[0].strip():
                part.pop(0)
            while part and not part[-1].strip():
                part.pop()
            if part:
                parts.append(part)
            part = []
        else:
            part.append(line)
    return imports, parts


def holds(source, part):
    wanted = dedented(part)
    lines = source.splitlines()
    return any(dedented(lines[i:i + len(wanted)]) == wanted for i in range(len(lines) - len(wanted) + 1))


def check_snippets(pages, sources):
    """What is wrong with the Swift blocks of the pages; sources are the texts that are compiled."""
    for page, text in pages.items():
        for match in BLOCK.finditer(text):
            line = text[:match.start()].count("\n") + 1
            imports, parts = parts_of(match.group(1))
            if not any(all(re.search(rf"^{re.escape(i)}$", source, re.MULTILINE) for i in imports)
                       and all(holds(source, part) for part in parts) for source in sources.values()):
                yield f"{page}:{line}: this Swift is in no file of {SNIPPETS}: put it there to the letter, or it is not compiled"


def anchors(text):
    """The anchors that GitHub gives the headings of a page."""
    for heading in re.findall(r"^#+ +(.*)$", FENCE.sub("", text), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def check_links(pages):
    for page, text in pages.items():
        text = FENCE.sub(lambda fence: "\n" * fence.group().count("\n"), text)
        for match in LINK.finditer(text):
            link = match.group(1) or match.group(2)
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (ROOT / page).parent / path if path else ROOT / page
            line = text[:match.start()].count("\n") + 1
            if not target.exists():
                yield f"{page}:{line}: {link} leads nowhere"
            elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
                yield f"{page}:{line}: {path or page} has no heading #{anchor}"


def code_of(text):
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text)) + re.findall(r"^```.*?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def check_commands(pages, makefile, code):
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    explained = set(re.findall(r"^([a-z0-9-]+):.*## ", makefile, re.MULTILINE))
    for target in sorted(targets - explained):
        yield f"Makefile: `make help` does not explain `{target}`"
    for page, text in pages.items():
        for snippet in code_of(text):
            for command in re.findall(r"\bmake((?: +[A-Za-z0-9_=!,'./-]+)+)", snippet):
                for word in command.split():
                    if re.fullmatch(r"[a-z0-9-]+", word) and word not in targets:
                        yield f"{page}: there is no `make {word}`"
                    elif re.match(r"[A-Z_]+=", word) and not re.search(rf"\b{word.split('=')[0]}\b", makefile + code):
                        yield f"{page}: no target takes {word.split('=')[0]}"
            for variable in set(re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]\b", snippet)) - FOREIGN:
                if not re.search(rf"\b{variable}\b", code):
                    yield f"{page}: nothing reads {variable}"


def check_findings(scripts, table):
    rows = re.findall(r"\]\(([\w.-]+\.sh)\)", table)
    for path, text in scripts.items():
        head = text.split("\n\n")[0].split("\nset ")[0]
        for word in ("# Run: ", "# Seen: ", "# Surprising: ", "# What to do: "):
            if f"\n{word}" not in head:
                yield f"{path}: its head has no line that begins with '{word.strip()}'"
        if not re.match(r"#!.*\n# .*\d+\.\d+", head):
            yield f"{path}: its head does not begin with the versions that were seen"
        if rows.count(pathlib.PurePosixPath(path).name) != 1:
            yield f"{path}: findings/README.md does not have it once"
    for row in set(rows) - {pathlib.PurePosixPath(path).name for path in scripts}:
        yield f"findings/README.md: there is no {row}"


def check_versions(changelog, commands):
    newest = re.search(r"^## (\d+\.\d+\.\d+)", changelog, re.MULTILINE)[1]
    said = {path: version for path, text in commands.items() for version in re.findall(r'\bversion: "([^"]+)"', text)}
    if len(said) < 3:
        yield f"Sources: not every command has a version: {', '.join(said)}"
    for path, version in said.items():
        if version != newest:
            yield f"{path}: --version says {version}, CHANGELOG.md begins with {newest}"


def main():
    markdown = {path: read(path) for path in tracked("*.md")}
    articles = {path: text for path, text in markdown.items()
                if (path == "README.md" or path.startswith("docs/") or ".docc/" in path) and not path.startswith(RUN_BY_TESTS)}
    sources = {path: read(path) for path in tracked(f"{SNIPPETS}/*.swift", OWN_STACK, OWN_PACKAGE)}
    code = "\n".join(read(path) for path in tracked("*.swift", "*.py", "*.sh", "*.yml", "Makefile", ".ci/run", "*Dockerfile")
                     if not path.startswith("Tests/") or path.startswith((SNIPPETS, E2E_SETTINGS)))
    problems = [*check_snippets(articles, sources), *check_links(markdown), *check_commands(markdown, read("Makefile"), code),
                *check_findings({path: read(path) for path in tracked("findings/*.sh")}, read("findings/README.md")),
                *check_versions(read("CHANGELOG.md"), {path: read(path) for path in tracked("Sources/*CLI/*.swift")})]
    for problem in problems:
        print(f"docs: {problem}", file=sys.stderr)
    blocks = sum(len(BLOCK.findall(text)) for text in articles.values())
    if not blocks or not sources:
        problems.append("none")
        print("docs: no Swift was found at all: this check looks in the wrong place", file=sys.stderr)
    print(f"docs: {blocks} pieces of Swift, {len(markdown)} pages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
