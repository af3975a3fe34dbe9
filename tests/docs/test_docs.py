"""Every command of the pages in docs/ is run: the ```sh blocks of a page are one bash script, in a home
of its own. A page whose blocks need nothing before them is short; all clean up after themselves."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/e2e"))
from world import free_port  # noqa: E402  (the path is set above)

BUILD = pathlib.Path(os.environ.get("LINNET_BIN", TOP / "build")).resolve()
SECONDS = 1200
PORT = "9100"  # that the pages write


def script_of(page):
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)
    return "set -eu -o pipefail\nset -m\n" + "".join(blocks)


class DocsTest(unittest.TestCase):
    def check(self, page):
        script = script_of(page).replace(PORT, str(free_port()))
        home = pathlib.Path(tempfile.mkdtemp(prefix="linnet-docs."))
        home.chmod(0o711)  # as the pages say to root
        env = {"HOME": str(home), "PATH": f"{BUILD}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
               "BUILD": str(BUILD), "LANG": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"}
        log = home / "page.log"
        try:
            with open(log, "wb") as out:
                shell = subprocess.Popen(["bash", "-x", "-c", script], cwd=TOP, env=env, stdout=out,
                                         stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                         start_new_session=True)
                try:
                    status = shell.wait(timeout=SECONDS)
                except subprocess.TimeoutExpired:
                    status = "too long"
            said = log.read_text(errors="replace")[-6000:]
            for more in home.rglob("controller.log"):
                said += f"\n--- {more.name}\n{more.read_text()[-3000:]}"
            self.assertEqual(status, 0, said)
        finally:
            self.end(home, env)
            shutil.rmtree(home, ignore_errors=True)

    @staticmethod
    def end(home, env):
        """Ends what a page that failed left: processes that know this home, and its router."""
        for config in home.rglob("linnet.yaml"):
            subprocess.run(["linnet-controller", "--config", config, "--stop-serving"], env=env,
                           capture_output=True, check=False, timeout=60)
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if f"HOME={home}\0".encode() in (process / "environ").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)
            except OSError:
                continue


class ReferenceTest(unittest.TestCase):
    def test_the_reference_is_what_the_programs_say(self):
        said = subprocess.run([TOP / "hack/reference"], env={**os.environ, "BUILD": str(BUILD)},
                              capture_output=True, text=True, check=True).stdout
        self.assertEqual((TOP / "docs/reference.md").read_text(encoding="utf-8"), said,
                         "`make reference` writes it anew")


def add(page):
    setattr(DocsTest, f"test_{page.stem.replace('-', '_')}", lambda self: self.check(page))


for found in sorted((TOP / "docs").glob("*.md")):
    if "```sh\n" in found.read_text(encoding="utf-8"):
        add(found)


if __name__ == "__main__":
    unittest.main()
