"""Freeing space: runs of the collector, by order to the keeper, proved over HTTP before and after."""
