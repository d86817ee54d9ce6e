"""Trains the quadruped's navigation policy: lidar and goal in, 0.8 s of velocities out.

An expert that knows the whole yard drives many simulated robots; a small network, which
sees only what the robot sees, learns to imitate it (behaviour cloning), then drives itself
while the expert keeps labelling the states it gets into (DAgger).

    python train.py              train, export, write the golden vectors, the card, evaluate
    python train.py --evaluate   evaluate the `navigate.onnx` that lies in this folder

Units are SI: metres, seconds, radians. A pose is (x, y, heading) in the yard's frame; the base
frame has x forward and y left. Seeded; a run takes minutes on two CPU cores.
"""

import argparse
import hashlib
import json
import pathlib
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import optax
from onnx import TensorProto, helper, numpy_helper

jax.config.update("jax_platform_name", "cpu")

FOLDER = pathlib.Path(__file__).resolve().parent
SEED = 20
VERSION = "1.0.0"

# The contract of the policy; `policy.toml` states the same for the robot's runtime.
BEAMS = 64
LIDAR_RANGE = 6.0
GOAL_RANGE = 4.0
GOAL_REACHED = 0.4
SPEED_SCALE, YAW_RATE_SCALE = 1.0, 1.5
STEPS, STEP_S = 8, 0.1
SPEED_MAX, YAW_RATE_MAX = 0.7, 1.0
OBSERVATION = BEAMS + 5

# The robot and its yard.
FOOTPRINT, HARD_BODY = 0.42, 0.30
ACCELERATION_MAX, YAW_ACCELERATION_MAX = 1.0, 2.5
X_MIN, X_MAX, Y_MIN, Y_MAX = -2.0, 11.0, -4.5, 4.5
OBSTACLES_MIN, OBSTACLES_MAX, OBSTACLE_GAP, START_GAP = 8, 12, 1.25, 1.3

# The shield: the governor's rule that keeps a moving robot able to stop in time.
SHIELD_BRAKE, SHIELD_DELAY, SHIELD_MARGIN = 0.8, 0.3, 0.05

# The simulation runs at 20 Hz, two ticks for every plan.
TICK_S = 0.05
TICKS = 2
HISTORY = 3

# The grid on which the expert knows the way to the goal.
CELL = 0.125
GRID_X = int(round((X_MAX - X_MIN) / CELL)) + 1
GRID_Y = int(round((Y_MAX - Y_MIN) / CELL)) + 1

# Training.
TRAINING_YARDS, GOALS_PER_YARD, SPOTS = 448, 3, 48
ROBOTS, ROUND_STEPS = 256, 150
EXPERT_SHARE = (1.0, 0.4, 0.2, 0.1, 0.0, 0.0, 0.0, 0.0)  # One DAgger round each.
ROUND_UPDATES, FINAL_UPDATES, BATCH = 1200, 14000, 768
HIDDEN = (256, 256, 128)

EVALUATION_YARDS, EVALUATION_SECONDS = 500, 60.0

BEAM_ANGLES = jnp.asarray(-np.pi + np.arange(BEAMS) * (2 * np.pi / BEAMS), jnp.float32)
DIRECTIONS = jnp.asarray(np.arange(-18, 18) * (2 * np.pi / 36), jnp.float32)


class Yard(NamedTuple):
    """Obstacles of one yard (or many, stacked); unused places hold one far outside."""

    is_box: jax.Array  # (12,)
    centre: jax.Array  # (12, 2)
    size: jax.Array  # (12, 2): radius twice, or half sides
    yaw: jax.Array  # (12,)


class World(NamedTuple):
    """All yards with what only the expert knows about them."""

    yards: Yard
    weight: jax.Array  # (yards, GRID_X, GRID_Y): cost of a metre here
    to_go: jax.Array  # (yards * goals, GRID_X, GRID_Y): cost of the way to the goal
    goals: jax.Array  # (yards, goals, 2)
    spots: jax.Array  # (yards, SPOTS, 2): free places to start from


class Body(NamedTuple):
    """What the simulated robot is: drawn anew for each episode."""

    lag: jax.Array  # (2,): time constants of speed and yaw rate
    gain: jax.Array  # (2,): what it does of what it is told
    drift: jax.Array  # (2,): sideways speed, yaw rate
    latency: jax.Array  # (): ticks from observation to plan
    shielded: jax.Array  # (): 1 with the shield


class Robot(NamedTuple):
    """State of one robot in one episode."""

    yard: jax.Array
    goal: jax.Array
    pose: jax.Array
    speed: jax.Array  # (2,): forward speed, yaw rate
    body: Body
    plans: jax.Array  # (HISTORY, STEPS, 2), newest first
    steps: jax.Array
    nudge: jax.Array  # (2,): disturbance added to what is executed
    halted: jax.Array  # made to stand still for a while, whatever the plan
    expert_drives: jax.Array


# ------------------------------------------------------------------------------ geometry


