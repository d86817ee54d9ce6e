//! The physics engine, wrapped: everything rapier does differently from what one expects is put
//! right here, and no type of it leaves this file.
//!
//! What is put right: the engine damps every turning degree of freedom by a hidden 0.1 N m s/rad;
//! bodies have no mass before the first step; a free base wanders if its centre of mass is not its
//! origin; a start outside a joint's stops throws the robot into
//! the air; setting coordinates moves nothing until the kinematics are recomputed; contact pairs
//! exist without contact; the contact force is an impulse over the tick.

use core::f32::consts::FRAC_PI_2;

use model::{JointKind, Robot};
use rapier3d::math::{Pose, Vector};
use rapier3d::prelude::{
    BroadPhaseBvh, CCDSolver, CoefficientCombineRule, ColliderBuilder, ColliderHandle, ColliderSet,
    ContactPair, ImpulseJointSet, IntegrationParameters, IslandManager, Multibody,
    MultibodyJointHandle, MultibodyJointSet, MultibodyLink, NarrowPhase, PhysicsPipeline,
    RigidBodyBuilder, RigidBodyHandle, RigidBodySet, SoftBodySet,
};
use rapier3d_mjcf::{MjcfLoaderOptions, MjcfMultibodyOptions, MjcfRobot, MjcfRobotHandles};
use signals::{
    Feet, JointId, JointState, Joints, NewtonMetres, Newtons, Quaternion, Radians, RadiansPerSecond,
};

use crate::SimError;
use crate::yard::{OBSTACLE_HEIGHT, Obstacle, Outline, STONE_HALF, Stone, Yard};

/// Half the side of the ground's slab, m, and half its thickness.
const GROUND_HALF: [f32; 2] = [100.0, 0.5];
/// Dry friction of a jammed joint, N m: more than any drive or fall can overcome.
const JAMMED: f32 = 1e4;
/// A hinge's only coordinate: the engine turns each hinge's frame so that it moves about its x
/// axis.
const HINGE_COORDINATE: usize = 3;

type Handles = MjcfRobotHandles<Option<MultibodyJointHandle>>;

/// Pose and motion of the base, world frame, at its origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BaseMotion {
    /// m.
    pub(crate) position: [f32; 3],
    pub(crate) attitude: Quaternion,
    /// m/s.
    pub(crate) velocity: [f32; 3],
    /// rad/s.
    pub(crate) angular_velocity: [f32; 3],
}

/// The robot among obstacles, as the engine has it.
pub(crate) struct World {
    engine: Engine,
    base: RigidBodyHandle,
    /// Base origin in the engine's frame of that body, m.
    base_origin: Vector,
    /// All moving bodies, the base first.
    links: Vec<RigidBodyHandle>,
    /// In the robot's order.
    joints: Vec<MultibodyJointHandle>,
    feet: Vec<ColliderHandle>,
    base_colliders: Vec<ColliderHandle>,
    ground: ColliderHandle,
    solids: Vec<ColliderHandle>,
    /// Dry friction of each joint as the model file has it, N m, and whether it is jammed now.
    dry_friction: Joints<f32>,
    jammed: Joints<bool>,
}

impl World {
    /// The robot in its settled posture at the origin, looking along x, in `yard`. A base without a
    /// free joint stays where the model file puts it.
    pub(crate) fn new(robot: &Robot, yard: &Yard) -> Result<Self, SimError> {
        check_start(robot)?;
        let mut engine = Engine::new(robot);
        let options = MjcfLoaderOptions {
            rigid_body_blueprint: RigidBodyBuilder::dynamic().can_sleep(false),
            ..MjcfLoaderOptions::default()
        };
        let (parsed, _) = MjcfRobot::from_str(&robot.model_xml, options, ".")
            .map_err(|error| SimError::Model(error.to_string()))?;
        let handles = engine.insert(&parsed);
        let (base, base_colliders) = base_of(robot, &parsed, &handles)?;
        let joints = joints_of(robot, &parsed, &handles)?;
        let feet = feet_of(robot, &parsed, &handles)?;
        let friction = robot.file.sim.ground_friction as f32;
        let ground = engine.colliders.insert(with_friction(ground(), friction));
        let solids = yard
            .solids()
            .map(|solid| engine.colliders.insert(with_friction(collider(solid), friction)))
            .collect();
        for stone in yard.stones() {
            engine.colliders.insert(with_friction(paving(stone), friction));
        }
        let links = engine.links_of(&joints);
        if robot.model.floating && links.first() != Some(&base) {
            let name = robot.file.base_body.clone();
            return Err(SimError::Missing { kind: "freely moving root body", name });
        }
        engine.weigh();
        let base_origin =
            if robot.model.floating { engine.centre_base(base, &joints) } else { Vector::ZERO };
        let none = Joints::filled(0.0, joints.len());
        let mut world = Self {
            engine,
            base,
            base_origin,
            links,
            joints,
            feet,
            base_colliders,
            ground,
            solids,
            dry_friction: none,
            jammed: none.map(|_| false),
        };
        world.set_passive_forces(robot, &parsed);
        world.place(robot);
        Ok(world)
    }

