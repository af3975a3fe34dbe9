"""What each shell offers behind TAB: asked of the real shells, where they are here."""

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import time
import unittest

from cli import BIN, CliTest
from test_words import D, verbs

HOLD_FLAGS = {"--repo", "--path", "--remote", "--reason", "--until", "--fleet-branch", "--branch",
              "-o"}
MODEL = """\
apiVersion: linnet.dev/v1alpha1
kind: ModelStatus
metadata: {name: risk}
cycle: {phase: Idle}
"""


class CompletionTest(CliTest):
    def setUp(self):
        super().setUp()
        _, self.checkout = self.fleet()
        self.put_status(self.checkout, MODEL, path="status/models/risk.yaml")
        self.env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.home),
                    "ZDOTDIR": str(self.home), "XDG_CONFIG_HOME": str(self.home), "TERM": "dumb"}

    def offers(self, line):
        """The set of words that the shell offers for the last word of a line."""
        raise NotImplementedError

    def completes(self):
        """What every shell does, each in its own way."""
        self.assertEqual(self.offers("linnet "), set(verbs()))
        self.assertEqual(self.offers("linnet st"), {"status"})
        self.assertEqual(self.offers("linnet explain Model"),
                         {"Model", "ModelVersion", "ModelDeployment"})
        self.assertEqual(self.offers("linnet completion b"), {"bash"})
        self.assertEqual(self.offers("linnet status -o "), {"table", "json", "yaml"})
        self.assertEqual(self.offers("linnet status --w"), {"--watch"})
        self.assertEqual(self.offers(f"linnet hold {D} --re"), {"--reason", "--remote", "--repo"})
        self.assertEqual(self.offers("linnet hold prod"), {D})
        self.assertEqual(self.offers("linnet kick r"), {"risk"})
        self.assertEqual(self.offers(f"linnet hold {D} --repo mani"), {"manifests/"})
        self.assertEqual(self.offers("linnet init mani"), {"manifests/"})
        self.assertEqual(self.offers("linnet version mani"), set())


class TerminalTest(CompletionTest):
    """A shell with line editing, on a terminal of its own, in a checkout of the fleet."""

    def start(self, program, *setup):
        pid, self.terminal = pty.fork()
        if pid == 0:
            with contextlib.suppress(OSError):
                os.chdir(self.checkout)
                os.execvpe(program[0], program, self.env)
            os._exit(127)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.close, self.terminal)
        self.type("; ".join(["stty rows 200 columns 400", *setup, "PS1=$'REA''DY> '\n"]))
        self.until_ready()

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def until_ready(self):
        """What the terminal shows until the next prompt, without what positions the cursor."""
        shown, deadline = "", time.monotonic() + 120
        while not shown.endswith("READY> "):
            if not select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"no prompt within 120 s: {shown!r}")
            shown += os.read(self.terminal, 1 << 16).decode(errors="replace")
            shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
        return shown.replace("\r\n", "\n")

    def offers(self, line):
        """The list under the line, else what TAB puts in the place of its last word. The key ^T is
        the shell's own: it shows the line and empties it."""
        self.type(line + "\t\x14")
        shown = self.until_ready()
        while "=END" not in shown:
            shown += self.until_ready()
        rows, left = re.fullmatch(r"(.*)LINE=(.*)=END.*", shown, re.S).groups()
        rows = [row.rpartition("\r")[2] for row in rows.split("\n")]
        listed = {word for row in rows[1:] if not row.startswith("READY> ")
                  for word in re.sub(" +-- .*", "", row).split()}
        return listed or {left.split(" ")[-1] or left.split(" ")[-2]} - {line.rpartition(" ")[2], ""}


class BashTest(TerminalTest):
    def setUp(self):
        super().setUp()
        (self.home / "linnet.bash").write_text(self.ok("completion", "bash"))
        self.start(["bash", "--norc", "--noprofile", "-i"], f". {self.home}/linnet.bash",
                   "show() { printf 'LINE=%s=END\\n' \"$READLINE_LINE\"; READLINE_LINE=; }",
                   "bind -x '\"\\C-t\": show'", "bind 'set show-all-if-ambiguous on'",
                   "bind 'set bell-style none'", "bind 'set completion-query-items 0'",
                   "bind 'set page-completions off'")

    def test_verbs_flags_and_names(self):
        self.completes()
        self.assertEqual(self.offers("linnet hold "), {D} | HOLD_FLAGS)
        self.assertEqual(self.offers("linnet approve "),
                         {D, "risk", "--repo", "--remote", "--reason", "--until", "-o"})

    def test_outside_of_a_fleet_no_name_is_offered(self):
        self.type("cd /\n")
        self.until_ready()
        self.assertEqual(self.offers("linnet hold "), HOLD_FLAGS)


@unittest.skipUnless(shutil.which("fish"), "fish is not here")
class FishTest(CompletionTest):
    def offers(self, line):
        script = self.home / "linnet.fish"
        script.write_text(self.ok("completion", "fish"))
        said = subprocess.run(["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"],
                              text=True, capture_output=True, check=True, cwd=self.checkout,
                              env=self.env)
        self.assertEqual(said.stderr, "")
        return {offer.split("\t")[0] for offer in said.stdout.splitlines()}

    def test_verbs_flags_and_names(self):
        subprocess.run(["fish", "--no-execute"], input=self.ok("completion", "fish"), text=True,
                       check=True)
        self.completes()
        self.assertEqual(self.offers("linnet hold "), {D})
        self.assertEqual(self.offers("linnet approve "), {D, "risk"})
        self.assertEqual(self.offers("linnet hold --"), HOLD_FLAGS - {"-o"})
        self.assertEqual(self.offers("linnet history --reason hold --"), {"--repo"})


@unittest.skipUnless(shutil.which("zsh"), "zsh is not here")
class ZshTest(TerminalTest):
    def test_verbs_flags_and_names(self):
        script = self.ok("completion", "zsh")
        subprocess.run(["zsh", "-n"], input=script, text=True, check=True)
        (self.home / "_linnet").write_text(script)
        self.start(["zsh", "-f", "-i"], f"fpath=({self.home} $fpath)", "autoload -U compinit",
                   "compinit -u -D", "LISTMAX=9999",
                   "setopt nobeep nolistambiguous nopromptsp",
                   "show() { zle -I; print -r -- LINE=$BUFFER=END; BUFFER=; }", "zle -N show",
                   "bindkey ^T show")
        self.completes()
        self.assertEqual(self.offers("linnet hold "), {D})
        self.assertEqual(self.offers("linnet approve "), {D, "risk"})
        self.assertEqual(self.offers("linnet hold --"), HOLD_FLAGS - {"-o"})


if __name__ == "__main__":
    unittest.main()
