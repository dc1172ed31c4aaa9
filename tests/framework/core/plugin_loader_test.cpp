#include "plugin_folder.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

using namespace loader_test;

TEST_CASE("a plugin is found by name, checked and loaded, and creates its object") {
  plugin_folder folder{"first", "silent", "whole"};
  auto loaded = folder.loader().load(plugin_kind::balancer, "first");
  REQUIRE_MESSAGE(loaded, loaded.error().message);
  auto& plugin = **loaded;
  CHECK(plugin.kind() == plugin_kind::balancer);
  CHECK(plugin.name() == "first");
  CHECK(plugin.version() == "1.2.3");
  CHECK(plugin.file() == folder / "first.so");
  CHECK(plugin.title() == "balancer plugin 'first'");
  CHECK(plugin.claim("shares") == "uniform");
  CHECK(plugin.claim("spread").empty());
  auto options = plugin.check_options({});
  REQUIRE(options);
  auto balancer = plugin.create_balancer(*options, 4);
  REQUIRE(balancer);
  CHECK((*balancer)->pick({}, {}) == 7);
}

TEST_CASE("an object that a plugin created outlives the plugin and its loader") {
  std::shared_ptr<atl::spi::balancer> balancer;
  {
    plugin_folder folder{"first"};
    auto plugin = folder.loader().load("first").value();
    auto written = atl::parse_toml("index = 5", "node.toml").value();
    balancer = plugin->create_balancer(plugin->check_options(written).value(), 0).value();
  }
  CHECK(balancer->pick({}, {}) == 5);
}

TEST_CASE("each kind is made by its own factory, and by no other") {
  plugin_folder folder{"first", "silent", "whole"};
  auto loader = folder.loader();
  auto silent = loader.load(plugin_kind::consensus, "silent").value();
  auto options = silent->check_options({}).value();
  auto replica = silent->create_consensus(
      {.options = options, .self = 2, .voters = {1, 2, 3}, .seed = 1, .incarnation = 1});
  REQUIRE(replica);
  options = {};
  CHECK((*replica)->status().leader == 2);
  CHECK((*replica)->status().pending == 3);
  CHECK((*replica)->status().blocked == "it is silent");

  auto whole = loader.load(plugin_kind::recovery, "whole").value();
  auto scheme = whole->create_recovery({});
  REQUIRE(scheme);
  CHECK((*scheme)->fragment_size(9, 0) == 9);

  auto wrong = whole->create_balancer({}, 0);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message ==
        fmt::format("recovery plugin 'whole' ({}) was asked to create something of another kind",
                    (folder / "whole.so").string()));
  CHECK_FALSE(whole->create_consensus({.options = options, .voters = {}}));
  CHECK_FALSE(silent->create_recovery({}));
}

TEST_CASE("a stripped library can be loaded") {
  plugin_folder folder{"stripped"};
  CHECK(folder.loader().load(plugin_kind::balancer, "stripped"));
}

TEST_CASE("a plugin is found by the name in its symbol, whatever its file is called") {
  plugin_folder folder{};
  folder.add("first", "libwhatever-2");
  CHECK(folder.loader().load(plugin_kind::balancer, "first"));
  CHECK(refusal(folder, "libwhatever").starts_with("there is no balancer plugin 'libwhatever'"));
}

TEST_CASE("an unknown plugin is refused with the folders, the nearest name and all names") {
  plugin_folder folder{"first", "stripped", "silent"};
  CHECK(refusal(folder, "frist") ==
        fmt::format("there is no balancer plugin 'frist' in {}; did you mean 'first'?; known: "
                    "first, stripped",
                    folder.path().string()));
  CHECK(refusal(folder, plugin_kind::recovery, "first") ==
        fmt::format("'first' is a balancer plugin ({}), expected a recovery plugin",
                    (folder / "first.so").string()));
  plugin_loader lost{{"/nowhere/a", folder.path() / "none"}};
  CHECK(lost.load("first").error().message ==
        fmt::format("there is no plugin 'first' in /nowhere/a, {0}/none; none is known; "
                    "/nowhere/a: can't be searched for plugins: No such file or directory; "
                    "{0}/none: can't be searched for plugins: No such file or directory",
                    folder.path().string()));
}

TEST_CASE("a path is refused as a plugin's name") {
  plugin_folder folder{"first"};
  for (auto name : {"", "First", "../first", "/first", "first.so", "1st", "_first", "fir st"})
    CHECK_MESSAGE(refusal(folder, name) ==
                      fmt::format("'{}' can't be the name of a plugin, which is [a-z][a-z0-9_]* "
                                  "and no path",
                                  name),
                  name);
}

TEST_CASE("two plugins of the same name are both refused in any order, and neither runs") {
  plugin_folder folder{"first"};
  auto twin = folder.add("twin", "twin");
  CHECK(refusal(folder, "first") ==
        fmt::format("balancer plugin 'first' is refused: {}: another balancer plugin 'first' is at "
                    "{}; remove one of them, or its folder from the search path",
                    (folder / "first.so").string(), twin.string()));
  plugin_folder other{"first"};
  plugin_loader both{{other.path(), folder.path()}};
  CHECK(both.load("first").error().message.find("another balancer plugin") != std::string::npos);
}

