#include "names_fixture.hpp"
#include "namespace/namespace_limits.hpp"

#include <atoll/core/group_birth.hpp>

using namespace names;

namespace {

std::string birth_of(const std::string& group) {
  return atl::encode(atl::group_birth{
      group, "reef", "raft", {}, {{1, "m-1", "a:1", "folder-1"}, {2, "m-2", "a:2", "folder-2"}}});
}

atl::result<std::unique_ptr<name_space>> open_of(const std::filesystem::path& folder,
                                                 const std::string& group) {
  name_space::settings settings;
  settings.cluster_id = "reef";
  settings.birth = birth_of(group);
  settings.free_bytes_min = 0;
  return open_name_space(folder, settings);
}

} // namespace

TEST_CASE("a name space of a group is refused to other groups") {
  temporary_folder folder;
  REQUIRE(open_of(folder / "names", "group").has_value());
  CHECK(open_of(folder / "names", "group").has_value());
  auto other = open_of(folder / "names", "another");
  REQUIRE_FALSE(other.has_value());
  CHECK(other.error().code == errc::refused);
}

TEST_CASE("a storage node's name moves to another data folder only on an operator's command") {
  subject it;
  it.register_storages();
  CHECK_FALSE(it.run(commands::register_storage{"two", "new folder"}).has_value());
  auto replaced = it.run(commands::register_storage{"two", "new folder", true});
  REQUIRE(replaced.has_value());
  CHECK(replaced->id == 4);
  CHECK(it.run(commands::register_storage{"two", "new folder"})->id == 4);
  CHECK_FALSE(it.run(commands::register_storage{"two", "uuid of two"}).has_value());
  auto nodes = it.summary().storages;
  REQUIRE(nodes.size() == 3);
  CHECK(nodes.back() == responses::storage_node{4, "two", "new folder"});
  // A data folder that has a name keeps it.
  CHECK_FALSE(it.run(commands::register_storage{"one", "uuid of three", true}).has_value());
}

TEST_CASE("the proposing replica's time replaces a client's in a command") {
  subject it;
  command from_client{{7, 7}, 1, birth_us + 400 * 24 * 3600 * second_us, new_directory(at("/d"))};
  auto bytes = encode(from_client);
  auto now = std::chrono::microseconds{it.now_us() + second_us};
  it.names().stamp(bytes, now);
  CHECK(decode_command(bytes)->time_us == it.now_us() + second_us);
  CHECK(decode_command(bytes)->session == from_client.session);
  apply_entry(it.names(), bytes);
  CHECK(it.names().latest_stamp() == now);
  std::string short_one{"x"};
  it.names().stamp(short_one, now);
  CHECK(short_one == "x");
}
