// A scheme that stores one fragment, the chunk itself.
#include <atoll/spi/recovery.hpp>

#include <stdexcept>

#ifndef WHOLE_NAME
#define WHOLE_NAME whole
#endif
#ifdef WHOLE_MAJOR
#undef ATOLL_SPI_recovery_MAJOR
#define ATOLL_SPI_recovery_MAJOR WHOLE_MAJOR
#endif
#ifdef WHOLE_MINOR
#undef ATOLL_SPI_recovery_MINOR
#define ATOLL_SPI_recovery_MINOR WHOLE_MINOR
#endif
#ifndef WHOLE_LAYOUT
#define WHOLE_LAYOUT                                                                               \
  return {}
#endif

namespace {

using namespace atl::spi;

class whole : public recovery {
 public:
  fragment_layout layout() const override { WHOLE_LAYOUT; }
  std::vector<std::string_view> encode(std::string_view chunk, std::string&) const override {
    return {chunk};
  }
  std::optional<std::string_view> decode(std::size_t,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string&) const override {
    return fragments.front();
  }
  std::size_t fragment_size(std::size_t size, std::uint32_t) const override { return size; }
  bool enough(const std::vector<bool>& present) const override { return present.front(); }
  verdict judge(const chunk_report&) const override { return {}; }
  std::vector<repair_step> plan(std::span<const chunk_report>) const override { return {}; }
};

} // namespace

#define WHOLE_PLUGIN(name) ATOLL_PLUGIN(recovery, name, 0, 1, 0)
WHOLE_PLUGIN(WHOLE_NAME){
    .summary = "Stores a chunk as it is",
    .licence = "MIT",
    .create = [](const recovery_setup&) -> recovery* { return new whole; },
};
