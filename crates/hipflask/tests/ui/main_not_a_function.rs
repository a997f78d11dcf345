#[hipflask::main]
struct Application;
