#include "bulk/async_attempt.hpp"
#include "bulk/async_connection.hpp"
#include "bulk/block_receiver.hpp"

#include <algorithm>

namespace dfs {

using boost::asio::awaitable;

awaitable<atl::result<std::size_t>>
async_bulk_connection::read_fragment(fragment_key key, std::uint64_t offset,
                                     std::span<std::byte> into) {
  auto got = co_await read_range(key, offset, into);
  if (!got)
    co_return tl::unexpected{got.error()};
  co_return got->bytes;
}

awaitable<atl::result<std::uint64_t>>
async_bulk_connection::read_whole_fragment(fragment_key key, std::span<std::byte> into) {
  auto got = co_await read_range(key, 0, into);
  if (!got)
    co_return tl::unexpected{got.error()};
  co_return got->fragment_size;
}

awaitable<atl::result<async_bulk_connection::read_outcome>>
async_bulk_connection::read_range(fragment_key key, std::uint64_t offset,
                                  std::span<std::byte> into) {
  auto start = [this, key, offset, into] { return read_once(key, offset, into); };
  co_return co_await attempt<read_outcome>(start);
}

awaitable<atl::result<async_bulk_connection::read_outcome>>
async_bulk_connection::read_once(fragment_key key, std::uint64_t offset,
                                 std::span<std::byte> into) {
  wire::read_request asked{options_.token, key, offset, into.size()};
  auto body = wire::encode(asked);
  auto answer = co_await ask(wire::op::read, body);
  if (!answer)
    co_return tl::unexpected{answer.error()};
  auto about = wire::decode_read_reply(*answer, offset, into.size());
  if (!about)
    co_return tl::unexpected{broken(about.error())};
  if (scratch_.empty())
    scratch_.resize(2 * block_size);
  if (on_bytes_)
    on_bytes_();
  block_receiver blocks{*about, offset, into, scratch_};
  auto got = co_await blocks.receive(stream_, wait(), on_bytes_);
  if (got)
    co_return read_outcome{*got, about->fragment_size};
  if (got.error().code != atl::errc::corrupt)
    co_return tl::unexpected{broken(got.error())};
  co_return tl::unexpected{got.error()};
}

awaitable<atl::status> async_bulk_connection::fetch_fragment(fragment_key key,
                                                             fragment_sink& sink) {
  auto start = [this, key, &sink] { return fetch_once(key, sink); };
  auto done = co_await attempt<bool>(start);
  if (!done)
    co_return tl::unexpected{done.error()};
  co_return atl::status{};
}

awaitable<atl::result<bool>> async_bulk_connection::fetch_once(fragment_key key,
                                                               fragment_sink& sink) {
  constexpr auto all = fragment_bytes_max;
  wire::read_request asked{options_.token, key, 0, all};
  auto body = wire::encode(asked);
  auto answer = co_await ask(wire::op::read, body);
  if (!answer)
    co_return tl::unexpected{answer.error()};
  auto about = wire::decode_read_reply(*answer, 0, all);
  if (!about)
    co_return tl::unexpected{broken(about.error())};
  auto begun = co_await sink.begin(about->fragment_size);
  if (!begun) {
    stream_.close(); // in front of the data
    co_return tl::unexpected{begun.error()};
  }
  auto received = co_await receive_pieces(*about, sink);
  if (!received) {
    stream_.close(); // in the middle of the data
    co_return tl::unexpected{received.error()};
  }
  co_return true;
}

awaitable<atl::status> async_bulk_connection::receive_pieces(const wire::read_reply& about,
                                                             fragment_sink& sink) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(batch_size, about.fragment_size));
  auto timeout = wait();
  for (std::uint64_t at = 0; at < about.fragment_size; at += buffer.size()) {
    auto size = std::min<std::uint64_t>(buffer.size(), about.fragment_size - at);
    auto got = co_await stream_.read(buffer.data(), size, timeout);
    if (!got)
      co_return got;
    auto crcs = std::span{about.crcs}.subspan(at / block_size, block_count(size));
    auto taken = co_await sink.take(std::span{buffer}.first(size), crcs);
    if (!taken)
      co_return taken;
  }
  co_return atl::status{};
}

} // namespace dfs
