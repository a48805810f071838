"""The registry's processes: the keeper in front of the registry, and the dashboard's side of it."""
