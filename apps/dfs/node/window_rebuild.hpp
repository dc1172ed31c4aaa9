#pragma once

#include "node/rebuild_sources.hpp"
#include "settings/schemes.hpp"
#include "storage/fragment_store.hpp"

#include <atoll/core/error.hpp>
#include <atoll/net/worker_pool.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>

namespace dfs {

/// Makes a fragment out of parts of others, one window after the other, and stores it: while a
/// window is made, the next one is read. The memory is some windows' and not a chunk's. A scheme
/// that doesn't encode by stripes has one window, the whole fragment. For the thread of the
/// sources' context.
///
/// The sources' blocks are checked by their checksums. Where what is read suffices to make the
/// whole chunk, this is done as well and compared with the checksum of the chunk, because a
/// fragment may be wrong although its blocks' checksums are right.
class window_rebuild {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  enum class outcome : std::uint8_t {
    stored,
    no_source,     ///< the sources that are left don't suffice
    wrong_content, ///< the sources decode to another chunk
    failed_here,   ///< `problem` says why
  };

  /// @param task must outlive this object, as must the others
  window_rebuild(const protocol::repair_task& task, const scheme& by, rebuild_sources& sources,
                 fragment_store& store, atl::net::worker_pool& disk, repair_counters& counters)
      : task_{task}, by_{by}, sources_{sources}, store_{store}, disk_{disk}, counters_{counters} {}

  /// Can the scheme's fragments be made in windows?
  static bool is_possible(const atl::spi::recovery& scheme);
  /// Does the wanted fragment take fewer bytes of others than the whole chunk does?
  static bool is_cheaper(const atl::spi::recovery& scheme, const protocol::repair_task& task);

  awaitable<outcome> run();
  const atl::error& problem() const { return problem_; }

 private:
  /// A part of the wanted fragment, and what it is made of.
  struct window {
    atl::spi::fragment_range wanted;
    std::optional<read_parts> from;
  };

  atl::status begin();
  atl::status commit();
  awaitable<outcome> make_all();
  awaitable<bool> read(window& part);
  awaitable<bool> make(const window& part);
  atl::status append(const window& part);
  void check(const read_parts& from, std::uint64_t end);
  awaitable<bool> check_rest();

  const protocol::repair_task& task_;
  const scheme& by_;
  rebuild_sources& sources_;
  fragment_store& store_;
  atl::net::worker_pool& disk_;
  repair_counters& counters_;
  std::optional<chunk_writer> writer_;
  bool is_checking_ = true;   ///< what was read so far sufficed to make the chunk's bytes
  std::uint64_t checked_ = 0; ///< bytes of the chunk that `crc_` covers
  std::uint32_t crc_ = 0;
  atl::error problem_;
};

} // namespace dfs
