#pragma once

#include "bulk/bulk_protocol.hpp"
#include "bulk/frames.hpp"

#include <atoll/core/error.hpp>
#include <atoll/net/pending_dial.hpp>
#include <atoll/net/tcp_stream.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dfs {

/// Receives a fragment in pieces, for `async_bulk_connection::fetch_fragment`. An error from any
/// function ends the fetch.
class fragment_sink {
 public:
  virtual ~fragment_sink() = default;
  /// @param size of the fragment
  virtual boost::asio::awaitable<atl::status> begin(std::uint64_t size) = 0;
  /// Whole blocks with their expected checksums, which the sink must check itself. Both are valid
  /// until the call ends.
  virtual boost::asio::awaitable<atl::status> take(std::span<const std::byte> bytes,
                                                   std::span<const std::uint32_t> crcs) = 0;
};

/// Gives a fragment in pieces, for `async_bulk_connection::write_pieces`.
class fragment_feed {
 public:
  virtual ~fragment_feed() = default;
  /// The next bytes, whole batches of `batch_size` except at the fragment's end; valid until the
  /// next call. An error ends the write.
  virtual boost::asio::awaitable<atl::result<std::string_view>> next() = 0;
};

/// A client's connection to the bulk port of one storage node, for coroutines; `bulk_connection` is
/// the same for code that blocks. Connects at its first use, keeps the TCP connection over many
/// requests, and reconnects after an error. Each request ends: after a success, an error of the
/// node, or no progress for as long as the options say (errc::timeout). Further errors of each
/// request: unavailable (no connection, it broke, or `cancel` was called), busy, refused (another
/// cluster, or the token doesn't permit the request).
///
/// Everything is called in the thread that runs the context, and one request is under way at a
/// time; for several at once, use several connections. A node serves thousands of connections, and
/// an idle one costs it about 4 KiB. What a request refers to (`into`, `data`, `targets`) must stay
/// valid until the request has returned, also after `cancel`. No request waits for a disk or for
/// another thread, except that a host name is looked up in a thread of its own.
///
/// Several at once, in one thread, where `context` is that of an `atl::net::io_thread`:
///
///   boost::asio::awaitable<void> read_one(async_bulk_connection& from, fragment_key key,
///                                         std::span<std::byte> into, std::function<…> then) {
///     auto got = co_await from.read_fragment(key, 0, into);
///     then(got); // for example decides that the other read is given up: other.cancel()
///   }
///   boost::asio::co_spawn(*context, read_one(first, …), boost::asio::detached);
///   boost::asio::co_spawn(*context, read_one(second, …), boost::asio::detached);
///
/// `atl::net::all_of` waits for several requests, `atl::net::run_here` runs a coroutine in a thread
/// that blocks. Write no lambda that is a coroutine and captures: the captures end with the lambda,
/// before the coroutine does.
class async_bulk_connection {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  async_bulk_connection(std::shared_ptr<boost::asio::io_context> context, atl::endpoint node,
                        bulk_options options);
  /// @pre no request is under way; after `cancel` it still is, until it has returned
  ~async_bulk_connection() = default;
  async_bulk_connection(const async_bulk_connection&) = delete;
  async_bulk_connection& operator=(const async_bulk_connection&) = delete;

  const atl::endpoint& node() const { return node_; }
  bool is_connected() const { return stream_.is_open(); }
  /// For the requests that follow. @pre no request is under way
  void set_timeouts(const bulk_timeouts& timeouts) { options_.timeouts = timeouts; }
  /// Sets a function that `read_fragment` and `read_whole_fragment` call each time that bytes of
  /// the answer have arrived. An empty function is not called. @pre no request is under way
  void set_on_bytes(std::function<void()> on_bytes) { on_bytes_ = std::move(on_bytes); }

  /// Gives up the request that is under way, if any has begun: it returns `unavailable` soon,
  /// unless it has ended already, and `into` isn't touched afterwards. The TCP connection is
  /// closed, because the rest of the answer would still arrive over it; the next request makes
  /// another one.
  void cancel();
  /// Continues in another context, whose thread makes all further calls. @pre no request is under
  /// way
  void move_to(std::shared_ptr<boost::asio::io_context> context);

  /// Reads bytes from `offset` on and checks each block against its checksum as it arrives.
  /// @returns their number, which is below `into.size()` only at the fragment's end. After an error
  /// the content of `into` is unspecified. Errors: not_found; corrupt: the fragment is damaged and
  /// should be reported (`report_damage`).
  awaitable<atl::result<std::size_t>> read_fragment(fragment_key key, std::uint64_t offset,
                                                    std::span<std::byte> into);

