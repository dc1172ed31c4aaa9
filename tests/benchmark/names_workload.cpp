#include "names_workload.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace names_workload {

namespace {

constexpr std::uint64_t birth_us = 1'700'000'000'000'000;
constexpr std::uint64_t directories_per_directory = 1000;
constexpr std::uint64_t chunk_bytes = 1u << 20;

std::string directory(std::uint64_t number) {
  return fmt::format("projects/{:05}/{:03}", number / directories_per_directory,
                     number % directories_per_directory);
}

std::string file(std::uint64_t number) {
  return fmt::format("{}/document {}", directory(number / files_per_directory), number);
}

} // namespace

std::unique_ptr<dfs::name_space> open(const std::filesystem::path& folder,
                                      std::size_t cache_bytes) {
  dfs::name_space::settings settings;
  settings.cluster_id = "bench";
  settings.free_bytes_min = 0;
  settings.cache_bytes = cache_bytes;
  auto opened = dfs::open_name_space(folder, settings);
  if (!opened)
    throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

atl::spi::committed_entry log::entry(dfs::action action) {
  ++index_;
  dfs::command command{{1, 1 + index_ % sessions},
                       1 + (index_ - 1) / sessions,
                       birth_us + index_,
                       std::move(action)};
  return {index_, 0, false, encode(command)};
}

atl::spi::committed_entry log::register_storage(int number) {
  return entry(dfs::commands::register_storage{fmt::format("storage-{}", number),
                                               fmt::format("folder {}", number)});
}

atl::spi::committed_entry log::define_policy() {
  dfs::policy policy;
  policy.recovery = "replicate";
  policy.encoding = "copy/1";
  policy.placement = "round_robin";
  policy.fragments = 3;
  policy.fragments_min = 2;
  policy.survives_losses = 2;
  return entry(dfs::commands::define_policy{policy});
}

atl::spi::committed_entry log::set_policy() {
  return entry(dfs::commands::set_policy{{}, policy_id, false});
}

atl::spi::committed_entry log::make_directory(std::uint64_t number) {
  dfs::commands::make made;
  made.where.path = directory(number);
  made.inode.type = dfs::inode_type::directory;
  made.existing = dfs::commands::make::if_exists::keep;
  made.parents = true;
  return entry(std::move(made));
}

dfs::commands::make log::put(std::string path) {
  dfs::chunk_record chunk{
      {birth_us + index_, random_.next()}, chunk_bytes, {1, 2, 3}, 7, policy_id};
  dfs::commands::make made;
  made.where.path = std::move(path);
  made.existing = dfs::commands::make::if_exists::replace;
  made.content.push_back({0, chunk_bytes, dfs::chunk_part{chunk, 0}});
  return made;
}

atl::spi::committed_entry log::put_file(std::uint64_t number) {
  return entry(put(file(number)));
}

atl::spi::committed_entry log::make_file(std::string path) {
  dfs::commands::make made;
  made.where.path = std::move(path);
  return entry(std::move(made));
}

atl::spi::committed_entry log::write_extents(std::string path, std::uint64_t begin,
                                             std::uint64_t end) {
  const dfs::chunk_record chunk{{birth_us, 1}, chunk_bytes, {1, 2, 3}, 7, policy_id};
  dfs::commands::write written;
  written.where.path = std::move(path);
  for (auto number = begin; number < end; ++number)
    written.pieces.push_back(
        {2 * number * extent_bytes, extent_bytes,
         dfs::chunk_part{chunk, number * 7 % (chunk_bytes / extent_bytes) * extent_bytes}});
  return entry(std::move(written));
}

atl::spi::committed_entry log::create_anywhere(std::uint64_t files) {
  auto where = directory(random_.below(files) / files_per_directory);
  return entry(put(fmt::format("{}/new {}", where, ++created_)));
}

atl::spi::committed_entry log::replace_any(std::uint64_t files) {
  return entry(put(file(random_.below(files))));
}

atl::spi::committed_entry log::remove_any(std::uint64_t files) {
  return entry(dfs::commands::unlink{{dfs::root_inode, file(random_.below(files))}});
}

} // namespace names_workload
