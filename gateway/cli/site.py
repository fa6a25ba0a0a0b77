"""Setting a site up: the prompts that callers hear, and the files of the SIP edge."""

from __future__ import annotations

from pathlib import Path

import click

from channels.voice.edge_files import write_edge_files
from channels.voice.prompts import PromptError, prepare_music, prepare_prompts
from gateway.cli.common import CONFIG, Failure, load_settings

MUSIC = Path("/usr/share/asterisk/moh")


@click.command()
@CONFIG
@click.option(
    "--music",
    type=click.Path(path_type=Path),
    default=MUSIC,
    show_default=True,
    help="A WAV file, or a folder of them.",
)
def prompts(config: Path | None, music: Path) -> None:
    """Make what callers hear: the spoken prompts of the configuration, and the hold music.

    What is unchanged is left alone. To use your own voice, put NAME.recorded.wav beside NAME.wav and run this again.

    \b
    Example:
      contact-gateway prompts --config /etc/contact-gateway/gateway.toml
    """
    settings = load_settings(config)
    try:
        made = prepare_prompts(settings.prompts, settings.voice.prompts_dir)
        click.echo(f"{len(made)} prompts in {settings.voice.prompts_dir}")
        prepare_music(music, settings.voice.music)
        click.echo(f"hold music in {settings.voice.music}")
    except PromptError as error:
        raise Failure(str(error)) from None


@click.command("edge-files")
@click.argument("directory", type=click.Path(path_type=Path))
@CONFIG
def edge_files(directory: Path, config: Path | None) -> None:
    """Write the SIP edge's files (for Kamailio) into DIRECTORY; its service does this before each start.

    \b
    Example:
      contact-gateway edge-files /var/lib/contact-gateway-edge --config /etc/contact-gateway/gateway.toml
    """
    settings = load_settings(config)
    try:
        write_edge_files(settings, directory)
    except OSError as error:
        raise Failure(f"The edge's files could not be written: {error}.") from None
    click.echo(f"edge files in {directory}")
