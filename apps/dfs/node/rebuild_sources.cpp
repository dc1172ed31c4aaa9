#include "node/rebuild_sources.hpp"

#include "bulk/range_limits.hpp"

#include <atoll/net/all_of.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <stdexcept>
#include <utility>

namespace dfs {

using atl::errc;
using atl::spi::fragment_range;
using boost::asio::awaitable;

namespace {

/// The sources differ little: a scheme is to prefer fewer bytes to a better source.
constexpr std::uint64_t cost_of_best = 100;

/// Is any part of this fragment still to be read?
bool lacks(const read_parts& parts, std::uint32_t fragment) {
  for (std::size_t i = 0; i < parts.ranges.size(); ++i)
    if (parts.ranges[i].fragment == fragment && parts.bytes[i].size() < parts.ranges[i].length)
      return true;
  return false;
}

} // namespace

std::vector<atl::spi::piece> read_parts::pieces() const {
  std::vector<atl::spi::piece> all;
  for (std::size_t i = 0; i < ranges.size(); ++i)
    all.push_back({ranges[i], bytes[i]});
  return all;
}

rebuild_sources::rebuild_sources(std::shared_ptr<boost::asio::io_context> context,
                                 bulk_options reading, const protocol::repair_task& task,
                                 std::uint32_t fragments, repair_counters& counters)
    : context_{std::move(context)}, reading_{std::move(reading)}, task_{task}, counters_{counters} {
  for (auto& each : task.sources)
    if (each.fragment < fragments && each.fragment != task.fragment)
      sources_.push_back(
          {&each, std::make_unique<async_bulk_connection>(context_, each.bulk, reading_)});
}

void rebuild_sources::interrupt() {
  is_interrupted_ = true;
  for (auto& each : sources_)
    each.over->cancel();
}

/// The best source of each fragment that has not failed.
std::vector<atl::spi::source> rebuild_sources::usable() const {
  std::vector<atl::spi::source> usable;
  auto cost = cost_of_best;
  for (auto& each : sources_) {
    auto fragment = each.at->fragment;
    if (!each.has_failed &&
        std::ranges::find(usable, fragment, &atl::spi::source::fragment) == usable.end())
      usable.push_back({fragment, cost++});
  }
  return usable;
}

/// Takes over what is known of the ranges already.
read_parts rebuild_sources::begin(std::vector<fragment_range> ranges, read_parts& known) const {
  read_parts parts;
  for (auto& range : ranges) {
    auto& bytes = parts.bytes.emplace_back();
    auto former = std::ranges::find(known.ranges, range);
    if (former != known.ranges.end())
      bytes = std::move(known.bytes[static_cast<std::size_t>(former - known.ranges.begin())]);
  }
  parts.ranges = std::move(ranges);
  return parts;
}

awaitable<std::optional<read_parts>> rebuild_sources::read(planner plan) {
  read_parts parts;
  while (!is_interrupted_) {
    auto sources = usable();
    auto ranges = plan(sources);
    if (!ranges)
      co_return std::nullopt;
    if (ranges->size() > rebuild_ranges_max)
      throw std::runtime_error(fmt::format(
          "the recovery plugin wants to read {} ranges of fragments at once, and at most {} are "
          "possible",
          ranges->size(), rebuild_ranges_max));
    for (auto& range : *ranges)
      if (std::ranges::find(sources, range.fragment, &atl::spi::source::fragment) == sources.end())
        throw std::runtime_error(fmt::format(
            "the recovery plugin wants to read fragment {}, which is no source", range.fragment));
    parts = begin(std::move(*ranges), parts);
    std::vector<awaitable<bool>> reads;
    for (auto& source : sources_)
      if (!source.has_failed && lacks(parts, source.at->fragment) &&
          std::ranges::none_of(sources_, [&](auto& better) {
            return &better < &source && !better.has_failed &&
                   better.at->fragment == source.at->fragment;
          }))
        reads.push_back(read_from(source, parts));
    if (reads.empty())
      co_return parts;
    auto all = atl::net::all_of(std::move(reads));
    std::ignore = co_await std::move(all);
  }
  co_return std::nullopt;
}

/// Reads what is lacking of the source's fragment. @returns false if the source has failed
awaitable<bool> rebuild_sources::read_from(source& from, read_parts& parts) {
  fragment_key key{task_.chunk, from.at->fragment};
  for (std::size_t i = 0; i < parts.ranges.size(); ++i) {
    auto& range = parts.ranges[i];
    auto& bytes = parts.bytes[i];
    if (range.fragment != key.fragment || bytes.size() == range.length)
      continue;
    std::string read(range.length, '\0');
    auto into = std::as_writable_bytes(std::span{read});
    auto count = co_await from.over->read_fragment(key, range.offset, into);
    if (count && *count != range.length)
      count = atl::fail(errc::corrupt, fmt::format("fragment {} ends at byte {}, and has bytes up "
                                                   "to {} by its scheme",
                                                   to_string(key), range.offset + *count,
                                                   range.offset + range.length));
    if (!count) {
      auto why = count.error();
      auto failed = fail(from, why);
      co_return co_await std::move(failed);
    }
    counters_.read_bytes += range.length;
    bytes = std::move(read);
  }
  co_return true;
}

awaitable<bool> rebuild_sources::fail(source& from, atl::error why) {
  from.has_failed = true;
  failures_.push_back({from.at, why});
  if (why.code == errc::corrupt && !is_interrupted_) {
    fragment_key damaged{task_.chunk, from.at->fragment};
    std::ignore = co_await from.over->report_damage(damaged);
  }
  co_return false;
}

} // namespace dfs
