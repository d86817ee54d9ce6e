//! Model files as people have them: what is read, and how the broken ones are refused.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::path::Path;

use model::{Base, EstimatorFilter, FrameKind, JointKind, LoadError, Robot, RobotModel};

const ARM: &str = r#"<?xml version="1.0"?>
<robot name="arm">
  <link name="world"/>
  <joint name="stand" type="fixed">
    <origin xyz="0 0 0.5" rpy="0 0 1.5707963267948966"/>
    <parent link="world"/> <child link="base"/>
  </joint>
  <link name="base">
    <inertial> <mass value="2"/>
      <inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/> </inertial>
  </link>
  <joint name="shoulder" type="revolute">
    <origin xyz="0.1 0 0"/> <axis xyz="0 0 2"/>
    <parent link="base"/> <child link="upper"/>
    <limit lower="-1" upper="1.5" effort="20" velocity="3"/>
    <dynamics damping="0.4" friction="0.2"/>
  </joint>
  <link name="upper">
    <inertial> <origin xyz="0.2 0 0" rpy="0 0 0.3"/> <mass value="1"/>
      <inertia ixx="0.001" iyy="0.02" izz="0.02" ixy="0" ixz="0" iyz="0"/> </inertial>
  </link>
  <joint name="wheel" type="continuous">
    <origin xyz="0.4 0 0"/> <axis xyz="0 1 0"/>
    <parent link="upper"/> <child link="tool"/>
  </joint>
  <link name="tool">
    <inertial> <mass value="0.5"/>
      <inertia ixx="0.001" iyy="0.001" izz="0.001" ixy="0" ixz="0" iyz="0"/> </inertial>
    <visual> <geometry>
      <mesh filename="package://arm_description/meshes/tool.stl"/> </geometry> </visual>
  </link>
  <joint name="tip_fixed" type="fixed">
    <origin xyz="0 0 0.1"/> <parent link="tool"/> <child link="tip"/>
  </joint>
  <link name="tip"/>
</robot>
"#;

const CART: &str = r#"<mujoco model="cart">
  <compiler angle="degree" eulerseq="XYZ"/>
  <default>
    <joint damping="0.5"/>
    <default class="strong"> <joint armature="0.02" damping="2"/> </default>
  </default>
  <worldbody>
    <body name="cart" pos="0 0 1">
      <joint name="slide" type="slide" axis="1 0 0" range="-2 2"/>
      <geom type="box" size="0.2 0.1 0.05" density="1000"/>
      <body name="pole" pos="0 0 0.05" euler="0 90 0">
        <joint name="swing" class="strong" axis="0 1 0" pos="0 0 0.1" range="-90 45" ref="30"/>
        <joint name="twist" axis="1 0 0"/>
        <inertial mass="1" pos="0 0 0.5" diaginertia="0.1 0.1 0.01"/>
        <site name="tip" pos="0 0 1"/>
        <geom name="bob" type="sphere" size="0.03" pos="0 0 1" mass="0"/>
      </body>
    </body>
  </worldbody>
  <actuator> <motor joint="slide" ctrlrange="-3 3" gear="10"/> </actuator>
  <keyframe> <key name="home" qpos="0.1 0.2 0.3"/> <key name="odd" qpos="1"/> </keyframe>
</mujoco>
"#;

const LOOP: &str = r#"<equality>
  <connect name="loop" body1="pole" body2="cart" anchor="0 0 0"/>
</equality> <keyframe>"#;

fn parse(text: &str) -> Result<RobotModel, Box<LoadError>> {
    RobotModel::parse("robot.file", text, Path::new("."), Base::Unsaid)
}

