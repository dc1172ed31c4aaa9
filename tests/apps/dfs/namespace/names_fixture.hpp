#pragma once

#include "namespace/command.hpp"
#include "namespace/name_space.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace names {

using namespace dfs;
using atl::errc;
using atl::spi::committed_entry;

constexpr std::uint64_t second_us = 1'000'000;
constexpr std::uint64_t birth_us = 1'700'000'000 * second_us;

inline std::unique_ptr<name_space> open(const std::filesystem::path& folder) {
  name_space::settings settings;
  settings.cluster_id = "reef";
  settings.free_bytes_min = 0;
  auto opened = open_name_space(folder, settings);
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  return std::move(*opened);
}

inline std::string apply_entry(name_space& names, const std::string& bytes) {
  committed_entry entry{names.applied() + 1, 0, bytes.empty(), bytes};
  auto answers = names.apply({&entry, 1});
  REQUIRE_MESSAGE(answers.has_value(), answers.error().message);
  return answers->front();
}

inline std::string digest(const name_space& names) {
  auto text = names.digest();
  REQUIRE(text.has_value());
  return *text;
}

/// A name space in a folder of its own, and one client with a session.
class subject {
 public:
  subject() : names_{open(folder_ / "names")} {}

  template <class Command>
  atl::result<typename Command::response> run(Command what) {
    now_us_ += second_us;
    return decode_response<typename Command::response>(
        apply_entry(*names_, encode(command{{1, 1}, ++sequence_, now_us_, std::move(what)})));
  }
  template <class Query>
  auto query(const Query& what) const {
    return dfs::query(*names_, what);
  }
  atl::result<responses::changed> put(const std::string& path, std::string text = "text") {
    return run(commands::put_file{path, mtime_us(), std::move(text), true, true});
  }
  atl::result<responses::changed> put(const std::string& path, std::vector<chunk_record> chunks) {
    commands::put_file::extent_list extents;
    for (auto& chunk : chunks)
      extents.push_back({chunk, chunk.size_bytes});
    return run(commands::put_file{path, mtime_us(), std::move(extents), true, true});
  }
  chunk_record chunk(std::uint64_t number) const { return {{now_us_, number}, 100, {1, 2}}; }
  void register_storages() {
    for (auto* name : {"one", "two", "three"})
      REQUIRE(run(commands::register_storage{name, std::string{"uuid of "} + name}).has_value());
  }
  bool knows(const chunk_record& chunk) const {
    auto known = query(queries::known{{chunk.id}});
    REQUIRE(known.has_value());
    REQUIRE(known->examined == 1);
    return known->chunks.size() == 1;
  }
  responses::summary summary() const { return *query(queries::summary{}); }
  std::uint64_t now_us() const { return now_us_; }
  std::int64_t mtime_us() const { return static_cast<std::int64_t>(now_us_); }
  void sleep(std::uint64_t us) { now_us_ += us; }

  void restart() {
    names_.reset();
    names_ = open(folder_ / "names");
  }
  name_space& names() { return *names_; }
  std::filesystem::path folder() const { return folder_.path(); }

 private:
  temporary_folder folder_;
  std::unique_ptr<name_space> names_;
  std::uint64_t sequence_ = 0;
  std::uint64_t now_us_ = birth_us;
};

} // namespace names