    /// One tick: the drives give `torque`, someone pushes the base with `push` (N, world frame) at
    /// its centre of mass.
    pub(crate) fn step(&mut self, torque: &Joints<NewtonMetres>, push: [f32; 3]) {
        for &link in &self.links {
            if let Some(body) = self.engine.bodies.get_mut(link) {
                body.reset_torques(false);
                body.reset_forces(false);
            }
        }
        for (&joint, &torque) in self.joints.iter().zip(torque.iter()) {
            self.engine.twist(joint, torque.0);
        }
        if let Some(base) = self.engine.bodies.get_mut(self.base) {
            base.add_force(Vector::from_array(push), true);
        }
        self.engine.step();
    }

    /// Jams the joints that are marked, and frees the others.
    pub(crate) fn jam(&mut self, jammed: &Joints<bool>) {
        for id in jammed.ids().filter(|&id| jammed[id] != self.jammed[id]) {
            let Some(&handle) = self.joints.get(id.index()) else { continue };
            let Some((multibody, link)) = self.engine.multibodies.get_mut(handle) else { continue };
            if let Some(dof) = multibody.link(link).map(MultibodyLink::assembly_id) {
                let friction = if jammed[id] { JAMMED } else { self.dry_friction[id] };
                multibody.frictions_mut()[dof] = friction;
            }
        }
        self.jammed = *jammed;
    }

    /// Gives the ground another friction; the slipperier of two surfaces decides.
    pub(crate) fn set_friction(&mut self, friction: f32) {
        if let Some(ground) = self.engine.colliders.get_mut(self.ground) {
            ground.set_friction(friction);
        }
    }

    /// Positions and velocities of the joints.
    pub(crate) fn joint_states(&self) -> Joints<JointState> {
        Joints::from_fn(self.joints.len(), |id: JointId| {
            let handle = self.joints.get(id.index()).copied();
            handle.and_then(|handle| self.engine.joint_state(handle)).unwrap_or_default()
        })
    }

    /// Pose and motion of the base.
    pub(crate) fn base(&self) -> BaseMotion {
        let body = &self.engine.bodies[self.base];
        let (position, rotation) = (body.position() * self.base_origin, body.rotation());
        BaseMotion {
            position: position.to_array(),
            attitude: Quaternion { w: rotation.w, x: rotation.x, y: rotation.y, z: rotation.z },
            velocity: body.velocity_at_point(position).to_array(),
            angular_velocity: body.angvel().to_array(),
        }
    }

    /// Normal force on each foot's sphere, averaged over the last tick: hard and noisy.
    pub(crate) fn foot_forces(&self) -> Feet<Newtons> {
        let dt = self.engine.parameters.dt;
        Feet::from_fn(self.feet.len(), |id| {
            let foot = self.feet.get(id.index()).copied();
            let impulse = foot.map_or(0.0, |foot| {
                self.engine.narrow_phase.contact_pairs_with(foot).map(impulse).sum()
            });
            Newtons(impulse / dt)
        })
    }

    /// Some part of the robot pressed on an obstacle or a wall in the last tick.
    pub(crate) fn in_collision(&self) -> bool {
        let pairs = |solid| self.engine.narrow_phase.contact_pairs_with(solid);
        self.solids.iter().any(|&solid| pairs(solid).any(|pair| impulse(pair) > 0.0))
    }

