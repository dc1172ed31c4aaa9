#include "temporary_folder.hpp"

#include <atoll/core/plugin_loader.hpp>
#include <atoll/core/toml_config.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

// Plugins that the options of another plugin name, shown by the one that wraps recovery schemes.
namespace {

namespace fs = std::filesystem;
using atl::spi::plugin_kind;

/// Two folders of plugins: the wrapping one, and replicate. The objects outlive both.
struct split_path {
  temporary_folder wrapping, wrapped;

  split_path() {
    fs::copy_file(fs::path{BUILT_PLUGINS} / "faulty_recovery.so", wrapping / "any_name.so");
    fs::copy_file(fs::path{BUILT_PLUGINS} / "replicate.so", wrapped / "replicate.so");
  }

  /// The scheme with these options, written as TOML.
  atl::result<std::shared_ptr<atl::spi::recovery>> scheme(const std::string& toml) const {
    atl::plugin_loader loader{{wrapping.path(), wrapped.path()}};
    auto plugin = loader.load(plugin_kind::recovery, "faulty");
    REQUIRE_MESSAGE(plugin, plugin.error().message);
    auto options = (*plugin)->check_options(atl::parse_toml(toml, "node.toml").value());
    REQUIRE_MESSAGE(options, options.error().message);
    return (*plugin)->create_recovery(*options);
  }
};

std::string error_of(const split_path& path, const std::string& toml) {
  auto made = path.scheme(toml);
  return made ? "none" : made.error().message;
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a plugin finds the one that its options name, anywhere along the search path") {
  std::shared_ptr<atl::spi::recovery> scheme;
  {
    split_path path;
    scheme = path.scheme(R"(plugin = "replicate")").value();
  }
  CHECK(scheme->layout().total == 3);
}

TEST_CASE("the options of a wrapped plugin are key=value, with commas between them") {
  split_path path;
  CHECK(path.scheme(R"(options = "copies=5")").value()->layout().total == 5);
  auto layout = path.scheme(R"(options = " copies=5 ,, min_copies=4 ,")").value()->layout();
  CHECK(layout.total == 5);
  CHECK(layout.min_write == 4);
}

TEST_CASE("a wrapped plugin may wrap another one, with the defaults of its own options") {
  split_path path;
  auto scheme = path.scheme(R"(plugin = "faulty"
options = "options=copies=7")");
  REQUIRE_MESSAGE(scheme, scheme.error().message);
  CHECK((*scheme)->layout().total == 7);
}

TEST_CASE("what is wrong with a wrapped plugin is said, and nothing is created") {
  split_path path;
  auto missing = error_of(path, R"(plugin = "replicat")");
  CHECK_MESSAGE(says(missing, "there is no recovery plugin 'replicat'"), missing);
  CHECK_MESSAGE(says(missing, "did you mean 'replicate'?"), missing);
  auto unknown = error_of(path, R"(options = "copys=5")");
  CHECK_MESSAGE(says(unknown, "unknown option 'copys' of recovery plugin 'replicate'"), unknown);
  auto range = error_of(path, R"(options = "copies=99")");
  CHECK_MESSAGE(says(range, "recovery plugin 'replicate'"), range);
  auto refused = error_of(path, R"(options = "copies=2,min_copies=3")");
  CHECK_MESSAGE(says(refused, "min_copies is 3"), refused);
  auto path_name = error_of(path, R"(plugin = "../replicate")");
  CHECK_MESSAGE(says(path_name, "can't be the name of a plugin"), path_name);
}
