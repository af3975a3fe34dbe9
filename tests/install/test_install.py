"""What `make install` and `make deb` lay down, used as a person would use it. No root, no network."""

import configparser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/e2e"))
from world import free_port  # noqa: E402  (the path is set above)

BUILD = pathlib.Path(os.environ.get("LINNET_BIN", TOP / "build")).resolve()
ENVIRONMENT = """\
apiVersion: linnet.dev/v1alpha1
kind: Environment
metadata: {name: prod}
spec: {serving: {local: {}}, maturity: stable}
"""


def run(*words, ok=(0,), **options):
    """What the command printed; any other exit status than `ok` fails with it."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False,
                          cwd=TOP, timeout=300, **options)
    if done.returncode not in ok:
        raise AssertionError(f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def make(target, *settings):
    return run("make", "-s", f"BUILD={BUILD}", *settings, target)


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = pathlib.Path(tempfile.mkdtemp(prefix="linnet-install."))
        cls.addClassCleanup(shutil.rmtree, cls.home)
        cls.settings = [f"prefix={cls.home}/usr", f"sysconfdir={cls.home}/etc"]
        make("install", *cls.settings)
        cls.bin = cls.home / "usr/bin"
        cls.config = cls.home / "etc/linnet/linnet.yaml"

    def test_the_programs_run_and_say_the_same_version(self):
        said = {run(self.bin / program, verb).split()[1]
                for program, verb in [("linnet", "version"), ("linnet-controller", "--version")]}
        self.assertEqual(len(said), 1, said)
        self.assertTrue(os.access(self.bin / "linnet-run", os.X_OK))

    def test_the_sample_configuration_is_understood_and_asks_for_the_fleet(self):
        controller = self.bin / "linnet-controller"
        self.assertIn('web.listen: "127.0.0.1:8080"',
                      run(controller, "--config", self.config, "--print-config"))
        self.assertIn("fleet.url", run(controller, "--config", self.config, "--once", ok=(1,)))

    def test_an_installed_controller_looks_at_its_fleet(self):
        fleet, state = self.home / "fleet", self.home / "state"
        run("git", "init", "-q", "-b", "main", fleet)
        (fleet / "environment.yaml").write_text(ENVIRONMENT)
        git = ["git", "-C", fleet, "-c", "user.name=A", "-c", "user.email=a@example.com"]
        run(*git, "add", "-A")
        run(*git, "commit", "-qm", "fleet")
        settings = self.home / "own.yaml"
        settings.write_text(f'fleet: {{url: "{fleet}"}}\nstate: {state}\n'
                            f'local: {{listen: "127.0.0.1:{free_port()}"}}\n')
        said = run(self.bin / "linnet-controller", "--config", settings, "--once", ok=(0, 2))
        run(self.bin / "linnet-controller", "--config", settings, "--stop-serving", ok=(0, 1))
        self.assertIn("1 files changed", said)

    def test_a_second_installation_keeps_what_was_configured(self):
        before = self.config.read_text()
        try:
            self.config.write_text("state: /elsewhere\n")
            make("install", *self.settings)
            self.assertEqual(self.config.read_text(), "state: /elsewhere\n")
        finally:
            self.config.write_text(before)

    def test_the_unit_leaves_model_servers_alone(self):
        path = self.home / "usr/lib/systemd/system/linnet-controller.service"
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.optionxform = str
        unit.read(path)
        program, _, config = unit["Service"]["ExecStart"].split()
        self.assertEqual((program, config), (str(self.bin / "linnet-controller"), str(self.config)))
        self.assertEqual(unit["Service"]["KillMode"], "process")
        self.assertEqual(unit["Service"]["ProtectSystem"], "strict")
        self.assertIn("/tmp", unit["Service"]["ReadWritePaths"].split())    # model servers' TMPDIR
        if shutil.which("systemd-analyze"):
            said = run("systemd-analyze", "verify", "--man=no", path, ok=(0, 1))
            self.assertNotIn("linnet-controller.service:", said)

    def test_manual_and_completions(self):
        share = self.home / "usr/share"
        manual = (share / "man/man1/linnet.1").read_text()
        self.assertIn(".TH LINNET 1", manual)
        run("bash", "-n", share / "bash-completion/completions/linnet")
        for path in ["zsh/site-functions/_linnet", "fish/vendor_completions.d/linnet.fish"]:
            self.assertIn("validate", (share / path).read_text())

    def test_the_package_holds_all_and_says_what_it_needs(self):
        package = re.search(r"^\S+\.deb$", make("deb"), re.M).group()
        unpacked = self.home / "unpacked"
        run("dpkg-deb", "-R", package, unpacked)
        control = (unpacked / "DEBIAN/control").read_text()
        for needed in ["libgit2-1.5", "libmicrohttpd12", "haproxy", "git", "tzdata"]:
            self.assertRegex(control, rf"Depends:.*\b{re.escape(needed)}\b")
        self.assertEqual((unpacked / "DEBIAN/conffiles").read_text(), "/etc/linnet/linnet.yaml\n")
        self.assertTrue((unpacked / "usr/share/zsh/vendor-completions/_linnet").is_file())
        self.assertFalse((unpacked / "usr/share/zsh/site-functions").exists())
        run("sh", "-n", unpacked / "DEBIAN/postinst")
        self.check_removal(unpacked / "DEBIAN/prerm")
        run(unpacked / "usr/bin/linnet", "version")
        run(unpacked / "usr/bin/linnet", "validate",
            unpacked / "usr/share/doc/linnet/examples/deployment-risk/manifests")

    def check_removal(self, prerm):
        """An upgrade leaves alone what serves; a removal ends it."""
        programs, calls = self.home / "programs", self.home / "calls"
        programs.mkdir()
        for name in ("systemctl", "runuser"):
            (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {calls}\n')
            (programs / name).chmod(0o755)
        env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        run("sh", prerm, "upgrade", "1.1", env=env)
        self.assertFalse(calls.exists())
        run("sh", prerm, "remove", env=env)
        self.assertIn("runuser -u linnet -- linnet-controller --config /etc/linnet/linnet.yaml "
                      "--stop-serving\n", calls.read_text())

    def test_a_package_of_a_commit_is_older_than_any_release(self):
        self.addCleanup(os.umask, os.umask(0o077))      # and anybody can read what it holds
        for version, told in [("1234567", r"0\.0\.\d+\.1234567"), ("abc4567-dirty", r"0\.0\..*dirty"),
                              ("v1.2-3-gabc4567", r"1\.2\.3\.gabc4567")]:
            package = pathlib.Path(run(TOP / "hack/deb", version,
                                       env={**os.environ, "BUILD": str(BUILD)}).splitlines()[0])
            self.addCleanup(package.unlink)
            self.assertRegex(run("dpkg-deb", "-f", package, "Version").strip(), f"^{told}$")
            self.assertNotRegex(run("dpkg-deb", "-c", package), "(?m)^.......---")

    def test_the_image_is_built_from_what_is_there(self):
        text = (TOP / "manifests/container/Containerfile").read_text()
        for source in re.findall(r"^COPY (?!--from)(\S+)", text, re.M):
            self.assertTrue((TOP / source).exists(), source)
        for asked in re.findall(r"setup (build|run|check)", text):
            self.assertIn(f"\n{asked}=", (TOP / "hack/setup").read_text())
        self.assertIn("usage", run(TOP / "hack/setup", "nonsense", ok=(1,)))


if __name__ == "__main__":
    unittest.main()
