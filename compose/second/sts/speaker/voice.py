"""The programs that make sound: espeak-ng speaks, ffmpeg puts it into MP4."""

import asyncio
import tempfile
from pathlib import Path

_PATIENCE_S = 20.0


class VoiceError(Exception):
    """What a program said when it gave no sound."""


async def _run(*command: str, given: bytes = b"") -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, words = await asyncio.wait_for(process.communicate(given), _PATIENCE_S)
    except (asyncio.TimeoutError, asyncio.CancelledError):
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode != 0:
        last = words.decode(errors="replace").strip().splitlines()[-1:]
        raise VoiceError(f"{command[0]} ended with {process.returncode}: {''.join(last)}")
    return out


async def _mp4(inputs: list[str], options: list[str], given: bytes = b"") -> bytes:
    with tempfile.TemporaryDirectory(prefix="voice-") as folder:
        out = Path(folder) / "dub.mp4"
        # A file, since MP4 goes back to its beginning for the index.
        base = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin" if not given else "-stdin", *inputs]
        await _run(*base, *options, "-movflags", "+faststart", "-f", "mp4", str(out), given=given)
        return out.read_bytes()


_AAC = ["-c:a", "aac", "-b:a", "64k"]


async def spoken(text: str, language: str, length_s: float) -> tuple[bytes, float]:
    """MP4, mono 22.05 kHz, and its seconds: at most `length_s`; what would be longer is said faster, and cut in the end."""
    for speed in (165, 210):
        wav = await _run("espeak-ng", "-v", language, "-s", str(speed), "--stdin", "--stdout", given=text.encode())
        # 16-bit mono at 22,050 Hz behind a header whose length fields a pipe cannot have filled in.
        pcm = wav[44:]
        if len(pcm) <= length_s * 44_100:
            break
    # Cut here: a program that stopped reading before its input ended would break the pipe.
    pcm = pcm[: round(length_s * 22_050) * 2]
    spoken_s = len(pcm) / 44_100
    raw = ["-f", "s16le", "-ar", "22050", "-ac", "1", "-i", "pipe:0"]
    fade = f"afade=t=out:st={max(0.0, spoken_s - 0.02):.3f}:d=0.02"
    return await _mp4(raw, ["-af", fade, *_AAC], pcm), spoken_s


async def unchanged(adts: bytes) -> bytes:
    """The segment's own frames, in another container."""
    return await _mp4(["-f", "aac", "-i", "pipe:0"], ["-c:a", "copy", "-bsf:a", "aac_adtstoasc"], adts)


async def silence(length_s: float) -> bytes:
    return await _mp4(["-f", "lavfi", "-i", "anullsrc=r=22050:cl=mono"], ["-t", f"{length_s:.3f}", *_AAC])