def to_frame(points, centre, yaw):
    """Coordinates of `points` in the frame at `centre` turned by `yaw`."""
    c, s = jnp.cos(yaw), jnp.sin(yaw)
    d = points - centre
    return jnp.stack([c * d[..., 0] + s * d[..., 1], -s * d[..., 0] + c * d[..., 1]], -1)


def obstacle_distances(yard, point):
    """Signed distance from `point` to the surface of each obstacle."""
    local = to_frame(point, yard.centre, yard.yaw)
    round_ = jnp.hypot(local[:, 0], local[:, 1]) - yard.size[:, 0]
    q = jnp.abs(local) - yard.size
    outside = jnp.sqrt((jnp.maximum(q, 0.0) ** 2).sum(-1))
    return jnp.where(yard.is_box, outside + jnp.minimum(q.max(-1), 0.0), round_)


def clearance(yard, point):
    """Distance from `point` to the nearest thing: an obstacle or a wall."""
    x, y = point[0], point[1]
    walls = jnp.minimum(jnp.minimum(x - X_MIN, X_MAX - x), jnp.minimum(y - Y_MIN, Y_MAX - y))
    return jnp.minimum(walls, obstacle_distances(yard, point).min())


def slab(origin, direction, half):
    """Distances along a ray at which it enters and leaves the box |q| <= half."""
    safe = jnp.where(jnp.abs(direction) < 1e-6, 1e-6, direction)
    a, b = (-half - origin) / safe, (half - origin) / safe
    return jnp.minimum(a, b).max(-1), jnp.maximum(a, b).min(-1)


def lidar(yard, pose):
    """True range of each beam, at most LIDAR_RANGE."""
    angles = BEAM_ANGLES + pose[2]
    rays = jnp.stack([jnp.cos(angles), jnp.sin(angles)], -1)
    middle = jnp.array([(X_MIN + X_MAX) / 2, (Y_MIN + Y_MAX) / 2])
    half = jnp.array([(X_MAX - X_MIN) / 2, (Y_MAX - Y_MIN) / 2])
    _, wall = slab(pose[:2] - middle, rays, half)

    origin = to_frame(pose[:2], yard.centre, yard.yaw)[None]
    local = to_frame(rays[:, None], 0.0, yard.yaw[None])
    enters, leaves = slab(origin, local, yard.size[None])
    box = jnp.where((enters <= leaves) & (leaves > 0), jnp.maximum(enters, 0.0), jnp.inf)
    along = -(origin * local).sum(-1)
    aside = (origin**2).sum(-1) - along**2
    radius2 = yard.size[None, :, 0] ** 2
    nearest = along - jnp.sqrt(jnp.maximum(radius2 - aside, 0.0))
    hits = (aside < radius2) & (along > 0)
    cylinder = jnp.where(hits, jnp.maximum(nearest, 0.0), jnp.inf)
    obstacle = jnp.where(yard.is_box[None], box, cylinder).min(-1)
    return jnp.minimum(jnp.minimum(wall, obstacle), LIDAR_RANGE)


# --------------------------------------------------------------------------------- yards


def draw_obstacles(random, keep_free):
    """Throws obstacles into a yard until the wanted number lies at lawful distances."""
    wanted = random.integers(OBSTACLES_MIN, OBSTACLES_MAX + 1)
    placed = []
    for _ in range(600):
        if len(placed) == wanted:
            break
        is_box = random.random() < 0.5
        radius, half_sides = random.uniform(0.15, 0.40), random.uniform(0.15, 0.45, 2)
        size = half_sides if is_box else np.array([radius, radius])
        centre = random.uniform([1.5, -3.6], [7.2, 3.6])
        new = (is_box, centre, size, random.uniform(-np.pi, np.pi))
        if min(distance_to(new, p) for p in keep_free) < START_GAP:
            continue
        if all(gap_between(new, old) >= OBSTACLE_GAP for old in placed):
            placed.append(new)
    return placed


def distance_to(obstacle, point):
    """Signed distance from `point` to the surface of one obstacle, in plain NumPy."""
    is_box, centre, size, yaw = obstacle
    d = point - centre
    if not is_box:
        return np.hypot(*d) - size[0]
    c, s = np.cos(yaw), np.sin(yaw)
    qx, qy = abs(c * d[0] + s * d[1]) - size[0], abs(-s * d[0] + c * d[1]) - size[1]
    return np.hypot(max(qx, 0.0), max(qy, 0.0)) + min(max(qx, qy), 0.0)


def gap_between(one, other):
    """Distance between the surfaces of two obstacles that do not overlap deeply."""
    reach = np.hypot(*one[2]) + np.hypot(*other[2])
    apart = np.hypot(*(one[1] - other[1]))
    if apart > reach + OBSTACLE_GAP:
        return apart - reach
    gaps = []
    for a, b in ((one, other), (other, one)):
        if not a[0]:
            gaps.append(distance_to(b, a[1]) - a[2][0])
            continue
        c, s = np.cos(a[3]), np.sin(a[3])
        turn = np.array([[c, -s], [s, c]])
        for corner in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            gaps.append(distance_to(b, a[1] + turn @ (a[2] * corner)))
    return min(gaps)


