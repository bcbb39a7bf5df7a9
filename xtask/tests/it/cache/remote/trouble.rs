//! Servers that do not answer, or not like this: a run costs a little more, once, and passes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::nginx::{Nginx, TOKEN};
use super::{Machines, SCRIPT};

/// What a server may cost a run beside its tasks: two seconds, and what a busy machine adds.
const DELAY_MAX: Duration = Duration::from_secs(5);

/// Three more tasks, one after the other.
const LATER: &str = "[tasks.\"make.later\"]\ncommand = [\"sh\", \"-c\", \"true\"]\nreads = [\"in\"]\nafter = [\"make.thing\"]\n\
    [tasks.\"make.last\"]\ncommand = [\"sh\", \"-c\", \"true\"]\nreads = [\"in\"]\nafter = [\"make.later\"]\n";

/// Runs three tasks against a server of no use: all pass, it is said once, and costs what it may, once.
#[track_caller]
fn costs_little(url: String, words: &str) {
    let machines = Machines::new(url);
    let machine = machines.machine_with(LATER);
    let start = Instant::now();
    let said = machines.trusted(&machine);
    let took = start.elapsed();
    assert_eq!(machines.runs(), 1);
    assert!(took < DELAY_MAX, "{took:?}: {}", said.all());
    assert!(said.all().contains(words), "{}", said.all());
    assert_eq!(said.all().matches("is left out for the rest of this run").count(), 1, "{}", said.all());
    println!("{took:?}\n{}", said.all());
}

/// Answers each connection in a way of its own, until the test ends.
fn serve(answer: impl Fn(TcpStream) + Copy + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let connection = connection.unwrap();
            thread::spawn(move || answer(connection));
        }
    });
    format!("http://127.0.0.1:{port}")
}

fn hear(connection: &mut TcpStream) {
    let mut request = [0; 4096];
    assert!(connection.read(&mut request).unwrap() > 0);
}

#[test]
fn dead_from_the_start() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    costs_little(format!("http://127.0.0.1:{port}"), "could not be reached");
}

#[test]
fn silent() {
    let url = serve(|mut connection| {
        hear(&mut connection);
        thread::sleep(Duration::from_mins(1));
    });
    costs_little(url, "did not answer in time");
}

#[test]
fn a_byte_now_and_then() {
    let url = serve(|mut connection| {
        hear(&mut connection);
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").unwrap();
        while connection.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    });
    costs_little(url, "did not answer in time");
}

#[test]
fn something_else_than_a_cache() {
    let url = serve(|mut connection| {
        hear(&mut connection);
        connection.write_all(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    costs_little(url, "answered 500 (internal error)");
    let endless = serve(|mut connection| {
        hear(&mut connection);
        drop(connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n"));
        while connection.write_all(&[b'x'; 1 << 12]).is_ok() {}
    });
    let machines = Machines::new(endless);
    let said = machines.reads(&machines.machine());
    assert_eq!(machines.runs(), 1);
    assert!(said.all().contains("warning: "), "{}", said.all());
}

#[test]
fn killed_in_the_middle_of_a_run() {
    let Some(server) = Nginx::start() else { return };
    let machines = Machines::new(server.url());
    let machine = machines.machine_with(LATER);
    machine.write("make.sh", &format!("{SCRIPT}kill -9 {}\n", server.process()));
    let start = Instant::now();
    let said = machines.trusted(&machine);
    let took = start.elapsed();
    assert!(took < DELAY_MAX, "{took:?}: {}", said.all());
    assert!(server.asked().contains(" 404"), "it was there at first: {}", server.asked());
    assert_eq!(said.all().matches("is left out for the rest of this run").count(), 1, "{}", said.all());
    assert!(said.all().contains("not uploaded: other machines run what made them"), "{}", said.all());
    let said = machines.trusted(&machine);
    assert_eq!(machines.runs(), 1, "what it made is stored here all the same: {}", said.all());
}

#[test]
fn wrong_credentials() {
    let Some(server) = Nginx::with_token() else { return };
    let machines = Machines::new(server.url());
    let with = |token: &str| {
        let key = ("XTASK_CACHE_SIGNING_KEY", machines.private.as_str());
        machines.run(&machines.machine_with(LATER), &[key, ("XTASK_CACHE_TOKEN", token)])
    };
    let said = with("wr0ng-token");
    assert!(said.all().contains("answered 401 (not authenticated)"), "{}", said.all());
    assert_eq!(said.all().matches("are wrong, or may not do this").count(), 1, "{}", said.all());
    assert!(!said.all().contains("wr0ng"), "{}", said.all());
    let said = machines.trusted(&machines.machine());
    assert!(said.all().contains("it wants to know who asks"), "{}", said.all());
    let said = machines.run(&machines.machine(), &[("XTASK_CACHE_USER", "me")]);
    assert!(said.all().contains("only one is set"), "{}", said.all());
    assert!(server.files("").is_empty());
    assert_eq!(machines.runs(), 3);
    with(TOKEN);
    let said = with(TOKEN);
    assert_eq!(machines.runs(), 1, "{}", said.all());
    assert!(said.all().contains("3 results fetched"), "{}", said.all());
}

#[test]
fn a_user_and_a_password() {
    let Some(server) = Nginx::with_password() else { return };
    let machines = Machines::new(server.url());
    let with = |password: &str| {
        let key = ("XTASK_CACHE_SIGNING_KEY", machines.private.as_str());
        let credentials = [key, ("XTASK_CACHE_USER", "me"), ("XTASK_CACHE_PASSWORD", password)];
        machines.run(&machines.machine(), &credentials)
    };
    let said = with("an0ther-word");
    assert!(said.all().contains("answered 401") && !said.all().contains("an0ther"), "{}", said.all());
    with("s3cret-word");
    assert_eq!(machines.runs(), 2);
    let said = with("s3cret-word");
    assert_eq!(machines.runs(), 0, "{}", said.all());
}

#[test]
fn a_server_that_takes_nothing_is_read_all_the_same() {
    let Some(server) = Nginx::read_only() else { return };
    let machines = Machines::new(server.url());
    let said = machines.trusted(&machines.machine_with(LATER));
    assert_eq!(said.all().matches("answered 403 (not allowed)").count(), 1, "{}", said.all());
    assert!(said.all().contains("3 results not uploaded"), "{}", said.all());
}

#[test]
fn an_upload_that_takes_too_long_is_given_up() {
    let url = serve(|mut connection| {
        loop {
            let mut request = [0; 1 << 12];
            let Ok(count @ 1..) = connection.read(&mut request) else { return };
            if request[..count].starts_with(b"GET") {
                connection.write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n").unwrap();
            } else {
                thread::sleep(Duration::from_mins(1));
            }
        }
    });
    let machines = Machines::new(url);
    let start = Instant::now();
    let said = machines.trusted(&machines.machine());
    assert!(start.elapsed() < 2 * DELAY_MAX, "{:?}", start.elapsed());
    assert!(said.all().contains("1 result not uploaded"), "{}", said.all());
}
