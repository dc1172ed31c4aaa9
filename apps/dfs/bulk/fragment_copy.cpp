#include "bulk/fragment_copy.hpp"

#include "bulk/frames.hpp"
#include "bulk/pulse.hpp"

#include <atoll/net/worker_pool.hpp>

#include <utility>

namespace dfs {

using atl::net::on;
using boost::asio::awaitable;
using clock = std::chrono::steady_clock;

fragment_copy::fragment_copy(bulk_shared& shared, std::shared_ptr<boost::asio::io_context> context,
                             atl::net::tcp_stream& requester, wire::copy_request request)
    : shared_{shared}, context_{context}, requester_{requester}, request_{std::move(request)},
      source_{std::move(context),
              request_.source,
              {shared.self(), shared.options.secret, request_.token, shared.options.timeouts}},
      next_sign_{clock::now() + sign_interval()} {}

std::chrono::milliseconds fragment_copy::sign_interval() const {
  return shared_.options.timeouts.progress / 4;
}

awaitable<atl::status> fragment_copy::run() {
  fragment_key wanted{request_.key.chunk, request_.source_fragment};
  auto done = co_await source_.fetch_fragment(wanted, *this);
  if (done)
    done = co_await commit();
  co_await drop_writer();
  co_return done;
}

awaitable<atl::status> fragment_copy::begin(std::uint64_t size) {
  auto work = [this, size]() -> atl::status {
    auto begun = shared_.store.begin(request_.key, size);
    if (!begun)
      return tl::unexpected{begun.error()};
    writer_.emplace(std::move(*begun));
    return {};
  };
  co_return co_await on(shared_.disk_writers, work);
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
  auto work = [this, bytes, crcs] { return writer_->append(bytes, crcs); };
  co_return co_await on(shared_.disk_writers, work);
}

awaitable<atl::status> fragment_copy::commit() {
  auto size = writer_->size();
  pulse alive{*context_, requester_, sign_interval()};
  auto work = [this] { return writer_->commit(durability::fsync); };
  auto committed = co_await on(shared_.disk_writers, work);
  if (committed)
    shared_.written_bytes += size;
  co_return committed;
}

awaitable<void> fragment_copy::drop_writer() {
  if (!writer_)
    co_return;
  auto work = [this] { writer_.reset(); };
  co_await on(shared_.disk_writers, work);
}

} // namespace dfs