    /// The base itself (trunk, head, skids) pressed on the ground in the last tick.
    pub(crate) fn base_on_ground(&self) -> bool {
        let pair = |part| self.engine.narrow_phase.contact_pair(part, self.ground);
        self.base_colliders.iter().any(|&part| pair(part).is_some_and(|pair| impulse(pair) > 0.0))
    }

    /// The whole moving state, bit for bit: link poses and velocities, joint coordinates.
    pub(crate) fn digest(&self, out: &mut impl FnMut(&[u8])) {
        for body in self.links.iter().filter_map(|&link| self.engine.bodies.get(link)) {
            let rotation = body.rotation();
            for vector in [body.translation(), body.linvel(), body.angvel()] {
                vector.to_array().into_iter().for_each(|value| out(&value.to_le_bytes()));
            }
            for value in [rotation.w, rotation.x, rotation.y, rotation.z] {
                out(&value.to_le_bytes());
            }
        }
        for joint in self.joint_states().iter() {
            out(&joint.q.0.to_le_bytes());
            out(&joint.dq.0.to_le_bytes());
        }
    }

    /// Writes damping, dry friction and rotor inertia of every degree of freedom: none for the free
    /// base, the model file's for each hinge. The engine's own damping disappears with it.
    fn set_passive_forces(&mut self, robot: &Robot, parsed: &MjcfRobot) {
        if let Some((multibody, _)) = self.engine.multibody_of(&self.joints) {
            multibody.damping_mut().fill(0.0);
        }
        let ids = self.dry_friction.ids();
        for ((&handle, name), id) in self.joints.iter().zip(robot.joint_names()).zip(ids) {
            let source = parsed.joint_name_to_idx.get(name).and_then(|&i| parsed.joints.get(i));
            let Some((multibody, link)) = self.engine.multibodies.get_mut(handle) else { continue };
            let dof = multibody.link(link).map(MultibodyLink::assembly_id);
            if let (Some(source), Some(dof)) = (source, dof) {
                multibody.damping_mut()[dof] = source.damping_per_dof;
                multibody.armature_mut()[dof] = source.armature_per_dof;
                multibody.frictions_mut()[dof] = source.frictionloss_per_dof;
                self.dry_friction[id] = source.frictionloss_per_dof;
            }
        }
    }

    /// Puts the robot into its settled posture and brings poses and Jacobians up to date.
    fn place(&mut self, robot: &Robot) {
        let Engine { bodies, multibodies, .. } = &mut self.engine;
        let dofs: Vec<usize> = self.joints.iter().filter_map(|&j| dof_of(multibodies, j)).collect();
        if robot.model.floating
            && let Some(base) = bodies.get_mut(self.base)
        {
            let origin = Vector::new(0.0, 0.0, robot.settled.base_height as f32);
            base.set_position(Pose::from_translation(origin - self.base_origin), true);
        }
        let Some((multibody, _)) =
            self.joints.first().and_then(|&joint| multibodies.get_mut(joint))
        else {
            return;
        };
        let mut displacement = vec![0.0; multibody.ndofs()];
        for (dof, q) in dofs.into_iter().zip(&robot.settled.joints) {
            displacement[dof] = *q as f32;
        }
        multibody.apply_displacements(&displacement);
        // A free root takes the pose just given to its body.
        multibody.forward_kinematics(bodies, true);
        multibody.update_rigid_bodies(bodies, true);
    }
}

/// The engine's parts, which it wants handed over one by one.
struct Engine {
    bodies: RigidBodySet,
    colliders: ColliderSet,
    multibodies: MultibodyJointSet,
    impulse_joints: ImpulseJointSet,
    pipeline: PhysicsPipeline,
    soft_bodies: SoftBodySet,
    parameters: IntegrationParameters,
    islands: IslandManager,
    broad_phase: BroadPhaseBvh,
    narrow_phase: NarrowPhase,
    ccd: CCDSolver,
    gravity: Vector,
}

impl Engine {
    fn new(robot: &Robot) -> Self {
        let gravity = robot.model.gravity;
        Self {
            bodies: RigidBodySet::new(),
            colliders: ColliderSet::new(),
            multibodies: MultibodyJointSet::new(),
            impulse_joints: ImpulseJointSet::new(),
            pipeline: PhysicsPipeline::new(),
            soft_bodies: SoftBodySet::new(),
            parameters: IntegrationParameters {
                dt: (1.0 / robot.file.control.rate_hz) as f32,
                num_solver_iterations: robot.file.sim.substeps,
                ..IntegrationParameters::default()
            },
            islands: IslandManager::new(),
            broad_phase: BroadPhaseBvh::new(),
            narrow_phase: NarrowPhase::new(),
            ccd: CCDSolver::new(),
            gravity: Vector::new(gravity.x as f32, gravity.y as f32, gravity.z as f32),
        }
    }

