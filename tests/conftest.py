"""For all tests. Ray reads its environment when it is imported, so that is prepared before anything else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from actors.runtime import cluster

cluster.prepare_environment(Path(tempfile.mkdtemp(prefix="vapora-tests-")), os.environ)
