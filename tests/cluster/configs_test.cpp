#include "settings/settings.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>

namespace fs = std::filesystem;

TEST_CASE("every file of a node in configs/ passes the check") {
  auto nodes = 0;
  for (auto& entry : fs::recursive_directory_iterator{fs::path{ATOLL_SOURCE_FOLDER} / "configs"}) {
    if (entry.path().extension() != ".toml" || entry.path().filename() == "cluster.toml" ||
        entry.path().parent_path().filename() == "workloads" ||
        entry.path().parent_path().filename() == "durability")
      continue;
    CAPTURE(entry.path().string());
    auto checked =
        run_program({program("dfsd").string(), "--config", entry.path().string(), "--check"});
    CHECK_MESSAGE(checked.code == 0, checked.err);
    ++nodes;
  }
  CHECK(nodes >= 12);
}

TEST_CASE("the reference file shows every key, with its true default") {
  auto text = read_file(fs::path{ATOLL_SOURCE_FOLDER} / "configs/reference.toml");
  for (auto& spec : dfs::node_schema()) {
    auto key = spec.key.substr(spec.key.rfind('.') + 1);
    if (key.ends_with("[]"))
      key.resize(key.size() - 2);
    CAPTURE(spec.key);
    CHECK(text.find(key) != std::string::npos);
    if (!spec.default_value.empty() && spec.type != atl::spi::option_type::integer)
      CHECK(text.find(spec.default_value) != std::string::npos);
  }
}

TEST_CASE("'dfsd --keys' prints every key, its type and its default") {
  auto listed = run_program({program("dfsd").string(), "--keys"});
  CHECK(listed.code == 0);
  for (auto& spec : dfs::node_schema())
    if (!spec.key.ends_with("[]")) {
      CAPTURE(spec.key);
      CHECK(("\n" + listed.out).find("\n" + spec.key + "\n") != std::string::npos);
      CHECK(listed.out.find(spec.meaning) != std::string::npos);
    }
  CHECK(listed.out.find("size, 64KiB to 64MiB, default \"8MiB\"") != std::string::npos);
  CHECK(listed.out.find("text, one of fsync, replicated, default \"fsync\"") != std::string::npos);
}

TEST_CASE("a key of very many parts is refused by every program that reads the file") {
  test_cluster cluster;
  std::string key;
  for (int i = 0; i < 200'000; ++i)
    key += "a.";
  auto file = cluster.folder() / "deep.toml";
  write_file(file, key + "a = 1\n");
  auto refused = [&](std::vector<std::string> words) {
    auto ended = run_program(words);
    CHECK_MESSAGE((ended.code == 1 || ended.code == 2), ended.code);
    CHECK_MESSAGE(ended.err.find("deep.toml:1:131: nests deeper") != std::string::npos, ended.err);
  };
  refused({program("dfsd").string(), "--config", file.string(), "--check"});
  refused({program("dfs").string(), "--cluster", file.string(), "ls", "/"});
  refused({program("dfs").string(), "up", cluster.folder().string()});
}

TEST_CASE("'dfs up' starts all nodes of a folder and 'dfs down' stops them") {
  temporary_folder work;
  // The ports of the folder as it is shipped may be in use here.
  auto folder = work / "single";
  fs::copy(fs::path{ATOLL_SOURCE_FOLDER} / "configs/single", folder, fs::copy_options::recursive);
  for (auto& entry : fs::directory_iterator{folder}) {
    auto text = read_file(entry.path());
    for (auto* port : {"7101", "7201"})
      if (auto at = text.find(port); at != text.npos)
        text.replace(at, 4, std::to_string(free_port()));
    write_file(entry.path(), text);
  }
  auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), program("dfs").string());
    return run_program(words);
  };
  auto up = run({"up", folder.string()});
  REQUIRE_MESSAGE(up.code == 0, up.err);
  auto cluster = folder.string();
  CHECK(run({"-c", cluster, "put", program("dfs").string(), "/dfs"}).code == 0);
  CHECK(run({"-c", cluster, "status"}).out.find("node") != std::string::npos);
  auto again = run({"up", folder.string()});
  CHECK(again.code == 0);
  CHECK(again.out.find("runs already") != std::string::npos);
  auto down = run({"down", folder.string()});
  CHECK_MESSAGE(down.code == 0, down.out);
  CHECK(down.out.find("stopped") != std::string::npos);
  CHECK(run({"down", folder.string()}).out.find("wasn't running") != std::string::npos);
  CHECK(run({"-c", cluster, "ls", "/"}).code == 5);
}

TEST_CASE("'dfs up' reports the reason when a node can't start") {
  temporary_folder work;
  auto folder = work / "single";
  fs::copy(fs::path{ATOLL_SOURCE_FOLDER} / "configs/single", folder, fs::copy_options::recursive);
  write_file(folder / "node.toml", read_file(folder / "node.toml") + "colour = \"red\"\n");
  auto up = run_program({program("dfs").string(), "up", folder.string()});
  CHECK(up.code == 2);
  CHECK(up.err.find("node.toml:8:") != std::string::npos);
  CHECK(run_program({program("dfs").string(), "up", work.path().string()}).code == 3);
}
