"""How an installation starts, is watched, and ends: settings, the lock on the data, signals, and a Ray that dies."""
