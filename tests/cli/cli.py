"""What the tests of the command line share: calls, and a repository of their own."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("LINNET_BIN", ROOT / "build")).resolve()
WHO = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
       "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com"}


def linnet(*words, cwd=None, env=None):
    """(exit status, standard output, standard error)."""
    done = subprocess.run([BIN / "linnet", *map(str, words)], cwd=cwd, capture_output=True,
                          text=True, timeout=90, check=False, env={**os.environ, **WHO, **(env or {})})
    return done.returncode, done.stdout, done.stderr


def git(folder, *words):
    done = subprocess.run(["git", *map(str, words)], cwd=folder, capture_output=True, text=True,
                          check=False, env={**os.environ, **WHO})
    if done.returncode:
        raise AssertionError(f"git {' '.join(map(str, words))}: {done.stderr}")
    return done.stdout.strip()


class CliTest(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="linnet-cli."))
        self.addCleanup(shutil.rmtree, self.home)

    def ok(self, *words, **more):
        status, out, err = linnet(*words, **more)
        self.assertEqual((status, err), (0, ""), out)
        return out

    def fails(self, *words, **more):
        """What it says of the mistake."""
        status, out, err = linnet(*words, **more)
        self.assertEqual((status, out), (1, ""), err)
        return err
