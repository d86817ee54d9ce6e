//! What opens, what does not, and what zenoh is told.

use super::*;

fn with(part: Part, listen: &[&str], connect: &[&str], certificates: Option<&Path>) -> Settings {
    let own = |endpoints: &[&str]| endpoints.iter().map(|it| (*it).to_owned()).collect();
    let (listen, connect) = (own(listen), own(connect));
    let certificates = certificates.map(Path::to_owned);
    Settings { robot: "quad12".into(), part, listen, connect, certificates }
}

/// A folder with files of the right names, which hold nothing.
fn folder() -> PathBuf {
    let unique = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let name = format!("triune-settings-{}-{}", std::process::id(), unique.as_nanos());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).unwrap();
    for name in ["authority.crt", "robot.crt", "observer.crt", "router.crt"] {
        fs::write(folder.join(name), "").unwrap();
    }
    for name in ["robot.tls.key", "observer.tls.key", "router.tls.key"] {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(folder.join(name)).unwrap();
    }
    folder
}

fn json(config: &Config, key: &str) -> Value {
    serde_json::from_str(&config.get_json(key).unwrap()).unwrap()
}

#[test]
fn by_default_only_this_machine_is_reached() {
    let config = Settings::robot("quad12").config().unwrap();
    assert_eq!(json(&config, "mode"), "peer");
    assert_eq!(json(&config, "listen/endpoints"), json!([LOOPBACK]));
    assert_eq!(json(&config, "connect/endpoints"), json!([]));
    for key in [
        "scouting/multicast/enabled",
        "scouting/gossip/enabled",
        "adminspace/enabled",
        "plugins_loading/enabled",
        "transport/unicast/compression/enabled",
        "transport/shared_memory/transport_optimization/enabled",
    ] {
        assert_eq!(json(&config, key), false, "{key}");
    }
    assert_eq!(json(&config, "transport/link/protocols"), json!(["tcp", "udp", "unixsock-stream"]));
    assert_eq!(json(&config, "transport/link/tx/lease"), 10_000);
    assert_eq!(json(&config, "transport/unicast/max_sessions"), 16);
    assert_eq!(json(&config, "transport/link/rx/max_message_size"), 1 << 20);
    assert_eq!(json(&config, "access_control/enabled"), false);
    let client = Settings::client("quad12", Role::Observer).config().unwrap();
    assert_eq!(
        (json(&client, "mode"), json(&client, "listen/endpoints")),
        (json!("client"), json!([]))
    );
    let longest = json(&client, "transport/link/rx/max_message_size").as_u64().unwrap();
    assert!(longest > 16 << 20, "pictures of 16 MiB pass");
    let router = with(Part::Router, &["tcp/127.0.0.1:7448"], &[], None).config().unwrap();
    assert_eq!(json(&router, "transport/unicast/max_sessions"), 256);
}

#[test]
fn what_leaves_the_machine_needs_certificates() {
    let open = |endpoint: &str| {
        let listens = with(Part::Robot, &[endpoint], &[], None).config().unwrap_err().to_string();
        let connects = with(Part::Robot, &[], &[endpoint], None).config().unwrap_err().to_string();
        assert_eq!(listens, connects);
        listens
    };
    for endpoint in [
        "tcp/0.0.0.0:7447",
        "tcp/[::]:7447",
        "tcp/192.168.1.7:7447",
        "tcp/robot.local:7447",
        "tcp/localhost:7447",
        "quic/127.0.0.1:7447",
    ] {
        let said = open(endpoint);
        assert!(said.starts_with(endpoint), "{said}");
        assert!(said.contains("certificates") && said.contains("triune keys network"), "{said}");
    }
    for endpoint in ["tcp/127.0.0.1:7447", "tcp/127.1.2.3:0", "tcp/[::1]:7447", "unixsock-stream/a"]
    {
        assert!(with(Part::Robot, &[endpoint], &[endpoint], None).config().is_ok(), "{endpoint}");
    }
}

