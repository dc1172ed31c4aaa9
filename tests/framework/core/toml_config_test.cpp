#include "temporary_folder.hpp"

#include <atoll/core/toml_config.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

using atl::config;
using atl::key_spec;
using atl::spi::option_type;
using namespace std::chrono_literals;

namespace {

const std::vector<key_spec>& schema() {
  static const std::vector<key_spec> keys{
      {.key = "cluster.name", .required = true, .meaning = "what this cluster is called"},
      {.key = "cluster.port",
       .type = option_type::integer,
       .default_value = "7000",
       .minimum = "1",
       .maximum = "65535"},
      {.key = "cluster.heartbeat",
       .type = option_type::duration,
       .default_value = "150ms",
       .minimum = "1ms",
       .maximum = "1m"},
      {.key = "storage.path", .default_value = "data", .is_path = true},
      {.key = "storage.chunk_size",
       .type = option_type::size,
       .default_value = "8MiB",
       .minimum = "64KiB"},
      {.key = "storage.fill", .type = option_type::real, .default_value = "0.9", .maximum = "1"},
      {.key = "storage.sync", .type = option_type::boolean, .default_value = "true"},
      {.key = "storage.durability", .default_value = "fsync", .maximum = "fsync|replicated"},
      {.key = "plugins.path", .is_list = true, .default_value = "plugins", .is_path = true},
      {.key = "consensus.plugin", .default_value = "raft"},
      {.key = "consensus.options", .is_plugin_options = true},
      {.key = "masters[]", .maximum = "3"},
      {.key = "masters[].name", .required = true, .meaning = "the master's name"},
      {.key = "masters[].port", .type = option_type::integer, .default_value = "7000"},
      {.key = "log.file"},
  };
  return keys;
}

atl::result<config> read(std::string_view text) {
  return config::parse(text, "/etc/atoll/node.toml", schema());
}

/// The error message for an invalid text.
std::string error_of(std::string_view text) {
  auto made = read(text);
  return made ? "accepted" : made.error().message;
}

std::string with_name(std::string_view rest) {
  return "cluster.name = \"atoll\"\n" + std::string{rest};
}

} // namespace

TEST_CASE("a configuration returns each value that was written in its type") {
  auto made = read(R"(
[cluster]
name = "reef"
port = 7100
heartbeat = "20ms"
[storage]
chunk_size = 65536
fill = 1
sync = false
durability = "replicated"
)");
  REQUIRE(made);
  CHECK(made->text("cluster.name") == "reef");
  CHECK(made->integer("cluster.port") == 7100);
  CHECK(made->duration("cluster.heartbeat") == 20ms);
  CHECK(made->size("storage.chunk_size") == 65536);
  CHECK(made->real("storage.fill") == 1.0);
  CHECK(made->boolean("storage.sync") == false);
  CHECK(made->text("storage.durability") == "replicated");
  CHECK(made->where("cluster.port") == "/etc/atoll/node.toml:4:8");
}

TEST_CASE("a key that is not written has its default, and its origin says so") {
  auto made = read(with_name(""));
  REQUIRE(made);
  CHECK(made->integer("cluster.port") == 7000);
  CHECK(made->duration("cluster.heartbeat") == 150ms);
  CHECK(made->size("storage.chunk_size") == 8 << 20);
  CHECK(made->texts("plugins.path") == std::vector<std::string>{"plugins"});
  CHECK(made->where("cluster.port") == "default");
  CHECK(made->is_set("cluster.port"));
  CHECK_FALSE(made->is_set("log.file"));
  CHECK(made->text("log.file").empty());
  CHECK(made->path("log.file").empty());
  CHECK(made->size_of("masters") == 0);
}

TEST_CASE("broken TOML is cited with its line and column") {
  auto message = error_of("[cluster]\nname = \"reef\nport = 1\n");
  CHECK(message.starts_with("/etc/atoll/node.toml:2:13: "));
  CHECK(error_of("[cluster]\nname = \"a\"\nname = \"b\"\n").starts_with("/etc/atoll/node.toml:3:"));
}

