"""The command line, as a person uses it."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

from shortleaf.__main__ import main


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = str(Path(folder.name) / "links.json")

    def run_it(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(["--data", self.data, *arguments])
        return code, out.getvalue(), err.getvalue()

    def test_a_link_is_made_and_followed(self):
        code, slug, _ = self.run_it("add", "https://example.org/a")
        self.assertEqual(code, 0)
        self.assertEqual(self.run_it("go", slug.strip()), (0, "https://example.org/a\n", ""))

    def test_a_slug_that_is_not_there_is_refused_with_a_sentence(self):
        self.assertEqual(self.run_it("go", "nope"), (1, "", "There is no link 'nope'.\n"))

    def test_the_list_shows_each_link_with_its_target(self):
        _, slug, _ = self.run_it("add", "https://example.org/a")
        self.assertIn(f"{slug.strip()}  https://example.org/a\n", self.run_it("list")[1])


if __name__ == "__main__":
    unittest.main()
