"""`python3 -m tests`: set up once, then run pytest with the arguments given."""

import sys

from proofs._setup import run

if __name__ == "__main__":
    raise SystemExit(run("pytest", sys.argv[1:]))
