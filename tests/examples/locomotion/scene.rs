//! What the robot is asked, and what is against it.

use std::path::Path;

use model::Robot;

/// A shove while it walks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shove {
    /// N s, over 0.1 s, on the base.
    pub(crate) impulse: f32,
    /// Where it comes from is drawn by the seed: one of eight directions.
    pub(crate) direction: u8,
}

/// One row of the table.
pub(crate) struct Scene {
    pub(crate) name: String,
    /// Forward m/s, left m/s, yaw rad/s.
    pub(crate) wish: [f32; 3],
    pub(crate) shove: Option<Shove>,
    /// Stones on the ground.
    pub(crate) stony: bool,
    /// The robot as its controllers know it, and as it is.
    pub(crate) known: Robot,
    pub(crate) real: Robot,
}

/// The quadruped with changes to the texts of its two files.
fn robot(text: &[[&str; 2]], xml: &[[&str; 2]]) -> Robot {
    let folder = whole::root().join("robots/quadruped");
    let read = |name: &str, changes: &[[&str; 2]]| {
        let mut text = std::fs::read_to_string(folder.join(name)).expect("the robot's folder");
        for [from, to] in changes {
            assert!(text.contains(from), "{name} has no {from}");
            text = text.replace(from, to);
        }
        text
    };
    let origin = Path::new(&folder).join("robot.toml").display().to_string();
    Robot::parse(&origin, &read("robot.toml", text), |name| Ok(read(name, xml)))
        .expect("a sound robot")
}

/// All rows, in the order of the table.
pub(crate) fn scenes() -> Vec<Scene> {
    let plain = || robot(&[], &[]);
    let scene = |name: &str, wish: [f32; 3], real: Robot| Scene {
        name: name.into(),
        wish,
        shove: None,
        stony: false,
        known: plain(),
        real,
    };
    let slippery = robot(&[["ground_friction = 0.8", "ground_friction = 0.25"]], &[]);
    // A drive refuses what has run out on its way.
    let valid = ["command_validity_ms = 5.0", "command_validity_ms = 15.0"];
    let patient = robot(&[valid], &[]);
    let late = robot(&[valid, ["actuation_delay_ticks = 1", "actuation_delay_ticks = 10"]], &[]);
    let trunk = "pos=\"0.02 0 -0.005\" mass=\"6.92\" diaginertia=\"0.0255 0.0985 0.108\"";
    // 4 kg at the base's own centre of mass.
    let laden = robot(&[], &[[trunk, &trunk.replace("6.92", "10.92")]]);
    let mut all = vec![
        scene("standing", [0.0; 3], plain()),
        scene("0.5 m/s", [0.5, 0.0, 0.0], plain()),
        scene("1.0 m/s", [1.0, 0.0, 0.0], plain()),
        scene("1.5 m/s", [1.5, 0.0, 0.0], plain()),
        scene("0.4 m/s sideways", [0.0, 0.4, 0.0], plain()),
        scene("1.5 rad/s on the spot", [0.0, 0.0, 1.5], plain()),
        scene("0.5 m/s, 4 kg unknown load", [0.5, 0.0, 0.0], laden),
        scene("0.5 m/s, friction 0.25", [0.5, 0.0, 0.0], slippery),
        Scene { known: patient, ..scene("0.5 m/s, torque 10 ms late", [0.5, 0.0, 0.0], late) },
        Scene { stony: true, ..scene("0.5 m/s over stones of 25 mm", [0.5, 0.0, 0.0], plain()) },
    ];
    for impulse in [20.0, 25.0, 30.0, 35.0] {
        for direction in 0..8 {
            let shove = Some(Shove { impulse, direction });
            let name = format!("shove of {impulse} N s from {} deg", 45 * u32::from(direction));
            all.push(Scene { shove, ..scene(&name, [0.5, 0.0, 0.0], plain()) });
        }
    }
    all
}
