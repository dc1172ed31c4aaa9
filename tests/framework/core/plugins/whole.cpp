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

/// For the interface that the definitions say, as if it were built with the headers of that one.
constexpr descriptor described() {
  auto made = plugin_declaration<plugin_kind::recovery>{ATOLL_DETAIL_TEXT(WHOLE_NAME), "0.1.0"} +
              plugin_info<plugin_kind::recovery>{
                  .summary = "Stores a chunk as it is",
                  .licence = "MIT",
                  .create = [](const recovery_setup&) -> recovery* { return new whole; },
              };
  made.interface = {ATOLL_SPI_recovery_MAJOR, ATOLL_SPI_recovery_MINOR};
  return made;
}

} // namespace

#define WHOLE_PLUGIN(name)                                                                         \
  extern "C"                                                                                       \
      __attribute__((visibility("default"))) constinit const descriptor ATOLL_PLUGIN_SYMBOL(       \
          recovery, name, 0, 1, 0) = described();
WHOLE_PLUGIN(WHOLE_NAME)
