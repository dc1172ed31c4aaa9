#include "temporary_folder.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/identity.hpp>

#include <doctest/doctest.h>

#include <fstream>

using namespace atl;

TEST_CASE("a data folder keeps the identity of its node and cluster") {
  temporary_folder folder;
  std::string uuid;
  {
    auto first = data_folder::lock(folder / "data", {"dfs", "reef", "node-1"});
    REQUIRE(first.has_value());
    uuid = first->uuid();
    CHECK(uuid.size() == 32);
  }
  {
    auto again = data_folder::lock(folder / "data", {"dfs", "reef", "node-1"});
    REQUIRE(again.has_value());
    CHECK(again->uuid() == uuid);
  }
  SUBCASE("another node's folder is refused, and the message names both") {
    auto other = data_folder::lock(folder / "data", {"dfs", "reef", "node-2"});
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error().code == errc::refused);
    CHECK(other.error().message.find("'node-1'") != std::string::npos);
    CHECK(other.error().message.find("'node-2'") != std::string::npos);
  }
  SUBCASE("another cluster's folder is refused") {
    auto other = data_folder::lock(folder / "data", {"dfs", "lagoon", "node-1"});
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error().message.find("'reef'") != std::string::npos);
  }
  SUBCASE("another application's folder is refused, and the message names both") {
    auto other = data_folder::lock(folder / "data", {"jobs", "reef", "node-1"});
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error().code == errc::refused);
    CHECK_MESSAGE(other.error().message.find("application 'dfs', not to 'jobs'") !=
                      std::string::npos,
                  other.error().message);
  }
  SUBCASE("a folder without a recorded application gets that of its owner") {
    auto file = folder / "data" / "identity.json";
    std::ofstream{file} << R"({"cluster": "reef", "node": "node-1", "uuid": ")" << uuid << "\"}";
    CHECK(data_folder::lock(folder / "data", {"dfs", "reef", "node-1"})->uuid() == uuid);
    CHECK_FALSE(data_folder::lock(folder / "data", {"jobs", "reef", "node-1"}).has_value());
  }
  SUBCASE("a damaged identity is refused, not replaced") {
    std::ofstream{folder.path() / "data" / "identity.json"} << "{\"cluster\": 3";
    auto damaged = data_folder::lock(folder / "data", {"dfs", "reef", "node-1"});
    REQUIRE_FALSE(damaged.has_value());
    CHECK(damaged.error().code == errc::corrupt);
  }
}

TEST_CASE("a data folder is locked by one process at a time") {
  temporary_folder folder;
  auto first = data_folder::lock(folder / "data", {"dfs", "reef", "node-1"});
  REQUIRE(first.has_value());
  auto second = data_folder::lock(folder / "data", {"dfs", "reef", "node-1"});
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().message.find("in use") != std::string::npos);
}

TEST_CASE("an error to create a data folder is reported with the reason") {
  auto taken = data_folder::lock("/proc/no/such/place", {"dfs", "reef", "node-1"});
  REQUIRE_FALSE(taken.has_value());
  CHECK(taken.error().message.find("/proc/no/such/place") != std::string::npos);
}

TEST_CASE("addresses are formatted as they are parsed") {
  for (auto* text : {"127.0.0.1:7101", "localhost:1", "[::1]:65535", "a.b-c.example:80"}) {
    auto where = parse_endpoint(text);
    REQUIRE(where.has_value());
    CHECK(to_string(*where) == text);
  }
}

TEST_CASE("an invalid address is refused with the reason") {
  for (auto* text : {"", "host", ":80", "host:", "host:0", "host:65536", "host:80x", "::1:80",
                     "host:-1", "host: 80"}) {
    auto where = parse_endpoint(text);
    REQUIRE_FALSE(where.has_value());
    CHECK(where.error().message.find(std::string{"'"} + text + "'") != std::string::npos);
  }
}

TEST_CASE("a data folder belongs to one group for good, and refuses others with that group's "
          "name") {
  temporary_folder folder;
  CHECK(group_of_folder(folder / "data")->empty());
  {
    auto taken = data_folder::lock(folder / "data", {"dfs", "reef", "node-1"});
    REQUIRE(taken.has_value());
    CHECK(taken->group().empty());
    CHECK(group_of_folder(folder / "data")->empty());
    REQUIRE(taken->join_group("group").has_value());
  }
  CHECK(group_of_folder(folder / "data") == "group");
  CHECK(data_folder::lock(folder / "data", {"dfs", "reef", "node-1"})->group() == "group");
}

TEST_CASE("a part of a data folder that held data and is missing is reported") {
  temporary_folder folder;
  {
    auto taken = data_folder::lock(folder / "data", {"dfs", "reef", "node-1"});
    REQUIRE(taken.has_value());
    CHECK(taken->check_part("chunks").has_value()); // this part never held any data
    std::filesystem::create_directory(folder / "data" / "chunks");
    std::ofstream{folder.path() / "data" / "chunks" / "one"} << "data";
    REQUIRE(taken->note_part("chunks").has_value());
  }
  auto again = data_folder::lock(folder / "data", {"dfs", "reef", "node-1"});
  REQUIRE(again.has_value());
  CHECK(again->check_part("chunks").has_value());
  SUBCASE("removed") {
    std::filesystem::remove_all(folder / "data" / "chunks");
  }
  SUBCASE("empty, as when a disk is not mounted") {
    std::filesystem::remove(folder / "data" / "chunks" / "one");
  }
  auto missed = again->check_part("chunks");
  REQUIRE_FALSE(missed.has_value());
  CHECK(missed.error().code == errc::refused);
}

TEST_CASE("the whole content of a data folder is moved aside, and the folder gets a new identity") {
  temporary_folder folder;
  auto taken = data_folder::lock(folder / "data", {"dfs", "reef", "node-1"});
  REQUIRE(taken.has_value());
  std::filesystem::create_directory(folder / "data" / "chunks");
  std::ofstream{folder.path() / "data" / "chunks" / "one"} << "data";
  REQUIRE(taken->note_part("chunks").has_value());
  REQUIRE(taken->join_group("group").has_value());
  auto former = taken->uuid();
  REQUIRE(taken->put_aside().has_value());
  CHECK(taken->uuid() != former);
  CHECK(taken->group().empty());
  CHECK(taken->check_part("chunks").has_value());
  CHECK(std::filesystem::exists(folder / "data" / ("former-" + former) / "chunks" / "one"));
  CHECK(std::filesystem::exists(folder / "data" / ("former-" + former) / "identity.json"));
  CHECK_FALSE(std::filesystem::exists(folder / "data" / "chunks"));
}

TEST_CASE("a data folder with data and without an identity gets no new identity") {
  temporary_folder folder;
  std::filesystem::create_directories(folder / "data" / "chunks");
  auto taken = data_folder::lock(folder / "data", {"dfs", "reef", "node-1"});
  REQUIRE_FALSE(taken.has_value());
  CHECK(taken.error().message.find("identity.json") != std::string::npos);
}
