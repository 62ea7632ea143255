"""Counts on arrays that constructions build, held against polynomials of f and m at as many sizes as determine them."""

from collections.abc import Callable, Mapping

from numeric.finding import Counterexample, Finding, Verdict

Count = Callable[[int, int], int]


def agree(
    table: Mapping[str, tuple[Count, Count]], changes: Mapping[str, Count] | None, largest: int, trust: str
) -> Finding:
    """Every count of a table, (counted, polynomial) by name, for all f and m from 1 to `largest`.

    changes: polynomials claimed in place of the table's. trust: why so many sizes are enough.
    """
    figures: dict[str, int | str] = {"sizes": f"1 to {largest}"}
    for name, (counted, polynomial) in table.items():
        claimed = (changes or {}).get(name, polynomial)
        for f in range(1, largest + 1):
            for m in range(1, largest + 1):
                found, expected = counted(f, m), claimed(f, m)
                if found != expected:
                    return Finding(
                        Verdict.REFUTED,
                        reason=f"{name}: {found} counted, {expected} claimed",
                        counterexample=Counterexample(
                            {"f": f, "m": m}, {}, str(found), str(expected), "counted", "claimed"
                        ),
                    )
        figures[f"{name}, f = m = {largest}"] = found
    return Finding(Verdict.CONFIRMED, figures=figures, settings={"engine": "array sizes"}, trust=(trust,))
