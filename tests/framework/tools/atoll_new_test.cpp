#include "run_atoll.hpp"

#include <fstream>
#include <set>

namespace fs = std::filesystem;

namespace {

std::set<std::string> files_in(const fs::path& folder) {
  std::set<std::string> names;
  for (auto& entry : fs::directory_iterator{folder})
    names.insert(entry.path().filename().string());
  return names;
}

std::string text_of(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace

TEST_CASE("a new project has sources, a test, what builds them, a README and lines of TOML") {
  temporary_folder parent;
  auto folder = parent / "first";
  auto [code, out] = run_atoll("new balancer reef --folder " + folder.string());
  CHECK(code == 0);
  CHECK(contains(out, "cmake --build " + folder.string() + "/build"));
  CHECK(files_in(folder) == std::set<std::string>{"CMakeLists.txt", "README.md", "expect.hpp",
                                                  "reef.cpp", "reef.toml", "reef_test.cpp"});
  CHECK(contains(text_of(folder / "reef.cpp"), "ATOLL_PLUGIN(balancer, reef, 0, 1, 0)"));
  CHECK(contains(text_of(folder / "CMakeLists.txt"),
                 "atoll_add_plugin(reef KIND balancer TARGET plugin SOURCES reef.cpp)"));
}

TEST_CASE("a new service has its logic, a test, two programs and a cluster of its name") {
  temporary_folder parent;
  auto folder = parent / "first";
  auto [code, out] = run_atoll("new service reef --folder " + folder.string());
  CHECK(code == 0);
  CHECK(contains(out, "has a new replicated service"));
  CHECK(files_in(folder) == std::set<std::string>{"CMakeLists.txt", "README.md", "client.cpp",
                                                  "cluster", "counters.cpp", "counters.hpp",
                                                  "counters_test.cpp", "expect.hpp", "node.cpp"});
  CHECK(files_in(folder / "cluster") ==
        std::set<std::string>{"cluster.toml", "member-1.toml", "member-2.toml", "member-3.toml"});
  CHECK(contains(text_of(folder / "CMakeLists.txt"), "OUTPUT_NAME reefd)"));
  CHECK(contains(text_of(folder / "cluster/member-1.toml"), "roles = [\"reef\"]"));
}

TEST_CASE("the sources of a project of several are all built") {
  temporary_folder parent;
  run_atoll("new consensus reef --folder " + (parent / "reef").string());
  CHECK(contains(text_of(parent / "reef/CMakeLists.txt"), "SOURCES reef.cpp replica.cpp)"));
}

TEST_CASE("a folder with files in it is not touched, and an empty one is used") {
  temporary_folder parent;
  parent.write("reef/mine.txt", "mine");
  auto refused = run_atoll("new recovery reef --folder " + (parent / "reef").string());
  CHECK(refused.code == 2);
  CHECK(contains(refused.out, (parent / "reef").string() + " exists already"));
  CHECK(contains(refused.out, "--folder"));
  CHECK(files_in(parent.path()) == std::set<std::string>{"reef"});
  CHECK(files_in(parent / "reef") == std::set<std::string>{"mine.txt"});

  fs::create_directory(parent / "empty");
  CHECK(run_atoll("new recovery reef --folder " + (parent / "empty").string() + "/").code == 0);
  CHECK(files_in(parent / "empty").contains("reef.cpp"));
}

TEST_CASE("a name that can't be a plugin's is refused with what a name is") {
  temporary_folder parent;
  for (auto name : {"Reef", "1reef", "a-b", "../reef", "''"}) {
    CAPTURE(name);
    auto [code, out] =
        run_atoll(fmt::format("new balancer {} --folder {}", name, (parent / "x").string()));
    CHECK(code == 2);
    CHECK(contains(out, "can't be the name of a balancer plugin: a name is [a-z][a-z0-9_]*"));
  }
  CHECK(files_in(parent.path()).empty());
}

TEST_CASE("a service has no name of which the build has a target already") {
  temporary_folder parent;
  auto service = run_atoll("new service test --folder " + (parent / "service").string());
  CHECK(service.code == 2);
  CHECK(contains(service.out, "'test' can't be the name of a replicated service: its program"));
  CHECK(run_atoll("new recovery test --folder " + (parent / "plugin").string()).code == 0);
}

TEST_CASE("a service has a name as long as a role's may be") {
  temporary_folder parent;
  auto make = [&](std::size_t size) {
    std::string name(size, 'a');
    return run_atoll(fmt::format("new service {} --folder {}", name, (parent / name).string()));
  };
  CHECK(make(32).code == 0);
  auto refused = make(33);
  CHECK(refused.code == 2);
  CHECK(contains(refused.out, "with at most 32 characters"));
}

TEST_CASE("a kind without a template, and a folder that can't be made, are refused") {
  temporary_folder parent;
  CHECK(run_atoll("new gateway reef").code == 2);
  parent.write("file", "");
  auto [code, out] = run_atoll("new balancer reef --folder " + (parent / "file/reef").string());
  CHECK(code == 2);
  CHECK(contains(out, "file/reef"));
}
