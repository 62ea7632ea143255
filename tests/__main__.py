"""`python3 -m tests`: set up once, then run pytest on all cores, slow tests aside, with the arguments given."""

import sys

from proofs._setup import run

DEFAULTS = ["-n", "auto", "--dist", "worksteal", "-m", "not slow"]
"""Of a repeated option pytest takes the last one, so that arguments win: -n 0, -m slow."""

if __name__ == "__main__":
    raise SystemExit(run("pytest", [*DEFAULTS, *sys.argv[1:]]))
