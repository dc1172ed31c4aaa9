#pragma once

#include <atoll/spi/recovery.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace atl::coded {

/// The reads of a plan: ranges of fragments, of which those that overlap or touch become one read.
class read_list {
 public:
  /// Adds the bytes from `begin` up to `end`; nothing if there are none.
  void add(std::uint32_t fragment, std::size_t begin, std::size_t end);

  /// In the order of the fragments and their bytes.
  std::vector<spi::fragment_range> merged() const;

 private:
  std::vector<spi::fragment_range> ranges_;
};

} // namespace atl::coded
