#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1, srt-tools 1.5.1-1+deb12u2 (Debian 12).
# Run: a receiver (srt-live-transmit, 20 ms of its own) and ffmpeg as sender, whose URL asks for latency=400; then for latency=400000. SRT takes the larger
#   of both sides' wishes; the receiver's statistics say what was agreed.
# Seen: 20 ms, then 400 ms: to ffmpeg the number is microseconds. srt-live-transmit, given latency=400 in the same URL, agrees on 400 ms.
# Surprising: one URL scheme, one parameter, two units, a factor of 1,000 between them, and no error: a URL copied from a server's or a camera's page into
#   ffmpeg works on a good line and has nothing to repair losses with on a bad one.
# What to do: in URLs for ffmpeg write latency in microseconds; read msRcvTsbPdDelay of a receiver once to see what was agreed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
apt-get -qq -o APT::Sandbox::User=root download srt-tools=1.5.1-1+deb12u2 libsrt1.5-openssl=1.5.1-1+deb12u2
for package in *.deb; do dpkg -x "$package" root; done
port=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
ffmpeg -nostdin -v error -f lavfi -i testsrc=r=25:s=160x120:d=3 -c:v mpeg2video -f mpegts clip.ts
transmit() { LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu timeout 20 root/usr/bin/srt-live-transmit -q "$@"; }
# What a receiver that wants 20 ms agrees on with the sender that is given as command.
agreed() {
  # Ends with the sender, which is its only one.
  transmit -a no -s 20 -pf csv -statsout statistics "srt://127.0.0.1:$port?mode=listener&latency=20" file://con >received.ts 2>/dev/null &
  until grep -qi ":$(printf '%04X' "$port") " /proc/net/udp; do sleep 0.05; done
  "$@" 2>/dev/null || true
  wait || true
  python3 -c 'import csv; print(list(csv.DictReader(open("statistics")))[-1]["msRcvTsbPdDelay"] + " ms")'
}
by_ffmpeg() { ffmpeg -nostdin -v error -re -i clip.ts -c copy -f mpegts "srt://127.0.0.1:$port?latency=$1&pkt_size=1316"; }
by_srt() { ffmpeg -nostdin -v error -re -i clip.ts -c copy -f mpegts - | transmit file://con "srt://127.0.0.1:$port?latency=$1"; }
seen="latency=400: ffmpeg $(agreed by_ffmpeg 400), srt-live-transmit $(agreed by_srt 400); latency=400000: ffmpeg $(agreed by_ffmpeg 400000)"
wanted="latency=400: ffmpeg 20 ms, srt-live-transmit 400 ms; latency=400000: ffmpeg 400 ms"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected: %s\nSeen: %s\n' "$wanted" "$seen" >&2; exit 1; }
echo "As described: $seen"
