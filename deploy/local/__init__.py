"""`make run`: a private registry and the dashboard on one machine, for trying Holystone and for working on it."""
