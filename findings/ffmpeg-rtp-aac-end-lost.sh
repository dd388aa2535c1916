#!/usr/bin/env bash
# ffmpeg 7:5.1.9-0+deb12u1 (Debian 12) and imageio-ffmpeg 0.6.0 (ffmpeg 7.0.2): the same in both.
# Run: 6 s of AAC (283 frames), quiet, sent with -c copy -f rtp to a local UDP socket that counts the frames in each packet's AU headers;
#   with the default delay and with -muxdelay 0.03. RTSP publishing uses the same packer.
# Seen: default: 8 packets of 33 frames = 264: the last 19 frames (0.4 s) are never sent. With -muxdelay 0.03: 141 packets of 2, one frame short.
#   Exit 0, nothing logged.
# Surprising: that AAC waits to be packed together is one thing (up to max_delay, 0.7 s, in one packet, so quiet sound comes in bursts). But what still
#   waits when the input ends is thrown away; the muxer has no flush. The end of a recording is missing from the stream, more of it the quieter it is.
# What to do: publish with -muxdelay 0.03, and put half a second of silence after what must arrive whole.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
python3 -m pip -q install --disable-pip-version-check --root-user-action=ignore --target python imageio-ffmpeg==0.6.0
newer=$(echo python/imageio_ffmpeg/binaries/ffmpeg-*)
ffmpeg -nostdin -v error -f lavfi -i anullsrc=r=48000:cl=stereo -t 6 -c:a aac -b:a 64k in.m4a
seen="frames in: $(ffprobe -v error -count_packets -show_entries stream=nb_read_packets -of csv=p=0 in.m4a)
$(NEWER="$newer" python3 - <<'PY'
import os, socket, subprocess
for program in ("ffmpeg", os.environ["NEWER"]):
    for options in ([], ["-muxdelay", "0.03"]):
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        receiver.bind(("127.0.0.1", 0))
        url = f"rtp://127.0.0.1:{receiver.getsockname()[1]}"
        run = subprocess.run([program, "-nostdin", "-v", "warning", "-i", "in.m4a", "-c", "copy", *options, "-f", "rtp", url],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        # All packets are in the socket's buffer by now. RTP header: 12 bytes; then the length of the AU headers, 16 bits for each frame.
        receiver.settimeout(0.5)
        counts = []
        try:
            while True:
                counts.append(int.from_bytes(receiver.recv(65536)[12:14], "big") // 16)
        except TimeoutError:
            pass
        name = "5.1.9" if program == "ffmpeg" else "7.0.2"
        print(name, *options, f"exit {run.returncode}, {len(run.stderr)} bytes logged: {len(counts)} packets of up to {max(counts)}, {sum(counts)} frames")
PY
)"
wanted="frames in: 283
5.1.9 exit 0, 0 bytes logged: 8 packets of up to 33, 264 frames
5.1.9 -muxdelay 0.03 exit 0, 0 bytes logged: 141 packets of up to 2, 282 frames
7.0.2 exit 0, 0 bytes logged: 8 packets of up to 33, 264 frames
7.0.2 -muxdelay 0.03 exit 0, 0 bytes logged: 141 packets of up to 2, 282 frames"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
