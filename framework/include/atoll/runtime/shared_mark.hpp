#pragma once

#include <atoll/runtime/node_info.hpp>

#include <atomic>
#include <cstdint>

namespace atl::runtime {

/// A replica's mark, written by the replica and read by its connections. Thread-safe.
class shared_mark {
 public:
  explicit shared_mark(std::uint64_t incarnation) : incarnation_{incarnation} {}

  void write(std::uint64_t term, spi::log_index entry) {
    term_ = term;
    entry_ = entry;
  }
  void write_space(bool is_short) { short_of_space_ = is_short; }
  replica_mark read() const { return {incarnation_, term_, entry_, short_of_space_}; }

 private:
  const std::uint64_t incarnation_;
  std::atomic<std::uint64_t> term_{0};
  std::atomic<spi::log_index> entry_{0};
  std::atomic<bool> short_of_space_{false};
};

} // namespace atl::runtime
