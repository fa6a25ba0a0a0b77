"""What every section of the settings is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(ge=0)]
Port = Annotated[int, Field(ge=1, le=65535)]
SipUri = Annotated[str, Field(pattern=r"^sip:[^\s<>]+$")]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]
Number = Annotated[str, Field(pattern=r"^\+?[0-9]{3,15}$")]
KeepDays = Annotated[int, Field(ge=1, le=36_500)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


class Section(BaseModel):
    """A frozen table of settings; an unknown key is a mistake, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")