TEST_CASE("one file that is reached by two paths is one plugin") {
  plugin_folder folder{"first"};
  fs::create_symlink(folder / "first.so", folder / "also.so");
  plugin_loader twice{{folder.path(), folder.path()}};
  CHECK(twice.list().size() == 1);
  CHECK(twice.load("first"));
}

TEST_CASE("a library without exactly one valid descriptor symbol is refused before it is mapped") {
  CHECK(
      refusal_when_alone("not_a_plugin") ==
      "there is no balancer plugin 'not_a_plugin', for not_a_plugin.so: is not a plugin: expected "
      "one exported symbol atoll_plugin__…, found none");
  CHECK(refusal_when_alone("pair").find(
            "pair.so: holds 2 plugins, expected one: atoll_plugin__3__") != std::string::npos);
  CHECK(
      refusal_when_alone("mystery").find(
          "mystery.so: exports atoll_plugin__3__gnu_libstdcxx_cxx11__mystery__1_0__1_2_3__mystery, "
          "expected a name as ATOLL_PLUGIN makes it") != std::string::npos);
  CHECK(refusal_when_alone("function_symbol").find("expected data of") != std::string::npos);
  plugin_folder upper{"upper"};
  CHECK(upper.loader().list().front().refusal.find("__Upper, expected a name") !=
        std::string::npos);
}

TEST_CASE("a descriptor that contradicts its symbol is refused") {
  auto refused = [](std::string_view variant) { return refusal_when_alone(variant); };
  CHECK(refused("liar") == "liar.so: its descriptor says name 'truth', its symbol 'liar'");
  CHECK(refused("liar_kind") ==
        "liar_kind.so: its descriptor says kind 'recovery', its symbol 'balancer'");
  CHECK(refused("liar_version") ==
        "liar_version.so: its descriptor says version '9.9.9', its symbol '1.2.3'");
  CHECK(refused("liar_spi") ==
        "liar_spi.so: its descriptor says balancer interface 1.0, its symbol 2.0");
  CHECK(refused("liar_layout") ==
        "liar_layout.so: its descriptor says version 7 of itself, its symbol 3");
  CHECK(refusal(plugin_folder{"backwards"}, plugin_kind::consensus, "backwards")
            .find("its descriptor says protocol versions 2 to 1, expected a range of numbers from "
                  "1 on") != std::string::npos);
  CHECK(refused("magic") ==
        "magic.so: its descriptor begins with 0x1, expected 0x61746f6c6c2d5350");
  CHECK(refused("size") == fmt::format("size.so: its descriptor has 8 bytes, expected {}",
                                       sizeof(atl::spi::descriptor)));
  CHECK(refused("no_factory") ==
        "no_factory.so: its descriptor lacks the function that creates a balancer plugin");
  CHECK(refused("no_summary") == "no_summary.so: its descriptor lacks a summary or a licence");
  CHECK(refused("many") == "many.so: its descriptor has 1 claims and 1073741824 options, expected "
                           "lists of at most 256");
  CHECK(refused("options") == "options.so: its descriptor is wrong: option 'index' has a default "
                              "that isn't of its type: \"many\" is not an integer");
}

TEST_CASE("a library that the system can't map is refused with the reason") {
  auto message = refusal_when_alone("needs");
  CHECK(message.starts_with("needs.so: can't be loaded: "));
  CHECK(message.find("nobody_has_this") != std::string::npos);
}

TEST_CASE("an exception of a factory becomes an error") {
  plugin_folder folder{"throws", "throws_number", "nothing"};
  auto error_of = [&](std::string_view name) {
    auto plugin = folder.loader().load(name).value();
    auto made = plugin->create_balancer(plugin->check_options({}).value(), 1);
    return made ? "made" : made.error().message;
  };
  CHECK(error_of("throws") ==
        fmt::format("balancer plugin 'throws' ({}) refused its set-up: index and seed contradict "
                    "each other",
                    (folder / "throws.so").string()));
  CHECK(error_of("throws_number").ends_with("threw something that is no std::exception"));
  CHECK(error_of("nothing").ends_with("created nothing"));
}

TEST_CASE("a file or folder that others may write to is refused before it is opened") {
  plugin_folder folder{"aborts"};
  auto file = folder / "aborts.so";
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
  CHECK(refusal(folder, "aborts") ==
        fmt::format("there is no balancer plugin 'aborts', for {}: may be written by anybody, so "
                    "anybody could run code here; take that right away (chmod o-w)",
                    file.string()));
  fs::permissions(file, fs::perms::others_write, fs::perm_options::remove);

  SUBCASE("a folder that is searched") {
    fs::permissions(folder.path(), fs::perms::others_write, fs::perm_options::add);
    CHECK(refusal(folder, "aborts").find("the folder may be written by anybody") !=
          std::string::npos);
  }
  SUBCASE("a folder that a link leads to") {
    plugin_folder links{};
    fs::create_symlink(file, links / "link.so");
    fs::permissions(folder.path(), fs::perms::others_write, fs::perm_options::add);
    CHECK(refusal(links, "aborts").find("the folder may be written by anybody") !=
          std::string::npos);
  }
}

