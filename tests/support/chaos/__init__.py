"""Kills, and the account of what they leave. TREADLE_CHAOS=long has it all last longer: that is `make chaos`."""

import os

LONG = os.environ.get("TREADLE_CHAOS") == "long"