TEST_CASE("an unknown key is refused, with the one that was probably meant") {
  CHECK(error_of(with_name("cluster.heartbeet = \"1s\"\n")) ==
        "/etc/atoll/node.toml:2:9: unknown key 'cluster.heartbeet'; did you mean "
        "'cluster.heartbeat'?");
  CHECK(error_of(with_name("[storge]\npath = \"/d\"\n")) ==
        "/etc/atoll/node.toml:2:2: unknown key 'storge'; did you mean 'storage'?");
  CHECK(error_of(with_name("[[masters]]\nnmae = \"m1\"\nname = \"m1\"\n")) ==
        "/etc/atoll/node.toml:3:1: unknown key 'masters[0].nmae'; did you mean 'masters[0].name'?");
  SUBCASE("also when the key is in the wrong table") {
    CHECK(error_of(with_name("chunk_size = 65536\n")) ==
          "/etc/atoll/node.toml:2:1: unknown key 'chunk_size'; did you mean 'storage.chunk_size'?");
  }
  SUBCASE("a quoted key with a dot is not a path of the schema") {
    CHECK(error_of(with_name("\"storage.path\" = \"/d\"\n"))
              .starts_with("/etc/atoll/node.toml:2:1: unknown key 'storage.path'"));
  }
}

TEST_CASE("a value of the wrong type is refused, with what is expected and what was found") {
  const std::string at = "/etc/atoll/node.toml:";
  CHECK(error_of(with_name("cluster.port = \"7000\"")) ==
        at + "2:16: cluster.port takes an integer, found the text \"7000\"");
  CHECK(error_of(with_name("cluster.heartbeat = 150")) ==
        at + "2:21: cluster.heartbeat takes a duration such as \"150ms\", found the integer 150");
  CHECK(error_of(with_name("cluster.heartbeat = \"fast\"")) ==
        at + "2:21: cluster.heartbeat takes a duration such as \"150ms\", found the text \"fast\"");
  CHECK(error_of(with_name("storage.chunk_size = \"8 MB\"")) ==
        at + "2:22: storage.chunk_size takes a size such as \"8MiB\" or a number of bytes, found "
             "the text \"8 MB\"");
  CHECK(error_of(with_name("storage.chunk_size = -1")).starts_with(at + "2:22: storage.chunk"));
  CHECK(error_of(with_name("storage.fill = nan")).starts_with(at + "2:16: storage.fill takes a"));
  CHECK(error_of(with_name("storage.sync = 1")) ==
        at + "2:16: storage.sync takes true or false, found the integer 1");
  CHECK(error_of(with_name("storage.path = 1979-05-27")) ==
        at + "2:16: storage.path takes a text in quotes, found the date or time 1979-05-27");
  CHECK(error_of(with_name("storage = 3")) ==
        at + "2:11: storage takes a table, found the integer 3");
  CHECK(error_of(with_name("masters = 3")) ==
        at + "2:11: masters takes an array of tables ([[masters]]), found the integer 3");
  CHECK(error_of(with_name("masters = [3]")) ==
        at + "2:12: masters[0] takes a table, found the integer 3");
  CHECK(error_of(with_name("consensus.options = 3")) ==
        at + "2:21: consensus.options takes a table, found the integer 3");
  CHECK(error_of(with_name("plugins.path = 3")) ==
        at + "2:16: plugins.path takes a text in quotes, or a list of text values in [brackets], "
             "found the integer 3");
  CHECK(error_of(with_name("plugins.path = [\"x\", 3]")) ==
        at + "2:22: an element of plugins.path takes a text in quotes, found the integer 3");
}

