#pragma once

#include "client/fragment_reads.hpp"

#include <atoll/spi/recovery.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dfs {

/// Reads a part of a chunk whose fragments are no copies of it, from the parts of fragments that
/// the recovery scheme names: where the bytes themselves lie, or, when such a node is down, fails
/// or is silent, what makes them. For one thread.
class range_gathering {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  /// @param chunk must outlive this object, as must what `tools` refers to
  /// @param into within the chunk from `offset` on
  range_gathering(const read_tools& tools, const chunk_record& chunk,
                  std::span<const fragment_holder> holders, std::uint64_t offset,
                  std::span<char> into, fragment_dispatch::context_pointer context);

  /// Sets `round.is_done`, or adds to `round` what went wrong. Throws `plugin_threw`. When it
  /// returns, no read is under way any more.
  awaitable<void> run(read_round& round);

 private:
  struct part {
    atl::spi::fragment_range range;
    std::string bytes;
    std::size_t read = 0;
  };
  using plan = std::vector<atl::spi::fragment_range>;

  awaitable<void> read_until_done(read_round& round);
  std::optional<plan> make_plan() const;
  std::optional<plan> plan_from(const std::vector<atl::spi::source>& sources) const;
  bool has_state(const fragment_holder& holder, fragment_reads::progress state) const;
  const part* find_part(const atl::spi::fragment_range& range) const;
  bool start_missing(const plan& wanted);
  bool assemble(const plan& wanted);

  const read_tools tools_;
  const chunk_record& chunk_;
  const std::span<const fragment_holder> holders_;
  const std::uint64_t offset_;
  const std::span<char> into_;
  fragment_reads reads_;
  std::deque<part> parts_; ///< a deque: reads under way write into theirs
};

} // namespace dfs
