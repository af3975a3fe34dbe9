"""What FAULTS.md and API.md promise of Git's side, on real repositories."""

import json
import os
import pwd
import shutil
import ssl
import stat
import subprocess
import unittest
import unittest.mock

import test_faults
from test_faults import GitServer, quick
from world import Load, free_port, wait

STATUS = "status/prod/echo.yaml"


class StatusTest(test_faults.FaultsTest):
    def damage(self, world, text, *git):
        """Puts a text in place of the deployment's status, by somebody else's commit."""
        other = world.home / "other"
        if not other.exists():
            world.git(world.home, "clone", "-q", "-b", "linnet/status", str(world.remote),
                      str(other))

        def lands():
            world.git(other, "fetch", "-q", "origin", "linnet/status")
            world.git(other, "reset", "-q", "--hard", "FETCH_HEAD")
            (other / STATUS).write_text(text)
            world.git(other, "commit", "-qam", "by hand")
            world.git(other, "push", "-q", "origin", *git, "HEAD:linnet/status", check=False)
            tip = world.git(other, "rev-parse", "HEAD")
            return tip in world.git(world.remote, "rev-list", "linnet/status") and tip

        return wait(20, "the damage is pushed", lands)

    def test_a_status_does_not_wait_for_the_next_look_to_be_pushed(self):
        world = self.make()
        world.config.write_text(world.config.read_text().replace("poll: 500ms", "poll: 1h"))
        world.push("a model, deployed nowhere")
        world.start()
        wait(5, "its status is pushed", lambda: "status/models/echo.yaml" in world.git(
            world.remote, "ls-tree", "-r", "--name-only", "linnet/status", check=False))

    def test_a_damaged_status_is_taken_from_the_commit_before(self):
        world = self.serve_v1()
        before = set(world.pids("v1"))
        tip = self.damage(world, "phase: [\n")
        wait(20, "the history tells", lambda: "status recovered" in world.history())
        told = next(h for h in world.status()["history"] if h["what"] == "status recovered")
        self.assertIn(STATUS, told["why"])
        good = told["why"].rsplit(" ", 1)[1]
        self.assertIn("version: v1", world.git(world.remote, "show", f"{good}:{STATUS}"))
        world.git(world.remote, "merge-base", "--is-ancestor", tip, "linnet/status")
        self.assertEqual(set(world.pids("v1")), before)
        with Load(world.port) as load:
            world.declare("v2", edit=quick)
            wait(30, "v2 is steady", lambda: world.is_steady("v2"))
        self.assertEqual(load.failed_by_linnet(), {})
        self.assertEqual(world.history().count("status recovered"), 1)

    def test_a_status_without_a_good_text_freezes_and_says_what_to_do(self):
        world = self.serve_v1()
        world.kill()
        other = world.home / "other"
        world.git(world.home, "clone", "-q", "-b", "linnet/status", str(world.remote), str(other))
        whole = (other / STATUS).read_text()
        world.git(other, "checkout", "-q", "--orphan", "anew")
        (other / STATUS).write_text("phase: [\n")
        world.git(other, "commit", "-qam", "anew")
        world.git(other, "push", "-qf", "origin", "HEAD:linnet/status")
        subprocess.run(["rm", "-rf", "--", str(world.state / "status.git")], check=True)
        world.start()
        wait(20, "the log tells", lambda: "no earlier text of it can be read" in
             world.log.read_text())
        wait(20, "the table tells", lambda: "delete the file there to begin anew" in world.git(
            world.remote, "show", "linnet/status:README.md"))
        world.git(world.fleet, "pull", "-q", "--rebase", "origin", "main")
        world.declare("v2", edit=quick)
        with Load(world.port) as load:
            wait(10, "answers of v1", lambda: load.count("v1") > 100)
            self.assertEqual(world.pids("v2"), [])
            self.damage(world, whole)
            wait(40, "v2 is steady", lambda: world.is_steady("v2"))
        self.assertEqual(load.failed_by_linnet(), {})
        wait(10, "the table tells no more", lambda: "begin anew" not in world.git(
            world.remote, "show", "linnet/status:README.md"))


def openssl(folder, *words):
    config = folder / "openssl.cnf"
    config.write_text("[req]\ndistinguished_name = name\nx509_extensions = authority\n[name]\n"
                      "[authority]\nbasicConstraints = critical, CA:TRUE\n"
                      "subjectKeyIdentifier = hash\nkeyUsage = critical, keyCertSign\n")
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True,
                   env={**os.environ, "OPENSSL_CONF": str(config)})


