#!/usr/bin/env bash
# gstreamer1.0-tools 1.22.0-2+deb12u1, plugins-base 1.22.0-3+deb12u7, plugins-ugly 1.22.0-2+deb12u2, libx264-164 2:0.164.3095+gitbaee400-3 (Debian 12).
# Run: videotestsrc ! x264enc ! identity silent=false; and the same before x264enc.
# Seen: before it the first buffer has pts 0:00:00; behind it pts 1000:00:00 and dts 999:59:59.920.
# Surprising: B frames need time stamps before 0, which GStreamer does not have, so x264enc moves everything by a thousand hours and says so in the segment
#   only. Muxers take it away again. Who reads buffers (appsink, a pad probe) and compares their pts with the sound's, which begins at 0, is 3,600,000 s off.
# What to do: gst_segment_to_running_time, never a buffer's pts alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download gstreamer1.0-tools=1.22.0-2+deb12u1 libgstreamer1.0-0=1.22.0-2+deb12u1 \
  libgstreamer-plugins-base1.0-0=1.22.0-3+deb12u7 gstreamer1.0-plugins-base=1.22.0-3+deb12u7 gstreamer1.0-plugins-ugly=1.22.0-2+deb12u2 \
  libx264-164=2:0.164.3095+gitbaee400-3 liborc-0.4-0=1:0.4.33-2
for package in ./*.deb; do dpkg -x "$package" root; done
libraries=$PWD/root/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries GST_PLUGIN_SYSTEM_PATH=$libraries/gstreamer-1.0 GST_REGISTRY=$PWD/registry GST_REGISTRY_FORK=no
first() {  # an element to look behind
  timeout 60 root/usr/bin/gst-launch-1.0 -v videotestsrc num-buffers=5 ! video/x-raw,width=64,height=36,framerate=25/1 ! "$1" ! \
    identity name=look silent=false ! fakesink > said 2>> log
  grep -oE 'dts: [0-9a-z:.]+, pts: [0-9:.]+' said | sed -n 1p
}
seen="before: $(first queue); behind: $(first x264enc)"
wanted="before: dts: none, pts: 0:00:00.000000000; behind: dts: 999:59:59.920000000, pts: 1000:00:00.000000000"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; cat log >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
