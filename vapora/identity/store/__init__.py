"""What is known of people beside the log, where it can be erased: names, addresses, password hashes."""

from vapora.identity.store.base import PeopleStore, StoredPerson, open_store

__all__ = ["PeopleStore", "StoredPerson", "open_store"]
