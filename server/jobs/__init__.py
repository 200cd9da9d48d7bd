"""Durable jobs. `manager` alone changes a job's state; `workflows` says what an export's steps are;
`worker` runs them."""