#[test]
fn an_endpoint_is_of_a_known_kind_and_carries_no_settings() {
    for endpoint in [
        "",
        "tcp",
        "tcp/",
        "tcp/127.0.0.1",
        "tcp/:7447",
        "tcp/127.0.0.1:x",
        "tcp/127.0.0.1:70000",
        "udp/127.0.0.1",
        "tls/127.0.0.1:7447",
        "ws/127.0.0.1:7447",
        "serial//dev/ttyUSB0",
        "unixsock-stream/",
        "tcp/127.0.0.1:7447#iface=eth0",
        "tcp/127.0.0.1:7447?rel=0",
        "tcp/127.0.0.1:7447;tls",
    ] {
        let error = with(Part::Robot, &[endpoint], &[], None).config().unwrap_err();
        assert!(matches!(error, NetworkError::Endpoint { .. }), "{endpoint}: {error}");
    }
    let nowhere = with(Part::Client(Role::Planner), &[], &[], None).config().unwrap_err();
    assert!(nowhere.to_string().contains("--connect"), "{nowhere}");
    let listens = with(Part::Client(Role::Planner), &[LOOPBACK], &[LOOPBACK], None).config();
    assert!(listens.unwrap_err().to_string().contains("listens on nothing"));
}

#[test]
fn with_certificates_nobody_comes_in_without() {
    let folder = folder();
    for endpoint in ["tcp/127.0.0.1:7447", "tcp/0.0.0.0:7447", "unixsock-stream/a"] {
        let error = with(Part::Robot, &[endpoint], &[], Some(&folder)).config().unwrap_err();
        assert!(matches!(error, NetworkError::Plain { .. }), "{error}");
    }
    let config = with(Part::Robot, &["quic/0.0.0.0:7447"], &[], Some(&folder)).config().unwrap();
    assert_eq!(json(&config, "transport/link/protocols"), json!(["quic"]));
    for key in ["enable_mtls", "close_link_on_expiration", "verify_name_on_connect"] {
        assert_eq!(json(&config, &format!("transport/link/tls/{key}")), true, "{key}");
    }
    assert_eq!(json(&config, "access_control/enabled"), true);
    assert_eq!(json(&config, "access_control/default_permission"), "deny");
    let error = with(Part::Robot, &["quic/0.0.0.0:7447#enable_mtls=false"], &[], Some(&folder));
    assert!(matches!(error.config(), Err(NetworkError::Endpoint { .. })));
    let error = with(Part::Robot, &[], &["quic/[fe80::1]:7447"], Some(&folder)).config();
    assert!(error.unwrap_err().to_string().contains("by a name"));
    let router = with(Part::Router, &["quic/[::]:7447"], &[], Some(&folder));
    assert!(router.config().is_ok());
    let missing = with(Part::Client(Role::Planner), &[], &["quic/a:1"], Some(&folder)).config();
    let said = missing.unwrap_err().to_string();
    assert!(said.contains("planner.crt") && said.contains("triune keys network"), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = folder.join("observer.tls.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let error = with(Part::Client(Role::Observer), &[], &["quic/a:1"], Some(&folder)).config();
        assert!(error.unwrap_err().to_string().contains("chmod 600"));
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_name_fits_into_a_key() {
    for name in ["a", "quad12", "left_arm-2", "0123456789abcdef0123456789abcdef"] {
        assert!(check_name(name).is_ok(), "{name}");
    }
    let long = "a".repeat(33);
    for name in ["", "Quad", "a/b", "*", "a b", "a\n", "ü", long.as_str()] {
        let mut settings = Settings::robot(name);
        assert!(matches!(settings.config(), Err(NetworkError::RobotName(_))), "{name}");
        settings.part = Part::Router;
        assert!(settings.config().is_ok(), "a router is no robot");
    }
}