#[test]
fn a_urdf_arm_is_read_with_its_limits_and_its_fixed_links_welded() {
    let model = parse(ARM).unwrap();
    assert!(!model.floating && model.base_name == "world");
    assert_eq!(model.joint_count(), 2);
    let [shoulder, wheel] = model.joints.as_slice() else { panic!("two joints") };
    assert_eq!(
        (shoulder.range, shoulder.effort, shoulder.speed),
        (Some([-1.0, 1.5]), Some(20.0), Some(3.0))
    );
    assert_eq!((shoulder.damping, shoulder.friction), (0.4, 0.2));
    assert_eq!((wheel.kind, wheel.range, wheel.link.as_str()), (JointKind::Revolute, None, "tool"));
    // The stand turns the arm by a quarter.
    assert!((shoulder.position - nalgebra::Vector3::new(0.0, 0.1, 0.5)).norm() < 1e-12);
    assert!((model.moving_mass() - 1.5).abs() < 1e-12 && (model.mass() - 3.5).abs() < 1e-12);
    assert!(model.frame_of(FrameKind::FixedJoint, "tip_fixed").is_some());
    assert!(model.frame_of(FrameKind::Body, "tip").is_some());
    assert!(model.warnings.iter().any(|what| what.contains("tool.stl")), "{:?}", model.warnings);
    assert!(RobotModel::parse("", ARM, Path::new("."), Base::Floating).unwrap().floating);
}