  /// Reads a fragment whose expected length is that of `into`. @returns the fragment's length;
  /// `into` holds the fragment only if both are equal. Errors as of `read_fragment`.
  awaitable<atl::result<std::uint64_t>> read_whole_fragment(fragment_key key,
                                                            std::span<std::byte> into);

  /// Reads a whole fragment in pieces of at most `batch_size` bytes.
  awaitable<atl::status> fetch_fragment(fragment_key key, fragment_sink& sink);

  /// Stores the same bytes (≤ fragment_bytes_max) on all targets, in a pipeline that begins with
  /// this node, the first target. @returns the outcome of each target, in their order. An error
  /// means that the first node is unavailable or refused; the outcome of the others is unknown, and
  /// a retry is safe. After `cancel` the outcome of all is unknown.
  /// @param await_go send no data until the node has room for it; for a node that was busy before
  awaitable<atl::result<std::vector<target_result>>>
  write_chunk(std::span<const write_target> targets, chunk_id chunk, std::string_view data,
              durability how, bool await_go = false);

  /// Stores a fragment of `size` bytes on this node, out of pieces that are taken from `feed` once
  /// the node has room for it. Nothing is taken twice: if the connection breaks after that, the
  /// write has failed. Errors: those of `write_chunk` and of `feed`.
  awaitable<atl::status> write_pieces(write_target target, chunk_id chunk, std::uint64_t size,
                                      fragment_feed& feed, durability how);

  /// Reports to the node that its copy seems damaged. The node checks the copy. @returns true if
  /// the copy is intact, false if it was damaged and has been moved aside. Errors: not_found.
  awaitable<atl::result<bool>> report_damage(fragment_key key);
  /// Has the node read a fragment. @param content_crc CRC-32C that its content must have; a
  /// fragment that has another one is moved aside like a damaged one. None: any.
  awaitable<atl::result<fragment_condition>>
  check_fragment(fragment_key key, std::optional<std::uint32_t> content_crc);

  /// Has the node fetch a fragment from another node, check it and store it durably. Errors:
  /// not_found, corrupt (at the source), no_space, io.
  awaitable<atl::status> copy_fragment(fragment_key key, atl::endpoint source,
                                       std::uint32_t source_fragment);

  /// Asks how busy the node is.
  awaitable<atl::result<node_load>> probe();

 private:
  struct read_outcome {
    std::size_t bytes = 0;
    std::uint64_t fragment_size = 0;
  };

  template <class T, class Request>
  awaitable<atl::result<T>> attempt(Request request);
  awaitable<atl::status> connect();
  awaitable<atl::result<std::string>> ask(wire::op what, std::string_view body);
  awaitable<atl::result<std::string>> request(wire::op what, std::string_view body);
  awaitable<atl::result<std::string>> receive_response(atl::net::io_timeout first);
  atl::result<std::string> take_response(atl::result<reply> got);
  awaitable<atl::result<read_outcome>> read_range(fragment_key key, std::uint64_t offset,
                                                  std::span<std::byte> into);
  awaitable<atl::result<read_outcome>> read_once(fragment_key key, std::uint64_t offset,
                                                 std::span<std::byte> into);
  awaitable<atl::result<bool>> fetch_once(fragment_key key, fragment_sink& sink);
  awaitable<atl::status> receive_pieces(const wire::read_reply& about, fragment_sink& sink);
  awaitable<atl::result<std::string>> send_chunk(const wire::write_request& request,
                                                 std::string_view data);
  awaitable<atl::status> await_go(atl::net::io_timeout limit);
  awaitable<atl::result<std::string>> send_pieces(const wire::write_request& request,
                                                  fragment_feed& feed);
  awaitable<atl::status> send_blocks(std::span<const std::byte>& rest, atl::net::io_timeout wait);
  atl::error broken(atl::error why);
  atl::error given_up() const;
  atl::net::io_timeout wait() const;

  std::shared_ptr<boost::asio::io_context> context_;
  atl::endpoint node_;
  bulk_options options_;
  std::function<void()> on_bytes_;
  atl::net::pending_dial dial_;
  atl::net::tcp_stream stream_;
  bool is_cancelled_ = false;      ///< `cancel` was called during the request under way
  bool answered_ = false;          ///< the node has replied to the request under way
  std::vector<std::byte> scratch_; ///< blocks of which a part is requested
};

} // namespace dfs
