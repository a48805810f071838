"""`holystone setup`: puts Holystone before a registry that is there.

`machine` finds out how the registry is started, `questions` asks the rest, `checking` looks at each answer, `plan` says what will
be written and done, `carry_out` does it, and `command` is the order of all that.
"""
