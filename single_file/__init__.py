"""What makes one file of Holystone: the command `holystone`, the server in it, and how the file is built.

PyInstaller's file unpacks itself into a folder at each start, and runs Python in a child of the process that was started.
"""
