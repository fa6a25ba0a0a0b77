"""A 25 MB attachment through the real mailbox reader: how much memory it costs beyond what the process had."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.mail_site import MailServers, MailSite, letter

ADDRESS = "contact@police.example"
MEGABYTES = 25
ALLOWED = 64
DELIVER = """
import os, smtplib, sys
from email.message import EmailMessage
m = EmailMessage(); m["From"], m["Subject"] = "jo@public.example", "Large"; m.set_content("Here.")
m.add_attachment(os.urandom(int(sys.argv[3]) << 20), maintype="video", subtype="mp4", filename="film.mp4")
with smtplib.LMTP(sys.argv[1]) as lmtp: lmtp.sendmail("jo@public.example", [sys.argv[2]], m.as_bytes())
"""


def peak_megabytes() -> float:
    (line,) = [li for li in Path("/proc/self/status").read_text().splitlines() if li.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


async def costs(site: MailSite) -> tuple[float, float, int]:
    """Peak megabytes beyond what there was, seconds with the delivery, and the bytes of the kept attachment."""
    await site.comes(letter("jo@public.example", "Warm", "A first mail, so that everything is loaded."))
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, started = peak_megabytes(), time.perf_counter()
    socket = str(site.servers.dovecot.home / "run" / "lmtp")
    command = [sys.executable, "-c", DELIVER, socket, ADDRESS, str(MEGABYTES)]
    await asyncio.to_thread(subprocess.run, command, check=True)
    while len(messages := await site.inbound()) < 2:
        await asyncio.sleep(0.05)
    seconds, cost = time.perf_counter() - started, peak_megabytes() - before
    files = await site.store.attachments(*(m.id for m in messages))
    return cost, seconds, sum(file.size for file in files)


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with MailServers(directory, ADDRESS) as servers:
            site = MailSite(servers, servers.settings(directory / "site", ADDRESS))
            async with site:
                cost, seconds, size = await costs(site)
    print(f"attachment {size / 2**20:.0f} MB: {cost:.0f} MB of memory at most, {seconds:.1f} s with its delivery")
    if cost >= ALLOWED or size != MEGABYTES << 20:
        sys.exit(f"more than {ALLOWED} MB, or not whole")


if __name__ == "__main__":
    asyncio.run(main())
