"""Context for agents: one service below the command line, HTTP and MCP, governed and traced in one place."""
