"""A certificate's checker: `python3 certificate_checker.py FILE`. It needs Python alone, and knows nothing of what wrote FILE.

A certificate says: A and B are the same rational functions of the same indeterminates, at the sizes listed. Each is straight
line code on a flat memory of numbers. From that code the checker derives bounds of degree and coefficients; from a hash of the
statement primes and a point, which so nobody can choose; it runs both, compares all outputs, and computes the probability that
different functions pass. It can NOT show that the code is what some program does: that is the recording's business, and names
of programs and hashes of their sources are no more than names here.

FILE is JSON as json.dumps(sort_keys, no spaces) writes it, perhaps gzipped; integers, texts, lists and objects alone:
{"form", "about", "assumes", "identities", "claims"}. about, an object of texts, and assumes, a list of texts, are printed, bound
by the hash, and not checked. An identity has
  "what"       a text; "trials": how many primes; "sizes": {"N": 5, ...}
  "variables"  {"X": ["N", "f"], ...}: the indeterminates with their axes, which are names of sizes
  "output"     [["m"], ...]: the axes of each part of the result, with m in each, and B and H where variables have them; no two
               entries of a part may be the same function
  "roots"      [[q, k], ...]: numbers r with r^k = q, for different primes q and k = 2 or 4
  "A", "B"     {"inputs": all variables in the order they lie in, "code": [...], "out": [address, [stride]]}
Memory: 0 at address 0, then the inputs entry by entry, the roots, and the results of the code, each at the next addresses.
A window [address, [stride, ...]] with a shape names entries, which have to be written before. Instructions:
  ["const", [v, ...]] integers, or [numerator, denominator]     ["dot", shape, window, window] summed along the last axis
  ["add" | "sub" | "mul" | "div", shape, window, window]        ["copy", [n], [address, ...]]    ["skip", [n]] addresses
claims: {"seed", "chance", "identities": [{"primes", "degree", "height", "chance"}, ...]}, chances as exponents of 2.

Seed: SHA-256 of FILE without claims. A number below n: the first of SHAKE-256("seed/label/counter"), cut to n's bits, that is.
Primes are uniform among those of 80 bits, proved prime by Miller-Rabin with the first 13 primes for bases (enough below 3.3e24:
Sorenson and Webster, 2017); the point is uniform modulo their product.
Degree: an entry is N / prod K^e, N a polynomial over the integers (and roots), each K an integer or the product of all that an
instruction divides by. Sums take the largest e, products add; degrees and 1-norms follow. So A - B = N / prod K^e with degree d
and 1-norm up to 2^h. If it is not 0, N is not, and by the lemma of Schwartz and Zippel, and since few primes divide a
coefficient, one trial finds N = 0 with probability at most  d / 2^79 + ceil(h D / 79) w / count. There are more primes of 80
bits than count = 3 2^79 / 275 < 3 x / (5 ln x) (Rosser and Schoenfeld, 1962). D = prod k is the dimension of the roots' field
(Besicovitch, 1940), whose norms are below 2^(h D). With roots the first prime is taken that is 3 mod 4 and has them, of w = 1024
at most, any of which may be bad; else w = 1. A divisor that is 0 at the point ends the check. All this holds for a statement
made before its hash is seen: who tries 2^k statements has 2^k times the probability.
"""

import hashlib
import json
import math
import sys
import zlib
from fractions import Fraction
from operator import add, mul, sub

FORM = "ssmproof certificate 1"
BITS, TARGET, DRAWS, ENTRIES, LIMIT = 80, -100, 1024, 1 << 23, 1 << 28
ABOUT = ("A", "A's file", "B", "B's file", "called as", "with", "question", "answer", "not here")
BASES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)


def need(holds, why):
    if not holds:
        raise ValueError(why)


def fields(value, *names):
    need(type(value) is dict and sorted(value) == sorted(names), f"expected an object with {', '.join(names)}")
    return [value[name] for name in names]


def texts(*values):
    need(all(type(v) is str and v.isprintable() for v in values), "expected a line of text")


def integers(values, least=-math.inf):
    need(type(values) is list and all(type(v) is int and v >= least for v in values), f"expected integers from {least}")
    return values


