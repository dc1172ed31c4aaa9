#include "contains.hpp"
#include "other_user.hpp"
#include "settings/settings.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

/// Where the cluster's secret is looked for, and what is refused.
using namespace dfs;
namespace fs = std::filesystem;

namespace {

constexpr auto cluster_text = "[cluster]\nname = \"reef\"\n{}[[masters]]\nid = 1\nname = \"m\"\n"
                              "address = \"127.0.0.1:7001\"\n";

atl::result<cluster_settings> read(const fs::path& file,
                                   std::span<const atl::key_spec> schema = node_schema()) {
  auto config = atl::config::load(file, schema);
  REQUIRE_MESSAGE(config.has_value(), config.error().message);
  return read_cluster(*config);
}

/// A folder with a cluster's file that has the line, and a node's file in a folder beside it.
struct files {
  explicit files(const std::string& line = {}) {
    cluster = folder.write("shared/cluster.toml", fmt::format(cluster_text, line));
    node =
        folder.write("nodes/m.toml", "include = \"../shared/cluster.toml\"\n[node]\nname = \"m\"\n"
                                     "roles = [\"master\"]\ndata = \"data\"\n");
  }
  atl::net::cluster_secret make(const std::string& name) const {
    auto made = atl::net::cluster_secret::create(folder / name);
    REQUIRE_MESSAGE(made.has_value(), made.error().message);
    return *made;
  }
  void write_readable_by_owner(const std::string& name, const std::string& text) const {
    REQUIRE(::chmod(folder.write(name, text).c_str(), 0600) == 0);
  }
  std::string problem() const {
    auto made = read(node);
    return made ? "" : made.error().message;
  }

  temporary_folder folder;
  fs::path cluster;
  fs::path node;
};

bool are_same(const atl::net::cluster_secret& a, const atl::net::cluster_secret& b) {
  return atl::net::equal(a.prove("a", "b"), b.prove("a", "b"));
}

} // namespace

TEST_CASE("without a key and without a file beside the cluster's file there is no secret") {
  files at;
  at.make("nodes/cluster.secret"); // beside the node's file, which says nothing
  auto made = read(at.node);
  REQUIRE(made.has_value());
  CHECK(made->secret.empty());
  CHECK(made->secret_file == at.folder / "shared/cluster.secret");
}

TEST_CASE("the secret beside the cluster's file is used by a node in another folder and by a "
          "client") {
  files at;
  auto secret = at.make("shared/cluster.secret");
  for (auto& made : {read(at.node), read(at.cluster, cluster_schema())}) {
    REQUIRE_MESSAGE(made.has_value(), made.error().message);
    REQUIRE_FALSE(made->secret.empty());
    CHECK(are_same(made->secret, secret));
  }
}

TEST_CASE("cluster.secret_file is used instead, relative to the file in which it stands") {
  files at{"secret_file = \"keys/reef\"\n"};
  at.make("shared/cluster.secret");
  fs::create_directories(at.folder / "shared/keys");
  auto secret = at.make("shared/keys/reef");
  auto made = read(at.node);
  REQUIRE_MESSAGE(made.has_value(), made.error().message);
  CHECK(made->secret_file == at.folder / "shared/keys/reef");
  CHECK(are_same(made->secret, secret));
}

TEST_CASE("a file that cluster.secret_file names must exist and be usable") {
  files at{"secret_file = \"reef\"\n"};
  at.make("shared/cluster.secret"); // is no replacement
  std::string why;
  SUBCASE("missing") {
    why = "there is no secret";
  }
  SUBCASE("malformed") {
    at.write_readable_by_owner("shared/reef", "secret\n");
    why = "64 hexadecimal digits";
  }
  auto problem = at.problem();
  auto place = at.cluster.string() + ":3:15";
  CHECK_MESSAGE(problem.starts_with(place + ": cluster.secret_file: "), problem);
  CHECK_MESSAGE(contains(problem, why), problem);
  CHECK_MESSAGE(contains(problem, (at.folder / "shared/reef").string()), problem);
}

TEST_CASE("an unusable secret beside the cluster's file is an error") {
  files at;
  auto file = at.folder / "shared/cluster.secret";
  std::string why;
  SUBCASE("malformed") {
    at.write_readable_by_owner("shared/cluster.secret", std::string(63, 'a') + "g\n");
    why = "64 hexadecimal digits";
  }
  SUBCASE("open to others") {
    at.make("shared/cluster.secret");
    REQUIRE(::chmod(file.c_str(), 0640) == 0);
    why = "chmod 600";
  }
  SUBCASE("a folder") {
    fs::create_directories(file);
    why = "is no file";
  }
  SUBCASE("a link that leads nowhere") {
    fs::create_symlink("gone", file);
    why = "there is no secret";
  }
  auto problem = at.problem();
  CHECK_MESSAGE(contains(problem, why), problem);
  CHECK_MESSAGE(contains(problem, file.string()), problem);
  CHECK_MESSAGE(!contains(problem, "default"), problem);
}

TEST_CASE("a secret that this user may not read is an error, not a cluster without a secret") {
  files at;
  at.make("shared/cluster.secret");
  fs::permissions(at.folder.path(),
                  fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  if (::getuid() != 0)
    REQUIRE(::chmod((at.folder / "shared/cluster.secret").c_str(), 0) == 0);
  std::string problem;
  {
    other_user reader;
    problem = at.problem();
  }
  CHECK_MESSAGE(contains(problem, "may not read"), problem);
  CHECK_MESSAGE(contains(problem, (at.folder / "shared/cluster.secret").string()), problem);
}
