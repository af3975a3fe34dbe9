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

    def test_a_bad_value_is_told_with_its_place(self):
        url = f"fleet: {{url: {self.home}}}\n"
        for text, expected in (
                (f"fleet:\n  url: {self.home}\n  poll: soon\n", "linnet.yaml:3:9: fleet.poll: "),
                (f"fleet:\n  url: {self.home}\n  poll: 30d\n",
                 "linnet.yaml:3:9: fleet.poll: write 100ms to 24h, not 30d"),
                (url + "runs: {concurrent: many}\n", "linnet.yaml:2:20: runs.concurrent: "),
                (url + "predictions:\n  bytes: lots\n", "linnet.yaml:3:10: predictions.bytes: "),
                (url + "predictions.age: old\n", "linnet.yaml:2:18: predictions.age: "),
                (url + "local: {listen: '9000'}\n", "linnet.yaml:2:17: local.listen: write ADDRESS"),
                (url + "log: {level: loud}\n",
                 "linnet.yaml:2:14: log.level: 'loud' is not debug, info, warn or error"),
                (url + "log: {format: xml}\n",
                 "linnet.yaml:2:15: log.format: 'xml' is not text or json")):
            self.assertIn(expected, self.refused(text, "--state", self.home / "state"), text)
        said = self.refused("fleet.poll: 1h\n" + url, "--fleet-poll", "soon", "--state",
                            self.home / "state")
        self.assertNotIn("linnet.yaml", said)
        self.assertIn("fleet.poll: ", said)

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
