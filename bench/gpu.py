"""The benchmark of the CUDA engine, on a machine with a GPU, CuPy, torch and numba-cuda.

    python bench/gpu.py --out results.json           # a few minutes
    python bench/gpu.py --out results.json --smoke   # small sizes and few turns: does it run at all?

It prints its tables; `gpu_tables.py` puts them into the documentation. What fails is told and left out: the rest is
measured, and the exit status is 1.
"""

import argparse
import json
import platform
import shutil
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("src", "tests")]

PACKAGES = ("numpy", "numba", "numba-cuda", "cupy-cuda12x", "cupy-cuda13x", "torch", "torchvision", "triton")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="where the results go, as JSON")
    parser.add_argument("--smoke", action="store_true", help="small sizes and few turns")
    arguments = parser.parse_args()
    from gpu_libraries import what_is_missing

    if missing := what_is_missing():
        sys.exit(f"bench/gpu.py needs a CUDA GPU, CuPy, torch and numba-cuda: {missing}")
    import cupy
    import torch

    from gpu_tables import part
    from gpu_timing import reason
    from gpu_work import WORK
    from render import write

    results: dict[str, Any] = {"machine": machine(arguments.smoke), "rows": [], "failed": {}}
    for work in WORK:
        print(work.__name__, file=sys.stderr, flush=True)
        try:
            for row in work(arguments.smoke):
                results["rows"].append(row)
                write(arguments.out, json.dumps(results, indent=1) + "\n")  # what is measured so far is kept
        except Exception as error:
            traceback.print_exc()
            results["failed"][work.__name__] = reason(error)
        cupy.get_default_memory_pool().free_all_blocks()
        torch.cuda.empty_cache()
    write(arguments.out, json.dumps(results, indent=1) + "\n")
    print("\n".join(part(results)))
    if results["failed"]:
        sys.exit("\n".join(f"{name} failed: {why}" for name, why in results["failed"].items()))


def machine(smoke: bool) -> dict[str, Any]:
    """What the tables say of the machine: its GPU above all."""
    import cupy

    import boxloss
    from machine import system, versions

    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    cuda = cupy.cuda.runtime.driverGetVersion()
    return {
        "gpu": properties["name"].decode(),
        "memory": round(properties["totalGlobalMem"] / 2**30),
        "driver": driver(),
        "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}",
        "system": system(),
        "python": platform.python_version(),
        "boxloss": boxloss.__version__,
        "packages": versions(PACKAGES),
        "smoke": smoke,
    }


def driver() -> str:
    """The driver's version, if its own tool tells it."""
    if shutil.which("nvidia-smi") is None:
        return "unknown"
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    told = subprocess.run(query, capture_output=True, text=True).stdout.split()
    return told[0] if told else "unknown"


if __name__ == "__main__":
    main()
