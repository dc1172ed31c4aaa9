#pragma once

#include "client/fragment_writes.hpp"
#include "client/stripe_encoder.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace dfs {

/// Makes the fragments of a chunk a few stripes at a time, and stores each on its node at the same
/// time as the others: while one step is sent, the next one is made. Two steps are in memory, so
/// the slowest node holds the others up; one that does so for long is given up. For one thread.
class striped_writes {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  /// @param with must outlive this object, as must `by` and `from`
  striped_writes(const fragment_writes::tools& with,
                 std::shared_ptr<boost::asio::io_context> context, const chunk_id& chunk,
                 const scheme& by, const chunk_source& from);
  ~striped_writes();

  /// Stores the fragments that the targets name. Once `enough` are stored, one that takes much
  /// longer than usual is given up. A busy node isn't asked again.
  /// @returns the outcome of each fragment that couldn't be stored. Errors: those of the source.
  /// Throws `plugin_threw`. When it returns, no write is under way any more.
  awaitable<atl::result<failed_writes>> run(std::vector<fragment_write> targets,
                                            std::size_t enough);
  /// The checksum of the chunk. @pre `run` has succeeded
  std::uint32_t crc() const { return encoder_.crc(); }

 private:
  using clock = std::chrono::steady_clock;
  class stream;
  static constexpr std::size_t steps_in_memory = 2;

  awaitable<void> send(stream& to);
  awaitable<atl::status> send_all(std::size_t enough);
  atl::status make_steps();
  awaitable<void> wait();
  void give_up_slowest();
  void give_up_rest();
  std::size_t slowest_step() const;
  std::optional<clock::time_point> give_up_at(std::size_t enough);

  const fragment_writes::tools& with_;
  const std::shared_ptr<boost::asio::io_context> context_;
  const chunk_id chunk_;
  const scheme& by_;
  const chunk_source& from_;
  stripe_encoder encoder_;
  boost::asio::steady_timer wake_;
  std::list<stream> streams_; ///< a list: writes under way refer to theirs
  std::array<fragment_pieces, steps_in_memory> steps_;
  std::size_t made_ = 0;                       ///< steps
  std::size_t stored_ = 0;                     ///< fragments
  std::size_t slowest_ = 0;                    ///< step of the slowest stream, as seen last
  clock::time_point slowest_since_{};          ///< since when it is there
  std::optional<clock::time_point> enough_at_; ///< when enough fragments were stored
};

} // namespace dfs