def make_authority(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")


def make_certificate(folder, authority, name, host):
    """<name>.pem and <name>.key for a host, signed by <authority>."""
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}",
            "-keyout", f"{name}.key", "-out", f"{name}.csr")
    (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{host}\n")
    openssl(folder, "x509", "-req", "-days", "2", "-in", f"{name}.csr", "-CA", f"{authority}.pem",
            "-CAkey", f"{authority}.key", "-CAcreateserial", "-extfile", f"{name}.ext",
            "-out", f"{name}.pem")


class TransportTest(test_faults.FaultsTest):
    def configure(self, world, url, auth):
        world.config.write_text(world.config.read_text().replace(
            f'"{world.remote}"', f'"{url}"').replace(
            "poll: 500ms", f"poll: 500ms, auth: {auth}"))

    def told(self, world, words):
        """The log says so, in one line."""
        wait(30, words, lambda: words in world.log.read_text())

    def serves(self, world, n):
        world.edit(f"replicas: {n - 1}", f"replicas: {n}", f"{n} replicas")
        wait(90, f"{n} replicas serve", lambda: len(world.router_weights()) == n)

    def test_https_with_an_authority_of_its_own(self):
        world = self.make()
        token = "tok-first-4711"
        (world.home / "token").write_text(token + "\n")
        for name in ("ours", "theirs"):
            make_authority(world.home, name)
        make_certificate(world.home, "ours", "good", "localhost")
        make_certificate(world.home, "theirs", "stranger", "localhost")
        make_certificate(world.home, "ours", "elsewhere", "git.example.com")
        server = GitServer(world.home, token)
        self.addCleanup(server.close)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

        def show(name):
            context.load_cert_chain(world.home / f"{name}.pem", world.home / f"{name}.key")

        show("good")
        server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
        self.configure(world, f"https://localhost:{server.port}/fleet.git",
                       f"{{tokenFile: {world.home / 'token'}, caFile: {world.home / 'ours.pem'}}}")
        self.serve_v1(world)
        show("stranger")
        self.told(world, "its certificate is not signed by fleet.auth.caFile")
        show("good")
        self.serves(world, 3)
        show("elsewhere")
        self.told(world, "its certificate is for another host than fleet.url names")
        show("good")
        self.serves(world, 4)
        server.token = "tok-second-0815"
        self.told(world, "it does not take the token of fleet.auth.tokenFile")
        (world.home / "token").write_text(server.token + "\n")
        self.serves(world, 5)
        told = world.log.read_text() + world.git(world.remote, "log", "-p", "linnet/status")
        self.assertNotIn("tok-", told)

    def test_ssh_with_a_key_and_the_hosts_that_are_known(self):
        world = self.make()
        for name in ("key", "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", world.home / name],
                           check=True)
        known = world.home / "known hosts"
        known.write_text("")
        sshd = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
        port = free_port()
        if sshd:
            self.start_sshd(world, sshd, port)
        else:
            self.stand_in(world)
        user = pwd.getpwuid(os.geteuid()).pw_name
        self.configure(world, f"ssh://{user}@127.0.0.1:{port}{world.remote}",
                       f'{{sshKey: {world.home / "key"}, knownHosts: "{known}"}}')
        world.declare("v1")
        world.start()
        self.told(world, "its host key is not in fleet.auth.knownHosts")
        self.assertEqual(known.read_text(), "")
        known.write_text(f"[127.0.0.1]:{port} " + (world.home / "host.pub").read_text())
        wait(60, "v1 is steady", lambda: world.is_steady("v1"))
        mine = known.read_text()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", world.home / "other"],
                       check=True)
        known.write_text(f"[127.0.0.1]:{port} " + (world.home / "other.pub").read_text())
        self.told(world, "its host key is another than in fleet.auth.knownHosts")
        known.write_text(mine)
        self.serves(world, 3)
        if sshd:
            self.refuses_keys(world)
            return
        for line in (world.home / "ssh.log").read_text().splitlines():
            words = json.loads(line)
            self.assertEqual(words[:2], ["-F", "/dev/null"])
            self.assertEqual(words[words.index("-i") + 1], str(world.home / "key"))
            for option in ("BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes",
                           f'UserKnownHostsFile="{known}"', "GlobalKnownHostsFile=/dev/null"):
                self.assertIn(option, words)
            self.assertTrue(any(word.startswith("ConnectTimeout=") for word in words))

    def refuses_keys(self, world):
        """What the server and ssh itself do not take, and that it is taken again when mended."""
        key, authorized = world.home / "key", world.home / "authorized"
        key.chmod(0o644)
        self.told(world, "others may read fleet.auth.sshKey, so that ssh does not use it")
        key.chmod(0o600)
        self.serves(world, 4)
        authorized.write_text((world.home / "other.pub").read_text())
        self.told(world, "it does not take the key of fleet.auth.sshKey")
        authorized.write_text((world.home / "key.pub").read_text())
        self.serves(world, 5)

    def stand_in(self, world):
        """A program `ssh` that notes its arguments, knows its hosts and runs the command here."""
        folder = world.home / "bin"
        folder.mkdir()
        program = folder / "ssh"
        program.write_text(f"""#!/usr/bin/python3
import json, os, re, subprocess, sys
with open({str(world.home / "ssh.log")!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
known = next(re.sub('"', "", word.split("=", 1)[1]) for word in sys.argv
             if word.startswith("UserKnownHostsFile="))
lines = open(known).read()
if {(world.home / "host.pub").read_text()!r} not in lines:
    print("Host key for it has changed and you have requested strict checking.\\r\\n" if lines
          else "", end="Host key verification failed.\\r\\n", file=sys.stderr)
    sys.exit(255)
sys.exit(subprocess.run(["sh", "-c", sys.argv[-1]]).returncode)
""")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.enterContext(unittest.mock.patch.dict(
            os.environ, PATH=f"{folder}:{os.environ['PATH']}"))

    def start_sshd(self, world, sshd, port):
        (world.home / "authorized").write_text((world.home / "key.pub").read_text())
        config = world.home / "sshd_config"
        config.write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {world.home / 'host'}\n"
            f"AuthorizedKeysFile {world.home / 'authorized'}\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            f"PidFile {world.home / 'sshd.pid'}\n")
        if os.geteuid() == 0 and sshd == "/usr/sbin/sshd":
            os.makedirs("/run/sshd", exist_ok=True)     # Debian's; its service makes it
        server = subprocess.Popen([sshd, "-D", "-e", "-f", config], stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)