def draw_yards(random, count):
    """`count` yards with their canonical goals, each with at least OBSTACLES_MIN obstacles."""
    filler = (False, np.array([60.0, 60.0]), np.array([0.1, 0.1]), 0.0)
    yards, goals = [], []
    while len(yards) < count:
        goal = random.uniform([8.0, -2.5], [9.5, 2.5])
        placed = draw_obstacles(random, (np.zeros(2), goal))
        if len(placed) >= OBSTACLES_MIN:
            yards.append(placed + [filler] * (OBSTACLES_MAX - len(placed)))
            goals.append(goal)
    is_box, *numbers = (np.array([[o[i] for o in yard] for yard in yards]) for i in range(4))
    stacked = Yard(jnp.asarray(is_box), *(jnp.asarray(n, jnp.float32) for n in numbers))
    return stacked, np.array(goals, np.float32)


def free_points(random, clear_of, count, gap):
    """Random points of a yard at which `clear_of` (a grid of clearances) is at least `gap`."""
    low, high = (X_MIN, Y_MIN), (X_MAX, Y_MAX)
    found = np.zeros((0, 2))
    while len(found) < count:
        points = random.uniform(low, high, (4 * count, 2))
        i = np.round((points - [X_MIN, Y_MIN]) / CELL).astype(int)
        found = np.concatenate([found, points[clear_of[i[:, 0], i[:, 1]] >= gap]])
    return found[:count]


# -------------------------------------------------------------------- the expert's map


def metre_cost(clear):
    """Cost of a metre of way at a place with this clearance: 1 in the open."""
    near = jnp.clip((0.80 - clear) / 0.33, 0.0, 1.5)
    inside = jnp.clip((0.47 - clear) / 0.20, 0.0, 2.0)
    return 1.0 + 1.5 * near**2 + 25.0 * inside


@jax.jit
def cost_to_go(weight, goal):
    """Solves |grad V| = weight, V(goal) = 0 on the grid (upwind differences, swept in parallel)."""
    x = X_MIN + CELL * jnp.arange(GRID_X)[:, None]
    y = Y_MIN + CELL * jnp.arange(GRID_Y)[None, :]
    straight = jnp.hypot(x - goal[0], y - goal[1])
    seed = jnp.where(straight < 0.45, straight, 1e4)
    price = weight * CELL

    def sweep(state):
        value, _, count = state
        wide = jnp.pad(value, 1, constant_values=1e4)
        a = jnp.minimum(wide[:-2, 1:-1], wide[2:, 1:-1])
        b = jnp.minimum(wide[1:-1, :-2], wide[1:-1, 2:])
        both = (a + b + jnp.sqrt(jnp.maximum(2 * price**2 - (a - b) ** 2, 0.0))) / 2
        new = jnp.where(jnp.abs(a - b) < price, both, jnp.minimum(a, b) + price)
        new = jnp.minimum(jnp.minimum(new, value), seed)
        return new, jnp.abs(new - value).max(), count + 1

    def unfinished(state):
        return (state[1] > 1e-3) & (state[2] < 600)

    return jax.lax.while_loop(unfinished, sweep, (seed, jnp.float32(1.0), 0))[0]


