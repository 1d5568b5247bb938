"""sameshot keeps a growing photo collection sorted by sameness. Nothing leaves the machine."""

import os

__version__ = "0.1.0"

# ONNX Runtime reads this where it is loaded, which is after this line in every process of the program. Without it, it
# notes which machine and program it runs in, in a database in the cache folder, and sends that to its maker.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
