"""What is well and what is not, for the Status page and for `doctor`; and what to send when asking for help."""
