"""Slugs are short, readable, and the same for the same target."""

import unittest

from shortleaf.slugs import ALPHABET, slug_for


class Slugs(unittest.TestCase):
    def test_the_same_target_gets_the_same_slug(self):
        self.assertEqual(slug_for("https://example.org/"), slug_for("https://example.org/"))

    def test_another_target_gets_another_slug(self):
        self.assertNotEqual(slug_for("https://example.org/"), slug_for("https://example.org/a"))

    def test_a_slug_has_the_length_that_was_asked_for(self):
        self.assertEqual([len(slug_for("https://example.org/", length)) for length in (1, 5, 12)], [1, 5, 12])

    def test_nothing_in_a_slug_is_easily_confused(self):
        self.assertFalse(set("01oil") & set(ALPHABET))


if __name__ == "__main__":
    unittest.main()
