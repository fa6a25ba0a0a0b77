"""The published description judges as its publisher means it."""

from __future__ import annotations

import json

from gateway.sandbox.twilio_description import PUBLISHED, Description


def test_the_publishers_own_examples_pass() -> None:
    description = Description.published()
    paths = json.loads(PUBLISHED.read_text())["paths"]
    judged = 0
    for path, verbs in paths.items():
        for verb in {"get", "post"} & verbs.keys():
            for status, answer in verbs[verb]["responses"].items():
                examples = answer.get("content", {}).get("application/json", {}).get("examples", {})
                for example in examples.values():
                    faults = description.answer_faults(verb.upper(), path, int(status), example["value"])
                    assert faults == [], path
                    judged += 1
    assert judged > 20


def test_an_answer_of_the_wrong_shape_is_found() -> None:
    path = "/2010-04-01/Accounts/{AccountSid}/Messages/{Sid}.json"

    faults = Description.published().answer_faults("GET", path, 200, {"sid": "SM1", "num_media": 0})

    assert any("sid" in fault for fault in faults)
    assert any("num_media" in fault for fault in faults)
    assert Description.published().answer_faults("GET", path, 418, {}) != []
