"""Servers of tools from outside, by the Model Context Protocol: transports, and one supervised session for each."""
