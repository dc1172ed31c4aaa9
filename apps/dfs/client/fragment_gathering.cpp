#include "client/fragment_gathering.hpp"

#include "client/plugin_call.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <tuple>
#include <utility>

namespace dfs {

using boost::asio::awaitable;
using progress = fragment_reads::progress;

fragment_gathering::fragment_gathering(const read_tools& tools, const chunk_record& chunk,
                                       std::span<const fragment_holder> holders,
                                       std::span<char> into,
                                       fragment_dispatch::context_pointer context)
    : tools_{tools}, chunk_{chunk}, decoder_{*tools.by.recovery, chunk, into},
      reads_{tools, chunk.id, std::move(context)} {
  for (auto& holder : holders)
    sources_.push_back({holder, tools.dispatch.cost(holder.node)});
}

awaitable<void> fragment_gathering::run(read_round& round) {
  std::exception_ptr thrown;
  try {
    for (start_reads(); reads_.are_under_way() && !round.is_done; start_reads()) {
      co_await reads_.wait();
      take_arrived(round);
      if (round.is_done)
        break;
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await reads_.give_up_rest();
  if (thrown)
    std::rethrow_exception(thrown);
  if (round.is_done)
    co_return;
  for (auto& failed : reads_.failures())
    round.add_failure(failed);
  round.add_wrong_combinations(decoder_.wrong_combinations(), chunk_.crc);
}

/// Keeps as many reads under way as decoding still needs fragments; overdue reads don't count. If
/// decoding needs more fragments than expected, because one of them is wrong, starts one more read.
void fragment_gathering::start_reads() {
  while (!is_enough() || !reads_.are_under_way()) {
    auto* next = cheapest();
    if (next == nullptr)
      return;
    start(*next);
  }
}

bool fragment_gathering::is_enough() const {
  std::vector<bool> present(chunk_.nodes.size());
  for (auto& from : sources_)
    if (from.read)
      present[from.at.fragment] = reads_.state(*from.read) == progress::running ||
                                  reads_.state(*from.read) == progress::arrived;
  return call_plugin("recovery", tools_.by.policy.recovery,
                     [&] { return tools_.by.recovery->enough(present); });
}

/// Among costs of the same magnitude the first fragment, because the first fragments of a scheme
/// hold the data itself and need the least decoding.
fragment_gathering::source* fragment_gathering::cheapest() {
  source* best = nullptr;
  auto rank = [](const source& from) {
    return std::tuple{std::isinf(from.cost), from.cost < 1 ? 0 : std::ilogb(from.cost),
                      from.at.fragment};
  };
  for (auto& from : sources_)
    if (!from.read && (best == nullptr || rank(from) < rank(*best)))
      best = &from;
  return best;
}

void fragment_gathering::start(source& from) {
  auto buffer = decoder_.buffer_for(from.at.fragment);
  from.read = reads_.start(from.at, buffer.size(), 0, buffer, std::isinf(from.cost));
}

void fragment_gathering::take_arrived(read_round& round) {
  for (auto read : reads_.take_arrived()) {
    auto from = std::ranges::find(sources_, std::optional{read}, &source::read);
    round.is_done = call_plugin("recovery", tools_.by.policy.recovery,
                                [&] { return decoder_.add(from->at.fragment); });
    if (round.is_done)
      return;
  }
}

} // namespace dfs
