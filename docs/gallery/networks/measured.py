"""Figures that take PyTorch and a minute: measured by ``--measure``, kept beside the script, drawn whenever it runs."""

import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def measured(name, measure):
    """What ``measure()`` gave when plot_NAME.py last ran with ``--measure``; prints how that was."""
    path = HERE / f"{name}.json"
    if "--measure" in sys.argv:
        path.write_text(json.dumps(_measure(name, measure), indent=1) + "\n", encoding="utf-8")
    kept = json.loads(path.read_text(encoding="utf-8"))
    print("\n".join(f"{key}: {kept[key]}" for key in ("command", "commit", "machine", "seconds")))
    return kept["figures"]


def _measure(name, measure):
    sys.path.append(str(ROOT))
    import torch

    from bench.machine import machine_line

    describe = ["git", "-C", str(HERE), "describe", "--always", "--dirty", "--exclude=*"]
    about = {
        "command": f"python {(HERE / f'plot_{name}.py').relative_to(ROOT).as_posix()} --measure",
        "commit": subprocess.run(describe, check=True, capture_output=True, text=True).stdout.strip(),
        "machine": f"{machine_line()}; PyTorch {torch.__version__} on {torch.get_num_threads()} thread(s)",
    }
    start = time.perf_counter()
    figures = measure()
    return {**about, "seconds": round(time.perf_counter() - start), "figures": figures}
