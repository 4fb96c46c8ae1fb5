"""Keeps a workspace's search index up to date."""

from actors.indexer.indexer import Indexer

__all__ = ["Indexer"]
