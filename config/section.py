"""What every section of the settings is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(ge=0)]
Port = Annotated[int, Field(ge=1, le=65535)]
SIP_URI = r"^sip:[^\s<>]+$"
IDENTIFIER = r"^[a-z][a-z0-9_-]{0,40}$"
NUMBER = r"^\+?[0-9]{3,15}$"
LANGUAGE = r"^[a-z]{2,3}$"
SipUri = Annotated[str, Field(pattern=SIP_URI)]
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
Number = Annotated[str, Field(pattern=NUMBER)]
KeepDays = Annotated[int, Field(ge=1, le=36_500)]
Language = Annotated[str, Field(pattern=LANGUAGE)]


class Section(BaseModel):
    """A frozen table of settings; an unknown key is a mistake, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
