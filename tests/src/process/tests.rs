use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

fn shell(script: &str) -> Process {
    Process::start(None, Command::new("sh").args(["-c", script])).unwrap()
}

#[test]
fn it_is_heard_and_ends_by_itself() {
    let mut process = shell("echo one; echo two >&2; sleep 0.2; echo three; exit 5");
    process.wait_for("one", PATIENCE).unwrap();
    process.wait_for("two", PATIENCE).unwrap();
    let ended = process.finish(PATIENCE).unwrap();
    assert_eq!((ended.code(), ended.signal(), ended.was_killed), (Some(5), None, false));
    assert_eq!((&ended.output[..], &ended.errors[..]), ("one\nthree\n", "two\n"));
}

#[test]
fn one_that_asks_for_time_gets_it_and_one_that_does_not_listen_is_killed() {
    let mut polite = shell("trap 'echo bye; exit 3' INT; echo up; while :; do sleep 0.05; done");
    polite.wait_for("up", PATIENCE).unwrap();
    let ended = polite.stop(PATIENCE).unwrap();
    assert_eq!((ended.code(), ended.was_killed), (Some(3), false), "{ended}");
    assert!(ended.output.contains("bye"));

    let mut deaf = shell("trap '' INT; echo up; while :; do sleep 0.05; done");
    deaf.wait_for("up", PATIENCE).unwrap();
    let ended = deaf.stop(Duration::from_millis(300)).unwrap();
    assert_eq!((ended.signal(), ended.was_killed), (Some(Signal::SIGKILL as i32), true));
}

#[test]
fn what_does_not_come_is_an_error_that_says_what_came() {
    let failure = shell("echo other; exit 1").wait_for("words", PATIENCE).unwrap_err().to_string();
    for part in ["words", "other", "it has ended"] {
        assert!(failure.contains(part), "{failure}");
    }
    let missing = Process::start(None, &mut Command::new("/nothing/here")).unwrap_err();
    assert!(missing.to_string().contains("/nothing/here"), "{missing}");
}

#[test]
fn it_can_be_held_up_and_goes_with_its_owner() {
    let mut process = shell("while :; do echo x; sleep 0.01; done");
    let id = process.id();
    process.wait_for("x", PATIENCE).unwrap();
    process.signal(Signal::SIGSTOP).unwrap();
    let state = || {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    };
    process.wait_until("stopped", PATIENCE, |_| Ok(state() == Some('T'))).unwrap();
    process.signal(Signal::SIGCONT).unwrap();
    process.wait_until("goes on", PATIENCE, |_| Ok(state() != Some('T'))).unwrap();
    drop(process);
    assert_eq!(state(), None);
}
