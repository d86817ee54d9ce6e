//! `triune inspect`: what is in a robot, a model file, a policy or a run.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use model::{Base, FrameKind, Joint, JointKind, RobotModel};
use serde_json::json;

use crate::cli::{Exit, Failure, read_run};
use crate::report::hexadecimal;
use crate::why;

/// What `inspect` is asked for.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// What the path holds.
    #[arg(value_enum)]
    what: Subject,
    /// Folder or file; of a robot also a URDF or MJCF file.
    path: PathBuf,
    /// How the base of a URDF robot stands: the file does not say it. Without it the base floats
    /// unless the first link is called world.
    #[arg(long, value_enum)]
    base: Option<BaseArg>,
    /// For programs.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BaseArg {
    Floating,
    Fixed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Subject {
    Robot,
    Policy,
    Run,
}

type Contents = (serde_json::Value, String);

/// For programs and for people.
///
/// # Errors
/// What cannot be read, and why.
pub(crate) fn contents(args: &InspectArgs) -> Result<Contents, Failure> {
    match args.what {
        Subject::Robot if is_model(&args.path) => {
            let base = match args.base {
                None => Base::Unsaid,
                Some(BaseArg::Floating) => Base::Floating,
                Some(BaseArg::Fixed) => Base::Fixed,
            };
            Ok(model_contents(&RobotModel::load(&args.path, base)?))
        }
        Subject::Robot => robot_contents(&args.path),
        Subject::Policy => policy_contents(&args.path),
        Subject::Run => run_contents(&args.path),
    }
}

/// A model file by itself, without the robot folder around it.
fn is_model(path: &Path) -> bool {
    let ends = |end| path.extension().is_some_and(|own| own.eq_ignore_ascii_case(end));
    ["xml", "urdf", "mjcf"].into_iter().any(ends)
}

fn model_contents(model: &RobotModel) -> Contents {
    let base = if model.floating { "floating" } else { "fixed" };
    let mut text = format!(
        "{}: {:.3} kg, {} joints, {} degrees of freedom, base {:?} {base}\n\n",
        model.name,
        model.mass(),
        model.joint_count(),
        model.velocity_count(),
        model.base_name,
    );
    text += &format!(
        "{:<34} {:<9} {:>8} {:>8} {:>8} {:>8} {:>8}\n",
        "joint", "kind", "min", "max", "speed", "effort", "kg"
    );
    let mut depth = vec![0_usize; model.joint_count() + 1];
    let mut joints = Vec::new();
    for (index, joint) in model.joints.iter().enumerate() {
        let deep = depth[joint.parent] + 1;
        depth[index + 1] = deep;
        let name = format!("{}{}", "  ".repeat(deep.min(12) - 1), joint.name);
        let kind = match (joint.kind, joint.range) {
            (JointKind::Prismatic, _) => "slide",
            (JointKind::Revolute, Some(_)) => "hinge",
            (JointKind::Revolute, None) => "endless",
        };
        let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.3}"));
        let [low, high] = [joint.range.map(|r| r[0]), joint.range.map(|r| r[1])].map(number);
        let (speed, effort) = (number(joint.speed), number(joint.effort));
        let mass = joint.inertia.mass;
        text += &format!(
            "{name:<34} {kind:<9} {low:>8} {high:>8} {speed:>8} {effort:>8} {mass:>8.3}\n"
        );
        joints.push(json!({
            "name": joint.name, "kind": kind, "link": joint.link,
            "parent": parent_name(model, joint), "axis": joint.axis.as_slice(),
            "range": joint.range, "speed_max": joint.speed, "effort_max": joint.effort,
            "armature": joint.armature, "damping": joint.damping,
            "friction": joint.friction, "mass_kg": mass, "com_m": joint.inertia.com.as_slice(),
        }));
    }
    text += &remarks(model);
    let frames: Vec<_> = model
        .frames
        .iter()
        .map(|frame| {
            let link = frame.link.checked_sub(1).map(|joint| model.joints[joint].link.as_str());
            let kind = format!("{:?}", frame.kind);
            json!({
                "name": frame.name, "kind": kind, "position_m": frame.position.as_slice(),
                "link": link.unwrap_or(&model.base_name),
            })
        })
        .collect();
    let value = json!({
        "schema": "triune.inspect.model/1", "name": model.name, "mass_kg": model.mass(),
        "moving_mass_kg": model.moving_mass(), "floating": model.floating, "base": model.base_name,
        "degrees_of_freedom": model.velocity_count(), "gravity_m_s2": model.gravity.as_slice(),
        "joints": joints, "frames": frames, "warnings": model.warnings,
        "keyframes": model.keyframes.iter().map(|(name, q)| json!({ "name": name, "q": q }))
            .collect::<Vec<_>>(),
    });
    (value, text)
}

