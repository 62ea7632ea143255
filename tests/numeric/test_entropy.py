"""Random numbers: repeatable from a seed, uniform in range, primes that are primes."""

from collections import Counter

import pytest
from sympy import isprime, primepi

from numeric.entropy import Entropy, prime_count_below
from numeric.trust import Trust


def test_a_seed_repeats_and_children_differ():
    one, two = Entropy(5), Entropy(5)
    assert one.bytes(20) == two.bytes(20)
    assert one.child("a").bytes(20) == Entropy(5).child("a").bytes(20) != Entropy(5).child("b").bytes(20)


def test_without_a_seed_draws_differ_and_the_trust_says_so():
    assert Entropy().bytes(32) != Entropy().bytes(32)
    assert Entropy().trust is Trust.POOL
    assert Entropy(1).trust is Trust.HASH


def test_below_covers_its_range_and_nothing_else():
    entropy = Entropy(2)
    seen = Counter(entropy.below(7) for _ in range(700))
    assert set(seen) == set(range(7))


@pytest.mark.parametrize("bits", [31, 61])
def test_primes_have_the_size_and_are_prime(bits):
    entropy = Entropy(3)
    drawn = {entropy.prime(bits) for _ in range(20)}
    assert len(drawn) > 1
    assert all(isprime(p) and p.bit_length() == bits for p in drawn)


@pytest.mark.parametrize("bits", [31, 61])
def test_residues_are_in_range(bits):
    entropy = Entropy(4)
    p = entropy.prime(bits)
    drawn = entropy.residues((50, 3), p)
    assert drawn.shape == (50, 3)
    assert int(drawn.min()) >= 0
    assert int(drawn.max()) < p
    assert len(set(drawn.reshape(-1).tolist())) > 100


@pytest.mark.parametrize("bits", [17, 20, 24])
def test_the_prime_count_is_a_lower_bound_and_not_a_bad_one(bits):
    counted = int(primepi(2**bits) - primepi(2 ** (bits - 1)))
    assert 0.95 * counted < prime_count_below(bits) <= counted
