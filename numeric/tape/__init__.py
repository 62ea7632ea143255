"""The storage tape: what torch did in a plain run, as operations on windows of flat storages.

A program is run bare and recorded (`recorder`); the recording counts if it is a function of the inputs' shapes alone and
replays to the same bits (`acceptance`); every arithmetic then replays it (`replay`, with the rules of `rules`), and no
code of the program runs again.
"""
