"""Small claims for the tests of the machinery: each file shows one thing that can happen to a claim."""

CHAPTER = "Toys"
