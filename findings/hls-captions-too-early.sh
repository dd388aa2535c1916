#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) and imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2): the same in both.
# Run: pictures and captions to HLS, with MPEG-TS segments and WebVTT as its own playlist; then a WebVTT segment with X-TIMESTAMP-MAP read as HLS.
# Seen: the pictures' first time stamp is 1.4 s, the captions count from 0, and no WebVTT segment has an X-TIMESTAMP-MAP. A segment that has one, of 10 s, is
#   read as if it had none.
# Surprising: RFC 8216 (3.5) says that without that line cue time 0 is MPEG-TS time stamp 0: a player that obeys shows every caption 1.4 s before its words.
#   Reading ignores what writing leaves out, so ffmpeg's own round trip looks right.
# What to do: -muxdelay 0 -muxpreload 0 (or fMP4 segments) when writing; add the 1.4 s, or the line, to captions of TS segments.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m pip -q install --disable-pip-version-check --root-user-action=ignore --target python imageio-ffmpeg==0.6.0
newer=$(realpath python/imageio_ffmpeg/binaries/ffmpeg-*)
printf '1\n00:00:01,000 --> 00:00:02,000\nhola\n\n2\n00:00:07,000 --> 00:00:08,000\nadios\n' > in.srt
printf 'WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\n00:00:01.000 --> 00:00:02.000\nhola\n' > mapped.vtt
printf '#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nmapped.vtt\n#EXT-X-ENDLIST\n' > mapped.m3u8
for program in ffmpeg "$newer"; do
  rm -rf out
  mkdir out
  "$program" -nostdin -v error -f lavfi -i testsrc=size=64x36:rate=25:d=10 -i in.srt -map 0 -map 1 -c:v libx264 -preset ultrafast -g 50 -c:s webvtt \
    -f hls -hls_time 4 -hls_list_size 0 -var_stream_map v:0,s:0,sgroup:subs -master_pl_name main.m3u8 out/v%v.m3u8 2> log || { cat log >&2; exit 2; }
  picture=$(ffprobe -v error -select_streams v -show_entries stream=start_time -of csv=p=0 out/v00.ts | sed -n 1p)
  caption=$(grep -oE '^[0-9:.]+ -->' out/v00.vtt)
  maps=$(cat out/*.vtt | grep -c X-TIMESTAMP-MAP || true)
  "$program" -nostdin -v error -y -allowed_extensions ALL -i mapped.m3u8 back.srt
  seen="pictures from ${picture%0000} s, first caption $caption, $maps maps written; with a map of 10 s it is read at $(grep -oE '^[0-9:,]+ -->' back.srt)"
  wanted="pictures from 1.40 s, first caption 00:01.000 -->, 0 maps written; with a map of 10 s it is read at 00:00:01,000 -->"
  [ "$seen" = "$wanted" ] || { printf 'CHANGED (%s). Expected: %s\nSeen: %s\n' "$(basename "$program")" "$wanted" "$seen" >&2; exit 1; }
  echo "As described ($(basename "$program")): $seen"
done
