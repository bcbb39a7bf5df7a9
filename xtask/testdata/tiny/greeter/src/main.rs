//! Greets the world.

fn main() {
    println!("{}", greeter::greeting("world"));
}
