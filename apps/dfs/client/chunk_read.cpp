#include "client/chunk_read.hpp"

#include "client/fragment_gathering.hpp"
#include "client/plugin_call.hpp"
#include "client/range_gathering.hpp"

#include <algorithm>
#include <utility>

namespace dfs {

using boost::asio::awaitable;

chunk_read::chunk_read(const read_tools& tools, const chunk_record& chunk, std::uint64_t offset,
                       std::span<char> into)
    : tools_{tools}, chunk_{chunk}, offset_{offset}, into_{into} {
  for (std::uint32_t index = 0; index < chunk.nodes.size(); ++index) {
    fragment_holder holder{chunk.nodes[index], index};
    if (holder.node == no_storage)
      continue;
    if (tools.nodes.find(holder.node) == nullptr)
      round_.add_unknown_node(holder);
    else
      holders_.push_back(holder);
  }
}

awaitable<read_round> chunk_read::run(fragment_dispatch::context_pointer context) {
  if (has_copies())
    co_await read_copies(context);
  else
    co_await gather(context);
  co_return std::move(round_);
}

/// Is each fragment the chunk itself?
bool chunk_read::has_copies() const {
  auto& scheme = *tools_.by.recovery;
  auto is_copy = [&](const fragment_holder& holder) {
    return scheme.fragment_size(chunk_.size_bytes, holder.fragment) == chunk_.size_bytes;
  };
  return scheme.layout().identical && std::ranges::all_of(holders_, is_copy);
}

/// A node that the masters call down is asked last, because that report may be old.
awaitable<void> chunk_read::read_copies(fragment_dispatch::context_pointer context) {
  chunk_decoder decoder{*tools_.by.recovery, chunk_, into_};
  auto left = holders_;
  bool even_if_down = false;
  while (!left.empty()) {
    fragment_read what{chunk_.id, left, chunk_.size_bytes, offset_, into_};
    auto reading = tools_.dispatch.begin(context, std::move(what), even_if_down);
    auto outcome = co_await tools_.dispatch.finish(reading);
    auto remove = [&left](storage_id node) {
      std::erase_if(left, [node](auto& holder) { return holder.node == node; });
    };
    for (auto& failed : outcome.failures) {
      round_.add_failure(failed);
      remove(failed.at.node);
    }
    if (outcome.from.node != no_storage) {
      if (accept_copy(decoder, outcome.from.fragment)) {
        round_.is_done = true;
        co_return;
      }
      remove(outcome.from.node);
    } else if (outcome.problem.code == atl::errc::internal) {
      round_.fatal = outcome.problem;
      co_return;
    } else if (outcome.failures.empty()) { // no node was asked
      if (even_if_down) {
        round_.unreached = true;
        round_.add_problem(outcome.problem.message);
        co_return;
      }
      even_if_down = true;
    }
  }
  round_.add_wrong_combinations(decoder.wrong_combinations(), chunk_.crc);
}

/// The checksums of its blocks are right; the chunk's own one covers the whole chunk only.
bool chunk_read::accept_copy(chunk_decoder& decoder, std::uint32_t fragment) {
  return !is_whole() ||
         call_plugin("recovery", tools_.by.policy.recovery, [&] { return decoder.add(fragment); });
}

/// A whole chunk is compared with its checksum, and put together from other fragments if one of
/// them is wrong; of a part only the checksums of its blocks are known.
awaitable<void> chunk_read::gather(fragment_dispatch::context_pointer context) {
  if (is_whole()) {
    fragment_gathering fragments{tools_, chunk_, holders_, into_, context};
    co_await fragments.run(round_);
  } else {
    range_gathering parts{tools_, chunk_, holders_, offset_, into_, context};
    co_await parts.run(round_);
  }
}

} // namespace dfs
