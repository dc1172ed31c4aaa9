#include "bulk/session.hpp"

#include "bulk/connection.hpp"

#include <atoll/core/logging.hpp>

#include <fmt/format.h>

namespace dfs {

namespace {

constexpr std::string_view log_role = "bulk";

} // namespace

void session::run(int fd) {
  if (!socket_.adopt(fd))
    return;
  while (!loop_.interrupted() && serve_next()) {
  }
  socket_.close();
}

io_timeout session::wait() const {
  return {shared_.options.timeouts.progress, steady::now() + request_time_max};
}

bool session::serve_next() {
  // Header and body are short, so they must arrive at once.
  auto idle = shared_.options.idle_time;
  auto body = shared_.options.timeouts.progress;
  auto request =
      receive_frame(socket_, {idle, steady::now() + idle}, {body, steady::now() + idle + body});
  if (request)
    return serve(*request);
  auto code = request.error().code;
  if (code == atl::errc::corrupt || code == atl::errc::refused)
    report_error(request.error());
  return false;
}

bool session::serve(const frame& request) {
  switch (request.what) {
  case wire::op::read: {
    auto decoded = wire::decode_read(request.body);
    return decoded ? serve_read(*decoded) : report_error(decoded.error());
  }
  case wire::op::write: {
    auto decoded = wire::decode_write(request.body);
    return decoded ? serve_write(std::move(*decoded)) : report_error(decoded.error());
  }
  case wire::op::report_damage: {
    auto decoded = wire::decode_report(request.body);
    return decoded ? serve_report(*decoded) : report_error(decoded.error());
  }
  case wire::op::copy: {
    auto decoded = wire::decode_copy(request.body);
    return decoded ? serve_copy(*decoded) : report_error(decoded.error());
  }
  case wire::op::probe: {
    auto decoded = wire::decode_probe(request.body);
    return decoded ? serve_probe(*decoded) : report_error(decoded.error());
  }
  case wire::op::reply:
  case wire::op::working:
    break;
  }
  return report_error({atl::errc::corrupt, "a reply came where a request was expected"});
}

// -- who may ------------------------------------------------------------------

bool session::admit(bulk_access what, std::string_view token, const fragment_key& key) {
  const auto& options = shared_.options;
  if (options.authorize)
    if (auto allowed = options.authorize({what, key, token}); !allowed)
      return refuse({atl::errc::refused, allowed.error().message});
  return true;
}

/// Sends the refusal and ends the connection, because data may follow the refused request.
bool session::refuse(const atl::error& why) {
  if (answer(why))
    socket_.linger_and_close();
  return false;
}

bool session::report_error(const atl::error& why) {
  ++shared_.malformed;
  if (auto held_back = shared_.error_log.pass())
    atl::log::warning(log_role, socket_.peer(), "connection closed: {} ({} more like this)",
                      why.message, *held_back);
  return false;
}

bool session::answer(std::string_view body) {
  return send_frame(socket_, wire::op::reply, body, wait()).has_value();
}

// -- requests -----------------------------------------------------------------

bool session::serve_read(const wire::read_request& request) {
  if (!admit(bulk_access::read, request.token, request.key))
    return false;
  load_meter::request counted{shared_.load};
  auto opened = shared_.store.open(request.key);
  if (!opened)
    return answer(opened.error());
  auto range = wire::covering(request.offset, request.length, opened->size);
  auto crcs =
      std::span{opened->block_crcs}.subspan(range.start / block_size, block_count(range.length));
  wire::read_reply about{opened->size, range, {crcs.begin(), crcs.end()}};
  opened->file.will_need(range.start, range.length);
  if (!answer(wire::encode_success(wire::encode(about))))
    return false;
  auto sent = socket_.send_file(opened->file.fd(), range.start, range.length, wait());
  if (!sent && sent.error().code == atl::errc::io)
    (void)shared_.store.check(request.key); // moves the fragment aside if it can't be read
  if (sent) {
    shared_.read_bytes += range.length;
    counted.has_read();
  }
  return sent.has_value();
}

bool session::serve_write(wire::write_request request) {
  fragment_key key{request.chunk, request.targets.front().fragment};
  if (!admit(bulk_access::write, request.token, key))
    return false;
  auto admitted = shared_.writes.admit(request.size);
  if (!admitted) {
    ++shared_.busy;
    return refuse({atl::errc::busy,
                   fmt::format("{} bytes of writes are under way and {} are allowed at once "
                               "(node.write_buffer); try again",
                               shared_.writes.bytes_under_way(), shared_.writes.bytes_max())});
  }
  if (request.await_go && !send_frame(socket_, wire::op::working, {}, wait()))
    return false;
  load_meter::request counted{shared_.load};
  if (!buffers_)
    buffers_.emplace();
  auto results = relay{shared_, loop_, socket_, *buffers_, std::move(request)}.run();
  return results && answer(wire::encode_success(wire::encode(*results)));
}

bool session::serve_report(const wire::report_request& request) {
  if (!admit(bulk_access::report_damage, request.token, request.key))
    return false;
  auto intact = shared_.store.check(request.key);
  return intact ? answer(wire::encode_success(wire::encode_report_reply(*intact)))
                : answer(intact.error());
}

bool session::serve_copy(const wire::copy_request& request) {
  if (!admit(bulk_access::copy, request.token, request.key))
    return false;
  load_meter::request counted{shared_.load};
  auto done = copy(request);
  return done ? answer(wire::encode_success()) : answer(done.error());
}

bool session::serve_probe(const wire::probe_request& request) {
  if (!admit(bulk_access::probe, request.token, {}))
    return false;
  return answer(wire::encode_success(wire::encode(shared_.load.load())));
}

atl::status session::copy(const wire::copy_request& request) {
  const auto& options = shared_.options;
  bulk_connection source{
      request.source, {shared_.self(), options.secret, request.token, options.timeouts}, loop_};
  std::optional<chunk_writer> writer;
  auto next_sign = steady::now() + options.timeouts.progress / 4;
  bulk_connection::fetch_handler handler;
  handler.begin = [&](std::uint64_t size) -> atl::status {
    auto begun = shared_.store.begin(request.key, size);
    if (!begun)
      return tl::unexpected{begun.error()};
    writer.emplace(std::move(*begun));
    return {};
  };
  handler.piece = [&](std::span<const std::byte> bytes, std::span<const std::uint32_t> crcs) {
    if (steady::now() >= next_sign) {
      next_sign = steady::now() + options.timeouts.progress / 4;
      if (auto told = send_frame(socket_, wire::op::working, {}, wait()); !told)
        return told;
    }
    return writer->append(bytes, crcs);
  };
  auto fetched = source.fetch_fragment({request.key.chunk, request.source_fragment}, handler);
  if (!fetched)
    return fetched;
  auto size = writer->size();
  pulse::guard alive{shared_.signs, socket_.native_handle(), options.timeouts.progress / 4};
  auto committed = writer->commit(durability::fsync);
  if (committed)
    shared_.written_bytes += size;
  return committed;
}

} // namespace dfs
