"""Write the texts of golden cases anew: `python -m tests.golden [CASE...]`."""

import sys

from tests.golden.golden import OUTPUTS, cases

for case in cases():
    if not sys.argv[1:] or case.folder.name in sys.argv[1:]:
        for name in case.outputs():
            (case.folder / name).write_text(OUTPUTS[name](case))
