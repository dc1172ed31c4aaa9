#pragma once

#include "bulk/async_connection.hpp"
#include "common/repair_protocol.hpp"
#include "node/repair_counters.hpp"

#include <atoll/core/error.hpp>
#include <atoll/spi/recovery.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dfs {

/// Parts of fragments that were read from other nodes.
struct read_parts {
  std::vector<atl::spi::fragment_range> ranges;
  std::vector<std::string> bytes; ///< of each range; empty before they are read

  std::vector<atl::spi::piece> pieces() const;
};

/// The nodes that a task reads fragments from, and the connections to them. Each source is read
/// from at the same time as the others. A source that fails is not asked again. For the context's
/// thread.
class rebuild_sources {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;
  /// Names the reads for something, out of these sources. None: they don't suffice.
  using planner = std::function<std::optional<std::vector<atl::spi::fragment_range>>(
      std::span<const atl::spi::source>)>;

  struct failure {
    const protocol::task_source* source = nullptr;
    atl::error why;
  };

  /// @param task must outlive this object, as must `counters`
  /// @param fragments of the chunk; sources with others are left out
  rebuild_sources(std::shared_ptr<boost::asio::io_context> context, bulk_options reading,
                  const protocol::repair_task& task, std::uint32_t fragments,
                  repair_counters& counters);

  /// Reads what `plan` names. If a source fails, asks `plan` again without it, and keeps what was
  /// read before. @returns none if the sources don't suffice, or after `interrupt`
  /// @param plan may throw; the reads that were begun have ended then
  awaitable<std::optional<read_parts>> read(planner plan);
  /// Ends the reads under way; no more begin.
  void interrupt();

  /// The sources that failed, in their order. A damaged one is told so that it looks for itself.
  const std::vector<failure>& failures() const { return failures_; }

 private:
  struct source {
    const protocol::task_source* at = nullptr;
    std::unique_ptr<async_bulk_connection> over;
    bool has_failed = false;
  };

  std::vector<atl::spi::source> usable() const;
  read_parts begin(std::vector<atl::spi::fragment_range> ranges, read_parts& known) const;
  awaitable<bool> read_from(source& from, read_parts& parts);
  awaitable<bool> fail(source& from, atl::error why);

  const std::shared_ptr<boost::asio::io_context> context_;
  const bulk_options reading_;
  const protocol::repair_task& task_;
  repair_counters& counters_;
  std::vector<source> sources_; ///< the best first, at most one for each fragment
  std::vector<failure> failures_;
  bool is_interrupted_ = false;
};

} // namespace dfs
