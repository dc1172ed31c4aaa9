#include "node/window_rebuild.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/net/all_of.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace dfs {

using atl::errc;
using atl::net::on;
using atl::spi::fragment_range;
using boost::asio::awaitable;

namespace {

/// Of the wanted fragment. Two windows are in memory with their sources at a time.
constexpr std::uint64_t window_bytes_max = 1 << 20;
/// Of all sources of a window, as long as a window of one block in each isn't more.
constexpr std::uint64_t sources_bytes_max = 8 << 20;
/// A scheme with longer cells is rebuilt at once.
constexpr std::uint64_t unit_bytes_max = 4 << 20;

/// A window is whole cells, so that it needs nothing of other stripes, and whole blocks.
std::uint64_t unit_bytes(const atl::spi::recovery& scheme) {
  return std::lcm<std::uint64_t>(scheme.stripes().cell_bytes, block_size);
}

std::uint64_t window_bytes(const atl::spi::recovery& scheme) {
  auto unit = unit_bytes(scheme);
  auto wanted = std::min(window_bytes_max, sources_bytes_max / scheme.stripes().data);
  return std::max(unit, wanted / unit * unit);
}

} // namespace

bool window_rebuild::is_possible(const atl::spi::recovery& scheme) {
  auto how = scheme.stripes();
  return how.cell_bytes > 0 && how.data > 0 && unit_bytes(scheme) <= unit_bytes_max;
}

bool window_rebuild::is_cheaper(const atl::spi::recovery& scheme,
                                const protocol::repair_task& task) {
  std::vector<atl::spi::source> sources;
  for (auto& each : task.sources)
    sources.push_back({each.fragment, 1});
  auto reads =
      scheme.reads_to_rebuild(task.chunk_bytes, {task.fragment, 0, task.fragment_bytes}, sources);
  std::uint64_t bytes = 0;
  if (reads)
    for (auto& each : *reads)
      bytes += each.length;
  return reads && bytes < task.chunk_bytes;
}

awaitable<window_rebuild::outcome> window_rebuild::run() {
  auto open = [this] { return begin(); };
  auto ready = co_await on(disk_, open);
  if (!ready) {
    problem_ = ready.error();
    co_return outcome::failed_here;
  }
  auto ended = co_await make_all();
  if (ended == outcome::stored) {
    auto close = [this] { return commit(); };
    auto committed = co_await on(disk_, close);
    if (!committed) {
      problem_ = committed.error();
      ended = outcome::failed_here;
    }
  }
  auto drop = [this] { writer_.reset(); };
  co_await on(disk_, drop);
  co_return ended;
}

atl::status window_rebuild::begin() {
  auto begun = store_.begin({task_.chunk, task_.fragment}, task_.fragment_bytes);
  if (!begun)
    return tl::unexpected{begun.error()};
  writer_.emplace(std::move(*begun));
  return {};
}

atl::status window_rebuild::commit() {
  auto committed = writer_->commit(task_.how);
  if (committed)
    counters_.rebuilt_bytes += task_.fragment_bytes;
  return committed;
}

awaitable<window_rebuild::outcome> window_rebuild::make_all() {
  auto is_striped = is_possible(*by_.recovery);
  auto step = is_striped ? window_bytes(*by_.recovery) : task_.fragment_bytes;
  is_checking_ = is_striped;
  auto window_at = [&](std::uint64_t offset) {
    return window{{task_.fragment, offset, std::min(step, task_.fragment_bytes - offset)}, {}};
  };
  std::uint64_t end = 0; ///< of the windows that are made
  auto current = window_at(0);
  auto is_read = true;
  if (task_.fragment_bytes > 0)
    is_read = co_await read(current);
  while (is_read && end < task_.fragment_bytes) {
    end += current.wanted.length;
    auto next = window_at(end);
    std::vector<awaitable<bool>> steps;
    steps.push_back(make(current));
    if (end < task_.fragment_bytes)
      steps.push_back(read(next));
    auto both = atl::net::all_of(std::move(steps));
    auto done = co_await std::move(both);
    if (!done.front())
      co_return outcome::failed_here;
    is_read = done.back();
    current = std::move(next);
  }
  if (is_read)
    is_read = co_await check_rest();
  if (!is_read)
    co_return outcome::no_source;
  auto is_wrong = is_checking_ && crc_ != task_.chunk_crc;
  co_return is_wrong ? outcome::wrong_content : outcome::stored;
}

awaitable<bool> window_rebuild::read(window& part) {
  rebuild_sources::planner plan = [&](std::span<const atl::spi::source> sources) {
    return by_.recovery->reads_to_rebuild(task_.chunk_bytes, part.wanted, sources);
  };
  part.from = co_await sources_.read(plan);
  co_return part.from.has_value();
}

awaitable<bool> window_rebuild::make(const window& part) {
  auto work = [this, &part]() -> atl::status {
    if (auto appended = append(part); !appended)
      return appended;
    if (!is_checking_)
      return {};
    auto how = by_.recovery->stripes();
    auto whole_cells = (part.wanted.offset + part.wanted.length) / how.cell_bytes;
    check(*part.from, std::min(task_.chunk_bytes, whole_cells * how.cell_bytes * how.data));
    return {};
  };
  auto made = co_await on(disk_, work);
  if (!made)
    problem_ = made.error();
  co_return made.has_value();
}

/// In a thread of the pool.
atl::status window_rebuild::append(const window& part) {
  std::string made(part.wanted.length, '\0');
  auto pieces = part.from->pieces();
  if (!by_.recovery->rebuild(task_.chunk_bytes, part.wanted, pieces, made))
    return atl::fail(errc::internal,
                     fmt::format("the recovery plugin '{}' can't make bytes {} to {} of fragment "
                                 "{} out of the reads that it named for them",
                                 by_.policy.recovery, part.wanted.offset,
                                 part.wanted.offset + part.wanted.length, part.wanted.fragment));
  auto bytes = std::as_bytes(std::span{made});
  auto crcs = block_crcs(bytes);
  return writer_->append(bytes, crcs);
}

/// Goes on with the checksum of the chunk's bytes up to `end`, if `from` suffices to make them.
void window_rebuild::check(const read_parts& from, std::uint64_t end) {
  if (!is_checking_ || end <= checked_)
    return;
  std::string bytes(end - checked_, '\0');
  auto pieces = from.pieces();
  is_checking_ = by_.recovery->assemble(task_.chunk_bytes, checked_, pieces, bytes);
  if (!is_checking_)
    return;
  crc_ = atl::crc32c(bytes, crc_);
  checked_ = end;
}

/// The last stripe of a chunk may have bytes in other fragments than the wanted one.
/// @returns false if the sources that are left don't suffice
awaitable<bool> window_rebuild::check_rest() {
  if (!is_checking_ || checked_ == task_.chunk_bytes)
    co_return true;
  rebuild_sources::planner plan = [this](std::span<const atl::spi::source> sources) {
    return by_.recovery->reads_for(task_.chunk_bytes, checked_, task_.chunk_bytes - checked_,
                                   sources);
  };
  auto rest = co_await sources_.read(plan);
  if (!rest)
    co_return false;
  auto work = [this, &rest] { check(*rest, task_.chunk_bytes); };
  co_await on(disk_, work);
  co_return true;
}

} // namespace dfs
