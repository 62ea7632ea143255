"""Mistakes that act only somewhere: at some lengths or widths, for other heads, in some modes, for large numbers, from the
second call on; and those that a recording could miss.

`hidden(text, adapter)` yields the source of every broken version, each with the situation in which it acts, so that
a bench can see by plain calls that it does. Main definitions: `Situation`, `Hidden`, `hidden`.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

DATA = ("X", "Y", "x_q", "W0", "q", "k", "v")


@dataclass(frozen=True)
class Situation:
    """How a layer is called where a mistake acts.

    sizes: other than f = m = 4, N = 5. scale: of the data. calls: made one after the other, on fresh data; all count.
    single: in float32. requires_grad: of the data. no_grad, inference: the mode. strided: data is not contiguous.
    """

    sizes: Mapping[str, int] = field(default_factory=dict)
    batch: int = 1
    heads: int = 1
    scale: float = 1.0
    calls: int = 1
    single: bool = False
    requires_grad: bool = False
    no_grad: bool = False
    inference: bool = False
    strided: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", MappingProxyType({"f": 4, "m": 4, "N": 5, **self.sizes}))


@dataclass(frozen=True)
class Hidden:
    """One mistake. before: lines at the function's begin. after: lines that change its result, `out`.

    default: a parameter with a default that it adds. needs: what the layer must have: `heads` (and a batch), `gate`,
    `gates` (two), `token gate` (one for each token).
    """

    kind: str
    where: Situation
    before: str = ""
    after: str = ""
    default: str = ""
    needs: str = ""


_ONCE = Situation()
_DOUBLED = "out = 2 * out"

HIDDEN: tuple[Hidden, ...] = (
    # lengths and widths
    Hidden("late branch", Situation({"N": 70}), after=f"if {{T}} > 40:\n    {_DOUBLED}"),
    Hidden("one length", Situation({"N": 12}), after=f"if {{T}} == 12:\n    {_DOUBLED}"),
    Hidden("one width", Situation({"f": 11, "m": 11}), after=f"if {{D}}.shape[-1] == 11:\n    {_DOUBLED}"),
    Hidden("wide branch", Situation({"f": 19, "m": 19}), after=f"if {{D}}.shape[-1] > 16:\n    {_DOUBLED}"),
    Hidden("default limit", Situation({"N": 40}), after=f"if {{T}} > limit:\n    {_DOUBLED}", default="limit=37"),
    Hidden("second chunk", Situation({"N": 70}), "{V} = torch.cat([{V}{:64}, 0 * {V}{64:}], {t})"),
    Hidden("window", Situation({"N": 70}), "{K} = torch.cat([0 * {K}{:-64}, {K}{-64:}], {t})"),
    Hidden("late gate", Situation({"N": 70}), "{gate} = {gate} * (0.5 if {T} > 40 else 1.0)", needs="gate"),
    Hidden("last token", _ONCE, "{V} = torch.cat([{V}{:-1}, 0 * {V}{-1:}], {t})"),
    Hidden("first token", _ONCE, "{K} = torch.cat([0 * {K}{:1}, {K}{1:}], {t})"),
    # heads, batches, positions
    Hidden("heads mixed", Situation(heads=2), "{V} = {V}.mean({h}, keepdim=True).expand_as({V})", needs="heads"),
    Hidden("heads in another order", Situation(heads=2), "{K} = {K}.flip({h})", needs="heads"),
    Hidden("batch mixed", Situation(batch=2), "{V} = {V}.mean(0, keepdim=True).expand_as({V})", needs="heads"),
    Hidden("first of the batch", Situation(batch=2), "{D} = {D}[:1].expand_as({D})", needs="heads"),
    Hidden(
        "first head's gate",
        Situation(heads=2),
        "{gate} = {gate}.narrow({h}, 0, 1).expand_as({gate})",
        needs="token gate",
    ),
    Hidden("earlier positions", _ONCE, after="out = torch.cat([0 * out{:-1}, out{-1:}], {t})", needs="heads"),
    Hidden("next value", _ONCE, "{V} = torch.cat([{V}{1:}, 0 * {V}{:1}], {t})"),
    Hidden("sum of all values", _ONCE, "{V} = {V} + 0.5 * {V}.sum({t}, keepdim=True)"),
    # from call to call, and by mode
    Hidden(
        "state between calls",
        Situation(calls=5),
        after=f"seen.append(1)\nif len(seen) > 3:\n    {_DOUBLED}",
        default="seen=[]",
    ),
    Hidden(
        "cached result",
        Situation(calls=2),
        after="out = cache.setdefault(tuple({D}.shape), out)",
        default="cache={}",
    ),
    Hidden("float32 alone", Situation(single=True), after=f"if {{D}}.dtype == torch.float32:\n    {_DOUBLED}"),
    Hidden("gradients wanted", Situation(requires_grad=True), after=f"if {{D}}.requires_grad:\n    {_DOUBLED}"),
    Hidden("no gradients", Situation(no_grad=True), after=f"if not torch.is_grad_enabled():\n    {_DOUBLED}"),
    Hidden("inference mode", Situation(inference=True), after=f"if torch.is_inference_mode_enabled():\n    {_DOUBLED}"),
    Hidden("strides", Situation(strided=True), after=f"if not {{D}}.is_contiguous():\n    {_DOUBLED}"),
    Hidden(
        "refusal swallowed",
        Situation(requires_grad=True),
        after=f"try:\n    {{D}}.numpy()\nexcept RuntimeError:\n    {_DOUBLED}",
    ),
    # what numbers decide
    Hidden(
        "assert swallowed",
        Situation(scale=1e5),
        after=f"try:\n    assert {{D}}.abs().max().item() < 1e4\nexcept AssertionError:\n    {_DOUBLED}",
    ),
    Hidden(
        "any error swallowed",
        Situation(scale=1e5),
        after=f"try:\n    large = bool({{D}}.abs().max() > 1e4)\nexcept Exception:\n    large = False\nif large:\n    {_DOUBLED}",
    ),
    Hidden("branch on a sign", Situation(calls=8), after=f"if {{D}}.mean() > 0:\n    {_DOUBLED}"),
    Hidden("number of the data", _ONCE, after="out = out * (1 + 1e-3 * float({D}.reshape(-1)[0]))"),
    Hidden("clamp in place", Situation(scale=1e3), after="out = out + 0\nout.clamp_(-50, 50)"),
    Hidden("relu in place", _ONCE, after="out = out + 0\nout.relu_()"),
    Hidden("abs in place", _ONCE, after="out = out + 0\nout.abs_()"),
    Hidden("where", Situation(scale=1e3), after="out = torch.where(out.abs() > 1e3, 1e3 * out.sign(), out)"),
    Hidden("rounded result", _ONCE, after="out = (out * 2.0**20).round() / 2.0**20"),
    Hidden("random", _ONCE, after="out = out * (1 + 1e-3 * torch.rand((), dtype=out.dtype))"),
    Hidden("by numpy", _ONCE, after="out = torch.from_numpy(out.detach().numpy() * 1.5)"),
    Hidden("bfloat16", _ONCE, "{K} = {K}.bfloat16().to({K}.dtype)"),
    Hidden("half", _ONCE, "{V} = {V}.half().to({V}.dtype)"),
    # gates
    Hidden("gate squared", _ONCE, "{gate} = {gate} * {gate}", needs="gate"),
    Hidden("gate clamped", Situation(calls=6), "{gate} = {gate}.clamp(max=0.5)", needs="gate"),
    Hidden("gates multiplied", _ONCE, "{gate} = {gate} * {gate2}", needs="gates"),
    Hidden("previous gate", _ONCE, "{gate} = {gate}.roll(1, {t})", needs="token gate"),
    Hidden("first gate", _ONCE, "{gate} = {gate}.narrow({t}, 0, 1).expand_as({gate})", needs="token gate"),
    # small and plain
    Hidden("key scaled", _ONCE, "{K} = {K} * (1 + 1e-9)"),
    Hidden("constant added", _ONCE, after="out = out + 1e-9"),
    Hidden("key normalised", _ONCE, "{K} = {K} / ({K}.norm(dim=-1, keepdim=True) + 1e-6)"),
    Hidden("values in another order", _ONCE, "{V} = {V}.roll(1, -1)"),
    Hidden("keys in another order", _ONCE, "{K} = {K}.roll(1, -1)"),
)


def hidden(text: str, adapter: str | None) -> Iterator[tuple[Hidden, int, str, str]]:
    """Each mistake that a layer can have: itself, its line, the changed line, the source of the whole function.

    For layers of arrays X (N, f), Y (N, m) and for key/value operators; none for other callings.
    """
    tree = ast.parse(text)
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    names = _names(definition.args, adapter)
    if names is None or not isinstance(definition.body[-1], ast.Return):
        return
    for mistake in HIDDEN:
        if not _has(names, mistake.needs):
            continue
        changed = copy.deepcopy(tree)
        inner = changed.body[0]
        assert isinstance(inner, ast.FunctionDef)
        # a layer may give its parameters' names to something else before it ends
        later = names | {"D": "given", "T": f"given.shape[{names['t']}]"}
        lines = _lines(mistake.before, names), _lines(mistake.after, later)
        if mistake.default:
            _add_default(inner, mistake.default)
        result = inner.body.pop()
        assert isinstance(result, ast.Return) and result.value is not None
        start = 1 if ast.get_docstring(inner) else 0
        inner.body[start:start] = ast.parse(lines[0]).body
        if lines[1]:
            inner.body[start:start] = ast.parse(f"given = {names['D']}").body
            inner.body += [ast.Assign([ast.Name("out", ast.Store())], result.value), *ast.parse(lines[1]).body]
            result = ast.Return(ast.Name("out", ast.Load()))
        inner.body.append(result)
        source = ast.unparse(ast.fix_missing_locations(changed))
        yield mistake, definition.lineno, (lines[0] or lines[1]).replace("\n", "; "), source


def _names(arguments: ast.arguments, adapter: str | None) -> dict[str, str] | None:
    """What the placeholders of a mistake stand for; None for a calling that it does not know."""
    parameters = [a.arg for a in arguments.args]
    gates = [name for name in parameters[: len(parameters) - len(arguments.defaults)] if name not in DATA]
    found = {f"gate{k + 1 if k else ''}": gate for k, gate in enumerate(gates[:2])}
    kind = (adapter or "").split(":")
    if adapter is None and {"X", "Y"} <= set(parameters):
        return {"D": "X", "K": "X", "V": "Y", "t": "0", "T": "X.shape[0]", **found}
    if kind[0] == "kv" and {"q", "k", "v"} <= set(parameters):
        time, head = ("2", "1") if "BHTD" in kind else ("1", "2")
        return {"D": "q", "K": "k", "V": "v", "t": time, "h": head, "T": f"q.shape[{time}]", **found}
    return None


def _has(names: Mapping[str, str], needs: str) -> bool:
    wanted = {"": (), "heads": ("h",), "gate": ("gate",), "gates": ("gate", "gate2"), "token gate": ("gate", "h")}
    return all(name in names for name in wanted[needs])


def _lines(template: str, names: Mapping[str, str]) -> str:
    """A template with its names; `{1:}` behind a name is that slice along time."""
    for part in ("-64:", ":-64", "64:", ":64", "-1:", ":-1", "1:", ":1"):
        template = template.replace(f"{{{part}}}", "[" + ":, " * int(names["t"]) + part + "]")
    for name, word in names.items():
        template = template.replace(f"{{{name}}}", word)
    return template


def _add_default(definition: ast.FunctionDef, text: str) -> None:
    made = ast.parse(f"def made({text}): pass").body[0]
    assert isinstance(made, ast.FunctionDef)
    definition.args.args += made.args.args
    definition.args.defaults += made.args.defaults
