"""A machine whose CUDA packages and devices a test chooses."""

import importlib.metadata
from contextlib import contextmanager

from boxloss.libraries import cuda, interface


@contextmanager
def chosen_machine(monkeypatch):
    """A function that makes it, with all that is needed where nothing else is said."""

    def make(packages=("numba-cuda", "cupy"), devices=1, numba_cuda="0.30.4", compiler_lacks=None):
        def count():
            if isinstance(devices, Exception):
                raise devices
            return devices

        def version(name):
            if name not in packages:
                raise importlib.metadata.PackageNotFoundError(name)
            return numba_cuda

        monkeypatch.setattr(interface, "find_spec", lambda name: name if name in packages else None)
        monkeypatch.setattr(importlib.metadata, "version", version)
        monkeypatch.setattr(cuda, "device_count", count)
        monkeypatch.setattr(cuda, "missing_compiler", lambda: compiler_lacks)
        cuda.missing.cache_clear()

    yield make
    cuda.missing.cache_clear()
