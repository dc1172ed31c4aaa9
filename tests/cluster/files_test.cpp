#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace {

constexpr std::size_t chunk = 64 << 10;

} // namespace

TEST_CASE("files of all sizes are read back as they were stored") {
  test_cluster cluster;
  cluster.up();
  temporary_folder local;
  std::uint64_t seed = 0;
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, chunk - 1, chunk, chunk + 1, 3 * chunk,
                           std::size_t{1'000'000}}) {
    CAPTURE(size);
    auto bytes = random_bytes(size, ++seed);
    write_file(local / "in", bytes);
    auto put = cluster.dfs({"put", (local / "in").string(), fmt::format("/f{}", size)});
    REQUIRE_MESSAGE(put.code == 0, put.err);
    auto get = cluster.dfs({"get", fmt::format("/f{}", size), (local / "out").string()});
    REQUIRE_MESSAGE(get.code == 0, get.err);
    CHECK(read_file(local / "out") == bytes);
    CHECK(cluster.dfs({"cat", fmt::format("/f{}", size)}).out == bytes);
  }
  cluster.wait_until_whole({fmt::format("/f{}", chunk)});
  auto exact =
      nlohmann::json::parse(cluster.dfs({"--json", "stat", fmt::format("/f{}", chunk)}).out);
  CHECK(exact["chunks"].size() == 1);
  CHECK(exact["chunks"][0]["storages"].size() == 3);
}

