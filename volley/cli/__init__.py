"""The command line. One module per command, with ``add`` (its arguments) and ``execute`` (its work).

Knows how to read arguments and print. Must not know how anything works, and imports rooms only inside functions, so
that ``volley --help`` answers at once.
"""
