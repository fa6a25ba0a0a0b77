"""Why this handler and not that one, why still waiting: answered from a board as it was, with the rules that decide.

Facts only. Each answer is a value with a ``code`` for programs and what is ``said`` to people; the board is the one
that ``gateway/past.py`` builds by following the journal.
"""
