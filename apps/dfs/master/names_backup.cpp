#include "master/names_backup.hpp"

#include "namespace/name_space.hpp"

#include <atoll/core/identity.hpp>

#include <optional>
#include <system_error>
#include <utility>

namespace dfs {

using protocol::backup_phase;
using protocol::backup_state;

/// A copy of the name space, and how far it was read.
struct names_backup::copy {
  std::filesystem::path folder;
  std::optional<atl::saved_state> rows;
  atl::backup_writer writer;
  std::string after; ///< the last key that was read
  bool is_read = false;

  ~copy() {
    rows.reset();
    std::error_code ignored; // the next start removes what is left
    std::filesystem::remove_all(folder, ignored);
  }
};

names_backup::names_backup(settings given) : settings_{std::move(given)} {}

names_backup::~names_backup() = default;

bool names_backup::request(const protocol::backup_request& what) {
  auto now = clock::now();
  if (what.run == run_) {
    asked_ = now;
    return false;
  }
  auto is_occupied = run_ != 0 && now - asked_ < settings_.abandoned_after &&
                     latest_.phase != backup_phase::last && failure_.empty();
  if (is_occupied || what.block != 0)
    return false;
  copy_.reset();
  run_ = what.run;
  asked_ = now;
  failure_.clear();
  latest_ = {};
  blocks_ = 0;
  return true;
}

void names_backup::begin(const std::filesystem::path& folder) {
  copy_ = std::make_unique<copy>();
  copy_->folder = folder;
  auto opened = atl::saved_state::open(folder, name_space_info());
  if (!opened)
    return fail(opened.error().message);
  copy_->rows = std::move(*opened);
}

void names_backup::fail(const std::string& why) {
  copy_.reset();
  failure_ = why;
}

/// The first block is the head, and the one after the last rows is the end.
atl::result<std::string> names_backup::next_block() {
  if (blocks_ == 0) {
    auto summary = copy_->rows->summary();
    if (!summary)
      return tl::unexpected{summary.error()};
    auto service = name_space_info();
    return copy_->writer.begin({atl::random_uuid(), service.name, service.version,
                                settings_.cluster, settings_.group, summary->applied,
                                summary->time_us});
  }
  if (copy_->is_read)
    return copy_->writer.end();
  auto from = copy_->after;
  if (!from.empty())
    from.push_back('\0');
  auto visited = copy_->rows->visit_rows(from, [&](std::string_view key, std::string_view value) {
    copy_->writer.add(key, value);
    copy_->after = key;
    return !copy_->writer.is_full();
  });
  if (!visited)
    return tl::unexpected{visited.error()};
  copy_->is_read = !copy_->writer.is_full();
  return copy_->writer.take_rows();
}

backup_state names_backup::answer(const protocol::backup_request& what) {
  if (what.run != run_)
    return what.block == 0 ? backup_state{}
                           : backup_state{backup_phase::failed,
                                          {},
                                          "the backup was given up, or another master leads now"};
  if (!failure_.empty())
    return {backup_phase::failed, {}, failure_};
  if (blocks_ > 0 && what.block == blocks_ - 1)
    return latest_;
  if (!copy_)
    return {backup_phase::copying, {}, {}};
  if (what.block != blocks_)
    return {backup_phase::failed, {}, "its blocks are asked for out of order"};
  auto is_last = copy_->is_read;
  auto made = next_block();
  if (!made) {
    fail(made.error().message);
    return {backup_phase::failed, {}, failure_};
  }
  ++blocks_;
  latest_ = {is_last ? backup_phase::last : backup_phase::block, std::move(*made), {}};
  if (is_last)
    copy_.reset();
  return latest_;
}

} // namespace dfs
