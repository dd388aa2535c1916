#!/usr/bin/env python3
"""Puts README.md, docs/*.md and what they link to into the folder of the modules' pages, as one static site, and checks its links.

    scripts/site.py .build/docs        needs markdown from PyPI; scripts/docs.sh calls it after DocC
"""
import html
import html.parser
import pathlib
import re
import shutil
import subprocess
import sys
from urllib.parse import unquote, urlsplit

import markdown

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODULES = ["ComposeKit", "SocketIOLite", "AudioPrint", "ComposeTesting", "DubbingTesting"]
STYLE = """:root{color-scheme:light dark;--ink:#1d2126;--bg:#fbfbfa;--soft:#5d6672;--line:#dfe2e6;--link:#2f6fb6}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaed;--bg:#14171a;--soft:#9aa4af;--line:#31373e;--link:#7db4f0}}
body{font:16px/1.55 system-ui,sans-serif;max-width:56rem;margin:0 auto;padding:1rem 1rem 4rem;color:var(--ink);background:var(--bg)}
nav{border-bottom:1px solid var(--line);padding-bottom:.6rem;font-size:.9rem;color:var(--soft)} nav p,nav ul{margin:.3rem 0} nav p a{margin-right:.8rem}
nav ul{columns:15rem;padding-left:1.2rem} nav [aria-current]{color:inherit;font-weight:bold}
h1,h2,h3{line-height:1.25} h2{margin-top:2.2rem} p code,li code{overflow-wrap:anywhere}
a{color:var(--link)} pre,table{display:block;overflow-x:auto} pre{border:1px solid var(--line);border-radius:6px;padding:.7rem}
code{font:.88em ui-monospace,monospace} table{border-collapse:collapse} td,th{border:1px solid var(--line);padding:.3rem .6rem;text-align:left;
vertical-align:top} img{max-width:100%} :focus-visible{outline:3px solid var(--link)}"""


def slug(value, _separator):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", value.strip().lower()).replace(" ", "-")


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True, capture_output=True, text=True)
    return [pathlib.PurePosixPath(path) for path in listed.stdout.split("\0") if path]


def title_of(page):
    """Its first heading, as plain text."""
    heading = re.search(r"^# +(.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    return html.escape(re.sub(r"[`*]", "", heading[1])) if heading else page.stem


def target_of(page):
    """Where a Markdown file's page is; the site begins with README."""
    return pathlib.PurePosixPath("index.html") if page.as_posix() == "README.md" else page.with_suffix(".html")


def rewritten(link, page, pages, files):
    """A link of a Markdown file as one of its page; what else it leads to is copied along. A folder stands for its README, and is no
    link where it has none."""
    parts = urlsplit(link)
    if parts.scheme or link.startswith("#"):
        return link
    path = pathlib.PurePosixPath(pathlib.Path(ROOT / page.parent / unquote(parts.path)).resolve().relative_to(ROOT).as_posix())
    if (ROOT / path).is_dir():
        path = path / "README.md"
        if path not in pages:
            return None
    if path.suffix == ".md" and path in pages:
        path = target_of(path)
    else:
        files.add(path)
    up = "../" * (len(target_of(page).parts) - 1)
    return up + path.as_posix() + (f"#{parts.fragment}" if parts.fragment else "")


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.anchors = [], set()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.links += [values[name] for name in ("href", "src") if values.get(name)]
        self.anchors |= {values["id"]} if values.get("id") else set()


def read(file):
    parsed = Links()
    parsed.feed(file.read_text(encoding="utf-8"))
    return parsed


def problems(site, pages):
    parsed = {page: read(site / page) for page in pages}
    for page, found in parsed.items():
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            if re.search(r"(^|/)documentation/.*\.html$", parts.path):
                yield f"{page}: {link} is a file of DocC's: its script shows nothing under that name, link to the folder"
            file = (site / page.parent / unquote(parts.path)).resolve() if parts.path else site / page
            if not file.exists():
                yield f"{page}: {link} leads nowhere"
            elif parts.fragment and file.suffix == ".html":
                name = pathlib.PurePosixPath(file.relative_to(site.resolve()).as_posix()) if parts.path else page
                if name in parsed and unquote(parts.fragment) not in parsed[name].anchors:
                    yield f"{page}: {name} has no heading #{parts.fragment}"


def main():
    site = pathlib.Path(sys.argv[1])
    pages = [page for page in tracked("*.md") if len(page.parts) == 1 or page.parts[0] in ("docs", "examples", "findings", "compose")]
    titles = {page: title_of(page) for page in pages}
    files, current = set(), ' aria-current="page"'
    for page in pages:
        converter = markdown.Markdown(extensions=["tables", "fenced_code", "toc", "sane_lists"],
                                      extension_configs={"toc": {"slugify": slug}})
        body = converter.convert((ROOT / page).read_text(encoding="utf-8"))

        def attribute(match):
            target = rewritten(match[2], page, pages, files)
            return f'{match[1]}="{target}"' if target else ""

        body = re.sub(r'\b(href|src)="([^"]+)"', attribute, body)
        up = "../" * (len(target_of(page).parts) - 1)
        # The folder, not the file in it: DocC's script takes the address for the name of what it shows.
        modules = " ".join(f'<a href="{up}documentation/{module.lower()}/">{module}</a>' for module in MODULES)
        others = "".join(f'<li><a href="{up}{target_of(other)}"{current if other == page else ""}>{titles[other]}</a></li>'
                         for other in sorted(pages, key=lambda one: titles[one].lower()) if other.parts[0] in ("docs", "findings"))
        target = site / target_of(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{titles[page]}</title><style>{STYLE}</style></head><body><nav aria-label=\"Site\"><p><a href=\"{up}index.html\">"
            f"<b>Dubbing E2E</b></a> {modules}</p><details><summary>All documents</summary><ul>{others}</ul></details></nav>"
            f"<main>{body}</main></body></html>\n", encoding="utf-8")
    # DocC's pages ask for it.
    (site / "theme-settings.json").write_text("{}\n", encoding="utf-8")
    for file in sorted(files):
        if (ROOT / file).is_file():
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, site / file)
    found = list(problems(site, [target_of(page) for page in pages]))
    for problem in found:
        print(f"docs: {problem}", file=sys.stderr)
    print(f"docs: {len(pages)} pages beside the modules, {len(files)} files, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
