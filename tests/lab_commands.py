"""The commands of the lab with few boxes, and what they print and write."""

import csv

from commands import run

IOU, GIOU = ("--loss", "iou"), ("--loss", "giou")
COMMANDS = {
    "landscape": (*IOU, *GIOU, "--resolution", "8"),
    "descend": (*IOU, *GIOU, "--steps", "5", "--boxes", "3", "--quick"),
    "correlate": (*IOU, *GIOU, "--count", "500"),
    "simulate": (*IOU, *GIOU, "--points", "4"),
}


def rows(*args):
    """The words of each row of the tables."""
    code, output = run(*args)
    assert code == 0, output
    return [line.split() for line in output.splitlines() if line.startswith(("iou", "giou", "l1"))]


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
