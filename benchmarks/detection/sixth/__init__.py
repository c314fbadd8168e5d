"""The sixth blind set: its cases, what trains them, and how their files are handled and forged."""
