"""The campaign of faults: what it breaks, and how it checks the promises I1 to I7 afterwards.

ledger      what was run and what was broken, as a table
scene       a target in its old state, the job that makes the new one, and what an independent reader finds there
processes   commands in processes of their own, and a process that keeps one engine for many commands
injection   failing at a step of publishing
disks       small file systems
failpoints, kills, workers, storage, writers, files     the faults
"""
