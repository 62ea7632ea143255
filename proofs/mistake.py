"""The base of every error that is the user's own: a name that there is not, a file that can't be written, a wrong option."""

from __future__ import annotations


class UserMistake(Exception):
    """The message says what was found, what is expected and what to do; commands end with it in one line and status 2."""
