#include "bulk/block_receiver.hpp"

#include <atoll/net/net_limits.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace dfs {

block_receiver::block_receiver(const wire::read_reply& about, std::uint64_t offset,
                               std::span<std::byte> into, std::span<std::byte> scratch)
    : about_{about}, into_{into} {
  const auto& range = about.range;
  if (range.length == 0)
    return;
  auto end = std::min<std::uint64_t>(offset + into.size(), about.fragment_size);
  auto range_end = range.start + range.length;
  skip_ = offset - range.start;
  wanted_ = end - offset;
  auto& [first, whole, last] = pieces_;
  if (skip_ > 0)
    first = {scratch.data(), std::min<std::uint64_t>(block_size, range.length)};
  if (end < range_end && first.size < range.length)
    last = {scratch.data() + block_size, (range.length - 1) % block_size + 1};
  whole.size = range.length - first.size - last.size;
  if (whole.size > 0)
    whole.data = into.data() + (first.size - skip_);
}

std::size_t block_receiver::buffers_after(std::uint64_t received,
                                          std::array<boost::asio::mutable_buffer, 3>& into) const {
  std::size_t count = 0;
  for (const auto& each : pieces_) {
    auto done = std::min<std::uint64_t>(received, each.size);
    received -= done;
    if (done < each.size)
      into[count++] = {each.data + done, each.size - done};
  }
  return count;
}

boost::asio::awaitable<atl::result<std::size_t>>
block_receiver::receive(atl::net::tcp_stream& over, atl::net::io_timeout wait,
                        const std::function<void()>& on_bytes) {
  bool intact = true;
  std::size_t in_turn = 0;
  for (std::uint64_t received = 0; received < about_.range.length;) {
    std::array<boost::asio::mutable_buffer, 3> rest;
    auto count = buffers_after(received, rest);
    auto got = co_await over.read_some(std::span{rest}.first(count), wait);
    if (!got)
      co_return got;
    received += *got;
    if (on_bytes)
      on_bytes();
    intact = check(received) && intact;
    in_turn += *got;
    if (in_turn >= atl::net::stream_turn_bytes) { // others get their turn
      in_turn = 0;
      co_await boost::asio::post(boost::asio::use_awaitable);
    }
    if (std::chrono::steady_clock::now() > wait.deadline)
      co_return atl::fail(atl::errc::timeout, over.peer() + " sends its blocks too slowly");
  }
  if (!intact)
    co_return atl::fail(atl::errc::corrupt,
                        over.peer() + " sent blocks that do not match their checksums");
  copy_edges();
  co_return wanted_;
}

/// Checks the blocks that are complete, while they are in the processor's cache.
bool block_receiver::check(std::uint64_t received) {
  for (;;) {
    auto size = std::min<std::uint64_t>(block_size, about_.range.length - checked_);
    if (size == 0 || checked_ + size > received)
      return true;
    if (block_crc({at(checked_), size}) != about_.crcs[checked_ / block_size]) {
      checked_ = about_.range.length; // the rest need not be checked
      return false;
    }
    checked_ += size;
  }
}

/// The buffer that receives a byte of the range; no block spans two pieces.
std::byte* block_receiver::at(std::uint64_t position) const {
  const auto* in = pieces_.data();
  for (; position >= in->size; ++in)
    position -= in->size;
  return in->data + position;
}

void block_receiver::copy_edges() const {
  const auto& [first, whole, last] = pieces_;
  auto from_first = std::min(wanted_, first.size - std::min<std::size_t>(first.size, skip_));
  if (from_first > 0)
    std::memcpy(into_.data(), first.data + skip_, from_first);
  auto before_last = from_first + whole.size;
  if (last.size > 0)
    std::memcpy(into_.data() + before_last, last.data, wanted_ - before_last);
}

} // namespace dfs
