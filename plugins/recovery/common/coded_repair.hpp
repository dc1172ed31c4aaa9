#pragma once

#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// Judging and planning for codes with parity.
namespace atl::coded {

/// What judging and planning need to know of a code. Thread-safe.
class code_losses {
 public:
  explicit code_losses(std::uint32_t total) : total_{total} {}
  virtual ~code_losses() = default;

  std::uint32_t total() const { return total_; }

  /// How many of the copies can be lost, whichever they are, before the chunk can't be decoded.
  /// None: it can't be decoded from what there is.
  /// @param copies of each fragment, in order and on different nodes
  virtual std::optional<std::uint32_t> spare(std::span<const std::uint32_t> copies) const = 0;

  /// The fragments to read for a fragment that is made again, the best ones first: enough to
  /// decode the chunk.
  /// @param present which fragments there are; enough, and not the wanted one
  virtual std::vector<std::uint32_t> sources(std::uint32_t wanted,
                                             const std::vector<bool>& present) const = 0;

 protected:
  code_losses(const code_losses&) = default;
  code_losses& operator=(const code_losses&) = default;

 private:
  std::uint32_t total_;
};

/// The other fragments that are present, beginning after the wanted one: so other fragments of a
/// chunk are read from other ones first, which spreads the load.
std::vector<std::uint32_t> others_in_turn(std::uint32_t wanted, const std::vector<bool>& present);

spi::verdict judge(const code_losses& code, const spi::chunk_report& report);

/// First all rebuilds, those of the chunks that survive the fewest losses before others. A fragment
/// is missing if it is in order nowhere. Then drops of damaged and surplus fragments of chunks of
/// which nothing is missing.
std::vector<spi::repair_step> plan(const code_losses& code,
                                   std::span<const spi::chunk_report> reports);

} // namespace atl::coded
