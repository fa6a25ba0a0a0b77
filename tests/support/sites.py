"""The rules of the sites at which the made-up stories play."""

from __future__ import annotations

from config.ordering import Bump, Bumps, LanguageSkill, Wanted
from config.settings import Queue
from tests.support.world import rules

LED_ON = [
    {
        "id": "general",
        "most_waiting": 1,
        "longest_wait_seconds": 30,
        "overflow": {
            "full": [{"queue": "crime"}, {"callback": True}, {"number": "+441632960200"}],
            "nobody_on_duty": [{"queue": "crime"}, {"number": "+441632960200"}, {"voicemail": "general"}],
            "longest_wait": [{"callback": True}, {"number": "+441632960200"}],
        },
    },
    {
        "id": "crime",
        "skills": ("crime",),
        "longest_wait_seconds": 100,
        "overflow": {"nobody_on_duty": [{"callback": True}], "longest_wait": [{"queue": "texts"}]},
    },
]
# A site with everything that can differ, and one whose calls do not interrupt messages.
SITES = tuple(
    rules(
        [
            *(Queue.model_validate({"name": "Led on", "target_seconds": 45} | queue) for queue in LED_ON),
            Queue(
                id="french",
                name="French",
                target_seconds=20,
                wanted=(Wanted(skill="french:2", for_seconds=15), Wanted(skill="french", for_seconds=40)),
                prefers=("crime",),
                centre="fcc",
                other_centre_after_seconds=25,
            ),
        ],
        choose_by=choose_by,
        calls_interrupt_messages=interrupt,
        last_handler_first_seconds=10,
        languages=(LanguageSkill(language="cy", skill="welsh", for_seconds=30),),
        bumps=Bumps(
            vulnerable=Bump(ahead_seconds=100),
            repeat=Bump(due_within_seconds=10),
            cut_off=Bump(ahead_seconds=60, due_within_seconds=60),
            repeat_contacts=2,
        ),
    )
    for choose_by, interrupt in (("longest_idle", True), ("round_robin", False), ("least_occupied", False))
)