TEST_CASE("a value out of range is refused, with the range") {
  const std::string at = "/etc/atoll/node.toml:";
  CHECK(error_of(with_name("cluster.port = 70000")) ==
        at + "2:16: cluster.port is 70000, and must be 1 to 65535");
  CHECK(error_of(with_name("cluster.heartbeat = \"2h\"")) ==
        at + "2:21: cluster.heartbeat is \"2h\", and must be 1ms to 1m");
  CHECK(error_of(with_name("storage.chunk_size = \"1KiB\"")) ==
        at + "2:22: storage.chunk_size is \"1KiB\", and must be at least 64KiB");
  CHECK(error_of(with_name("storage.fill = 1.5")) ==
        at + "2:16: storage.fill is 1.5, and must be at most 1");
  CHECK(error_of(with_name("storage.durability = \"fsnyc\"")) ==
        at + "2:22: storage.durability is \"fsnyc\", and must be one of fsync, replicated; did you "
             "mean 'fsync'?");
  CHECK(error_of(with_name("masters = [{name=\"a\"},{name=\"b\"},{name=\"c\"},{name=\"d\"}]")) ==
        at + "2:11: [[masters]] stands 4 times, and must stand at most 3 times");
}

TEST_CASE("a missing key is reported with the place where it belongs") {
  CHECK(error_of("[storage]\n\n[cluster]\nport = 1\n") ==
        "/etc/atoll/node.toml:3:1: cluster.name is missing; it takes a value of type text: what "
        "this cluster is called");
  CHECK(error_of("").starts_with("/etc/atoll/node.toml:1:1: cluster.name is missing"));
  CHECK(error_of(with_name("[[masters]]\nname = \"a\"\n[[masters]]\nport = 1\n")) ==
        "/etc/atoll/node.toml:4:1: masters[1].name is missing; it takes a value of type text: the "
        "master's name");
}

TEST_CASE("all errors are reported together in the order of the file") {
  CHECK(error_of("storage.sync = 3\nzebra = 1\n[cluster]\nport = 0\n") ==
        "/etc/atoll/node.toml:1:16: storage.sync takes true or false, found the integer 3\n"
        "/etc/atoll/node.toml:2:1: unknown key 'zebra'\n"
        "/etc/atoll/node.toml:3:1: cluster.name is missing; it takes a value of type text: what "
        "this cluster is called\n"
        "/etc/atoll/node.toml:4:8: cluster.port is 0, and must be 1 to 65535");
}

TEST_CASE("an array of tables is read as a list of tables") {
  auto made = read(with_name("[[masters]]\nname = \"a\"\n[[masters]]\nname = \"b\"\nport = 9\n"));
  REQUIRE(made);
  REQUIRE(made->size_of("masters") == 2);
  CHECK(made->text(config::at("masters", 0, "name")) == "a");
  CHECK(made->integer("masters[0].port") == 7000);
  CHECK(made->integer("masters[1].port") == 9);
  CHECK(made->where("masters[1].port") == "/etc/atoll/node.toml:6:8");
}

TEST_CASE("a plugin's table is passed on as it was written, with places") {
  auto made = read(with_name("[consensus.options]\nheartbeat = \"9ms\"\nvoters = 3\n"));
  REQUIRE(made);
  auto& options = made->plugin_options("consensus.options");
  REQUIRE(options.entries.size() == 2);
  CHECK(options.find("voters")->value.where.text() == "/etc/atoll/node.toml:4:10");
  CHECK(options.find("voters")->key_where.text() == "/etc/atoll/node.toml:4:1");
  auto none = read(with_name(""));
  REQUIRE(none);
  CHECK(none->plugin_options("consensus.options").entries.empty());
}