/// Clauses: C1.
#[test]
fn a_welded_part_may_be_unphysical_where_the_whole_is_not() {
    let part = |inertia: &str| {
        let tip = format!(
            r#"<link name="tip"> <inertial> <mass value="0.01"/> <inertia {inertia}
                ixy="0" ixz="0" iyz="0"/> </inertial> </link>"#
        );
        parse(&ARM.replacen("<link name=\"tip\"/>", &tip, 1))
    };
    let model = part(r#"ixx="1e-4" iyy="1e-5" izz="1e-5""#).unwrap();
    assert!(model.warnings.iter().any(|what| what.contains("tip")), "{:?}", model.warnings);
    // Larger than what it is welded to makes up for, or below zero.
    for inertia in [r#"ixx="1" iyy="1e-5" izz="1e-5""#, r#"ixx="1e-4" iyy="-1e-5" izz="1e-4""#] {
        let error = part(inertia).unwrap_err();
        assert!(error.rule.contains("not physical") && error.key.contains("tip"), "{error}");
    }
}

#[test]
fn mjcf_defaults_degrees_references_and_shapes_are_read() {
    let model = parse(CART).unwrap();
    let [slide, swing, twist] = model.joints.as_slice() else { panic!("three joints") };
    assert_eq!((slide.kind, slide.damping, slide.effort), (JointKind::Prismatic, 0.5, Some(30.0)));
    assert_eq!((swing.armature, swing.damping, twist.damping), (0.02, 2.0, 0.5));
    let [low, high] = swing.range.unwrap();
    assert!(
        (low + 90_f64.to_radians()).abs() < 1e-12 && (high - 45_f64.to_radians()).abs() < 1e-12
    );
    // 0.4 x 0.2 x 0.1 m of water.
    assert!((slide.inertia.mass - 8.0).abs() < 1e-9);
    assert!((slide.inertia.about_com[(2, 2)] - 8.0 / 3.0 * (0.04 + 0.01)).abs() < 1e-9);
    // Both hinges of the body follow each other, the last carries it.
    assert_eq!((swing.parent, twist.parent, swing.inertia.mass), (1, 2, 0.0));
    assert!((twist.inertia.mass - 1.0).abs() < 1e-12);
    assert_eq!(model.keyframes, [("home".to_owned(), vec![0.1, 0.2, 0.3])]);
    assert!(model.warnings.iter().any(|what| what.contains("odd")));
    // At its reference of 30 degrees the pole lies as the file puts it: along x.
    let mut kinematics = model::Kinematics::new(&model);
    kinematics.update(&model, &[0.0, 30_f64.to_radians(), 0.0]);
    let tip = kinematics.point(&model, model.frame("tip").unwrap());
    assert!((tip - nalgebra::Vector3::new(1.0, 0.0, 1.05)).norm() < 1e-9, "{tip}");
}

#[test]
fn urdf_shapes_and_what_stands_for_a_mesh_become_capsules() {
    let collides = |shape: &str, shown: &str, inertial: &str| {
        let tip = format!(
            r#"<link name="tip"> {inertial}
                <collision> <origin xyz="0 0 0.5"/> <geometry> {shape} </geometry> </collision>
                <visual> <geometry> {shown} </geometry> </visual> </link>"#
        );
        let model = parse(&ARM.replacen("<link name=\"tip\"/>", &tip, 1)).unwrap();
        let said: Vec<_> =
            model.warnings.into_iter().filter(|what| what.contains("collision")).collect();
        (model.capsules, said.join(" "))
    };
    let mesh = r#"<mesh filename="no.stl"/>"#;
    // A box of 1 kg, 0.2 x 0.4 x 0.6 m.
    let inertial = r#"<inertial> <mass value="1"/> <inertia ixx="0.0433333333" iyy="0.0333333333"
        izz="0.0166666667" ixy="0" ixz="0" iyz="0"/> </inertial>"#;
    let (big, small) = (r#"<box size="0.2 0.4 0.6"/>"#, r#"<sphere radius="0.05"/>"#);
    // What collides, what is shown, inertia; half length and radius, height, what is said.
    let table = [
        (big, mesh, "", Some((0.3, 0.1_f64.hypot(0.2), 0.6)), ""),
        (mesh, small, inertial, Some((0.0, 0.05, 0.1)), "shown"),
        (mesh, mesh, inertial, Some((0.3, 0.1_f64.hypot(0.2), 0.1)), "inertia"),
        (mesh, mesh, "", None, "not kept apart"),
    ];
    for (shape, shown, inertial, expected, said) in table {
        let (capsules, found) = collides(shape, shown, inertial);
        assert_eq!(capsules.len(), usize::from(expected.is_some()), "{shape} {shown}");
        if let (Some((half, radius, height)), [capsule]) = (expected, capsules.as_slice()) {
            // Welded to the tool, 0.1 m above it.
            assert_eq!(capsule.link, 2);
            assert!(((capsule.to - capsule.from).norm() - 2.0 * half).abs() < 1e-6, "{capsule:?}");
            assert!((capsule.radius - radius).abs() < 1e-6, "{capsule:?}");
            assert!((0.5 * (capsule.from.z + capsule.to.z) - height).abs() < 1e-6, "{capsule:?}");
        }
        assert!(found.contains(said) && (!said.is_empty() || found.is_empty()), "{found}");
    }
}

#[test]
fn mjcf_meshes_that_collide_get_capsules() {
    let hull = |geoms: &str| {
        let asset = r#"<asset> <mesh name="hull" file="no.stl"/> </asset> <worldbody>"#;
        let text = CART.replacen("<worldbody>", asset, 1);
        parse(&text.replacen("<site", &format!("{geoms} <site"), 1)).unwrap()
    };
    let collides = r#"<geom type="mesh" mesh="hull"/>"#;
    let seen = r#"<geom type="mesh" mesh="hull" contype="0" conaffinity="0"/>"#;
    let shown = r#"<geom type="ellipsoid" size="0.1 0.2 0.3" pos="0.5 0 0" contype="0"
        conaffinity="0"/>"#;
    let before = hull("").capsules.len();
    for (geoms, more, said) in [
        (seen.to_owned(), 0, ""),
        (collides.to_owned(), 1, "inertia"),
        (format!("{collides} {shown}"), 1, "shown"),
    ] {
        let model = hull(&geoms);
        assert_eq!(model.capsules.len(), before + more, "{geoms}");
        let found = model.warnings.iter().find(|what| what.contains("collision"));
        assert_eq!(found.is_some(), !said.is_empty(), "{geoms}: {:?}", model.warnings);
        assert!(found.is_none_or(|what| what.contains(said) && what.contains("pole")), "{found:?}");
    }
}

/// Clauses: C1.
#[test]
fn broken_files_are_refused_with_line_element_and_rule() {
    let table = [
        (ARM, "value=\"2\"", "value=\"-2\"", "below zero", "link"),
        (ARM, "value=\"2\"", "value=\"NaN\"", "finite", "link"),
        (ARM, "ixx=\"0.001\" iyy=\"0.02\"", "ixx=\"0.1\" iyy=\"0.02\"", "not physical", "link"),
        (ARM, "xyz=\"0 0 2\"", "xyz=\"0 0 0\"", "axis", "joint"),
        (ARM, "lower=\"-1\"", "lower=\"2\"", "must rise", "joint"),
        (ARM, "<child link=\"tool\"/>", "<child link=\"base\"/>", "kinematic loop", "joint"),
        (ARM, "<parent link=\"tool\"/>", "<parent link=\"tol\"/>", "not a link", "joint"),
        (ARM, "name=\"wheel\"", "name=\"shoulder\"", "used twice", "joint"),
        (ARM, "<link name=\"tip\"/>", "<link name=\"tool\"/>", "used twice", "link"),
        (
            ARM,
            "<link name=\"tip\"/>",
            "<link name=\"tip\"/><link name=\"x\"/>",
            "hang on nothing",
            "link",
        ),
        (ARM, "type=\"continuous\"", "type=\"planar\"", "not supported", "joint"),
        (ARM, "</robot>", "</robt>", "XML", ""),
        (CART, "range=\"-2 2\"", "range=\"2 -2\"", "must rise", "joint"),
        (CART, "axis=\"0 1 0\"", "axis=\"0 0 0\"", "axis", "joint"),
        (CART, "type=\"slide\"", "type=\"ball\"", "ball", "joint"),
        (CART, "mass=\"1\"", "mass=\"-1\"", "not physical", "body"),
        (CART, "0.1 0.1 0.01", "0.1 0.1 0.9", "not physical", "body"),
        (CART, "name=\"pole\"", "name=\"cart\"", "used twice", "body"),
        (CART, "name=\"twist\"", "name=\"swing\"", "used twice", "joint"),
        (CART, "armature=\"0.02\"", "armature=\"-1\"", "below zero", "joint"),
        (CART, "<keyframe>", LOOP, "kinematic loop", "connect"),
    ];
    for (file, from, to, rule, tag) in table {
        assert!(file.contains(from), "{from}");
        let error = parse(&file.replacen(from, to, 1)).expect_err(to);
        assert!(error.rule.contains(rule), "{to}: {error}");
        assert!(error.key.contains(tag) && error.line_column().is_some(), "{to}: {error}");
        assert!(!error.fix.is_empty());
    }
}

/// Clauses: C1.
#[test]
fn what_is_no_model_file_is_said_to_be_none() {
    assert!(parse("<html/>").unwrap_err().rule.contains("<html>"));
    assert!(parse("<mujoco/>").unwrap_err().rule.contains("mass"));
    assert!(parse("").unwrap_err().rule.contains("XML"));
    let folder = std::env::temp_dir().join("triune-model-files");
    std::fs::create_dir_all(&folder).unwrap();
    let large = folder.join("large.urdf");
    std::fs::File::create(&large).unwrap().set_len(100 << 20).unwrap();
    let error = RobotModel::load(&large, Base::Unsaid).unwrap_err();
    assert!(error.rule.contains("104857600"), "{error}");
    std::fs::write(&large, [0xff, 0xfe, 0x00]).unwrap();
    assert!(RobotModel::load(&large, Base::Unsaid).unwrap_err().rule.contains("readable"));
    assert!(RobotModel::load(&folder.join("none.urdf"), Base::Unsaid).is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_robot_chooses_its_filter_and_a_slip_of_the_pen_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../robots/quadruped");
    let plain = std::fs::read_to_string(folder.join("robot.toml")).unwrap();
    let chosen = "filter = \"invariant\"\n";
    assert!(plain.contains(chosen));
    let plain = plain.replace(chosen, "");
    let with = |line: &str| {
        let text = plain.replacen("[estimator]\n", &format!("[estimator]\n{line}\n"), 1);
        let beside = |name: &str| Ok(std::fs::read_to_string(folder.join(name)).unwrap());
        Robot::parse("robot.toml", &text, beside).map(|robot| robot.file.estimator.filter)
    };
    assert_eq!(with("").unwrap(), EstimatorFilter::LegOdometry);
    assert_eq!(with("filter = \"leg_odometry\"").unwrap(), EstimatorFilter::LegOdometry);
    assert_eq!(with("filter = \"invariant\"").unwrap(), EstimatorFilter::Invariant);
    let said = with("filter = \"kalman\"").unwrap_err().to_string();
    for word in ["robot.toml", "kalman", "leg_odometry", "invariant"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}
