"""The gateway to servers of tools. Its modules are named one by one: not everybody needs the protocol's SDK."""
