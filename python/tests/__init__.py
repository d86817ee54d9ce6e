"""Tests of the package, without a robot and with one that runs in the simulator."""