TEST_CASE("the effective configuration is listed in the order of the schema, with origins") {
  auto made = read(with_name("masters = [{name = \"a\"}, {name = \"b\"}]\n"
                             "cluster.heartbeat = \"60000ms\"\nconsensus.options.x = 1.0\n"));
  REQUIRE(made);
  std::string listing;
  for (auto& [key, value, origin] : made->resolved())
    listing += key + " = " + value + "  # " + origin + "\n";
  CHECK(listing == R"(cluster.name = "atoll"  # /etc/atoll/node.toml:1:16
cluster.port = 7000  # default
cluster.heartbeat = "1m"  # /etc/atoll/node.toml:3:21
storage.path = "data"  # default
storage.chunk_size = "8MiB"  # default
storage.fill = 0.9  # default
storage.sync = true  # default
storage.durability = "fsync"  # default
plugins.path = ["plugins"]  # default
consensus.plugin = "raft"  # default
consensus.options.x = 1.0  # /etc/atoll/node.toml:4:23
masters[0].name = "a"  # /etc/atoll/node.toml:2:20
masters[0].port = 7000  # default
masters[1].name = "b"  # /etc/atoll/node.toml:2:34
masters[1].port = 7000  # default
)");
}

TEST_CASE("the values of a file take precedence over those of a file that it includes") {
  temporary_folder folder;
  folder.write("shared/cluster.toml", "[cluster]\nname = \"reef\"\nport = 1\n[storage]\n"
                                      "path = \"below\"\n[[masters]]\nname = \"a\"\n");
  auto main = folder.write("node/m1.toml", "include = \"../shared/cluster.toml\"\n"
                                           "[cluster]\nport = 2\n[plugins]\npath = [\"here\"]\n");
  auto made = config::load(main, schema());
  REQUIRE_MESSAGE(made, made.error().message);
  CHECK(made->text("cluster.name") == "reef");
  CHECK(made->integer("cluster.port") == 2);
  CHECK(made->size_of("masters") == 1);
  CHECK(made->where("cluster.port") == main.string() + ":3:8");
  auto shared = folder / "shared/cluster.toml";
  CHECK(made->where("cluster.name") == shared.string() + ":2:8");

  SUBCASE("and relative paths are resolved in the folder of the file that contains them") {
    CHECK(made->path("storage.path") == folder / "shared/below");
    CHECK(made->paths("plugins.path").front() == folder / "node/here");
    CHECK(made->directory_of("cluster.heartbeat") == folder / "node");
  }
  SUBCASE("and errors in either file are reported with that file") {
    folder.write("shared/cluster.toml", "[cluster]\nname = 3\n");
    auto wrong = config::load(main, schema());
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().message ==
          shared.string() + ":2:8: cluster.name takes a text in quotes, found the integer 3");
  }
}

TEST_CASE("of several included files the last one takes precedence") {
  temporary_folder folder;
  folder.write("a.toml", "cluster = {name = \"a\", port = 1}\n");
  folder.write("b.toml", "cluster.name = \"b\"\n");
  auto made = config::load(folder.write("m.toml", "include = [\"a.toml\", \"b.toml\"]"), schema());
  REQUIRE(made);
  CHECK(made->text("cluster.name") == "b");
  CHECK(made->integer("cluster.port") == 1);
}

TEST_CASE("an include of a missing file or in a cycle is refused with its place") {
  temporary_folder folder;
  auto a = folder.write("a.toml", "\ninclude = \"b.toml\"\n");
  auto message = [&](const std::filesystem::path& file) {
    auto made = config::load(file, schema());
    return made ? "accepted" : made.error().message;
  };
  CHECK(message(a) ==
        a.string() + ":2:11: there is no file " + (folder / "b.toml").string() + " to include");
  auto b = folder.write("b.toml", "include = \"a.toml\"\n");
  CHECK(message(a) == b.string() + ":1:11: " + a.string() + " includes itself by way of this file");
  auto c = folder.write("c.toml", "include = 3\n");
  CHECK(message(c) ==
        c.string() +
            ":1:11: include takes a path in quotes or a list of them, found the integer 3");
  folder.write("d.toml", "x = \n");
  auto e = folder.write("e.toml", "include = [\"d.toml\"]\n");
  CHECK(message(e).starts_with((folder / "d.toml").string() + ":1:"));
  CHECK(message(folder / "none.toml") ==
        (folder / "none.toml").string() + ": there is no such file");
  CHECK(message(folder.path()) == folder.path().string() + ": is not a regular file");
}