TEST_CASE("a file that no user may read is refused") {
  plugin_folder folder{"aborts"};
  fs::permissions(folder / "aborts.so", fs::perms::none);
  CHECK(refusal(folder, "aborts").find("aborts.so: can be read by no user") != std::string::npos);
}

TEST_CASE("plugin folders must be absolute paths") {
  plugin_loader loader{{"plugins"}};
  CHECK(loader.list().front().refusal == "plugins: a folder of plugins is an absolute path");
  CHECK(atl::installed_plugins().is_absolute());
}

TEST_CASE("every library in a folder is listed, with the reason of each refusal, and none runs") {
  plugin_folder folder{"aborts", "major", "not_a_plugin"};
  folder.write("README.md", "# not a plugin\n");
  folder.write("empty.so", "");
  folder.write(".hidden", "");
  folder.write("folder/file", "");
  ::mkfifo((folder / "pipe.so").c_str(), 0600);
  fs::create_symlink("nowhere", folder / "dangling.so");
  std::string listing;
  for (auto& file : folder.loader().list())
    listing += file.refusal.empty() ? fmt::format("{} {} {}\n", atl::to_string(file.identity->kind),
                                                  file.identity->name, file.identity->version)
                                    : file.refusal.substr(folder.path().string().size() + 1) + "\n";
  CHECK(listing ==
        R"(README.md: is not a plugin: expected a shared library (ELF), found another kind of file
balancer aborts 1.2.3
dangling.so: can't be read: No such file or directory
empty.so: is not a plugin: the file is empty
major.so: is built for balancer interface 99.0, expected 2.0; build it against this version's headers
not_a_plugin.so: is not a plugin: expected one exported symbol atoll_plugin__…, found none
pipe.so: is not a plugin: expected a regular file, found another kind of thing
)");
}

TEST_CASE("a loaded plugin keeps working when its file is overwritten or removed") {
  plugin_folder folder{"first"};
  auto plugin = folder.loader().load("first").value();
  auto options = plugin->check_options({}).value();
  auto before = plugin->create_balancer(options, 0).value();
  auto file = folder / "first.so";
  // As `cp` does: the same file is truncated and then rewritten.
  std::ofstream{file, std::ios::binary | std::ios::trunc} << std::string(100'000, '\x5a');
  auto after = plugin->create_balancer(options, 0).value();
  CHECK(before->pick({}, {}) == 3);
  CHECK(after->pick({}, {}) == 3);
  CHECK(plugin->file() == file);
  fs::remove(file);
  CHECK(plugin->create_balancer(options, 1).value()->pick({}, {}) == 4);
}

TEST_CASE("a plugin file that was replaced after its check is checked again") {
  plugin_folder folder{"first"};
  auto file = atl::inspect_plugin(folder / "first.so");
  REQUIRE(file.refusal == "");
  auto refused_with = [&](std::string_view variant) {
    fs::remove(file.path);
    folder.add(variant, "first");
    auto opened = atl::open_plugin(file);
    return opened ? "opened" : opened.error().message;
  };
  CHECK(refused_with("stripped").ends_with("first.so: was changed while it was read; try again"));
  CHECK(refused_with("not_a_plugin").find("first.so: is not a plugin") != std::string::npos);
  CHECK(refused_with("major").find("is built for balancer interface 99.0") != std::string::npos);
  CHECK(refused_with("first") == "opened");
}

TEST_CASE("each load maps a separate library, also of plugins that are never unmapped") {
  plugin_folder folder{"first", "stays", "whole"};
  for (int round = 0; round < 3; ++round)
    for (auto name : {"stays", "first", "whole"}) {
      auto plugin = folder.loader().load(name);
      REQUIRE_MESSAGE(plugin, plugin.error().message);
      CHECK((*plugin)->name() == name);
    }
}

TEST_CASE("a plugin finds the libraries in its own folder") {
  plugin_folder folder{"sociable"};
  fs::copy_file(built / "libneighbour.so", folder / "libneighbour.so");
  {
    auto plugin = folder.loader().load(plugin_kind::balancer, "sociable");
    REQUIRE_MESSAGE(plugin, plugin.error().message);
    CHECK((*plugin)->create_balancer((*plugin)->check_options({}).value(), 0));
  }
  plugin_folder alone{"sociable"};
  auto message = refusal(alone, "sociable");
  CHECK_MESSAGE(message.find("sociable.so: can't be loaded: ") != std::string::npos, message);
  CHECK_MESSAGE(message.find("libneighbour.so") != std::string::npos, message);
}

TEST_CASE("a load observer is called before any code of the library runs") {
  plugin_folder folder{"first", "major"};
  std::vector<fs::path> heard;
  auto watch = [&](const fs::path& library) { heard.push_back(library); };
  CHECK(folder.loader().load("first", watch));
  CHECK_FALSE(folder.loader().load("major", watch)); // refused before it is mapped
  CHECK(heard == std::vector<fs::path>{folder / "first.so"});
}
