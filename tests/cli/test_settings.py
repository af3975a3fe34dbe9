"""The controller's settings: where they may stand, and that none is passed over."""

import subprocess

from cli import BIN, CliTest


class SettingsTest(CliTest):
    def run_with(self, text, *words):
        file = self.home / "linnet.yaml"
        file.write_text(text)
        return subprocess.run([BIN / "linnet-controller", "--config", file, *words], text=True,
                              capture_output=True, timeout=60, check=False, env={})

    def shown(self, text, *words):
        """Each setting as --print-config shows it."""
        done = self.run_with(text, *words, "--print-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return dict(line.split("  # ")[0].split(": ", 1) for line in done.stdout.splitlines())

    def refused(self, text, *words):
        done = self.run_with(text, *words)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        return done.stderr

    def test_nested_and_dotted_keys_are_the_same(self):
        nested = self.shown("fleet: {url: /srv/f.git, verify: {allowedSigners: s}}\nstate: null\n")
        self.assertEqual(nested["fleet.url"], "/srv/f.git")
        self.assertEqual(nested["fleet.verify.allowedSigners"], "s")
        self.assertEqual(nested["state"], "/var/lib/linnet")
        self.assertEqual(self.shown("fleet.url: /srv/f.git\nfleet: {verify.allowedSigners: s}\n"),
                         nested)

    def test_what_is_printed_can_be_read_again(self):
        text = ("fleet: {url: /srv/f.git}\nweb: {listen: '[::1]:80'}\n"
                "data: {allow: '* https://x'}\nstatus: {author: 'A: b #c <a@b>'}\n")
        printed = self.run_with(text, "--print-config").stdout
        self.assertEqual(self.run_with(printed, "--print-config").stdout, printed)

    def test_a_flag_wins_over_the_file(self):
        self.assertEqual(self.shown("store: /a\n", "--store", "/b")["store"], "/b")

    def test_mistakes(self):
        for text, expected in (
                ("data: {allow: [a, b]}\n", "linnet.yaml:1:15: data.allow is one text, not a list: write several with blanks between"),
                ("fleet:\n  url: {a: b}\n", "linnet.yaml:2:8: fleet.url is one text, not a map"),
                ("fleet: {url: a}\nfleet.url: b\n", "linnet.yaml:2:1: fleet.url stands here twice"),
                ("flet: {url: a}\n", "linnet.yaml:1:8: unknown key 'flet.url'; did you mean"),
                ("fleet: a\n", "linnet.yaml:1:1: unknown key 'fleet'"),
                ("fleet: {url: a, poll: 0}\n", "fleet.poll: write 100ms to 24h"),
                ("fleet: {url: a, poll: 30d}\n", "fleet.poll: write 100ms to 24h"),
                ("- a\n", "not a map of settings")):
            text = text.replace("{url: a, poll", f"{{url: {self.home}, poll")
            self.assertIn(expected, self.refused(text, "--state", self.home / "state"), text)
        self.assertIn("unknown flag --conf", self.refused("", "--conf", "x"))
