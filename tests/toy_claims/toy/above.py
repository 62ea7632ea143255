"""A claim that rests on another."""

from __future__ import annotations

import dataclasses

from proofs.toy import holds

CLAIM = dataclasses.replace(holds.CLAIM, module=__name__, title="A claim that rests on another")
