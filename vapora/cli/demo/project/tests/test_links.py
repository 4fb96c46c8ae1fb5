"""Targets are kept in one form."""

import unittest

from shortleaf.links import TargetError, normalise


class Targets(unittest.TestCase):
    def test_scheme_and_host_are_written_small_and_the_path_is_left_alone(self):
        self.assertEqual(normalise("HTTPS://Example.ORG/A?b=C"), "https://example.org/A?b=C")

    def test_a_default_port_is_left_out(self):
        self.assertEqual(normalise("http://example.org:80/"), "http://example.org/")
        self.assertEqual(normalise("https://example.org:443/"), "https://example.org/")
        self.assertEqual(normalise("https://example.org:8443/"), "https://example.org:8443/")

    def test_an_address_without_a_host_is_refused(self):
        for target in ("", "/path", "https:///path"):
            with self.subTest(target), self.assertRaises(TargetError):
                normalise(target)


if __name__ == "__main__":
    unittest.main()