    /// The parts of one leg may pass through each other: their shapes overlap at the joints. Motors
    /// of the model file are left out, the drives are ours.
    fn insert(&mut self, parsed: &MjcfRobot) -> Handles {
        parsed.clone().insert_using_multibody_joints(
            &mut self.bodies,
            &mut self.colliders,
            &mut self.multibodies,
            &mut self.impulse_joints,
            MjcfMultibodyOptions::DISABLE_SELF_CONTACTS | MjcfMultibodyOptions::SKIP_JOINT_MOTORS,
        )
    }

    /// The tree that the robot's joints belong to.
    fn multibody_of(&mut self, joints: &[MultibodyJointHandle]) -> Option<(&mut Multibody, usize)> {
        joints.first().and_then(|&joint| self.multibodies.get_mut(joint))
    }

    fn links_of(&mut self, joints: &[MultibodyJointHandle]) -> Vec<RigidBodyHandle> {
        let multibody = self.multibody_of(joints);
        multibody.map_or_else(Vec::new, |(multibody, _)| {
            multibody.links().map(MultibodyLink::rigid_body_handle).collect()
        })
    }

    /// Gives every body its mass.
    fn weigh(&mut self) {
        let colliders = &self.colliders;
        self.bodies
            .iter_mut()
            .for_each(|(_, b)| b.recompute_mass_properties_from_colliders(colliders));
    }

    /// Moves the base's frame into its centre of mass: the engine integrates a free root as if its
    /// frame lay there, so that a base with its centre of mass elsewhere would wander when it
    /// turns. Returns where the origin now lies in that frame.
    fn centre_base(&mut self, base: RigidBodyHandle, joints: &[MultibodyJointHandle]) -> Vector {
        let Some(body) = self.bodies.get_mut(base) else { return Vector::ZERO };
        let mut mass = body.mass_properties().local_mprops;
        let shift = mass.local_com;
        mass.local_com = Vector::ZERO;
        for &part in body.colliders() {
            if let Some(collider) = self.colliders.get_mut(part)
                && let Some(&at) = collider.position_wrt_parent()
            {
                collider.set_position_wrt_parent(Pose::from_translation(-shift) * at);
            }
        }
        body.set_additional_mass_properties(mass, true);
        body.recompute_mass_properties_from_colliders(&self.colliders);
        if let Some((multibody, _)) = self.multibody_of(joints) {
            let root = multibody.root().link_id();
            for link in multibody.links_mut().filter(|link| !link.is_root()) {
                if link.parent_id() == Some(root) {
                    link.joint.data.local_frame1.translation -= shift;
                }
            }
        }
        -shift
    }

    fn step(&mut self) {
        self.pipeline.step(
            self.gravity,
            &self.parameters,
            &mut self.islands,
            &mut self.broad_phase,
            &mut self.narrow_phase,
            &mut self.bodies,
            &mut self.colliders,
            &mut self.impulse_joints,
            &mut self.multibodies,
            &mut self.soft_bodies,
            &mut self.ccd,
            &(),
            &(),
        );
    }

    /// A torque on the joint's link and its opposite on the parent: exactly a joint torque.
    fn twist(&mut self, joint: MultibodyJointHandle, torque: f32) {
        let Some((multibody, link)) = self.multibodies.get(joint) else { return };
        let Some((parent, child)) = with_parent(multibody, link) else { return };
        let turn = parent.local_to_world().rotation * child.joint().data.local_frame1.rotation;
        let torque = turn * Vector::X * torque;
        let both = [(parent.rigid_body_handle(), -torque), (child.rigid_body_handle(), torque)];
        for (body, torque) in both {
            if let Some(body) = self.bodies.get_mut(body) {
                body.add_torque(torque, true);
            }
        }
    }

