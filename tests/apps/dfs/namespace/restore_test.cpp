#include "names_fixture.hpp"

#include <atoll/core/state/state_backup.hpp>

#include <fstream>

// A name space that begins from a backup of another one.
using namespace names;

namespace {

/// A backup of the rows of a name space at an entry.
void write_backup(const name_space& names, const std::filesystem::path& file) {
  auto service = name_space_info();
  atl::backup_writer writer;
  std::ofstream out{file, std::ios::binary};
  out << writer.begin(
      {"id", service.name, service.version, "reef", "group", names.applied(), birth_us});
  REQUIRE(names.visit_rows([&](std::string_view key, std::string_view value) {
    writer.add(key, value);
    return true;
  }));
  out << writer.take_rows() << writer.end();
}

std::unique_ptr<name_space> restore(const std::filesystem::path& folder,
                                    const std::filesystem::path& file) {
  name_space::settings settings;
  settings.cluster_id = "reef";
  settings.free_bytes_min = 0;
  settings.backup = *atl::backup_file::open(file);
  auto opened = open_name_space(folder, settings);
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  return std::move(*opened);
}

/// In a session of its own: those of before a restore are forgotten.
responses::changed put(name_space& names, std::uint64_t session, const std::string& path) {
  auto answer = apply_entry(
      names, encode(command{{9, session}, 1, birth_us, single_action{new_file(at(path))}}));
  auto done = decode_response<responses::changed>(answer);
  REQUIRE_MESSAGE(done.has_value(), done.error().message);
  return *done;
}

} // namespace

TEST_CASE("versions and ids go on from those of the backup, also over two restores") {
  temporary_folder folder;
  auto names = open(folder / "names");
  std::uint64_t session = 0;
  auto latest = put(*names, ++session, "/a");
  for (int i = 0; i < 10; ++i)
    latest = put(*names, ++session, "/a");
  for (auto* name : {"first", "second"}) {
    write_backup(*names, folder / "backup");
    names = restore(folder / name, folder / "backup");
    CHECK(names->applied() == 0);
    CHECK(query(*names, queries::stat{at("/a")})->inode > 0);
    auto made = put(*names, ++session, std::string{"/"} + name);
    CHECK(made.version > latest.version);
    CHECK(made.inode > latest.inode);
    latest = made;
    CHECK(audit(*names)->findings.empty());
  }
}
