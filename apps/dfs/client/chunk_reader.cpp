#include "client/chunk_reader.hpp"

#include "client/busy_wait.hpp"
#include "client/chunk_read.hpp"
#include "client/plugin_call.hpp"

#include <atoll/net/run_here.hpp>

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;
using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds pause_before_asking_again{50};

atl::status check_scheme(const chunk_record& chunk, const scheme& by) {
  if (chunk.nodes.size() == by.policy.fragments)
    return {};
  return fail(errc::corrupt,
              fmt::format("chunk {} has {} fragments, and its policy makes {}", to_string(chunk.id),
                          chunk.nodes.size(), by.policy.fragments));
}

} // namespace

chunk_reader::chunk_reader(cluster_view& view, connection_pool& connections,
                           transfer_progress& progress)
    : view_{view}, connections_{connections}, progress_{progress} {}

atl::status chunk_reader::fetch(const chunk_record& chunk, std::uint64_t offset,
                                std::span<char> into) {
  if (into.size() > chunk.size_bytes || offset > chunk.size_bytes - into.size())
    return fail(errc::invalid,
                fmt::format("bytes {} to {} of chunk {}, which has {}", offset,
                            offset + into.size(), to_string(chunk.id), chunk.size_bytes));
  if (into.empty())
    return {};
  try {
    return try_to_fetch(chunk, offset, into);
  } catch (const plugin_threw& problem) {
    return fail(errc::internal, problem.what());
  }
}

atl::dispatch_counters chunk_reader::counters() {
  std::lock_guard lock{mutex_};
  return dispatch_ ? dispatch_->counters() : atl::dispatch_counters{};
}

/// Reads that began with another balancer end with it.
atl::result<std::shared_ptr<fragment_dispatch>>
chunk_reader::dispatch_for(const cluster_view::plugins_pointer& plugins) {
  std::lock_guard lock{mutex_};
  if (plugins_ == plugins)
    return dispatch_;
  auto made = fragment_dispatch::make(view_, *plugins, connections_, progress_);
  if (!made)
    return made;
  plugins_ = plugins;
  dispatch_ = *made;
  return dispatch_;
}

/// A master that has just started answers before the storage nodes have reported to it.
void chunk_reader::wait_for_a_holder(const chunk_record& chunk) {
  auto give_up = clock::now() + view_.settings().client_refusal_timeout;
  while (!view_.nodes()->knows_any(chunk.nodes) && clock::now() < give_up) {
    std::this_thread::sleep_for(pause_before_asking_again);
    if (!view_.refresh())
      return;
  }
}

/// Queries the masters again for a chunk's nodes: the chunk may have moved, or its file may be
/// gone.
atl::status chunk_reader::renew_record(chunk_record& chunk) {
  auto known = view_.masters().find_chunk(chunk.id);
  if (!known)
    return tl::unexpected{known.error()};
  if (!*known)
    return fail(errc::not_found,
                fmt::format("chunk {} is referred to by no file any more: the file "
                            "was removed or replaced while it was read",
                            to_string(chunk.id)));
  if ((*known)->size_bytes == chunk.size_bytes)
    chunk = std::move(**known);
  return {};
}

atl::status chunk_reader::try_to_fetch(const chunk_record& given, std::uint64_t offset,
                                       std::span<char> into) {
  auto chunk = given;
  std::optional<busy_wait> waiting;
  auto context = atl::net::context_of_this_thread();
  for (bool asked_again = false;;) {
    auto plugins = view_.plugins();
    if (!plugins)
      return tl::unexpected{plugins.error()};
    auto by = view_.policies().find(chunk.policy);
    if (!by)
      return fail(by.error(), fmt::format("chunk {}", to_string(chunk.id)));
    if (auto fits = check_scheme(chunk, **by); !fits)
      return fits;
    auto dispatch = dispatch_for(*plugins);
    if (!dispatch)
      return tl::unexpected{dispatch.error()};
    auto nodes = view_.nodes();
    chunk_read read{{**by, **dispatch, *nodes}, chunk, offset, into};
    auto round = atl::net::run_here(*context, read.run(context));
    if (round.is_done)
      return {};
    if (round.fatal)
      return tl::unexpected{*round.fatal};
    if (!waiting)
      waiting.emplace(transfers_of(**by, view_.settings()));
    if (round.busy && waiting->pause(progress_.last()))
      continue;
    if (asked_again)
      return tl::unexpected{round.verdict(chunk.id)};
    asked_again = true;
    if (!view_.refresh()) {   // a node may have come back, or have a new address
      round.unreached = true; // the chunk's present nodes are unknown
      return tl::unexpected{round.verdict(chunk.id)};
    }
    if (auto renewed = renew_record(chunk); !renewed && renewed.error().code == errc::not_found)
      return renewed;
    wait_for_a_holder(chunk);
  }
}

} // namespace dfs
