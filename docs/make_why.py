"""Run the commands that pages show, and write what they print below them; draw their figures.

python docs/make_why.py              # a few minutes on two cores
python docs/make_why.py --published  # print the released gradients' errors beside the published ones
python docs/make_why.py --training   # print the published trainings, with --rates their learning rates
python docs/make_why.py --training --detector
python docs/make_why.py --draw steps --out docs/figures/training-steps.svg
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent
PAGES = (
    "why-iou-losses.md", "one-name-several-gradients.md", "modifiers.md", "lab/correlate.md", "lab/simulate.md",
    "lab/train.md",
)  # fmt: skip
BLOCK = re.compile(r"^```console\n\$ (.*?)\n.*?^```$", re.M | re.S)
FIGURE = re.compile(r"`((?:boxloss|python) [^`]* --out docs/[^`]*)`")
PROGRAMS = {"boxloss": [sys.executable, "-m", "boxloss"], "python": [sys.executable]}


def run(command: str) -> str:
    """What a command prints."""
    program, *arguments = shlex.split(command)
    output = subprocess.run(
        [*PROGRAMS[program], *arguments],
        cwd=DOCS.parent,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    ).stdout
    return "\n".join(line.rstrip() for line in output.strip().splitlines())


def renew(page: Path) -> None:
    """Run the commands of a page: those of its blocks, and those in its text that draw a figure."""
    text = page.read_text(encoding="utf-8")
    for command in FIGURE.findall(text):
        run(command)
    text = BLOCK.sub(lambda block: f"```console\n$ {block[1]}\n{run(block[1])}\n```", text)
    page.write_text(text, encoding="utf-8")


def published() -> None:
    """Print sums of errors in millions, published and reproduced, and their difference as part of what it may be."""
    import boxloss as bl
    from boxloss import lab
    from boxloss.lab.published import PUBLISHED_ERROR

    for result in lab.simulate([bl.iou, bl.giou, bl.diou, bl.ciou], gradient="released"):
        figure = PUBLISHED_ERROR[name := type(result.loss).__name__]
        print(f"{name:9} step", *(f"{step:7}" for step in figure))
        here = [result.cases * result.error[step] / 1e6 for step in figure]
        print("     published", *(f"{value:7.3f}" for value in figure.values()))
        print("    reproduced", *(f"{value:7.3f}" for value in here))
        limits = [max(0.05 * value, 0.02) for value in figure.values()]
        shares = [(a - b) / limit for a, b, limit in zip(here, figure.values(), limits, strict=True)]
        print("    off, share", *(f"{share:+7.2f}" for share in shares), flush=True)


def training(*options: str) -> None:
    """Print what ``boxloss train`` printed when it made the results that ship with the package."""
    from boxloss.cli import console, trained

    found = trained.published("detector" if "--detector" in options else "regressor")
    if "--rates" in options:
        console.show(trained.rates_table(found))
    else:
        console.show(trained.table(found), "", trained.spread_table(found), "", *trained.sentences(found))


def draw(kind: str, path: str) -> None:
    """Draw the published trainings."""
    from boxloss import plot
    from boxloss.cli import trained

    plot.save(trained.picture(trained.published(), kind), path)


if __name__ == "__main__":
    if sys.argv[1:] == ["--published"]:
        published()
    elif sys.argv[1:2] == ["--training"]:
        training(*sys.argv[2:])
    elif sys.argv[1:2] == ["--draw"]:
        draw(sys.argv[2], sys.argv[4])
    else:
        for page in PAGES:
            renew(DOCS / page)
