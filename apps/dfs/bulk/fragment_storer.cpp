#include "bulk/fragment_storer.hpp"

#include <atoll/core/crc32c.hpp>

#include <fmt/format.h>

#include <utility>

namespace dfs {

using atl::net::on;
using boost::asio::awaitable;

fragment_storer::fragment_storer(fragment_store& store, atl::net::worker_pool& disk,
                                 fragment_key key, std::optional<std::uint64_t> expected_size)
    : store_{store}, disk_{disk}, key_{key}, expected_size_{expected_size} {}

awaitable<atl::status> fragment_storer::begin(std::uint64_t size) {
  if (expected_size_ && size != *expected_size_)
    co_return atl::fail(atl::errc::corrupt,
                        fmt::format("its fragment has {} bytes, and fragment {} must have {}", size,
                                    to_string(key_), *expected_size_));
  auto work = [this, size]() -> atl::status {
    auto begun = store_.begin(key_, size);
    if (!begun)
      return tl::unexpected{begun.error()};
    writer_.emplace(std::move(*begun));
    return {};
  };
  auto begun = co_await on(disk_, work);
  has_failed_here_ = !begun;
  co_return begun;
}

awaitable<atl::status> fragment_storer::take(std::span<const std::byte> bytes,
                                             std::span<const std::uint32_t> crcs) {
  auto work = [this, bytes, crcs] {
    content_crc_ =
        atl::crc32c({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, content_crc_);
    return writer_->append(bytes, crcs);
  };
  auto written = co_await on(disk_, work);
  has_failed_here_ = !written && written.error().code != atl::errc::corrupt;
  co_return written;
}

awaitable<atl::status> fragment_storer::commit(durability how) {
  auto work = [this, how] { return writer_->commit(how); };
  auto committed = co_await on(disk_, work);
  has_failed_here_ = !committed;
  co_return committed;
}

awaitable<void> fragment_storer::drop() {
  if (!writer_)
    co_return;
  auto work = [this] { writer_.reset(); };
  co_await on(disk_, work);
}

} // namespace dfs
