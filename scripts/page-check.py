#!/usr/bin/env python3
"""Opens a run's page in headless Chromium and tries everything on it: links, players, strip, buttons, keyboard, contrast.

    scripts/page-check.py FOLDER CHROMIUM        needs playwright from PyPI; scripts/page.sh calls it
"""
import os
import sys
import time
from urllib.parse import unquote

from playwright.sync_api import sync_playwright

LIMIT_BYTES, LIMIT_PAINT_MS = 15_000_000, 1000

PLAYERS = """async () => {
  for (const stream of document.querySelectorAll('details.stream')) stream.open = true;
  await new Promise(done => setTimeout(done, 200));
  const bad = [], all = [...document.querySelectorAll('audio,video')];
  for (const player of all) {
    player.preload = 'metadata';
    player.load();
    const said = await new Promise(done => {
      player.onloadedmetadata = () => done('');
      player.onerror = () => done(player.error.message);
      setTimeout(() => done('nothing within 20 s'), 20000);
    });
    const name = `${player.closest('details.stream').id}: ${player.getAttribute('aria-label')}`;
    if (said || !(player.duration > 0)) bad.push(`${name}: ${said || 'no duration'}`);
    const span = player.dataset.span?.split(',').map(Number);
    if (span && span[0] > player.duration) bad.push(`${name}: begins at ${span[0]} s of ${player.duration} s`);
    player.preload = 'none';
  }
  return [all.length, bad];
}"""

STRIP = """async () => {
  const stream = [...document.querySelectorAll('details.stream')].find(s => s.querySelectorAll('button[data-at]').length > 1);
  if (!stream) return [0, 'no stream has a strip with two windows'];
  stream.open = true;
  await new Promise(done => setTimeout(done, 200));
  const player = stream.querySelector('.player'), cell = stream.querySelectorAll('button[data-at]')[1];
  player.muted = true;
  cell.focus();
  cell.click();
  const end = Date.now() + 10000;
  while (player.currentTime < Number(cell.dataset.at) + 0.2 && Date.now() < end) await new Promise(done => setTimeout(done, 50));
  player.pause();
  const head = stream.querySelector('.playhead').style.left;
  return [Number(cell.dataset.at), `the player is at ${player.currentTime} s, its line at ${head}`, player.currentTime, head];
}"""

# Text that can hardly be read: its contrast with what is behind it, by the formula of WCAG 2, below 4.5.
CONTRAST = """() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.5) return colour;
    }
    return parse(getComputedStyle(document.documentElement).backgroundColor);
  };
  const found = new Map();
  for (const element of document.querySelectorAll('main *')) {
    const words = [...element.childNodes].filter(n => n.nodeType === 3 && n.textContent.trim());
    if (!words.length || !element.getClientRects().length || element.closest('.picture,.hidden')) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.set(`${element.tagName.toLowerCase()}.${element.className}`, `${ratio.toFixed(1)}: ${words[0].textContent.trim().slice(0, 30)}`);
  }
  return [...found].map(pair => pair.join(' '));
}"""


def copy(page, part):
    """Presses the button of a part, and returns what the clipboard has then."""
    page.evaluate("navigator.clipboard.writeText('')")
    part.query_selector("button.copy").click()
    page.wait_for_timeout(200)
    return page.evaluate("navigator.clipboard.readText()")


def main() -> int:
    folder, chromium = os.path.realpath(sys.argv[1]), sys.argv[2]
    page_file, problems = os.path.join(folder, "index.html"), []
    size = os.path.getsize(page_file)
    if size > LIMIT_BYTES:
        problems.append(f"the page has {size} bytes, more than {LIMIT_BYTES}")
    with sync_playwright() as playwright:
        options = ["--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=chromium, args=options, chromium_sandbox=os.getuid() != 0)
        context = browser.new_context(viewport={"width": 1280, "height": 1600})
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(600_000)
        page.on("console", lambda m: problems.append(f"console: {m.text}") if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(f"script: {error}"))
        page.on("request", lambda r: problems.append(f"it asked for {r.url[:100]}")
                if not r.url.startswith(("file:", "data:", "blob:")) else None)
        started = time.monotonic()
        page.goto("file://" + page_file)
        loaded = time.monotonic() - started
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0", timeout=60_000)
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1")
        if not 0 <= paint <= LIMIT_PAINT_MS:
            problems.append(f"first paint after {paint:.0f} ms, more than {LIMIT_PAINT_MS} ms")

        links = page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
        for link in sorted(set(links)):
            if link.startswith("#"):
                if not page.evaluate("id => !!document.getElementById(id)", unquote(link[1:])):
                    problems.append(f"{link} leads nowhere")
            elif not os.path.isfile(os.path.join(folder, unquote(link))):
                problems.append(f"there is no file {link}")
        first = page.query_selector("[data-part=problems] a, [data-part=overview] a")
        if first:
            first.focus()
            page.keyboard.press("Enter")
            page.wait_for_timeout(200)
            target = unquote(first.get_attribute("href")[1:])
            if not page.evaluate("id => document.getElementById(id).open && document.activeElement.closest('details').id === id", target):
                problems.append(f"Enter on the link to {target} does not open and focus it")

        players, bad = page.evaluate(PLAYERS)
        problems += bad
        if players:
            at, said, *where = page.evaluate(STRIP)
            if not where or not at <= where[0] < at + 5 or where[1] in ("", "0%"):
                problems.append(f"the strip's second window begins at {at} s; {said}")
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(500)
            moved = page.evaluate("document.activeElement.closest('details').querySelector('.player').currentTime")
            if where and not 0.9 < moved - where[0] < 1.1:
                problems.append(f"the right arrow moved the player by {moved - where[0]:.2f} s, not by one")
        report = page.query_selector("[data-part=bug-report]")
        if report:
            page.evaluate("report => { report.open = true; report.closest('details.stream').open = true }", report)
            copied = copy(page, report)
            if copied != report.query_selector("textarea").input_value() or "Run it again:\n" not in copied:
                problems.append("the button does not copy the bug report")
            again = page.query_selector("[data-part=again]")
            if not again or not copied.endswith("\n" + copy(page, again)):
                problems.append("the button beside the command does not copy what the bug report ends with")
        unnamed = page.evaluate("""() => [...document.querySelectorAll('img:not([alt]),button,audio,video,textarea')]
          .filter(e => e.matches('img') || !(e.textContent.trim() || e.getAttribute('aria-label'))).length""")
        if unnamed:
            problems.append(f"{unnamed} things have no name for a screen reader")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            problems += [f"{scheme}: contrast {said}" for said in page.evaluate(CONTRAST)]
        browser.close()
    print(f"page: {size / 1e6:.1f} MB, first paint {paint:.0f} ms, loaded {loaded:.1f} s, {len(set(links))} links, {players} players")
    for problem in problems[:40]:
        print(f"page: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
