"""`python -m proofs.kernel`: see `proofs.kernel.rung`."""

from proofs.kernel.rung import main

raise SystemExit(main())
