#include <atoll/spi/recovery.hpp>

#include <algorithm>

using namespace atl::spi;

/// Two halves and their XOR on three nodes, any two of which suffice; but it decodes the
/// second half and the XOR wrongly. The mistake shows only when a node is
/// down.
struct liar : recovery {
  fragment_layout layout() const override {
    return {.total = 3, .needed = 2, .min_write = 3, .identical = false};
  }

  static std::size_t half(std::size_t size) { return (size + 1) / 2; }

  std::size_t fragment_size(std::size_t size, std::uint32_t index) const override {
    return index == 1 ? size - half(size) : half(size);
  }

  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    auto left = chunk.substr(0, half(chunk.size()));
    auto right = chunk.substr(left.size());
    scratch = left;
    for (std::size_t i = 0; i < right.size(); ++i)
      scratch[i] = static_cast<char>(scratch[i] ^ right[i]);
    return {left, right, scratch};
  }

  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string& scratch) const override {
    auto &left = fragments[0], &right = fragments[1], &both = fragments[2];
    if (left && right) {
      scratch = *left;
      scratch += *right;
    } else if (left && both) {
      scratch = *left;
      for (std::size_t i = 0; i < size - left->size(); ++i)
        scratch += static_cast<char>((*left)[i] ^ (*both)[i]);
    } else if (right && both) {
      scratch = *both; // the correct value is the XOR of the two
      scratch += *right;
    } else {
      return std::nullopt;
    }
    return scratch;
  }

  bool enough(const std::vector<bool>& present) const override {
    return std::count(present.begin(), present.end(), true) >= 2;
  }
  verdict judge(const chunk_report&) const override { return {}; }
  std::vector<repair_step> plan(std::span<const chunk_report>) const override { return {}; }
};

ATOLL_PLUGIN(recovery, liar, 1, 0, 0){
    .summary = "Decodes wrongly when one fragment is gone, for tests",
    .licence = "Apache-2.0",
    .create = [](const recovery_setup&) -> recovery* { return new liar; },
};