def build_world(random, count):
    """Draws yards, three goals in each (far, near the start, anywhere) and the ways to them."""
    yards, far = draw_yards(random, count)
    x = X_MIN + CELL * jnp.arange(GRID_X)
    y = Y_MIN + CELL * jnp.arange(GRID_Y)
    grid = jnp.stack(jnp.meshgrid(x, y, indexing="ij"), -1)
    over_grid = jax.vmap(jax.vmap(clearance, (None, 0)), (None, 0))
    clear = jax.lax.map(lambda yard: over_grid(yard, grid), yards)
    weight = metre_cost(clear)
    goals, spots = np.zeros((count, GOALS_PER_YARD, 2), np.float32), []
    for i, free in enumerate(np.asarray(clear)):
        goals[i, 0] = far[i]
        goals[i, 1] = random.uniform([-0.5, -0.5], [0.5, 0.5])
        goals[i, 2] = free_points(random, free, 1, 0.75)[0]
        roomy = free_points(random, free, SPOTS // 2, 0.6)
        spots.append(np.concatenate([roomy, free_points(random, free, SPOTS // 2, 0.38)]))
    flat_goals = jnp.asarray(goals).reshape(-1, 2)
    flat_weight = jnp.repeat(weight, GOALS_PER_YARD, 0)
    to_go = jax.lax.map(lambda pair: cost_to_go(*pair), (flat_weight, flat_goals))
    spots = jnp.asarray(np.array(spots), jnp.float32)
    return World(yards, weight, to_go, jnp.asarray(goals), spots)


def sample_grid(fields, index, points):
    """Bilinear value of `fields[index]` at `points`."""
    gx = jnp.clip((points[..., 0] - X_MIN) / CELL, 0.0, GRID_X - 1.001)
    gy = jnp.clip((points[..., 1] - Y_MIN) / CELL, 0.0, GRID_Y - 1.001)
    ix, iy = gx.astype(jnp.int32), gy.astype(jnp.int32)
    fx, fy = gx - ix, gy - iy
    low = fields[index, ix, iy] * (1 - fy) + fields[index, ix, iy + 1] * fy
    high = fields[index, ix + 1, iy] * (1 - fy) + fields[index, ix + 1, iy + 1] * fy
    return low * (1 - fx) + high * fx


# ------------------------------------------------------------------ shield, robot, expert


def speed_allowed(ranges, directions):
    """Largest speed the shield allows towards each direction (angles in the base frame)."""
    reach = jnp.maximum(ranges - FOOTPRINT - SHIELD_MARGIN, 0.0)
    head_start = SHIELD_BRAKE * SHIELD_DELAY
    closing = jnp.sqrt(head_start**2 + 2 * SHIELD_BRAKE * reach) - head_start
    towards = jnp.cos(BEAM_ANGLES - directions[..., None])
    return jnp.where(towards > 1e-6, closing / jnp.maximum(towards, 1e-6), jnp.inf).min(-1)


def move(pose, speed, command, body):
    """One tick: first-order response within the acceleration limits, then the pose.

    It drifts sideways while it steps, and not while it stands.
    """
    limit = jnp.array([ACCELERATION_MAX, YAW_ACCELERATION_MAX])
    rate = jnp.clip((command * body.gain - speed) / body.lag, -limit, limit)
    speed = speed + rate * TICK_S
    c, s = jnp.cos(pose[2]), jnp.sin(pose[2])
    stepping = jnp.minimum((jnp.abs(speed[0]) + 0.3 * jnp.abs(speed[1])) / 0.3, 1.0)
    sideways, turning = body.drift * stepping
    ahead_x, ahead_y = c * speed[0] - s * sideways, s * speed[0] + c * sideways
    return pose + jnp.array([ahead_x, ahead_y, speed[1] + turning]) * TICK_S, speed


def nominal_body():
    """The robot as the expert believes it to be."""
    return Body(jnp.full(2, 0.2), jnp.ones(2), jnp.zeros(2), jnp.int32(0), jnp.float32(1.0))


def expert_command(world, robot, pose, speed, ranges):
    """Steers to the direction with the cheapest way on, turning counted; slows to turn and stop.

    The turn is counted from where the robot will point if it keeps turning, so that of two
    equal ways round an obstacle it keeps the one it has begun.
    """
    goal = world.goals[robot.yard, robot.goal]
    field = robot.yard * GOALS_PER_YARD + robot.goal
    distance = jnp.hypot(*(goal - pose[:2]))
    ahead = jnp.clip(distance, 0.15, 0.8)
    angles = pose[2] + DIRECTIONS
    rays = ahead * jnp.stack([jnp.cos(angles), jnp.sin(angles)], -1)
    end, middle = pose[:2] + rays, pose[:2] + 0.5 * rays
    price_middle = sample_grid(world.weight, robot.yard, middle)
    price_end = sample_grid(world.weight, robot.yard, end)
    way = ahead * (price_middle + price_end) / 2 + sample_grid(world.to_go, field, end)
    held_up = jnp.clip(1.0 - speed_allowed(ranges, DIRECTIONS) / 0.35, 0.0, 1.0)
    turn = 1.0 - jnp.cos(DIRECTIONS - 0.5 * speed[1])
    cost = way + 0.4 * turn + 0.8 * held_up

    best = jnp.argmin(cost)
    before, here, after = cost[best - 1], cost[best], cost[(best + 1) % len(DIRECTIONS)]
    bend = jnp.maximum(before - 2 * here + after, 1e-4)
    between = jnp.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    error = DIRECTIONS[best] + between * (DIRECTIONS[1] - DIRECTIONS[0])
    yaw_rate = jnp.clip(2.2 * error, -YAW_RATE_MAX, YAW_RATE_MAX)
    forward = SPEED_MAX * jnp.clip((jnp.cos(error) - 0.3) / 0.6, 0.0, 1.0)
    forward = jnp.minimum(forward, speed_allowed(ranges, jnp.zeros(1))[0])
    forward = jnp.minimum(forward, 1.2 * jnp.maximum(distance - 0.22, 0.0))
    return jnp.array([forward, yaw_rate * jnp.clip((distance - 0.22) / 0.15, 0.0, 1.0)])


def expert_plan(world, robot):
    """The label: what the expert does in the next STEPS, each from where it got itself to."""
    yard = jax.tree.map(lambda leaf: leaf[robot.yard], world.yards)
    body = nominal_body()

    def step(state, _):
        pose, speed = state
        command = expert_command(world, robot, pose, speed, lidar(yard, pose))
        for _ in range(TICKS):
            pose, speed = move(pose, speed, command, body)
        return (pose, speed), command

    return jax.lax.scan(step, (robot.pose, robot.speed), None, STEPS)[1]


def observe(world, robot, key):
    """The 69 numbers the policy sees, and the noisy ranges the shield sees."""
    yard = jax.tree.map(lambda leaf: leaf[robot.yard], world.yards)
    k_range, k_drop, k_speed = jax.random.split(key, 3)
    ranges = lidar(yard, robot.pose) + 0.015 * jax.random.normal(k_range, (BEAMS,))
    ranges = jnp.where(jax.random.uniform(k_drop, (BEAMS,)) < 0.005, LIDAR_RANGE, ranges)
    ranges = jnp.clip(ranges, 0.0, LIDAR_RANGE)
    goal = to_frame(world.goals[robot.yard, robot.goal], robot.pose[:2], robot.pose[2])
    distance = jnp.hypot(goal[0], goal[1])
    direction = goal / jnp.maximum(distance, 1e-6)
    measured = robot.speed + 0.04 * jax.random.normal(k_speed, (2,))
    scaled = measured / jnp.array([SPEED_SCALE, YAW_RATE_SCALE])
    near = jnp.minimum(distance, GOAL_RANGE) / GOAL_RANGE
    return jnp.concatenate([ranges / LIDAR_RANGE, direction, near[None], scaled]), ranges


def advance(world, robot, ranges, plan):
    """Executes 0.1 s: at each tick the step now due of the newest plan that has arrived."""
    plans = jnp.concatenate([plan[None], robot.plans[:-1]])
    yard = jax.tree.map(lambda leaf: leaf[robot.yard], world.yards)
    pose, speed = robot.pose, robot.speed
    closest = jnp.inf
    for tick in range(TICKS):
        age = jnp.maximum((robot.body.latency - tick + 1) // TICKS, 0)
        command = jnp.where(robot.halted, 0.0, plans[age, age] + robot.nudge)
        lowest = jnp.array([0.0, -YAW_RATE_MAX])
        command = jnp.clip(command, lowest, jnp.array([SPEED_MAX, YAW_RATE_MAX]))
        allowed = speed_allowed(ranges, jnp.zeros(1))[0]
        command = command.at[0].min(jnp.where(robot.body.shielded > 0, allowed, jnp.inf))
        pose, speed = move(pose, speed, command, robot.body)
        closest = jnp.minimum(closest, clearance(yard, pose[:2]))
    return robot._replace(pose=pose, speed=speed, plans=plans, steps=robot.steps + 1), closest


# ------------------------------------------------------------------------------ episodes


def draw_body(key, shielded):
    """A robot with its own lags, gains, drifts and planning latency (0, 50, 100 or 150 ms)."""
    k = jax.random.split(key, 4)
    return Body(
        jax.random.uniform(k[0], (2,), minval=0.10, maxval=0.35),
        jax.random.uniform(k[1], (2,), minval=0.85, maxval=1.15),
        jax.random.uniform(k[2], (2,), minval=-1.0, maxval=1.0) * jnp.array([0.05, 0.03]),
        jax.random.randint(k[3], (), 0, 4),
        shielded,
    )


def draw_robot(world, share, key):
    """A new episode: half start near (0, 0) looking into the yard, half anywhere."""
    k = jax.random.split(key, 10)
    yard = jax.random.randint(k[0], (), 0, len(world.goals))
    at_start = jax.random.uniform(k[1]) < 0.5
    goal = jnp.where(at_start, 0, jax.random.randint(k[2], (), 0, GOALS_PER_YARD))
    gate = jax.random.uniform(k[3], (3,), minval=-1.0, maxval=1.0) * jnp.array([0.3, 0.3, 0.6])
    spot = world.spots[yard, jax.random.randint(k[4], (), 0, SPOTS)]
    heading = jax.random.uniform(k[5], (1,), minval=-jnp.pi, maxval=jnp.pi)
    body = draw_body(k[6], (jax.random.uniform(k[7]) < 0.85).astype(jnp.float32))
    return Robot(
        yard,
        goal,
        jnp.where(at_start, gate, jnp.concatenate([spot, heading])),
        jnp.zeros(2),
        body,
        jnp.zeros((HISTORY, STEPS, 2)),
        jnp.int32(0),
        jnp.zeros(2),
        False,
        jax.random.uniform(k[8]) < share,
    )


def collect_step(world, share, weights, robot, key):
    """One plan of one robot, labelled; then episodes end, goals change, nudges come and go.

    Halts teach the policy to set off again from a stop anywhere, instead of reading "I stand"
    as "I shall stand".
    """
    k = jax.random.split(key, 8)
    observation, ranges = observe(world, robot, k[0])
    label = expert_plan(world, robot)
    plan = jnp.where(robot.expert_drives, label, forward_pass(weights, observation))
    after, closest = advance(world, robot, ranges, plan)

    goal = world.goals[robot.yard, robot.goal]
    there = jnp.hypot(*(goal - after.pose[:2])) < GOAL_REACHED
    moves_on = there & (jax.random.uniform(k[1]) < 0.1)
    other = (robot.goal + jax.random.randint(k[2], (), 1, GOALS_PER_YARD)) % GOALS_PER_YARD
    change = jax.random.uniform(k[3])
    push = jax.random.normal(k[4], (2,)) * jnp.array([0.2, 0.5])
    nudge = jnp.where(change < 0.03, push, jnp.where(change < 0.15, 0.0, robot.nudge))
    halted = (change > 0.985) | (robot.halted & (change > 0.15))
    redrawn = jax.random.uniform(k[6]) < share
    driver = jnp.where(jax.random.uniform(k[5]) < 0.04, redrawn, robot.expert_drives)
    after = after._replace(
        goal=jnp.where(moves_on, other, robot.goal),
        nudge=nudge,
        halted=halted,
        expert_drives=driver,
    )
    over = (closest < HARD_BODY) | (after.steps > 400)
    fresh = draw_robot(world, share, k[7])
    after = jax.tree.map(lambda new, old: jnp.where(over, new, old), fresh, after)
    return after, (observation, label)


@jax.jit
def collect(world, share, weights, robots, key):
    """One round: ROUND_STEPS plans of all robots, with the expert's labels."""

    def step(robots, key):
        keys = jax.random.split(key, ROBOTS)
        return jax.vmap(collect_step, (None, None, None, 0, 0))(world, share, weights, robots, keys)

    robots, (seen, labels) = jax.lax.scan(step, robots, jax.random.split(key, ROUND_STEPS))
    return robots, seen.reshape(-1, OBSERVATION), labels.reshape(-1, STEPS, 2)


# -------------------------------------------------------------------------- the network


def initial_weights(key):
    """He-initialised layers; the last one small, so that training starts from the middle."""
    sizes = (OBSERVATION, *HIDDEN, STEPS * 2)
    keys = jax.random.split(key, len(sizes) - 1)
    layers = [
        (jax.random.normal(k, (a, b)) * jnp.sqrt(2.0 / a), jnp.zeros(b))
        for k, a, b in zip(keys, sizes[:-1], sizes[1:])
    ]
    layers[-1] = (layers[-1][0] * 0.1, layers[-1][1])
    return layers


def output_scale():
    """Scale and offset that map tanh's (-1, 1) to the command ranges, for all 16 outputs."""
    scale = np.tile([SPEED_MAX / 2, YAW_RATE_MAX], STEPS).astype(np.float32)
    offset = np.tile([SPEED_MAX / 2, 0.0], STEPS).astype(np.float32)
    return scale, offset


def forward_pass(weights, observation):
    """The policy: observation(s) to plan(s)."""
    x = observation
    for w, b in weights[:-1]:
        x = jax.nn.elu(x @ w + b)
    scale, offset = output_scale()
    x = jnp.tanh(x @ weights[-1][0] + weights[-1][1]) * scale + offset
    return x.reshape(*observation.shape[:-1], STEPS, 2)


def mirrored(seen, labels):
    """The same states and labels seen in a mirror (left and right exchanged)."""
    beams = (BEAMS - jnp.arange(BEAMS)) % BEAMS
    rest = seen[:, BEAMS:] * jnp.array([1.0, -1.0, 1.0, 1.0, -1.0])
    return jnp.concatenate([seen[:, beams], rest], 1), labels * jnp.array([1.0, -1.0])


def loss(weights, seen, labels):
    """Huber with a short parabola: near a choice of two ways, pick one, not their mean."""
    error = (forward_pass(weights, seen) - labels) / jnp.array([SPEED_MAX, YAW_RATE_MAX])
    return optax.huber_loss(error, delta=0.1).mean() * 10.0


def fit(weights, seen, labels, updates, peak, key):
    """`updates` steps of AdamW with a cosine schedule on random, half mirrored batches."""
    schedule = optax.warmup_cosine_decay_schedule(0.0, peak, 200, updates, peak * 0.01)
    adam = optax.adamw(schedule, weight_decay=1e-4)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), adam)

    def update(state, key):
        weights, memory = state
        picked = jax.random.randint(key, (BATCH,), 0, len(seen))
        x, y = seen[picked], labels[picked]
        mx, my = mirrored(x[: BATCH // 2], y[: BATCH // 2])
        x, y = jnp.concatenate([mx, x[BATCH // 2 :]]), jnp.concatenate([my, y[BATCH // 2 :]])
        value, slope = jax.value_and_grad(loss)(weights, x, y)
        change, memory = optimiser.update(slope, memory, weights)
        return (optax.apply_updates(weights, change), memory), value

    run = jax.jit(lambda state, keys: jax.lax.scan(update, state, keys))
    (weights, _), values = run((weights, optimiser.init(weights)), jax.random.split(key, updates))
    return weights, float(values[-200:].mean())


def train(seed):
    """Yards, then DAgger rounds, then a long fit on all that was gathered."""
    began = time.process_time()

    def say(text):
        print(f"[{time.process_time() - began:5.0f} CPU-s] {text}", flush=True)

    world = build_world(np.random.default_rng(seed), TRAINING_YARDS)
    say(f"{TRAINING_YARDS} yards with {GOALS_PER_YARD} goals each")
    key, k_weights, k_robots = jax.random.split(jax.random.PRNGKey(seed), 3)
    weights = initial_weights(k_weights)
    draw_all = jax.jit(jax.vmap(draw_robot, (None, None, 0)))
    robots = draw_all(world, 1.0, jax.random.split(k_robots, ROBOTS))
    all_seen, all_labels = [], []
    for number, share in enumerate(EXPERT_SHARE):
        key, k_collect, k_fit = jax.random.split(key, 3)
        robots, seen, labels = collect(world, share, weights, robots, k_collect)
        all_seen.append(seen)
        all_labels.append(labels)
        seen, labels = jnp.concatenate(all_seen), jnp.concatenate(all_labels)
        last = number + 1 == len(EXPERT_SHARE)
        updates, peak = (FINAL_UPDATES, 1.5e-3) if last else (ROUND_UPDATES, 1e-3)
        say(f"round {number}: {len(seen)} labelled states, expert drives {share:.0%}")
        weights, value = fit(weights, seen, labels, updates, peak, k_fit)
        say(f"round {number}: loss {value:.4f} after {updates} updates")
    return [(np.asarray(w), np.asarray(b)) for w, b in weights]


# ------------------------------------------------------------------------------ evaluation


def evaluate(model, seed):
    """Prints how often, how fast and how safely the exported policy reaches its goals."""
    session = open_session(model)
    world = build_world(np.random.default_rng(seed + 1_000_000), EVALUATION_YARDS)
    for name, leg, shielded in (
        ("start to far goal, shield", 0, 1.0),
        ("start to far goal, bare", 0, 0.0),
        ("far goal back to start, shield", 1, 1.0),
        ("anywhere to anywhere, shield", 2, 1.0),
        ("beside something to anywhere", 3, 1.0),
    ):
        reached, hit, seconds = drive(session, world, leg, shielded, seed + 7)
        took = seconds[reached]
        print(
            f"{name:32s} yards {len(reached)}"
            f"  reached {reached.mean():.3f}  collided {hit.mean():.3f}"
            f"  median {np.median(took):.1f} s  p95 {np.percentile(took, 95):.1f} s",
            flush=True,
        )


def first_robot(world, leg, shielded, yard, key):
    """The robot at the start of an evaluation leg in one yard."""
    k = jax.random.split(key, 4)
    gate = jax.random.uniform(k[0], (3,), minval=-1.0, maxval=1.0) * jnp.array([0.1, 0.1, 0.3])
    heading = jax.random.uniform(k[1], (1,), minval=-jnp.pi, maxval=jnp.pi)
    there = jnp.concatenate([world.goals[yard, 0], gate[2:]])
    roomy, tight = world.spots[yard, 0], world.spots[yard, -1]
    spot, beside = jnp.concatenate([roomy, heading]), jnp.concatenate([tight, heading])
    pose = jnp.stack([gate, there, spot, beside])[leg]
    body = draw_body(k[2], jnp.float32(shielded))
    plans = jnp.zeros((HISTORY, STEPS, 2))
    zero, still = jnp.int32(0), jnp.zeros(2)
    return Robot(yard, goal_of(leg), pose, still, body, plans, zero, still, False, False)


def goal_of(leg):
    """Which of a yard's goals an evaluation leg leads to."""
    return min(leg, GOALS_PER_YARD - 1)


def drive(session, world, leg, shielded, seed):
    """Drives one leg in every yard with the exported model; returns reached, hit, seconds."""
    yards = jnp.arange(len(world.goals))
    keys = jax.random.split(jax.random.PRNGKey(seed), len(yards))
    start = jax.vmap(lambda yard, key: first_robot(world, leg, shielded, yard, key))
    robots = start(yards, keys)
    look = jax.jit(jax.vmap(observe, (None, 0, 0)))
    act = jax.jit(jax.vmap(advance, (None, 0, 0, 0)))
    goals = np.asarray(world.goals[:, goal_of(leg)])
    reached, hit = np.zeros(len(yards), bool), np.zeros(len(yards), bool)
    seconds = np.full(len(yards), EVALUATION_SECONDS)
    for step in range(int(EVALUATION_SECONDS / STEP_S)):
        active = ~(reached | hit)
        if not active.any():
            break
        seen, ranges = look(world, robots, jax.vmap(jax.random.fold_in, (0, None))(keys, step))
        seen = np.asarray(seen)
        plans = np.zeros((len(yards), STEPS, 2), np.float32)
        for i in np.flatnonzero(active):
            plans[i] = session.run(None, {"obs": seen[i : i + 1]})[0][0]
        robots, closest = act(world, robots, ranges, plans)
        hit |= active & (np.asarray(closest) < HARD_BODY)
        near = np.hypot(*(np.asarray(robots.pose)[:, :2] - goals).T) < GOAL_REACHED
        seconds[active & near & ~hit] = (step + 1) * STEP_S
        reached |= active & near & ~hit
    return reached, hit, seconds


# ---------------------------------------------------------------------------------- export


def export_onnx(weights, path):
    """Writes the network as ONNX: Gemm and Elu, then Tanh scaled to the command ranges."""
    nodes, stored, name = [], [], "obs"

    def store(label, array):
        stored.append(numpy_helper.from_array(np.ascontiguousarray(array), label))
        return label

    for i, (w, b) in enumerate(weights):
        inputs = [name, store(f"weight_{i}", w), store(f"bias_{i}", b)]
        nodes.append(helper.make_node("Gemm", inputs, [f"linear_{i}"]))
        last = i + 1 == len(weights)
        name = f"active_{i}"
        nodes.append(helper.make_node("Tanh" if last else "Elu", [f"linear_{i}"], [name]))
    scale, offset = output_scale()
    nodes.append(helper.make_node("Mul", [name, store("command_scale", scale)], ["scaled"]))
    nodes.append(helper.make_node("Add", ["scaled", store("command_offset", offset)], ["flat"]))
    shape = store("chunk_shape", np.array([1, STEPS, 2], np.int64))
    nodes.append(helper.make_node("Reshape", ["flat", shape], ["chunk"]))
    given = helper.make_tensor_value_info("obs", TensorProto.FLOAT, [1, OBSERVATION])
    made = helper.make_tensor_value_info("chunk", TensorProto.FLOAT, [1, STEPS, 2])
    graph = helper.make_graph(nodes, "navigate", [given], [made], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model.producer_name = "train.py"
    onnx.checker.check_model(model)
    onnx.save(model, path)


def open_session(path):
    """An ONNX Runtime session on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def write_golden(model, path, seed):
    """Writes observations from unseen yards with the plans ONNX Runtime makes of them."""
    session = open_session(model)
    world = build_world(np.random.default_rng(seed + 2_000_000), 12)
    keys = jax.random.split(jax.random.PRNGKey(seed + 1), 12)
    robots = jax.vmap(draw_robot, (None, None, 0))(world, 0.0, keys)
    seen = np.asarray(jax.vmap(observe, (None, 0, 0))(world, robots, keys)[0])
    pairs = []
    for row in seen:
        chunk = session.run(None, {"obs": row[None]})[0].reshape(-1)
        pairs.append({"obs": [float(v) for v in row], "chunk": [float(v) for v in chunk]})
    path.write_text("[\n" + ",\n".join(json.dumps(pair) for pair in pairs) + "\n]\n")


CARD = """\
# The policy's card, read strictly by the runtime: an unknown key is an error.
# Written by train.py; CARD.md says the same for people.

name = "navigate"
version = "{version}"
licence = "MIT OR Apache-2.0"

[model]
file = "navigate.onnx"
sha256 = "{sha256}"

[input]
name = "obs"
shape = [1, {observation}]

[output]
name = "chunk"
shape = [1, {steps}, 2]

[observation]
lidar_beams = {beams}
lidar_range_m = {lidar_range}
goal_range_m = {goal_range}
speed_scale_m_s = {speed_scale}
yaw_rate_scale_rad_s = {yaw_rate_scale}

[plan]
step_s = {step_s}
steps = {steps}
replan_hz = 10.0

[command]
forward_speed_min_m_s = 0.0
forward_speed_max_m_s = {speed_max}
yaw_rate_min_rad_s = -{yaw_rate_max}
yaw_rate_max_rad_s = {yaw_rate_max}

[golden]
file = "golden.json"
tolerance_relative = 1e-4

[training]
script = "train.py"
seed = {seed}
"""


def write_card(model, path, seed):
    """Writes `policy.toml`, the card for machines, with the hash of the model file."""
    path.write_text(
        CARD.format(
            version=VERSION,
            sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
            observation=OBSERVATION,
            steps=STEPS,
            beams=BEAMS,
            lidar_range=LIDAR_RANGE,
            goal_range=GOAL_RANGE,
            speed_scale=SPEED_SCALE,
            yaw_rate_scale=YAW_RATE_SCALE,
            step_s=STEP_S,
            speed_max=SPEED_MAX,
            yaw_rate_max=YAW_RATE_MAX,
            seed=seed,
        )
    )


def main():
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--evaluate", action="store_true", help="only evaluate navigate.onnx")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--folder", type=pathlib.Path, default=FOLDER, help="where the files go")
    options = parser.parse_args()
    model = options.folder / "navigate.onnx"
    if not options.evaluate:
        weights = train(options.seed)
        export_onnx(weights, model)
        write_golden(model, options.folder / "golden.json", options.seed)
        write_card(model, options.folder / "policy.toml", options.seed)
    evaluate(model, options.seed)


if __name__ == "__main__":
    main()