class SignatureTest(test_faults.FaultsTest):
    def make_signed(self):
        """A fleet where Ada's key and, for merges, the forge's are known."""
        world = self.make()
        for name in ("ada", "forge", "own", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            world.home / name], check=True)
        for name in ("ada", "forge"):
            (world.home / f"{name}.signers").write_text(
                f"{name}@example.com " + (world.home / f"{name}.pub").read_text())
        world.config.write_text(world.config.read_text().replace(
            "poll: 500ms", f"poll: 500ms, verify: {{allowedSigners: {world.home / 'ada.signers'},"
            f" forgeKeys: {world.home / 'forge.signers'}}}")
            + f"status: {{signingKey: {world.home / 'own'}}}\n")
        world.git(world.fleet, "config", "gpg.format", "ssh")
        self.sign_by(world, "ada")
        return self.serve_v1(world)

    def sign_by(self, world, name):
        world.git(world.fleet, "config", "commit.gpgsign", "true" if name else "false")
        world.git(world.fleet, "config", "user.signingkey", str(world.home / (name or "none")))

    def merge(self, world, version, signer):
        """An unsigned commit on a branch, merged by somebody's signed commit."""
        self.sign_by(world, None)
        world.git(world.fleet, "checkout", "-q", "-b", f"work-{version}")
        text = (world.fleet / "manifests/deployment.yaml").read_text()
        world.write("manifests/deployment.yaml", text.replace("replicas: 2", "replicas: 3"))
        world.git(world.fleet, "commit", "-qam", "unsigned work")
        world.git(world.fleet, "checkout", "-q", "main")
        self.sign_by(world, signer)
        world.git(world.fleet, "merge", "-q", "--no-ff", "-m", "merged", f"work-{version}")
        world.git(world.fleet, "push", "-q", "origin", "main")

    def test_a_signed_merge_vouches_for_what_it_merges(self):
        world = self.make_signed()
        self.merge(world, "three", "ada")
        wait(20, "three serve", lambda: len(world.pids("v1")) == 3)
        self.sign_by(world, None)
        world.edit("replicas: 3", "replicas: 4", "unsigned on the branch itself")
        bad = world.git(world.remote, "rev-parse", "main")
        wait(20, "the log names the commit", lambda: bad[:10] in world.log.read_text())
        self.sign_by(world, "ada")
        world.edit("replicas: 4", "replicas: 5", "signed, on top of it")
        tip = world.git(world.remote, "rev-parse", "main")
        self.assertNotIn(f"fleet at {tip[:10]}", world.log.read_text())
        self.assertNotIn(f"fleet at {bad[:10]}", world.log.read_text())
        self.assertEqual(len(world.pids("v1")), 3)

    def test_a_merge_by_the_forge_is_accepted_and_one_by_a_stranger_is_not(self):
        world = self.make_signed()
        self.merge(world, "three", "forge")
        wait(20, "three serve", lambda: len(world.pids("v1")) == 3)
        self.sign_by(world, "stranger")
        world.edit("replicas: 3", "replicas: 4", "by a stranger")
        bad = world.git(world.remote, "rev-parse", "main")
        wait(20, "the log names the commit", lambda: bad[:10] in world.log.read_text())
        self.assertNotIn(f"fleet at {bad[:10]}", world.log.read_text())
        self.assertEqual(len(world.pids("v1")), 3)


if __name__ == "__main__":
    unittest.main()
