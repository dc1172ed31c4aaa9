#include "storm_files.hpp"

#include "test_cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace {

/// With as many files a client prefers operations that make no more.
constexpr std::size_t files_max = 40;
constexpr std::size_t small_bytes_max = 512; ///< such files are in the name space
constexpr std::size_t medium_bytes_max = 100'000;
constexpr std::size_t large_bytes_max = 400'000;

} // namespace

std::string storm_bytes(storm_content which) {
  atl::spi::random_source random{which};
  auto kind = random.below(10);
  auto limit = kind < 3 ? small_bytes_max : kind < 8 ? medium_bytes_max : large_bytes_max;
  return random_bytes(1 + random.below(limit), which);
}

storm_files::storm_files(std::string folder, std::uint64_t seed)
    : folder_{std::move(folder)}, random_{seed} {}

storm_effect storm_files::new_file() {
  return {fmt::format("{}/{}", folder_, ++last_name_), 0, random_.next() | 1};
}

storm_operation storm_files::next_operation() {
  auto draw = random_.below(10);
  if (files_.empty() || (draw < 4 && files_.size() < files_max))
    return {new_file()};
  auto& file = files_[random_.below(files_.size())];
  auto removal = storm_effect{file.path, file.after, 0};
  if (draw < 7)
    return {{file.path, file.after, random_.next() | 1}};
  if (draw == 7)
    return {removal};
  auto& other = files_[random_.below(files_.size())];
  auto target = draw == 8 || other.path == file.path ? new_file() : other;
  target.before = draw == 8 || other.path == file.path ? 0 : other.after;
  target.after = file.after;
  return {removal, target};
}

void storm_files::note(const storm_operation& what, storm_outcome outcome) {
  if (outcome == storm_outcome::not_done)
    return;
  for (const auto& effect : what)
    std::erase_if(files_, [&](auto& file) { return file.path == effect.path; });
  if (outcome == storm_outcome::unknown)
    return unknown_.push_back(what);
  for (const auto& effect : what)
    if (effect.after == 0)
      removed_.push_back(effect.path);
    else
      files_.push_back({effect.path, effect.after, effect.after});
}

std::optional<storm_effect> storm_files::any_file() {
  if (files_.empty())
    return std::nullopt;
  return files_[random_.below(files_.size())];
}