def plain(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def below(n, seed, label):
    bits, counter = (n - 1).bit_length(), 0
    while True:
        held = hashlib.shake_256(f"{seed}/{label}/{counter}".encode()).digest((bits + 7) // 8)
        value = int.from_bytes(held, "big") >> (-bits % 8)
        if value < n:
            return value
        counter += 1


def is_prime(n):
    if n < 44 or n % 2 == 0 or n >= 1 << 81:
        return n in (*BASES, 43)
    twos = ((n - 1) & (1 - n)).bit_length() - 1
    for base in BASES:
        powers = [pow(base, (n - 1 >> twos) << i, n) for i in range(twos)]
        if powers[0] != 1 and n - 1 not in powers:
            return False
    return True


def prime_and_roots(seed, label, roots):
    """The first prime drawn that has the roots, and one of each."""
    counter, primes, found = 0, 0, []
    while True:
        p = (1 << (BITS - 1)) + below(1 << (BITS - 1), seed, f"{label}/{counter}")
        counter, primes = counter + 1, primes + is_prime(p)
        need(primes <= DRAWS, "no prime has all roots")
        if is_prime(p) and all(p % 4 == 3 and pow(q, (p - 1) // 2, p) == 1 for q, _ in roots):
            break
    for q, k in roots:
        root = pow(q, (p + 1) // 4, p)
        if k == 4:  # one of a number and its negative has a root
            root = pow(root if pow(root, (p - 1) // 2, p) == 1 else p - root, (p + 1) // 4, p)
        need(pow(root, k, p) == q % p, "a root is none")
        found.append(root)
    return p, found


class Side:
    """A side's memory modulo M while its code runs. owner: the block of each address; blocks: the bound of each, which is
    (degree, height, {K: e}, names of variables); sizes: degree and height of each K."""

    def __init__(self, name, side, values, roots, sizes, M):
        self.sizes, self.M, self.work = sizes, M, 0
        self.memory, self.owner, self.blocks = [0], [0], [(0, 0, {}, frozenset())]
        inputs, code, self.out = fields(side, "inputs", "code", "out")
        need(type(code) is list and sorted(inputs) == sorted(values), "expected code, and the variables for inputs")
        for variable in inputs:
            self.write(values[variable], (1, 0, {}, frozenset([variable])))
        for (q, _), root in roots:
            self.write([root], (0, q.bit_length(), {}, frozenset()))
        for number, line in enumerate(code):
            self.run(line, f"{name}/{number}")

    def write(self, values, bound):
        need(len(self.owner) + len(values) <= ENTRIES, "too large")
        self.owner += [len(self.blocks)] * len(values)
        self.memory += values
        self.blocks.append(bound)

    def join(self, several, bits=0):
        """The bound of what may be any of several, or a sum of 2^bits of them."""
        exponents = {K: max(b[2].get(K, 0) for b in several) for b in several for K in b[2]}
        degree, height, self.work = 0, 0, self.work + len(exponents) * len(several)
        for d, h, own, _ in several:
            more = [(e - own.get(K, 0), *self.sizes[K]) for K, e in exponents.items()]
            degree = max(degree, d + sum(e * kd for e, kd, _ in more))
            height = max(height, h + sum(e * kh for e, _, kh in more))
        need(degree.bit_length() < 1000, "the degree is beyond all bounds")
        return degree, height + bits, exponents, frozenset().union(*(b[3] for b in several))

    def product(self, a, b, sign=1, bits=0):
        exponents = {K: a[2].get(K, 0) + sign * b[2].get(K, 0) for K in {*a[2], *b[2]}}
        return a[0] + b[0], a[1] + b[1] + bits, {K: e for K, e in exponents.items() if e}, a[3] | b[3]

    def at(self, places):
        """The numbers at addresses, their common bound, and how many different addresses there are."""
        self.work += len(places)
        need(self.work <= ENTRIES, "too large")
        need(not places or (min(places) >= 0 and max(places) < len(self.owner)), "an address out of range")
        there = {self.owner[i] for i in set(places)}
        need(None not in there, "reads what was skipped")
        return [self.memory[i] for i in places], self.join([self.blocks[k] for k in sorted(there)]), len(set(places))

    def read(self, window, shape):
        offset, strides = window
        places = integers([offset])
        need(
            len(integers(strides)) == len(integers(shape, 1)) and math.prod(shape) <= ENTRIES,
            "a window of another shape",
        )
        for n, stride in zip(shape, strides, strict=True):
            places = [place + stride * i for place in places for i in range(n)]
        return self.at(places)

    def run(self, line, key):
        (op, shape, *operands), M = line, self.M
        need(len(operands) == {"const": 0, "skip": 0, "copy": 1}.get(op, 2), "another number of operands")
        if op == "const":
            pairs = [integers(v if type(v) is list else [v, 1]) for v in shape]
            need(all(len(v) == 2 and v[1] > 0 and math.gcd(v[1], M) == 1 for v in pairs), "a constant divided by zero")
            common = math.lcm(*(b for _, b in pairs))
            odd, twos = common // (common & -common), (common & -common).bit_length() - 1
            self.sizes |= {2: (0, 1), odd: (0, odd.bit_length())}
            height = max((abs(a) * (common // b)).bit_length() for a, b in [(0, 1), *pairs])
            bound = 0, height, {2: twos, odd: 1}, frozenset()
            return self.write([a * pow(b, -1, M) % M for a, b in pairs], bound)
        n = [1, *integers(shape, 0)][-1]
        if op == "copy":
            need(len(integers(operands[0])) == n and len(shape) == 1, "another number of addresses")
            return self.write(*self.at(operands[0])[:2])
        if op == "skip":
            need(len(self.owner) + n <= ENTRIES, "too large")
            self.owner += [None] * n
            return self.memory.extend([None] * n)
        need(op in ("add", "sub", "mul", "div", "dot"), "no operation")
        (a, left, _), (b, right, count) = (self.read(window, shape) for window in operands)
        if op in ("add", "sub"):
            return self.write([v % M for v in map(add if op == "add" else sub, a, b)], self.join([left, right], 1))
        if op == "mul":
            return self.write([v % M for v in map(mul, a, b)], self.product(left, right))
        if op == "dot":
            need(shape and n > 0, "no axis to sum along")
            values = [sum(map(mul, a[i : i + n], b[i : i + n])) % M for i in range(0, len(a), n)]
            return self.write(values, self.product(left, right, 1, (n - 1).bit_length()))
        need(count > 0 and all(math.gcd(v, M) == 1 for v in b), "division by zero")
        inverse, (d, h, exponents, names) = {v: pow(v, -1, M) for v in b}, right
        self.sizes[key] = count * d, count * h
        others = (count - 1) * d, (count - 1) * h, {**exponents, key: -1}, names
        return self.write([x * inverse[y] % M for x, y in zip(a, b, strict=True)], self.product(left, others, -1))


def exponent(chance):
    """The least whole number e with chance <= 2^e, and 0 where that is above."""
    e = chance.numerator.bit_length() - chance.denominator.bit_length() - 1
    while chance > Fraction(2) ** e:
        e += 1
    return min(e, 0)


def derived(identity: dict, seed: str, number: int) -> dict:
    """What an identity comes to. Raises ValueError where its sides differ."""
    names = "what trials sizes variables output roots A B".split()
    what, trials, sizes, variables, output, roots, *sides = fields(identity, *names)
    need(type(sizes) is dict and type(variables) is dict and variables, "expected sizes and variables")
    need(type(trials) is int and 0 < trials <= 64 and type(output) is list and output, "expected trials and an output")
    integers([*sizes.values()], 1)
    need(all(n.isascii() and n.isidentifier() for n in (*sizes, *variables)), "a name that is none")
    need(what.replace(",", "").replace(" ", "").isalpha() and "every" not in what, "no heading")
    for axes in (*variables.values(), *output):
        need(type(axes) is list and all(type(a) is str and a in sizes for a in axes), "an axis that is no size")
        need(len({*axes}) == len(axes), "an axis twice")
    used = {axis for axes in variables.values() for axis in axes}
    need(used == {*sizes}, "a size that no variable has")
    need(all({"m"} | used & {"B", "H"} <= {*axes} for axes in output), "an output without an axis")
    need(all(len(integers(r, 2)) == 2 and is_prime(r[0]) and r[1] in (2, 4) for r in roots), "expected roots of primes")
    need(len({q for q, _ in roots}) == len(roots), "two roots of one prime")
    drawn = [prime_and_roots(seed, f"{number}/p{trial}", roots) for trial in range(trials)]
    M = math.prod(p for p, _ in drawn)
    units = [M // p * pow(M // p, -1, p) for p, _ in drawn]
    mixed = [sum(u * found[i] for u, (_, found) in zip(units, drawn, strict=True)) % M for i in range(len(roots))]
    entries = {name: math.prod(sizes[a] for a in variables[name]) for name in sorted(variables)}
    parts = [math.prod(sizes[a] for a in axes) for axes in output]
    need(sum(entries.values()) + sum(parts) <= ENTRIES, "too large")
    values = {x: [below(M, seed, f"{number}/x{k}/{i}") for i in range(entries[x])] for k, x in enumerate(entries)}
    held = values, [*zip(roots, mixed, strict=True)], dict[object, object](), M
    ran = [Side(name, side, *held) for name, side in zip("AB", sides, strict=True)]
    (a, left, _), (b, right, _) = (side.read(side.out, [sum(parts)]) for side in ran)
    need(a == b, f"A and B differ at outputs {[i for i in range(len(a)) if a[i] != b[i]][:9]}")
    need(all(len({*a[sum(parts[:k]) :][:n]}) == n for k, n in enumerate(parts)), "outputs that are the same")
    unread = sorted({*variables} - (left[3] & right[3]))
    need(not unread, f"A or B does not read {', '.join(unread)}")
    degree, height, _, _ = ran[0].join([left, right], 1)
    primes = -(-height * math.prod(k for _, k in roots) // (BITS - 1)) * (DRAWS if roots else 1)
    chance = (Fraction(degree, 1 << (BITS - 1)) + Fraction(275 * primes, 3 << (BITS - 1))) ** trials
    return {"primes": [p for p, _ in drawn], "degree": degree, "height": height, "chance": exponent(chance)}


def claims_of(statement: dict) -> dict:
    """The seed and what all identities come to."""
    form, about, assumes, identities = fields(statement, "form", "about", "assumes", "identities")
    need(form == FORM and type(about) is dict and type(assumes) is list and identities, f"no {FORM}")
    texts(*about.values(), *assumes)
    need({*about} <= {*ABOUT}, "a name that is none")
    seed = hashlib.sha256(plain(statement).encode()).hexdigest()
    found = [derived(identity, seed, number) for number, identity in enumerate(identities)]
    return {"seed": seed, "chance": exponent(sum(Fraction(2) ** c["chance"] for c in found)), "identities": found}


def check(data: bytes) -> tuple[dict, dict]:
    """The statement and the claims in the bytes of a file. Raises ValueError, or what malformed data bring about."""
    text = zlib.decompressobj(31).decompress(data, LIMIT) if data[:2] == b"\x1f\x8b" else data
    statement = json.loads(text)
    need(plain(statement).encode() == text, "it is not the text that json.dumps makes of it")  # as with a name twice
    claims = statement.pop("claims")
    found = claims_of(statement)
    for name in {*claims, *found}:
        need(plain(claims[name]) == plain(found[name]), f"claims another {name} than {found[name]}")
    need(found["chance"] <= TARGET, f"wrong with probability 2^{found['chance']}, which is above 2^{TARGET}")
    return statement, found


def main(path: str) -> int:
    try:
        with open(path, "rb") as file:
            statement, found = check(file.read())
    except Exception as why:
        print(f"REJECTED {path}: {type(why).__name__}: {why}")
        return 1
    print(f"CHECKED {path}: {len(found['identities'])} identities, wrong with probability at most 2^{found['chance']}")
    print("".join(f"  {name:<9} {text}\n" for name, text in statement["about"].items()), end="")
    for one, claim in zip(statement["identities"], found["identities"], strict=True):
        inputs = ", ".join(f"{name} [{', '.join(axes)}]" for name, axes in one["variables"].items())
        output = " and ".join(f"[{', '.join(axes)}]" for axes in one["output"])
        sizes = " ".join(f"{name}={size}" for name, size in one["sizes"].items())
        print(f"  {one['what']}, {sizes}: A = B, all of {output}, for all {inputs}; degree {claim['degree']},")
        print(f"    coefficients up to 2^{claim['height']}, {one['trials']} primes of {BITS} bits: 2^{claim['chance']}")
    print("".join(f"  assumes   {text}\n" for text in statement["assumes"]), end="")
    print("  not shown that A and B are what the programs named above compute: A, B, called, with and assumes")
    print("            are the certificate's own words; or anything of other sizes, rounding, divisors that are 0")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else (print("usage: python3 certificate_checker.py FILE") or 2))