TEST_CASE("includes that multiply at each level are bounded") {
  temporary_folder folder;
  for (int i = 0; i < 20; ++i) {
    auto next = fmt::format("f{}.toml", i + 1);
    folder.write(fmt::format("f{}.toml", i), fmt::format("include = ['{}', '{}']\n", next, next));
  }
  folder.write("f20.toml", "cluster.name = \"x\"\n");
  auto made = config::load(folder / "f0.toml", schema());
  REQUIRE_FALSE(made);
  CHECK(made.error().message.ends_with("more than 64 files are included"));
}

TEST_CASE("a path that a shell would expand is refused with its place, and never used literally") {
  const std::string at = "/etc/atoll/node.toml:2:";
  CHECK(error_of(with_name("storage.path = \"~/dfs\"")) ==
        at + "16: storage.path is \"~/dfs\", and '~' is not replaced by a home folder here; write "
             "the path out");
  for (auto path : {"~", "~atoll/data", "$HOME/dfs", "${HOME}/dfs", "/srv/$(hostname)", "/a/$x/b"})
    CHECK_MESSAGE(error_of(with_name(fmt::format("storage.path = '{}'", path)))
                      .ends_with("; write the path out"),
                  path);
  CHECK(error_of(with_name("storage.path = \"\"")).starts_with(at + "16: storage.path is \"\""));
  CHECK(error_of(with_name("storage.path = \"a\\u0000b\"")).starts_with(at + "16: storage.path"));
  CHECK(error_of(with_name("plugins.path = [\"/a\", \"~/b\"]"))
            .starts_with(at + "23: an element of plugins.path is \"~/b\""));
  for (auto path : {"./~", "a~b", "cash$", "a/$/b", "$1", "/srv/d a t a"})
    CHECK_MESSAGE(read(with_name(fmt::format("storage.path = '{}'", path))), path);

  temporary_folder folder;
  auto file = folder.write("m.toml", "include = \"~/cluster.toml\"\n");
  auto made = config::load(file, schema());
  REQUIRE_FALSE(made);
  CHECK(made.error().message.starts_with(file.string() + ":1:11: include is \"~/cluster.toml\""));
}

TEST_CASE("a relative path is resolved in the folder of its file, however the file was named") {
  temporary_folder folder;
  folder.write("node/m.toml", with_name("storage.path = \"d\"\nplugins.path = [\"p\", \"../q\"]"));
  folder.write("elsewhere/x", "");
  std::filesystem::create_symlink(folder / "node/m.toml", folder / "elsewhere/link.toml");
  std::filesystem::create_symlink(folder / "node", folder / "elsewhere/node");
  auto before = std::filesystem::current_path();
  auto check = [&](const std::string& from, const std::string& name, const std::string& expected) {
    CAPTURE(name);
    std::filesystem::current_path(folder / from);
    auto made = config::load(name, schema());
    std::filesystem::current_path(before);
    REQUIRE_MESSAGE(made, made.error().message);
    CHECK(made->path("storage.path") == folder / (expected + "/d"));
    CHECK(made->paths("plugins.path")[0] == folder / (expected + "/p"));
    CHECK(made->paths("plugins.path")[1] == folder / "q");
    CHECK(made->where("storage.path") == name + ":2:16");
  };
  check("node", "m.toml", "node");
  check("node", "./m.toml", "node");
  check(".", "node/m.toml", "node");
  check("elsewhere", "../node/m.toml", "node");
  check("elsewhere", "node/m.toml", "node");
  check("elsewhere", (folder / "node/m.toml").string(), "node");
  check("node", "../elsewhere/link.toml",
        "elsewhere"); // the path as named, not the target of the link
}
