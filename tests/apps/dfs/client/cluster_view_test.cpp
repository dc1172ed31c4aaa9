#include "data_path_fixture.hpp"

/// What a client knows of the cluster, and when it asks again.
using namespace dfs;
using namespace dfs::test;

TEST_CASE("nodes that the masters don't mention stay as they were, others change") {
  protocol::storage_view first;
  first.target = {1, "a", {"host", 1}};
  first.healthy = true;
  auto second = first;
  second.target = {2, "b", {"host", 2}};
  node_directory before{{}, {first, second}};
  CHECK_FALSE(before.has_unhealthy());
  second.healthy = false;
  node_directory after{before, {second}};
  CHECK(after.generation() > before.generation());
  CHECK(after.has_unhealthy());
  REQUIRE(after.find(1) != nullptr);
  CHECK(after.find(1)->healthy);
  CHECK_FALSE(after.find(2)->healthy);
  CHECK(after.find(3) == nullptr);
  std::vector<storage_id> unknown{no_storage, 3};
  std::vector<storage_id> some{no_storage, 3, 2};
  CHECK_FALSE(after.knows_any(unknown));
  CHECK(after.knows_any(some));
  CHECK(after.has_healthy([](storage_id id) { return id == 2; }));
  CHECK_FALSE(after.has_healthy([](storage_id id) { return id == 1; }));
}

TEST_CASE("a client loads other plugins once an answer shows another version of the settings") {
  data_path path;
  auto before = path.view->plugins();
  REQUIRE(before);
  REQUIRE(path.view->note_version(0));
  CHECK(path.infos == 0);
  {
    std::lock_guard lock{path.mutex};
    path.settings_now.version = 1;
    path.settings_now.grace_us = 5;
  }
  CHECK(path.view->plugins() == before); // nothing has shown the change yet
  REQUIRE(path.view->note_version(1));
  auto after = path.view->plugins();
  REQUIRE(after);
  CHECK((*after)->info().grace_us == 5);
  CHECK((*before)->info().grace_us != 5); // for what has begun with it
  REQUIRE(path.view->note_version(1));
  CHECK(path.infos == 1);
}

TEST_CASE("plugins that can't be loaded are an error until the masters name others") {
  data_path path;
  path.load_problem = atl::error{atl::errc::refused, "install the same one"};
  {
    std::lock_guard lock{path.mutex};
    path.settings_now.version = 1;
  }
  REQUIRE(path.view->refresh());
  CHECK(path.view->plugins().error().message == "install the same one");
  {
    std::lock_guard lock{path.mutex};
    path.settings_now.version = 0;
  }
  REQUIRE(path.view->refresh());
  CHECK(path.view->plugins());
}
