"""The gateway to servers of tools."""
