"""Folds that are kept between two readings of the log: in memory for each stream, and saved for the next start."""

from vapora.log.folds.saved_fold import EVERY, LoadedFold, SavedFold
from vapora.log.folds.snapshots import Snapshot, SnapshotStore
from vapora.log.folds.stream_folds import Fold, StreamFolds

__all__ = ["EVERY", "Fold", "LoadedFold", "SavedFold", "Snapshot", "SnapshotStore", "StreamFolds"]
