"""Write figures and animations to files."""

import os
from pathlib import Path

from matplotlib.animation import FFMpegWriter, FuncAnimation, PillowWriter
from matplotlib.figure import Figure

from boxloss.plot.style import styled

DPI = 100  # of animations
FRAMES_PER_SECOND = 12


@styled
def save(drawn: Figure | FuncAnimation, path: str | os.PathLike[str]) -> None:
    """Write a figure or an animation to a file, in the format that its name ends in.

    The same figure gives the same bytes. It takes no part in what makes a file whole: what was there is overwritten.

    Parameters
    ----------
    drawn : matplotlib.figure.Figure or matplotlib.animation.FuncAnimation
        What a function of ``boxloss.plot`` returned.
    path : str or Path
        The file: ``.png``, ``.svg``, ``.pdf`` for a figure, ``.gif`` and ``.mp4`` for an animation.

    Raises
    ------
    RuntimeError
        If an animation is to be ``.mp4`` and ffmpeg is not installed.
    ValueError
        If the format is unknown.

    Examples
    --------
    >>> import boxloss as bl
    >>> from boxloss import lab, plot
    >>> plane = lab.landscape(bl.giou, (0, 0, 1, 1), pred_size=(1, 1), extent=3, resolution=60)
    >>> plot.save(plot.landscape(plane), "giou.png")  # doctest: +SKIP
    """
    path = Path(path)
    suffix = path.suffix
    if isinstance(drawn, Figure):
        drawn.savefig(path, metadata={"Date": None} if suffix == ".svg" else None)
        return
    if suffix == ".gif":
        drawn.save(path, writer=PillowWriter(fps=FRAMES_PER_SECOND), dpi=DPI)
        return
    if suffix != ".mp4":
        raise ValueError(f"path of an animation must end in .gif or .mp4; got {str(path)!r}")
    if not FFMpegWriter.isAvailable():
        raise RuntimeError("an animation in MP4 needs ffmpeg; save it as .gif, or install ffmpeg")
    most_players_take = ["-pix_fmt", "yuv420p"]
    drawn.save(path, writer=FFMpegWriter(FRAMES_PER_SECOND, codec="h264", extra_args=most_players_take), dpi=DPI)
