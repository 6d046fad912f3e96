import subprocess
import sys

FAULTS = """
import resource, sys
import torch
from disbench.training.memory import keep_freed_memory
torch.set_num_threads(1)
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit("the C library keeps nothing")
def fill():
    a = [torch.ones(1 << 22) for _ in range(4)]
fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(what):
    result = subprocess.run([sys.executable, "-c", FAULTS, what], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def test_pages_are_cleared_once():
    assert faults("keep") < faults("leave") / 4
