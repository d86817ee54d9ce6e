"""Walks a robot toward its goal from another process: `triune run ROBOT --brain far` runs it."""

import math
import sys

import triune

with triune.connect(*sys.argv[1:2]) as robot:
    state = robot.latest("cerebellum/state")
    print(robot.name, triune.Posture(state["posture"]).name, state["position"].round(2), "m")
    with robot.planner(name="walk.py") as planner:
        for seen in planner.observations(seconds=8.0):
            ahead, left = seen["goal"]
            planner.walk(forward=0.3, yaw=math.atan2(left, ahead), seconds=0.8)
    print("walked to", robot.latest("cerebellum/state")["position"].round(2), "m")
    robot.stop(reason="the example is over")
