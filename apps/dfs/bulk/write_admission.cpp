#include "bulk/write_admission.hpp"

#include <utility>

namespace dfs {

write_admission::ticket::ticket(ticket&& other) noexcept
    : from_{std::exchange(other.from_, nullptr)}, bytes_{other.bytes_} {}

write_admission::ticket::~ticket() {
  if (!from_)
    return;
  std::lock_guard lock{from_->mutex_};
  from_->bytes_ -= bytes_;
}

std::optional<write_admission::ticket> write_admission::admit(std::uint64_t bytes) {
  std::lock_guard lock{mutex_};
  if (bytes_ > 0 && (bytes > bytes_max_ || bytes_ > bytes_max_ - bytes))
    return std::nullopt;
  bytes_ += bytes;
  return ticket{*this, bytes};
}

std::uint64_t write_admission::bytes_under_way() const {
  std::lock_guard lock{mutex_};
  return bytes_;
}

} // namespace dfs
