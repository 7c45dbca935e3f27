"""``boxloss info``: versions, engines, threads and the cache of kernels."""

import errno
import os

import numpy as np
import pytest

import boxloss as bl
from boxloss.libraries import cuda as cuda_support
from commands import process, run


def test_info(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "boxloss" / "version").mkdir(parents=True)
    (tmp_path / "boxloss" / "version" / "a.kernel").write_bytes(bytes(2_000_000))
    code, output = run("info")
    assert code == 0
    lines = dict(line.strip().split(maxsplit=1) for line in output.splitlines())
    assert lines["boxloss"] == bl.__version__
    assert lines["numpy"] == np.__version__
    assert lines["engines"] == ("array, numba" if cuda_support.missing() else "array, numba, cuda")
    assert lines["threads"] == str(bl.get_num_threads())
    assert lines["kernel"] == f"cache       {tmp_path / 'boxloss'}: 1 file, 2.0 MB"


def test_info_of_a_cache_that_cannot_be_read(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "boxloss").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)  # chmod does not stop root
    code, output = run("info")
    assert code == 0
    assert f"kernel cache       {tmp_path / 'boxloss'}: cannot be read: Permission denied" in output


def test_info_with_a_wrong_number_of_threads():
    """Which Numba does not say either, so the cache is unknown."""
    done = process("info", NUMBA_NUM_THREADS="0")
    assert done.returncode == 0
    assert "NUMBA_NUM_THREADS must be a whole number above 0; got '0'" in done.stdout
    assert "kernel cache" in done.stdout


def test_info_without_a_home(monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr("boxloss.engines.cache.cache_folder", lambda: None)
    assert "none: there is no folder to keep it in" in run("info")[1]


def test_info_of_a_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "boxloss" / "version").mkdir(parents=True)
    for digest in ("1a", "2b"):
        (tmp_path / "boxloss" / "version" / f"cuda-sm_90-pairwise-float32-GIoU-{digest}.kernel").touch()
    device = cuda_support.Device(0, "a GPU", (9, 0), 10)
    for name, value in {"missing": None, "driver_version": "13.0", "device_count": 1, "device": device}.items():
        monkeypatch.setattr(cuda_support, name, lambda *ordinal, value=value: value)
    _, output = run("info")
    lines = [line.strip() for line in output.splitlines() if line.strip().startswith(("engines", "CUDA"))]
    assert [line.split("  ")[-1].strip() for line in lines] == [
        "array, numba, cuda",
        "driver for CUDA 13.0",
        "device 0: a GPU, sm_90",
        "sm_90 pairwise float32 GIoU: 2",
    ]


def test_info_says_what_cuda_needs(monkeypatch):
    monkeypatch.setattr(cuda_support, "missing", lambda: "a CUDA device")
    assert "needs a CUDA device" in run("info")[1]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_info_says_why_kernels_are_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "boxloss").mkdir()
    (tmp_path / "boxloss").chmod(0o777)
    _, output = run("info")
    assert "not used, since others can write to it" in " ".join(output.split())
