"""Notices: what goes wrong is told once, with its end, on the pages and wherever the settings say."""
