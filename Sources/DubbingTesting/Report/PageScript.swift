/// What makes the page more than something to look at: players, the clickable strip, the bug report. Everything else works without it.
enum PageScript {
  /// Nothing may be fetched from anywhere.
  static let policy =
    "default-src 'none'; img-src data:; media-src blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

  static let script = """
    'use strict';
    const urls = {};
    function url(key) {
      if (urls[key]) return urls[key];
      const text = atob(document.getElementById('media-' + key).textContent), bytes = new Uint8Array(text.length);
      for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
      return urls[key] = URL.createObjectURL(new Blob([bytes], {type: 'video/mp4'}));
    }
    // A closed stream costs nothing: its players get their media when it is opened.
    function load(stream) {
      for (const player of stream.querySelectorAll('[data-media]:not([src])')) {
        const span = player.dataset.span;
        player.src = url(player.dataset.media) + (span ? '#t=' + span : '');
        // Where a browser does not know such addresses, and when it is played a second time.
        if (!span) continue;
        const [from, to] = span.split(',').map(Number);
        player.addEventListener('play', () => {
          if (player.currentTime < from - 0.1 || player.currentTime >= to - 0.05) player.currentTime = from;
          for (const other of document.querySelectorAll('audio,video')) if (other !== player) other.pause();
        });
        player.addEventListener('timeupdate', () => { if (player.currentTime >= to) player.pause(); });
      }
      const lanes = stream.querySelector('[data-part=content]'), player = stream.querySelector('.player');
      if (!player || lanes.dataset.ready) return;
      lanes.dataset.ready = 'yes';
      const end = Number(lanes.dataset.end);
      function seek(time, plays) {
        player.currentTime = Math.max(0, Math.min(time, player.duration || time));
        if (plays) player.play();
      }
      for (const track of lanes.querySelectorAll('.track')) {
        const head = track.appendChild(document.createElement('i'));
        head.className = 'playhead';
        track.addEventListener('click', event => {
          if (event.target.closest('button')) return;
          const box = track.getBoundingClientRect();
          seek((event.clientX - box.left) / box.width * end, true);
        });
      }
      for (const cell of lanes.querySelectorAll('button[data-at]'))
        cell.addEventListener('click', () => seek(Number(cell.dataset.at), true));
      player.addEventListener('timeupdate', () => {
        for (const head of lanes.querySelectorAll('.playhead')) head.style.left = player.currentTime / end * 100 + '%';
      });
      lanes.addEventListener('keydown', event => {
        const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
        if (step) { seek(player.currentTime + step, false); event.preventDefault(); }
      });
    }
    for (const stream of document.querySelectorAll('details.stream')) {
      if (stream.open) setTimeout(load, 0, stream);
      stream.addEventListener('toggle', () => { if (stream.open) load(stream); });
    }
    function follow() {
      const stream = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      if (stream && stream.matches('details')) { stream.open = true; stream.scrollIntoView(); stream.querySelector('summary').focus(); }
    }
    addEventListener('hashchange', follow);
    for (const link of document.querySelectorAll('a[href^="#"]')) link.addEventListener('click', () => setTimeout(follow, 0));
    follow();
    for (const button of document.querySelectorAll('button.copy')) button.addEventListener('click', async () => {
      const part = button.closest('[data-part]'), text = part.querySelector('.copied'), said = part.querySelector('[role=status]');
      try { await navigator.clipboard.writeText(text.value ?? text.textContent); said.textContent = 'copied'; }
      catch {
        if (text.select) text.select(); else getSelection().selectAllChildren(text);
        said.textContent = document.execCommand('copy') ? 'copied' : 'selected: copy it by hand';
      }
    });
    """
}
