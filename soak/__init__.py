"""`make soak`: everything as it is deployed, at work for as long as told, while it is broken again and again.

    stage          keeper and registry, nginx, the dashboard, a supervisor that starts them, a network that can be cut
    traffic        who pushes and who pulls
    administrator  who plans windows, deletes, and starts and stops runs by hand, with Holystone's own commands
    faults         what is killed, stopped, cut, filled and locked
    ledger         what was acknowledged, and what Holystone said that it deleted
    watch          how long nobody could push; what is said of it by whoever looks from outside
    invariants     what must hold at the end
    report         how many of each

It stands outside of the test run, as benchmarks/ does.
"""
