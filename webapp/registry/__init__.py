"""The registry's wire protocol (OCI distribution): ask, check what came, say in one sentence what went wrong."""
