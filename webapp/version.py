"""Which Holystone this is. It is said here and nowhere else."""

VERSION = "0.1.0"
