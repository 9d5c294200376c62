"""Kills, and the account of their effects. TREADLE_CHAOS=long makes it all last longer: that is `make chaos`."""

import os

LONG = os.environ.get("TREADLE_CHAOS") == "long"
