#pragma once

#include "client/fragment_dispatch.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

namespace dfs {

/// One read of a `fragment_dispatch`, with the attempts that the dispatcher makes for it. For the
/// thread of its context; `fragment_dispatch` posts to it what other threads bring about.
class fragment_reading : public std::enable_shared_from_this<fragment_reading> {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  fragment_reading(fragment_dispatch& by, fragment_dispatch::context_pointer context,
                   fragment_read what);

  const fragment_read& what() const { return what_; }
  boost::asio::io_context& context() { return *context_; }
  std::uint64_t request() const { return request_; }
  void set_request(std::uint64_t request) { request_ = request; }
  /// When bytes arrived last, from any node; before that, when the read began.
  std::chrono::steady_clock::time_point heard_at() const { return heard_at_; }

  // Effects of the dispatcher.
  void start(const atl::send_attempt& attempt);
  void cancel(std::uint64_t attempt);
  void complete(std::uint64_t attempt, std::optional<atl::error> problem);

  awaitable<fragment_outcome> finish();

 private:
  struct attempt_state {
    fragment_holder at;
    std::span<char> into;
    std::string own; ///< the memory of `into`, if another attempt uses the reader's
    async_bulk_connection* over = nullptr;
    bool is_cancelled = false;
    bool is_reported = false;
    bool has_bytes = false;
    std::chrono::steady_clock::time_point progress_told_at{};
  };

  awaitable<void> run(std::shared_ptr<fragment_reading> self, std::uint64_t id, atl::endpoint at);
  awaitable<atl::status> read(async_bulk_connection& over, const attempt_state& attempt);
  void on_bytes(std::uint64_t id);
  void report(std::uint64_t id, const atl::status& outcome);
  void end(std::uint64_t id, std::exception_ptr thrown);
  fragment_holder holder_at(storage_id node) const;

  fragment_dispatch& by_;
  const fragment_dispatch::context_pointer context_;
  const fragment_read what_;
  boost::asio::steady_timer wake_;
  std::chrono::steady_clock::time_point heard_at_ = std::chrono::steady_clock::now();
  std::uint64_t request_ = 0;
  std::map<std::uint64_t, attempt_state> attempts_; ///< also those that have ended
  std::size_t running_ = 0;                         ///< of these
  bool is_into_used_ = false; ///< by an attempt that is running or has succeeded
  bool is_complete_ = false;
  std::uint64_t winner_ = 0;
  fragment_outcome outcome_;
};

} // namespace dfs
