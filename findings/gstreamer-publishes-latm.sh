#!/usr/bin/env bash
# gstreamer1.0-tools 1.22.0-2+deb12u1, gstreamer1.0-rtsp 1.22.0-2, plugins-base 1.22.0-3+deb12u7, -good 1.22.0-5+deb12u4, -bad 1.22.0-4+deb12u8; AAC by ffmpeg 7:5.1.9-0+deb12u1 (Debian 12).
# Run: an MP4 with AAC published with rtspclientsink to a socket that answers as an RTSP server does and keeps the SDP of ANNOUNCE.
# Seen: MP4A-LATM, config=40002320adca00. With GST_PLUGIN_FEATURE_RANK=rtpmp4apay:NONE it is MPEG4-GENERIC, config=119056e500.
# Surprising: ffmpeg publishes the same file as MPEG4-GENERIC, and servers are tried with that. Both payloaders have the same rank, so the name decides, and
#   a goes before g. Its StreamMuxConfig holds the whole AudioSpecificConfig, 56 e5 00 (the mark for "no SBR") included, with nothing to say where it ends:
#   a parser that expects the fields which follow takes the first bits of 2b7 (010) for a frameLengthType of 2, which hardly any server knows.
# What to do: publish with the variable above; test a media server with a LATM publisher, too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
version=$(dpkg-query -Wf '${Version}' ffmpeg 2>&1) || true
[ "$version" = 7:5.1.9-0+deb12u1 ] || { echo "needs Debian's ffmpeg 7:5.1.9-0+deb12u1, found: $version" >&2; exit 2; }
apt-get -qq -o APT::Sandbox::User=root download gstreamer1.0-tools=1.22.0-2+deb12u1 libgstreamer1.0-0=1.22.0-2+deb12u1 \
  libgstreamer-plugins-base1.0-0=1.22.0-3+deb12u7 gstreamer1.0-plugins-base=1.22.0-3+deb12u7 gstreamer1.0-plugins-good=1.22.0-5+deb12u4 \
  gstreamer1.0-plugins-bad=1.22.0-4+deb12u8 libgstreamer-plugins-bad1.0-0=1.22.0-4+deb12u8 gstreamer1.0-rtsp=1.22.0-2 \
  libgstrtspserver-1.0-0=1.22.0-2 liborc-0.4-0=1:0.4.33-2
for package in ./*.deb; do dpkg -x "$package" root; done
libraries=$PWD/root/usr/lib/x86_64-linux-gnu
export GST_PLUGIN_SYSTEM_PATH=$libraries/gstreamer-1.0 GST_REGISTRY=$PWD/registry GST_REGISTRY_FORK=no
ffmpeg -nostdin -v error -f lavfi -i sine=r=48000:d=2 -ac 2 -c:a aac in.mp4
cat > announced.py <<'PY'
import os, re, socket, subprocess, sys

listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(60)
url = f"rtsp://127.0.0.1:{listener.getsockname()[1]}/live"
command = ["root/usr/bin/gst-launch-1.0", "-q", "filesrc", "location=in.mp4", "!", "qtdemux", "!", "aacparse", "!", "rtspclientsink",
           "location=" + url, "protocols=tcp"]
# Python itself is started with the system's libraries.
environment = os.environ | {"LD_LIBRARY_PATH": sys.argv[1]}
publisher = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
try:
    channel, _ = listener.accept()
    channel.settimeout(30)
    stream = channel.makefile("rwb")
    while True:
        method, headers = stream.readline().split()[0].decode(), {}
        while line := stream.readline().decode().strip():
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0))).decode()
        if method == "ANNOUNCE":
            stream.write(f"RTSP/1.0 403 Forbidden\r\nCSeq: {headers['cseq']}\r\n\r\n".encode())
            stream.flush()
            break
        stream.write(f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\nPublic: OPTIONS, ANNOUNCE, SETUP, RECORD, TEARDOWN\r\n\r\n".encode())
        stream.flush()
finally:
    publisher.terminate()
    publisher.wait(30)
print(re.search(r"a=rtpmap:\d+ (\S+)", body)[1], re.search(r"config=[0-9a-f]+", body)[0])
PY
seen=$(timeout 200 python3 announced.py "$libraries"; GST_PLUGIN_FEATURE_RANK=rtpmp4apay:NONE timeout 200 python3 announced.py "$libraries")
wanted="MP4A-LATM/48000 config=40002320adca00
MPEG4-GENERIC/48000/2 config=119056e500"
[ "$seen" = "$wanted" ] || { printf 'CHANGED. Expected:\n%s\nSeen:\n%s\n' "$wanted" "$seen" >&2; exit 1; }
printf 'As described:\n%s\n' "$seen"
