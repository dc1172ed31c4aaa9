#include "bulk/fragment_copy.hpp"

#include "bulk/frames.hpp"
#include "bulk/pulse.hpp"

#include <utility>

namespace dfs {

using boost::asio::awaitable;
using clock = std::chrono::steady_clock;

fragment_copy::fragment_copy(bulk_shared& shared, std::shared_ptr<boost::asio::io_context> context,
                             atl::net::tcp_stream& requester, wire::copy_request request)
    : shared_{shared}, context_{context}, requester_{requester}, request_{std::move(request)},
      source_{std::move(context),
              request_.source,
              {shared.self(), shared.options.secret, request_.token, shared.options.timeouts}},
      stored_{shared.store, shared.disk_writers, request_.key}, next_sign_{clock::now() +
                                                                           sign_interval()} {}

std::chrono::milliseconds fragment_copy::sign_interval() const {
  return shared_.options.timeouts.progress / 4;
}

awaitable<atl::status> fragment_copy::run() {
  fragment_key wanted{request_.key.chunk, request_.source_fragment};
  auto done = co_await source_.fetch_fragment(wanted, *this);
  if (done)
    done = co_await commit();
  co_await stored_.drop();
  co_return done;
}

awaitable<atl::status> fragment_copy::begin(std::uint64_t size) {
  co_return co_await stored_.begin(size);
}

awaitable<atl::status> fragment_copy::take(std::span<const std::byte> bytes,
                                           std::span<const std::uint32_t> crcs) {
  if (clock::now() >= next_sign_) {
    next_sign_ = clock::now() + sign_interval();
    atl::net::io_timeout wait{shared_.options.timeouts.progress, clock::now() + request_time_max};
    auto told = co_await send_frame(requester_, wire::op::working, {}, wait);
    if (!told)
      co_return told;
  }
  co_return co_await stored_.take(bytes, crcs);
}

awaitable<atl::status> fragment_copy::commit() {
  pulse alive{*context_, requester_, sign_interval()};
  auto committed = co_await stored_.commit(durability::fsync);
  if (committed)
    shared_.written_bytes += stored_.size();
  co_return committed;
}

} // namespace dfs
