//! A URDF or MJCF file, read into a [`RobotModel`] or refused with file, line, element and rule.

use std::path::Path;

use nalgebra::{Matrix3, Vector3};

use crate::toml_source::LoadError;
use crate::tree::{Frame, FrameKind, Inertia, RobotModel};
use crate::{mjcf, urdf};

/// A larger file is no robot's.
const BYTES_MAX: u64 = 32 << 20;

/// What is wrong with a model file: which element, which rule, how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Element, and its `name`; both may be empty.
    pub(crate) tag: &'static str,
    pub(crate) name: String,
    pub(crate) rule: String,
    pub(crate) fix: &'static str,
}

impl Flaw {
    pub(crate) fn new(
        tag: &'static str,
        name: &str,
        rule: impl Into<String>,
        fix: &'static str,
    ) -> Self {
        Self { tag, name: name.to_owned(), rule: rule.into(), fix }
    }

    /// The same as an error about `file` with this `text`.
    pub(crate) fn at(self, file: &str, text: &str) -> Box<LoadError> {
        let span = element(text, self.tag, &self.name);
        let key = if self.name.is_empty() {
            self.tag.to_owned()
        } else {
            format!("<{} name={:?}>", self.tag, self.name)
        };
        let text = if span.is_some() { text.to_owned() } else { String::new() };
        Box::new(LoadError {
            file: file.to_owned(),
            text,
            span,
            key,
            rule: self.rule,
            fix: self.fix.into(),
        })
    }
}

/// How something lies in a frame: its rotation, and its origin, m.
pub(crate) type Placement = (Matrix3<f64>, Vector3<f64>);

/// Where a body of a file ended up: on which link of the model, and how it lies there.
#[derive(Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) link: usize,
    pub(crate) rotation: Matrix3<f64>,
    pub(crate) position: Vector3<f64>,
}

impl Placed {
    /// At the origin of `link`.
    pub(crate) const fn on(link: usize) -> Self {
        let rotation = Matrix3::new(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0);
        Self { link, rotation, position: Vector3::new(0.0, 0.0, 0.0) }
    }

    /// What lies in it at `position` turned by `rotation`.
    pub(crate) fn at(&self, (rotation, position): Placement) -> Self {
        Self {
            link: self.link,
            rotation: self.rotation * rotation,
            position: self.position + self.rotation * position,
        }
    }
}

/// Whether the base of a URDF robot moves freely: the file does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// It moves freely, unless its first link is called `world`.
    Unsaid,
    /// It moves freely.
    Floating,
    /// It is fixed to the world.
    Fixed,
}

impl RobotModel {
    /// Reads the URDF or MJCF file at `path`; `base` counts for URDF only.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, line, element, rule and fix.
    pub fn load(path: &Path, base: Base) -> Result<Self, Box<LoadError>> {
        let file = path.display().to_string();
        let unreadable = |rule: String, fix: &str| LoadError {
            file: file.clone(),
            text: String::new(),
            span: None,
            key: String::new(),
            rule,
            fix: fix.into(),
        };
        let size = std::fs::metadata(path).map(|about| about.len());
        if let Ok(bytes) = size
            && bytes > BYTES_MAX
        {
            let rule = format!("a model file has at most {BYTES_MAX} bytes, this one {bytes}");
            return Err(Box::new(unreadable(
                rule,
                "keep meshes and textures in files of their own",
            )));
        }
        let text = std::fs::read_to_string(path).map_err(|error| {
            let rule = format!("the file must be readable text: {error}");
            unreadable(rule, "check the path; a model file is URDF or MJCF")
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&file, &text, folder, base)
    }

    /// Reads the text of a URDF or MJCF file; `file` is its name for messages, `folder` where the
    /// files lie that it names.
    ///
    /// # Errors
    /// As [`RobotModel::load`].
    pub fn parse(
        file: &str,
        text: &str,
        folder: &Path,
        base: Base,
    ) -> Result<Self, Box<LoadError>> {
        let document = roxmltree::Document::parse(text).map_err(|error| {
            let at = error.pos();
            let start: usize =
                text.split_inclusive('\n').take(at.row as usize - 1).map(str::len).sum();
            let flaw = Flaw::new("", "", format!("the XML is broken: {error}"), "mend it there");
            let start = (start + at.col as usize - 1).min(text.len());
            Box::new(LoadError {
                text: text.to_owned(),
                span: Some(start..start),
                ..*flaw.at(file, text)
            })
        })?;
        let model = match document.root_element().tag_name().name() {
            "mujoco" => mjcf::read(text, folder),
            "robot" => urdf::read(text, folder, base),
            other => Err(Flaw::new(
                "",
                "",
                format!(
                    "the first element must be <robot> (URDF) or <mujoco> (MJCF), not <{other}>"
                ),
                "give a URDF or MJCF file; a xacro file has to be expanded first",
            )),
        };
        model.and_then(checked).map_err(|flaw| flaw.at(file, text))
    }

    /// Reads the text of an MJCF file that names no other files.
    ///
    /// # Errors
    /// As [`RobotModel::load`].
    pub fn from_mjcf(xml: &str) -> Result<Self, Box<LoadError>> {
        Self::parse("(text)", xml, Path::new("."), Base::Unsaid)
    }

    /// The bodies of a link, welded together.
    pub(crate) fn body_mut(&mut self, link: usize) -> &mut Inertia {
        match link {
            0 => &mut self.base,
            link => &mut self.joints[link - 1].inertia,
        }
    }

    /// Names a place, with the radius of the sphere around it, m.
    pub(crate) fn name_place(&mut self, kind: FrameKind, name: &str, at: Placed, radius: f64) {
        let Placed { link, rotation, position } = at;
        self.frames.push(Frame { name: name.to_owned(), kind, link, position, rotation, radius });
    }
}

/// What holds for every model, whatever file it comes from.
fn checked(model: RobotModel) -> Result<RobotModel, Flaw> {
    if model.mass() <= 0.0 {
        return Err(Flaw::new("", "", "no body has a mass", "give each link its <inertial>"));
    }
    for (index, joint) in model.joints.iter().enumerate() {
        let flaw = |rule: String, fix| Err(Flaw::new("joint", &joint.name, rule, fix));
        if model.joints.iter().take(index).any(|other| other.name == joint.name) {
            return flaw("the name is used twice".into(), "give each joint a name of its own");
        }
        let numbers = [joint.armature, joint.damping, joint.friction];
        if numbers.iter().any(|number| !number.is_finite() || *number < 0.0) {
            let rule = "armature, damping and friction must be finite and not below zero";
            return flaw(rule.into(), "give their magnitudes");
        }
        if let Some([low, high]) = joint.range
            && low.partial_cmp(&high) != Some(std::cmp::Ordering::Less)
        {
            let rule = format!("range {low} {high} must rise from low to high");
            return flaw(rule, "swap the two, or correct the wrong one");
        }
        if !joint.position.iter().chain(joint.rotation.iter()).all(|number| number.is_finite()) {
            return flaw("its place must be finite numbers".into(), "write finite numbers");
        }
    }
    Ok(model)
}

/// Bytes of the element with this tag and name.
fn element(text: &str, tag: &str, name: &str) -> Option<std::ops::Range<usize>> {
    if tag.is_empty() {
        return None;
    }
    let document = roxmltree::Document::parse(text).ok()?;
    let mut all = document.descendants().filter(|node| node.has_tag_name(tag));
    let found = all.find(|node| name.is_empty() || node.attribute("name") == Some(name))?;
    let start = found.range().start;
    Some(start..start + tag.len() + 1)
}
