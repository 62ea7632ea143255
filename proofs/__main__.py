"""`python3 -m proofs`: set up once, then verify every claim, audit real layers and write the report.

With arguments it is the `ssmproof` command: `python3 -m proofs verify --rung exact`.
"""

import sys

from proofs._setup import run

if __name__ == "__main__":
    # A module name as text, run in its own process: proofs does not import reports.
    raise SystemExit(run("reports", sys.argv[1:]))
