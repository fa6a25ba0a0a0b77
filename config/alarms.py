"""When supervisors are told of a queue that is not served."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from config.ordering import DAY, HOUR
from config.section import Section


class QueueAlarms(Section):
    """``default.toml`` says what each is. Emergencies have an alarm of their own and are not counted here."""

    caller_seconds: Annotated[float, Field(ge=0, le=600)]
    message_share: Annotated[float, Field(ge=0, le=10)]
    open_minutes: Annotated[float, Field(ge=0, le=1440)]
    overdue_times: Annotated[float, Field(ge=0, le=1000)]
    again_minutes: Annotated[float, Field(ge=0, le=DAY / 60)]
    settled_seconds: Annotated[float, Field(gt=0, le=HOUR)]

    @field_validator("overdue_times")
    @classmethod
    def _late_at_all(cls, times: float) -> float:
        if 0 < times < 1:
            raise ValueError("must be 0 (never) or at least 1: nobody is late before the target is over")
        return times
