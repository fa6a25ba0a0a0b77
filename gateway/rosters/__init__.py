"""Shifts out of an HR system's files, who is there, and how many are needed.

``csv_file`` and ``calendar_file`` read a file into entries, ``people`` says whose they are, ``entries`` makes shifts of
them; ``plan`` says what an import changes, ``forecast`` how many are needed, ``watch`` alarms when there are fewer.
"""
