"""The HTTP API and the page's files. Start with `main`; `operations` is the route table's grammar."""
