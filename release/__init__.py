"""What makes a release, and what is checked before there is one. `docs/releasing.md` says how it is used."""