TEST_CASE("put reads standard input, and get writes standard output") {
  test_cluster cluster;
  cluster.up();
  auto bytes = random_bytes(200'000, 7);
  REQUIRE(cluster.dfs({"put", "-", "/piped"}, bytes).code == 0);
  CHECK(cluster.dfs({"get", "/piped", "-"}).out == bytes);
}

TEST_CASE("parts of files are read, also across chunks") {
  cluster_shape shape;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"1KiB\"";
  shape.storages = shape.copies = 1;
  test_cluster cluster{shape};
  cluster.up();
  auto bytes = random_bytes(200'000, 7);
  REQUIRE(cluster.dfs({"put", "-", "/f"}, bytes).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/inline"}, "0123456789").code == 0);
  CHECK(cluster.dfs({"get", "--range", "65530-65550", "/f", "-"}).out == bytes.substr(65'530, 21));
  CHECK(cluster.dfs({"get", "--range", "199990-", "/f", "-"}).out == bytes.substr(199'990));
  CHECK(cluster.dfs({"cat", "--offset", "10", "--length", "140000", "/f"}).out ==
        bytes.substr(10, 140'000));
  CHECK(cluster.dfs({"cat", "--length", "3", "/inline", "/f"}).out == "012" + bytes.substr(0, 3));
  CHECK(cluster.dfs({"cat", "--offset", "200000", "/f"}).out.empty());
  auto beyond = cluster.dfs({"cat", "--offset", "200001", "/f"});
  CHECK(beyond.code == 2);
  CHECK_MESSAGE(beyond.err.find("has 200000 bytes") != std::string::npos, beyond.err);
  for (std::string bad : {"5-4", "-5", "5", "a-b", "0-99999999999999999999", "1-2x"}) {
    auto get = cluster.dfs({"get", "--range=" + bad, "/f", "-"});
    CHECK_MESSAGE(get.err.find("expected the first and the last byte") != std::string::npos,
                  get.err);
    CHECK(get.out.empty());
  }
  CHECK(cluster.dfs({"get", "--range", "0-1", "/f", "/inline", "."}).code == 2);
}

TEST_CASE("names may have spaces and any UTF-8; '..' and too long names are refused") {
  test_cluster cluster;
  cluster.up();
  for (std::string name :
       {"/two words", "/ ", "/жук", "/日本語", "/a\"quote", "/-dash", "/new\nline"}) {
    CAPTURE(name);
    REQUIRE(cluster.dfs({"put", "-", name}, name).code == 0);
    CHECK(cluster.dfs({"cat", name}).out == name);
    CHECK(cluster.dfs({"stat", name}).code == 0);
  }
  CHECK(cluster.dfs({"put", "-", "/" + std::string(255, 'x')}, "long").code == 0);
  auto too_long = cluster.dfs({"put", "-", "/" + std::string(256, 'x')}, "x");
  CHECK(too_long.code == 2);
  CHECK(too_long.err.find("255") != std::string::npos);
  auto dots = cluster.dfs({"put", "-", "/a/../b"}, "x");
  CHECK(dots.code == 2);
  CHECK(dots.err.find("..") != std::string::npos);
  CHECK(cluster.dfs({"put", "-", "/\xff\xfe"}, "x").code == 2);
  CHECK(cluster.dfs({"put", "-", "relative"}, "x").code == 2);
}

TEST_CASE("directories are made, listed, renamed and removed") {
  test_cluster cluster;
  cluster.up();
  CHECK(cluster.dfs({"mkdir", "/a/b/c"}).code == 3);
  CHECK(cluster.dfs({"mkdir", "-p", "/a/b/c"}).code == 0);
  CHECK(cluster.dfs({"mkdir", "/a"}).code == 4);
  CHECK(cluster.dfs({"put", "-", "/a/file"}, "hello").code == 0);
  CHECK(cluster.dfs({"ls", "/a"}).out == "b/\nfile\n");
  auto listing = nlohmann::json::parse(cluster.dfs({"--json", "ls", "/a"}).out);
  REQUIRE(listing.size() == 2);
  CHECK(listing[1]["bytes"] == 5);
  CHECK(cluster.dfs({"ls", "-l", "/a"}).out.find("5") != std::string::npos);
  CHECK(cluster.dfs({"mv", "/a/file", "/a/b"}).code == 0); // into the directory
  CHECK(cluster.dfs({"cat", "/a/b/file"}).out == "hello");
  CHECK(cluster.dfs({"put", "-", "/other"}, "other").code == 0);
  CHECK(cluster.dfs({"mv", "-n", "/other", "/a/b/file"}).code == 4);
  CHECK(cluster.dfs({"mv", "/other", "/a/b/file"}).code == 0); // over a file
  CHECK(cluster.dfs({"cat", "/a/b/file"}).out == "other");
  auto full = cluster.dfs({"rm", "/a"});
  CHECK(full.code != 0);
  CHECK(full.err.find("/a") != std::string::npos);
  CHECK(cluster.dfs({"rm", "-r", "/a"}).code == 0);
  CHECK(cluster.dfs({"ls", "/a"}).code == 3);
  CHECK(cluster.dfs({"cat", "/nothing"}).code == 3);
}

TEST_CASE("folders are stored and read recursively") {
  test_cluster cluster;
  cluster.up();
  temporary_folder local;
  write_file(local / "tree/one", "1");
  write_file(local / "tree/deep/er/two", std::string(100'000, '2'));
  std::filesystem::create_directories(local / "tree/empty");
  REQUIRE(cluster.dfs({"put", (local / "tree").string(), "/"}).code == 2); // without -r
  REQUIRE(cluster.dfs({"put", "-r", (local / "tree").string(), "/"}).code == 0);
  REQUIRE(cluster.dfs({"get", "-r", "/tree", (local / "back").string()}).code == 0);
  auto differ =
      run_program({"/usr/bin/diff", "-r", (local / "tree").string(), (local / "back").string()});
  CHECK_MESSAGE(differ.code == 0, differ.out);
}

TEST_CASE("an interrupted put leaves the old file unchanged and no other trace") {
  cluster_shape shape;
  shape.files =
      "chunk_size = \"64KiB\"\ninline_limit = 0\ngrace = \"4s\"\ncollection_interval = \"100ms\"";
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/file"}, "the old one").code == 0);
  cluster.wait_until_whole({"/file"});
  auto chunks_before = cluster.chunk_files("storage-1").size();
  temporary_folder local;
  auto pipe = (local / "pipe").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (std::string target : {"/file", "/new"}) {
    auto put = start_program(
        {program("dfs").string(), "--cluster", cluster.folder().string(), "put", pipe, target});
    auto bytes = random_bytes(20 * chunk, 3);
    int fd = ::open(pipe.c_str(), O_WRONLY);
    REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    eventually("some of the data arrived",
               [&] { return cluster.chunk_files("storage-1").size() > chunks_before + 5; });
    ::kill(put, SIGKILL); // while it waits for more
    wait_for(put);
    ::close(fd);
    CHECK(cluster.dfs({"cat", "/file"}).out == "the old one");
    CHECK(cluster.dfs({"stat", "/new"}).code == 3);
    eventually("the leftovers are collected",
               [&] { return cluster.chunk_files("storage-1").size() == chunks_before; });
  }
  CHECK(cluster.dfs({"cat", "/file"}).out == "the old one");
}

TEST_CASE("when two clients write the same name, the file has the complete content of one of "
          "them") {
  test_cluster cluster;
  cluster.up();
  temporary_folder local;
  auto a = random_bytes(10 * chunk, 1);
  auto b = random_bytes(12 * chunk, 2);
  write_file(local / "a", a);
  write_file(local / "b", b);
  auto put = [&](const std::string& name) {
    return start_program({program("dfs").string(), "--cluster", cluster.folder().string(), "put",
                          (local / name).string(), "/same"});
  };
  for (int round = 0; round < 5; ++round) {
    auto first = put("a");
    auto second = put("b");
    CHECK(wait_for(first) == 0);
    CHECK(wait_for(second) == 0);
    auto found = cluster.dfs({"cat", "/same"}).out;
    CHECK((found == a || found == b));
  }
}

TEST_CASE("chunks of removed files are collected after the grace time") {
  cluster_shape shape;
  shape.files =
      "chunk_size = \"64KiB\"\ninline_limit = 0\ngrace = \"4s\"\ncollection_interval = \"100ms\"";
  test_cluster cluster{shape};
  cluster.up();
  auto kept = random_bytes(5 * chunk, 1);
  REQUIRE(cluster.dfs({"put", "-", "/kept"}, kept).code == 0);
  REQUIRE(cluster.dfs({"put", "--parents", "-", "/tree/a/b"}, random_bytes(7 * chunk, 2)).code ==
          0);
  cluster.wait_until_whole({"/kept", "/tree"});
  CHECK(cluster.chunk_files("storage-2").size() == 12);
  REQUIRE(cluster.dfs({"rm", "-r", "/tree"}).code == 0);
  for (auto* node : {"storage-1", "storage-2", "storage-3"})
    eventually("only referenced fragments are left",
               [&] { return cluster.chunk_files(node).size() == 5; });
  CHECK(cluster.dfs({"cat", "/kept"}).out == kept);
  eventually("the counts follow", [&] { return cluster.status()["files"]["chunks"] == 5; });
}

TEST_CASE("small files are stored in the name space when there are as many masters as copies") {
  cluster_shape shape;
  shape.copies = 1;
  shape.storages = 1;
  shape.files = "inline_limit = \"4KiB\"";
  test_cluster cluster{shape};
  cluster.up();
  auto small = random_bytes(4096, 1);
  auto larger = random_bytes(4097, 2);
  REQUIRE(cluster.dfs({"put", "-", "/small"}, small).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/larger"}, larger).code == 0);
  CHECK(cluster.dfs({"cat", "/small"}).out == small);
  CHECK(cluster.dfs({"cat", "/larger"}).out == larger);
  CHECK(nlohmann::json::parse(cluster.dfs({"--json", "stat", "/small"}).out)["inline"] == true);
  CHECK(nlohmann::json::parse(cluster.dfs({"--json", "stat", "/larger"}).out)["inline"] == false);
}
