"""What tests cost is told by folder and by test, the dearest first."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests import costs

ROOT = Path(__file__).parents[2]


def test_folders_come_first_and_the_dearest_before_others() -> None:
    spent = Counter({"a/test_x.py::one": 1.0, "a/test_x.py::two": 2.0, "a/b/test_y.py::three": 4.0})
    clock = Counter({"a/test_x.py::one": 5.0, "a/test_x.py::two": 5.5, "a/b/test_y.py::three": 4.25})
    told = [line.split() for line in costs.table(spent, clock)]
    assert told == [
        ["4.0", "4.2", "a/b/"],
        ["3.0", "10.5", "a/"],
        ["4.0", "4.2", "a/b/test_y.py::three"],
        ["2.0", "5.5", "a/test_x.py::two"],
        ["1.0", "5.0", "a/test_x.py::one"],
    ]


def test_what_a_test_starts_is_counted_also_in_a_worker(tmp_path: Path) -> None:
    burn = "import time\\nwhile time.process_time() < 0.5: pass"
    test = tmp_path / "test_burn.py"
    test.write_text(f"import subprocess, sys\ndef test_it(): subprocess.run([sys.executable, '-c', '{burn}'])\n")
    words = (sys.executable, "-m", "pytest", "-p", "tests.costs", "-p", "no:cacheprovider", "-n", "1", str(test))
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    told = next(line for line in done.stdout.splitlines() if line.endswith("test_burn.py::test_it"))
    assert float(told.split()[0]) >= 0.5
