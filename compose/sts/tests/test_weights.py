"""Weights that are not what they should be: each is one sentence that says which, and what to do, before anything is loaded."""
import hashlib
import pathlib
import tempfile
import unittest

from sts import weights

HALVES = {"model": {"model.bin": (hashlib.sha256(b"firstsecond").hexdigest(), ["one/part1", "two/part2"]),
                    "config.json": (hashlib.sha256(b"{}").hexdigest(), ["one/config.json"])}}
NEEDED = ("model.bin", "config.json")


class WeightsTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.packages, self.models = pathlib.Path(folder.name, "packages"), pathlib.Path(folder.name, "models")
        for name, content in (("one/part1", b"first"), ("two/part2", b"second"), ("one/config.json", b"{}")):
            path = self.packages / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def refusal(self, work, *arguments):
        with self.assertRaises(weights.WeightsError) as caught:
            work(*arguments)
        self.assertNotIn("\n", str(caught.exception))
        return str(caught.exception)

    def joined(self):
        weights.assemble(self.packages, self.models, HALVES)
        return self.models / "model"

    def check(self, folder):
        return self.refusal(weights.check, folder, NEEDED, "Whisper")

    def test_parts_are_joined_and_found_right(self):
        folder = self.joined()
        self.assertEqual((folder / "model.bin").read_bytes(), b"firstsecond")
        weights.check(folder, NEEDED, "Whisper")

    def test_half_of_the_weights_is_missing(self):
        (self.packages / "two/part2").unlink()
        self.assertIn("two/part2 is not there", self.refusal(weights.assemble, self.packages, self.models, HALVES))

    def test_parts_of_another_version(self):
        (self.packages / "two/part2").write_bytes(b"other")
        self.assertIn("model/model.bin is not the one that was pinned", self.refusal(weights.assemble, self.packages, self.models, HALVES))

    def test_half_a_file_after_the_installation(self):
        folder = self.joined()
        (folder / "model.bin").write_bytes(b"first")
        self.assertRegex(self.check(folder), "model.bin of the Whisper model .* is broken: its SHA-256 .* `make models`")

    def test_a_changed_bit(self):
        folder = self.joined()
        (folder / "config.json").write_bytes(b"{]")
        self.assertIn("config.json of the Whisper model", self.check(folder))

    def test_a_file_that_only_the_list_knows(self):
        folder = self.joined()
        (folder / "vocabulary.txt").write_text("a")
        with open(folder / weights.SUMS, "a") as sums:
            sums.write(f"{'0' * 64}  tokens.txt\n")
        self.assertIn("tokens.txt of the Whisper model", self.check(folder))

    def test_no_folder_an_empty_one_and_one_of_another_kind(self):
        self.assertIn("is not there: `make models`", self.check(self.models / "none"))
        empty, other = self.models / "empty", self.models / "other"
        empty.mkdir(parents=True)
        other.mkdir()
        (other / "model.onnx").write_bytes(b"x")
        self.assertIn("is no Whisper model: model.bin, config.json is missing, there is nothing", self.check(empty))
        self.assertIn("is missing, there is model.onnx", self.check(other))

    def test_a_folder_of_ones_own_needs_no_sums(self):
        folder = self.models / "own"
        folder.mkdir(parents=True)
        for name in NEEDED:
            (folder / name).write_bytes(b"anything")
        weights.check(folder, NEEDED, "Whisper")


if __name__ == "__main__":
    unittest.main()
