"""Writes the ModelVersion that a person would commit for a new serving source of the newest
version, and names it in the staging deployment: next_version.py MANIFESTS VERSION TREE."""

import pathlib
import re
import sys


def main(manifests, version, tree):
    folder = pathlib.Path(manifests)
    files = sorted(folder.glob("versions/deployment-risk-v*.yaml"))
    digest = re.search(r"sha256:[0-9a-f]{64}", files[-1].read_text()).group(0)
    parent = files[-1].stem.rsplit("-", 1)[1]
    (folder / f"versions/deployment-risk-{version}.yaml").write_text(f"""\
# The artifact of {parent} behind a new serving source.
apiVersion: linnet.dev/v1alpha1
kind: ModelVersion
metadata: {{name: deployment-risk-{version}}}
spec:
  model: deployment-risk
  version: {version}
  artifact: {{digest: "{digest}"}}
  serve: {{command: [python3, serve.py], source: apps/risk, tree: "{tree}"}}
""")
    staging = folder / "staging.yaml"
    staging.write_text(re.sub(r"(?m)^(  version: ).*$", rf"\g<1>{version}", staging.read_text()))


if __name__ == "__main__":
    main(*sys.argv[1:])
