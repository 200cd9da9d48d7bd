"""The routes, one file per resource; each has its part of the route table in OPERATIONS."""