    fn joint_state(&self, joint: MultibodyJointHandle) -> Option<JointState> {
        let (multibody, link) = self.multibodies.get(joint)?;
        let link = multibody.link(link)?;
        Some(JointState {
            q: Radians(link.joint().coords()[HINGE_COORDINATE]),
            dq: RadiansPerSecond(multibody.generalized_velocity()[link.assembly_id()]),
        })
    }
}

fn with_parent(multibody: &Multibody, link: usize) -> Option<(&MultibodyLink, &MultibodyLink)> {
    let child = multibody.link(link)?;
    Some((multibody.link(child.parent_id()?)?, child))
}

fn dof_of(multibodies: &MultibodyJointSet, joint: MultibodyJointHandle) -> Option<usize> {
    let (multibody, link) = multibodies.get(joint)?;
    multibody.link(link).map(MultibodyLink::assembly_id)
}

/// Impulse along the normals of a contact pair, N s; zero for a pair that only came near.
fn impulse(pair: &ContactPair) -> f32 {
    pair.manifolds().iter().flat_map(|manifold| &manifold.points).map(|p| p.data.impulse).sum()
}

/// The start posture lies within the mechanical stops of every joint, and every joint is a hinge.
fn check_start(robot: &Robot) -> Result<(), SimError> {
    for (joint, &q) in robot.model.joints.iter().zip(&robot.settled.joints) {
        if joint.kind != JointKind::Revolute {
            return Err(SimError::NotAHinge { joint: joint.name.clone() });
        }
        let [low, high] = joint.range.unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
        if !(low..=high).contains(&q) {
            return Err(SimError::StartOutsideStops { joint: joint.name.clone(), q, low, high });
        }
    }
    Ok(())
}

fn base_of(
    robot: &Robot,
    parsed: &MjcfRobot,
    handles: &Handles,
) -> Result<(RigidBodyHandle, Vec<ColliderHandle>), SimError> {
    let name = &robot.file.base_body;
    let index = parsed.body_name_to_idx.get(name).copied();
    let body = index.and_then(|index| handles.bodies.get(index)?.as_ref());
    let body = body.ok_or_else(|| SimError::Missing { kind: "body", name: name.clone() })?;
    Ok((body.body, body.colliders.iter().map(|collider| collider.handle).collect()))
}

fn joints_of(
    robot: &Robot,
    parsed: &MjcfRobot,
    handles: &Handles,
) -> Result<Vec<MultibodyJointHandle>, SimError> {
    let handle = |name: &str| {
        let index = parsed.joint_name_to_idx.get(name).copied();
        let joint = index.and_then(|index| handles.joints.get(index)?.joint);
        joint.ok_or_else(|| SimError::Missing { kind: "joint", name: name.to_owned() })
    };
    robot.joint_names().map(handle).collect()
}

fn feet_of(
    robot: &Robot,
    parsed: &MjcfRobot,
    handles: &Handles,
) -> Result<Vec<ColliderHandle>, SimError> {
    let handle = |geom: &String| {
        let (body, collider) = parsed.geom_name_to_collider.get(geom).copied()?;
        Some(handles.bodies.get(body)?.as_ref()?.colliders.get(collider)?.handle)
    };
    let missing = |geom: &String| SimError::Missing { kind: "geom", name: geom.clone() };
    let geoms = robot.feet.iter().map(|foot| &foot.geom);
    geoms.map(|geom| handle(geom).ok_or_else(|| missing(geom))).collect()
}

fn ground() -> ColliderBuilder {
    let [side, depth] = GROUND_HALF;
    ColliderBuilder::cuboid(side, side, depth).translation(Vector::new(0.0, 0.0, -depth))
}

fn collider(solid: &Obstacle) -> ColliderBuilder {
    let half_height = 0.5 * OBSTACLE_HEIGHT;
    let at = Vector::new(solid.center[0].0, solid.center[1].0, half_height);
    let (shape, rotation) = match solid.outline {
        // The engine's cylinders stand along y.
        Outline::Circle { radius } => {
            (ColliderBuilder::cylinder(half_height, radius.0), Vector::X * FRAC_PI_2)
        }
        Outline::Rectangle { half: [a, b], yaw } => {
            (ColliderBuilder::cuboid(a.0, b.0, half_height), Vector::Z * yaw.0)
        }
    };
    shape.translation(at).rotation(rotation)
}

