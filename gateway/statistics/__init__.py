"""Service levels: facts drawn from the journal, and what is counted from them. The words: docs/statistics.md."""
