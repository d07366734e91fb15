"""Tests on a real Spark standalone cluster: a master and two workers on this machine's loopback."""
