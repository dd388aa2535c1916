#!/usr/bin/env bash
# m3u8 6.0.0 (PyPI).
# Run: a media playlist of version 8 with a variable (RFC 8216bis, section 4.4.2.3: EXT-X-DEFINE, used as {$host} in the addresses of segments), read with
#   m3u8.loads() and written again with dumps().
# Seen: the segments' addresses are "https://{$host}/a.ts", and what dumps() writes has no EXT-X-DEFINE: it uses a variable that nobody defines, and
#   a player has nothing to put in its place.
# Surprising: the library reads and writes nearly all tags of that version, the playlist loads without a word, and absolute_uri looks like an address.
# What to do: replace variables in the text before it is parsed; refuse a playlist whose text has "{$" after parsing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install --disable-pip-version-check m3u8==6.0.0
seen=$(venv/bin/python - <<'PY'
import m3u8
text = """#EXTM3U
#EXT-X-VERSION:8
#EXT-X-DEFINE:NAME="host",VALUE="cdn1.example.com"
#EXT-X-TARGETDURATION:6
#EXTINF:6.006,
https://{$host}/a.ts
#EXTINF:5.96,
https://{$host}/b.ts
#EXT-X-ENDLIST
"""
playlist = m3u8.loads(text, uri="https://example.com/live/index.m3u8")
print("addresses", [segment.absolute_uri for segment in playlist.segments])
print("written", [line for line in playlist.dumps().splitlines() if "DEFINE" in line or "{$" in line])
PY
)
wanted="addresses ['https://{\$host}/a.ts', 'https://{\$host}/b.ts']
written ['https://{\$host}/a.ts', 'https://{\$host}/b.ts']"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
