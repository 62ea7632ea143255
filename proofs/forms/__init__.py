"""What claim files are made of: the statement that is read, and the shapes of claims.

| form | says | made by |
| --- | --- | --- |
| `Identity` | two programs compute the same | its two sides |
| `Equalities` | exact objects are equal at each N listed | `@exactly`, `@at_points` |
| `Derivation` | equations between entries hold for all sizes | `@derived` |
| `Bounds` | a number never exceeds another one | `@never_exceeded` |
| `Orders` | an error is of an order | `@orders` |
| `Witness`, `impossible` | a class obeys what a target breaks | a point of exact numbers |
| `Form` | anything else, written out | `@checked` |

Each has `checks()`, by rung, and `mutant(id, description, ...)`, the claim with a part replaced; `together` joins the
checks of several.
"""

from proofs.claim import Check, Kind, Mutant, both, covering
from proofs.evidence import Rung, Settings
from proofs.forms.bounds import Bound, Bounds, never_exceeded
from proofs.forms.derivations import Derivation, derived
from proofs.forms.equalities import Draw, Equalities, Same, at_points, exactly
from proofs.forms.form import Form, checked, joint, together
from proofs.forms.identity import EVERYWHERE, EXACTLY, Identity, Large, Short
from proofs.forms.impossibility import Witness, impossible
from proofs.forms.orders import Orders, Rate, orders
from proofs.forms.statement import claim

__all__ = [
    "EVERYWHERE",
    "EXACTLY",
    "Bound",
    "Bounds",
    "Check",
    "Derivation",
    "Draw",
    "Equalities",
    "Form",
    "Identity",
    "Kind",
    "Large",
    "Mutant",
    "Orders",
    "Rate",
    "Rung",
    "Same",
    "Settings",
    "Short",
    "Witness",
    "at_points",
    "both",
    "checked",
    "claim",
    "covering",
    "derived",
    "exactly",
    "impossible",
    "joint",
    "never_exceeded",
    "orders",
    "together",
]
