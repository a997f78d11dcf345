#[hipflask::test]
async fn argument(_client: hipflask::testing::TestClient) {}

#[hipflask::test(flavor = "multi_thread")]
async fn options() {}

#[hipflask::test]
struct NotAFunction;

fn main() {}
