"""Figures for Prometheus: what the records say, and how requests are answered."""
