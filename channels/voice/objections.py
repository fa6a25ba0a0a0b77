"""Why something that is wanted of a call cannot be done now, in words for a tired person. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels.voice import instructions as tell_to

if TYPE_CHECKING:
    from channels.voice.flow import Story

FULL = "The line is full: four are on it, or one is kept for the control room. Drop somebody first."
NOBODY_HAS_CALLER = "Nobody has the caller: they wait, or are being led on."
CONTROL_ROOM_THERE = "The control room is talking with the caller: nobody may be kept from them."


def objection(story: Story, wish: tell_to.Instruction) -> str:
    """'' when it can be done."""
    line, third = story.scene.line, story.third
    with_control_room = "control_room" in line.joined
    if isinstance(wish, tell_to.PauseRecording | tell_to.ResumeRecording):
        return _of_recording(story, wish)
    if isinstance(wish, tell_to.Hold | tell_to.Mute | tell_to.Requeue) and not story.scene.handler:
        return NOBODY_HAS_CALLER
    match wish:
        case tell_to.Leave() if not with_control_room:
            return "The control room is not on the line yet: nobody would be left with the caller."
        case tell_to.HangUp() if with_control_room:
            return "The control room is talking with the caller: leave the call instead of ending it."
        case tell_to.Hold(held=True) | tell_to.Requeue() | tell_to.ToVoicemail() if story.control_room_has_caller:
            return CONTROL_ROOM_THERE
        case tell_to.Hold(held=False) if line.held_at_phone and not line.held:
            return "Your telephone holds the caller: take them back there."
        case tell_to.Bring(role="transfer" | "consult") if story.control_room_has_caller:
            return CONTROL_ROOM_THERE
        case tell_to.Bring() if third.busy:
            return f"{third.wish.target.words} is on the line already: drop them first."
        case tell_to.Bring() if story.scene.full:
            return FULL
        case tell_to.Supervise() if story.scene.full and not story.supervision.supervisor:
            return FULL
        case tell_to.CompleteTransfer() if "third" not in line.joined:
            return "Nobody has answered yet: wait, or give the transfer up."
        case tell_to.DropThird() if not third.busy:
            return "There is nobody to drop."
        case tell_to.Requeue() | tell_to.ToVoicemail() if third.busy:
            return f"{third.wish.target.words} is on the line: drop them first."
        case tell_to.TakeOver() if "supervisor" not in line.joined:
            return "No supervisor is on the call: listen to it first."
        case tell_to.TakeOver() if third.busy and not story.scene.handler:
            return f"The caller is led to {third.wish.target.words}: wait until they are back in the queue."
        case tell_to.TakeOver() if story.at_reception and not story.scene.handler:
            return "The caller hears a menu, leaves a message or is told of a call back: nobody can talk to them yet."
        case tell_to.StopSupervising() if not story.supervision.supervisor:
            return "No supervisor is on the call."
        case _:
            return ""


def _of_recording(story: Story, wish: tell_to.PauseRecording | tell_to.ResumeRecording) -> str:
    keeping, pause = story.keeping, isinstance(wish, tell_to.PauseRecording)
    if keeping.raw is None:
        return "This call is not being recorded."
    if pause and story.control_room_has_caller:
        return "An emergency is recorded throughout."
    if keeping.paused == pause:
        return "The recording is paused already." if pause else "The recording is not paused."
    return ""