/// What stands below the table of joints.
fn remarks(model: &RobotModel) -> String {
    let mut text = String::from(
        "\nminimum and maximum in rad or m, speed in rad/s or m/s, effort in N m or N\n",
    );
    let of = |kind: FrameKind| model.frames.iter().filter(move |frame| frame.kind == kind);
    let names = |kind| of(kind).map(|frame| frame.name.as_str()).collect::<Vec<_>>();
    let lists = [
        ("links", FrameKind::Body),
        ("fixed joints", FrameKind::FixedJoint),
        ("sites", FrameKind::Site),
        ("spheres", FrameKind::Sphere),
    ];
    for (what, kind) in lists.into_iter().filter(|(_, kind)| of(*kind).next().is_some()) {
        text += &format!("\n{what}: {}\n", names(kind).join(", "));
    }
    for (name, _) in &model.keyframes {
        text += &format!("\nkeyframe {name:?}\n");
    }
    for warning in &model.warnings {
        text += &format!("\nwarning: {warning}\n");
    }
    text
}

/// The link that a joint hangs on.
fn parent_name<'a>(model: &'a RobotModel, joint: &Joint) -> &'a str {
    let parent = joint.parent.checked_sub(1).map(|above| model.joints[above].link.as_str());
    parent.unwrap_or(&model.base_name)
}

fn robot_contents(path: &Path) -> Result<Contents, Failure> {
    let robot = model::Robot::load(path)?;
    let mut text = format!(
        "{}: {:.2} kg, {} feet, {:.0} cycles a second\n\n{:<18} {:>8} {:>8} {:>8} {:>8}\n",
        robot.file.name,
        robot.model.mass(),
        robot.feet.len(),
        robot.file.control.rate_hz,
        "joint",
        "min rad",
        "max rad",
        "rad/s",
        "N m"
    );
    let mut joints = Vec::new();
    for (name, limits) in robot.joint_names().zip(robot.limits.joints.iter()) {
        let [low, high] = [limits.q_min.0, limits.q_max.0];
        let [speed, torque] = [limits.dq_max.0, limits.tau_max.0];
        text += &format!("{name:<18} {low:>8.2} {high:>8.2} {speed:>8.1} {torque:>8.1}\n");
        joints.push(json!({
            "name": name, "position_min_rad": low, "position_max_rad": high,
            "velocity_max_rad_s": speed, "torque_max_nm": torque
        }));
    }
    let feet: Vec<_> = robot.feet.iter().map(|foot| &foot.name).collect();
    let value = json!({
        "schema": "triune.inspect.robot/1", "name": robot.file.name, "mass_kg": robot.model.mass(),
        "rate_hz": robot.file.control.rate_hz, "feet": feet, "joints": joints,
        "sha256": hexadecimal(&robot.hash),
    });
    Ok((value, text))
}

fn policy_contents(path: &Path) -> Result<Contents, Failure> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let policy = brain::Policy::load(folder)
        .map_err(|error| Failure::new(Exit::Configuration, miette::miette!("{error}")))?;
    let card = policy.card();
    let text = format!(
        "{} {} ({})\nmodel   {}\nsha256  {}\ninput   {} {:?}\noutput  {} {:?}\n",
        card.name,
        card.version,
        card.licence,
        card.model.file,
        card.model.sha256,
        card.input.name,
        card.input.shape,
        card.output.name,
        card.output.shape
    );
    let value = json!({
        "schema": "triune.inspect.policy/1", "name": card.name, "version": card.version,
        "licence": card.licence, "model": card.model.file, "sha256": card.model.sha256,
        "input": { "name": card.input.name, "shape": card.input.shape },
        "output": { "name": card.output.name, "shape": card.output.shape },
    });
    Ok((value, text))
}

fn run_contents(path: &Path) -> Result<Contents, Failure> {
    let (journal, _) = read_run(path, why::Surroundings::None)?;
    let last_s = journal.ticks.last().map_or(0.0, |tick| tick.at.as_seconds());
    let (ticks, records, events) =
        (journal.ticks.len(), journal.records.len(), journal.events.len());
    let mut text = format!(
        "{}, seed {}: {last_s:.2} s, {ticks} ticks, {records} interventions, {events} events\n\n",
        journal.info.robot, journal.info.seed
    );
    for event in &journal.events {
        text += &format!("{:>8.2} s  {}\n", event.at_s, event.sentence);
    }
    for (what, hash) in &journal.info.config_hashes {
        text += &format!("\nsha256 {hash}  {what}");
    }
    text += "\n";
    if let Some(cut) = &journal.cut {
        text += &format!("\nThe journal is cut off: {cut}\n");
    }
    let value = json!({
        "schema": "triune.inspect.run/1", "robot": journal.info.robot, "seed": journal.info.seed,
        "duration_s": last_s, "ticks": ticks, "interventions": records,
        "events": journal.events, "cut": journal.cut,
        "config_hashes": journal.info.config_hashes,
    });
    Ok((value, text))
}
