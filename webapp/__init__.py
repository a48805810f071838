"""Holystone: the web dashboard that removes tags and images from a registry and frees their space."""
