"""Packages of agents, tools and workflows: what one is, where they come from, what is checked before one is taken."""

from vapora.marketplace.config_schema import config_schema
from vapora.marketplace.manifest import PackageManifest, may_do, settings_of
from vapora.marketplace.offers import Offer, offer_of_stored
from vapora.marketplace.shelf import Shelf

__all__ = ["Offer", "PackageManifest", "Shelf", "config_schema", "may_do", "offer_of_stored", "settings_of"]
