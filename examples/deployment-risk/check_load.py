"""Says what happened to the requests of a load run; exits 1 when one failed that no server of a
failing version answered itself: check_load.py SUMMARY FAILING_VERSION."""

import json
import sys


def blame(summary, failing):
    """{what: n} of the failures that the failing version's servers did not produce."""
    found = {f"{status} from {version}": n
             for status, versions in summary["http_errors"].items()
             for version, n in versions.items() if version != failing}
    for what in ("transport_errors", "mismatched"):
        if summary[what]:
            found[what] = summary[what]
    return found


def main(path, failing):
    with open(path, encoding="utf-8") as file:
        summary = json.load(file)
    by_failing = sum(versions.get(failing, 0) for versions in summary["http_errors"].values())
    unexplained = blame(summary, failing)
    print(f"        {summary['total']} requests: {summary['ok']} answered, "
          f"{by_failing} failed by {failing} itself, others: {unexplained or 'none'}")
    return 1 if unexplained or not summary["ok"] or not by_failing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
