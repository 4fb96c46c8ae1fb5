"""VAPORA as a server of the Model Context Protocol, at `/mcp`: what the API does, as tools for any client."""
