#include "common/chunk_check_protocol.hpp"

#include <atoll/spi/codec.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace dfs::protocol {

namespace {

constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t problem_bytes_max = 4096;
constexpr std::size_t nodes_max = 4096;
constexpr std::size_t disks_failed_max = 256; ///< what is above is left out

template <class State>
auto counts_of(State& state) {
  return std::array{&state.chunks,  &state.degraded, &state.critical, &state.lost,
                    &state.missing, &state.damaged,  &state.orphaned, &state.mended,
                    &state.waiting, &state.stuck,    &state.tasks};
}

} // namespace

std::string encode(const chunk_check_request& message) {
  atl::spi::writer out;
  out.put(message.run);
  return out.take();
}

atl::result<chunk_check_request> decode_chunk_check_request(std::string_view bytes) {
  atl::spi::reader in{bytes};
  chunk_check_request message{in.get<std::uint64_t>()};
  if (!in.done())
    return atl::fail(atl::errc::corrupt, "an order to check the chunks that can't be read");
  return message;
}

std::string encode(const chunk_check_state& message) {
  atl::spi::writer out;
  out.put(message.is_done);
  for (auto* count : counts_of(message))
    out.put(*count);
  auto count = std::min(message.nodes_down.size(), nodes_max);
  out.put(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i)
    out.put(std::string_view{message.nodes_down[i]}.substr(0, name_bytes_max));
  auto disks = std::min(message.disks_failed.size(), disks_failed_max);
  out.put(static_cast<std::uint32_t>(disks));
  for (std::size_t i = 0; i < disks; ++i)
    out.put(std::string_view{message.disks_failed[i]}.substr(0, problem_bytes_max));
  out.put(std::string_view{message.problem}.substr(0, problem_bytes_max));
  return out.take();
}

atl::result<chunk_check_state> decode_chunk_check_state(std::string_view bytes) {
  atl::spi::reader in{bytes};
  chunk_check_state message;
  message.is_done = in.get<bool>();
  for (auto* count : counts_of(message))
    *count = in.get<std::uint64_t>();
  auto count = in.get_count();
  if (count > nodes_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i)
    message.nodes_down.push_back(in.get_string(name_bytes_max));
  auto disks = in.get_count();
  if (disks > disks_failed_max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < disks; ++i)
    message.disks_failed.push_back(in.get_string(problem_bytes_max));
  message.problem = in.get_string(problem_bytes_max);
  if (!in.done())
    return atl::fail(atl::errc::corrupt, "the state of a check of chunks that can't be read");
  return message;
}

} // namespace dfs::protocol
