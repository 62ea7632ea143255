"""A note on a constant says what it is read as: a tensor's numbers too, where some are taken for what they are roundings of."""

from numeric.tape.notes import Record
from reports.said import said


def test_constants_are_noted_as_they_are_read():
    record = Record(constants={("0.5", "a:1"): (0.5,), ("0.1", "a:2"): (0.1,), ("a (2,) tensor", "a:3"): (1 / 3, 0.3)})
    plain = [said(flag) for flag in record.constant_flags("layer", {})]
    assert plain[0].endswith("constant 0.5 at a:1, read as the dyadic number it is")
    assert plain[2].endswith("a (2,) tensor at a:3, read as the dyadic numbers it is made of")
    read = record.constant_flags("layer", {1 / 3: "1/3", 0.1: "1/10"})
    assert said(read[0]) == plain[0]
    assert said(read[1]).endswith("0.1 at a:2, read as 1/10, which it is to within rounding")
    assert said(read[2]).endswith(
        "a (2,) tensor at a:3, read as numbers to within rounding (0.3333333333333333 as 1/3), the rest as the dyadic "
        "numbers they are"
    )
    assert [flag.what.number for flag in read] == [0.5, 0.1, None]