fn paving(stone: &Stone) -> ColliderBuilder {
    let ([a, b], half_height) = (STONE_HALF, 0.5 * stone.height.0);
    let at = Vector::new(stone.center[0].0, stone.center[1].0, half_height);
    ColliderBuilder::cuboid(a, b, half_height).translation(at).rotation(Vector::Z * stone.yaw.0)
}

/// The slipperier of two surfaces decides, so that the friction of the robot file is what acts.
fn with_friction(collider: ColliderBuilder, friction: f32) -> ColliderBuilder {
    collider.friction(friction).friction_combine_rule(CoefficientCombineRule::Min)
}

#[cfg(test)]
impl World {
    /// Free space for comparisons with references: nothing to touch, no joint stops, no dry
    /// friction, the base's origin at rest but spinning with `spin` (rad/s, world).
    pub(crate) fn set_free(&mut self, gravity: [f32; 3], spin: [f32; 3]) {
        use rapier3d::prelude::{InteractionGroups, JointAxesMask};
        self.engine.gravity = Vector::from_array(gravity);
        for (_, collider) in self.engine.colliders.iter_mut() {
            collider.set_collision_groups(InteractionGroups::none());
        }
        let base = &self.engine.bodies[self.base];
        let from_origin = base.center_of_mass() - Vector::from_array(self.base().position);
        let spin = Vector::from_array(spin);
        let (multibody, _) = self.engine.multibodies.get_mut(self.joints[0]).unwrap();
        for link in multibody.links_mut() {
            link.joint.data.limit_axes = JointAxesMask::empty();
        }
        multibody.frictions_mut().fill(0.0);
        let velocity = [spin.cross(from_origin), spin].map(|v| v.to_array()).concat();
        for (dof, value) in velocity.into_iter().enumerate() {
            multibody.generalized_velocity_mut()[dof] = value;
        }
    }

    /// Mass of all links, kg.
    pub(crate) fn mass(&self) -> f32 {
        self.links.iter().map(|&body| self.engine.bodies[body].mass()).sum()
    }

    /// Angular momentum of all links about their common centre of mass, N m s, world.
    pub(crate) fn angular_momentum(&self) -> [f32; 3] {
        let links: Vec<_> = self.links.iter().map(|&body| &self.engine.bodies[body]).collect();
        let mass = self.mass();
        let center = links.iter().map(|b| b.center_of_mass() * b.mass()).sum::<Vector>() / mass;
        let drift = links.iter().map(|b| b.linvel() * b.mass()).sum::<Vector>() / mass;
        let of = |b: &&rapier3d::prelude::RigidBody| {
            let own = b.mass_properties().effective_angular_inertia() * b.angvel();
            let arm = b.center_of_mass() - center;
            own + arm.cross((b.linvel() - drift) * b.mass())
        };
        links.iter().map(of).sum::<Vector>().to_array()
    }

    /// Common centre of mass, m, world.
    pub(crate) fn center_of_mass(&self) -> [f32; 3] {
        let links = || self.links.iter().map(|&body| &self.engine.bodies[body]);
        (links().map(|b| b.center_of_mass() * b.mass()).sum::<Vector>() / self.mass()).to_array()
    }

    /// Damping, dry friction and rotor inertia of every degree of freedom, the base's six first.
    pub(crate) fn passive(&self) -> [Vec<f32>; 3] {
        let (multibody, _) = self.engine.multibodies.get(self.joints[0]).unwrap();
        [multibody.damping(), multibody.frictions(), multibody.armature()]
            .map(|vector| vector.as_slice().to_vec())
    }

    /// What the engine's own ray meets first among obstacles and walls, m.
    pub(crate) fn cast(&self, from: [f32; 3], direction: [f32; 3], range: f32) -> Option<f32> {
        use rapier3d::prelude::{QueryFilter, Ray};
        let solid = |handle, _: &rapier3d::prelude::Collider| self.solids.contains(&handle);
        let engine = &self.engine;
        let query = engine.broad_phase.as_query_pipeline(
            engine.narrow_phase.query_dispatcher(),
            &engine.bodies,
            &engine.colliders,
            QueryFilter::default().predicate(&solid),
        );
        let ray = Ray::new(Vector::from_array(from), Vector::from_array(direction));
        query.cast_ray(&ray, range, true).map(|(_, distance)| distance)
    }
}
