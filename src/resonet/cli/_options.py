"""Options that several verbs have, each said once."""

from __future__ import annotations

import click

classifier = click.option("--bundle", metavar="BUNDLE", help="Classifier: an installed bundle's name, or a path.")
output = click.option(
    "-o", "--output", metavar="FILE|FOLDER", help="Write there, not to stdout. A name without suffix is a folder."
)
rate = click.option(
    "--rate", type=click.IntRange(1000, 768000), help="Standard input is raw 16-bit mono PCM of so many Hz."
)
threads = click.option("--threads", type=click.IntRange(1), help="Processor threads.  [default: all cores]")
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
