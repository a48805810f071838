"""What stands around Holystone: how it is started, and what is put in front of it."""
