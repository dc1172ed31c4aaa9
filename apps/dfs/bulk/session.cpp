#include "bulk/session.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/net/worker_pool.hpp>

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace dfs {

using atl::net::io_timeout;
using atl::net::on;
using boost::asio::awaitable;

namespace {

using clock = io_timeout::clock;

constexpr std::string_view log_role = "bulk";

/// A fragment that was opened for a read.
struct opened_range {
  open_fragment fragment;
  wire::block_range range;
  std::string reply;
};

opened_range range_of(open_fragment opened, const wire::read_request& request) {
  auto range = wire::covering(request.offset, request.length, opened.size);
  auto crcs =
      std::span{opened.block_crcs}.subspan(range.start / block_size, block_count(range.length));
  wire::read_reply about{opened.size, range, {crcs.begin(), crcs.end()}};
  return {std::move(opened), range, wire::encode_success(wire::encode(about))};
}

/// Opens a fragment that the kernel has in memory, in the I/O thread: a switch to another thread
/// and back takes longer than a small read.
std::optional<opened_range> open_cached_range(fragment_store& store,
                                              const wire::read_request& request) {
  auto opened = store.open_cached(request.key);
  if (!opened)
    return std::nullopt;
  auto out = range_of(std::move(*opened), request);
  if (!out.fragment.file.is_cached(out.range.start, out.range.length))
    return std::nullopt;
  return out;
}

/// In a thread that may wait for the disk.
atl::result<opened_range> open_range(fragment_store& store, const wire::read_request& request) {
  auto opened = store.open(request.key);
  if (!opened)
    return tl::unexpected{opened.error()};
  auto out = range_of(std::move(*opened), request);
  out.fragment.file.will_need(out.range.start, out.range.length);
  return out;
}

} // namespace

session::session(bulk_shared& shared, std::shared_ptr<boost::asio::io_context> context,
                 atl::net::tcp_stream peer)
    : shared_{shared}, context_{std::move(context)}, peer_{std::move(peer)} {}

awaitable<void> session::run() {
  for (auto then = next::serve; then == next::serve && peer_.is_open();)
    then = co_await serve_next();
}

void session::interrupt() {
  peer_.close();
  if (relay_)
    relay_->interrupt();
  if (copy_)
    copy_->interrupt();
}

io_timeout session::wait() const {
  return {shared_.options.timeouts.progress, clock::now() + request_time_max};
}

awaitable<session::next> session::serve_next() {
  // Header and body are short, so they must arrive at once.
  auto idle = shared_.options.idle_time;
  auto body = shared_.options.timeouts.progress;
  auto now = clock::now();
  io_timeout for_header{idle, now + idle};
  io_timeout for_body{body, now + idle + body};
  auto request = co_await receive_frame(peer_, for_header, for_body);
  if (request)
    co_return co_await serve(std::move(*request));
  auto code = request.error().code;
  if (code == atl::errc::corrupt || code == atl::errc::refused)
    report_error(request.error());
  co_return next::close;
}

awaitable<session::next> session::serve(frame request) {
  switch (request.what) {
  case wire::op::read: {
    auto decoded = wire::decode_read(request.body);
    if (!decoded)
      co_return report_error(decoded.error());
    co_return co_await serve_read(std::move(*decoded));
  }
  case wire::op::write: {
    auto decoded = wire::decode_write(request.body);
    if (!decoded)
      co_return report_error(decoded.error());
    co_return co_await serve_write(std::move(*decoded));
  }
  case wire::op::report_damage: {
    auto decoded = wire::decode_report(request.body);
    if (!decoded)
      co_return report_error(decoded.error());
    co_return co_await serve_report(std::move(*decoded));
  }
  case wire::op::copy: {
    auto decoded = wire::decode_copy(request.body);
    if (!decoded)
      co_return report_error(decoded.error());
    co_return co_await serve_copy(std::move(*decoded));
  }
  case wire::op::probe: {
    auto decoded = wire::decode_probe(request.body);
    if (!decoded)
      co_return report_error(decoded.error());
    co_return co_await serve_probe(std::move(*decoded));
  }
  case wire::op::reply:
  case wire::op::working:
    break;
  }
  co_return report_error({atl::errc::corrupt, "a reply came where a request was expected"});
}

// -- answers ------------------------------------------------------------------

atl::status session::admit(bulk_access what, std::string_view token,
                           const fragment_key& key) const {
  const auto& options = shared_.options;
  if (options.authorize)
    if (auto allowed = options.authorize({what, key, token}); !allowed)
      return atl::fail(atl::errc::refused, allowed.error().message);
  return {};
}

/// Sends the refusal and ends the connection, because data may follow the refused request.
awaitable<session::next> session::refuse(const atl::error& why) {
  auto answered = co_await answer_failure(why);
  if (answered == next::serve)
    co_await peer_.linger_and_close(linger_time);
  co_return next::close;
}

session::next session::report_error(const atl::error& why) {
  ++shared_.malformed;
  if (auto held_back = shared_.error_log.pass())
    atl::log::warning(log_role, peer_.peer(), "connection closed: {} ({} more like this)",
                      why.message, *held_back);
  return next::close;
}

awaitable<session::next> session::answer(std::string_view body) {
  auto sent = co_await send_frame(peer_, wire::op::reply, body, wait());
  co_return sent ? next::serve : next::close;
}

awaitable<session::next> session::answer_failure(const atl::error& why) {
  auto body = wire::encode_failure(why);
  co_return co_await answer(body);
}

// -- requests -----------------------------------------------------------------

awaitable<session::next> session::serve_read(wire::read_request request) {
  auto admitted = admit(bulk_access::read, request.token, request.key);
  if (!admitted)
    co_return co_await refuse(admitted.error());
  load_meter::request counted{shared_.load};
  auto opened = open_cached_range(shared_.store, request);
  if (!opened) {
    auto open = [this, &request] { return open_range(shared_.store, request); };
    auto found = co_await on(shared_.disk_readers, open);
    if (!found)
      co_return co_await answer_failure(found.error());
    opened.emplace(std::move(*found));
  }
  auto answered = co_await answer(opened->reply);
  if (answered == next::close)
    co_return next::close;
  const auto& range = opened->range;
  auto sent = co_await peer_.send_file(opened->fragment.file.fd(), range.start, range.length,
                                       wait(), shared_.disk_readers);
  if (!sent && sent.error().code == atl::errc::io) {
    // Moves the fragment aside if it can't be read.
    auto check = [this, &request] { (void)shared_.store.check(request.key); };
    co_await on(shared_.disk_readers, check);
  }
  if (!sent)
    co_return next::close;
  shared_.read_bytes += range.length;
  counted.has_read();
  co_return next::serve;
}

awaitable<session::next> session::serve_write(wire::write_request request) {
  fragment_key key{request.chunk, request.targets.front().fragment};
  auto permitted = admit(bulk_access::write, request.token, key);
  if (!permitted)
    co_return co_await refuse(permitted.error());
  auto admitted = shared_.writes.admit(request.size);
  if (!admitted) {
    ++shared_.busy;
    atl::error why{atl::errc::busy,
                   fmt::format("{} bytes of writes are under way and {} are allowed at once "
                               "(node.write_buffer); try again",
                               shared_.writes.bytes_under_way(), shared_.writes.bytes_max())};
    co_return co_await refuse(why);
  }
  if (request.await_go) {
    auto told = co_await send_frame(peer_, wire::op::working, {}, wait());
    if (!told)
      co_return next::close;
  }
  load_meter::request counted{shared_.load};
  relay pipeline{shared_, context_, peer_, std::move(request)};
  relay_ = &pipeline;
  auto results = co_await pipeline.run();
  relay_ = nullptr;
  if (!results)
    co_return next::close;
  auto body = wire::encode_success(wire::encode(*results));
  co_return co_await answer(body);
}

awaitable<session::next> session::serve_report(wire::report_request request) {
  auto admitted = admit(bulk_access::report_damage, request.token, request.key);
  if (!admitted)
    co_return co_await refuse(admitted.error());
  fragment_condition found;
  auto check = [this, &request, &found] {
    return shared_.store.check(
        request.key, {.content_crc = request.content_crc, .found_crc = &found.content_crc});
  };
  auto intact = co_await on(shared_.disk_readers, check);
  if (!intact)
    co_return co_await answer_failure(intact.error());
  found.is_intact = *intact;
  auto body = wire::encode_success(wire::encode(found));
  co_return co_await answer(body);
}

awaitable<session::next> session::serve_copy(wire::copy_request request) {
  auto admitted = admit(bulk_access::copy, request.token, request.key);
  if (!admitted)
    co_return co_await refuse(admitted.error());
  load_meter::request counted{shared_.load};
  fragment_copy copy{shared_, context_, peer_, std::move(request)};
  copy_ = &copy;
  auto done = co_await copy.run();
  copy_ = nullptr;
  if (!done)
    co_return co_await answer_failure(done.error());
  auto body = wire::encode_success();
  co_return co_await answer(body);
}

awaitable<session::next> session::serve_probe(wire::probe_request request) {
  auto admitted = admit(bulk_access::probe, request.token, {});
  if (!admitted)
    co_return co_await refuse(admitted.error());
  auto body = wire::encode_success(wire::encode(shared_.load.load()));
  co_return co_await answer(body);
}

} // namespace dfs
